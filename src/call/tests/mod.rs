//! A call against scripted answers: a driver of a few lines around real connections.

mod again;
mod bodies;
mod deadlines;
mod ends;
mod preload;
#[cfg(feature = "gzip")]
mod reader;
mod redirects;
mod retry;
mod spent;
mod timeouts;
mod timings;
mod upload;
mod urllib3;
mod ways;

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{Call, DrainTime, MinRate, Next, Policy, Redirect, Retry};
use crate::{
    dial,
    error::{
        Cause, DialError, ErrorKind, Failure, IoKind, Phase, Reached, RedirectError, Unavailable,
        Violation,
    },
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::{BodyLeft, BodyLength, Method, Request, Status},
    time::{Deadline, Instant},
    trace::{Trace, Who},
};

/// A call, the connection it has, and what the application was given.
struct World {
    call: Call,
    conn: Connection,
    out: Vec<u8>,
    now: Instant,
    told: Vec<String>,
    kept: Vec<bool>,
}

impl World {
    fn new(request: Request, policy: Policy) -> Self {
        let now = Instant::from_nanos(0);
        Self {
            call: Call::new(request, Arc::new(policy), 7, now),
            conn: Connection::new(MessageLimits::default()),
            out: Vec::new(),
            now,
            told: Vec::new(),
            kept: Vec::new(),
        }
    }

    fn get(policy: Policy) -> Self {
        Self::new(Request::get("http://a/1").build().unwrap(), policy)
    }

    /// Leases a connection; a reused one has served a request before.
    fn lease(&mut self, reused: bool) -> &mut Self {
        assert_eq!(self.call.next(), Next::Checkout);
        self.conn = Connection::new(MessageLimits::default());
        if reused {
            let before = Request::get("http://a/0").build().unwrap();
            self.conn.send_request(&before, Target::Origin, &mut Vec::new()).unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            assert_eq!(self.conn.receive(answer).unwrap().0, answer.len());
            assert!(matches!(self.conn.receive(b"").unwrap().1, Event::End(_)));
        }
        self.out.clear();
        self.call.start(&mut self.conn, reused.into(), self.now, &mut self.out);
        self
    }

    fn written(&mut self) -> &mut Self {
        self.call.written(self.out.len(), self.now);
        self
    }

    /// Sends the whole body in one piece.
    fn body(&mut self, len: usize) -> &mut Self {
        assert!(matches!(self.call.next(), Next::SendBody(_)), "{:?}", self.call.next());
        let framing = self.call.send_body(&mut self.conn, len, true, self.now).unwrap();
        let framed = framing.prefix().len() + len + framing.suffix().len();
        self.call.written(framed, self.now);
        self
    }

    /// The peer says `input`; then the connection is given back if the call wants that.
    fn says(&mut self, input: &[u8]) -> &mut Self {
        let mut rest = input;
        while matches!(self.call.next(), Next::Exchange | Next::SendBody(_)) {
            let (taken, event) = self.call.receive(&mut self.conn, rest, self.now);
            rest = &rest[taken..];
            match event {
                Event::NeedInput => break,
                Event::Skipped => {}
                Event::Interim(head) => self.told.push(format!("interim {}", head.status())),
                Event::Head(head) => self.told.push(format!("head {}", head.status())),
                Event::Data(data) => {
                    self.told.push(format!("data {}", String::from_utf8_lossy(data)));
                }
                Event::End(_) => self.told.push("end".into()),
            }
        }
        self.release(rest)
    }

    fn eof(&mut self, clean: bool) -> &mut Self {
        if let Event::End(_) = self.call.receive_eof(&mut self.conn, clean.into(), self.now) {
            self.told.push("end".into());
        }
        self.release(b"")
    }

    fn release(&mut self, rest: &[u8]) -> &mut Self {
        if self.call.next() == Next::Release {
            self.kept.push(self.call.released(&mut self.conn, rest, self.now));
        }
        self
    }

    fn after(&mut self, delay: Duration) -> &mut Self {
        self.now = self.now.after(delay);
        self.call.handle_timeout(self.now);
        self.release(b"")
    }

    fn head(&self) -> String {
        String::from_utf8(self.out.clone()).unwrap()
    }

    /// The status and the count of a call that failed because its body could not be sent.
    #[track_caller]
    fn unsent(&self) -> (u16, String) {
        let Cause::BodyUnsent(unsent) = self.failed().cause else { panic!("{:?}", self.failed()) };
        (unsent.status(), unsent.taken().to_string())
    }

    #[track_caller]
    fn failed(&self) -> Failure {
        let next = self.call.next();
        let Next::Failed(failure) = next else { panic!("{next:?}") };
        failure
    }
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn post(replayable: bool) -> Request {
    Request::post("http://a/1").body(BodyLength::Known { len: 3, replayable }).build().unwrap()
}

fn redirect(status: u16, to: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} R\r\nLocation: {to}\r\nContent-Length: 3\r\n\r\nbye").into_bytes()
}

fn retrying(total: u32) -> Policy {
    let mut policy = Policy::default();
    policy.retry = Retry::new(total);
    policy.retry.statuses = vec![Status::new(503).unwrap()];
    policy
}

#[test]
fn an_answer_is_passed_on_and_its_connection_kept() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(OK);
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
}

#[test]
fn input_behind_an_answer_closes_the_connection() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(&[OK, b"HTTP/1.1 200 EVIL\r\n\r\n"].concat());
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn asking_twice_gives_the_same_answer() {
    let mut world = World::new(post(true), Policy::default());
    assert_eq!(world.call.next(), world.call.next());
    world.lease(false).written();
    assert_eq!(world.call.next(), Next::SendBody(BodyLeft::Bytes(3)));
    assert_eq!(world.call.next(), Next::SendBody(BodyLeft::Bytes(3)));
}
