//! The table of phases that `--verbose` prints.

use std::fmt::Write;

use httpool::{
    call::{AttemptTimings, Timings},
    dial::{Connected, StepKind},
};

use crate::units::Time;

/// The width of the bar for the whole time, in characters.
const BAR: u32 = 30;

/// Returns the table: a line for each phase of each attempt that took time.
pub(super) fn table(timings: &Timings) -> String {
    let end = timings.attempts.last().map_or(timings.ended, |last| Some(last.latest()));
    let total = timings.ended.or(end).unwrap_or_default();
    let mut out = String::new();
    for (number, attempt) in (1..).zip(&timings.attempts) {
        let _ = writeln!(out, "* {}", heading(number, attempt));
        let mut at = attempt.began;
        for (name, took) in attempt.phases().each() {
            if !took.is_zero() {
                let column = |time: std::time::Duration| {
                    let share = time.as_secs_f64() / total.as_secs_f64().max(f64::MIN_POSITIVE);
                    ((share * f64::from(BAR)).round() as usize).min(BAR as usize)
                };
                let (from, to) = (column(at), column(at + took).max(column(at) + 1));
                let bar = " ".repeat(from) + &"=".repeat(to - from);
                let _ = writeln!(out, "*   {name:8} {:>10}  {bar}", Time(took));
            }
            at += took;
        }
        losers(&mut out, attempt);
    }
    let _ = writeln!(out, "*   total    {:>10}", Time(total));
    out
}

fn heading(number: usize, attempt: &AttemptTimings) -> String {
    let mut text = format!("attempt {number} ({})", attempt.cause.name());
    if let Some(conn) = attempt.connection {
        let how = if attempt.reused { "reused" } else { "new" };
        let _ = write!(text, ", {how} connection {conn}");
    }
    if let Some(status) = attempt.status {
        let _ = write!(text, ", status {status}");
    }
    if let Some(why) = attempt.failure {
        let _ = write!(text, ", failed: {why}");
    }
    text
}

/// Lists the attempts to connect that did not become the connection.
fn losers(out: &mut String, attempt: &AttemptTimings) {
    for step in attempt.dials.iter().flat_map(|(_, dial)| &dial.steps) {
        if let StepKind::Connect { addr, outcome: Some(outcome), .. } = step.kind
            && outcome != Connected::Won
        {
            let how = match outcome {
                Connected::Failed(why) => format!("failed: {why:?}"),
                _ => "was given up".to_owned(),
            };
            let addr = addr.map_or_else(|| "the socket".to_owned(), |addr| addr.to_string());
            let _ = writeln!(out, "*   {addr} {how} after {}", Time(step.took()));
        }
    }
}
