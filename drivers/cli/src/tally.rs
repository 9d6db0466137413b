//! Counts the results of many requests.

use core::fmt::Write;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use httpool_blocking::{Response, httpool::id::ConnId};
use serde_json::{Value, json};

use crate::{
    exit::{Failed, Kind},
    histogram::Histogram,
    units::{Bytes, Time, rate},
};

/// The results of one thread's requests, or of all.
pub(crate) struct Tally {
    times: Histogram,
    statuses: BTreeMap<u16, u64>,
    failures: BTreeMap<Kind, (u64, Failed)>,
    bytes: u64,
    /// The connections that responses came over. (A connection may be opened for a request that
    /// then takes another one. Its first response counts as the one that opened it.)
    connections: BTreeSet<ConnId>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            times: Histogram::new(),
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            bytes: 0,
            connections: BTreeSet::new(),
        }
    }

    /// Counts a response whose head came.
    pub(crate) fn answered(&mut self, response: &Response) {
        *self.statuses.entry(response.status().as_u16()).or_default() += 1;
        self.connections.insert(response.connection());
    }

    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// Counts a complete response, and the time that it took.
    pub(crate) fn succeeded(&mut self, time: Duration) {
        self.times.add(time);
    }

    pub(crate) fn failed(&mut self, failed: Failed) {
        self.failures.entry(failed.kind).or_insert_with(|| (0, failed)).0 += 1;
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.times.merge(&other.times);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (kind, (count, failed)) in other.failures {
            self.failures.entry(kind).or_insert_with(|| (0, failed)).0 += count;
        }
        self.bytes += other.bytes;
        self.connections.extend(other.connections);
    }

    fn opened(&self) -> u64 {
        self.connections.len() as u64
    }

    fn reused(&self) -> u64 {
        self.statuses.values().sum::<u64>() - self.opened()
    }

    fn failures(&self) -> u64 {
        self.failures.values().map(|(count, _)| count).sum()
    }

    fn requests(&self) -> u64 {
        self.times.count() + self.failures()
    }

    /// Returns the failure that the program reports and exits with, if a request has failed: the
    /// first one of the most frequent kind.
    pub(crate) fn verdict(self) -> Result<(), Failed> {
        match self.failures.into_values().max_by_key(|(count, _)| *count) {
            None => Ok(()),
            Some((_, failed)) => Err(failed),
        }
    }

    /// Returns the failure of [`verdict`](Self::verdict), if a request has failed.
    pub(crate) fn worst(&self) -> Option<&Failed> {
        self.failures.values().max_by_key(|(count, _)| *count).map(|(_, failed)| failed)
    }

    pub(crate) fn to_text(&self, time: Duration, threads: u64) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: String| writeln!(text, "{name:<13}{value}").ok();
        let requests = self.requests();
        let speed = rate(requests, time);
        let by = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
        line("requests", format!("{requests} by {by} in {}: {speed:.0}/s", Time(time)));
        line("answers", listed(&self.statuses));
        let kinds = self.failures.iter().map(|(kind, (count, _))| (kind.name(), *count)).collect();
        line("failures", listed(&kinds));
        let bytes = rate(self.bytes, time) as u64;
        line("bodies", format!("{}: {}/s", Bytes(self.bytes), Bytes(bytes)));
        let (opened, reused) = (self.opened(), self.reused());
        line("connections", format!("{opened} opened; {reused} answers over one that was open"));
        let latencies = PERCENTILES.iter().filter_map(|(name, percent)| {
            Some(format!("{name} {}", Time(self.times.within(*percent)?)))
        });
        line("latency", or_none(latencies.collect::<Vec<_>>().join("  ")));
        text
    }

    /// Returns the summary as JSON. `error` is the failure of the whole load.
    pub(crate) fn to_json(&self, time: Duration, threads: u64, error: Option<&Failed>) -> Value {
        let statuses: BTreeMap<_, _> =
            self.statuses.iter().map(|(status, count)| (status.to_string(), count)).collect();
        let failures: BTreeMap<_, _> =
            self.failures.iter().map(|(kind, (count, _))| (kind.name(), count)).collect();
        let latency: BTreeMap<_, _> = PERCENTILES
            .iter()
            .map(|(name, percent)| (*name, self.times.within(*percent).map(|t| t.as_secs_f64())))
            .collect();
        json!({
            "requests": self.requests(),
            "threads": threads,
            "seconds": time.as_secs_f64(),
            "requests_per_second": rate(self.requests(), time),
            "statuses": statuses,
            "failures": failures,
            "body_bytes": self.bytes,
            "connections_opened": self.opened(),
            "answers_on_reused_connections": self.reused(),
            "latency_seconds": latency,
            "error": error.map(Failed::to_json),
        })
    }
}

const PERCENTILES: [(&str, u8); 5] =
    [("min", 0), ("p50", 50), ("p90", 90), ("p99", 99), ("max", 100)];

fn listed<N: core::fmt::Display>(counts: &BTreeMap<N, u64>) -> String {
    let items: Vec<_> = counts.iter().map(|(name, count)| format!("{name} x {count}")).collect();
    or_none(items.join(", "))
}

fn or_none(text: String) -> String {
    if text.is_empty() { "none".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::new();
        tally.statuses = [(200, 3), (503, 1)].into();
        tally.connections = [ConnId::from_bits(1)].into();
        tally.received(2048);
        for _ in 0..3 {
            tally.succeeded(Duration::from_millis(3));
        }
        tally.failed(Failed::new(Kind::Lost, "lost"));
        tally
    }

    #[test]
    fn a_summary_for_people() {
        assert_eq!(
            tally().to_text(Duration::from_secs(2), 2),
            "requests     4 by 2 threads in 2.00 s: 2/s\n\
             answers      200 x 3, 503 x 1\n\
             failures     connection lost x 1\n\
             bodies       2.0 KiB: 1.0 KiB/s\n\
             connections  1 opened; 3 answers over one that was open\n\
             latency      min 3.00 ms  p50 3.00 ms  p90 3.00 ms  p99 3.00 ms  max 3.00 ms\n"
        );
    }

    #[test]
    fn a_summary_for_programs() {
        let tally = tally();
        let value = tally.to_json(Duration::from_secs(2), 2, tally.worst());
        assert_eq!(value["requests"], 4);
        assert_eq!(value["statuses"], json!({ "200": 3, "503": 1 }));
        assert_eq!(value["failures"], json!({ "connection lost": 1 }));
        assert_eq!(value["latency_seconds"]["max"], 0.003);
        assert_eq!(value["error"]["message"], "lost");
    }

    #[test]
    fn the_most_frequent_failure_speaks_for_all() {
        let mut all = tally();
        let mut other = Tally::new();
        other.failed(Failed::new(Kind::Timeout, "late"));
        other.failed(Failed::new(Kind::Timeout, "late again"));
        all.merge(other);
        assert_eq!(all.requests(), 6);
        assert_eq!(all.verdict().expect_err("some failed").kind, Kind::Timeout);
        assert!(Tally::new().verdict().is_ok());
    }
}
