//! Tests requests with bodies over layered connections.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use httpool_blocking::{
    Body, Timeout,
    httpool::{
        error::Cause,
        time::Deadline,
        trace::{Line, Sink},
    },
};

use super::{answers, builder, client};
use crate::{cause, support::Server};

const LARGE: usize = 8 * 1024 * 1024;

fn bodies() -> [Body; 3] {
    [
        Body::from(vec![7; LARGE]),
        Body::sized_reader(io::repeat(7), LARGE as u64),
        Body::reader(io::repeat(7).take(LARGE as u64)),
    ]
}

#[test]
fn bodies_arrive_whole() {
    let server = Server::secure(|peer| {
        while let Some(request) = peer.request() {
            assert!(request.body.iter().all(|byte| *byte == 7));
            peer.answer(&request.body.len().to_string());
        }
    });
    let client = client();
    for body in bodies() {
        let response = client.post(&server.https("/")).body(body).send().unwrap();
        assert_eq!(response.text().unwrap(), LARGE.to_string());
    }
    assert_eq!(server.accepted(), 1);
}

/// The server reads nothing more, so a record is stuck half-written.
#[test]
fn an_early_refusal_comes_through_an_upload_that_nobody_reads() {
    for body in bodies() {
        let (_over, is_over) = mpsc::channel::<()>();
        let is_over = Mutex::new(is_over);
        let server = Server::secure(move |peer| {
            if peer.head().is_some() {
                peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
                is_over.lock().unwrap().recv().ok();
            }
        });
        let client = client();
        let response = client.post(&server.https("/")).body(body).send().unwrap();
        assert_eq!(response.status(), 413);
        assert!(response.body_taken().is_some());
        assert_eq!(response.text().unwrap(), "too much");
        assert_eq!(client.stats().open, 0);
    }
}

#[test]
fn an_early_success_is_done_when_the_upload_is() {
    for body in bodies() {
        let server = Server::secure(|peer| {
            while let Some(head) = peer.head() {
                if head.starts_with("GET") {
                    peer.answer("again");
                    continue;
                }
                peer.answer("enough");
                let body = if head.contains("chunked") { peer.chunks() } else { peer.take(LARGE) };
                assert_eq!(body.map(|body| body.len()), Some(LARGE));
            }
        });
        let client = client();
        let response = client.post(&server.https("/")).body(body).send().unwrap();
        assert_eq!(response.text().unwrap(), "enough");
        assert_eq!(client.get(&server.https("/")).send().unwrap().text().unwrap(), "again");
        assert_eq!(server.accepted(), 1);
    }
}

/// The response is longer than the buffer of the call. All its records are read at once, while the
/// upload is blocked, and the server reads on when the client has them.
#[test]
fn an_early_response_is_read_to_its_end_while_the_upload_is_blocked() {
    const LENGTH: usize = 60_000;
    for body in bodies() {
        let (has_read, wait_until_read) = mpsc::channel();
        let wait_until_read = Mutex::new(wait_until_read);
        let server = Server::secure(move |peer| {
            let head = peer.head().unwrap();
            peer.send(crate::support::ok(vec![b'x'; LENGTH]));
            wait_until_read.lock().unwrap().recv().unwrap();
            let body = if head.contains("chunked") { peer.chunks() } else { peer.take(LARGE) };
            assert_eq!(body.map(|body| body.len()), Some(LARGE));
            peer.until_closed();
        });
        let client = client();
        let mut response = client.post(&server.https("/")).body(body).send().unwrap();
        response.read_exact(&mut [0; LENGTH]).unwrap();
        has_read.send(()).unwrap();
        assert_eq!(response.read(&mut [0]).unwrap(), 0);
        assert_eq!(client.stats().idle, 1);
    }
}

#[test]
fn a_server_that_reads_nothing_ends_the_upload_by_the_write_deadline() {
    let (_over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::secure(move |peer| {
        peer.head();
        is_over.lock().unwrap().recv().ok();
    });
    let client = client();
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let request = client.post(&server.https("/")).timeouts(timeout).body(vec![0; 4 * LARGE]);
    let error = request.send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Write));
    assert_eq!(client.stats().open, 0);
}

/// Adds up what a call is told to have been written.
#[derive(Default)]
struct Written(Mutex<usize>);

impl Sink for Written {
    fn line(&self, line: &Line<'_>) {
        let line = line.to_string();
        if let Some((_, bytes)) = line.rsplit_once("written ")
            && let Ok(bytes) = bytes.parse::<usize>()
        {
            *self.0.lock().unwrap() += bytes;
        }
    }
}

#[test]
fn plaintext_is_counted_as_written_and_not_its_records() {
    let received = Arc::new(Mutex::new(0));
    let count = received.clone();
    let server = Server::secure(move |peer| {
        while let Some(request) = peer.request() {
            *count.lock().unwrap() += request.head.len() + request.body.len();
            peer.answer("hello");
        }
    });
    let sink = Arc::new(Written::default());
    let client = builder().trace(sink.clone()).build();
    for len in [0, 10, 1_000_000] {
        client.post(&server.https("/")).body(vec![0; len]).send().unwrap().bytes().unwrap();
    }
    assert_eq!(*sink.0.lock().unwrap(), *received.lock().unwrap());
}

/// The first piece is on its way, or sent, when the reader panics.
#[test]
fn a_panic_of_a_body_s_reader_leaves_no_connection_with_half_a_request() {
    struct Panics(usize);

    impl Read for Panics {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let left = self.0.min(into.len());
            if left == 0 {
                std::panic::resume_unwind(Box::new("the reader panics"));
            }
            self.0 -= left;
            Ok(left)
        }
    }

    let server = Server::secure(answers);
    let client = client();
    for len in [0, 10, 200_000] {
        let url = server.https("/");
        let send = || client.post(&url).body(Body::reader(Panics(len))).send().is_ok();
        assert!(catch_unwind(AssertUnwindSafe(send)).is_err());
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
    }
}
