//! How a driver is set up.

use std::{fmt, io, ops::Range, sync::Arc};

use httpool_kit::Settings;
use mio::{Poll, Registry, Token, Waker};

use crate::{
    client::Client,
    driver::{self, Driver},
    embedded::Embedded,
    names::Names,
};

/// The settings of a [`Driver`], or of an [`Embedded`] one.
///
/// ```
/// use std::time::Duration;
///
/// use httpool_mio::{Driver, httpool::call::{Redirect, Retry}};
///
/// let driver = Driver::builder()
///     .timeout(Duration::from_secs(30))
///     .redirect(Redirect::none())
///     .retry(Retry::new(3))
///     .default_header("Accept", "application/json")
///     .build()?;
/// # drop(driver);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a driver is made by `build`"]
pub struct DriverBuilder {
    settings: Settings,
    waker: Option<Arc<Waker>>,
}

impl DriverBuilder {
    pub(crate) fn new() -> Self {
        Self { settings: Settings::default(), waker: None }
    }

    httpool_kit::settings_methods!();

    /// Wakes the loop with `waker` when a name has been looked up. By default the driver makes one; but
    /// a [`Poll`] may have only one: a program that has one on its own poll gives it here.
    pub fn waker(mut self, waker: Arc<Waker>) -> Self {
        self.waker = Some(waker);
        self
    }

    /// A driver with a [`Poll`] of its own.
    ///
    /// # Errors
    /// The system gives no poll, or no way to be woken.
    pub fn build(self) -> io::Result<Driver> {
        let poll = Poll::new()?;
        let embedded = self.embed(poll.registry(), driver::TOKENS)?;
        Ok(Driver::new_on(poll, embedded))
    }

    /// A driver for a loop of your own: its sockets are registered with your [`Poll`] and have
    /// tokens in `tokens`. That must be a number for each connection and one more, and where
    /// addresses race one for each attempt. A connection that finds none is opened in place of an
    /// idle one, or waits for one in use, as where the system has no descriptor.
    ///
    /// # Errors
    /// The system gives no second handle to the poll, or no way to be woken.
    pub fn embed(self, registry: &Registry, tokens: Range<usize>) -> io::Result<Embedded> {
        let registry = registry.try_clone()?;
        let waker = match self.waker {
            Some(waker) => waker,
            None => Arc::new(Waker::new(&registry, Token(tokens.start))?),
        };
        let names = Names::new(self.settings.hosts.clone(), waker);
        let client = Client::new(self.settings);
        Ok(Embedded::new_on(registry, tokens, client, names))
    }
}

impl fmt::Debug for DriverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverBuilder({:?})", self.settings)
    }
}
