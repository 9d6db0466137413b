//! The TLS of a driver's client, and the methods that all drivers have for it.

use std::sync::Arc;

use httpool::message::TlsId;
use httpool_kit::Settings;

use crate::{Configs, TlsConfigError, TlsOptions};

/// The TLS configurations of a driver's client. [`client_methods!`](crate::client_methods) makes
/// its methods those of the client.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// `None`: the program has brought layers of its own.
    configs: Option<Arc<Configs>>,
}

impl ClientTls {
    /// Gives a client TLS with these default settings, unless its program has brought
    /// [`layers`](Settings::layers) of its own. A driver calls it before [`Settings::derive`].
    ///
    /// Nothing is read. The settings are read at the first `https` connection.
    pub fn install(options: TlsOptions, settings: &mut Settings) -> Self {
        if settings.layers.is_some() {
            return Self { configs: None };
        }
        let configs = Arc::new(Configs::with_default(options));
        settings.layers = Some(configs.clone());
        Self { configs: Some(configs) }
    }

    /// Builds the settings, and returns the number of their configuration: see [`Configs::add`].
    ///
    /// # Errors
    /// The settings cannot be used, or the program has brought layers of its own.
    pub fn add(&self, options: &TlsOptions) -> Result<TlsId, TlsConfigError> {
        match &self.configs {
            Some(configs) => configs.add(options.clone()),
            None => Err(TlsConfigError::OwnLayers),
        }
    }
}

/// Adds the method that sets TLS up to a driver's builder. Use it in an `impl` block of a type that
/// has a field `tls: TlsOptions`. The docs of the method link to `Client::tls_config` and
/// `RequestBuilder::tls` of the driver's crate.
#[macro_export]
macro_rules! builder_methods {
    () => {
        /// Sets the TLS settings of all connections whose request or proxy chooses no other
        /// configuration. By default the platform's authorities are trusted.
        ///
        /// The files are read at the first `https` connection. A file that cannot be used is the
        /// error of that call, whose source names it. To find it earlier, pass the same settings to
        /// [`Client::tls_config`](crate::Client::tls_config).
        pub fn tls(mut self, options: $crate::TlsOptions) -> Self {
            self.tls = options;
            self
        }
    };
}

/// Adds the method that makes further TLS configurations to a driver's client. Its argument is the
/// path from the client to its [`ClientTls`], as in `client_methods!(tls)`.
#[macro_export]
macro_rules! client_methods {
    ($($tls:ident).+) => {
        /// Reads and checks TLS settings, and returns the number of their configuration. Choose it
        /// for a request with [`RequestBuilder::tls`](crate::RequestBuilder::tls), or for a proxy
        /// with [`Hop::with_tls`](crate::Hop::with_tls).
        ///
        /// Equal settings get one number, and nothing is read again. Requests with different
        /// numbers share neither connections nor session tickets. A configuration is kept as long
        /// as the client, so make few.
        ///
        /// # Errors
        /// A file, certificate, key, name or fingerprint cannot be used; the error names it. Or the
        /// client was built with layers of its own.
        pub fn tls_config(
            &self,
            options: &$crate::TlsOptions,
        ) -> ::std::result::Result<$crate::httpool::message::TlsId, $crate::TlsConfigError> {
            self.$($tls).+.add(options)
        }
    };
}
