//! Addresses, tried one after the other or racing (RFC 8305): which socket becomes the connection.

use alloc::{collections::BTreeSet, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use crate::{error::IoKind, time::Instant};

/// Most addresses that are tried. A name with more is served by any of the first.
const ATTEMPTS_MAX: usize = 16;

/// RFC 8305 section 5: the delay MUST NOT be less.
const STAGGER_MIN: Duration = Duration::from_millis(10);

/// The attempts of one dial.
///
/// ```text
///              offer            connecting             connected
///   Waiting ─────────▶ Offered ────────────▶ Running ─────────────▶ Won
///      │                  │ failed              │ failed              │
///      │ the race is over ▼                     ▼                     │ the dial fails
///      └───────────────▶ Over ◀── abandoned ── Unwanted ◀─────────────┘
///                          └── connecting ──────▲
/// ```
///
/// Whatever a driver says of an attempt that should have no socket, that socket becomes unwanted:
/// none is forgotten.
#[derive(Debug)]
pub(super) struct Race {
    /// In the order in which they are tried.
    attempts: Vec<Attempt>,
    /// Sockets that the driver speaks of and that were never offered.
    strays: BTreeSet<u8>,
    stagger: Option<Duration>,
    /// When to try the next address though the last has not failed.
    go_on_at: Option<Instant>,
    last_failure: IoKind,
    /// An attempt has failed or run out of time since this was taken.
    doubted: bool,
}

#[derive(Debug)]
struct Attempt {
    addr: SocketAddr,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Offered,
    Running,
    Won,
    /// Its socket is to be closed.
    Unwanted,
    /// It has no socket and will have none.
    Over,
}

/// How a race stands after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Won,
    /// No address is left; why the last one failed, or `Exhausted` if there was no descriptor for
    /// one.
    Lost(IoKind),
}

impl Race {
    /// A race that has not begun. `stagger`: [`Policy::race_after`](super::Policy::race_after).
    pub(super) fn new(stagger: Option<Duration>) -> Self {
        Self {
            attempts: Vec::new(),
            strays: BTreeSet::new(),
            stagger: stagger.map(|delay| delay.max(STAGGER_MIN)),
            go_on_at: None,
            last_failure: IoKind::Other,
            doubted: false,
        }
    }

    /// Begins with the first of `addrs`, of which there must be one.
    pub(super) fn begin(&mut self, addrs: &[SocketAddr]) {
        let mut order: Vec<SocketAddr> = Vec::with_capacity(addrs.len().min(ATTEMPTS_MAX));
        let mut add = |addr: &SocketAddr| {
            if order.len() < ATTEMPTS_MAX && !order.contains(addr) {
                order.push(*addr);
            }
        };
        if self.stagger.is_some() {
            by_turns(addrs).for_each(&mut add);
        } else {
            addrs.iter().for_each(&mut add);
        }
        let waiting = |addr| Attempt { addr, state: State::Waiting };
        self.attempts = order.into_iter().map(waiting).collect();
        self.offer();
    }

    /// The attempt that the driver is to begin.
    pub(super) fn offered(&self) -> Option<(u8, SocketAddr)> {
        let attempt = self.first(State::Offered)?;
        Some((attempt, self.attempts.get(usize::from(attempt))?.addr))
    }

    /// An attempt whose socket the driver is to close.
    pub(super) fn unwanted(&self) -> Option<u8> {
        self.first(State::Unwanted).or_else(|| self.strays.first().copied())
    }

    pub(super) fn winner(&self) -> Option<u8> {
        self.first(State::Won)
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.go_on_at
    }

    /// An attempt has begun; all of them must be done by `until`. It has its share of the time until
    /// then before the next is tried, or the delay of a race where that is less, so that an address
    /// that does not answer does not take all of the time.
    pub(super) fn connecting(&mut self, attempt: u8, now: Instant, until: Option<Instant>) {
        let waiting = self.count(State::Waiting);
        let share = until.map(|until| until.since(now) / (waiting + 1));
        let patience = match (self.stagger, share) {
            (Some(delay), Some(share)) => Some(delay.min(share.max(STAGGER_MIN))),
            (delay, share) => delay.or(share),
        }
        .filter(|_| waiting > 0);
        match self.state_of(attempt) {
            Some(state @ State::Offered) => {
                *state = State::Running;
                self.go_on_at = patience.map(|patience| now.after(patience));
            }
            Some(State::Running | State::Won) => {}
            Some(state @ (State::Waiting | State::Unwanted | State::Over)) => {
                *state = State::Unwanted;
            }
            None => {
                self.strays.insert(attempt);
            }
        }
    }

    /// An attempt has a connection. The first wins; the others' sockets become unwanted.
    pub(super) fn connected(&mut self, attempt: u8) -> Standing {
        match self.state_of(attempt) {
            Some(State::Offered | State::Running) => {
                self.give_up();
                if let Some(state) = self.state_of(attempt) {
                    *state = State::Won;
                }
                return Standing::Won;
            }
            Some(State::Won) => {}
            Some(state @ (State::Waiting | State::Unwanted | State::Over)) => {
                *state = State::Unwanted;
            }
            None => {
                self.strays.insert(attempt);
            }
        }
        Standing::Open
    }

    /// An attempt has failed, and its socket is closed.
    pub(super) fn failed(&mut self, attempt: u8, why: IoKind) -> Standing {
        self.strays.remove(&attempt);
        match self.state_of(attempt) {
            Some(state @ (State::Offered | State::Running)) => *state = State::Over,
            Some(state @ State::Unwanted) => {
                *state = State::Over;
                return Standing::Open;
            }
            Some(State::Waiting | State::Won | State::Over) | None => return Standing::Open,
        }
        self.note_failure(why);
        self.doubted = true;
        if self.first(State::Offered).is_none() {
            self.go_on_at = None;
            self.offer();
        }
        let open = |a: &Attempt| matches!(a.state, State::Offered | State::Running);
        if self.attempts.iter().any(open) {
            Standing::Open
        } else {
            Standing::Lost(self.last_failure)
        }
    }

    /// An attempt's socket is closed. Of one that was wanted this is a failure.
    pub(super) fn abandoned(&mut self, attempt: u8) -> Standing {
        self.failed(attempt, IoKind::Other)
    }

    /// Goes on to the next address if it is time to.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.go_on_at.is_none_or(|at| now < at) {
            return;
        }
        self.go_on_at = None;
        // A driver may have spoken of the next one out of turn: then this is the last, and goes on.
        if self.stagger.is_none() && self.first(State::Waiting).is_some() {
            self.note_failure(IoKind::TimedOut);
            self.doubted = true;
            self.turn(State::Running, State::Unwanted);
        }
        self.offer();
    }

    /// Notes that there was no time left for the attempts under way.
    pub(super) fn run_out(&mut self) {
        self.doubted |= self.count(State::Running) > 0;
    }

    /// Whether an attempt has failed or run out of time since this was asked last.
    pub(super) fn take_doubt(&mut self) -> bool {
        core::mem::take(&mut self.doubted)
    }

    /// Nothing more is tried, and no socket is wanted any more, not even the winner's.
    pub(super) fn give_up(&mut self) {
        self.go_on_at = None;
        self.turn(State::Waiting, State::Over);
        self.turn(State::Offered, State::Over);
        self.turn(State::Running, State::Unwanted);
        self.turn(State::Won, State::Unwanted);
    }

    /// An address that was not tried for want of a descriptor may be well: no later failure of
    /// another hides that.
    fn note_failure(&mut self, why: IoKind) {
        if self.last_failure != IoKind::Exhausted {
            self.last_failure = why;
        }
    }

    fn offer(&mut self) {
        if let Some(next) = self.attempts.iter_mut().find(|a| a.state == State::Waiting) {
            next.state = State::Offered;
        }
    }

    fn turn(&mut self, from: State, to: State) {
        self.attempts.iter_mut().filter(|a| a.state == from).for_each(|a| a.state = to);
    }

    fn state_of(&mut self, attempt: u8) -> Option<&mut State> {
        self.attempts.get_mut(usize::from(attempt)).map(|a| &mut a.state)
    }

    fn first(&self, state: State) -> Option<u8> {
        self.attempts.iter().zip(0..).find_map(|(a, index)| (a.state == state).then_some(index))
    }

    fn count(&self, state: State) -> u32 {
        self.attempts.iter().zip(1..).filter(|(a, _)| a.state == state).count() as u32
    }
}

/// Families by turns, that of the first address first (RFC 8305 section 4).
fn by_turns(addrs: &[SocketAddr]) -> impl Iterator<Item = &SocketAddr> {
    let first_is_v6 = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let mut own = addrs.iter().filter(move |addr| addr.is_ipv6() == first_is_v6);
    let mut other = addrs.iter().filter(move |addr| addr.is_ipv6() != first_is_v6);
    let mut own_turn = false;
    core::iter::from_fn(move || {
        own_turn = !own_turn;
        if own_turn {
            own.next().or_else(|| other.next())
        } else {
            other.next().or_else(|| own.next())
        }
    })
}
