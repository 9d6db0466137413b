//! Counts the allocations of a warm GET while a feature reports calls and nobody listens. In a
//! program of its own: the level of `log` holds for a whole program.

#![cfg(any(feature = "log", feature = "tracing"))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../../tests/support/allocations.rs"]
mod allocations;

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use allocations::counted;
use httpool_blocking::{Client, Request};
use httpool_mio::{Driver, Output};

fn url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        }
    });
    format!("http://{addr}/")
}

/// Runs `get` ten times, and returns the allocations of the last five.
fn warm(mut get: impl FnMut()) -> Vec<u64> {
    (0..10).map(|_| counted(&mut get)).skip(5).collect()
}

#[test]
fn a_warm_get_allocates_nothing_while_nobody_listens() {
    let (client, request) = (Client::new(), Request::get(&url()).build().unwrap());
    let mut body = [0; 5];
    let counts = warm(|| {
        let mut response = client.send(&request).unwrap();
        response.read_exact(&mut body).unwrap();
    });
    assert_eq!(counts, [0; 5], "the blocking driver");

    let (mut driver, request) = (Driver::new().unwrap(), Request::get(&url()).build().unwrap());
    let counts = warm(|| {
        driver.client().send(&request);
        let fails = |_: &mut _, output: Output<'_>| assert!(!matches!(output, Output::Failed(..)));
        driver.run(fails).unwrap();
    });
    assert_eq!(counts, [0; 5], "the driver on an event loop");
}
