//! Tests requests with bodies over layered connections.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use httpool_blocking::{
    Body, Timeout,
    httpool::{error::Cause, time::Deadline},
};

use super::{builder, client};
use crate::{
    cause,
    support::{
        Server,
        sessions::{self, LARGE, answers},
    },
};

fn bodies() -> [Body; 3] {
    [
        Body::from(vec![7; LARGE]),
        Body::sized_reader(io::repeat(7), LARGE as u64),
        Body::reader(io::repeat(7).take(LARGE as u64)),
    ]
}

#[test]
fn bodies_arrive_whole() {
    let server = sessions::counts();
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
        let (server, _over) =
            sessions::deaf("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
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
        let server = sessions::eager();
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
        let (server, has_read) = sessions::eager_and_long(LENGTH);
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
    let (server, _over) = sessions::deaf("");
    let client = client();
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let request = client.post(&server.https("/")).timeouts(timeout).body(vec![0; 4 * LARGE]);
    let error = request.send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Write));
    assert_eq!(client.stats().open, 0);
}

#[test]
fn plaintext_is_counted_as_written_and_not_its_records() {
    let (server, received) = sessions::measures();
    let sink = Arc::new(sessions::Written::default());
    let client = builder().trace(sink.clone()).build();
    for len in [0, 10, 1_000_000] {
        client.post(&server.https("/")).body(vec![0; len]).send().unwrap().bytes().unwrap();
    }
    assert_eq!(sink.bytes(), *received.lock().unwrap());
}

/// The first piece is on its way, or sent, when the reader panics.
#[test]
fn a_panic_of_a_body_s_reader_leaves_no_connection_with_half_a_request() {
    let server = Server::secure(answers);
    let client = client();
    for len in [0, 10, 200_000] {
        let url = server.https("/");
        let send = || client.post(&url).body(Body::reader(sessions::Panics(len))).send().is_ok();
        assert!(catch_unwind(AssertUnwindSafe(send)).is_err());
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
        assert_eq!(client.get(&url).send().unwrap().text().unwrap(), "hello");
    }
}
