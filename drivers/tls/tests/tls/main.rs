//! Tests of configurations and sessions, against servers of rustls in memory and against openssl.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod certificates;
mod clients;
mod configs;
mod files;
mod fuzzing;
mod openssl;
mod peers;
mod session;

use std::{error::Error as _, sync::Arc};

use httpool::error::TlsKind;
use httpool_kit::{LayerError, Session};
use httpool_tls::{TlsConfig, TlsError, TlsOptions};
use httpool_tls_testing::link::Link;
use rustls::ServerConfig;

/// The sizes of the pieces in which bytes reach a client.
const PIECES: [usize; 3] = [usize::MAX, 5, 1];

/// Exchanges `ping` with a server, in pieces of every size. All give the same result.
fn meets(
    options: &TlsOptions,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<Arc<Session>, LayerError> {
    // Every size does a full handshake.
    let config = options.clone().no_resumption().build().unwrap();
    let mut results = PIECES.map(|piece| ping(&config, server, name, piece));
    let kinds =
        results.each_ref().map(|result| result.as_ref().map(|_| ()).map_err(LayerError::kind));
    assert_eq!([kinds[0]; 3], kinds);
    std::mem::replace(&mut results[0], Err(LayerError::new(TlsKind::Unavailable)))
}

fn ping(
    config: &TlsConfig,
    server: &Arc<ServerConfig>,
    name: &str,
    piece: usize,
) -> Result<Arc<Session>, LayerError> {
    Link::new(config.begin(name)?, server, piece).ping()
}

/// Returns the details of a failure.
fn details(why: &LayerError) -> &TlsError {
    why.source().unwrap().downcast_ref().unwrap()
}
