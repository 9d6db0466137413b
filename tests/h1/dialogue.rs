//! Defines dialogues, and runs each whole, byte by byte, and cut at each point.

use httpool::{
    h1::{CloseReason, Reuse},
    limits::MessageLimits,
    message::{BodyLength, Method, Request},
};

use httpool_properties::Reader;

pub(crate) enum Step {
    /// The server sends these bytes, and these events must follow.
    Read(&'static [u8], &'static [&'static str]),
    /// The server closes, cleanly or not, and these events must follow.
    Eof(bool, &'static [&'static str]),
    Then(fn(&mut Reader)),
}

/// Defines a dialogue of steps: `< bytes => events;`, `eof => events;` (a clean end), `cut =>
/// events;` (another end), `then |d| ...;`. Each dialogue is run whole, byte by byte, and cut in
/// two at every point.
macro_rules! dialogue {
    ($name:ident: $request:expr; $($steps:tt)*) => {
        dialogue!($name: $request, MessageLimits::default(); $($steps)*);
    };
    ($name:ident: $request:expr, $limits:expr; $($steps:tt)*) => {
        #[test]
        fn $name() {
            play_every_way(&$request, $limits, &dialogue!(@ [] $($steps)*));
        }
    };
    (@ [$($done:tt)*]) => { [$($done)*] };
    (@ [$($done:tt)*] < $bytes:expr => $($words:literal),*; $($rest:tt)*) => {
        dialogue!(@ [$($done)* Step::Read($bytes, &[$($words),*]),] $($rest)*)
    };
    (@ [$($done:tt)*] eof => $($words:literal),*; $($rest:tt)*) => {
        dialogue!(@ [$($done)* Step::Eof(true, &[$($words),*]),] $($rest)*)
    };
    (@ [$($done:tt)*] cut => $($words:literal),*; $($rest:tt)*) => {
        dialogue!(@ [$($done)* Step::Eof(false, &[$($words),*]),] $($rest)*)
    };
    (@ [$($done:tt)*] then |$driver:ident| $what:expr; $($rest:tt)*) => {
        dialogue!(@ [$($done)* Step::Then(|$driver| { $what; }),] $($rest)*)
    };
}

pub(crate) fn play_every_way(request: &Request, limits: MessageLimits, steps: &[Step]) {
    let len: usize = steps
        .iter()
        .map(|step| if let Step::Read(bytes, _) = step { bytes.len() } else { 0 })
        .sum();
    play(request, limits, steps, "whole", |_| false);
    play(request, limits, steps, "byte by byte", |_| true);
    for cut in 1..len {
        play(request, limits, steps, &format!("cut at {cut}"), |at| at == cut);
    }
}

fn play(
    request: &Request,
    limits: MessageLimits,
    steps: &[Step],
    how: &str,
    cut: impl Fn(usize) -> bool,
) {
    let mut driver = Reader::new(limits);
    driver.send(request);
    let mut at = 0;
    for (number, step) in steps.iter().enumerate() {
        driver.begin_step();
        let words = match step {
            Step::Read(bytes, words) => {
                let mut piece = Vec::new();
                for &byte in *bytes {
                    piece.push(byte);
                    at += 1;
                    if cut(at) {
                        driver.read(&piece);
                        piece.clear();
                    }
                }
                driver.read(&piece);
                words
            }
            Step::Eof(clean, words) => {
                driver.eof(*clean);
                words
            }
            Step::Then(what) => {
                what(&mut driver);
                continue;
            }
        };
        assert_eq!(driver.words(), **words, "step {number}, {how}");
    }
}

pub(crate) fn get() -> Request {
    Request::get("http://a/").build().unwrap()
}

pub(crate) fn upload() -> Request {
    Request::post("http://a/").body(BodyLength::Unknown { replayable: false }).build().unwrap()
}

pub(crate) fn post(len: u64) -> Request {
    Request::post("http://a/").body(BodyLength::Known { len, replayable: true }).build().unwrap()
}

pub(crate) fn expecting(len: u64) -> Request {
    Request::post("http://a/")
        .body(BodyLength::Known { len, replayable: true })
        .expect_continue(true)
        .build()
        .unwrap()
}

pub(crate) fn method(name: &str) -> Request {
    Request::builder(Method::new(name).unwrap(), "http://a/").build().unwrap()
}

pub(crate) fn upgrade() -> Request {
    Request::get("http://a/").header("Upgrade", "echo").build().unwrap()
}

pub(crate) fn reuse(driver: &Reader, expected: Reuse) {
    assert_eq!(driver.conn.reuse(), expected);
}

pub(crate) fn never(driver: &Reader, reason: CloseReason) {
    reuse(driver, Reuse::Never(reason));
}
