//! Tests that [`Client::close`] and [`Cancel`] end the waits of threads.

use std::thread;

use httpool_blocking::{
    Cancel, Client, Error, Response,
    httpool::{
        call::{Policy, Route},
        error::{Cause, Reached, Unavailable},
        message::{Hop, HopKind, Origin, Scheme},
    },
};

use crate::{
    cause, narrow,
    support::{Server, ok, until},
};

type Outcome = thread::JoinHandle<Result<Response, Error>>;

/// Makes a call on a thread of its own.
fn sent(client: &Client, url: String, cancel: &Cancel) -> Outcome {
    let (client, cancel) = (client.clone(), cancel.clone());
    thread::spawn(move || client.get(&url).cancel(&cancel).send())
}

fn ends_with(call: Outcome, why: Cause) -> Error {
    let error = call.join().unwrap().unwrap_err();
    assert_eq!(cause(&error), why);
    error
}

const CLOSED: Cause = Cause::Unavailable(Unavailable::Closed);

/// Answers with the beginning of a body, and sends no more.
fn half() -> Server {
    Server::replying(|_| "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf".into())
}

/// Takes requests and never answers.
fn mute() -> Server {
    Server::replying(|_| Vec::new())
}

#[test]
fn close_ends_those_in_line_and_later_calls() {
    let (server, client, never) = (half(), narrow(), Cancel::new());
    let held = client.get(&server.url("/")).send().unwrap();
    let waiting: Vec<_> = (0..3).map(|_| sent(&client, server.url("/"), &never)).collect();
    until(|| client.stats().waiting == 3);
    client.close();
    for call in waiting {
        assert_eq!(ends_with(call, CLOSED).reached(), Reached::Nothing);
    }
    assert_eq!(cause(&client.get(&server.url("/")).send().unwrap_err()), CLOSED);
    assert_eq!(client.stats().leased, 1);
    drop(held);
    assert_eq!(client.stats().open, 0);
    assert_eq!(server.requests(), 1);
}

/// Returns a client whose proxy takes CONNECT and never answers, so that its dials last.
fn dialing() -> (Client, Server) {
    let proxy = mute();
    let origin = Origin::new(Scheme::Http, "127.0.0.1", proxy.port());
    let mut policy = Policy::default();
    policy.routes.http = Route::Tunnel([Hop::new(HopKind::Connect, origin)].into());
    (Client::builder().policy(policy).build(), proxy)
}

#[test]
fn close_ends_a_dial() {
    let (client, proxy) = dialing();
    let call = sent(&client, "http://127.0.0.1:9/".into(), &Cancel::new());
    until(|| proxy.requests() == 1);
    assert_eq!(client.stats().dialing, 1);
    client.close();
    ends_with(call, CLOSED);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn cancel_ends_a_dial() {
    let ((client, proxy), cancel) = (dialing(), Cancel::new());
    let call = sent(&client, "http://127.0.0.1:9/".into(), &cancel);
    until(|| proxy.requests() == 1);
    cancel.cancel();
    ends_with(call, Cause::Cancelled);
    assert_eq!(client.stats().open, 0);
}

#[test]
fn cancel_ends_one_in_line_and_not_the_other() {
    let server = Server::replying(|request| ok(vec![b'x'; request.target().len() * 100_000]));
    let (client, cancel) = (narrow(), Cancel::new());
    let held = client.get(&server.url("/")).send().unwrap();
    let given_up = sent(&client, server.url("/"), &cancel);
    let other = sent(&client, server.url("/other"), &Cancel::new());
    until(|| client.stats().waiting == 2);
    cancel.cancel();
    ends_with(given_up, Cause::Cancelled);
    held.bytes().unwrap();
    assert_eq!(other.join().unwrap().unwrap().bytes().unwrap().len(), 600_000);
    assert_eq!((client.stats().open, client.stats().idle), (1, 1));
}

#[test]
fn cancel_ends_a_pause_before_another_attempt() {
    let server = Server::replying(|_| {
        "HTTP/1.1 503 Later\r\nRetry-After: 3600\r\nContent-Length: 0\r\n\r\n".into()
    });
    let (client, cancel) = (retrying(), Cancel::new());
    let call = sent(&client, server.url("/"), &cancel);
    // The response has been read when its connection is free again.
    until(|| client.stats().idle == 1);
    cancel.cancel();
    ends_with(call, Cause::Cancelled);
}

fn retrying() -> Client {
    let mut policy = Policy::default();
    policy.retry.total = Some(1);
    Client::builder().policy(policy).build()
}

#[test]
fn a_handle_that_was_used_ends_calls_wherever_they_come() {
    let (client, cancel) = (narrow(), Cancel::new());
    cancel.cancel();
    let get = |server: &Server| client.get(&server.url("/")).cancel(&cancel).send();
    let dialing = Server::answering("answer");
    assert!(get(&dialing).unwrap_err().is_cancelled());
    let warm = Server::answering("answer");
    client.get(&warm.url("/")).send().unwrap().bytes().unwrap();
    assert_eq!(client.stats().idle, 1);
    assert!(get(&warm).unwrap_err().is_cancelled());
    let busy = half();
    let held = client.get(&busy.url("/")).send().unwrap();
    assert!(get(&busy).unwrap_err().is_cancelled());
    assert_eq!((client.stats().waiting, client.stats().leased), (0, 1));
    drop(held);
    assert_eq!(client.stats().open, 0);
}
