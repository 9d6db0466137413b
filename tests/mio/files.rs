//! Tests files as request bodies.

use std::{
    error::Error as _,
    fs::{self, File},
    io,
    path::PathBuf,
};

use httpool_mio::{Body, EndedEarly, Error, httpool::error::Cause};

use crate::{
    World, cause,
    support::{Received, Server, ok},
};

/// A file that holds `text`, for the test `name`. It is removed when this is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("httpool-mio-{}-{name}", std::process::id());
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
    let (server, mut world) = (echo(), World::new());
    let mut sent = |file: File| {
        let call = world.client().put(&server.url("/")).body(file).send().unwrap();
        world.driver.fetch(call).unwrap().text()
    };
    assert_eq!(sent(Temporary::new("content", "0123456789").open()), "length 0123456789");
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
    let (server, mut world) = (echo(), World::new());
    let file = Temporary::new("cut", "0123456789");
    let body = Body::from(file.open());
    fs::write(&file.0, "012").unwrap();
    let call = world.client().put(&server.url("/")).body(body).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!(cause(&error), Cause::Body);
    let early = early(&error);
    assert_eq!((early.expected, early.got), (10, 3));
    assert_eq!(world.stats().open, 0);
    assert_eq!(server.requests(), 0);
}
