//! Tests that recordings replay: of the blocking driver, of `Client`, and of any script. Also tests
//! that no text makes the parser panic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod dialogue;
mod drivers;

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use httpool::{
    limits::PoolLimits,
    message::{Credentials, Hop, HopKind, Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Pool, Want},
    replay,
    time::Instant,
    trace::{Recorder, Redaction, Sink, Trace, Who},
};

/// A recording being written.
#[derive(Clone, Default)]
struct Recording(Arc<Mutex<String>>);

impl Recording {
    fn sink(&self, redaction: Redaction) -> Arc<dyn Sink> {
        let text = self.0.clone();
        Arc::new(Recorder::new(redaction, move |line| {
            text.lock().unwrap().write_fmt(line).unwrap();
        }))
    }

    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

#[test]
fn keys_that_differ_in_what_is_redacted_stay_two() {
    let recording = Recording::default();
    let mut pool = Pool::new(PoolLimits::default(), Dialing::Shared);
    pool.set_trace(Trace::new(recording.sink(Redaction::default()), Who::Pool));
    let now = Instant::from_nanos(0);
    let key = |password: &str| {
        let proxy = Hop::new(HopKind::Connect, Origin::new(Scheme::Http, "proxy", 3128));
        Key::direct(Origin::new(Scheme::Http, "a", 80))
            .through([proxy.with_credentials(Credentials::new("me", password))])
    };
    let (mine, yours) = (key("one"), key("two"));
    let ticket = pool.checkout(&mine, Want::default(), now).unwrap();
    let Some(Action::Dial { conn, .. }) = pool.poll_action() else { panic!() };
    pool.dialed(conn, (), now);
    let Claim::Fresh { lease, io } = pool.claim(ticket, now) else { panic!() };
    pool.checkin(lease, Checkin::Keep(io), now);
    // A connection that is idle for one of the keys is of no use to the other.
    pool.checkout(&yours, Want::default(), now).unwrap();
    assert_eq!(pool.stats().dialing, 1);
    let text = recording.text();
    let line = "http://a:80+0+none,connect+http://proxy:3128+1+**+***";
    assert!(text.contains(&format!("key 0 {line}\n")), "{text}");
    assert!(text.contains(&format!("key 1 {line}\n")), "{text}");
    replay::check(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
}
