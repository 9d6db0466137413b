//! Servers for the tests of layered connections, of both drivers.

use std::{
    io::{self, Read},
    net::Shutdown,
    sync::{Arc, Mutex, mpsc},
    thread,
};

use httpool_blocking::httpool::{
    error::{IoKind, TlsKind},
    message::Scheme,
    trace::{Line, Sink},
};
use httpool_sim::layer::Half;

use super::{Peer, Server, ok};

pub(crate) const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
pub(crate) const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
pub(crate) const CLOSED: &str = "HTTP/1.1 200 OK\r\n\r\nhello";
/// A proxy's answer to CONNECT.
const STANDS: &str = "HTTP/1.1 200 OK\r\n\r\n";
/// The kind of a connection that was cut.
pub(crate) const CUT: TlsKind = TlsKind::Lost(IoKind::Eof);
/// The length of the bodies that fill every buffer.
pub(crate) const LARGE: usize = 8 * 1024 * 1024;

/// A signal from a server's thread to the test.
pub(crate) fn signal() -> (Mutex<mpsc::Sender<()>>, mpsc::Receiver<()>) {
    let (sent, waits) = mpsc::channel();
    (Mutex::new(sent), waits)
}

pub(crate) fn answers(peer: &mut Peer) {
    while peer.request().is_some() {
        peer.answer("hello");
    }
}

/// Writes at most `piece` raw bytes at once, in the handshake too.
pub(crate) fn in_pieces(piece: usize) -> Server {
    Server::start(move |peer| {
        peer.tcp.set_nodelay(true).unwrap();
        peer.piece = piece;
        if peer.shake_hands(100) {
            answers(peer);
        }
    })
}

/// Writes its sealed response in two parts, cut after one more byte each time. The number is the
/// length of the response.
pub(crate) fn cut_anywhere(answer: Vec<u8>) -> (Server, Arc<Mutex<usize>>) {
    let cuts = Arc::new(Mutex::new(0));
    let last = cuts.clone();
    let server = Server::start(move |peer| {
        peer.tcp.set_nodelay(true).unwrap();
        peer.shake_hands(20);
        for cut in 0.. {
            if peer.request().is_none() {
                return;
            }
            let sealed = peer.seal(&answer);
            let cut = sealed.len().min(cut);
            *last.lock().unwrap() = sealed.len();
            peer.send_raw(&sealed[..cut]);
            thread::yield_now();
            peer.send_raw(&sealed[cut..]);
        }
    });
    (server, cuts)
}

/// Sends `content`, in chunks if asked for `/chunked`.
pub(crate) fn sending(content: Vec<u8>, record: usize) -> Server {
    Server::start(move |peer| {
        peer.shake_hands(record);
        while let Some(request) = peer.request() {
            if request.target() == "/chunked" {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                for chunk in content.chunks(70_000) {
                    peer.send(format!("{:x}\r\n", chunk.len()));
                    peer.send(chunk);
                    peer.send("\r\n");
                }
                peer.send("0\r\n\r\n");
            } else {
                peer.send(ok(&content));
            }
        }
    })
}

/// On its first connection, sends a response with a body of `len` bytes and another one that nobody
/// has asked for, in the same record if `glued`.
pub(crate) fn speaks_unasked(glued: bool, len: usize) -> (Server, mpsc::Receiver<()>) {
    let (sent, is_sent) = signal();
    let server = Server::secure(move |peer| {
        if peer.request().is_none() || peer.number > 0 {
            return peer.answer("good");
        }
        let (first, evil) = (ok(vec![b'x'; len]), ok("evil"));
        let raw = if glued {
            peer.seal(&[first, evil].concat())
        } else {
            [peer.seal(&first), peer.seal(&evil)].concat()
        };
        peer.send_raw(&raw);
        sent.lock().unwrap().send(()).unwrap();
        peer.until_closed();
    });
    (server, is_sent)
}

/// Does what `idle` does after its first response.
pub(crate) fn idling(
    idle: impl Fn(&mut Peer) + Send + Sync + 'static,
) -> (Server, mpsc::Receiver<()>) {
    let (sent, is_sent) = signal();
    let server = Server::secure(move |peer| {
        peer.request();
        peer.answer("hello");
        if peer.number == 0 {
            idle(peer);
            sent.lock().unwrap().send(()).unwrap();
        }
        answers(peer);
    });
    (server, is_sent)
}

/// After its first response, sends a part of a ticket. The rest comes with the next response.
pub(crate) fn cuts_a_ticket() -> (Server, mpsc::Receiver<()>) {
    let (sent, is_sent) = signal();
    let server = Server::secure(move |peer| {
        peer.request();
        peer.answer("hello");
        let ticket = peer.records(Half::ticket);
        peer.send_raw(&ticket[..5]);
        sent.lock().unwrap().send(()).unwrap();
        peer.request();
        let answer = peer.seal(&ok("hello"));
        peer.send_raw(&[&ticket[5..], &answer].concat());
        answers(peer);
    });
    (server, is_sent)
}

/// Something that a server does, with its name.
type Deed = (&'static str, fn(&mut Peer));

/// Something that a server may do on an idle connection that must not be used again after it.
pub(crate) fn ends_of_an_idle_connection() -> [Deed; 5] {
    [
        ("a notice of the end", |peer| peer.send_records(Half::end)),
        ("an alert", |peer| peer.send_records(Half::alert)),
        ("plaintext", |peer| peer.answer("evil")),
        ("no record", |peer| peer.send_raw(b"zzzz")),
        ("an end without notice", |peer| peer.tcp.shutdown(Shutdown::Write).unwrap()),
    ]
}

/// Sends the rest of each response when the client has answered a key update.
pub(crate) fn updates_keys() -> Server {
    Server::secure(|peer| {
        while peer.request().is_some() {
            peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
            peer.send_records(Half::update_keys);
            let updated = peer.sessions[0].half.updates() + 1;
            while peer.sessions[0].half.updates() < updated {
                peer.more().unwrap();
            }
            peer.send("world");
        }
    })
}

/// Switches to another protocol, in which it returns four bytes and ends.
pub(crate) fn switches() -> Server {
    Server::secure(|peer| {
        peer.head();
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nfirst ",
        );
        let ping = peer.take(4).unwrap();
        peer.send([&ping[..], b" last"].concat());
        peer.send_records(Half::update_keys);
        peer.send_records(Half::end);
        peer.until_closed();
    })
}

/// Reads what comes, and never answers.
pub(crate) fn silent() -> Server {
    Server::start(|peer| {
        peer.take(1);
        peer.count();
        peer.until_closed();
    })
}

/// Answers the first message of a handshake, and no other.
pub(crate) fn half_silent() -> Server {
    Server::start(|peer| {
        peer.begin(Half::server(None, 100));
        peer.more();
        peer.sessions.clear();
        peer.until_closed();
    })
}

/// Has a certificate for another name. Signals that it got the client's alert.
pub(crate) fn misnamed() -> (Server, mpsc::Receiver<()>) {
    let (sent, alerted) = signal();
    let server = Server::start(move |peer| {
        peer.begin(Half::server(Some("b.test"), 100));
        while peer.more().is_some() {}
        assert!(peer.sessions[0].half.has_failed());
        sent.lock().unwrap().send(()).unwrap();
    });
    (server, alerted)
}

/// Servers whose handshake fails, with the kind of the failure.
pub(crate) fn failing() -> [(Server, TlsKind); 3] {
    let plain = Server::start(|peer| peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let alert = Server::start(|peer| {
        peer.begin(Half::server(None, 100));
        peer.send_records(Half::alert);
        peer.until_closed();
    });
    let gone = Server::start(|peer| drop(peer.take(1)));
    [(plain, TlsKind::Protocol), (alert, TlsKind::Alert(40)), (gone, CUT)]
}

/// Whether two kinds are the same. A close with unread input may come as a reset.
pub(crate) fn alike(one: TlsKind, other: TlsKind) -> bool {
    let lost = |it| matches!(it, TlsKind::Lost(_));
    one == other || lost(one) && lost(other)
}

/// Sends data with the last message of the handshake.
pub(crate) fn speaks_first() -> Server {
    Server::start(|peer| {
        peer.hold = true;
        assert!(peer.shake_hands(100));
        peer.answer("evil");
        peer.release();
        peer.until_closed();
    })
}

/// Answers with `len` bytes on its first connection, and hangs in the handshake on others.
pub(crate) fn hangs_later(len: usize) -> Server {
    Server::start(move |peer| {
        if peer.number > 0 {
            peer.count();
            return peer.until_closed();
        }
        peer.shake_hands(100);
        while peer.request().is_some() {
            peer.send(ok(vec![b'x'; len]));
        }
    })
}

/// A proxy that is also the origin server behind its tunnel.
pub(crate) fn proxy(scheme: Scheme, piece: usize) -> Server {
    Server::start(move |peer| {
        peer.tcp.set_nodelay(true).unwrap();
        peer.piece = piece;
        if scheme == Scheme::Https {
            assert!(peer.shake_hands(50));
        }
        assert!(peer.head().unwrap().starts_with("CONNECT a.test:443 "));
        peer.send(STANDS);
        assert!(peer.shake_hands(30));
        answers(peer);
    })
}

/// The ways to an origin server through a [`proxy`]: the scheme and the piece of the proxy.
pub(crate) const WAYS: [(Scheme, usize); 5] = [
    (Scheme::Http, usize::MAX),
    (Scheme::Http, 1),
    (Scheme::Https, usize::MAX),
    (Scheme::Https, 1),
    (Scheme::Https, 5),
];

/// A proxy that sends an alert of the origin server with its answer to CONNECT.
pub(crate) fn proxy_with_an_alert(scheme: Scheme) -> Server {
    Server::start(move |peer: &mut Peer| {
        if scheme == Scheme::Https {
            assert!(peer.shake_hands(1_000));
        }
        peer.head();
        let mut alert = Vec::new();
        Half::server(None, 100).alert(&mut alert);
        peer.send([STANDS.as_bytes(), &alert].concat());
        peer.until_closed();
    })
}

/// A proxy that ends its session in place of an answer.
pub(crate) fn proxy_that_ends() -> Server {
    Server::start(|peer| {
        assert!(peer.shake_hands(1_000));
        peer.head();
        peer.send_records(Half::end);
        peer.until_closed();
    })
}

/// Ends the connection after it has sent what `answer` does.
pub(crate) fn ending(answer: impl Fn(&mut Peer) + Send + Sync + 'static) -> Server {
    Server::secure(move |peer| {
        if peer.request().is_some() {
            answer(peer);
        }
    })
}

/// Sends what `change` makes of the records of a response, and waits.
pub(crate) fn spoiled(change: impl Fn(&mut Peer) -> Vec<u8> + Send + Sync + 'static) -> Server {
    ending(move |peer| {
        let raw = change(peer);
        peer.send_raw(&raw);
        peer.until_closed();
    })
}

/// A response whose last byte is wrong.
pub(crate) fn corrupt(peer: &mut Peer) -> Vec<u8> {
    let mut raw = peer.seal(LENGTH.as_bytes());
    *raw.last_mut().unwrap() ^= 1;
    raw
}

/// A response whose last bytes are no record.
pub(crate) fn half_corrupt(peer: &mut Peer) -> Vec<u8> {
    let mut raw = peer.seal(&LENGTH.as_bytes()[..LENGTH.len() - 2]);
    raw.extend([0x55; 10]);
    raw
}

/// A response with the notice of the end.
pub(crate) fn noticed(peer: &mut Peer) -> Vec<u8> {
    let mut raw = peer.seal(LENGTH.as_bytes());
    raw.extend(peer.records(Half::end));
    raw
}

/// Answers with the length of each request's body, which consists of sevens.
pub(crate) fn counts() -> Server {
    Server::secure(|peer| {
        while let Some(request) = peer.request() {
            assert!(request.body.iter().all(|byte| *byte == 7));
            peer.answer(&request.body.len().to_string());
        }
    })
}

/// Takes a head, sends `answer`, and reads nothing more until the sender is dropped.
pub(crate) fn deaf(answer: &'static str) -> (Server, mpsc::Sender<()>) {
    let (over, is_over) = mpsc::channel::<()>();
    let is_over = Mutex::new(is_over);
    let server = Server::secure(move |peer| {
        if peer.head().is_some() {
            peer.send(answer);
            is_over.lock().unwrap().recv().ok();
        }
    });
    (server, over)
}

/// Answers before it reads the body, which has [`LARGE`] bytes. Then answers a GET.
pub(crate) fn eager() -> Server {
    Server::secure(|peer| {
        while let Some(head) = peer.head() {
            if head.starts_with("GET") {
                peer.answer("again");
                continue;
            }
            peer.answer("enough");
            let body = if head.contains("chunked") { peer.chunks() } else { peer.take(LARGE) };
            assert_eq!(body.map(|body| body.len()), Some(LARGE));
        }
    })
}

/// Sends a long response at once, and reads the body when the client has the response.
pub(crate) fn eager_and_long(len: usize) -> (Server, mpsc::Sender<()>) {
    let (has_read, wait_until_read) = mpsc::channel();
    let wait_until_read = Mutex::new(wait_until_read);
    let server = Server::secure(move |peer| {
        let head = peer.head().unwrap();
        peer.send(ok(vec![b'x'; len]));
        wait_until_read.lock().unwrap().recv().unwrap();
        let body = if head.contains("chunked") { peer.chunks() } else { peer.take(LARGE) };
        assert_eq!(body.map(|body| body.len()), Some(LARGE));
        peer.until_closed();
    });
    (server, has_read)
}

/// Counts the bytes of the requests that it reads.
pub(crate) fn measures() -> (Server, Arc<Mutex<usize>>) {
    let received = Arc::new(Mutex::new(0));
    let count = received.clone();
    let server = Server::secure(move |peer| {
        while let Some(request) = peer.request() {
            *count.lock().unwrap() += request.head.len() + request.body.len();
            peer.answer("hello");
        }
    });
    (server, received)
}

/// Tells whether the client has sent the notice of the end.
pub(crate) fn waits_for_the_end() -> (Server, mpsc::Receiver<bool>) {
    let (ended, has_ended) = mpsc::channel();
    let ended = Mutex::new(ended);
    let server = Server::secure(move |peer| {
        answers(peer);
        ended.lock().unwrap().send(peer.sessions[0].half.has_ended()).unwrap();
    });
    (server, has_ended)
}

/// Adds up how many bytes calls are told to have been written.
#[derive(Default)]
pub(crate) struct Written(Mutex<usize>);

impl Written {
    pub(crate) fn bytes(&self) -> usize {
        *self.0.lock().unwrap()
    }
}

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

/// A reader that gives this many bytes and then panics.
pub(crate) struct Panics(pub(crate) usize);

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
