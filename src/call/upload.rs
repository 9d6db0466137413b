//! Sends the request's body, while the response is read and after it.

use super::{
    attempt::{Reader, Then},
    machine::Call,
    state::State,
};
use crate::{
    error::{BodyUnsent, Cause, IoKind, Unsent},
    h1::Connection,
    limits::{LONG_REQUEST_BYTES, UNSENT_BYTES_MAX},
    message::{BodyLeft, BodyLength, BodyTaken, Status},
    mutation::{Mutation, mutated},
    time::Instant,
};

const _: () = assert!(LONG_REQUEST_BYTES > UNSENT_BYTES_MAX as u64, "a bound that bounds");

impl Call {
    /// Returns the number of body bytes that were sent before the response stopped the body: by a
    /// status of 400 or more, or by `Connection: close`. `None` if the body was sent whole, if it is still being
    /// sent, or if there is none.
    ///
    /// If the response needed the body and the rest could not be sent, the call fails with
    /// [`Cause::BodyUnsent`], which has the same count.
    pub fn body_taken(&self) -> Option<BodyTaken> {
        let cut = self.attempt.answered && self.attempt.given_up && !self.attempt.is_out();
        let wanted = matches!(self.attempt.reader, Reader::Application);
        (cut && wanted && !self.request.body().is_empty()).then(|| self.taken())
    }

    /// Whether the driver may still ask for pieces of the request's body: its last piece was not
    /// framed yet, and sending was not stopped.
    pub fn is_sending_body(&self) -> bool {
        let framed = self.attempt.request_sent || self.attempt.given_up;
        matches!(self.state, State::Exchange) && !framed
    }

    /// Whether the response is complete. The call goes on while the request is still being sent.
    pub fn is_answered(&self) -> bool {
        self.attempt.ended
    }

    /// Whether the request has more than [`LONG_REQUEST_BYTES`]. The operating system's output
    /// buffer would hide how much of such a request the server has taken. If the system can bound
    /// its unsent bytes (on Linux with `TCP_NOTSENT_LOWAT`), a driver sets [`UNSENT_BYTES_MAX`]
    /// before it writes on.
    pub fn is_long(&self) -> bool {
        let ahead = match (self.request.body(), self.attempt.sendable) {
            (BodyLength::Known { .. }, Some(BodyLeft::Bytes(left))) => left,
            _ => 0,
        };
        let begun = self.attempt.written.saturating_add(self.attempt.unwritten);
        begun.saturating_add(ahead) > LONG_REQUEST_BYTES
    }

    /// Whether the driver reports the bytes handed out last as [`written`](Self::written) only when
    /// the socket can be written again, if it has bounded the system's unsent bytes. True for the
    /// last bytes of a [long](Self::is_long) request: the
    /// [`first_byte`](field@super::Timeout::first_byte) deadline must begin when the server has
    /// almost all of the request, and not when the system has it.
    pub fn is_written_late(&self) -> bool {
        self.attempt.request_sent && self.is_long()
    }

    /// Counts a framed piece of `len` bytes, with `suffix` bytes of framing behind it.
    pub(super) fn count_body(&mut self, len: usize, suffix: usize) {
        let body = &mut self.attempt.body;
        body.given = body.given.saturating_add(len as u64);
        (body.piece, body.suffix) = (len as u64, suffix as u64);
    }

    fn taken(&self) -> BodyTaken {
        let body = &self.attempt.body;
        // A piece is framed only when the one before was written.
        let waits = self.attempt.unwritten.saturating_sub(body.suffix).min(body.piece);
        BodyTaken::new(body.given.saturating_sub(waits), self.request.body())
    }

    /// Decides, when a final head has come, whether the rest of the request's body is sent.
    /// `dropped`: the application does not get this response.
    pub(super) fn judge_body(&mut self, conn: &mut Connection, dropped: bool, now: Instant) {
        self.attempt.enough = dropped || conn.needs_no_more_body();
        if self.attempt.enough && !self.attempt.is_out() {
            conn.stop_sending();
            self.give_up_sending(now);
        }
    }

    /// Stops sending the body, because the peer has closed or reset the connection.
    pub(super) fn stop_for_closed(&mut self, conn: &mut Connection, why: IoKind, now: Instant) {
        if !self.attempt.is_out() {
            self.attempt.broke.get_or_insert(why);
            conn.stop_sending();
            self.give_up_sending(now);
        }
    }

    /// The response is complete: ends the call if the request was sent as well.
    pub(super) fn response_ended(&mut self, conn: &mut Connection, now: Instant) {
        self.attempt.ended = true;
        if mutated(Mutation::CutUpload) && !self.attempt.is_out() {
            self.attempt.enough = true;
            conn.stop_sending();
            self.give_up_sending(now);
        }
        self.end_exchange();
    }

    /// Ends the exchange if the response has ended and only the request was waited for. While the
    /// application has paused, only a failure ends it.
    pub(super) fn go_on_to_end(&mut self, now: Instant) {
        let waits = self.attempt.is_paused() && self.attempt.is_out();
        if self.attempt.ended && !waits {
            self.end_exchange();
            self.say(now);
        } else {
            self.observe(now);
        }
    }

    /// Ends the exchange if request and response are complete, or if the rest of the request cannot
    /// be sent.
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
            if wanted && self.attempt.codings.is_some() {
                self.attempt.unchecked = true;
            } else {
                self.state = State::Release(then);
            }
        } else if self.attempt.given_up {
            let why = self.attempt.broke.unwrap_or(IoKind::Other);
            self.fail(Cause::Lost(why), self.attempt.phase());
        }
    }

    /// Turns a lost connection or a deadline into [`Cause::BodyUnsent`], if the response needed the
    /// request's body and the rest of it was not sent. Returns any other `cause` as it is.
    pub(super) fn or_unsent(&self, cause: Cause) -> Cause {
        let needed = matches!(self.state, State::Exchange)
            && self.attempt.answered
            && !self.attempt.enough
            && !self.attempt.is_out()
            && !self.request.body().is_empty()
            && matches!(self.attempt.reader, Reader::Application);
        let why = match (cause, self.attempt.broke) {
            _ if !needed => return cause,
            (Cause::Timeout(_) | Cause::Lost(_) | Cause::Tls(_), Some(why)) => Unsent::Lost(why),
            (Cause::Timeout(which), None) => Unsent::Timeout(which),
            (Cause::Lost(why), None) => Unsent::Lost(why),
            (Cause::Tls(_), None) => Unsent::Lost(IoKind::Reset),
            _ => return cause,
        };
        Cause::BodyUnsent(BodyUnsent::new(self.attempt.status, why, self.taken()))
    }

    /// After 417 (Expectation Failed), sends the request once more without Expect (RFC 9110
    /// 10.1.1), if it had one and its body can be sent again. Otherwise `None`: the application
    /// gets the response.
    pub(super) fn without_expectation(&mut self, status: Status) -> Option<Then> {
        let again = status == 417 && self.request.expects_continue() && self.may_begin_again();
        again.then(|| {
            self.remember(Some(status), None);
            self.redirected = Some(self.request.without_expect());
            Then::Again
        })
    }

    /// Stops sending the request.
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
