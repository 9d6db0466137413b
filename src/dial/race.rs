//! Tries addresses one after the other, or races them (RFC 8305). The first socket to connect wins.

use alloc::{collections::BTreeSet, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use crate::{error::IoKind, message::PeerAddr, time::Instant};

/// The maximum number of addresses that are tried.
const ATTEMPTS_MAX: usize = 16;

/// The shortest delay that RFC 8305 section 5 allows between two attempts.
const STAGGER_MIN: Duration = Duration::from_millis(10);

/// The connection attempts of one dial.
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
/// If the driver reports an attempt that should have no socket, its socket becomes `Unwanted` and
/// is closed.
#[derive(Debug)]
pub(super) struct Race {
    /// The attempts in the order in which they are tried.
    attempts: Vec<Attempt>,
    /// Attempts that the driver reported and that were never offered.
    strays: BTreeSet<u8>,
    stagger: Option<Duration>,
    /// The time to try the next address, even if the last attempt has not failed.
    go_on_at: Option<Instant>,
    last_failure: IoKind,
    /// Whether an attempt has failed or timed out since [`take_doubt`](Self::take_doubt).
    doubted: bool,
}

#[derive(Debug)]
struct Attempt {
    addr: PeerAddr,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Offered,
    Running,
    Won,
    /// The driver must close its socket.
    Unwanted,
    /// The attempt has no socket and gets none.
    Over,
}

/// The state of a race after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Open,
    Won,
    /// No address is left. Holds the last failure, or `Exhausted` if any attempt found no file
    /// descriptor.
    Lost(IoKind),
}

impl Race {
    /// Makes a race that has not begun. `stagger` is
    /// [`DialPolicy::race_after`](super::DialPolicy::race_after).
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

    /// Begins the race with `addrs`, which must not be empty.
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
        let waiting = |addr| Attempt { addr: PeerAddr::Tcp(addr), state: State::Waiting };
        self.attempts = order.into_iter().map(waiting).collect();
        self.offer();
    }

    /// Begins the race with one address.
    pub(super) fn begin_at(&mut self, addr: PeerAddr) {
        self.attempts = [Attempt { addr, state: State::Waiting }].into();
        self.offer();
    }

    /// Returns the attempt that the driver must begin.
    pub(super) fn offered(&self) -> Option<(u8, &PeerAddr)> {
        let attempt = self.first(State::Offered)?;
        Some((attempt, &self.attempts.get(usize::from(attempt))?.addr))
    }

    /// Returns the address of an attempt.
    pub(super) fn addr(&self, attempt: u8) -> Option<&PeerAddr> {
        self.attempts.get(usize::from(attempt)).map(|it| &it.addr)
    }

    /// Returns an attempt whose socket the driver must close.
    pub(super) fn unwanted(&self) -> Option<u8> {
        self.first(State::Unwanted).or_else(|| self.strays.first().copied())
    }

    pub(super) fn winner(&self) -> Option<u8> {
        self.first(State::Won)
    }

    /// Returns the time when [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.go_on_at
    }

    /// Records that an attempt has begun; all attempts together end by `until`. The next address is
    /// tried after this one's share of the time left, or after the delay of the race if that is
    /// shorter. An address that does not answer therefore leaves time for the others.
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

    /// Records that an attempt is connected. The first one wins; the sockets of the others become
    /// unwanted.
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

    /// Records that an attempt has failed and its socket is closed.
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

    /// Records that an attempt's socket is closed. This is a failure unless the socket was
    /// unwanted.
    pub(super) fn abandoned(&mut self, attempt: u8) -> Standing {
        self.failed(attempt, IoKind::Other)
    }

    /// Tries the next address if its time has come.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.go_on_at.is_none_or(|at| now < at) {
            return;
        }
        self.go_on_at = None;
        // If the driver has reported the next attempt out of order, this one is the last, and
        // continues.
        if self.stagger.is_none() && self.first(State::Waiting).is_some() {
            self.note_failure(IoKind::TimedOut);
            self.doubted = true;
            self.turn(State::Running, State::Unwanted);
        }
        self.offer();
    }

    /// Records that the attempts under way have run out of time.
    pub(super) fn run_out(&mut self) {
        self.doubted |= self.count(State::Running) > 0;
    }

    /// Returns whether an attempt has failed or timed out since the last call of this method.
    pub(super) fn take_doubt(&mut self) -> bool {
        core::mem::take(&mut self.doubted)
    }

    /// Ends the race: tries no further address, and makes every socket unwanted, including the
    /// winner's.
    pub(super) fn give_up(&mut self) {
        self.go_on_at = None;
        self.turn(State::Waiting, State::Over);
        self.turn(State::Offered, State::Over);
        self.turn(State::Running, State::Unwanted);
        self.turn(State::Won, State::Unwanted);
    }

    /// Sets the failure to report. `Exhausted` is kept: the address may be reachable once there are
    /// file descriptors.
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

/// Interleaves the address families, starting with that of the first address (RFC 8305 section 4).
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
