//! Tests how the bytes of a server are understood, however they are cut.

use httpool::{
    error::Misuse,
    h1::{CloseReason, Reuse, Target},
    limits::MessageLimits,
    message::{BodyLeft, Request},
};
use httpool_properties::{Reader, Seen};

use crate::dialogue::*;

// ---- Delimiting the body ----------------------------------------------------------------

dialogue! { a_length_delimits_the_body: get();
    then |d| assert!(d.conn.wants_input());
    < b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel" => "head 200", "data hel";
    then |d| { assert_eq!(d.conn.body_ahead(), BodyLeft::Bytes(2)); reuse(d, Reuse::NotYet) };
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

dialogue! { chunk_sizes_may_be_padded: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0005 \t\r\nhello\r\n1   ;x\r\n!\r\n0  \r\n\r\n"
        => "head 200", "data hello!", "end";
    then |d| { reuse(d, Reuse::Ready) };
}

dialogue! { digits_behind_a_padded_size_are_refused: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 0\r\nhello" => "head 200", "Chunk";
}

dialogue! { chunks_without_trailers: get();
    < b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r" => "head 200", "data ok";
    < b"\n" => "end";
}

dialogue! { a_body_may_end_with_the_connection: get();
    < b"HTTP/1.1 200 OK\r\n\r\nhello" => "head 200", "data hello";
    then |d| { assert_eq!(d.conn.body_ahead(), BodyLeft::Unknown); never(d, CloseReason::CloseDelimited) };
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

// ---- Refused input ----------------------------------------------------------------------

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
dialogue! { folded_line: get(); < b"HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n" => "FoldedLine"; }
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

// ---- Tolerated input --------------------------------------------------------------------

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

dialogue! { empty_lines_before_more_fields_than_the_fast_way_takes: get();
    < concat!(
        "\r\n\r\nHTTP/1.1 200 OK\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "a:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n",
        "Content-Length: 2\r\n\r\nok",
    ).as_bytes() => "head 200", "data ok", "end";
}

dialogue! { another_name_as_long_as_content_length_is_no_length: get();
    < b"HTTP/1.1 200 OK\r\nAccept-Charset: 7\r\nContent-Length: 2\r\n\r\nok" =>
        "head 200", "data ok", "end";
}

// ---- Limits -----------------------------------------------------------------------------

fn tight() -> MessageLimits {
    tight_with_head(24)
}

fn tight_with_head(head_bytes_max: u32) -> MessageLimits {
    let mut limits = MessageLimits::default();
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

// ---- Interim responses ------------------------------------------------------------------

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
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(5)));
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

// ---- Reuse of the connection ------------------------------------------------------------

dialogue! { one_exchange_at_a_time: get();
    then |d| {
        let again = d.conn.send_request(&get(), Target::Origin, &mut Vec::new());
        assert_eq!(again.unwrap_err(), Misuse::OutOfTurn);
        assert_eq!(d.conn.start_next_cycle().unwrap_err(), Misuse::OutOfTurn);
    };
}

dialogue! { the_server_may_ask_to_close: get();
    < b"HTTP/1.1 200 OK\r\nConnection: x\r\nConnection: y, Close\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| never(d, CloseReason::PeerAsked);
    then |d| assert!(d.conn.send_request(&get(), Target::Origin, &mut Vec::new()).is_err());
}

dialogue! { so_may_the_client: Request::get("http://a/").header("Connection", "close").build().unwrap();
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
    then |d| assert!(d.conn.send_request(&get(), Target::Origin, &mut Vec::new()).is_err());
}

#[test]
fn a_fresh_connection_watches_too() {
    let mut driver = Reader::new(MessageLimits::default());
    driver.read(b"");
    reuse(&driver, Reuse::Ready);
    assert!(!driver.conn.wants_input());
    driver.eof(true);
    assert_eq!(driver.seen, []);
    never(&driver, CloseReason::PeerAsked);

    let mut driver = Reader::new(MessageLimits::default());
    driver.read(b"220 mail.example ESMTP\r\n");
    assert_eq!(driver.seen, []);
    never(&driver, CloseReason::Unsolicited);
}
