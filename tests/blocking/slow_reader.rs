//! Tests a server that reads slowly. The bytes of a long request that the system holds unsent are
//! bounded (`TCP_NOTSENT_LOWAT`), so that deadlines measure the server's progress.
#![cfg(all(target_os = "linux", not(httpool_std_only)))]

use std::{
    io::{self, Read},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use httpool_blocking::{
    Body, Client, Error,
    httpool::{call::Timeout, error::Cause, time::Deadline},
};

use crate::{cause, support::Server};

/// Counts the bytes that were read from it.
struct Counted(Arc<AtomicUsize>);

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(into.len(), SeqCst);
        Ok(into.len())
    }
}

fn timeouts(each: Duration) -> Timeout {
    let mut timeout = Timeout::default();
    (timeout.write, timeout.first_byte) = (Some(each), Some(each));
    timeout
}

/// By default the system's buffers hold some 2.5 MB for a connection on loopback.
#[test]
fn a_server_that_reads_nothing_is_sent_little() {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
        peer.head();
        is_over.lock().unwrap().recv().ok();
    });
    let taken = Arc::new(AtomicUsize::new(0));
    let body = Body::sized_reader(Counted(taken.clone()), 32 << 20);
    let request =
        Client::new().post(&server.url("/")).timeouts(timeouts(Duration::from_millis(200)));
    let error = request.body(body).send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::Write));
    let taken = taken.load(SeqCst);
    assert!(taken < 1 << 20, "{taken} bytes");
    drop(over);
}

/// The server reads 640 kB/s. With the system's default buffers the whole body would fit into them,
/// and the server would need longer than the deadline to reach its answer. That would also happen
/// with the default timeouts at 5 kB/s.
#[test]
fn a_server_that_reads_steadily_is_in_time() {
    const LEN: usize = 2 << 20;
    let server = Server::start(|peer| {
        peer.head();
        for _ in 0..LEN / 32_768 {
            if peer.take(32_768).is_none() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        peer.answer("all");
        peer.until_closed();
    });
    for body in [Body::from(vec![7; LEN]), Body::sized_reader(io::repeat(7), LEN as u64)] {
        let request =
            Client::new().post(&server.url("/")).timeouts(timeouts(Duration::from_millis(1_500)));
        assert_eq!(request.body(body).send().unwrap().text().unwrap(), "all");
    }
}

/// The server closes after its response, which is delimited by the close. The response comes after
/// the whole request.
#[test]
fn a_server_that_closes_when_it_has_all_has_all() {
    for _ in 0..20 {
        const LEN: usize = 1 << 20;
        let server = Server::start(|peer| {
            peer.head();
            peer.send("HTTP/1.1 200 OK\r\n\r\n");
            for _ in 0..LEN / 16_384 {
                if let Some(piece) = peer.take(16_384) {
                    peer.send(piece);
                }
            }
        });
        let request = Client::new().post(&server.url("/")).body(vec![7; LEN]);
        assert_eq!(request.send().unwrap().bytes().unwrap().len(), LEN);
    }
}

/// The system took the whole body, but the server read none of it. Closing then resets the
/// connection.
#[test]
fn a_body_that_only_the_system_has_is_not_sent() {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::start(move |peer| {
        peer.head();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        // Waits until the client has read the response.
        is_over.lock().unwrap().recv().ok();
    });
    let mut response = Client::new().post(&server.url("/")).body(vec![7; 180_000]).send().unwrap();
    assert_eq!(response.read(&mut [0; 2]).unwrap(), 2);
    drop(over);
    let error = response.read(&mut [0; 2]).unwrap_err().downcast::<Error>().unwrap();
    let Cause::BodyUnsent(unsent) = cause(&error) else { panic!("{error}") };
    assert!(unsent.taken().bytes() < 180_000, "{unsent}");
}
