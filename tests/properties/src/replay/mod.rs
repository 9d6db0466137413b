//! Checks that recordings replay, and that any text is parsed without a panic.

mod driver;

use std::{
    fmt::Write,
    sync::{Arc, Mutex},
};

use httpool::{
    replay,
    trace::{Recorder, Redaction},
};

use driver::Driven;

/// Checks a text that looks like a recording: it must not panic. Other bytes are a script that
/// drives a client. Its recording, redacted or not, must replay.
pub fn replay(data: &[u8]) {
    if data.starts_with(b"httpool-record") {
        // Any verdict is right, as long as it does not panic.
        let _ = replay::check(&String::from_utf8_lossy(data));
        return;
    }
    let kind = data.first().map_or(0, |byte| byte >> 6);
    let mut redaction = if kind < 2 { Redaction::default() } else { Redaction::none() };
    if kind == 1 {
        redaction.fields.push("X-Own".into());
    }
    let text = recorded(data, redaction);
    let hidden: &[&str] = match kind {
        0 => &["topsecret"],
        1 => &["topsecret", "ownsecret"],
        _ => &[],
    };
    for secret in hidden {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    if let Err(why) = replay::check(&text) {
        panic!("{why}\n{text}");
    }
}

/// Returns the recording of a client that is driven by `script`, which are random bytes.
pub fn recorded(script: &[u8], redaction: Redaction) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let to = text.clone();
    let recorder = Recorder::new(redaction, move |line| {
        to.lock().expect("nobody panics here").write_fmt(line).expect("memory takes all");
    });
    Driven::new(script, Arc::new(recorder)).play();
    let text = text.lock().expect("nobody panics here");
    text.clone()
}
