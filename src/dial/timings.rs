//! The times of the steps of a dial.

use alloc::{boxed::Box, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use super::{
    Dial,
    stage::{LookUp, Stage},
};
use crate::{
    error::{DialError, IoKind},
    time::Instant,
};

/// The steps of a dial, with their times. Collected after [`Dial::set_timings`].
///
/// [`Dial::timings`] counts the times from the beginning of the dial. In the
/// [timings of a call](crate::call::Timings) they count from the beginning of the call.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct DialTimings {
    /// The time at which the dial began.
    pub began: Duration,
    /// The time at which it ended: by success, by failure, or because it was not needed any more.
    pub ended: Option<Duration>,
    /// Its steps, in the order in which they began. Attempts to connect can overlap each other; no
    /// other steps overlap.
    pub steps: Vec<Step>,
    /// The reason why the dial has failed.
    pub failure: Option<DialError>,
}

/// A step of a dial.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The kind of the step.
    pub kind: StepKind,
    /// The time at which it began.
    pub began: Duration,
    /// The time at which it ended. `None` while it runs.
    pub ended: Option<Duration>,
}

impl Step {
    /// Returns how long the step took. Zero while it runs.
    pub fn took(&self) -> Duration {
        self.ended.map_or(Duration::ZERO, |ended| ended.saturating_sub(self.began))
    }
}

/// The kind of a [`Step`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum StepKind {
    /// The look-up of a name waits for a thread of the resolver.
    Queue,
    /// A name is looked up: that of the peer, or of the first proxy, or of the peer for a proxy
    /// that takes addresses only.
    LookUp,
    /// A connection to one address is opened.
    Connect {
        /// The number of the attempt.
        attempt: u8,
        /// The address. `None` for a Unix domain socket.
        addr: Option<SocketAddr>,
        /// The outcome. `None` while the attempt runs.
        outcome: Option<Connected>,
    },
    /// A proxy is asked for a tunnel.
    Proxy,
    /// A TLS handshake is performed.
    Tls,
}

/// The outcome of an attempt to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connected {
    /// Its socket became the connection.
    Won,
    /// It has failed.
    Failed(IoKind),
    /// It was given up: another address has won, or its time was over.
    Abandoned,
}

impl DialTimings {
    /// Returns the address to which the dial has connected. `None` for a Unix domain socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.steps.iter().find_map(|step| {
            let StepKind::Connect { addr, outcome, .. } = step.kind else { return None };
            (outcome == Some(Connected::Won)).then_some(addr)?
        })
    }

    /// Moves all times by `delay`, and ends at `now` everything that still runs.
    pub(crate) fn moved(mut self, delay: Duration, now: Duration) -> Self {
        let over = |ended: Option<Duration>| ended.map_or(now, |at| at.saturating_add(delay));
        self.began = self.began.saturating_add(delay);
        self.ended = Some(over(self.ended));
        for step in &mut self.steps {
            step.began = step.began.saturating_add(delay);
            step.ended = Some(over(step.ended));
            if let StepKind::Connect { outcome: outcome @ None, .. } = &mut step.kind {
                *outcome = Some(Connected::Abandoned);
            }
        }
        self
    }
}

/// Collects the timings of a dial.
#[derive(Debug)]
pub(super) struct Collector {
    began: Instant,
    /// The current stage and stop; the index of its step is `open`.
    stage: Option<(StepKind, usize)>,
    open: Option<usize>,
    timings: DialTimings,
}

impl Collector {
    fn begin(&mut self, kind: StepKind, at: Duration) -> usize {
        self.timings.steps.push(Step { kind, began: at, ended: None });
        self.timings.steps.len() - 1
    }

    fn end(&mut self, index: usize, at: Duration) {
        if let Some(step) = self.timings.steps.get_mut(index) {
            step.ended.get_or_insert(at);
        }
    }

    /// Records the stage after an event. `None` for a stage that has no step of its own.
    pub(super) fn stage_is(&mut self, stage: Option<(StepKind, usize)>, now: Instant) {
        if stage == self.stage {
            return;
        }
        let at = now.since(self.began);
        if let Some(open) = self.open.take() {
            self.end(open, at);
            // A look-up that is put into the queue has not begun.
            let queued = stage.is_some_and(|(kind, _)| kind == StepKind::Queue);
            self.timings.steps.pop_if(|step| queued && step.took().is_zero());
        }
        self.open = stage.map(|(kind, _)| self.begin(kind, at));
        self.stage = stage;
    }

    /// Records the end of the dial.
    pub(super) fn ended(&mut self, failure: Option<DialError>, now: Instant) {
        self.stage_is(None, now);
        let at = now.since(self.began);
        self.timings.ended.get_or_insert(at);
        self.timings.failure = failure;
    }

    pub(super) fn connecting(&mut self, attempt: u8, addr: Option<SocketAddr>, now: Instant) {
        let kind = StepKind::Connect { attempt, addr, outcome: None };
        self.begin(kind, now.since(self.began));
    }

    /// Records the outcome of an attempt, unless it has one.
    pub(super) fn connect_ended(&mut self, attempt: u8, how: Connected, now: Instant) {
        let at = now.since(self.began);
        for step in &mut self.timings.steps {
            if let StepKind::Connect { attempt: number, outcome: outcome @ None, .. } =
                &mut step.kind
                && *number == attempt
            {
                *outcome = Some(how);
                step.ended = Some(at);
            }
        }
    }
}

impl Dial {
    /// Collects the times of all steps from now on. Off by default, which costs no memory.
    pub fn set_timings(&mut self) {
        let began = self.now;
        let timings = DialTimings::default();
        self.timings = Some(Box::new(Collector { began, stage: None, open: None, timings }));
        self.note_stage();
    }

    /// Returns the times of the steps so far, from the beginning of the dial. `None` unless they
    /// are [collected](Self::set_timings).
    pub fn timings(&self) -> Option<&DialTimings> {
        self.timings.as_ref().map(|collector| &collector.timings)
    }

    /// Returns the times of the steps, from `zero`, with an end at `now` for those that run.
    pub(crate) fn timings_since(&self, zero: Instant, now: Instant) -> Option<DialTimings> {
        let collector = self.timings.as_ref()?;
        let delay = collector.began.since(zero);
        Some(collector.timings.clone().moved(delay, now.since(zero)))
    }

    /// Passes the current stage to the timings.
    #[cold]
    pub(super) fn note_stage(&mut self) {
        let Some(timings) = &mut self.timings else { return };
        let kind = match &self.stage {
            Stage::Resolve { state: LookUp::Queued, .. } => StepKind::Queue,
            Stage::Resolve { .. } => StepKind::LookUp,
            Stage::Connect => return timings.stage_is(None, self.now),
            Stage::Exchange(_) => StepKind::Proxy,
            Stage::Tls { .. } => StepKind::Tls,
            Stage::Ready => return timings.ended(None, self.now),
            Stage::Failed(why) => return timings.ended(Some(*why), self.now),
        };
        timings.stage_is(Some((kind, self.stop)), self.now);
    }

    pub(super) fn connect_ended(&mut self, attempt: u8, how: Connected, now: Instant) {
        if let Some(timings) = &mut self.timings {
            timings.connect_ended(attempt, how, now);
        }
    }
}
