//! Tests that any dialogue replays, that any change of a recording is found, and that no text
//! panics.

use std::sync::Arc;

use httpool::{
    call::{Call, Next, Policy, Reused},
    h1::Connection,
    message::Request,
    replay::{self, Error, Malformed},
    time::Instant,
    trace::{Redaction, Trace, Who},
};
use httpool_properties::{recorded, replay as holds};
use quickcheck::QuickCheck;

use crate::Recording;

/// Draws scripts that are long enough for several calls.
fn tests() -> QuickCheck {
    QuickCheck::new().rng(quickcheck::Gen::new(400)).tests(250)
}

#[test]
fn any_dialogue_replays_redacted_or_not() {
    fn replays(script: Vec<u8>) {
        holds(&script);
    }
    tests().quickcheck(replays as fn(Vec<u8>));
}

/// Returns the recording of a call that is redirected by a head with `locations`.
fn redirected(locations: &[Vec<u8>]) -> String {
    let (recording, now) = (Recording::default(), Instant::from_nanos(0));
    let request = Request::get("http://a/b/c?d=SECRET#SECRET").build().unwrap();
    let mut call = Call::new(request, Arc::new(Policy::default()), 0, now);
    call.set_trace(Trace::new(recording.sink(Redaction::default()), Who::Call(0)), now);
    let mut head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n".to_vec();
    for location in locations {
        head.extend([b"Location: ", &location[..], b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    for input in [&head[..], b"HTTP/1.1 204 No Content\r\n\r\n"] {
        let (mut conn, mut out) = (Connection::new(Default::default()), Vec::new());
        call.start(&mut conn, Reused::No, now, &mut out);
        call.written(out.len(), now);
        let mut at = 0;
        while matches!(call.next(), Next::Exchange) && at < input.len() {
            at += call.receive(&mut conn, &input[at..], now).0;
        }
        let _ = call.receive(&mut conn, b"", now);
        let _ = call.released(&mut conn, b"", now);
        if call.next() != Next::Checkout {
            break;
        }
    }
    recording.text()
}

#[test]
fn any_redirect_replays_without_the_values_in_its_query() {
    fn replays(words: Vec<u8>, places: (u8, u8)) {
        const WORDS: [&[u8]; 24] = [
            b"SECRET",
            b"?",
            b"#",
            b"&",
            b"=",
            b"name=SECRET",
            b"&n\xc3\xa9e=",
            b"/",
            b"//h",
            b"@",
            b"http://",
            b":",
            b"%41",
            b" ",
            b"\t",
            b"\"",
            b"'",
            b"<",
            b"\xff",
            b"\\",
            b"..",
            b"+",
            b"[",
            b"`",
        ];
        let text = |words: &[u8]| -> Vec<u8> {
            words.iter().flat_map(|word| WORDS[usize::from(*word) % WORDS.len()]).copied().collect()
        };
        // Mostly a query, sometimes another part of a URL.
        let front: &[u8] = [&b"/x?"[..], b"?", b"//other/?", b"http://u:SECRET@h/?", b""]
            [usize::from(places.0) % 5];
        let mut locations = vec![[front, &text(&words)].concat()];
        match places.1 % 8 {
            0 => locations.push(locations[0].clone()),
            1 => locations.push([front, &text(&words).repeat(2)].concat()),
            2 => locations.push(text(&words)),
            _ => {}
        }
        let recording = redirected(&locations);
        replay::check(&recording).unwrap_or_else(|why| panic!("{why}\n{recording}"));
        let all_in_query = !front.is_empty() && places.1 % 8 != 2;
        assert!(!all_in_query || !recording.contains("=SECRET"), "{recording}");
    }
    QuickCheck::new().tests(3_000).quickcheck(replays as fn(Vec<u8>, (u8, u8)));
    let recording = redirected(&[b"/x?token=SECRET&user=u SECRET&SECRET#t=SECRET".to_vec()]);
    assert!(!recording.contains("SECRET"), "{recording}");
    for shown in
        ["GET http://a/b/c?d=******\n", "Location: /x?token=******&user=* ******&******#t=******"]
    {
        assert!(recording.contains(shown), "{shown} in {recording}");
    }
    assert!(recording.contains("out GET /x?token=******&user=**********&****** HTTP/1.1"));
}

#[test]
fn a_changed_action_is_found_where_it_is() {
    fn found(script: Vec<u8>, which: usize) -> bool {
        let text = recorded(&script, Redaction::default());
        let actions: Vec<usize> =
            (0..).zip(text.lines()).filter(|(_, l)| l.contains(" > ")).map(|(n, _)| n).collect();
        let Some(&changed) = actions.get(which % actions.len().max(1)) else { return true };
        let lines = |change: &dyn Fn(&str) -> String| -> String {
            let line = |(n, line): (usize, &str)| {
                if n == changed { change(line) } else { format!("{line}\n") }
            };
            text.lines().enumerate().map(line).collect()
        };
        let Err(Error::Differs(other)) = replay::check(&lines(&|line| format!("{line}x\n"))) else {
            return false;
        };
        let original = text.lines().nth(changed).map(str::to_owned);
        assert_eq!(other.line, changed + 1);
        assert_eq!(other.got, original);
        // Without that line, the machine makes a decision that is not recorded.
        let Err(Error::Differs(missing)) = replay::check(&lines(&|_| String::new())) else {
            return false;
        };
        assert_eq!(missing.got, original);
        true
    }
    tests().quickcheck(found as fn(Vec<u8>, usize) -> bool);
}

#[test]
fn any_text_is_judged() {
    fn judged(script: Vec<u8>, edits: Vec<(u16, u8, u8)>) -> bool {
        let mut text = recorded(&script, Redaction::none()).into_bytes();
        for (at, how, byte) in edits {
            let at = usize::from(at) % text.len().max(1);
            if text.is_empty() {
                return true;
            }
            let line = text[..at].iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
            let end =
                text[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| at + n + 1);
            match how % 6 {
                0 => text[at] = byte & 0x7f,
                1 => drop(text.drain(line..end)),
                2 => {
                    let copy = text[line..end].to_vec();
                    text.splice(line..line, copy);
                }
                3 => {
                    let digits = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
                    let numbers = ["0", "4294967295", "18446744073709551615", "16777216", "{9999}"];
                    let number = numbers[usize::from(byte) % numbers.len()];
                    text.splice(at..at + digits, number.bytes());
                }
                4 => text.truncate(at.max(60)),
                _ => {
                    let words = [" < bytes 0", " < close", " < leased reused", " < eof clean"];
                    text.splice(at..at, words[usize::from(byte) % words.len()].bytes());
                }
            }
        }
        // Any verdict is right, as long as it does not panic.
        let _ = replay::check(&String::from_utf8_lossy(&text));
        true
    }
    tests().quickcheck(judged as fn(Vec<u8>, Vec<(u16, u8, u8)>) -> bool);
}

/// Replays recordings that must never be changed. If one differs, a decision has changed, perhaps
/// on purpose. If one can no longer be read, the format needs another version.
#[test]
fn old_recordings_replay() {
    for (name, text) in [
        ("call", include_str!("recordings/call")),
        ("dial", include_str!("recordings/dial")),
        ("pool", include_str!("recordings/pool")),
        ("redirect", include_str!("recordings/redirect")),
        ("retry", include_str!("recordings/retry")),
        ("upload", include_str!("recordings/upload")),
    ] {
        replay::check(text).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

#[test]
fn what_is_no_recording_is_refused() {
    let why = |text: &str| match replay::check(text) {
        Err(Error::Malformed { line, why }) => (line, why),
        other => panic!("{other:?}"),
    };
    let after = |lines: &str| {
        why(&format!("httpool-record 2\nkept secrets=false bodies=false fields=-\n\n# so\n{lines}"))
    };
    assert_eq!(why(""), (1, Malformed::NoRecording));
    assert_eq!(why("httpool-record two\n"), (1, Malformed::NoRecording));
    assert_eq!(why("httpool-record 1\n"), (1, Malformed::Version(1)));
    assert_eq!(why("httpool-record 3\n"), (1, Malformed::Version(3)));
    assert_eq!(why("httpool-record 2\n"), (2, Malformed::Setting));
    assert_eq!(after("close"), (5, Malformed::Line));
    assert_eq!(after("0.000000000 pool < close"), (5, Malformed::Beginning));
    assert_eq!(after("0.000000000 pool < limits x=1"), (5, Malformed::Setting));
    let pool = "0.000000000 pool < limits\n";
    assert_eq!(after(&format!("{pool}0.000000000 pool < checkout 0")), (6, Malformed::Event));
    let call = "0.000000000 r0 < request GET http://a/\n0.000000000 r0 < begin\n";
    assert_eq!(after(&call.replace("http", "ftp")), (6, Malformed::Request));
    let huge =
        format!("{call}0.000000000 r0 > checkout http://a\n0.000000000 r0 < bytes 1 {{99999999}}");
    assert_eq!(after(&huge), (8, Malformed::TooLong));
}
