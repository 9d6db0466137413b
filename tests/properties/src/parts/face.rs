//! Implements [`Machines`] for the second composition: its inputs and its questions.

use std::sync::Arc;

use httpool::{
    call::{Call, Next, Policy},
    dial,
    error::IoKind,
    id::SocketId,
    message::{BodyLeft, Request},
    pool::Stats,
    time::Instant,
    trace::Who,
};

use super::{OneCall, Parts};
use crate::client::{Act, BodyWanted, Input, Machines, Said};

impl Machines for Parts {
    fn request(
        &mut self,
        request: &Request,
        policy: &Arc<Policy>,
        slot: Option<u32>,
        now: Instant,
    ) -> u32 {
        let number = self.requests;
        self.requests += 1;
        let seed = self.config.seed.wrapping_add(number as u64);
        let mut call = Call::new(request.clone(), policy.clone(), seed, now);
        call.set_guard(&self.config.dial.guard);
        if let Some(trace) = self.trace(Who::Call(number as u64)) {
            call.set_trace(trace, now);
        }
        let slot = slot.unwrap_or(number as u32);
        let it = OneCall {
            call,
            slot,
            ticket: None,
            asks: false,
            conn: None,
            silent: false,
            told: false,
            rewinding: false,
            checking: false,
            late_end: None,
            feeds: false,
        };
        self.calls.insert(number, it);
        self.follow(Some(number), now);
        slot
    }

    fn tell(&mut self, input: &Input, now: Instant) {
        match *input {
            Input::Cancel(call) => self.with_call(call, now, |it| {
                it.silent = true;
                it.call.cancel(now);
            }),
            Input::Discard(call) => self.with_call(call, now, |it| {
                it.silent = true;
                if !it.call.discard(now) {
                    it.call.cancel(now);
                }
                it.feeds = it.call.is_sending_body();
            }),
            Input::Pause(call, paused) => {
                self.with_call(call, now, |it| {
                    if paused { it.call.pause(now) } else { it.call.resume(now) }
                });
            }
            Input::BodyReady(call) => {
                let asked = self.feeding(call).filter(|it| is_send_body(it.call.next()));
                if let Some(conn) = asked.and_then(|it| it.conn.as_ref()) {
                    let socket = conn.socket;
                    self.acts.push_back(Act::Transmit { socket, probe: false });
                }
            }
            Input::BodyFailed(call) => {
                if let Some(it) = self.feeding(call) {
                    it.call.body_failed(now);
                    self.follow(Some(call), now);
                }
            }
            Input::BodyUsed(call) => self.with_call(call, now, |it| it.call.body_used(now)),
            Input::BodyUnusable(call, why) => {
                self.with_call(call, now, |it| it.call.body_unusable(why, now));
            }
            Input::Rewound(call, done) => self.with_call(call, now, |it| {
                it.rewinding = false;
                if done { it.call.rewound(now) } else { it.call.rewind_failed(now) }
            }),
            Input::Close => {
                self.pool.close();
                self.follow(None, now);
            }
            Input::CloseNow => {
                self.tell(&Input::Close, now);
                self.close_now(now);
            }
            Input::Resolved(conn, ref addrs) => {
                self.with_dial(conn, now, |it| {
                    it.looks_up = false;
                    it.dial.resolved(addrs, now);
                });
            }
            Input::LookedUp(look_up, ref addrs) => {
                self.pool.looked_up(look_up, addrs, now);
                self.follow(None, now);
            }
            Input::ResolveQueued(conn) => {
                self.with_dial(conn, now, |it| it.dial.resolve_queued(now));
            }
            Input::Resolving(conn) => self.with_dial(conn, now, |it| it.dial.resolving(now)),
            Input::ResolveFailed(conn, why) => {
                self.with_dial(conn, now, |it| {
                    it.looks_up = false;
                    it.dial.resolve_failed(why, now);
                });
            }
            Input::Connected(socket, done) => self.connected(socket, done, now),
            Input::Tls(socket, done) => {
                let Some(conn) = self.dial_on(socket) else { return };
                self.with_dial(conn, now, |it| {
                    it.shaking = false;
                    match done {
                        Ok(()) => it.dial.tls_up("", now),
                        Err(why) => it.dial.tls_failed(why, now),
                    }
                });
            }
            Input::Written(socket, bytes) => self.written(socket, bytes, now),
            Input::WriteFailed(socket, why) => match self.user(socket) {
                Some(number) => {
                    if let Some(it) = self.calls.get_mut(&number) {
                        it.call.write_failed(why, now);
                    }
                    self.follow(Some(number), now);
                }
                None => self.lost(socket, why, now),
            },
            Input::Timeout => self.pass(now),
        }
    }

    fn receive(&mut self, socket: SocketId, input: &[u8], now: Instant) -> (usize, Said) {
        if let Some(number) = self.user(socket) {
            let it = self.calls.get_mut(&number).expect("it uses the connection");
            let h1 = &mut it.conn.as_mut().expect("it uses the connection").h1;
            let (taken, event) = it.call.receive(h1, input, now);
            let next = it.call.next();
            let said = self.said(number, event);
            if next == Next::Release {
                self.release(number, &input[taken..], now);
            }
            self.follow(Some(number), now);
            return (taken, said);
        }
        if let Some(conn) = self.dial_on(socket) {
            let mut taken = 0;
            self.with_dial(conn, now, |it| {
                it.told = false;
                taken = it.dial.receive(input, now);
            });
            return (taken, if taken > 0 { Said::Skipped } else { Said::NeedInput });
        }
        if !input.is_empty() {
            self.lost_idle(socket, now);
        }
        (0, Said::NeedInput)
    }

    fn eof(&mut self, socket: SocketId, clean: bool, now: Instant) -> Said {
        if let Some(number) = self.user(socket) {
            let it = self.calls.get_mut(&number).expect("it uses the connection");
            let h1 = &mut it.conn.as_mut().expect("it uses the connection").h1;
            let event = it.call.receive_eof(h1, clean.into(), now);
            let said = self.said(number, event);
            self.follow(Some(number), now);
            return if said == Said::Skipped { Said::NeedInput } else { said };
        }
        if self.dial_on(socket).is_some() {
            self.lost(socket, if clean { IoKind::Eof } else { IoKind::Reset }, now);
        } else {
            self.lost_idle(socket, now);
        }
        Said::NeedInput
    }

    fn send_body(
        &mut self,
        call: usize,
        len: usize,
        last: bool,
        now: Instant,
    ) -> Option<(Vec<u8>, Vec<u8>)> {
        let it = self.feeding(call)?;
        let framing = it.call.send_body(&mut it.conn.as_mut()?.h1, len, last, now);
        self.follow(Some(call), now);
        framing.map(|framing| (framing.prefix().to_vec(), framing.suffix().to_vec()))
    }

    fn poll_action(&mut self) -> Option<Act> {
        let act = self.acts.pop_front()?;
        if let Act::Transmit { socket, .. } = act {
            let mut conns = self.calls.values_mut().filter_map(|it| it.conn.as_mut());
            conns.by_ref().filter(|it| it.socket == socket).for_each(|it| it.told = true);
        }
        Some(act)
    }

    fn poll_transmit(&mut self, socket: SocketId, out: &mut Vec<u8>) -> BodyWanted {
        if let Some(it) = self.dial_on(socket).and_then(|conn| self.dials.get_mut(&conn)) {
            it.dial.poll_transmit(out);
            return None;
        }
        let number = self.user(socket)?;
        let it = self.calls.get_mut(&number)?;
        out.append(&mut it.conn.as_mut().filter(|it| it.told)?.out);
        let Next::SendBody(max) = it.call.next() else {
            it.told = false;
            return None;
        };
        it.told = true;
        Some((number, max))
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.calls.values().filter_map(|it| it.call.poll_timeout());
        let dials = self.dials.values().filter_map(|it| it.dial.poll_timeout());
        calls.chain(dials).map(|(at, _)| at).chain(self.pool.poll_timeout()).min()
    }

    fn wants_input(&self, socket: SocketId) -> bool {
        let Some(conn) = self.sockets.get(&socket) else { return false };
        match (self.user(socket), self.dials.get(conn)) {
            (Some(number), _) => !self.calls[&number].call.is_paused(),
            (None, Some(it)) => it.up(socket).is_some() && it.dial.next() == dial::Next::Exchange,
            (None, None) => true,
        }
    }

    fn body_ahead(&self, socket: SocketId) -> BodyLeft {
        let user = self.user(socket).and_then(|number| self.calls[&number].conn.as_ref());
        user.map_or(BodyLeft::NONE, |it| it.h1.body_ahead())
    }

    fn sends(&self, socket: SocketId) -> bool {
        match self.user(socket) {
            Some(number) => self.calls[&number].call.sends(),
            None => self.dial_on(socket).is_some(),
        }
    }

    fn feeds(&self, call: usize) -> bool {
        self.calls.get(&call).is_some_and(|it| it.feeds)
    }

    fn calls(&self) -> usize {
        self.calls.len()
    }

    fn stats(&self) -> Stats {
        self.pool.stats()
    }

    fn check(&self) -> Result<(), String> {
        self.pool.check()
    }

    fn call_of(&self, _bits: u64) -> Option<usize> {
        None
    }

    fn tell_stale(&mut self, _what: u8, _bits: u64, _now: Instant) {}
}

fn is_send_body(next: Next) -> bool {
    matches!(next, Next::SendBody(_))
}

impl Parts {
    fn connected(&mut self, socket: SocketId, done: Result<(), IoKind>, now: Instant) {
        let Some(&conn) = self.sockets.get(&socket) else { return };
        let Some(it) = self.dials.get_mut(&conn) else { return };
        let found = it.attempts.iter().find(|(_, known)| **known == (socket, false));
        let Some((&attempt, _)) = found else { return };
        match done {
            Ok(()) => {
                it.attempts.insert(attempt, (socket, true));
                it.dial.connected(attempt, now);
            }
            Err(why) => {
                it.attempts.remove(&attempt);
                it.dial.connect_failed(attempt, why, now);
                self.forget(socket);
            }
        }
        self.step_dial(conn, now);
        if self.dials.get(&conn).is_some_and(|it| it.dial.winner() == Some(attempt)) {
            self.pool.dial_connected(conn);
        }
        self.follow(None, now);
    }

    fn lost(&mut self, socket: SocketId, why: IoKind, now: Instant) {
        if let Some(conn) = self.dial_on(socket) {
            self.with_dial(conn, now, |it| it.dial.lost(why, now));
        }
    }

    /// Reports an idle connection as lost.
    fn lost_idle(&mut self, socket: SocketId, now: Instant) {
        let Some(&conn) = self.sockets.get(&socket) else { return };
        if !self.dials.contains_key(&conn) {
            self.pool.idle_lost(conn);
            self.follow(None, now);
        }
    }

    fn written(&mut self, socket: SocketId, bytes: usize, now: Instant) {
        if let Some(number) = self.user(socket)
            && let Some(it) = self.calls.get_mut(&number)
        {
            it.call.written(bytes, now);
            self.follow(Some(number), now);
        }
    }
}
