//! The actions and bytes that the driver takes.

use alloc::vec::Vec;

use super::{
    Action, Client, Closed, Transmit,
    run::{Announced, Running},
    timers::Owner,
};
use crate::{
    call::Next,
    h1::Framing,
    id::{CallId, ConnId, SocketId},
    mutation::{Mutation, mutated},
    time::Instant,
};

/// # The driver drains
impl Client {
    /// Returns the next action to perform. Drain until `None`.
    pub fn poll_action(&mut self) -> Option<Action> {
        loop {
            while let Some(index) = self.over.pop() {
                self.forget(index);
            }
            let action = self.actions.pop_front()?;
            let place = self.taken;
            self.taken += 1;
            if let Action::Failed { call, .. }
            | Action::End { call, .. }
            | Action::BodyDone { call }
            | Action::HandOver { call, .. } = action
            {
                self.over.push(call.index);
            } else if let Action::Transmit { socket, .. } = action
                && let Some(index) = self.sockets.caller(socket)
                && let announced = &mut self.calls[index].announced
                && *announced == (Announced::Begin { place })
            {
                *announced = Announced::Transmit;
            }
            if !action.call().is_some_and(|call| self.is_silent(call)) {
                return Some(action);
            }
            if let Action::HandOver { socket, .. } = action {
                return Some(Action::Close { socket, why: Closed::Unfinished });
            }
        }
    }

    /// Appends the bytes to write to `socket`, each once, and returns whether body bytes may follow.
    /// With an empty `out` the encoded bytes are not copied. The bytes of a new request are
    /// available only after its [`Action::Transmit`] was taken, which tells whether to probe first.
    /// [`fill`](Self::fill) does this for an outbox.
    pub fn poll_transmit(&mut self, socket: SocketId, out: &mut Vec<u8>) -> Transmit {
        let Some(it) = self.sockets.leased(socket) else {
            let dial = self.sockets.dialing(socket).and_then(|conn| self.dials.get_mut(conn));
            if let Some(dialing) = dial {
                dialing.dial.poll_transmit(out);
            }
            return Transmit::Nothing;
        };
        let index = it.call;
        let running = &mut self.calls[index];
        if let Announced::Begin { .. } = running.announced {
            return Transmit::Nothing;
        }
        if out.is_empty() {
            core::mem::swap(out, &mut it.out);
        } else {
            out.append(&mut it.out);
        }
        let Next::SendBody(max) = running.call.next() else {
            if running.announced == Announced::Transmit {
                running.announced = Announced::Nothing;
            }
            return Transmit::Nothing;
        };
        running.announced = Announced::Transmit;
        Transmit::Body { call: self.name(index), max }
    }

    /// Answers [`Transmit::Body`]: returns the framing for `len` bytes. The driver must write all
    /// of them before it asks for more. `last` ends the body. [`feed`](Self::feed) does this for an
    /// outbox. `None` means that no body is to be
    /// sent now, or that it is longer or shorter than declared, and the call has failed.
    #[must_use = "the framing belongs around the piece"]
    pub fn send_body(
        &mut self,
        call: CallId,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<Framing> {
        let socket = self.feeding(call)?.socket?;
        let (running, leased) = (&mut self.calls[call.index], self.sockets.leased(socket)?);
        let framing = running.call.send_body(&mut leased.h1, len, last, now);
        self.attend(call.index, now);
        framing
    }

    fn is_silent(&self, call: CallId) -> bool {
        !mutated(Mutation::LateNews)
            && self.calls.get(call.index, call.generation).is_none_or(|it| it.silent)
    }

    /// Returns a call whose body can be supplied: a live one, or one discarded while its body was
    /// sent.
    pub(super) fn feeding(&mut self, call: CallId) -> Option<&mut Running> {
        let running = self.calls.get_mut(call.index, call.generation)?;
        ((!running.silent || running.feeds) && !running.ended).then_some(running)
    }

    pub(super) fn timers_set(&mut self, owner: Owner) {
        let deadline = self.deadline(owner);
        self.timers.set(owner, deadline);
    }

    /// Returns when the call that a connection is being opened for gives it up.
    pub(super) fn needed_by(&self, conn: ConnId, now: Instant) -> Option<Instant> {
        let index = self.waiter(self.pool.ticket_of(conn)?)?;
        self.calls[index].call.needed_by(now)
    }
}
