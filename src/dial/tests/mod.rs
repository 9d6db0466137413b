//! Tests that run a dial against a simulated driver.

mod direct;
mod guarded;
mod local;
mod proxies;
mod races;
mod refusals;

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};
use std::sync::Mutex;

use super::{Dial, DialPolicy, Next};
use crate::{
    message::{Key, Origin, Scheme},
    time::{Deadline, Instant},
    trace::{Line, Recorder, Redaction, Sink, Trace, Who},
};

extern crate std;

/// A dial, and a clock that only the test moves.
struct Scene {
    dial: Dial,
    now: Instant,
}

impl Scene {
    fn new(key: &Key, policy: &DialPolicy) -> Self {
        let now = Instant::from_nanos(0);
        Self { dial: Dial::new(key, policy, now), now }
    }

    /// Makes a scene where attempt 0 to an IP address is connected.
    fn connected(key: &Key, policy: &DialPolicy) -> Self {
        let mut scene = Self::new(key, policy);
        assert!(matches!(scene.dial.next(), Next::Connect { attempt: 0, .. }), "{:?}", scene.dial);
        scene.dial.connecting(0, scene.now);
        scene.dial.connected(0, scene.now);
        scene
    }

    /// Checks `next`, twice: asked again, it gives the same answer.
    #[track_caller]
    fn says(&self, next: &str) {
        assert_eq!(self.dial.next().to_string(), next);
        assert_eq!(self.dial.next(), self.dial.next());
    }

    #[track_caller]
    fn waits_for(&self, deadline: Option<(u64, Deadline)>) {
        let millis = |(at, which): (Instant, Deadline)| (at.as_nanos() / 1_000_000, which);
        assert_eq!(self.dial.poll_timeout().map(millis), deadline);
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now.after(Duration::from_millis(millis));
        self.dial.handle_timeout(self.now);
    }

    fn resolved(&mut self, addrs: &[&str]) {
        let addrs: Vec<SocketAddr> = addrs.iter().map(|addr| addr.parse().unwrap()).collect();
        self.dial.resolving(self.now);
        self.dial.resolved(&addrs, self.now);
    }

    fn begin(&mut self, attempt: u8) {
        self.dial.connecting(attempt, self.now);
    }

    /// Records the dial from now on. Returns the text of the recording.
    fn record(&mut self) -> Arc<Mutex<String>> {
        let text = Arc::new(Mutex::new(String::new()));
        let to = text.clone();
        let recorder = Recorder::new(Redaction::default(), move |line| {
            to.lock().unwrap().push_str(&line.to_string());
        });
        self.dial.set_trace(Trace::new(Arc::new(recorder), Who::Dial(1)));
        text
    }

    fn transmits(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        self.dial.poll_transmit(&mut out);
        out
    }
}

fn http(host: &str, port: u16) -> Origin {
    Origin::new(Scheme::Http, host, port)
}

fn https(host: &str, port: u16) -> Origin {
    Origin::new(Scheme::Https, host, port)
}

fn with_tls() -> DialPolicy {
    DialPolicy { tls_available: true, ..in_turn() }
}

fn in_turn() -> DialPolicy {
    DialPolicy { race_after: None, ..DialPolicy::default() }
}

fn racing() -> DialPolicy {
    DialPolicy { race_after: Some(Duration::from_millis(250)), ..DialPolicy::default() }
}

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Sink for Lines {
    fn line(&self, line: &Line<'_>) {
        self.0.lock().unwrap().push(line.to_string());
    }
}

impl Lines {
    fn of(dial: &mut Dial) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        dial.set_trace(Trace::new(lines.clone(), Who::Dial(3)));
        lines
    }

    fn taken(&self) -> Vec<String> {
        core::mem::take(&mut self.0.lock().unwrap())
    }
}
