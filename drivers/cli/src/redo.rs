//! Tries a whole transfer again (`--retry`), by curl's rules.

use std::time::{Duration, Instant};

use httpool_blocking::{Response, Retry};

use crate::{
    exit::{Failed, Kind, wrong},
    interrupt::Interrupt,
    options::Given,
    status::{Status, say},
};

/// The first pause. Each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// The options that say when a transfer is tried again.
#[derive(Debug, Default)]
pub(crate) struct Redo {
    retries: u32,
    delay: Option<Duration>,
    time_max: Option<Duration>,
    all_errors: bool,
    refused: bool,
    /// An option that needs `--retry`.
    needs: Option<String>,
}

impl Redo {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--retry" => {
                self.retries = given.number()?;
                return Ok(true);
            }
            "--retry-delay" => self.delay = given.seconds_or_none()?,
            "--retry-max-time" => self.time_max = given.seconds_or_none()?,
            "--retry-all-errors" => self.all_errors = given.on,
            "--retry-connrefused" => self.refused = given.on,
            _ => return Ok(false),
        }
        self.needs = Some(given.name.clone());
        Ok(true)
    }

    /// Checks that the options are compatible with each other.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        match &self.needs {
            Some(name) if self.retries == 0 => Err(wrong(format!("{name} needs --retry"))),
            _ => Ok(()),
        }
    }

    /// Begins to count the tries of a transfer.
    pub(crate) fn begin(&self) -> Tries<'_> {
        Tries { redo: self, left: self.retries, pause: FIRST, begun: Instant::now() }
    }
}

/// The tries of a transfer.
pub(crate) struct Tries<'r> {
    redo: &'r Redo,
    left: u32,
    pause: Duration,
    begun: Instant,
}

impl Tries<'_> {
    /// Returns the wait before the next try, if the response is to be asked for again.
    pub(crate) fn after_response(&mut self, response: &Response) -> Option<Duration> {
        let transient = Retry::TRANSIENT.contains(&response.status());
        if transient { self.again(Some(response)) } else { None }
    }

    /// Returns the wait before the next try after a failure.
    pub(crate) fn after_failure(&mut self, failed: &Failed) -> Option<Duration> {
        let transient = match failed.kind {
            Kind::Timeout | Kind::Name => true,
            Kind::Connect => self.redo.refused && failed.is_refused(),
            _ => false,
        };
        let local = matches!(
            failed.kind,
            Kind::Usage
                | Kind::Request
                | Kind::Scheme
                | Kind::Write
                | Kind::Read
                | Kind::ReaderGone
        );
        if transient || self.redo.all_errors && !local { self.next(None) } else { None }
    }

    /// Returns how many retries are left.
    pub(crate) const fn left(&self) -> u32 {
        self.left
    }

    /// Returns the wait before a retry that is made anyway.
    pub(crate) fn again(&mut self, response: Option<&Response>) -> Option<Duration> {
        self.next(response.and_then(Response::retry_after))
    }

    /// Returns the wait before the next try, and counts it.
    fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let wait = asked.or(self.redo.delay).unwrap_or(self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
        let late = |max: Duration| self.begun.elapsed() + wait > max;
        (!self.redo.time_max.is_some_and(late)).then_some(wait)
    }

    /// Waits for the next try, and shows that on standard error. Ends early on a signal.
    pub(crate) fn wait(&self, why: &str, wait: Duration, interrupt: &Interrupt, silent: bool) {
        let retries =
            if self.left == 1 { "1 retry is" } else { &format!("{} retries are", self.left) };
        let text = |left: Duration| {
            format!(
                "httpool: {why}; trying again in {} s; {retries} left",
                left.as_secs_f64().ceil()
            )
        };
        let begun = Instant::now();
        let live = (!silent && Status::can_be_shown()).then(|| Status::new(text(wait)));
        if !silent && live.is_none() {
            say(&(text(wait) + "\n"));
        }
        loop {
            let left = wait.saturating_sub(begun.elapsed());
            if let Some(status) = &live {
                status.set(text(left));
            }
            if left.is_zero() || interrupt.waited(left.min(Duration::from_secs(1))) {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_unless_one_is_given_or_asked_for() {
        let redo = Redo { retries: 12, ..Redo::default() };
        let mut tries = redo.begin();
        let mut waits = Vec::new();
        while let Some(wait) = tries.next(None) {
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600]);
        let delay = Some(Duration::from_secs(5));
        let redo = Redo { retries: 3, delay, time_max: delay, ..Redo::default() };
        let mut tries = redo.begin();
        assert_eq!(tries.next(Some(Duration::from_secs(2))), Some(Duration::from_secs(2)));
        assert_eq!(tries.next(None), None, "that would be too late");
    }

    #[test]
    fn failures_that_may_pass_are_tried_again() {
        let again = |redo: &Redo, kind| {
            let failed = Failed::new(kind, "failed");
            redo.begin().after_failure(&failed).is_some()
        };
        let some = Redo { retries: 1, ..Redo::default() };
        let all = Redo { retries: 1, all_errors: true, ..Redo::default() };
        assert!(again(&some, Kind::Timeout) && again(&some, Kind::Name));
        for kind in [Kind::Partial, Kind::Status, Kind::Lost, Kind::Tls] {
            assert!(!again(&some, kind) && again(&all, kind), "{kind:?}");
        }
        assert!(!again(&all, Kind::Write) && !again(&all, Kind::Usage));
        assert!(!again(&Redo::default(), Kind::Timeout));
    }
}
