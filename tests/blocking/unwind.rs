//! Tests panics that are caught.

use std::{
    io::{self, Read},
    panic::{RefUnwindSafe, UnwindSafe, catch_unwind},
};

use httpool_blocking::{Body, Cancel, Client};

use super::{narrow, support::Server};

struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        std::panic::resume_unwind(Box::new("the reader panics"));
    }
}

const fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
const _: () = is_unwind_safe::<Client>();
const _: () = is_unwind_safe::<Cancel>();

#[test]
fn a_client_is_used_again_after_a_panic_in_a_call() {
    let (server, client) = (Server::answering("hello"), narrow());
    for _ in 0..3 {
        let url = server.url("/");
        let caught = catch_unwind(|| client.post(&url).body(Body::reader(Panics)).send().is_ok());
        assert!(caught.is_err());
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
    }
}
