//! The TLS of a driver's client, and the methods that all drivers have for it.

use std::sync::Arc;

use httpool::message::TlsId;
use httpool_kit::Settings;

use crate::{Configs, TlsConfigError, TlsOptions};

/// The TLS settings of a driver's builder. [`builder_methods!`](crate::builder_methods) sets them.
#[derive(Debug, Clone, Default)]
#[expect(clippy::exhaustive_structs, reason = "the macro sets the fields")]
pub struct BuilderTls {
    /// The default settings for the servers of URLs.
    pub origins: TlsOptions,
    /// The default settings for proxies. `None`: [`TlsOptions::for_proxies`] of the others.
    pub proxies: Option<TlsOptions>,
}

/// The TLS configurations of a driver's client. [`client_methods!`](crate::client_methods) makes
/// its methods those of the client.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// `None`: the program has brought layers of its own.
    configs: Option<Arc<Configs>>,
}

impl ClientTls {
    /// Gives a client TLS with the default settings of its builder, unless its program has brought
    /// [`layers`](Settings::layers) of its own. A driver calls it before [`Settings::derive`].
    ///
    /// Nothing is read. The settings are read at the first `https` connection.
    pub fn install(tls: BuilderTls, settings: &mut Settings) -> Self {
        if settings.layers.is_some() {
            return Self { configs: None };
        }
        let BuilderTls { origins, proxies } = tls;
        let configs = Arc::new(match proxies {
            Some(proxies) => Configs::with_defaults(origins, proxies),
            None => Configs::with_default(origins),
        });
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

/// Adds the methods that set TLS up to a driver's builder. Use it in an `impl` block of a type that
/// has a field `tls: BuilderTls`. The docs of the methods link to `Client::tls_config` and
/// `RequestBuilder::tls` of the driver's crate.
#[macro_export]
macro_rules! builder_methods {
    () => {
        /// Sets the TLS settings of all connections whose request or proxy chooses no other
        /// configuration. By default the platform's authorities are trusted. Proxies that are
        /// reached by TLS have the same settings, but for those that are about one server
        /// ([`TlsOptions::for_proxies`](crate::TlsOptions::for_proxies)), unless
        /// [`proxy_tls`](Self::proxy_tls) sets others.
        ///
        /// The files are read at the first `https` connection. A file that cannot be used is the
        /// error of that call, whose source names it. To find it earlier, pass the same settings to
        /// [`Client::tls_config`](crate::Client::tls_config).
        pub fn tls(mut self, options: $crate::TlsOptions) -> Self {
            self.tls.origins = options;
            self
        }

        /// Sets the TLS settings of the connections to proxies that are reached by TLS (urllib3:
        /// `proxy_ssl_context`, `proxy_assert_hostname`, `proxy_assert_fingerprint`), unless a
        /// proxy has a configuration of its own. The TLS to the origin, inside of the tunnel, is
        /// not changed by it.
        pub fn proxy_tls(mut self, options: $crate::TlsOptions) -> Self {
            self.tls.proxies = Some(options);
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

/// Adds the types of TLS to the root of a driver's crate, and a public module `tls` with the docs
/// about TLS and the less common types. Its argument is the docs of an example.
#[macro_export]
macro_rules! module {
    ($(#[$example:meta])+) => {
        #[doc(inline)]
        pub use $crate::{Role, TlsConfigError, TlsError, TlsOptions, TlsVersion};

        /// TLS: facts about certificates, and the details of failures.
        ///
        /// A client verifies every server by default: the chain of its certificate against the
        /// authorities that this system trusts, and the name of the URL. [`TlsOptions`] changes
        /// that for a client, a request or a proxy. Requests with different settings never share a
        /// connection.
        ///
        $(#[$example])+
        ///
        /// # Which authorities are trusted
        /// The certificates listed with [`ca_certs`](crate::TlsOptions::ca_certs) and its
        /// relatives, in place of all others. Without any, the system's store, where a company's
        /// own authority may be installed. It is read once, at the first `https` connection. A
        /// system without authorities is an error that says what to install.
        ///
        /// The environment variables `SSL_CERT_FILE` (a file) and `SSL_CERT_DIR` (folders), set and
        /// not empty, replace the system's store. This is the only environment that a client reads
        /// unasked. [`ignore_environment`](crate::TlsOptions::ignore_environment) switches it off.
        ///
        /// # When a handshake fails
        /// The call's error has a [`TlsKind`](crate::httpool::error::TlsKind) for the program, in
        /// its `DialError::Tls`. Its source is a [`LayerError`] of the same kind, whose own source
        /// is a [`TlsError`], which says what was found, or a [`TlsConfigError`], which names the
        /// file. A failure that cannot get better, as a certificate for another name, is not
        /// retried. In TLS 1.3 a server refuses the client's certificate only behind the handshake.
        /// Then the connection is lost, and the source says why.
        pub mod tls {
            pub use $crate::{Certificate, Detail, Place};
        }
    };
}
