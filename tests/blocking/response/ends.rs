//! How responses are given up: released, drained, closed, shut down, dropped, upgraded.

use std::{
    io::{Read, Write},
    sync::{Mutex, mpsc},
    thread,
};

use httpool_blocking::{
    Client, Policy,
    urllib3::{HttpResponse, ResponseOptions},
};

use super::streamed;
use crate::{
    narrow,
    support::{Server, coded::coded, ok},
};

/// A server that answers each request with the head and the first bytes of a long body. It sends
/// the rest when it is told to, and says when that is done.
fn in_two(len: usize) -> (Server, mpsc::Sender<()>, mpsc::Receiver<()>) {
    let (go, gone) = mpsc::channel();
    let (tell, told) = mpsc::channel();
    let gone = Mutex::new(gone);
    let server = Server::start(move |peer| {
        // The rest must not wait for the acknowledgement of the first part.
        peer.tcp.set_nodelay(true).unwrap();
        while peer.request().is_some() {
            let answer = ok(vec![b'x'; len]);
            let (first, rest) = answer.split_at(answer.len() - len / 2);
            peer.send(first);
            if gone.lock().unwrap().recv().is_ok() {
                peer.send(rest);
            }
            tell.send(()).ok();
        }
    });
    (server, go, told)
}

#[test]
fn a_response_that_is_given_up_in_any_way_frees_its_place_in_the_pool() {
    let ways: [fn(HttpResponse); 5] = [
        drop,
        |mut response| response.close(),
        |mut response| response.release_conn(),
        |mut response| {
            response.close();
            response.release_conn();
            response.drain_conn();
        },
        |mut response| drop(response.stream(3)),
    ];
    let server = super::sending(ok(vec![0; 3_000_000]));
    let client = narrow();
    for give_up in ways {
        let mut response = streamed(&client, &server);
        assert_eq!(client.stats().leased, 1);
        response.read_bytes(10).unwrap();
        give_up(response);
        assert_eq!((client.stats().open, client.stats().leased), (0, 0));
    }
    assert_eq!(server.accepted(), ways.len());
}

#[test]
fn a_connection_that_is_released_with_a_body_unread_serves_the_next_request() {
    let (server, go, told) = in_two(40_000);
    let client = narrow();
    for served in 1..4 {
        let mut response = streamed(&client, &server);
        assert_eq!(response.reused(), served > 1);
        assert_eq!(response.read_bytes(3).unwrap(), b"xxx");
        go.send(()).unwrap();
        told.recv().unwrap();
        response.release_conn();
        assert_eq!((client.stats().open, client.stats().idle), (1, 1));
        assert_eq!(response.status(), 200);
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_connection_that_is_released_before_the_body_has_come_is_closed() {
    let (server, go, told) = in_two(40_000);
    let client = narrow();
    for connections in 1..4 {
        let mut response = streamed(&client, &server);
        response.release_conn();
        assert_eq!(client.stats().open, 0);
        assert_eq!(server.accepted(), connections);
        go.send(()).unwrap();
        // The next connection must not take this word.
        told.recv().unwrap();
    }
}

#[test]
fn reading_on_after_the_response_was_given_up_is_an_error_and_not_an_end() {
    let ways: [fn(&mut HttpResponse); 3] =
        [HttpResponse::close, HttpResponse::release_conn, HttpResponse::drain_conn];
    let server = super::sending(ok(vec![b'x'; 50_000]));
    for give_up in ways {
        let client = Client::new();
        let mut response = streamed(&client, &server);
        response.read_bytes(1).unwrap();
        give_up(&mut response);
        assert!(response.is_closed());
        for (way, read) in super::WAYS {
            assert!(read(&mut response).is_err(), "{way}");
        }
        assert_eq!(response.header("content-length"), Some("50000"));
        // A body that was read to its end stays ended.
        let mut whole = streamed(&client, &server);
        whole.read_all().unwrap();
        give_up(&mut whole);
        assert_eq!(whole.read_all().unwrap(), b"");
    }
}

#[test]
fn drain_conn_waits_for_a_short_rest_and_keeps_the_connection() {
    let (server, go, _told) = in_two(40_000);
    let client = narrow();
    for served in 1..4 {
        let mut response = streamed(&client, &server);
        assert_eq!(response.reused(), served > 1);
        response.read_bytes(3).unwrap();
        go.send(()).unwrap();
        response.drain_conn();
        assert_eq!((client.stats().open, client.stats().idle), (1, 1));
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn drain_conn_decodes_nothing_and_reads_no_more_than_its_bound() {
    // Not gzip: decoding would fail.
    let server = super::sending(coded("gzip", &[0; 60_000]));
    let client = narrow();
    for _ in 0..2 {
        streamed(&client, &server).drain_conn();
        assert_eq!(client.stats().idle, 1);
    }
    let few = Policy::default().drain_bytes_max(1000);
    let response = client.get(&server.url("/")).policy(few).send().unwrap();
    let options = ResponseOptions::default().preload_content(false);
    HttpResponse::new(response, options).unwrap().drain_conn();
    assert_eq!(client.stats().open, 0);
    assert_eq!(server.accepted(), 1);
}

#[test]
fn another_thread_shuts_a_response_down_that_waits_for_its_body() {
    let (server, _go, _told) = in_two(40_000);
    let client = Client::new();
    let mut response = streamed(&client, &server);
    let handle = response.shutdown_handle().unwrap();
    let other = thread::spawn(move || handle.cancel());
    let error = response.read_all().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    other.join().unwrap();
    assert_eq!(client.stats().open, 0);
    assert!(response.shutdown_handle().is_none());
    // The handle concerned that response alone.
    let mut next = streamed(&client, &server);
    assert_eq!(next.read_bytes(5).unwrap(), b"xxxxx");
}

#[test]
fn a_call_with_a_cancel_of_its_own_is_ended_by_either_handle() {
    for own in [true, false] {
        let (server, _go, _told) = in_two(40_000);
        let (client, cancel) = (Client::new(), httpool_blocking::Cancel::new());
        let mut response = client.get(&server.url("/")).cancel(&cancel).send().unwrap();
        let handle = response.shutdown_handle().unwrap();
        let ending = if own { cancel.clone() } else { handle };
        let other = thread::spawn(move || ending.cancel());
        assert!(response.bytes().unwrap_err().is_cancelled());
        other.join().unwrap();
        assert_eq!(cancel.is_cancelled(), own);
    }
}

#[test]
fn an_upgraded_response_hands_its_connection_over() {
    let server = Server::start(|peer| {
        peer.request().unwrap();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n",
        );
        let bytes = peer.take(4).unwrap();
        peer.send(bytes);
        peer.until_closed();
    });
    let client = Client::new();
    let response = client.get(&server.url("/")).header("Upgrade", "echo").send().unwrap();
    let response = HttpResponse::new(response, ResponseOptions::default()).unwrap();
    assert_eq!(response.status(), 101);
    let mut upgraded = response.into_upgraded().unwrap();
    upgraded.write_all(b"ping").unwrap();
    let mut back = [0; 4];
    upgraded.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"ping");
    let plain = streamed(&client, &super::sending(ok("x")));
    assert!(plain.into_upgraded().is_none());
}
