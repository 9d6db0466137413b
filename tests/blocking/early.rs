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
    time::Duration,
};

use httpool_blocking::{
    Body, Client, Error,
    httpool::{
        call::{Redirect, Timeout},
        error::{Cause, IoKind, Unsent},
        time::Deadline,
    },
};

use crate::{cause, narrow, support::Server};

const LARGE: usize = 32 * 1024 * 1024;

/// Takes a head, answers, and then neither reads nor closes before the test ends.
fn deaf(answer: impl Into<String>) -> (Server, mpsc::Sender<()>) {
    let (over, is_over) = mpsc::channel::<()>();
    let (is_over, answer) = (Mutex::new(is_over), answer.into());
    let server = Server::start(move |peer| {
        if peer.head().is_some() {
            peer.send(&answer);
            is_over.lock().unwrap().recv().ok();
        }
    });
    (server, over)
}

#[test]
fn an_early_refusal_comes_through_an_upload_that_nobody_reads() {
    for body in [Body::from(vec![0; LARGE]), Body::reader(io::repeat(7).take(LARGE as u64))] {
        let (server, _over) = deaf("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\ntoo much");
        let client = Client::new();
        let response = client.post(&server.url("/")).body(body).send().unwrap();
        assert_eq!(response.status(), 413);
        assert_eq!(response.text().unwrap(), "too much");
        assert_eq!(client.stats().open, 0);
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

/// Returns a body of each kind.
fn bodies() -> [Body; 3] {
    [
        Body::from(vec![0; LARGE]),
        Body::sized_reader(io::repeat(7), LARGE as u64),
        Body::reader(io::repeat(7).take(LARGE as u64)),
    ]
}

#[test]
fn a_complete_success_does_not_stop_the_upload() {
    for body in bodies() {
        let (server, taken) = eager("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nenough");
        let client = narrow();
        let mut response = client.post(&server.url("/")).body(body).send().unwrap();
        let mut text = String::new();
        response.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), response.body_taken()), ("enough", None));
        assert_eq!(client.stats().idle, 1);
        // The next request on the same connection follows the whole body.
        assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "again");
        assert_eq!((taken.load(SeqCst), server.accepted()), (LARGE, 1));
    }
}

/// Any status below 400 behaves so, and any way to read the response.
#[test]
fn any_early_success_is_done_when_the_upload_is() {
    for answer in [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 1\r\n\r\nx",
    ] {
        let (server, taken) = eager(answer);
        let client = narrow();
        let request = client.post(&server.url("/")).redirect(Redirect::none());
        let response = request.body(vec![0; LARGE]).send().unwrap();
        // Without a response body, the driver reads last in `send`.
        let length = response.bytes().unwrap().len();
        assert!(length < 3);
        assert_eq!(client.get(&server.url("/")).send().unwrap().text().unwrap(), "again");
        assert_eq!((taken.load(SeqCst), server.accepted()), (LARGE, 1), "{answer}");
    }
}

#[test]
fn a_success_that_closes_needs_no_more_and_says_how_much_it_took() {
    let (server, _over) =
        deaf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    for body in bodies() {
        let declared = !format!("{body:?}").contains("Unknown");
        let response = Client::new().post(&server.url("/")).body(body).send().unwrap();
        let taken = response.body_taken().unwrap();
        assert!(taken.bytes() < LARGE as u64);
        assert_eq!(taken.of(), declared.then_some(LARGE as u64));
        assert_eq!(response.text().unwrap(), "ok");
    }
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
    let send = || Client::new().post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    let error = send().text().unwrap_err();
    let Cause::BodyUnsent(unsent) = cause(&error) else { panic!("{error}") };
    assert_eq!((unsent.status(), unsent.why()), (201, Unsent::Lost(IoKind::Eof)));
    assert_eq!(unsent.taken().of(), Some(LARGE as u64));
    assert!(unsent.taken().bytes() < LARGE as u64);
    assert_eq!(error.body_taken(), Some(unsent.taken()));
    drop(over);
}

#[test]
fn a_reader_has_the_failure_in_place_of_the_end() {
    let (server, _over) = deaf("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let client = Client::new();
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let request = client.post(&server.url("/")).timeouts(timeout);
    let mut response = request.body(vec![0; LARGE]).send().unwrap();
    let mut text = [0; 16];
    assert_eq!(response.read(&mut text).unwrap(), 2);
    let error = response.read(&mut text).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let error = error.downcast::<Error>().unwrap();
    let Cause::BodyUnsent(unsent) = cause(&error) else { panic!("{error}") };
    assert_eq!((unsent.status(), unsent.why()), (200, Unsent::Timeout(Deadline::Write)));
    drop(response);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_response_without_a_body_fails_where_it_is_sent() {
    let (server, _over) = deaf("HTTP/1.1 204 No Content\r\n\r\n");
    let mut timeout = Timeout::default();
    timeout.write = Some(Duration::from_millis(50));
    let request = Client::new().post(&server.url("/")).timeouts(timeout);
    let error = request.body(vec![0; LARGE]).send().unwrap_err();
    assert!(error.is_timeout() && error.body_taken().is_some(), "{error}");
}

#[test]
fn a_response_that_is_dropped_stops_the_upload() {
    let (server, _over) = deaf("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let client = Client::new();
    drop(client.post(&server.url("/")).body(vec![0; LARGE]).send().unwrap());
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_redirect_that_is_followed_stops_the_upload() {
    let there = Server::answering("there");
    let location = there.url("/");
    let (server, _over) =
        deaf(format!("HTTP/1.1 307 There\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
    let client = Client::new();
    let response = client.post(&server.url("/")).body(vec![0; LARGE]).send().unwrap();
    assert_eq!(response.text().unwrap(), "there");
    assert_eq!((there.requests(), client.stats().open), (1, 1));
}
