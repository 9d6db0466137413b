//! A sink that makes a recording.

use core::fmt;

use super::{Line, Redaction, Sink};

/// A [`Sink`] that makes a recording. It passes each line, with its line end, to a function of the
/// driver.
///
/// A recording covers one client (or one pool, call or dial) from its beginning, so set the sink
/// before the first event. See [`replay`](crate::replay) for the format.
///
/// ```
/// use std::{fmt::Write, sync::{Arc, Mutex}};
/// use httpool::{
///     limits::PoolLimits,
///     pool::{Dialing, Pool},
///     replay,
///     trace::{Recorder, Redaction, Trace, Who},
/// };
///
/// let text = Arc::new(Mutex::new(String::new()));
/// let to = text.clone();
/// let recorder = Recorder::new(Redaction::default(), move |line| {
///     to.lock().unwrap().write_fmt(line).unwrap();
/// });
/// let mut pool = Pool::<()>::new(PoolLimits::default(), Dialing::Shared);
/// pool.set_trace(Trace::new(Arc::new(recorder), Who::Pool));
/// pool.close();
///
/// let text = text.lock().unwrap();
/// assert!(text.starts_with("httpool-record 2\n"));
/// assert!(text.ends_with("0.000000000 pool < close\n"));
/// replay::check(&text)?;
/// # Ok::<(), replay::Error>(())
/// ```
pub struct Recorder<W> {
    redaction: Redaction,
    write: W,
}

impl<W: Fn(fmt::Arguments<'_>) + Send + Sync> Recorder<W> {
    /// Makes a recorder, which writes the first two lines at once. `write` may be called under a
    /// driver's lock of a machine, so it must not call that machine.
    pub fn new(redaction: Redaction, write: W) -> Self {
        write(format_args!("{}\n", crate::replay::VERSION));
        write(format_args!("{}\n", redaction.header()));
        Self { redaction, write }
    }
}

impl<W: Fn(fmt::Arguments<'_>) + Send + Sync> Sink for Recorder<W> {
    fn line(&self, _: &Line<'_>) {}

    fn recording(&self) -> Option<&Redaction> {
        Some(&self.redaction)
    }

    fn record(&self, line: &Line<'_>) {
        (self.write)(format_args!("{}\n", line.recorded()));
    }
}

impl<W> fmt::Debug for Recorder<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder({:?})", self.redaction)
    }
}
