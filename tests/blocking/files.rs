//! Tests files as request bodies.

use std::{
    error::Error as _,
    fs::{self, File},
    io::{self, Seek, SeekFrom},
    path::PathBuf,
};

use httpool_blocking::{Body, Client, EndedEarly, Error, httpool::error::Cause};

use crate::{
    cause,
    support::{Received, Server, ok},
};

/// A file that holds `text`, for the test `name`. It is removed when this is dropped.
pub(crate) struct Temporary(pub(crate) PathBuf);

impl Temporary {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let name = format!("httpool-blocking-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// Answers with the framing of the request's body, and the body.
fn echo() -> Server {
    Server::replying(|request: &Received| {
        let framing = request.field("content-length").map_or("chunked", |_| "length");
        ok([framing.as_bytes(), b" ", &request.body].concat())
    })
}

fn early(error: &Error) -> EndedEarly {
    let system: &io::Error = error.source().unwrap().downcast_ref().unwrap();
    *system.get_ref().unwrap().downcast_ref().unwrap()
}

#[test]
fn files_are_sent_as_they_are() {
    let (server, client) = (echo(), Client::new());
    let sent = |file: File| client.put(&server.url("/")).body(file).send().unwrap().text().unwrap();
    let file = Temporary::new("content", "0123456789");
    assert_eq!(sent(file.open()), "length 0123456789");
    let mut half = file.open();
    half.seek(SeekFrom::Start(5)).unwrap();
    assert_eq!(sent(half), "length 56789");
    assert_eq!(sent(Temporary::new("empty", "").open()), "length ");
    // The system generates this file's content while it is read, and reports a length of 0 bytes.
    #[cfg(target_os = "linux")]
    {
        let version = fs::read_to_string("/proc/version").unwrap();
        assert_eq!(sent(File::open("/proc/version").unwrap()), format!("chunked {version}"));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_file_that_ends_early_is_named_as_the_reason() {
    let (server, client) = (echo(), Client::new());
    let file = Temporary::new("cut", "0123456789");
    let body = Body::from(file.open());
    fs::write(&file.0, "012").unwrap();
    let error = client.put(&server.url("/")).body(body).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Body);
    let early = early(&error);
    assert_eq!((early.expected, early.got), (10, 3));
    // The server waits for the rest, and must not take the next request for it.
    assert_eq!(client.stats().open, 0);
    assert_eq!(server.requests(), 0);
}
