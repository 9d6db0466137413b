//! What is recorded replays: of the blocking driver, of `Client`, of any script; and any text at all
//! is judged without a panic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod dialogue;
mod drivers;

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use httpool::trace::{Recorder, Redaction, Sink};

/// A recording being made.
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
