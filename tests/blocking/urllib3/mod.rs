//! Tests the module of urllib3's names. One file for each of its parts.

mod bodies;
mod defaults;
mod defects;
mod edges;
mod errors;
mod fairness;
mod fields;
mod manager;
mod pool;
mod proxies;
mod redirects;
mod responses;
mod targets;

use httpool_blocking::{
    Error,
    httpool::error::ErrorKind,
    urllib3::{HttpConnectionPool, HttpResponse, PoolOptions},
};

use crate::support::Server;

/// Makes a pool for `server`.
fn pool_for(server: &Server, options: PoolOptions) -> HttpConnectionPool {
    HttpConnectionPool::with("127.0.0.1", server.port(), options).unwrap()
}

/// Returns the kind of the error that a call has ended with.
fn kind(result: Result<HttpResponse, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Returns the body of a preloaded response as text.
fn text(mut response: HttpResponse) -> String {
    String::from_utf8(response.data().unwrap().to_vec()).unwrap()
}

/// Returns a redirect with this status to `location`.
fn redirect(status: u16, location: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n");
    format!("{head}Content-Length: 0\r\n\r\n").into()
}
