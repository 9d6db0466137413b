//! TLS for the drivers of httpool: verified configurations, and sessions without I/O.
//!
//! [`TlsOptions`] has every TLS setting of urllib3's `HTTPSConnectionPool`. [`TlsOptions::build`]
//! reads and checks them once and makes a [`TlsConfig`]. [`Configs`] gives each configuration the
//! number by which the core knows it, and begins the sessions of a driver's connections: it
//! implements [`Layers`](httpool_kit::Layers).
//!
//! A session is a [`Layer`](httpool_kit::Layer): bytes in, bytes out, over rustls 0.23. It
//! owns no socket, so it runs inside another one, and a handshake waits in the same `poll` as
//! everything else.
//!
//! # Errors
//! A failed session has a [`TlsKind`](httpool::error::TlsKind) that a program can match. Its source
//! is a [`TlsError`], whose text says what was found (the names of the certificate, both
//! fingerprints, both times) and whose source is rustls's own error. Settings that cannot be used
//! are a [`TlsConfigError`], which names the file.
//!
//! # Trust
//! By default the platform's authorities are trusted, by `rustls-native-certs`: a company's
//! authority that is installed in the system works. `SSL_CERT_FILE` and `SSL_CERT_DIR`, set and not
//! empty, replace them; [`TlsOptions::ignore_environment`] switches that off. They are read when
//! the configuration is built. Nothing else of the environment is read. Revocation is not checked,
//! as in urllib3.
//!
//! # Cost
//! A record takes one allocation to open and one to seal, both inside rustls. Plaintext is handed on
//! as rustls has it, and sealed bytes are appended to the caller's queue, so that head and body of a
//! request share records and one write. `cargo bench -p httpool-tls` compares a session with
//! rustls's buffered connection: 10 MB are opened in 0.9 and sealed in 0.7 to 1.0 of its time, and a
//! handshake takes 1.01 to 1.02 of it. An idle session keeps no buffer.
//!
//! # Crypto provider
//! The provider is held in each configuration, never installed for the process, so that nothing
//! another crate does can change it or make it panic. The feature `aws-lc-rs`, which is on by
//! default, and the feature `ring` choose it. aws-lc-rs is taken if both are on.
//!
//! | | aws-lc-rs | ring |
//! |---|---|---|
//! | clean release build (2 cores) | 81-96 s | 36-44 s |
//! | a stripped program with TLS and roots | 4.0 MB | 1.9 MB |
//! | post-quantum key exchange X25519MLKEM768 | yes, the default | no |
//! | client's part of a handshake with X25519 | 218 µs | 238 µs |
//! | opening AES-128-GCM | 4.0 GiB/s | 3.7 GiB/s |
//! | certificates with P-521 or ML-DSA | yes | no |
//!
//! aws-lc-rs is the default because traffic recorded today can be decrypted once quantum computers
//! exist, unless the key exchange resists them. It needs a C compiler, as ring does; on common
//! platforms neither CMake nor NASM. ring suits where size and build time count.
//!
//! # Authorities
//!
//! By default those of the system are trusted. The feature `webpki-roots` adds
//! `TlsOptions::mozilla_roots`, for a program that runs where none are installed.

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("httpool-tls needs a crypto provider: switch on the feature aws-lc-rs or ring");

mod config;
mod config_error;
mod configs;
mod der;
mod driver;
mod error;
mod fingerprint;
mod keylog;
mod keys;
mod name;
mod options;
mod pem;
mod roots;
mod session;
mod verify;

pub use config::TlsConfig;
pub use config_error::{Place, TlsConfigError};
pub use configs::Configs;
pub use der::Certificate;
pub use driver::{BuilderTls, ClientTls};
pub use error::{Detail, TlsError};
#[doc(hidden)]
pub use httpool;
pub use options::{Role, TlsOptions, TlsVersion};
