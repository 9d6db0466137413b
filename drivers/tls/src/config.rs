//! A configuration: settings that were read and checked.

use core::fmt;
use std::sync::Arc;

use httpool::error::TlsKind;
use httpool_kit::{Layer, LayerError};
use rustls::{
    ClientConfig,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::ServerName,
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};

use crate::{
    TlsConfigError, TlsOptions, TlsVersion,
    keylog::KeyLog,
    name,
    options::{HostCheck, Pin},
    roots::Loaded,
    session::TlsSession,
    verify::{NameCheck, Verifier},
};

/// The number of servers that the cache of session tickets of one configuration has room for.
const SESSIONS: usize = 256;

/// A configuration: settings that were read, checked, and never change. A clone is the same one.
/// Two are equal if their settings are.
#[derive(Clone)]
pub struct TlsConfig(Arc<Inner>);

struct Inner {
    options: TlsOptions,
    rustls: Arc<ClientConfig>,
    /// The name to ask for in place of the URL's.
    name: Option<ServerName<'static>>,
    has_identity: bool,
    verifies: bool,
    authorities: usize,
    passed_over: usize,
}

/// Returns the crypto provider: aws-lc-rs if both are built in.
fn provider() -> Arc<CryptoProvider> {
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    Arc::new(provider)
}

impl TlsConfig {
    pub(crate) fn new(options: TlsOptions) -> Result<Self, TlsConfigError> {
        let name = options
            .server_hostname
            .as_deref()
            .map(|given| host("server_hostname", given))
            .transpose()?;
        let (mut authorities, mut passed_over) = (0, 0);
        let mut rustls = match &options.own {
            Some(own) => {
                check_beside_own(&options)?;
                (*own.0).clone()
            }
            None => {
                let provider = provider();
                let identity = options.identity.load(&provider)?;
                // Reads the listed files even if they are not used, because they must not be wrong.
                let wanted = !options.unverified || options.roots.lists_any();
                let loaded = wanted.then(|| options.roots.load()).transpose()?;
                let loaded = loaded.filter(|_| !options.unverified);
                if let Some(loaded) = &loaded {
                    (authorities, passed_over) = (loaded.store.len(), loaded.passed_over);
                }
                let verifier = verifier(&options, &provider, loaded)?;
                let mut rustls = make(&options, provider, verifier, identity)?;
                if let Some(path) = &options.key_log {
                    rustls.key_log = Arc::new(KeyLog::open(path)?);
                }
                rustls
            }
        };
        rustls.alpn_protocols = vec![b"http/1.1".to_vec()];
        rustls.enable_early_data = false;
        rustls.resumption = match options.no_resumption {
            true => Resumption::disabled(),
            false => Resumption::in_memory_sessions(SESSIONS * 8),
        };
        Ok(Self(Arc::new(Inner {
            has_identity: rustls.client_auth_cert_resolver.has_certs(),
            verifies: !options.unverified || options.fingerprint.is_some(),
            rustls: Arc::new(rustls),
            name,
            authorities,
            passed_over,
            options,
        })))
    }

    /// Begins a session as client with the peer called `name`: a host name or an IP address.
    /// Brackets, a zone id and a final dot are left out.
    ///
    /// # Errors
    /// TLS has no form for the name. The kind is [`TlsKind::Config`].
    pub fn begin(&self, name: &str) -> Result<Box<dyn Layer>, LayerError> {
        let name = match &self.0.name {
            Some(name) => name.clone(),
            None => name::server(name).ok_or_else(|| {
                let why = TlsConfigError::Name { method: "the session", given: name.to_owned() };
                LayerError::with_source(TlsKind::Config, why)
            })?,
        };
        Ok(Box::new(TlsSession::new(self.clone(), name)?))
    }

    /// Returns the settings that the configuration was made from.
    pub fn options(&self) -> &TlsOptions {
        &self.0.options
    }

    /// Returns the number of trusted certificates, and the number of those that were passed over
    /// because webpki cannot use them. Both are 0 without verification, and with an own
    /// configuration of rustls.
    pub fn authorities(&self) -> (usize, usize) {
        (self.0.authorities, self.0.passed_over)
    }

    pub(crate) fn rustls(&self) -> &Arc<ClientConfig> {
        &self.0.rustls
    }

    pub(crate) fn has_identity(&self) -> bool {
        self.0.has_identity
    }

    /// Whether a peer's certificate is checked, by its chain or its fingerprint.
    pub(crate) fn verifies(&self) -> bool {
        self.0.verifies
    }
}

impl PartialEq for TlsConfig {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.options == other.0.options
    }
}

impl Eq for TlsConfig {}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsConfig").field(&self.0.options).finish()
    }
}

fn host(method: &'static str, given: &str) -> Result<ServerName<'static>, TlsConfigError> {
    name::server(given)
        .ok_or_else(|| TlsConfigError::Name { method, given: given.chars().take(300).collect() })
}

fn verifier(
    options: &TlsOptions,
    provider: &CryptoProvider,
    loaded: Option<Loaded>,
) -> Result<Verifier, TlsConfigError> {
    let (roots, listed) = match loaded {
        Some(Loaded { store, listed, .. }) => (Some(store), listed),
        None => (None, Vec::new()),
    };
    let fingerprint = match options.fingerprint.clone() {
        None => None,
        Some(Pin::Good(fingerprint)) => Some(fingerprint),
        Some(Pin::Bad { given, why }) => return Err(TlsConfigError::Fingerprint { given, why }),
    };
    let name = match &options.host {
        HostCheck::Own => NameCheck::Own,
        HostCheck::Other(other) => NameCheck::Other(host("assert_hostname", other)?),
        HostCheck::Off => NameCheck::Off,
    };
    let algorithms = provider.signature_verification_algorithms;
    Ok(Verifier { roots, listed, name, fingerprint, algorithms })
}

fn make(
    options: &TlsOptions,
    provider: Arc<CryptoProvider>,
    verifier: Verifier,
    identity: Option<CertifiedKey>,
) -> Result<ClientConfig, TlsConfigError> {
    let (min, max) =
        (options.min.unwrap_or(TlsVersion::V1_2), options.max.unwrap_or(TlsVersion::V1_3));
    let versions: &[_] = match (min, max) {
        (TlsVersion::V1_2, TlsVersion::V1_2) => &[&TLS12],
        (TlsVersion::V1_2, TlsVersion::V1_3) => &[&TLS12, &TLS13],
        (TlsVersion::V1_3, TlsVersion::V1_3) => &[&TLS13],
        (TlsVersion::V1_3, TlsVersion::V1_2) => return Err(TlsConfigError::Versions),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(TlsConfigError::Rustls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    Ok(match identity {
        Some(identity) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)))
        }
        None => builder.with_no_client_auth(),
    })
}

/// Refuses the settings that an own configuration of rustls has itself.
fn check_beside_own(options: &TlsOptions) -> Result<(), TlsConfigError> {
    let default = TlsOptions::default();
    let set = [
        ("cert_file, key_file or key_password", options.identity != default.identity),
        (
            "ca_certs, ca_cert_dir, ca_cert_data or a setting of roots",
            options.roots != default.roots,
        ),
        ("danger_accept_invalid_certificates", options.unverified),
        ("min_version or max_version", options.min.is_some() || options.max.is_some()),
        ("assert_hostname", options.host != default.host),
        ("assert_fingerprint", options.fingerprint.is_some()),
        ("danger_log_keys", options.key_log.is_some()),
    ];
    match set.into_iter().find(|(_, set)| *set) {
        Some((method, _)) => Err(TlsConfigError::OwnConfig { method }),
        None => Ok(()),
    }
}
