//! Tests of TLS over real sockets, with certificates made at run time. Each test runs with every
//! driver.

#![cfg(not(any(httpool_std_only, httpool_mutations)))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[macro_use]
mod calls;
mod certificates;
mod cuts;
mod exchanges;
mod failures;
mod pools;
mod proxies;
mod proxy_certificates;
mod separation;
mod server;

use httpool::error::{Cause, DialError, TlsKind, Unavailable};
use httpool_blocking::{Error, LayerError};

/// Returns the kind of a handshake that failed. The error's source has the same kind.
#[track_caller]
fn kind(error: &Error) -> TlsKind {
    match error.as_failure().unwrap().cause {
        Cause::Unavailable(Unavailable::Dial(DialError::Tls(kind) | DialError::ProxyTls(kind)))
        | Cause::Tls(kind) => {
            let source = std::error::Error::source(error).unwrap();
            if let Some(layer) = source.downcast_ref::<LayerError>() {
                assert_eq!(layer.kind(), kind);
            }
            kind
        }
        other => panic!("{other:?}: {error:?}"),
    }
}
