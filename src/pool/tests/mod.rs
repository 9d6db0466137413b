#![expect(clippy::wildcard_enum_match_arm, reason = "a test names what it expects")]

mod exhaustive;
mod keys;
mod look_ups;
mod rules;
mod scarce;
mod words;
