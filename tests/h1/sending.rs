//! Tests the effect of a response on a request that is still being sent, and on a switch of
//! protocols.

use httpool::{
    error::Misuse,
    h1::{CloseReason, Reuse},
    limits::MessageLimits,
    message::BodyLeft,
};

use crate::dialogue::*;

// ---- Responses during the request -------------------------------------------------------

dialogue! { an_early_answer_is_read_while_the_body_goes_out: post(10);
    then |d| { d.conn.send_body(4, false).unwrap(); };
    < b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" => "head 200", "data ok", "end";
    then |d| {
        reuse(d, Reuse::NotYet);
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(6)));
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
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(10)));
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
    then |d| { assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(10))); never(d, CloseReason::PeerAsked) };
}

dialogue! { the_end_of_the_peers_side_ends_the_sending: post(10);
    < b"HTTP/1.1 200 OK\r\n\r\nx" => "head 200", "data x";
    then |d| assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(10)));
    eof => "end";
    then |d| { assert_eq!(d.conn.body_to_send(), None); never(d, CloseReason::CloseDelimited) };
}

dialogue! { a_success_instead_of_a_100_lets_the_body_go: expecting(5);
    < b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" => "head 200", "end";
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(5)));
        d.conn.send_body(5, true).unwrap();
        reuse(d, Reuse::Ready);
    };
}

dialogue! { what_is_sent_must_be_what_was_declared: post(10);
    then |d| {
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(10)));
        assert_eq!(d.conn.send_body(11, false).unwrap_err(), Misuse::BodyLength);
        assert_eq!(d.conn.send_body(9, true).unwrap_err(), Misuse::BodyLength);
        let framing = d.conn.send_body(4, false).unwrap();
        assert_eq!((framing.prefix(), framing.suffix()), (&b""[..], &b""[..]));
        assert_eq!(d.conn.send_body(0, true).unwrap_err(), Misuse::BodyLength);
        assert_eq!(d.conn.send_trailers(&[], &mut Vec::new()).unwrap_err(), Misuse::OutOfTurn);
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Bytes(6)));
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
        assert_eq!(d.conn.body_to_send(), Some(BodyLeft::Unknown));
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

// ---- Other protocols --------------------------------------------------------------------

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
