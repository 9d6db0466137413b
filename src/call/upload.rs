//! The body of the request, on its way out beside the response and behind it.

use super::{
    attempt::Reader,
    machine::{Call, State, Then},
};
use crate::{
    error::{BodyUnsent, Cause, IoKind, Unsent},
    h1::Connection,
    limits::{LONG_REQUEST_BYTES, UNSENT_BYTES_MAX},
    message::{Body, BodyLeft, BodyTaken, Head, Status},
    mutation::{Mutation, mutated},
    time::Instant,
};

const _: () = assert!(LONG_REQUEST_BYTES > UNSENT_BYTES_MAX as u64, "a bound that bounds");

impl Call {
    /// How much of the request's body was taken, where its response ended the sending before the end
    /// of the body: by a status of 400 or more, or by `Connection: close`. `None` where the body was
    /// sent whole, where it is still being sent, and where there is none.
    ///
    /// A body that a response needed and that could not be sent is a failure, with the same count:
    /// [`Cause::BodyUnsent`].
    pub fn body_taken(&self) -> Option<BodyTaken> {
        let cut = self.attempt.answered && self.attempt.given_up && !self.attempt.is_out();
        let wanted = matches!(self.attempt.reader, Reader::Application);
        (cut && wanted && !self.request.body().is_empty()).then(|| self.taken())
    }

    /// Whether the application may still be asked for pieces of the request's body: it has not been
    /// framed to its end, and may go.
    pub fn is_sending_body(&self) -> bool {
        let framed = self.attempt.request_sent || self.attempt.given_up;
        matches!(self.state, State::Exchange) && !framed
    }

    /// Whether the response has come to its end. While the request is still going out, the call goes on.
    pub fn is_answered(&self) -> bool {
        self.attempt.ended
    }

    /// Whether the request is so long that the system's buffer for output would hide how far it has
    /// got: more than [`LONG_REQUEST_BYTES`]. Where the system can bound what it holds unsent (on
    /// Linux with `TCP_NOTSENT_LOWAT`), a driver bounds it to [`UNSENT_BYTES_MAX`] before it writes on.
    pub fn is_long(&self) -> bool {
        let ahead = match (self.request.body(), self.attempt.sendable) {
            (Body::Known { .. }, Some(BodyLeft::Bytes(left))) => left,
            _ => 0,
        };
        let begun = self.attempt.written.saturating_add(self.attempt.unwritten);
        begun.saturating_add(ahead) > LONG_REQUEST_BYTES
    }

    /// With a bound on what the system holds unsent: whether the bytes handed out last are
    /// [`written`](Self::written) only when the socket takes output again, and not as soon as the
    /// system has them. So it is with the last bytes of a long request: the
    /// [`first_byte`](super::Timeout::first_byte) deadline is for a server that has the request.
    pub fn is_written_late(&self) -> bool {
        self.attempt.request_sent && self.is_long()
    }

    /// Counts what was framed.
    pub(super) fn count_body(&mut self, len: usize, suffix: usize) {
        let body = &mut self.attempt.body;
        body.given = body.given.saturating_add(len as u64);
        (body.piece, body.suffix) = (len as u64, suffix as u64);
    }

    fn taken(&self) -> BodyTaken {
        let body = &self.attempt.body;
        // The piece before the last had left when the last was framed.
        let waits = self.attempt.unwritten.saturating_sub(body.suffix).min(body.piece);
        BodyTaken::new(body.given.saturating_sub(waits), self.request.body())
    }

    /// What becomes of the body when a final head has come. `dropped`: the response is not for the
    /// application.
    pub(super) fn judge_body(
        &mut self,
        conn: &mut Connection,
        head: &Head<'_>,
        dropped: bool,
        now: Instant,
    ) {
        self.attempt.status = head.status().as_u16();
        self.attempt.enough = dropped || conn.needs_no_more_body();
        if self.attempt.enough && !self.attempt.is_out() {
            conn.stop_sending();
            self.give_up_sending(now);
        }
    }

    /// The peer has closed its side, in whatever way: it takes no more.
    pub(super) fn stop_for_closed(&mut self, conn: &mut Connection, why: IoKind, now: Instant) {
        if !self.attempt.is_out() {
            self.attempt.broke.get_or_insert(why);
            conn.stop_sending();
            self.give_up_sending(now);
        }
    }

    /// The response is complete. The call is done when the request is out as well.
    pub(super) fn response_ended(&mut self, conn: &mut Connection, now: Instant) {
        self.attempt.ended = true;
        if mutated(Mutation::CutUpload) && !self.attempt.is_out() {
            self.attempt.enough = true;
            conn.stop_sending();
            self.give_up_sending(now);
        }
        self.end_exchange();
    }

    /// Something has moved that the end of the exchange may have waited for. An application that has
    /// paused is told of no end but a failure.
    pub(super) fn go_on_to_end(&mut self, now: Instant) {
        let waits = self.attempt.is_paused() && self.attempt.is_out();
        if self.attempt.ended && !waits {
            self.end_exchange();
            self.say(now);
        }
    }

    /// Ends the exchange if both halves are done, or the rest of the request cannot be sent.
    fn end_exchange(&mut self) {
        if !matches!(self.state, State::Exchange) {
            return;
        }
        let (then, wanted) = match self.attempt.reader {
            Reader::Application => (Then::Done, true),
            Reader::Nobody { then, .. } => (then, false),
        };
        let whole = self.attempt.is_out() || self.request.body().is_empty();
        if whole || self.attempt.given_up && (self.attempt.enough || !wanted) {
            self.state = State::Release(then);
        } else if self.attempt.given_up {
            let why = self.attempt.broke.unwrap_or(IoKind::Other);
            self.fail(Cause::Lost(why), self.attempt.phase());
        }
    }

    /// What a failure is called where the response needed the body, and the rest of it did not go.
    pub(super) fn or_unsent(&self, cause: Cause) -> Cause {
        let needed = matches!(self.state, State::Exchange)
            && self.attempt.answered
            && !self.attempt.enough
            && !self.attempt.is_out()
            && !self.request.body().is_empty()
            && matches!(self.attempt.reader, Reader::Application);
        let why = match (cause, self.attempt.broke) {
            _ if !needed => return cause,
            (Cause::Timeout(_) | Cause::Lost(_), Some(why)) => Unsent::Lost(why),
            (Cause::Timeout(which), None) => Unsent::Timeout(which),
            (Cause::Lost(why), None) => Unsent::Lost(why),
            _ => return cause,
        };
        Cause::BodyUnsent(BodyUnsent::new(self.attempt.status, why, self.taken()))
    }

    /// A 417 (Expectation Failed): the request is sent once more without Expect (RFC 9110 10.1.1), if
    /// it had one and the body can be given. `None`: it is an answer like any other.
    pub(super) fn without_expectation(&mut self, status: Status) -> Option<Then> {
        let again = status == 417 && self.request.expects_continue() && self.may_begin_again();
        again.then(|| {
            self.remember(Some(status), None);
            self.redirected = Some(self.request.without_expect());
            Then::Again
        })
    }

    /// Nothing more of the request goes out.
    pub(super) fn give_up_sending(&mut self, now: Instant) {
        let cut = !self.attempt.given_up && !self.attempt.is_out();
        self.attempt.given_up = true;
        self.attempt.sendable = None;
        if cut && !self.request.body().is_empty() {
            let taken = self.taken();
            self.trace.action(now, format_args!("body stopped: {taken} were taken"));
        }
        self.arm_write(now);
    }
}
