//! The settings of TLS.

use core::{fmt, hash};
use std::{path::PathBuf, sync::Arc};

use rustls::ClientConfig;

use crate::{
    TlsConfig, TlsConfigError,
    fingerprint::Fingerprint,
    keys::{Identity, Secret, Source},
    name,
    roots::Roots,
};

/// A version of TLS. There are no others: TLS 1.0 and 1.1 are broken (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// The part that a server plays. It separates the session tickets of a proxy from those of the
/// servers behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection leads to an origin or to a proxy")]
pub enum Role {
    /// The server of a URL.
    #[default]
    Origin,
    /// A proxy that is reached by TLS.
    Proxy,
}

/// The settings of TLS, with the names of urllib3's `HTTPSConnectionPool`.
///
/// The default verifies the chain against the platform's authorities, and the name of the URL. It
/// offers TLS 1.2 and 1.3, and by ALPN exactly `http/1.1`. Early data (0-RTT) is never sent.
///
/// Nothing is read before [`build`](Self::build). Two equal values share one configuration in
/// [`Configs`](crate::Configs), and so connections and session tickets. Values are compared by what
/// was set: a file by its path, not by its content.
///
/// `Debug` shows neither keys nor passwords.
///
/// ```no_run
/// use httpool_tls::{Configs, TlsOptions, TlsVersion};
///
/// let configs = Configs::new();
/// let options = TlsOptions::new()
///     .ca_certs("/etc/company/ca.pem")
///     .cert_file("client.pem")
///     .min_version(TlsVersion::V1_3);
/// let tls = configs.add(options)?;
/// # Ok::<(), httpool_tls::TlsConfigError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsOptions {
    pub(crate) identity: Identity,
    pub(crate) roots: Roots,
    pub(crate) unverified: bool,
    pub(crate) min: Option<TlsVersion>,
    pub(crate) max: Option<TlsVersion>,
    pub(crate) host: HostCheck,
    pub(crate) fingerprint: Option<Pin>,
    pub(crate) server_hostname: Option<String>,
    pub(crate) own: Option<Own>,
    pub(crate) no_resumption: bool,
    pub(crate) key_log: Option<PathBuf>,
    pub(crate) role: Role,
}

/// The name that the certificate must have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum HostCheck {
    #[default]
    Own,
    Other(String),
    Off,
}

/// A parsed fingerprint, or the text that could not be parsed, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Pin {
    Good(Fingerprint),
    Bad { given: String, why: String },
}

/// A configuration of rustls that the user made. It equals only itself.
#[derive(Clone)]
pub(crate) struct Own(pub(crate) Arc<ClientConfig>);

impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Own {}

impl hash::Hash for Own {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rustls::ClientConfig")
    }
}

impl TlsOptions {
    /// Makes the default settings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows the certificate in this PEM file to a server that demands one, with the intermediate
    /// certificates behind it (`cert_file` of urllib3). Without [`key_file`](Self::key_file) the
    /// private key must be in the same file.
    #[must_use]
    pub fn cert_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.identity.certificate = Some(Source::File(path.into()));
        self
    }

    /// Like [`cert_file`](Self::cert_file), with the content of the file.
    #[must_use]
    pub fn cert_data(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.identity.certificate = Some(Source::Data(pem.as_ref().into()));
        self
    }

    /// Uses the private key in this PEM file (`key_file` of urllib3): PKCS#8, PKCS#1 or SEC1, or
    /// encrypted PKCS#8 with [`key_password`](Self::key_password).
    #[must_use]
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.identity.key = Some(Source::File(path.into()));
        self
    }

    /// Like [`key_file`](Self::key_file), with the content of the file.
    #[must_use]
    pub fn key_data(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.identity.key = Some(Source::Data(pem.as_ref().into()));
        self
    }

    /// Decrypts the private key with this password (`key_password` of urllib3). A key that is not
    /// encrypted needs none, and ignores it, as OpenSSL does.
    #[must_use]
    pub fn key_password(mut self, password: impl AsRef<[u8]>) -> Self {
        self.identity.password = Some(Secret(password.as_ref().into()));
        self
    }

    /// Trusts the certificates in this PEM file (`ca_certs` of urllib3), in place of the
    /// platform's authorities. May be called several times. A server's own certificate may be
    /// listed: the server is then trusted with it, whether it says CA:TRUE or not.
    #[must_use]
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.files.push(path.into());
        self
    }

    /// Trusts the certificates in this folder (`ca_cert_dir` of urllib3), in place of the
    /// platform's authorities. Only files with the names that `openssl rehash` makes
    /// (`HHHHHHHH.N`) are read. It is an error if none has a certificate.
    #[must_use]
    pub fn ca_cert_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.roots.folders.push(path.into());
        self
    }

    /// Trusts these certificates in PEM or DER (`ca_cert_data` of urllib3), in place of the
    /// platform's authorities. May be called several times.
    #[must_use]
    pub fn ca_cert_data(mut self, certificates: impl AsRef<[u8]>) -> Self {
        self.roots.data.push(certificates.as_ref().into());
        self
    }

    /// Trusts the authorities that Mozilla trusts, which are built into the program, in place of
    /// the platform's. For a program that runs where none are installed, as in a minimal container.
    /// They are as old as the program: build it anew to get changes.
    ///
    /// Needs the feature `webpki-roots`.
    #[cfg(feature = "webpki-roots")]
    #[must_use]
    pub const fn mozilla_roots(mut self) -> Self {
        self.roots.mozilla = true;
        self
    }

    /// Trusts the platform's authorities beside the certificates listed.
    #[must_use]
    pub const fn platform_roots_too(mut self) -> Self {
        self.roots.platform_too = true;
        self
    }

    /// Does not look at the environment variables `SSL_CERT_FILE` and `SSL_CERT_DIR`. By default
    /// either one, set and not empty, replaces the platform's authorities.
    #[must_use]
    pub const fn ignore_environment(mut self) -> Self {
        self.roots.no_environment = true;
        self
    }

    /// Accepts any certificate (`cert_reqs="CERT_NONE"` of urllib3). **Anyone on the way can then
    /// read and change everything**, unless [`assert_fingerprint`](Self::assert_fingerprint) pins
    /// the certificate. The signatures of the handshake are still checked.
    ///
    /// Without this call a certificate is required and verified, which is what `CERT_REQUIRED` and
    /// `CERT_OPTIONAL` both mean in a client.
    #[must_use]
    pub const fn danger_accept_invalid_certificates(mut self) -> Self {
        self.unverified = true;
        self
    }

    /// Offers no version below this one (`ssl_minimum_version` of urllib3). 1.2 by default.
    #[must_use]
    pub const fn min_version(mut self, version: TlsVersion) -> Self {
        self.min = Some(version);
        self
    }

    /// Offers no version above this one (`ssl_maximum_version` of urllib3). 1.3 by default.
    /// urllib3's deprecated `ssl_version` is both bounds at once.
    #[must_use]
    pub const fn max_version(mut self, version: TlsVersion) -> Self {
        self.max = Some(version);
        self
    }

    /// Demands a certificate for this name or address in place of the URL's (`assert_hostname` of
    /// urllib3). The server is still asked for the URL's name.
    #[must_use]
    pub fn assert_hostname(mut self, name: &str) -> Self {
        self.host = HostCheck::Other(name::plain(name).to_ascii_lowercase());
        self
    }

    /// Accepts a certificate for any name (`assert_hostname=False` of urllib3). **Everyone who has
    /// a certificate of a trusted authority can then play the server.**
    #[must_use]
    pub fn danger_accept_any_hostname(mut self) -> Self {
        self.host = HostCheck::Off;
        self
    }

    /// Demands that the server's own certificate has this fingerprint (`assert_fingerprint` of
    /// urllib3): SHA-256, or SHA-1, which is weak, in hexadecimal digits, with or without colons.
    /// It takes the place of the check of the name. The chain is still checked.
    ///
    /// MD5, which urllib3 takes, is broken, and refused when the configuration is built.
    #[must_use]
    pub fn assert_fingerprint(mut self, digits: &str) -> Self {
        self.fingerprint = Some(match Fingerprint::parse(digits) {
            Ok(fingerprint) => Pin::Good(fingerprint),
            Err(why) => Pin::Bad { given: digits.chars().take(200).collect(), why },
        });
        self
    }

    /// Asks the server for this name, and demands a certificate for it, in place of the URL's
    /// (`server_hostname` of urllib3). An address is checked, but not sent (RFC 6066 section 3).
    #[must_use]
    pub fn server_hostname(mut self, name: &str) -> Self {
        self.server_hostname = Some(name::plain(name).to_ascii_lowercase());
        self
    }

    /// Uses a configuration of rustls 0.23 (`ssl_context` of urllib3). Its ALPN protocols become
    /// `http/1.1`, its early data is off, and its session store is replaced, all in a copy.
    /// It equals only a clone of the same `Arc`. Its sessions are reported as verified: what its
    /// verifier checks is not known here.
    ///
    /// Only [`server_hostname`](Self::server_hostname), [`role`](Self::role) and
    /// [`no_resumption`](Self::no_resumption) can be set beside it. To build it, call
    /// [`ClientConfig::builder_with_provider`]: `builder` panics if several crates of the program
    /// chose different providers.
    #[must_use]
    pub fn rustls_0_23(mut self, config: Arc<ClientConfig>) -> Self {
        self.own = Some(Own(config));
        self
    }

    /// Does a full handshake for every connection. By default a session ticket of up to 256 servers
    /// is kept in memory for each configuration.
    #[must_use]
    pub const fn no_resumption(mut self) -> Self {
        self.no_resumption = true;
        self
    }

    /// Appends the secrets of all sessions to a file, for tools such as Wireshark. **Who has the
    /// file can read all traffic.** The variable `SSLKEYLOGFILE` is never looked at unasked.
    #[must_use]
    pub fn danger_log_keys(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_log = Some(path.into());
        self
    }

    /// Sets the part that the server plays. Origins and proxies never share session tickets.
    #[must_use]
    pub const fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Returns these settings for proxies, with those that are about one server left out: the
    /// client's certificate and key, the fingerprint, and the names to check and to send. As in
    /// urllib3, a proxy is verified by the same authorities as the origin, or not at all if that is
    /// switched off, and gets no certificate of the client. A configuration of
    /// [`rustls_0_23`](Self::rustls_0_23) is used as it is.
    #[must_use]
    pub fn for_proxies(&self) -> Self {
        Self {
            identity: Identity::default(),
            host: HostCheck::default(),
            fingerprint: None,
            server_hostname: None,
            role: Role::Proxy,
            ..self.clone()
        }
    }

    /// Reads and checks everything, and makes a configuration that never changes.
    ///
    /// # Errors
    /// A file, certificate, key, name or fingerprint cannot be used, or there is no trusted
    /// authority at all. The error names it.
    pub fn build(self) -> Result<TlsConfig, TlsConfigError> {
        TlsConfig::new(self)
    }
}
