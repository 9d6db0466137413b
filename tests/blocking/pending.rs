//! Tests that a thread is woken while its TCP connect is pending. The peer is a listener with a
//! full queue, to which Linux neither accepts nor refuses connections.
//!
//! Without `poll(2)` a connect cannot be interrupted, as the driver's docs say.
#![cfg(all(target_os = "linux", not(httpool_std_only)))]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use httpool_blocking::{
    Cancel, Client,
    httpool::{
        dial,
        error::{Cause, DialError, Unavailable},
        time::Deadline,
        trace::{Line, Sink},
    },
};

use super::{cause, support::ok};

/// Returns a listener with room for one connection in its queue.
fn shallow() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, url)
}

/// Takes the one place in the queue.
fn fill(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap()
}

fn read_head(mut peer: &TcpStream) {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        peer.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
}

/// Reports when a dial has begun to connect.
struct Connects(Mutex<Sender<()>>);

impl Sink for Connects {
    fn line(&self, line: &Line<'_>) {
        if line.to_string().contains("< connecting") {
            self.0.lock().unwrap().send(()).ok();
        }
    }
}

fn client() -> (Client, Receiver<()>) {
    let (connects, wait_until_connecting) = mpsc::channel();
    let sink = Arc::new(Connects(Mutex::new(connects)));
    (Client::builder().trace(sink).build(), wait_until_connecting)
}

#[test]
fn close_and_cancel_end_a_pending_connect() {
    for close in [true, false] {
        let (listener, url) = shallow();
        let _filler = fill(&listener);
        let ((client, wait_until_connecting), cancel) = (client(), Cancel::new());
        thread::scope(|scope| {
            let pending = scope.spawn(|| client.get(&url).cancel(&cancel).send());
            wait_until_connecting.recv().unwrap();
            assert_eq!(client.stats().dialing, 1);
            if close {
                client.close();
            } else {
                cancel.cancel();
            }
            let error = pending.join().unwrap().unwrap_err();
            let closed = Cause::Unavailable(Unavailable::Closed);
            assert_eq!(cause(&error), if close { closed } else { Cause::Cancelled });
        });
        assert_eq!(client.stats().open, 0);
    }
}

#[test]
fn a_connection_that_comes_back_serves_a_thread_whose_connect_is_pending() {
    let (listener, url) = shallow();
    let (client, wait_until_connecting) = client();
    thread::scope(|scope| {
        let first = scope.spawn(|| client.get(&url).send().unwrap());
        let (peer, _) = listener.accept().unwrap();
        wait_until_connecting.recv().unwrap();
        read_head(&peer);
        let answer = ok("first");
        let (head, body) = answer.split_at(answer.len() - 5);
        (&peer).write_all(head).unwrap();
        let first = first.join().unwrap();

        let _filler = fill(&listener);
        let second = scope.spawn(|| client.get(&url).send().unwrap());
        wait_until_connecting.recv().unwrap();
        assert_eq!((client.stats().leased, client.stats().dialing), (1, 1));
        (&peer).write_all(body).unwrap();
        assert_eq!(first.bytes().unwrap(), b"first");
        read_head(&peer);
        (&peer).write_all(&ok("second")).unwrap();
        let second = second.join().unwrap();
        assert!(second.reused());
        assert_eq!(second.bytes().unwrap(), b"second");
        assert_eq!((client.stats().open, client.stats().idle), (1, 1));
    });
}

#[test]
fn a_pending_connect_has_a_deadline() {
    let (listener, url) = shallow();
    let _filler = fill(&listener);
    let mut policy = dial::DialPolicy::default();
    policy.connect_timeout = Some(Duration::from_millis(30));
    let client = Client::builder().dial(policy).build();
    let error = client.get(&url).send().unwrap_err();
    let late = DialError::Timeout(Deadline::Connect);
    assert_eq!(cause(&error), Cause::Unavailable(Unavailable::Dial(late)));
    assert!(error.is_timeout() && error.is_connect());
    assert_eq!(client.stats().open, 0);
}
