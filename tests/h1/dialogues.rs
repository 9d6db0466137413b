//! Dialogues: what the server says and what is understood, however its bytes are cut.

use httpool::{
    error::Misuse,
    h1::{CloseReason, Limits, Reuse},
    message::{Body, Method, Request},
};

use httpool_sim::property::{Reader, Seen};

enum Step {
    /// The server says this, and this is seen.
    Read(&'static [u8], &'static [&'static str]),
    /// The server closes, cleanly or not.
    Eof(bool, &'static [&'static str]),
    Then(fn(&mut Reader)),
}

/// `< bytes => what is seen;`, `eof => ...;` (a clean end), `cut => ...;` (another), `then |d| ...;`.
/// Each dialogue is run whole, byte by byte, and cut in two at every point.
macro_rules! dialogue {
    ($name:ident: $request:expr; $($steps:tt)*) => {
        dialogue!($name: $request, Limits::default(); $($steps)*);
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

fn play_every_way(request: &Request, limits: Limits, steps: &[Step]) {
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

fn play(request: &Request, limits: Limits, steps: &[Step], how: &str, cut: impl Fn(usize) -> bool) {
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

fn get() -> Request {
    Request::get("http://a/").build().unwrap()
}

fn upload() -> Request {
    Request::post("http://a/").body(Body::Unknown { replayable: false }).build().unwrap()
}

fn post(len: u64) -> Request {
    Request::post("http://a/").body(Body::Known { len, replayable: true }).build().unwrap()
}

fn expecting(len: u64) -> Request {
    Request::post("http://a/")
        .body(Body::Known { len, replayable: true })
        .expect_continue(true)
        .build()
        .unwrap()
}

fn method(name: &str) -> Request {
    Request::builder(Method::new(name).unwrap(), "http://a/").build().unwrap()
}

fn upgrade() -> Request {
    Request::get("http://a/").field("Upgrade", "echo").build().unwrap()
}

fn reuse(driver: &Reader, expected: Reuse) {
    assert_eq!(driver.conn.reuse(), expected);
}

fn never(driver: &Reader, reason: CloseReason) {
    reuse(driver, Reuse::Never(reason));
}

// ---- Where responses end -------------------------------------------------------------------

dialogue! { a_length_delimits_the_body: get();
    then |d| assert!(d.conn.wants_input());
    < b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel" => "head 200", "data hel";
    then |d| { assert_eq!(d.conn.body_ahead(), 2); reuse(d, Reuse::NotYet) };
    < b"lo" => "data lo", "end";
    then |d| { assert!(!d.conn.wants_input()); reuse(d, Reuse::Ready) };
    then |d| { d.conn.start_next_cycle().unwrap(); d.send(&get()); };
    < b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" => "head 404", "end";
    then |d| reuse(d, Reuse::Ready);
    eof => ;
    then |d| never(d, CloseReason::PeerAsked);
}

dialogue! { a_head_is_read_in_place: get();
    < b"HTTP/1.1 200 All \x80 right\r\nSet-Cookie: a=1\r\nX:\t y \nset-cookie: b\r\nContent-Length:0\n\n"
        => "head 200", "end";
    then |d| assert_eq!(d.seen[0], Seen::Head {
        status: 200,
        minor_version: 1,
        reason: b"All \x80 right".to_vec(),
        fields: "[Set-Cookie: a=1, X: y, set-cookie: b, Content-Length: 0]".to_owned(),
    });
}

dialogue! { chunks_and_trailers: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=\"b;c\"\r\nhello\r\n00001 ; x\r\n!\r\n"
        => "head 200", "data hello!";
    < b"0\r\nDigest: x\r\nEmpty:\r\n\r\n" => "end [Digest: x, Empty: ]";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { chunks_without_trailers: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r" => "head 200", "data ok";
    < b"\n" => "end";
}

dialogue! { a_body_may_end_with_the_connection: get();
    < b"HTTP/1.1 200 OK\r\n\r\nhello" => "head 200", "data hello";
    then |d| { assert_eq!(d.conn.body_ahead(), u64::MAX); never(d, CloseReason::CloseDelimited) };
    eof => "end";
    then |d| { assert!(!d.conn.wants_input()); never(d, CloseReason::CloseDelimited) };
}

dialogue! { but_not_with_a_reset: get();
    < b"HTTP/1.1 200 OK\r\n\r\nhello" => "head 200", "data hello";
    cut => "Truncated";
    then |d| never(d, CloseReason::Violation);
}

dialogue! { a_closed_connection_cuts_a_length: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello" => "head 200", "data hello";
    eof => "Truncated";
}

dialogue! { a_closed_connection_cuts_chunks: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" => "head 200", "data hello";
    eof => "Truncated";
}

dialogue! { a_closed_connection_cuts_a_head: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" => ;
    eof => "Truncated";
}

dialogue! { no_answer_is_a_cut_one: get();
    eof => "Truncated";
}

dialogue! { head_has_no_body: method("HEAD");
    < b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n" => "head 200", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { no_content_has_no_body: get();
    < b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" => "head 204", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { not_modified_has_no_body: get();
    < b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" => "head 304", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { reset_content_goes_by_its_fields: get();
    < b"HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nok" => "head 205", "data ok", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { two_lengths_that_agree_are_one: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 02\r\n\r\nok"
        => "head 200", "data ok", "end";
}

dialogue! { two_lengths_that_differ_are_none: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok" => "ContentLength";
    then |d| never(d, CloseReason::Violation);
}

dialogue! { a_length_beside_a_coding_is_refused: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        => "AmbiguousLength";
}

dialogue! { codings_but_chunked_are_refused: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" => "TransferEncoding";
}

dialogue! { http_1_0_has_no_codings: get();
    < b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" => "TransferEncoding";
}

// ---- What is refused -----------------------------------------------------------------------

dialogue! { banners_are_not_responses: get(); < b"SSH-2.0-OpenSSH_9.6\r\n" => "StatusLine"; }
dialogue! { pages_are_not_responses: get(); < b"<html>hello</html>" => "StatusLine"; }
dialogue! { handshakes_are_not_responses: get(); < b"\x16\x03\x01\x00\x05" => "StatusLine"; }
dialogue! { leading_space: get(); < b" HTTP/1.1 200 OK\r\n\r\n" => "StatusLine"; }
dialogue! { lower_case: get(); < b"http/1.1 200 OK\r\n\r\n" => "StatusLine"; }
dialogue! { other_majors: get(); < b"HTTP/2.0 200 OK\r\n\r\n" => "Version"; }
dialogue! { long_majors: get(); < b"HTTP/11.1 200 OK\r\n\r\n" => "StatusLine"; }
dialogue! { tab_in_the_status_line: get(); < b"HTTP/1.1\t200 OK\r\n\r\n" => "StatusLine"; }
dialogue! { two_digits: get(); < b"HTTP/1.1 20 OK\r\n\r\n" => "StatusLine"; }
dialogue! { four_digits: get(); < b"HTTP/1.1 2000 OK\r\n\r\n" => "StatusLine"; }
dialogue! { status_zero: get(); < b"HTTP/1.1 099 OK\r\n\r\n" => "StatusLine"; }
dialogue! { nul_in_the_reason: get(); < b"HTTP/1.1 200 O\0K\r\n\r\n" => "StatusLine"; }
dialogue! { bare_cr_behind_the_reason: get(); < b"HTTP/1.1 200 OK\rA: b\r\n\r\n" => "StatusLine"; }
dialogue! { folded_first_line: get(); < b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n" => "FieldLine"; }
dialogue! { folded_line: get(); < b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n" => "FieldLine"; }
dialogue! { space_before_the_colon: get(); < b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n" => "FieldLine"; }
dialogue! { no_colon: get(); < b"HTTP/1.1 200 OK\r\nbad line\r\n\r\n" => "FieldLine"; }
dialogue! { no_name: get(); < b"HTTP/1.1 200 OK\r\n: b\r\n\r\n" => "FieldLine"; }
dialogue! { nul_in_a_value: get(); < b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n" => "FieldLine"; }
dialogue! { bare_cr_in_a_value: get(); < b"HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n" => "FieldLine"; }
dialogue! { bare_cr_at_the_end: get(); < b"HTTP/1.1 200 OK\r\nA: b\r\n\rx" => "FieldLine"; }
dialogue! { bare_cr_at_the_start: get(); < b"\rHTTP/1.1 200 OK\r\n\r\n" => "StatusLine"; }
dialogue! { a_bad_chunk: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello world" => "head 200", "data hello", "Chunk";
}
dialogue! { a_bad_trailer: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n" => "head 200", "Trailer";
}

// ---- What is put up with -------------------------------------------------------------------

dialogue! { empty_lines_before_a_head: get();
    < b"\r\n\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
}

dialogue! { higher_minor_versions_are_1_1: get();
    < b"HTTP/1.7 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" => "head 200", "end";
    then |d| reuse(d, Reuse::Ready);
    then |d| assert!(matches!(d.seen[0], Seen::Head { minor_version: 7, .. }));
}

dialogue! { missing_reasons: get(); < b"HTTP/1.1 303\r\nContent-Length: 0\r\n\r\n" => "head 303", "end"; }

dialogue! { more_fields_than_the_fast_way_takes: get();
    < concat!(
        "HTTP/1.1 200 OK\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "Content-Length: 2\r\n\r\nok",
    ).as_bytes() => "head 200", "data ok", "end";
}

// ---- Bounds --------------------------------------------------------------------------------

fn tight() -> Limits {
    tight_with_head(24)
}

fn tight_with_head(head_bytes_max: u32) -> Limits {
    let mut limits = Limits::default();
    limits.head_bytes_max = head_bytes_max;
    limits.fields_max = 2;
    limits.interim_max = 2;
    limits.chunk_overhead_bytes_max = 4;
    limits
}

dialogue! { heads_are_bounded: get(), tight(); < b"HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaa" => "TooLarge(Head)"; }
dialogue! { whole_heads_are_bounded: get(), tight();
    < b"HTTP/1.1 200 OK\r\na: b\r\n\r\n" => "TooLarge(Head)";
}
dialogue! { a_head_may_fill_its_bound: method("HEAD"), tight();
    < b"HTTP/1.1 200\r\nab: cd\r\n\r\n" => "head 200", "end";
}
dialogue! { empty_lines_count: get(), tight(); < b"\r\n\r\n\r\nHTTP/1.1 200\r\na:b\r\n" => "TooLarge(Head)"; }
dialogue! { endless_empty_lines: get(), tight();
    < b"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n" => "TooLarge(Head)";
}
dialogue! { fields_are_counted: get(), tight_with_head(99);
    < b"HTTP/1.1 200 OK\r\na:b\r\nc:d\r\ne:f\r\n" => "TooLarge(Fields)";
}
dialogue! { interim_responses_are_counted: get(), tight();
    < b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 100\r\n\r\nHTTP/1.1 103 E\r\n\r\n" => "103", "100", "TooLarge(Interim)";
}
dialogue! { extensions_are_bounded: get(), tight_with_head(99);
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n1;bc\r\n"
        => "head 200", "data x", "TooLarge(ChunkOverhead)";
}
dialogue! { zeros_are_bounded: get(), tight_with_head(99);
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n000000000000" => "head 200", "TooLarge(ChunkOverhead)";
}
dialogue! { trailers_are_bounded: get(), tight_with_head(99);
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: bcdef" => "head 200", "TooLarge(ChunkOverhead)";
}

dialogue! { interim_responses_are_counted_anew: get(), tight();
    < b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 103\r\n\r\nHTTP/1.1 204 N\r\n\r\n" => "103", "103", "head 204", "end";
    then |d| { d.conn.start_next_cycle().unwrap(); d.send(&get()); };
    < b"HTTP/1.1 103 E\r\n\r\nHTTP/1.1 204 N\r\n\r\n" => "103", "head 204", "end";
}

// ---- Before the final response -------------------------------------------------------------

dialogue! { interim_responses_come_before: get();
    < b"HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" => "103";
    < b"\r\nHTTP/1.1 199\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        => "199", "head 200", "data ok", "end";
    then |d| assert!(matches!(&d.seen[0], Seen::Interim { fields, .. } if fields.starts_with("[Link: x")));
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { an_interim_response_is_not_an_answer: get();
    < b"HTTP/1.1 100 Continue\r\n\r\n" => "100";
    eof => "Truncated";
}

dialogue! { a_100_releases_the_body: expecting(5);
    then |d| {
        assert!(d.conn.awaits_continue());
        assert_eq!(d.conn.body_to_send(), None);
        assert_eq!(d.conn.send_body(5, true).unwrap_err(), Misuse::OutOfTurn);
    };
    < b"HTTP/1.1 103 Early Hints\r\n\r\n" => "103";
    then |d| assert!(d.conn.awaits_continue());
    < b"HTTP/1.1 100 Continue\r\n\r\n" => "100";
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(5));
        d.conn.send_body(5, true).unwrap();
        assert!(d.conn.request_sent());
    };
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { the_wait_for_a_100_may_end: expecting(5);
    then |d| {
        d.conn.continue_now();
        assert!(!d.conn.awaits_continue());
        d.conn.send_body(5, false).unwrap();
    };
    < b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n" => "100", "head 204", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { an_answer_instead_of_a_100_ends_the_sending: expecting(5);
    < b"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\n" => "head 417";
    then |d| {
        assert!(!d.conn.awaits_continue());
        assert_eq!(d.conn.body_to_send(), None);
        d.conn.continue_now();
        assert_eq!(d.conn.body_to_send(), None);
    };
    < b"no" => "data no", "end";
    then |d| never(d, CloseReason::RequestUnfinished);
}

// ---- While the request is being sent -------------------------------------------------------

dialogue! { an_early_answer_is_read_while_the_body_goes_out: post(10);
    then |d| { d.conn.send_body(4, false).unwrap(); };
    < b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" => "head 200", "data ok", "end";
    then |d| {
        reuse(d, Reuse::NotYet);
        assert_eq!(d.conn.body_to_send(), Some(6));
        assert_eq!(d.conn.start_next_cycle().unwrap_err(), Misuse::OutOfTurn);
        d.conn.send_body(6, true).unwrap();
        reuse(d, Reuse::Ready);
    };
}

dialogue! { an_early_refusal_ends_the_sending: post(10);
    < b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n" => "head 413", "end";
    then |d| {
        never(d, CloseReason::RequestUnfinished);
        assert_eq!(d.conn.body_to_send(), None);
        assert_eq!(d.conn.send_body(1, false).unwrap_err(), Misuse::OutOfTurn);
    };
}

dialogue! { or_the_body_is_given_up: post(10);
    < b"HTTP/1.1 302 There\r\nContent-Length: 0\r\n\r\n" => "head 302", "end";
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(10));
        d.conn.stop_sending();
        never(d, CloseReason::RequestUnfinished);
        assert_eq!(d.conn.body_to_send(), None);
        assert_eq!(d.conn.send_body(1, false).unwrap_err(), Misuse::OutOfTurn);
    };
}

dialogue! { an_early_answer_before_a_close_ends_the_sending: upload();
    < b"HTTP/1.1 413 Too Much\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" => "head 413", "end";
    then |d| { assert_eq!(d.conn.body_to_send(), None); never(d, CloseReason::PeerAsked) };
}

dialogue! { an_answer_of_http_1_0_lets_the_sending_go_on: post(10);
    < b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| { assert_eq!(d.conn.body_to_send(), Some(10)); never(d, CloseReason::PeerAsked) };
}

dialogue! { the_end_of_the_peers_side_ends_the_sending: post(10);
    < b"HTTP/1.1 200 OK\r\n\r\nx" => "head 200", "data x";
    then |d| assert_eq!(d.conn.body_to_send(), Some(10));
    eof => "end";
    then |d| { assert_eq!(d.conn.body_to_send(), None); never(d, CloseReason::CloseDelimited) };
}

dialogue! { a_success_instead_of_a_100_lets_the_body_go: expecting(5);
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(5));
        d.conn.send_body(5, true).unwrap();
        reuse(d, Reuse::Ready);
    };
}

dialogue! { what_is_sent_must_be_what_was_declared: post(10);
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(10));
        assert_eq!(d.conn.send_body(11, false).unwrap_err(), Misuse::BodyLength);
        assert_eq!(d.conn.send_body(9, true).unwrap_err(), Misuse::BodyLength);
        let framing = d.conn.send_body(4, false).unwrap();
        assert_eq!((framing.prefix(), framing.suffix()), (&b""[..], &b""[..]));
        assert_eq!(d.conn.send_body(0, true).unwrap_err(), Misuse::BodyLength);
        assert_eq!(d.conn.send_trailers(&[], &mut Vec::new()).unwrap_err(), Misuse::OutOfTurn);
        assert_eq!(d.conn.body_to_send(), Some(6));
        assert!(!d.conn.request_sent());
        d.conn.send_body(6, false).unwrap();
        assert!(d.conn.request_sent());
        assert_eq!(d.conn.body_to_send(), None);
        d.conn.send_body(0, true).unwrap();
        assert_eq!(d.conn.send_body(1, true).unwrap_err(), Misuse::OutOfTurn);
    };
}

dialogue! { chunks_are_framed_and_empty_pieces_are_none: upload();
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(u64::MAX));
        let mut frame = |len, last| {
            let framing = d.conn.send_body(len, last).unwrap();
            [framing.prefix(), b"|", framing.suffix()].concat()
        };
        assert_eq!(frame(300, false), b"12c\r\n|\r\n");
        assert_eq!(frame(0, false), b"|");
        assert_eq!(frame(1, true), b"1\r\n|\r\n0\r\n\r\n");
        assert_eq!(frame(0, true), b"|");
        assert!(d.conn.request_sent());
    };
    < b"HTTP/1.1 204 No Content\r\n\r\n" => "head 204", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { trailers_end_a_chunked_body: upload();
    then |d| {
        let mut out = Vec::new();
        let bad = d.conn.send_trailers(&[("a", b"b"), ("Content-Length", b"5")], &mut out);
        assert_eq!(bad.unwrap_err(), Misuse::Trailer { field: 1 });
        d.conn.send_trailers(&[("Digest", b"x")], &mut out).unwrap();
        assert_eq!(out, b"0\r\nDigest: x\r\n\r\n");
        assert!(d.conn.request_sent());
        assert_eq!(d.conn.send_trailers(&[], &mut out).unwrap_err(), Misuse::OutOfTurn);
    };
}

// ---- Keeping the connection ----------------------------------------------------------------

dialogue! { one_exchange_at_a_time: get();
    then |d| {
        let again = d.conn.send_request(&get(), false, &mut Vec::new());
        assert_eq!(again.unwrap_err(), Misuse::OutOfTurn);
        assert_eq!(d.conn.start_next_cycle().unwrap_err(), Misuse::OutOfTurn);
    };
}

dialogue! { the_server_may_ask_to_close: get();
    < b"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: y, Close\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| never(d, CloseReason::PeerAsked);
    then |d| assert!(d.conn.send_request(&get(), false, &mut Vec::new()).is_err());
}

dialogue! { so_may_the_client: Request::get("http://a/").field("Connection", "close").build().unwrap();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| never(d, CloseReason::WeAsked);
}

dialogue! { http_1_0_closes: get();
    < b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| never(d, CloseReason::PeerAsked);
}

dialogue! { unless_it_says_keep_alive: get();
    < b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { and_delimits_its_body: get();
    < b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nProxy-Connection: close\r\n\r\nx" => "head 200", "data x";
    eof => "end";
    then |d| never(d, CloseReason::CloseDelimited);
}

dialogue! { bytes_behind_a_response_are_for_nobody: get();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n" => "head 200", "data ok", "end";
    then |d| { assert_eq!(d.untaken(), b""); never(d, CloseReason::Unsolicited) };
    eof => ;
    then |d| never(d, CloseReason::Unsolicited);
}

dialogue! { even_an_empty_line_is: get();
    < b"HTTP/1.1 204 No Content\r\n\r\n\r\n" => "head 204", "end";
    then |d| never(d, CloseReason::Unsolicited);
}

dialogue! { bytes_between_exchanges_are_for_nobody: get();
    < b"HTTP/1.1 204 No Content\r\n\r\n" => "head 204", "end";
    then |d| { d.conn.start_next_cycle().unwrap(); reuse(d, Reuse::Ready) };
    < b"HTTP/1.1 408 Request Timeout\r\n\r\n" => ;
    then |d| never(d, CloseReason::Unsolicited);
    then |d| assert!(d.conn.send_request(&get(), false, &mut Vec::new()).is_err());
}

#[test]
fn a_fresh_connection_watches_too() {
    let mut driver = Reader::new(Limits::default());
    driver.read(b"");
    reuse(&driver, Reuse::Ready);
    assert!(!driver.conn.wants_input());
    driver.eof(true);
    assert_eq!(driver.seen, []);
    never(&driver, CloseReason::PeerAsked);

    let mut driver = Reader::new(Limits::default());
    driver.read(b"220 mail.example ESMTP\r\n");
    assert_eq!(driver.seen, []);
    never(&driver, CloseReason::Unsolicited);
}

// ---- Other protocols -----------------------------------------------------------------------

dialogue! { a_tunnel_begins_behind_the_head: method("CONNECT");
    < b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n\x16\x03\x01" => "head 200";
    then |d| {
        assert_eq!(d.untaken(), b"\x16\x03\x01");
        assert!(!d.conn.wants_input());
        never(d, CloseReason::Switched);
    };
    eof => ;
    then |d| never(d, CloseReason::Switched);
}

dialogue! { an_old_proxy_can_tunnel_too: method("CONNECT");
    < b"HTTP/1.0 200 Connection established\r\nConnection: close\r\n\r\n" => "head 200";
    then |d| never(d, CloseReason::Switched);
}

dialogue! { a_refused_tunnel_has_a_body: method("CONNECT");
    < b"HTTP/1.0 407 No\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nno" => "head 407", "data no", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { an_upgrade_that_was_asked_for: upgrade();
    < b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n\0raw" => "100", "head 101";
    then |d| { assert_eq!(d.untaken(), b"\0raw"); never(d, CloseReason::Switched) };
}

dialogue! { an_upgrade_that_was_declined: upgrade();
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| reuse(d, Reuse::Ready);
}

dialogue! { an_upgrade_that_nobody_asked_for: get();
    < b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\nraw" => "UnexpectedSwitch";
}
