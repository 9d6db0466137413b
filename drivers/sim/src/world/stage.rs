//! State that all parts of a world share: the time, the planned events, the random numbers and the
//! trace.

use std::fmt;

use super::{
    Noise, Random,
    clock::Queue,
    marks::{Mark, Marks},
};
use httpool::time::Instant;

/// An event that is planned for a time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// Bytes arrive, up to the `upto`th byte of that direction. `down` is from server to client.
    Arrive { sock: u32, down: bool, upto: u32 },
    /// The end of the stream arrives.
    Fin { sock: u32, down: bool },
    /// A reset arrives.
    Rst { sock: u32, down: bool },
    /// The server has room to write again.
    Space { sock: u32 },
    /// An attempt to connect ends.
    Connect { sock: u32 },
    /// A server's timer fires. It is ignored if `turn` is not the connection's current one.
    Server { sock: u32, what: Timer, turn: u32 },
    /// A queued look-up begins.
    Resolving { conn: u64 },
    /// A look-up ends.
    Resolved { conn: u64, origin: u32 },
    /// A name with open connections was looked up again.
    LookedUp { look_up: u64, origin: u32 },
    /// A TLS handshake ends.
    Tls { socket: u64 },
    /// An application performs an action.
    App { call: u32, what: Does },
    /// The application closes the client.
    Close { now: bool },
    /// The application closes the connections to a server, or retires all of them.
    Clear { origin: Option<usize> },
    /// The driver checks its sockets again.
    Poke,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    Reply,
    Drip,
    Idle,
    Fault(u32),
    Heal,
    Chatter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Begin,
    Cancel,
    Resume,
    BodyReady,
    Rewound,
}

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) now: u64,
    pub(super) queue: Queue<Event>,
    pub(super) random: Random,
    pub(super) noise: Noise,
    pub(super) marks: Marks,
    /// The first violation.
    pub(super) wrong: Option<String>,
    /// Whether a call has received an unsolicited response that no client could have recognised as
    /// such. Later responses may then belong to other calls, and their redirects lead to other
    /// calls' targets.
    pub(super) out_of_step: bool,
    hash: u64,
    log: Option<Vec<String>>,
}

impl Stage {
    pub(super) fn new(seed: u64, noise: Noise, logs: bool) -> Self {
        Self {
            now: 0,
            queue: Queue::new(),
            random: Random::new(seed),
            noise,
            marks: Marks::default(),
            wrong: None,
            out_of_step: false,
            hash: 0xcbf2_9ce4_8422_2325,
            log: logs.then(Vec::new),
        }
    }

    pub(super) const fn instant(&self) -> Instant {
        Instant::from_nanos(self.now)
    }

    pub(super) fn plan(&mut self, delay: u64, event: Event) {
        self.queue.plan(self.now + delay, event);
    }

    pub(super) fn latency(&mut self) -> u64 {
        let (least, most) = (self.noise.latency_min, self.noise.latency_max);
        self.random.from(least.as_nanos() as u64, most.as_nanos() as u64)
    }

    /// Returns how many of `most` bytes one read or write transfers: at least one, at most `bound`.
    pub(super) fn cut(&mut self, most: usize, bound: u32) -> usize {
        let most = most.min(bound as usize);
        if !self.noise.cuts || most < 2 || self.random.once_in(2) {
            return most;
        }
        1 + self.random.below(most as u64) as usize
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.set(mark);
    }

    pub(super) fn wrong(&mut self, what: impl FnOnce() -> String) {
        if self.wrong.is_none() {
            let what = what();
            self.say(format_args!("WRONG: {what}"));
            self.wrong = Some(what);
        }
    }

    /// Adds a number to the hash of all events.
    pub(super) const fn note(&mut self, number: u64) {
        self.hash = (self.hash.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    /// Adds a number to the hash, and a line to the trace if one is kept.
    pub(super) fn tell(&mut self, kind: u64, number: u64, line: fmt::Arguments<'_>) {
        self.note(self.now ^ kind << 56);
        self.note(number);
        self.say(line);
    }

    pub(super) fn say(&mut self, line: fmt::Arguments<'_>) {
        if let Some(log) = &mut self.log {
            log.push(format!("{} {line}", Instant::from_nanos(self.now)));
        }
    }

    pub(super) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) const fn logs(&self) -> bool {
        self.log.is_some()
    }

    pub(super) fn take_log(&mut self) -> Vec<String> {
        self.log.take().unwrap_or_default()
    }
}
