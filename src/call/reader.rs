//! The reader of a response's body: which codings it removes, whether it could use the body, and
//! whether it wants the rest.

use super::{
    attempt::{Reader, Then},
    machine::Call,
    record::Input,
    state::State,
};
use crate::{
    content::Codings,
    error::{BodyUnusable, Cause, Phase},
    message::Head,
    mutation::{Mutation, mutated},
    time::Instant,
};

impl Call {
    /// Returns the codings that the reader removes from the body of the response, by
    /// [`Codings::of_response`]. `None` if the body is to be handed over as it comes, if the
    /// request does not [decode](crate::message::Request::decodes), and before the head.
    ///
    /// If there are codings, [`Next::CheckBody`](super::Next::CheckBody) comes at the end of the
    /// response.
    pub fn codings(&self) -> Option<Codings> {
        self.attempt.codings
    }

    /// Answers [`Next::CheckBody`](super::Next::CheckBody): the reader has decoded the whole body.
    /// Before that step, this takes the check back.
    pub fn body_used(&mut self, now: Instant) {
        if self.attempt.codings.is_some() && matches!(self.state, State::Exchange) {
            self.trace.event(now, Input::BodyUsed);
            (self.attempt.codings, self.attempt.unchecked) = (None, false);
            self.go_on_to_end(now);
            self.say(now);
        }
    }

    /// Reports that the reader could not use the body of the response. The call fails with
    /// [`Cause::BodyUnusable`], and the connection is closed. It is not retried: the application
    /// may have got a part of the body, and the next response would mostly be the same.
    ///
    /// Does nothing before the head of the response, and after the body was
    /// [discarded](Self::discard). A call whose connection was given back already fails too.
    pub fn body_unusable(&mut self, why: BodyUnusable, now: Instant) {
        let read = self.attempt.answered && matches!(self.attempt.reader, Reader::Application);
        if !read
            || !matches!(self.state, State::Exchange | State::Release(Then::Done) | State::Done)
        {
            return;
        }
        self.trace.event(now, Input::BodyUnusable(why));
        self.fail_unusable(why);
        self.say(now);
    }

    /// Answers [`Next::Restart`](super::Next::Restart): the reader has forgotten the head and the
    /// body of the response so far.
    pub fn restarted(&mut self, now: Instant) {
        if core::mem::take(&mut self.restarts) {
            self.trace.event(now, Input::Restarted);
            self.say(now);
        }
    }

    /// Whether the failure `cause` inside the body of the response is a failure of the attempt, which
    /// can be retried.
    pub(super) fn is_preloading(&self, cause: Cause) -> bool {
        self.policy.preload
            && !self.attempt.ended
            && self.or_unsent(cause) == cause
            && !mutated(Mutation::LostPreload)
    }

    /// Discards the rest of the response's body. It is read and dropped, within
    /// [`Policy::drain_bytes_max`](field@super::Policy::drain_bytes_max) and
    /// [`Policy::drain_time_max`](field@super::Policy::drain_time_max), so that the connection can
    /// be kept. If the response needs the request's body, that is first sent to its end. A driver
    /// that does not want to wait reads the bytes that have come, and then calls
    /// [`cancel`](Self::cancel).
    ///
    /// Returns false, and does nothing, before the head of the response and after the end of the
    /// call.
    pub fn discard(&mut self, now: Instant) -> bool {
        let reading = matches!(self.state, State::Exchange)
            && self.attempt.answered
            && matches!(self.attempt.reader, Reader::Application);
        if reading {
            self.trace.event(now, Input::Discard);
            self.attempt.reader =
                Reader::Nobody { left: self.policy.drain_bytes_max.0, then: Then::Done };
            if self.attempt.given_up && !self.attempt.is_out() {
                self.state = State::Release(Then::Done);
            } else {
                self.go_on_to_end(now);
                self.time_phase(now);
            }
            self.say(now);
        }
        reading
    }

    /// Chooses the codings of the response with this head. With too many, the call fails.
    pub(super) fn choose_codings(&mut self, head: &Head<'_>) {
        if !head.is_coded || !self.request.decodes() {
            return;
        }
        let method = self.request.method();
        match Codings::of_response(method, head.status(), head.headers()) {
            Ok(codings) => self.attempt.codings = codings,
            Err(why) => self.fail_unusable(BodyUnusable::Decode(why)),
        }
    }

    fn fail_unusable(&mut self, why: BodyUnusable) {
        self.attempt.unusable = !mutated(Mutation::KeptUnusable);
        (self.attempt.codings, self.attempt.unchecked) = (None, false);
        let failure = self.failure(Cause::BodyUnusable(why), Phase::Body);
        if matches!(self.state, State::Done) {
            self.finish(State::Failed(failure));
        } else {
            self.state = State::Release(Then::Fail(failure));
        }
    }
}
