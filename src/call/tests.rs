//! A call against scripted answers: a driver of a few lines around real connections.

use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    sync::Arc,
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{Call, Next, Policy, Redirect, Retry};
use crate::{
    error::{Cause, DialError, Failure, IoKind, Reached, RedirectError, Unavailable, Violation},
    h1::{Connection, Event, Limits},
    message::{Body, Method, Request, Status},
    time::{Deadline, Instant},
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
            conn: Connection::new(Limits::default()),
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
        self.conn = Connection::new(Limits::default());
        if reused {
            let before = Request::get("http://a/0").build().unwrap();
            self.conn.send_request(&before, false, &mut Vec::new()).unwrap();
            let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
            assert_eq!(self.conn.receive(answer).unwrap().0, answer.len());
            assert!(matches!(self.conn.receive(b"").unwrap().1, Event::End(_)));
        }
        self.out.clear();
        self.call.start(&mut self.conn, reused, self.now, &mut self.out);
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
        if let Event::End(_) = self.call.receive_eof(&mut self.conn, clean, self.now) {
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
    Request::post("http://a/1").body(Body::Known { len: 3, replayable }).build().unwrap()
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
    assert_eq!(world.call.next(), Next::SendBody(3));
    assert_eq!(world.call.next(), Next::SendBody(3));
}

// ---- The stale rule ------------------------------------------------------------------------

#[test]
fn a_dead_idle_connection_sends_a_get_again_and_in_front() {
    for clean in [true, false] {
        let mut world = World::get(Policy::default());
        world.lease(true).written().eof(clean);
        assert!(world.call.want().fresh);
        world.lease(false).written().says(OK);
        assert_eq!((world.call.next(), world.call.history().len()), (Next::Done, 0));
    }
}

#[test]
fn only_a_connection_that_had_served_can_be_stale() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().eof(true);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
    assert_eq!(world.failed().reached, Reached::Sent);
}

#[test]
fn a_post_whose_bytes_have_left_is_never_sent_again_unasked() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(true).written().body(3).eof(true);
    assert_eq!(world.failed().reached, Reached::Sent);

    let mut policy = Policy::default();
    policy.repeat_unsafe = true;
    let mut world = World::new(post(true), policy);
    world.lease(true).written().body(3).eof(true);
    assert_eq!(world.call.next(), Next::Rewind);
}

#[test]
fn a_post_of_which_nothing_left_is_sent_again() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(true);
    world.call.write_failed(IoKind::Reset, world.now);
    world.eof(false);
    assert_eq!(world.call.next(), Next::Checkout);
    assert!(world.call.want().fresh);
}

#[test]
fn an_answer_that_had_begun_ends_the_stale_rule() {
    let mut world = World::get(Policy::default());
    world.lease(true).written().says(b"HTTP/1.1 2").eof(true);
    assert_eq!(world.failed().cause, Cause::Violation(Violation::Truncated));
    assert_eq!(world.failed().reached, Reached::Answered);
}

#[test]
fn input_before_a_byte_has_left_answers_nothing() {
    let mut world = World::get(Policy::default());
    world.lease(true).says(b"HTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
    assert!(world.call.want().fresh && world.told.is_empty());
    world.lease(false).says(b"HTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.failed().cause, Cause::Violation(Violation::Unsolicited));
}

// ---- Redirects -----------------------------------------------------------------------------

fn redirect(status: u16, to: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} R\r\nLocation: {to}\r\nContent-Length: 3\r\n\r\nbye").into_bytes()
}

#[test]
fn a_redirect_is_drained_and_followed_on_the_same_connection() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(&redirect(302, "/2"));
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![true]));
    world.lease(false).written().says(OK);
    assert!(world.head().starts_with("GET /2 "));
    assert_eq!(world.told, ["head 200", "data hi", "end"]);
    assert_eq!(world.call.history()[0].status, Status::new(302));
}

#[test]
fn a_long_or_endless_body_of_a_redirect_is_not_read() {
    for framing in ["Content-Length: 9999999", "X: y"] {
        let mut world = World::get(Policy::default());
        world.lease(false).written();
        world.says(format!("HTTP/1.1 302 R\r\nLocation: /2\r\n{framing}\r\n\r\n").as_bytes());
        assert_eq!((world.call.next(), world.kept.clone()), (Next::Checkout, vec![false]));
    }
}

#[test]
fn methods_change_as_on_the_web() {
    for (status, method, after) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ] {
        let request = Request::builder(Method::new(method).unwrap(), "http://a/1").build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written().says(&redirect(status, "/2"));
        world.lease(false);
        assert!(world.head().starts_with(&format!("{after} /2 ")), "{status} {}", world.head());
    }
}

#[test]
fn credentials_and_host_stay_with_their_origin() {
    let request = Request::get("http://a/1")
        .basic_auth("u", "p")
        .field("Cookie", "c")
        .field("X-Api-Key", "k")
        .field("X-Other", "o")
        .field("Host", "virtual.test")
        .build()
        .unwrap();
    let mut world = World::new(request, Policy::default());
    world.lease(false).written().says(&redirect(307, "/same"));
    world.lease(false).written();
    assert!(world.head().contains("Authorization: ") && world.head().contains("virtual.test"));
    world.says(&redirect(307, "http://a:81/other"));
    world.lease(false);
    let head = world.head();
    assert!(head.starts_with("GET /other HTTP/1.1\r\nHost: a:81\r\n"), "{head}");
    assert!(head.contains("X-Other: o"));
    for secret in ["Authorization", "Cookie", "X-Api-Key", "virtual.test"] {
        assert!(!head.contains(secret), "{head}");
    }
}

#[test]
fn a_body_that_cannot_be_given_again_costs_no_connection() {
    let mut world = World::new(post(false), Policy::default());
    world.lease(false).written().body(3).says(&redirect(307, "/2"));
    assert_eq!(world.failed().cause, Cause::NotReplayable);

    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written().body(3).says(&redirect(307, "/2"));
    assert_eq!(world.call.next(), Next::Rewind);
    world.call.rewound(true, world.now);
    world.lease(false).written().body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);
}

#[test]
fn redirects_end_somewhere() {
    let mut policy = Policy::default();
    policy.redirect = Redirect::limited(2);
    let mut world = World::get(policy);
    for _ in 0..3 {
        world.lease(false).written().says(&redirect(302, "/2"));
    }
    assert_eq!(world.failed().cause, Cause::Redirect(RedirectError::TooMany));
    for (to, why) in [
        ("ftp://a/", RedirectError::Scheme),
        ("http://a:x/", RedirectError::Location),
        ("http://[", RedirectError::Location),
    ] {
        let mut world = World::get(Policy::default());
        world.lease(false).written().says(&redirect(302, to));
        assert_eq!(world.failed().cause, Cause::Redirect(why), "{to}");
    }
}

#[test]
fn what_is_no_redirect_is_an_answer() {
    for (status, to) in [(300, "/2"), (304, "/2"), (305, "/2"), (302, "")] {
        let mut world = World::get(Policy::default());
        world.lease(false).written().says(&redirect(status, to));
        assert_eq!(world.told[0], format!("head {status}"));
    }
}

// ---- Retries -------------------------------------------------------------------------------

#[test]
fn a_status_is_tried_again_after_what_retry_after_says_with_no_connection_held() {
    let mut world = World::get(retrying(3));
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept.clone()), (Next::Wait, vec![true]));
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(5)), Deadline::Backoff)));
    world.after(seconds(5)).lease(false).written().says(OK);
    assert_eq!(world.call.next(), Next::Done);
}

#[test]
fn a_pause_beyond_the_total_deadline_hands_the_answer_over() {
    let mut policy = retrying(3);
    policy.timeout.total = Some(seconds(2));
    let mut world = World::get(policy);
    world.lease(false).written();
    world.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.told, ["head 503", "end"]);
}

#[test]
fn spent_retries_are_an_error_or_an_answer() {
    let busy = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    let mut world = World::get(retrying(1));
    world.lease(false).written().says(busy);
    world.lease(false).written().says(busy);
    assert_eq!(world.failed().cause, Cause::Status(503));
    let mut policy = retrying(1);
    policy.retry.raise_on_status = false;
    let mut world = World::get(policy);
    world.lease(false).written().says(busy);
    world.lease(false).written().says(busy);
    assert_eq!(world.told, ["head 503", "end"]);
}

#[test]
fn a_failed_dial_is_tried_again_for_any_method() {
    let why = Unavailable::Dial(DialError::Connect(IoKind::Refused));
    let mut world = World::new(post(false), retrying(1));
    world.call.lease_failed(why, world.now);
    assert_eq!(world.call.next(), Next::Checkout);
    assert!(world.call.want().retry);
    world.call.lease_failed(why, world.now);
    assert_eq!(world.failed().cause, Cause::Unavailable(why));
    assert_eq!(world.failed().reached, Reached::Nothing);
}

#[test]
fn a_refused_retry_budget_tells_the_failure_before() {
    let mut world = World::get(retrying(3));
    world.lease(false).written().eof(true);
    world.call.lease_failed(Unavailable::RetryBudget, world.now);
    assert_eq!(world.failed().cause, Cause::Lost(IoKind::Eof));
}

// ---- Deadlines -----------------------------------------------------------------------------

#[test]
fn each_phase_has_its_deadline() {
    let late = |world: &mut World| {
        let (at, which) = world.call.poll_timeout().unwrap();
        world.after(at.since(world.now));
        assert_eq!(world.failed().cause, Cause::Timeout(which));
        which
    };
    assert_eq!(late(&mut World::get(Policy::default())), Deadline::Queue);
    assert_eq!(late(World::get(Policy::default()).lease(false)), Deadline::Write);
    assert_eq!(late(World::get(Policy::default()).lease(false).written()), Deadline::FirstByte);
    let mut reading = World::get(Policy::default());
    reading.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(late(&mut reading), Deadline::Stall);
    assert_eq!(reading.failed().reached, Reached::Answered);
}

#[test]
fn the_total_deadline_binds_in_every_state() {
    let mut policy = retrying(9);
    policy.timeout.total = Some(seconds(3));
    let total = Cause::Timeout(Deadline::Total);
    let mut line = World::get(policy.clone());
    assert_eq!(line.after(seconds(3)).failed().cause, total);
    let mut busy = World::get(policy.clone());
    assert_eq!(busy.lease(false).written().after(seconds(3)).failed().cause, total);
    let mut waiting = World::get(policy);
    waiting.lease(false).written();
    waiting.says(b"HTTP/1.1 503 Busy\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(waiting.call.next(), Next::Wait);
    assert_eq!(waiting.after(seconds(2)).call.next(), Next::Checkout);
    assert_eq!(waiting.after(seconds(1)).failed().cause, total);
}

/// The connection ends the sending of itself: no body is sent, and what is read has its deadline.
#[test]
fn an_answer_that_cuts_the_request_off_is_waited_for_with_a_deadline() {
    for (expects, close) in [(true, ""), (false, "Connection: close\r\n")] {
        let request = Request::post("http://a/").body(Body::Known { len: 9, replayable: true });
        let request = request.expect_continue(expects).build().unwrap();
        let mut world = World::new(request, Policy::default());
        world.lease(false).written();
        if !expects {
            assert!(world.call.send_body(&mut world.conn, 3, false, world.now).is_some());
            world.call.written(1, world.now);
        }
        world.says(format!("HTTP/1.1 200 OK\r\n{close}Content-Length: 9\r\n\r\n").as_bytes());
        assert!(!world.call.sends() && world.call.next() == Next::Exchange);
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);
        world.says(b"wonderful");
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
    }
}

#[test]
fn a_paused_reader_stops_the_stall_clock() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    world.call.pause(true, world.now);
    assert_eq!(world.call.poll_timeout(), None);
    world.after(seconds(1_000));
    world.call.pause(false, world.now);
    assert_eq!(world.call.poll_timeout(), Some((world.now.after(seconds(60)), Deadline::Stall)));
}

#[test]
fn a_paused_reader_stops_no_clock_of_what_is_for_nobody() {
    let mut world = World::get(Policy::default());
    world.lease(false).written();
    world.call.pause(true, world.now);
    world.says(b"HTTP/1.1 302 R\r\nLocation: /2\r\nContent-Length: 9\r\n\r\n");
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);

    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
    world.call.discard(world.now);
    world.call.pause(true, world.now);
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);
}

// ---- Bodies on their way out ---------------------------------------------------------------

#[test]
fn an_early_refusal_ends_the_sending() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(world.told, ["head 413", "data no", "end"]);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

/// The last piece is framed, and only a part of it has left when the answer comes.
#[test]
fn a_connection_with_an_unwritten_rest_is_never_kept() {
    for answer in ["413 Too Large", "200 OK"] {
        let mut world = World::new(post(true), Policy::default());
        world.lease(false).written();
        assert!(world.call.send_body(&mut world.conn, 3, true, world.now).is_some());
        world.call.written(1, world.now);
        world.says(format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\n").as_bytes());
        let sends = answer == "200 OK";
        assert_eq!(world.call.sends(), sends);
        let deadline = if sends { Deadline::Write } else { Deadline::Stall };
        assert_eq!(world.call.poll_timeout().unwrap().1, deadline);
        world.says(b"no");
        assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
    }
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    assert!(world.call.send_body(&mut world.conn, 3, true, world.now).is_some());
    world.call.write_failed(IoKind::Reset, world.now);
    world.says(OK);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn an_early_success_lets_the_sending_go_on() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    world.body(3).says(b"ok");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
}

#[test]
fn an_answer_is_read_after_writing_failed() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.call.write_failed(IoKind::Reset, world.now);
    world.says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.told, ["head 413", "end"]);
}

#[test]
fn a_body_is_held_back_for_100_or_a_while() {
    let expecting = || {
        let body = Body::Known { len: 3, replayable: true };
        Request::post("http://a/").body(body).expect_continue(true).build().unwrap()
    };
    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    assert_eq!(world.call.next(), Next::Exchange);
    world.says(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n").body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);

    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Continue);
    world.after(seconds(1)).body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);

    for heard in [&b"HTTP/1.1 103 Early Hints\r\n\r\n"[..], b"HTTP/1.1 2"] {
        let mut world = World::new(expecting(), Policy::default());
        world.lease(false).written().after(seconds(1)).says(heard).body(3);
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::FirstByte);
    }

    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn a_body_of_another_length_than_declared_is_misuse() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    assert!(world.call.send_body(&mut world.conn, 2, true, world.now).is_none());
    world.release(b"");
    assert!(matches!(world.failed().cause, Cause::Misuse(_)));
    assert_eq!(world.kept, [false]);
}

// ---- Ends ----------------------------------------------------------------------------------

#[test]
fn cancel_ends_a_call_in_any_state_and_never_keeps_its_connection() {
    let mut line = World::get(Policy::default());
    line.call.cancel(line.now);
    assert_eq!(line.failed().cause, Cause::Cancelled);
    let mut busy = World::get(Policy::default());
    busy.lease(false).written();
    busy.call.cancel(busy.now);
    busy.release(b"");
    assert_eq!((busy.failed().cause, busy.kept), (Cause::Cancelled, vec![false]));
    let mut done = World::get(Policy::default());
    done.lease(false).written().says(OK);
    done.call.cancel(done.now);
    assert_eq!(done.call.next(), Next::Done);
}

#[test]
fn what_nobody_wants_is_drained_within_a_bound() {
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhi");
    world.call.discard(world.now);
    world.says(b"ho");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
    let mut world = World::get(Policy::default());
    world.lease(false).written().says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
    world.call.discard(world.now);
    world.says(&vec![0; 70_000]);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn an_upgrade_is_handed_over() {
    let request = Request::get("http://a/").field("Upgrade", "x").build().unwrap();
    let mut policy = Policy::default();
    policy.timeout.total = Some(seconds(3));
    let mut world = World::new(request, policy);
    world.lease(false).written();
    world.says(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nraw");
    assert_eq!(world.told, ["head 101"]);
    assert_eq!((world.call.next(), world.call.poll_timeout()), (Next::HandOver, None));
}

#[test]
fn interim_responses_are_shown_on_request() {
    let early: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n";
    let mut policy = Policy::default();
    policy.show_interim = true;
    let mut world = World::get(policy);
    world.lease(false).written().says(&[early, OK].concat());
    assert_eq!(world.told[..2], ["interim 103", "head 200"]);
}

#[test]
fn the_policy_lists_may_be_changed() {
    let mut policy = Policy::default();
    policy.redirect.strip = vec![Cow::Borrowed("x-mine")];
    let request = Request::get("http://a/").field("X-Mine", "1").field("Cookie", "c").build();
    let mut world = World::new(request.unwrap(), policy);
    world.lease(false).written().says(&redirect(302, "http://b/"));
    world.lease(false);
    assert!(!world.head().contains("X-Mine") && world.head().contains("Cookie: c"));
    assert_eq!(world.call.key().to_string(), "http://b");
}
