//! Captures the records of `log`, by thread, and writes the expected ones.

#![allow(dead_code, reason = "with both features nothing is expected here")]

use std::{cell::RefCell, sync::Once};

use log::{LevelFilter, Log, Metadata, Record};

use crate::drivers::End;

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

struct Capture;

impl Log for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("httpool") {
            let text = record.args().to_string();
            let text = text.split_once(", took ").map_or(text.as_str(), |(text, _)| text);
            let line = format!("{} {} {text}", record.level(), record.target());
            LINES.with_borrow_mut(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}

/// Returns the records that `work` makes on this thread. The time of a call is left out.
pub(crate) fn captured(work: impl FnOnce()) -> Vec<String> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Capture).unwrap();
        log::set_max_level(LevelFilter::Debug);
    });
    LINES.take();
    work();
    LINES.take()
}

pub(crate) fn begins(call: &str, origin: &str) -> String {
    format!("DEBUG httpool::call {call} begins: GET {origin}")
}

pub(crate) fn redirected(call: &str, status: u16, to: &str) -> String {
    format!("DEBUG httpool::call {call} is redirected by {status} to {to}")
}

pub(crate) fn retried_after(call: &str, status: u16) -> String {
    format!("WARN httpool::call {call} is retried after status {status}")
}

pub(crate) fn retried(call: &str, error: &str) -> String {
    format!("WARN httpool::call {call} is retried after a failure: {error}")
}

pub(crate) fn ends(End { call, origin, outcome, status, error, counts }: &End<'_>) -> String {
    let (redirects, retries) = counts;
    let status = status.map(|status| format!(", status {status}")).unwrap_or_default();
    let error = error.map(|(kind, error)| format!(", {kind}: {error}")).unwrap_or_default();
    format!(
        "DEBUG httpool::call {call} ends: GET {origin}, {outcome}{status}{error}, \
         redirects {redirects}, retries {retries}"
    )
}

pub(crate) fn opened(conn: &str, origin: &str) -> String {
    format!("DEBUG httpool::pool {conn} is opened to {origin}")
}

/// Adds the proxy to a line about an opened connection.
pub(crate) fn through(opened: &str, proxy: &str) -> String {
    format!("{opened} through {proxy}")
}

/// Adds a pause to a line about a retry.
pub(crate) fn delayed(retried: &str, millis: u64) -> String {
    format!("{retried}, in {millis} ms")
}

pub(crate) fn reused(conn: &str, call: &str) -> String {
    format!("DEBUG httpool::pool {conn} is reused by {call}")
}

pub(crate) fn closed(conn: &str, reason: &str) -> String {
    format!("DEBUG httpool::pool {conn} is closed: {reason}")
}
