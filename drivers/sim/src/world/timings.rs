//! Checks the timings of the calls of an event loop.

use httpool::{
    call::{AttemptCause, Timings},
    client::Client,
    id::CallId,
    time::Instant,
};

use super::{base::Base, clock::LATE};

/// Checks the timings of a call that has ended at this moment. A call that has `failed` may have
/// done so between two attempts.
pub(super) fn add_up(base: &mut Base, client: &Client, call: u32, id: CallId, failed: bool) {
    let now = base.stage.instant();
    let Some(it) = client.call(id) else { return };
    let Some(timings) = it.timings() else {
        return base.stage.wrong(|| format!("call {call} has no timings"));
    };
    if let Some(what) = fault(timings, it.history().len(), failed, now) {
        base.stage.wrong(|| format!("call {call}: {what} in its timings: {timings:?}"));
    }
}

/// Returns what is wrong with the timings of a call that has ended at `now`.
fn fault(timings: &Timings, history: usize, failed: bool, now: Instant) -> Option<&'static str> {
    // The driver gets the end of a call a little later.
    let ended = timings.ended.map(|ended| timings.began.after(ended));
    let late = |ended: Instant| now.since(ended).as_nanos() > u128::from(LATE);
    if ended.is_none_or(|ended| ended > now || late(ended)) {
        return Some("another end than its own");
    }
    let again = timings.attempts.iter().filter(|it| it.cause != AttemptCause::Stale).count();
    if again != history + 1 && !(failed && again == history) {
        return Some("other attempts than its history has");
    }
    let mut free = timings.attempts.first()?.began;
    for attempt in &timings.attempts {
        let Some(ended) = attempt.ended else { return Some("an attempt without an end") };
        if attempt.began < free || Some(ended) > timings.ended {
            return Some("attempts that overlap");
        }
        if attempt.phases().total() != ended.saturating_sub(attempt.began) {
            return Some("phases that do not add up");
        }
        for (_, dial) in &attempt.dials {
            let steps =
                dial.steps.iter().all(|it| it.began >= dial.began && it.ended <= dial.ended);
            if dial.began < attempt.began || dial.ended > Some(ended) || !steps {
                return Some("a dial outside of its attempt");
            }
        }
        if attempt.leased.is_some() && attempt.connection.is_none() {
            return Some("an attempt without its connection");
        }
        free = ended;
    }
    None
}
