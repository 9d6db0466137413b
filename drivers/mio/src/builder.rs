//! The builder of a driver.

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
    #[cfg(feature = "tls")]
    tls: httpool_tls::BuilderTls,
    waker: Option<Arc<Waker>>,
}

impl DriverBuilder {
    fn new() -> Self {
        Self {
            settings: Settings::default(),
            #[cfg(feature = "tls")]
            tls: httpool_tls::BuilderTls::default(),
            waker: None,
        }
    }

    httpool_kit::settings_methods!();

    #[cfg(feature = "tls")]
    httpool_tls::builder_methods!();

    /// Sets the waker that wakes the loop when a name has been looked up. By default the driver
    /// makes one. A [`Poll`] can have only one waker: if yours has one already, pass it here.
    pub fn waker(mut self, waker: Arc<Waker>) -> Self {
        self.waker = Some(waker);
        self
    }

    /// Makes a driver with its own [`Poll`].
    ///
    /// # Errors
    /// The system could not create a poll or a waker.
    pub fn build(self) -> io::Result<Driver> {
        let poll = Poll::new()?;
        let embedded = self.embed(poll.registry(), driver::TOKENS)?;
        Ok(Driver::new_on(poll, embedded))
    }

    /// Makes a driver for your own event loop. Its sockets are registered with your [`Poll`], with
    /// tokens in `tokens`. It needs one token for each connection and one more; if addresses race,
    /// it needs one for each attempt. If none is free for a new connection, an idle connection is
    /// closed to make room, or the new one waits for one in use, as when the system has no file
    /// descriptor.
    ///
    /// # Errors
    /// The system could not duplicate the poll or create a waker.
    pub fn embed(self, registry: &Registry, tokens: Range<usize>) -> io::Result<Embedded> {
        let registry = registry.try_clone()?;
        let waker = match self.waker {
            Some(waker) => waker,
            None => Arc::new(Waker::new(&registry, Token(tokens.start))?),
        };
        let names = Names::new(self.settings.hosts.clone(), waker);
        let settings = self.settings;
        #[cfg(feature = "tls")]
        let (settings, tls) = {
            let mut settings = settings;
            let tls = httpool_tls::ClientTls::install(self.tls, &mut settings);
            (settings, tls)
        };
        let client = Client::new(
            settings,
            #[cfg(feature = "tls")]
            tls,
        );
        Ok(Embedded::new_on(registry, tokens, client, names))
    }
}

/// # Making a driver
impl Driver {
    /// Makes a driver with the default settings.
    ///
    /// # Errors
    /// The system could not create a poll or a waker.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Returns a builder for a driver with other settings.
    pub fn builder() -> DriverBuilder {
        DriverBuilder::new()
    }
}

/// # Making a driver
impl Embedded {
    /// Returns a builder, the same as [`Driver::builder`].
    pub fn builder() -> DriverBuilder {
        DriverBuilder::new()
    }
}

impl fmt::Debug for DriverBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DriverBuilder({:?})", self.settings)
    }
}
