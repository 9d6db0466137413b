//! Tests calls that end by deadlines, `close` and cancel.

use std::{
    io::{self, Read},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use httpool_blocking::{
    Cancel, Client, Error, PoolLimits, Resolve,
    httpool::{
        call::{Policy, Retry},
        error::{Cause, DialError, Reached, Unavailable},
        message::Status,
        time::Deadline,
    },
};

use super::support::Server;

/// Starts a server that never answers, and reports when it has read a request.
fn silent() -> (Server, Receiver<()>) {
    let (asked, wait_until_asked) = mpsc::channel();
    let asked = Mutex::new(asked);
    let server = Server::start(move |peer| {
        peer.head();
        asked.lock().unwrap().send(()).ok();
        peer.until_closed();
    });
    (server, wait_until_asked)
}

fn cause(error: &Error) -> Cause {
    error.as_failure().unwrap().cause
}

const SHORT: Option<Duration> = Some(Duration::from_millis(30));

#[test]
fn each_deadline_names_itself() {
    let (server, _asked) = silent();
    let url = server.url("/");
    let failing = |change: &dyn Fn(&mut Policy)| {
        let mut policy = Policy::default();
        change(&mut policy);
        Client::new().get(&url).policy(policy).send().unwrap_err()
    };
    let error = failing(&|policy| policy.timeout.first_byte = SHORT);
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
    assert_eq!(error.reached(), Reached::Sent);
    assert!(error.is_timeout());
    let error = failing(&|policy| policy.timeout.total = SHORT);
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Total));

    let stalling = Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        peer.until_closed();
    });
    let mut policy = Policy::default();
    policy.timeout.stall = SHORT;
    let client = Client::builder().policy(policy).build();
    let error = client.get(&stalling.url("/")).send().unwrap().bytes().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Stall));
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_write_that_stalls_has_a_deadline() {
    let (stop, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let server = Server::start(move |peer| {
        peer.head();
        wait.lock().unwrap().recv().ok();
    });
    let mut policy = Policy::default();
    policy.timeout.write = SHORT;
    let client = Client::builder().policy(policy).build();
    let error = client.post(&server.url("/")).body(vec![0; 64 << 20]).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Write));
    drop(stop);
}

/// Returns a client with one connection, and a response that holds it.
fn full(server: &Server) -> (Client, httpool_blocking::Response) {
    let mut pool = PoolLimits::default();
    pool.open_per_key_max = 1;
    let client = Client::builder().pool(pool).build();
    let held = client.get(&server.url("/")).send().unwrap();
    (client, held)
}

/// Answers with a head, and holds the body back.
fn holding() -> Server {
    Server::start(|peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        peer.until_closed();
    })
}

fn until_waiting(client: &Client) {
    while client.stats().waiting == 0 {
        thread::yield_now();
    }
}

#[test]
fn a_line_has_a_deadline_and_leaving_it_loses_nothing() {
    let server = holding();
    let (client, held) = full(&server);
    let mut policy = Policy::default();
    policy.timeout.queue = SHORT;
    let error = client.get(&server.url("/")).policy(policy).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Queue));
    assert_eq!(error.reached(), Reached::Nothing);
    drop(held);
    assert_eq!((client.stats().open, client.stats().waiting), (0, 0));
    assert_eq!(client.get(&server.url("/")).send().unwrap().status(), 200);
}

#[test]
fn close_and_cancel_end_threads_in_line() {
    for close in [true, false] {
        let server = holding();
        let (client, held) = full(&server);
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| client.get(&server.url("/")).cancel(&cancel).send());
            until_waiting(&client);
            if close {
                client.close();
            } else {
                cancel.cancel();
            }
            let error = waiting.join().unwrap().unwrap_err();
            let closed = Cause::Unavailable(Unavailable::Closed);
            assert_eq!(cause(&error), if close { closed } else { Cause::Cancelled });
        });
        drop(held);
    }
}

/// A resolver that reports when it is asked, and answers when the test lets it.
struct Slow {
    asked: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
}

impl Resolve for Slow {
    fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.asked.lock().unwrap().send(()).ok();
        self.go.lock().unwrap().recv().ok();
        Err(io::Error::other("nobody knows"))
    }
}

#[test]
fn close_and_cancel_end_threads_that_resolve() {
    for close in [true, false] {
        let ((asked, wait_until_asked), (go, wait)) = (mpsc::channel(), mpsc::channel());
        let slow = Slow { asked: Mutex::new(asked), go: Mutex::new(wait) };
        let client = Client::builder().resolver(Arc::new(slow)).build();
        let cancel = Cancel::new();
        thread::scope(|scope| {
            let waiting = scope.spawn(|| client.get("http://slow.test/").cancel(&cancel).send());
            wait_until_asked.recv().unwrap();
            if close {
                client.close();
            } else {
                cancel.cancel();
            }
            assert!(waiting.join().unwrap().is_err());
        });
        assert_eq!(client.stats().dialing, 0);
        drop(go);
    }
}

#[test]
fn a_connection_that_comes_back_reaches_a_thread_that_resolves() {
    // Two names have a key each: the second thread waits for its own dial, not for the first's.
    let ((asked, wait_until_asked), (go, wait)) = (mpsc::channel(), mpsc::channel());
    let slow = Slow { asked: Mutex::new(asked), go: Mutex::new(wait) };
    let client = Client::builder().resolver(Arc::new(slow)).build();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get("http://slow.test/").send());
        wait_until_asked.recv().unwrap();
        go.send(()).unwrap();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(cause(&error), Cause::Unavailable(Unavailable::Dial(DialError::Name)));
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "nobody knows");
    });
}

#[test]
fn cancel_ends_threads_that_wait_for_an_answer_or_read_one() {
    let (server, wait_until_asked) = silent();
    let (client, cancel) = (Client::new(), Cancel::new());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.get(&server.url("/")).cancel(&cancel).send());
        wait_until_asked.recv().unwrap();
        cancel.cancel();
        assert!(waiting.join().unwrap().unwrap_err().is_cancelled());
    });
    assert_eq!(client.stats().open, 0);

    let (server, cancel) = (holding(), Cancel::new());
    let mut answer = client.get(&server.url("/")).cancel(&cancel).send().unwrap();
    thread::scope(|scope| {
        let reading = scope.spawn(move || answer.read(&mut [0; 9]));
        cancel.cancel();
        assert!(reading.join().unwrap().is_err());
    });
    assert_eq!(client.stats().open, 0);
}

#[test]
fn a_refused_connection_says_so_with_the_systems_reason() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = Client::new().get(&format!("http://127.0.0.1:{port}/")).send().unwrap_err();
    assert!(error.is_connect());
    assert_eq!(error.reached(), Reached::Nothing);
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(
        source.downcast_ref::<io::Error>().unwrap().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn retries_and_redirects_over_sockets() {
    let server = Server::start(|peer| {
        while let Some(request) = peer.request() {
            match request.head.split(' ').nth(1).unwrap() {
                "/moved" => {
                    peer.send("HTTP/1.1 307 R\r\nLocation: /here\r\nContent-Length: 2\r\n\r\nxx")
                }
                "/busy" if peer.number == 0 => {
                    peer.send(
                        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                    );
                    return;
                }
                _ => peer.answer(&String::from_utf8(request.body).unwrap()),
            }
        }
    });
    let mut retry = Retry::new(3);
    retry.statuses.push(Status::new(503).unwrap());
    let client = Client::new();
    let answer = client.post(&server.url("/moved")).body("again").send().unwrap();
    assert_eq!(answer.url().path(), "/here");
    assert_eq!(answer.history().len(), 1);
    assert_eq!(answer.text().unwrap(), "again");
    assert_eq!(server.accepted(), 1);

    let client = Client::new();
    let server = Server::start(|peer| {
        peer.request();
        if peer.number == 0 {
            return peer
                .send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
        peer.answer("fine");
    });
    let answer = client.get(&server.url("/busy")).retry(retry).send().unwrap();
    assert_eq!(answer.text().unwrap(), "fine");
}
