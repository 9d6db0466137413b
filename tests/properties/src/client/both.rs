//! Gives two compositions the same inputs, and checks that their outputs are equal.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use httpool::{
    call::Policy,
    id::SocketId,
    message::{BodyLeft, Request},
    pool::Stats,
    time::Instant,
    trace::{Line, Sink, Who},
};

use super::machines::{Act, BodyWanted, Input, Machines, Said};

/// Trace lines that were not compared yet, by machine.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<BTreeMap<Who, Vec<String>>>);

impl Lines {
    fn take(&self) -> BTreeMap<Who, Vec<String>> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Lines {
    fn line(&self, line: &Line<'_>) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.entry(line.who).or_default().push(line.to_string());
    }
}

/// Two compositions. Only the first gets stale ids.
#[derive(Debug)]
pub(crate) struct Both<A, B> {
    pub(crate) one: A,
    pub(crate) other: B,
    /// The trace of each, if the traces are compared.
    pub(crate) traces: Option<(Arc<Lines>, Arc<Lines>)>,
}

impl<A: Machines, B: Machines> Machines for Both<A, B> {
    fn request(
        &mut self,
        request: &Request,
        policy: &Arc<Policy>,
        slot: Option<u32>,
        now: Instant,
    ) -> u32 {
        let slot = self.one.request(request, policy, slot, now);
        assert_eq!(self.other.request(request, policy, Some(slot), now), slot);
        slot
    }

    fn tell(&mut self, input: &Input, now: Instant) {
        self.one.tell(input, now);
        self.other.tell(input, now);
    }

    fn receive(&mut self, socket: SocketId, input: &[u8], now: Instant) -> (usize, Said) {
        let answer = self.one.receive(socket, input, now);
        assert_eq!(answer, self.other.receive(socket, input, now));
        answer
    }

    fn eof(&mut self, socket: SocketId, clean: bool, now: Instant) -> Said {
        let answer = self.one.eof(socket, clean, now);
        assert_eq!(answer, self.other.eof(socket, clean, now));
        answer
    }

    fn send_body(
        &mut self,
        call: usize,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let answer = self.one.send_body(call, len, last, now);
        assert_eq!(answer, self.other.send_body(call, len, last, now));
        answer
    }

    fn poll_action(&mut self) -> Option<Act> {
        let answer = self.one.poll_action();
        assert_eq!(answer, self.other.poll_action());
        answer
    }

    fn poll_transmit(&mut self, socket: SocketId, out: &mut Vec<u8>) -> BodyWanted {
        let mut other = out.clone();
        let answer = self.one.poll_transmit(socket, out);
        assert_eq!(answer, self.other.poll_transmit(socket, &mut other));
        assert_eq!(*out, other);
        answer
    }

    /// The first may report a timeout earlier than the exact one, but not later.
    fn poll_timeout(&self) -> Option<Instant> {
        let answer = self.one.poll_timeout();
        if let Some(exact) = self.other.poll_timeout() {
            assert!(answer.is_some_and(|at| at <= exact), "{answer:?} for {exact:?}");
        }
        answer
    }

    fn wants_input(&self, socket: SocketId) -> bool {
        let answer = self.one.wants_input(socket);
        assert_eq!(answer, self.other.wants_input(socket));
        answer
    }

    fn body_ahead(&self, socket: SocketId) -> BodyLeft {
        let answer = self.one.body_ahead(socket);
        assert_eq!(answer, self.other.body_ahead(socket));
        answer
    }

    fn sends(&self, socket: SocketId) -> bool {
        let answer = self.one.sends(socket);
        assert_eq!(answer, self.other.sends(socket));
        answer
    }

    fn feeds(&self, call: usize) -> bool {
        let answer = self.one.feeds(call);
        assert_eq!(answer, self.other.feeds(call));
        answer
    }

    fn calls(&self) -> usize {
        let answer = self.one.calls();
        assert_eq!(answer, self.other.calls());
        answer
    }

    fn stats(&self) -> Stats {
        let answer = self.one.stats();
        assert_eq!(answer, self.other.stats());
        answer
    }

    fn check(&self) -> Result<(), String> {
        if let Some((one, other)) = &self.traces {
            assert_eq!(one.take(), other.take());
        }
        self.one.check().and_then(|()| self.other.check())
    }

    fn call_of(&self, bits: u64) -> Option<usize> {
        self.one.call_of(bits)
    }

    fn tell_stale(&mut self, what: u8, bits: u64, now: Instant) {
        self.one.tell_stale(what, bits, now);
    }
}
