//! Handles SIGINT, SIGTERM and SIGHUP: cancels the calls, removes the partial file and reports how
//! much was received.
//!
//! A thread waits for the signals. `signal-hook` provides the signal handler, so none of our code
//! runs in one. (`ctrlc` does not report which signal came, and each has an exit code of its own.)
//! Cancelling makes the call end with an error, and the program with it. That may take longer than
//! [`PATIENCE`] if the program waits for standard input, or for a reader of standard output that
//! does not read. Then, or on a second signal, the thread removes the partial file and ends the
//! program itself.
//!
//! A signal that was ignored when the program began stays ignored, as with `nohup`.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use httpool_blocking::Cancel;

#[cfg(unix)]
use crate::status;
use crate::{
    exit::{Failed, Kind},
    record::Record,
};

/// How long a cancelled call may take to end.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(1);

/// The signal that came, and the state to report and to clean up.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancel: Cancel,
    /// The signal that came.
    caught: Mutex<Option<Kind>>,
    /// Whether a thread has begun to report the signal to the user.
    told: AtomicBool,
    partial: Mutex<Vec<PathBuf>>,
    /// The number of transfers that have ended.
    ended: AtomicU64,
    doing: Mutex<Doing>,
    /// The number of bytes or requests of the current work that are done.
    done: AtomicU64,
}

/// The current work of the program.
#[derive(Debug, Clone, Copy, Default)]
enum Doing {
    /// Waiting for a response.
    #[default]
    Asking,
    /// Receiving a body, of this many bytes if known.
    Receiving(Option<u64>),
    /// Making this many requests.
    Loading(u64),
    /// Making this many transfers.
    Several(usize),
}

impl Interrupt {
    /// Watches for signals from now on. If a signal ends the program, it flushes `record`, and with
    /// `json` prints an error object.
    pub(crate) fn watch(record: Option<&Record>, json: bool) -> Result<Self, Failed> {
        let interrupt = Self::default();
        interrupt.listen(record.cloned(), json).map_err(|why| Failed::system("signals", &why))?;
        Ok(interrupt)
    }

    /// Returns the handle that cancels the calls when a signal comes.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.0.cancel
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        locked(&self.0.caught).is_some()
    }

    /// Notes that a response's head came, and the length of its body if known.
    pub(crate) fn receives(&self, total: Option<u64>) {
        let mut doing = locked(&self.0.doing);
        if !matches!(*doing, Doing::Several(_)) {
            *doing = Doing::Receiving(total);
            self.0.done.store(0, Ordering::Relaxed);
        }
    }

    /// Notes that `total` transfers are to be made.
    pub(crate) fn transfers(&self, total: usize) {
        *locked(&self.0.doing) = Doing::Several(total);
    }

    /// Notes that a transfer has ended.
    pub(crate) fn transferred(&self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits. Returns true early if a signal comes.
    pub(crate) fn waited(&self, time: Duration) -> bool {
        const STEP: Duration = Duration::from_millis(20);
        let begun = Instant::now();
        while !self.came() {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(STEP));
        }
        true
    }

    /// Notes that `total` requests are to be made.
    pub(crate) fn loads(&self, total: u64) {
        *locked(&self.0.doing) = Doing::Loading(total);
    }

    /// Notes that `more` bytes were received, or requests made.
    pub(crate) fn done(&self, more: usize) {
        self.0.done.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// Notes that there is a partial file, which is to be removed on a signal.
    pub(crate) fn has_partial(&self, path: &Path) {
        locked(&self.0.partial).push(path.to_owned());
    }

    /// Renames a complete partial file to `name`.
    pub(crate) fn rename_partial(&self, path: &Path, name: &Path) -> io::Result<()> {
        let mut partial = locked(&self.0.partial);
        if partial.iter().any(|it| it == path) {
            fs::rename(path, name)?;
        }
        partial.retain(|it| it != path);
        Ok(())
    }

    /// Removes a partial file, unless it has been renamed.
    pub(crate) fn remove_partial(&self, path: &Path) {
        let mut partial = locked(&self.0.partial);
        if partial.iter().any(|it| it == path) {
            // Ignores the error, because another failure is being reported.
            fs::remove_file(path).ok();
        }
        partial.retain(|it| it != path);
    }

    /// Removes all partial files.
    #[cfg(unix)]
    fn remove_all(&self) {
        for path in std::mem::take(&mut *locked(&self.0.partial)) {
            fs::remove_file(path).ok();
        }
    }

    /// Returns the result of a request or a load. If a signal caused the failure, the result names
    /// the signal.
    pub(crate) fn explain(&self, sent: Result<(), Failed>) -> Result<(), Failed> {
        let caught = *locked(&self.0.caught);
        match (sent, caught) {
            (Err(failed), Some(kind)) if failed.kind != Kind::ReaderGone => {
                self.claim();
                Err(self.failed(kind).behind(failed))
            }
            (sent, _) => sent,
        }
    }

    /// Fails if a signal came.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        let caught = *locked(&self.0.caught);
        caught.map_or(Ok(()), |kind| Err(self.failed(kind)))
    }

    /// Claims the report of the signal. Only one thread reports it and ends the program; others
    /// stop here.
    fn claim(&self) {
        if self.0.told.swap(true, Ordering::SeqCst) {
            loop {
                std::thread::park();
            }
        }
    }

    fn failed(&self, kind: Kind) -> Failed {
        let (signal, done) = (kind.name(), self.0.done.load(Ordering::Relaxed));
        let of = |total: u64| format!("{done} of {total}");
        let (got, body_bytes) = match *locked(&self.0.doing) {
            Doing::Asking => ("no answer came".to_owned(), Some(0)),
            Doing::Receiving(None) => (format!("{done} bytes of the body came"), Some(done)),
            Doing::Receiving(Some(total)) => {
                (format!("{} bytes of the body came", of(total)), Some(done))
            }
            Doing::Loading(total) => (format!("{} requests were made", of(total)), None),
            Doing::Several(total) => {
                let ended = self.0.ended.load(Ordering::Relaxed);
                (format!("{ended} of {total} transfers were made"), None)
            }
        };
        Failed::new(kind, format!("ended by {signal}: {got}")).body_bytes(body_bytes)
    }

    #[cfg(not(unix))]
    fn listen(&self, _: Option<Record>, _: bool) -> io::Result<()> {
        Ok(())
    }

    #[cfg(unix)]
    fn listen(&self, record: Option<Record>, json: bool) -> io::Result<()> {
        let ignored = ignored();
        let wanted = Kind::SIGNALS.into_iter().filter_map(Kind::signal);
        let wanted = wanted.filter(|signal| ignored >> (signal - 1) & 1 == 0);
        let mut signals = signal_hook::iterator::Signals::new(wanted)?;
        let interrupt = self.clone();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            let first = signals.forever().find_map(Kind::of_signal);
            let Some(kind) = first else { return };
            *locked(&interrupt.0.caught) = Some(kind);
            interrupt.0.cancel.cancel();
            // The program usually ends during this wait.
            const STEP: Duration = Duration::from_millis(20);
            let mut waited = Duration::ZERO;
            while waited < PATIENCE && signals.pending().next().is_none() {
                std::thread::sleep(STEP);
                waited += STEP;
            }
            interrupt.end(kind, record.as_ref(), json);
        })?;
        Ok(())
    }

    /// Ends the program, without waiting for its other threads.
    #[cfg(unix)]
    fn end(&self, kind: Kind, record: Option<&Record>, json: bool) {
        if self.0.told.swap(true, Ordering::SeqCst) {
            // Another thread has reported the signal, and is about to end the program.
            std::thread::sleep(PATIENCE);
            std::process::exit(kind.code().into());
        }
        self.remove_all();
        if let Some(record) = record {
            record.flush_now();
        }
        status::end();
        self.failed(kind).report(json, false);
        std::process::exit(kind.code().into());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns the signals that were ignored when the program began, the first one in the lowest bit.
/// Only Linux reports them; elsewhere none are returned.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
