//! A correct driver and peers of several kinds. Every call must end with them.

use httpool::{error::IoKind, id::SocketId};

use super::{
    Stop,
    bench::{Bench, addresses},
    machines::{Input, Machines},
};
use crate::call::PIECES;

/// A bound on the rounds that a correct driver needs until every call has ended.
const ROUNDS_MAX: usize = 600;

impl<M: Machines> Bench<M> {
    /// Behaves as a correct driver from here on. Every call must end, and nothing may be left.
    pub(super) fn finish(mut self, stop: Stop) {
        for call in 0..self.calls.len() {
            self.calls[call].paused = false;
            self.tell(&Input::Pause(call, false));
        }
        for round in 0..=ROUNDS_MAX {
            assert!(round < ROUNDS_MAX, "{} calls do not end", self.machines.calls());
            self.drain();
            if self.machines.calls() == 0 {
                break;
            }
            if !self.honest_round(stop, round) {
                let at = self.machines.poll_timeout();
                assert!(at.is_some(), "{} calls wait for nothing", self.machines.calls());
                self.late();
            }
            self.check();
        }
        self.end();
    }

    /// Checks that every call has ended. Then closes the client, and checks that nothing is left.
    pub(super) fn end(mut self) {
        assert_eq!(self.machines.calls(), 0);
        for (number, call) in self.calls.iter().enumerate() {
            let ended = call.outcome.is_some();
            assert!(ended != call.left_alone, "call {number} ended as {:?}", call.outcome);
        }
        self.tell(&Input::Close);
        self.drain();
        self.check();
        assert!(self.socks.is_empty(), "left open: {:?}", self.socks);
        let left = self.look_ups.iter().find(|conn| !self.was_answered(conn));
        assert_eq!(left, None, "a look-up is left");
        assert_eq!(self.machines.stats().open, 0);
        assert_eq!(self.machines.poll_timeout(), None, "nothing is left to wait for");
    }

    /// Performs one of the actions that are due.
    pub(super) fn honest(&mut self, n: u8) {
        self.drain();
        if let Some(call) = (0..self.calls.len()).find(|call| self.calls[*call].check) {
            self.calls[call].check = false;
            self.tell(&Input::BodyUsed(call));
            return;
        }
        if let Some(call) = (0..self.calls.len()).find(|call| self.calls[*call].rewind) {
            return self.rewound(call);
        }
        if let Some(conn) = self.look_ups.first().copied() {
            return self.answer(conn, &Input::Resolved(conn, addresses(1)));
        }
        if let Some(socket) = self.socket(n % 240) {
            let answer = PIECES[usize::from(n) % PIECES.len()];
            self.serve(socket, Some(answer));
        }
    }

    /// Performs all actions that are due. Returns whether there were any.
    fn honest_round(&mut self, stop: Stop, round: usize) -> bool {
        let mut done = false;
        for call in 0..self.calls.len() {
            if self.calls[call].rewind {
                self.rewound(call);
                done = true;
            }
            if core::mem::take(&mut self.calls[call].check) {
                self.tell(&Input::BodyUsed(call));
                done = true;
            }
        }
        let found = match stop {
            Stop::Answers => Some(1),
            Stop::Refuses => Some(2),
            Stop::Silent => None,
        };
        while let (Some(found), Some(conn)) = (found, self.look_ups.first().copied()) {
            self.answer(conn, &Input::Resolved(conn, addresses(found)));
            self.drain();
            done = true;
        }
        let sockets: Vec<_> = self.socks.keys().copied().collect();
        for socket in sockets {
            done |= match stop {
                Stop::Answers if round % 16 == 15 => {
                    let said = self.machines.eof(socket, true, self.now);
                    self.heard(&said);
                    true
                }
                Stop::Answers => self.serve(socket, Some(PIECES[0])),
                Stop::Silent => self.serve(socket, None),
                Stop::Refuses => self.refuse(socket),
            };
            self.drain();
        }
        done
    }

    fn rewound(&mut self, call: usize) {
        self.calls[call].rewind();
        self.tell(&Input::Rewound(call, true));
    }

    /// Performs the actions that one socket needs. `answer` is sent if it is the peer's turn;
    /// without one the peer does not even connect.
    fn serve(&mut self, socket: SocketId, answer: Option<&[u8]>) -> bool {
        let Some(sock) = self.socks.get_mut(&socket) else { return false };
        if sock.transmit {
            self.transmit(socket, true);
            if answer.is_some() {
                self.written(socket, usize::MAX);
            }
            return true;
        }
        let Some(answer) = answer else { return false };
        if !sock.up {
            self.connect(socket, Ok(()));
        } else if sock.shaking {
            sock.shaking = false;
            self.tell(&Input::Tls(socket, Ok(())));
        } else if sock.unwritten > 0 {
            self.written(socket, usize::MAX);
        } else if self.machines.wants_input(socket) && self.is_used(socket) {
            let tunnel = self.socks.get(&socket).is_some_and(|it| it.tunnel_asked);
            let answer = if tunnel { b"HTTP/1.1 200 OK\r\n\r\n" } else { answer };
            self.read(socket, answer);
        } else {
            return false;
        }
        true
    }

    /// Whether a socket is in use. Idle ones get no input.
    fn is_used(&self, socket: SocketId) -> bool {
        self.machines.sends(socket) || !self.machines.body_ahead(socket).is_none()
    }

    /// Simulates a peer that refuses connections and resets open ones.
    fn refuse(&mut self, socket: SocketId) -> bool {
        let Some(sock) = self.socks.get(&socket) else { return false };
        if sock.up {
            let said = self.machines.eof(socket, false, self.now);
            self.heard(&said);
        } else {
            self.connect(socket, Err(IoKind::Refused));
        }
        true
    }
}
