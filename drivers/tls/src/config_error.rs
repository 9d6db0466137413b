//! The reasons why no configuration could be made.

use core::{error::Error, fmt};
use std::{io, path::PathBuf, sync::Arc};

/// The place that certificates or a key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a place is a file or memory")]
pub enum Place {
    /// A file or folder.
    Path(PathBuf),
    /// Bytes given to the named method of [`TlsOptions`](crate::TlsOptions).
    Data(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Data(method) => write!(f, "the data given to {method}"),
        }
    }
}

/// The reason why no configuration could be made. `Display` names the file and says what to do.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A file or folder could not be read.
    Read {
        /// The use of the file, as `the trusted certificates`.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        why: Arc<io::Error>,
    },
    /// No certificate was found where one is needed.
    NoCertificate {
        /// The use of the file.
        what: &'static str,
        /// Where it was looked for.
        place: Place,
    },
    /// A certificate, or the text around it, is malformed.
    BadCertificate {
        /// The use of the file.
        what: &'static str,
        /// Where it is.
        place: Place,
        /// The fault.
        why: String,
    },
    /// There is no private key where one is needed.
    NoKey(Place),
    /// The private key is encrypted, and no password was given.
    PasswordMissing(Place),
    /// The password does not decrypt the private key.
    PasswordWrong(Place),
    /// The encryption of the private key is not supported.
    KeyEncryption {
        /// Where the key is.
        place: Place,
        /// How it is encrypted.
        how: String,
    },
    /// The private key is malformed, or of a kind that is not supported.
    BadKey {
        /// Where the key is.
        place: Place,
        /// The fault.
        why: String,
    },
    /// The private key belongs to another certificate.
    KeyMismatch {
        /// Where the certificate is.
        certificate: Place,
        /// Where the key is.
        key: Place,
    },
    /// A key or a password was given without a certificate.
    KeyWithoutCertificate,
    /// There is no trusted authority at all.
    NoRoots {
        /// The error of the platform's store.
        why: String,
    },
    /// The fingerprint cannot be used.
    Fingerprint {
        /// The text given.
        given: String,
        /// The fault.
        why: String,
    },
    /// A name given is neither a host name nor an address.
    Name {
        /// The method of [`TlsOptions`](crate::TlsOptions) it was given to.
        method: &'static str,
        /// The text given.
        given: String,
    },
    /// The minimum version is above the maximum version.
    Versions,
    /// An own configuration of rustls was given together with a setting that it has itself.
    OwnConfig {
        /// The method of [`TlsOptions`](crate::TlsOptions) that set it.
        method: &'static str,
    },
    /// The platform's store cannot be read without the environment on this system.
    Environment,
    /// The client was built with layers of its own, which number their configurations themselves.
    OwnLayers,
    /// rustls refused the configuration.
    Rustls(rustls::Error),
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { what, path, why } => {
                write!(f, "{what} cannot be read: {}: {why}", path.display())
            }
            Self::NoCertificate { what, place } => write!(
                f,
                "{what}: no certificate is in {place}: it must have a PEM block BEGIN CERTIFICATE \
                 (in a folder, in a file named like 0a1b2c3d.0, as `openssl rehash` makes them)"
            ),
            Self::BadCertificate { what, place, why } => {
                write!(f, "{what} in {place} cannot be used: {why}")
            }
            Self::NoKey(place) => write!(
                f,
                "no private key is in {place}: it must have a PEM block BEGIN PRIVATE KEY, BEGIN \
                 RSA PRIVATE KEY, BEGIN EC PRIVATE KEY or BEGIN ENCRYPTED PRIVATE KEY"
            ),
            Self::PasswordMissing(place) => {
                write!(f, "the private key in {place} is encrypted: give its password")
            }
            Self::PasswordWrong(place) => {
                write!(f, "the password does not decrypt the private key in {place}")
            }
            Self::KeyEncryption { place, how } => write!(
                f,
                "the private key in {place} is encrypted {how}, which is not supported: convert it \
                 with `openssl pkcs8 -topk8`"
            ),
            Self::BadKey { place, why } => {
                write!(f, "the private key in {place} cannot be used: {why}")
            }
            Self::KeyMismatch { certificate, key } => write!(
                f,
                "the private key in {key} does not belong to the first certificate in {certificate}"
            ),
            Self::KeyWithoutCertificate => f.write_str(
                "a private key or its password was given without a client certificate: give both",
            ),
            Self::NoRoots { why } => {
                f.write_str(
                    "this system has no trusted certificates: install them (on Linux the package \
                     ca-certificates), name a file in SSL_CERT_FILE, give the authority's \
                     certificate to the client, or build in Mozilla's authorities (the feature \
                     webpki-roots)",
                )?;
                if why.is_empty() { Ok(()) } else { write!(f, " ({why})") }
            }
            Self::Fingerprint { given, why } => {
                write!(f, "the fingerprint \"{given}\" cannot be used: {why}")
            }
            Self::Name { method, given } => write!(
                f,
                "{method} was given \"{}\", which is neither a host name nor an address",
                given.escape_debug()
            ),
            Self::Versions => f.write_str("the minimum TLS version is above the maximum version"),
            Self::OwnConfig { method } => write!(
                f,
                "{method} was called beside an own configuration of rustls: set it in that one"
            ),
            Self::Environment => f.write_str(
                "SSL_CERT_FILE or SSL_CERT_DIR is set and must be ignored, but this system's store \
                 cannot be read while it is set: give the trusted certificates to the client",
            ),
            Self::OwnLayers => f.write_str(
                "the client was built with layers of its own: make the configuration with them",
            ),
            Self::Rustls(why) => write!(f, "rustls refuses the configuration: {why}"),
        }
    }
}

impl Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Read { why, .. } => Some(&**why),
            Self::Rustls(why) => Some(why),
            _ => None,
        }
    }
}
