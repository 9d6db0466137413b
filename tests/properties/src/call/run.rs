//! Runs one call, and checks it against the inputs that it got.

use core::time::Duration;
use std::sync::Arc;

use httpool::{
    call::{Call, Next},
    error::{BodyUnusable, Cause, DialError, Failure, IoKind, Reached, Unavailable},
    h1::{Connection, Event as Heard, Reuse, Target},
    limits::MessageLimits,
    message::{BodyLeft, Method, Request},
    time::Instant,
};

use super::{CallScript, End, Event};

/// Fields that must not leave their origin.
pub(super) const SECRETS: [(&str, &str); 2] =
    [("Authorization", "Bearer secret"), ("Cookie", "c=secret")];

/// Bytes that the peer sends: complete responses, and pieces of them.
pub(crate) const PIECES: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
    b"hi",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: /2\r\nContent-Length: 2\r\n\r\nno",
    b"HTTP/1.1 307 Again\r\nLocation: /3\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 307 Away\r\nLocation: http://b/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 308 Home\r\nLocation: http://a/4\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 303 Other\r\nLocation: https://a/\r\nContent-Length: 9999999\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"2\r\nhi\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n",
    b"nonsense",
    b"\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br, a, b, c, d, e\r\nContent-Length: 2\r\n\r\n",
];

/// A bound on the steps of a well-behaved driver. Each attempt takes a few, and the attempts are
/// limited.
const HONEST_STEPS_MAX: usize = 500;

/// The call, and the state that its inputs imply.
pub(super) struct Run {
    call: Call,
    first: Request,
    /// Whether the policy allows an unsafe request to be sent again.
    may_repeat: bool,
    show_interim: bool,
    now: Instant,
    conn: Connection,
    rest: Vec<u8>,
    dialing: bool,
    /// The bytes of the current attempt that were written, and those that are still to be.
    written: u64,
    unwritten: u64,
    write_failed: bool,
    paused: bool,
    /// How far the request got in any attempt.
    reached: Reached,
    /// Whether a byte of the current request was written. A redirect resets it.
    begun: bool,
    /// Whether the body was given, and not rewound since.
    body_given: bool,
    redirects: usize,
    at_home: bool,
    heads: usize,
    ended: bool,
    discarded: bool,
    /// The reader could not use the body.
    unusable: bool,
}

impl Run {
    pub(super) fn new(script: &CallScript) -> Self {
        let first = script.request();
        let now = Instant::from_nanos(0);
        let policy = Arc::new(script.policy.clone());
        Self {
            call: Call::new(first.clone(), policy, 7, now),
            first,
            may_repeat: script.policy.repeat_unsafe || script.policy.retry.methods.is_none(),
            show_interim: script.policy.show_interim,
            now,
            conn: Connection::new(MessageLimits::default()),
            rest: Vec::new(),
            dialing: false,
            written: 0,
            unwritten: 0,
            write_failed: false,
            paused: false,
            reached: Reached::Nothing,
            begun: false,
            body_given: false,
            redirects: 0,
            at_home: true,
            heads: 0,
            ended: false,
            discarded: false,
            unusable: false,
        }
    }

    pub(super) fn happen(&mut self, event: Event) {
        let before = self.call.next();
        let history = self.call.history().len();
        match event {
            Event::Honest(n) => self.be_honest(PIECES[usize::from(n) % PIECES.len()]),
            Event::Start(n) => self.start(n),
            Event::LeaseFailed(n) => {
                let why = match n % 4 {
                    0 => Unavailable::RetryBudget,
                    1 => Unavailable::LineFull,
                    2 => Unavailable::Dial(DialError::Name),
                    _ => Unavailable::Dial(DialError::Connect(IoKind::Refused)),
                };
                self.call.lease_failed(why, self.now);
            }
            Event::Dialing(yes) => {
                self.call.dialing(yes, self.now);
                self.dialing = yes && matches!(self.call.next(), Next::Checkout);
            }
            Event::Written(n) => self.written(u64::from(n)),
            Event::WriteFailed => {
                self.write_failed |= is_exchange(before);
                self.call.write_failed(IoKind::Reset, self.now);
            }
            Event::Says { piece, cut } => {
                let piece = PIECES[usize::from(piece) % PIECES.len()];
                let cut = if cut < 128 { piece.len() } else { usize::from(cut) % piece.len() };
                self.says(&piece[..cut]);
            }
            Event::Eof(clean) => self.eof(clean),
            Event::SendBody { len, last } => self.send_body(len.into(), last),
            Event::Rewound(done) => self.rewound(done),
            Event::BodyFailed => self.call.body_failed(self.now),
            Event::BodyUsed => self.call.body_used(self.now),
            Event::BodyUnusable => self.unusable(before, history),
            Event::Pause(paused) => {
                if paused {
                    self.call.pause(self.now);
                } else {
                    self.call.resume(self.now);
                }
                if is_exchange(before) {
                    self.paused = paused;
                }
            }
            Event::Discard => {
                if is_exchange(before) && self.heads > 0 {
                    self.discarded = true;
                }
                self.call.discard(self.now);
            }
            Event::Released => self.released(),
            Event::Late => self.late(),
            Event::Pass(ms) => {
                self.now = self.now.after(Duration::from_millis(ms.into()));
                self.call.handle_timeout(self.now);
            }
            Event::Cancel => self.call.cancel(self.now),
        }
        self.check(before, history);
    }

    /// The reader cannot use the body. With the head handed over, that is how the call ends.
    fn unusable(&mut self, before: Next, history: usize) {
        let why = BodyUnusable::TooLong { max: 3 };
        self.call.body_unusable(why, self.now);
        let reads = self.heads > 0 && !self.discarded;
        self.unusable |= reads && (is_exchange(before) || before == Next::Done);
        if before == Next::Done {
            let failed = matches!(self.call.next(), Next::Failed(it)
                if it.cause == Cause::BodyUnusable(why));
            assert_eq!(failed, reads, "{:?}", self.call.next());
        }
        assert_eq!(self.call.history().len(), history, "not repeated");
    }

    /// Behaves as a correct driver from here on. The call must end, however the peer behaves.
    pub(super) fn finish(mut self, end: End) {
        self.happen(Event::Pause(false));
        for step in 0..HONEST_STEPS_MAX {
            match (self.call.next(), end) {
                (Next::Done | Next::Failed(_) | Next::HandOver, _) => return,
                (Next::Checkout, End::Refuses) => self.happen(Event::LeaseFailed(3)),
                (Next::Exchange | Next::SendBody(_), End::Closes) => {
                    self.happen(Event::Honest(20));
                    self.happen(Event::Eof(true));
                }
                (Next::Exchange, End::Silent | End::Refuses) if self.unwritten == 0 => {
                    self.happen(Event::Late);
                }
                // Some responses end with the connection.
                (Next::Exchange, _) if step % 8 == 7 => self.happen(Event::Eof(true)),
                _ => self.happen(Event::Honest(0)),
            }
        }
        panic!("the call does not end: {:?}", self.call);
    }

    /// Performs the requested action. If it is the peer's turn, the peer sends `answer`.
    fn be_honest(&mut self, answer: &[u8]) {
        match self.call.next() {
            Next::Checkout => self.start(0),
            Next::Leave => self.call.left(self.now),
            Next::Rewind => self.rewound(true),
            Next::Exchange if self.unwritten > 0 && self.call.sends() => {
                self.written(self.unwritten);
            }
            Next::Exchange => self.says(answer),
            Next::SendBody(max) => {
                let len = max.within(5);
                self.written(self.unwritten);
                if let Next::SendBody(_) = self.call.next() {
                    let last = max == BodyLeft::Unknown || !max.exceeds(len as u64);
                    self.send_body(len, last);
                    self.written(self.unwritten);
                }
            }
            Next::CheckBody => self.call.body_used(self.now),
            Next::Restart => self.restarted(),
            Next::Wait => self.late(),
            Next::Release => self.released(),
            Next::HandOver | Next::Done | Next::Failed(_) => {}
        }
    }

    fn start(&mut self, n: u8) {
        let asked = matches!(self.call.next(), Next::Checkout);
        let (mut conn, reused) = connection(n);
        let wanted = self.call.want();
        let mut out = b"before".to_vec();
        self.call.start(&mut conn, reused.into(), self.now, &mut out);
        let head = out.strip_prefix(b"before").expect("a head is appended");
        if !asked {
            return assert!(head.is_empty(), "a request that nobody asked for");
        }
        let retry = (wanted.fresh, wanted.retry);
        assert!(self.heads == 0, "begun again behind an answer that was handed over, {retry:?}");
        (self.conn, self.rest) = (conn, Vec::new());
        (self.written, self.unwritten, self.write_failed) = (0, head.len() as u64, false);
        (self.paused, self.dialing) = (false, false);
        if let Next::Release = self.call.next() {
            // The connection was in the middle of an exchange, which is the driver's fault.
            return assert!(head.is_empty());
        }
        assert!(is_exchange(self.call.next()));
        self.check_begin(head);
    }

    /// Checks the head of a request that is being sent.
    fn check_begin(&mut self, head: &[u8]) {
        let history = self.call.history();
        let led = |status: u16| [301, 302, 303, 307, 308].contains(&status);
        // Nor does a 417 count, because the server has not processed the request.
        let led = |status: u16| led(status) || status == 417;
        let redirects = history.iter().filter(|it| it.status.is_some_and(|it| led(it.as_u16())));
        let redirects = redirects.count();
        if redirects > self.redirects {
            (self.redirects, self.begun) = (redirects, false);
        }
        let request = self.call.request();
        let safe = request.method().is_idempotent() || self.may_repeat;
        assert!(safe || !self.begun, "{request} is begun again, and its first try may have acted");
        self.at_home &= request.origin() == self.first.origin();
        let host = format!("\r\nHost: {}\r\n", self.call.key().peer().authority());
        assert!(has(head, host.as_bytes()), "the Host is another's");
        for (name, value) in SECRETS {
            let line = format!("\r\n{name}: {value}\r\n");
            assert_eq!(has(head, line.as_bytes()), self.at_home, "{name} of {}", self.call.key());
        }
    }

    fn written(&mut self, bytes: u64) {
        if bytes > 0 && is_exchange(self.call.next()) {
            self.reached = self.reached.max(Reached::Sent);
            self.written += bytes;
            self.unwritten = self.unwritten.saturating_sub(bytes);
            self.begun = true;
        }
        self.call.written(bytes as usize, self.now);
    }

    fn says(&mut self, piece: &[u8]) {
        let mut input = core::mem::take(&mut self.rest);
        input.extend_from_slice(piece);
        let (mut at, mut still) = (0, 0);
        while is_exchange(self.call.next()) {
            let before = self.call.next();
            let rest = &input[at..];
            if !rest.is_empty() && (self.written > 0 || self.write_failed) {
                self.reached = Reached::Answered;
            }
            let (taken, event) = self.call.receive(&mut self.conn, rest, self.now);
            assert!(taken <= rest.len());
            at += taken;
            if let Heard::NeedInput = event {
                assert_eq!(taken, 0);
                break;
            }
            // The end of a response changes nothing while the request is still sent, and comes
            // once.
            still += usize::from(taken == 0 && self.call.next() == before);
            self.heard(&event);
            assert!(still <= 1, "{event:?} and nothing has moved");
        }
        self.rest = input.split_off(at);
    }

    fn eof(&mut self, clean: bool) {
        let event = self.call.receive_eof(&mut self.conn, clean.into(), self.now);
        self.heard(&event);
    }

    /// Checks an event that the application receives.
    fn heard(&mut self, event: &Heard<'_>) {
        match event {
            Heard::NeedInput | Heard::Skipped => {}
            Heard::Interim(head) => {
                assert!(self.show_interim && self.heads == 0 && head.status() != 100);
            }
            Heard::Head(_) => {
                self.heads += 1;
                assert_eq!(self.heads, 1, "one answer");
            }
            Heard::Data(_) => assert!(self.heads == 1 && !self.ended && !self.discarded),
            Heard::End(_) => {
                assert!(self.heads == 1 && !self.ended && !self.discarded);
                self.ended = true;
            }
        }
    }

    fn send_body(&mut self, len: usize, last: bool) {
        let asked = self.call.next();
        let framing = self.call.send_body(&mut self.conn, len, last, self.now);
        let Some(framing) = framing else { return };
        let Next::SendBody(max) = asked else {
            if !self.call.sends() {
                // The framing need not be written.
                return;
            }
            // A request that has been sent accepts an empty last piece.
            return assert_eq!((len, framing.prefix(), framing.suffix()), (0, &b""[..], &b""[..]));
        };
        assert_eq!(max.within(len), len);
        self.body_given = true;
        self.unwritten += (framing.prefix().len() + len + framing.suffix().len()) as u64;
    }

    /// The reader forgets the response so far.
    fn restarted(&mut self) {
        assert_eq!(
            (self.heads, self.ended, self.discarded),
            (1, false, false),
            "nothing to forget"
        );
        assert!(self.call.policy().preload, "the body is streamed");
        self.heads = 0;
        self.call.restarted(self.now);
    }

    fn rewound(&mut self, done: bool) {
        if let Next::Rewind = self.call.next() {
            self.body_given = false;
        }
        if done {
            self.call.rewound(self.now);
        } else {
            self.call.rewind_failed(self.now);
        }
    }

    fn released(&mut self) {
        let asked = matches!(self.call.next(), Next::Release);
        let keep = self.call.released(&mut self.conn, &self.rest, self.now);
        if keep {
            assert!(asked && self.rest.is_empty() && self.unwritten == 0 && !self.write_failed);
            assert_eq!(self.conn.reuse(), Reuse::Ready);
        }
        if asked {
            self.rest.clear();
        }
    }

    /// Passes the next deadline, after which it must be gone.
    fn late(&mut self) {
        let Some((at, which)) = self.call.poll_timeout() else { return };
        self.now = self.now.max(at);
        for _ in 0..4 {
            self.call.handle_timeout(self.now);
            let stands = self.call.poll_timeout().is_some_and(|(at, _)| at <= self.now);
            if !stands || matches!(self.call.next(), Next::Release | Next::Restart) {
                return;
            }
        }
        panic!("the {which} deadline passes and passes");
    }

    fn check(&mut self, before: Next, history: usize) {
        let next = self.call.next();
        assert_eq!(next, self.call.next(), "asking changes nothing");
        assert!(self.call.history().len() >= history);
        if is_final(before) && !self.unusable {
            assert_eq!(next, before, "an end is an end");
        }
        assert_eq!(self.call.reached(), self.reached);
        if next != Next::Checkout {
            self.dialing = false;
        }
        let replayable = self.call.request().body().is_replayable();
        assert!(replayable || next != Next::Rewind, "asked for a body again that is gone");
        if !is_exchange(before) && is_exchange(next) {
            assert!(!self.body_given || self.call.request().body().is_empty(), "not rewound");
        }
        match next {
            Next::Failed(failure) => self.check_failure(&failure),
            Next::Done => assert!(self.ended || self.discarded, "done without an end"),
            Next::HandOver => assert_eq!(self.heads, 1, "handed over without its head"),
            _ => {}
        }
        self.check_deadline(next);
    }

    fn check_failure(&self, failure: &Failure) {
        assert!(failure.reached <= self.reached, "{failure}");
        if self.first.method().is_safe() || self.may_repeat || self.redirects > 0 {
            return;
        }
        // The caller may repeat a request that failed with `Nothing`.
        let silent = failure.reached == Reached::Nothing;
        assert!(!silent || self.reached == Reached::Nothing, "{failure}");
        let cancelled = failure.cause == Cause::Cancelled;
        assert!(!cancelled || failure.reached == self.reached);
    }

    /// Checks that each wait ends by an answer of the driver or by a deadline.
    fn check_deadline(&self, next: Next) {
        let deadline = self.call.poll_timeout().is_some();
        match next {
            Next::Checkout => assert!(deadline || self.dialing, "in line without a deadline"),
            Next::Wait => assert!(deadline, "a pause without an end"),
            Next::Exchange => {
                let pausing = self.paused && self.heads > 0 && !self.discarded;
                assert!(deadline || pausing, "nothing to wait for: {:?}", self.call);
            }
            Next::SendBody(_) => {
                let writing = self.unwritten > 0 && !self.write_failed;
                assert!(deadline || !writing, "a write without a deadline");
            }
            Next::Done | Next::Failed(_) | Next::HandOver => {
                assert!(!deadline, "a deadline behind the end");
            }
            Next::Leave | Next::Release | Next::Rewind | Next::Restart | Next::CheckBody => {}
        }
    }
}

/// Returns a connection, and whether it is a reused one. For some `n` the connection is in the
/// middle of an exchange; a pool never gives out such a connection.
fn connection(n: u8) -> (Connection, bool) {
    let mut conn = Connection::new(MessageLimits::default());
    if n < 64 {
        return (conn, false);
    }
    let before = Request::builder(Method::GET, "http://a/0").build().expect("it is whole");
    conn.send_request(&before, Target::Origin, &mut Vec::new()).expect("it is idle");
    if n < 250 {
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(conn.receive(answer).expect("an answer").0, answer.len());
        assert!(matches!(conn.receive(b""), Ok((0, Heard::End(_)))));
    }
    (conn, true)
}

const fn is_exchange(next: Next) -> bool {
    matches!(next, Next::Exchange | Next::SendBody(_) | Next::CheckBody)
}

const fn is_final(next: Next) -> bool {
    matches!(next, Next::Done | Next::Failed(_) | Next::HandOver)
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
