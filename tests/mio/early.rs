//! Tests responses that are complete while the request is still being written. If the response
//! needs no more of the body, the rest is not sent. Otherwise the call is done when the whole body
//! has been sent (RFC 9110 section 7.5).

use std::{
    io::{self, Read},
    net::Shutdown,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use httpool_mio::{
    Body, Output,
    httpool::{
        call::{Redirect, Timeout},
        error::{Cause, IoKind, Unsent},
        time::Deadline,
    },
};

use crate::{World, cause, support::Server};

const LARGE: usize = 32 * 1024 * 1024;

/// Takes a head, answers, and then neither reads nor closes before the test ends.
fn deaf(answer: &'static str) -> (Server, mpsc::Sender<()>) {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
        if peer.head().is_some() {
            peer.send(answer);
            is_over.lock().unwrap().recv().ok();
        }
    });
    (server, over)
}

#[test]
fn an_early_refusal_comes_through_an_upload_that_nobody_reads() {
    for body in [Body::from(vec![0; LARGE]), Body::reader(io::repeat(7).take(LARGE as u64))] {
        let (server, _over) = deaf("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        let mut world = World::new();
        let call = world.client().post(&server.url("/")).body(body).send().unwrap();
        let response = world.driver.fetch(call).unwrap();
        assert!(response.body_taken().unwrap().bytes() < LARGE as u64);
        assert_eq!((response.status().as_u16(), &*response.text()), (413, "too much"));
        assert_eq!(world.stats().open, 0);
    }
}

/// Answers at once, reads the body to its end, and then answers further requests.
fn eager(answer: &'static str) -> (Server, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let server = Server::start(move |peer| {
        while let Some(head) = peer.head() {
            if head.starts_with("GET") {
                peer.answer("again");
                continue;
            }
            peer.send(answer);
            let body = if head.contains("chunked") { peer.chunks() } else { peer.take(LARGE) };
            count.fetch_add(body.map_or(0, |body| body.len()), SeqCst);
        }
    });
    (server, taken)
}

#[test]
fn a_complete_success_does_not_stop_the_upload() {
    for body in [
        Body::from(vec![0; LARGE]),
        Body::sized_reader(io::repeat(7), LARGE as u64),
        Body::reader(io::repeat(7).take(LARGE as u64)),
    ] {
        let (server, taken) = eager("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nenough");
        let mut world = World::narrow();
        let call = world.client().post(&server.url("/")).body(body).send().unwrap();
        let response = world.driver.fetch(call).unwrap();
        assert_eq!((response.body_taken(), &*response.text()), (None, "enough"));
        assert_eq!(world.stats().idle, 1);
        // The next request on the same connection follows the whole body.
        assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "again");
        assert_eq!((taken.load(SeqCst), server.accepted()), (LARGE, 1));
    }
}

#[test]
fn any_early_success_is_done_when_the_upload_is() {
    for (answer, trailers) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 0),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", 0),
        ("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1\r\n\r\nx", 0),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
            1,
        ),
    ] {
        let (server, taken) = eager(answer);
        let mut world = World::narrow();
        let request = world.client().post(&server.url("/")).redirect(Redirect::none());
        let call = request.body(vec![0; LARGE]).send().unwrap();
        let response = world.driver.fetch(call).unwrap();
        assert_eq!(response.trailers().map_or(0, |fields| fields.iter().count()), trailers);
        assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "again");
        assert_eq!((taken.load(SeqCst), server.accepted()), (LARGE, 1), "{answer}");
    }
}

/// The call has no further events, and its upload continues where it was.
#[test]
fn a_response_that_is_discarded_does_not_stop_the_upload() {
    let (server, taken) = eager("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nenough");
    let mut world = World::narrow();
    let body = Body::sized_reader(io::repeat(7), LARGE as u64);
    world.client().post(&server.url("/")).body(body).send().unwrap();
    let mut told = 0;
    world
        .driver
        .run(|client, output| {
            told += 1;
            let Output::Head(call, _) = output else { panic!("{output:?}") };
            client.discard(call);
        })
        .unwrap();
    assert_eq!((told, world.stats().idle), (1, 1));
    assert_eq!(world.fetch(&server.url("/")).unwrap().text(), "again");
    assert_eq!((taken.load(SeqCst), server.accepted()), (LARGE, 1));
}

#[test]
fn a_success_that_closes_needs_no_more_and_says_how_much_it_took() {
    let (server, _over) =
        deaf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    let mut world = World::new();
    let call = world.client().post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    let taken = response.body_taken().unwrap();
    assert!(taken.bytes() < LARGE as u64 && taken.of() == Some(LARGE as u64));
    assert_eq!(response.text(), "ok");
}

/// The server ends its output after its response, and reads nothing.
#[test]
fn a_peer_that_closes_without_a_word_makes_an_early_success_a_failure() {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok");
        peer.tcp.shutdown(Shutdown::Write).unwrap();
        is_over.lock().unwrap().recv().ok();
    });
    let mut world = World::new();
    world.client().post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    world.until_told("failed");
    assert_eq!(
        (&world.told[..], &world.body[..]),
        (&["head 201".into(), "failed".into()][..], &b"ok"[..])
    );
    let Cause::BodyUnsent(unsent) = cause(&world.errors[0]) else { panic!() };
    assert_eq!((unsent.status(), unsent.why()), (201, Unsent::Lost(IoKind::Eof)));
    assert_eq!(unsent.taken().of(), Some(LARGE as u64));
    drop(over);
}

#[test]
fn a_deadline_that_passes_makes_an_early_success_a_failure() {
    let (server, _over) = deaf("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let mut world = World::new();
    let request = world.client().post(&server.url("/")).timeouts(timeout);
    let call = request.body(vec![0; LARGE]).send().unwrap();
    let error = world.driver.fetch(call).unwrap_err();
    let Cause::BodyUnsent(unsent) = cause(&error) else { panic!("{error}") };
    assert_eq!((unsent.status(), unsent.why()), (200, Unsent::Timeout(Deadline::Write)));
    assert!(error.is_timeout() && error.head().is_some());
    assert_eq!(world.stats().open, 0);
}

#[test]
fn a_417_is_answered_with_the_same_request_without_expect() {
    let server = Server::start(|peer| {
        while let Some(head) = peer.head() {
            if head.contains("Expect: 100-continue") {
                peer.send("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
            } else {
                assert_eq!(peer.take(5).unwrap(), b"hello");
                peer.answer("thanks");
            }
        }
    });
    let mut world = World::new();
    let body = Body::sized_reader(io::Cursor::new("hello"), 5);
    let request = world.client().post(&server.url("/")).expect_continue(true);
    let call = request.body(body).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!(response.history()[0].status.unwrap(), 417);
    assert_eq!((&*response.text(), server.accepted()), ("thanks", 2));
}

/// The server refuses and closes at once. Its response is read before its close is noticed.
#[test]
fn a_refusal_is_heard_although_the_rest_of_the_request_cannot_be_written() {
    let server = Server::start(|peer| {
        if peer.head().is_some() {
            peer.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
            peer.tcp.shutdown(Shutdown::Write).ok();
            peer.until_closed();
        }
    });
    let mut world = World::new();
    let call = world.client().put(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!((response.status().as_u16(), &*response.text()), (403, "no"));
    assert_eq!(world.stats().open, 0);
}

/// The server refuses the request and reads on. The rest of the request is not sent.
#[test]
fn what_was_refused_need_not_go() {
    let seen = Arc::new(AtomicUsize::new(0));
    let (go, wait) = mpsc::channel::<()>();
    let (counted, wait) = (seen.clone(), Mutex::new(wait));
    let server = Server::start(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\n");
        let mut reading = peer.tcp.try_clone().unwrap();
        let counted = counted.clone();
        thread::spawn(move || {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(read @ 1..) = reading.read(&mut buffer) {
                counted.fetch_add(read, SeqCst);
            }
        });
        wait.lock().unwrap().recv().ok();
        peer.send("full");
        peer.until_closed();
    });
    let mut world = World::new();
    world.client().post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    world.until_told("head 413");
    // Long enough to send all of it.
    for _ in 0..200 {
        world.turn();
    }
    go.send(()).unwrap();
    world.until_told("end");
    assert_eq!(world.body, b"full");
    let seen = seen.load(SeqCst);
    assert!(seen < LARGE / 2, "{seen} bytes");
}
