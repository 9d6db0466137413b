//! Tests requests with bodies over layered connections.

use std::{
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use httpool_mio::{
    Body, Timeout,
    httpool::{error::Cause, time::Deadline},
};

use super::{builder, world};
use crate::{
    World, cause,
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
    let mut world = world();
    for body in bodies() {
        let call = world.client().post(&server.https("/")).body(body).send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().text(), LARGE.to_string());
    }
    assert_eq!(server.accepted(), 1);
}

/// The server reads nothing more, so a record is stuck half-written.
#[test]
fn an_early_refusal_comes_through_an_upload_that_nobody_reads() {
    for body in bodies() {
        let (server, _over) =
            sessions::deaf("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        let mut world = world();
        let call = world.client().post(&server.https("/")).body(body).send().unwrap();
        let response = world.driver.fetch(call).unwrap();
        assert!(response.body_taken().is_some());
        assert_eq!((response.status().as_u16(), &*response.text()), (413, "too much"));
        assert_eq!(world.stats().open, 0);
    }
}

#[test]
fn an_early_success_is_done_when_the_upload_is() {
    for body in bodies() {
        let server = sessions::eager();
        let mut world = world();
        let call = world.client().post(&server.https("/")).body(body).send().unwrap();
        assert_eq!(world.driver.fetch(call).unwrap().text(), "enough");
        assert_eq!(world.fetch(&server.https("/")).unwrap().text(), "again");
        assert_eq!(server.accepted(), 1);
    }
}

/// The whole response comes at once, while the upload is blocked.
#[test]
fn an_early_response_is_read_to_its_end_while_the_upload_is_blocked() {
    const LENGTH: usize = 60_000;
    for body in bodies() {
        let (server, has_read) = sessions::eager_and_long(LENGTH);
        let mut world = world();
        world.client().post(&server.https("/")).body(body).send().unwrap();
        world.until(|world| world.body.len() == LENGTH);
        assert_eq!(world.told, ["head 200"]);
        has_read.send(()).unwrap();
        world.until_told("end");
        assert_eq!(world.stats().idle, 1);
    }
}

#[test]
fn a_server_that_reads_nothing_ends_the_upload_by_the_write_deadline() {
    let (server, _over) = sessions::deaf("");
    let mut world = world();
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let request = world.client().post(&server.https("/")).timeouts(timeout);
    let call = request.body(vec![0; 4 * LARGE]).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Write));
    assert_eq!(world.stats().open, 0);
}

#[test]
fn plaintext_is_counted_as_written_and_not_its_records() {
    let (server, received) = sessions::measures();
    let sink = Arc::new(sessions::Written::default());
    let mut world = World::with(builder().trace(sink.clone()));
    for len in [0, 10, 1_000_000] {
        let call = world.client().post(&server.https("/")).body(vec![0; len]).send().unwrap();
        world.driver.fetch(call).unwrap();
    }
    assert_eq!(sink.bytes(), *received.lock().unwrap());
}

/// The first piece is on its way, or sent, when the reader panics.
#[test]
fn a_panic_of_a_body_s_reader_leaves_no_connection_with_half_a_request() {
    let server = Server::secure(answers);
    let mut world = world();
    for len in [0, 10, 200_000] {
        let url = server.https("/");
        let request = world.client().post(&url).body(Body::reader(sessions::Panics(len)));
        let call = request.send().unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| world.driver.fetch(call).is_ok())).is_err());
        assert!(world.driver.fetch(call).is_err());
        assert_eq!((world.stats().open, world.stats().leased), (0, 0));
        world.hello(&url);
        // Closes the connection, so that the next call opens one.
        assert_eq!(world.stats().idle, 1);
    }
}
