//! A session: records, pieces, ends, key updates, and one session inside another.

use std::{
    error::Error as _,
    io::{Cursor, IoSlice, Write as _},
    sync::Arc,
};

use httpool::error::TlsKind;
use httpool_kit::{Layer, State};
use httpool_tls::{TlsConfig, TlsOptions};
use httpool_tls_testing::{
    certificates::Authority,
    link::{Client, Link},
    server::{BOTH, ONLY_1_2, ONLY_1_3, config},
};
use rustls::{ServerConfig, ServerConnection};

use crate::{PIECES, details};

struct World {
    client: TlsConfig,
    servers: [ServerConfig; 2],
}

impl World {
    fn new() -> Self {
        let root = Authority::new("root");
        let issued = root.issue(&["a.test"]);
        let client = TlsOptions::new().ca_cert_data(root.pem()).no_resumption().build().unwrap();
        Self { client, servers: [config(&issued, ONLY_1_2), config(&issued, ONLY_1_3)] }
    }

    fn begin(&self) -> Box<dyn Layer> {
        self.client.begin("a.test").unwrap()
    }
}

/// Returns an open link to each server, for each size of pieces.
fn open_links() -> Vec<Link> {
    let world = World::new();
    let mut links = Vec::new();
    for server in &world.servers {
        for piece in PIECES {
            let mut link = Link::new(world.begin(), &Arc::new(server.clone()), piece);
            link.ping().unwrap();
            link.client.plain.clear();
            link.client.records.clear();
            link.served.clear();
            link.sent_records = 0;
            links.push(link);
        }
    }
    links
}

fn seal(link: &mut Link, pieces: &[&[u8]]) {
    let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let Client { layer, out, .. } = &mut link.client;
    layer.seal(&slices, out).unwrap();
}

#[test]
fn the_first_call_makes_the_hello_and_nothing_else() {
    let client = Client::new(World::new().begin());
    assert_eq!(client.state, State::Handshake);
    assert_eq!(client.out[..3], [22, 3, 1]);
    assert!(client.layer.session().is_none());
}

#[test]
fn records_of_one_byte_and_of_the_largest_size_are_opened_one_by_one() {
    for mut link in open_links() {
        for _ in 0..50 {
            link.server.writer().write_all(b"x").unwrap();
        }
        // The server makes a record of each write, and of at most 16,384 bytes.
        let large = vec![b'y'; 3 * 16_384];
        link.server.writer().write_all(&large).unwrap();
        let down = link.take_down();
        // All at once first, so that one call after another opens a record.
        let piece = link.piece;
        link.client.feed_in(&down, piece).unwrap();
        let expected = [vec![1; 50], vec![16_384; 3]].concat();
        assert_eq!(link.client.records, expected);
        assert_eq!(link.client.plain.len(), 50 + large.len());
        assert!(link.client.rest.is_empty());
        assert!(link.client.rest_max <= 16_384 + 256 + 5, "{}", link.client.rest_max);
    }
}

#[test]
fn pieces_are_sealed_in_order_and_in_as_few_records_as_they_need() {
    let large: Vec<u8> = (0..40_000).map(|at| (at % 251) as u8).collect();
    let full = &large[..16_384];
    let cases: [&[&[u8]]; 12] = [
        &[],
        &[b""],
        &[b"GET / HTTP/1.1\r\n\r\n"],
        &[b"head", b"", b"body"],
        &[b"head", &large],
        &[&large, b"tail"],
        &[b"a", full],
        &[full, full],
        &[full, b"a", full],
        &[&large, b"a", &large, b"b"],
        &[b"", &large, b"", b""],
        &[b"1", b"2", b"3", &large, b"4", b"5"],
    ];
    for mut link in open_links() {
        link.echo = false;
        for pieces in cases {
            link.sent_records = 0;
            link.served.clear();
            seal(&mut link, pieces);
            link.run().unwrap();
            let all = pieces.concat();
            assert_eq!(link.served, all);
            assert_eq!(link.sent_records, all.len().div_ceil(16_384), "{} bytes", all.len());
        }
    }
}

#[test]
fn sealed_bytes_follow_those_in_the_queue() {
    for mut link in open_links() {
        seal(&mut link, &[b"one"]);
        let queued = link.client.out.clone();
        seal(&mut link, &[b"two", b"three"]);
        assert!(link.client.out.starts_with(&queued));
        link.run().unwrap();
        assert_eq!(link.served, b"onetwothree");
    }
}

#[test]
fn close_notify_of_the_server_ends_the_session_and_later_bytes_are_dropped() {
    for mut link in open_links() {
        link.server.writer().write_all(b"last").unwrap();
        link.server.send_close_notify();
        let down = link.take_down();
        let piece = link.piece;
        link.client.feed_in(&down, piece).unwrap();
        assert_eq!(link.client.plain, b"last");
        assert_eq!(link.client.state, State::Ended);
        link.client.feed(b"HTTP/1.1 these bytes are no record").unwrap();
        assert!(link.client.rest.is_empty());
        assert_eq!(link.client.plain, b"last");
        // Half-closed: the other direction is open.
        seal(&mut link, &[b"still"]);
        link.carry_up();
        assert_eq!(link.served, b"still");
    }
}

#[test]
fn close_is_sent_once_and_nothing_is_sealed_behind_it() {
    for mut link in open_links() {
        seal(&mut link, &[b"all"]);
        let Client { layer, out, .. } = &mut link.client;
        layer.close(out);
        let length = out.len();
        layer.close(out);
        assert_eq!(out.len(), length);
        assert!(layer.seal(&[IoSlice::new(b"more")], out).is_err());
        assert_eq!(out.len(), length);
        link.carry_up();
        assert_eq!(link.served, b"all");
        assert!(link.server_error.is_none());
        assert!(link.server.process_new_packets().unwrap().peer_has_closed());
        // Half-closed: the server's bytes are opened.
        link.server.writer().write_all(b"answer").unwrap();
        link.run().unwrap();
        assert!(link.client.plain.ends_with(b"answer"));
    }
}

#[test]
fn bytes_that_are_refused_after_our_close_are_a_failure_and_no_alert_follows() {
    for mut link in open_links() {
        let Client { layer, out, .. } = &mut link.client;
        layer.close(out);
        let length = out.len();
        let why = link.client.feed(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err();
        assert_eq!(why.kind(), TlsKind::Protocol);
        assert_eq!(link.client.out.len(), length);
        assert!(link.client.feed(&[]).is_err());
    }
}

#[test]
fn close_in_the_handshake_sends_nothing() {
    let mut client = Client::new(World::new().begin());
    client.out.clear();
    client.layer.close(&mut client.out);
    assert!(client.out.is_empty());
    assert!(client.layer.seal(&[IoSlice::new(b"x")], &mut client.out).is_err());
}

#[test]
fn a_key_update_of_the_server_is_answered_and_both_directions_go_on() {
    for mut link in open_links() {
        if link.client.layer.session().unwrap().version != "TLSv1.3" {
            continue;
        }
        for _ in 0..3 {
            link.server.refresh_traffic_keys().unwrap();
            seal(&mut link, &[b"after"]);
            link.run().unwrap();
        }
        assert_eq!(link.client.plain, b"afterafterafter");
        assert_eq!(link.client.state, State::Open);
    }
}

#[test]
fn an_altered_record_is_a_violation_and_the_session_stays_dead() {
    for mut link in open_links() {
        link.server.writer().write_all(b"secret").unwrap();
        let mut down = link.take_down();
        *down.last_mut().unwrap() ^= 1;
        let piece = link.piece;
        let why = link.client.feed_in(&down, piece).unwrap_err();
        assert_eq!(why.kind(), TlsKind::Protocol);
        assert!(details(&why).source().is_some(), "rustls's error is the source");
        assert!(link.client.plain.is_empty());
        let alert = link.client.out.clone();
        assert!(!alert.is_empty(), "the alert for the server");
        assert_eq!(link.client.feed(&down).unwrap_err().kind(), TlsKind::Protocol);
        assert_eq!(link.client.feed(&[]).unwrap_err().kind(), TlsKind::Protocol);
        assert_eq!(link.client.out, alert, "a second alert");
        link.carry_up();
        let alert = rustls::AlertDescription::BadRecordMac;
        assert_eq!(link.server_error, Some(rustls::Error::AlertReceived(alert)));
    }
}

#[test]
fn a_handshake_message_in_tiny_records_is_accepted_and_the_caller_keeps_little() {
    let world = World::new();
    for server in &world.servers {
        let mut server = server.clone();
        server.max_fragment_size = Some(64);
        for piece in PIECES {
            let mut link = Link::new(world.begin(), &Arc::new(server.clone()), piece);
            link.ping().unwrap();
            assert!(link.client.rest_max <= 64 + 22, "{}", link.client.rest_max);
        }
    }
}

#[test]
fn a_handshake_message_in_records_of_one_byte_is_accepted() {
    let world = World::new();
    for piece in PIECES {
        let mut link = Link::new(world.begin(), &Arc::new(world.servers[0].clone()), piece);
        link.carry_up();
        let down = link.take_down();
        // TLS 1.2: the flight is not encrypted, so its records can be made anew.
        let mut split = Vec::new();
        let mut rest = &down[..];
        while let [kind, _, _, high, low, more @ ..] = rest {
            let (inside, more) = more.split_at(usize::from(u16::from_be_bytes([*high, *low])));
            for byte in inside {
                split.extend([*kind, 3, 3, 0, 1, *byte]);
            }
            rest = more;
        }
        link.client.feed_in(&split, piece).unwrap();
        assert!(link.client.rest_max < 6, "{}", link.client.rest_max);
        link.ping().unwrap();
    }
}

#[test]
fn an_endless_handshake_message_is_refused_with_bounded_memory() {
    let mut client = Client::new(World::new().begin());
    // A server's hello that announces 65,535 bytes, in records of one byte.
    let mut message = vec![2, 0, 0xff, 0xff];
    message.resize(65_536, 0);
    let records: Vec<u8> = message.iter().flat_map(|byte| [22, 3, 3, 0, 1, *byte]).collect();
    let mut fed = 0;
    let why = records.chunks(1_000).find_map(|piece| {
        fed += piece.len();
        client.feed(piece).err()
    });
    assert_eq!(why.unwrap().kind(), TlsKind::Protocol);
    assert!(fed < 90_000, "{fed}");
}

#[test]
fn bytes_are_sealed_while_a_handshake_message_of_the_server_is_incomplete() {
    let world = World::new();
    let mut link = Link::new(world.begin(), &Arc::new(link_server(&world)), 1);
    link.echo = false;
    loop {
        let up = link.carry_up();
        let down = link.take_down();
        if !up && down.is_empty() {
            break;
        }
        for byte in down {
            link.client.feed(&[byte]).unwrap();
            if link.client.state == State::Open {
                seal(&mut link, &[b"z"]);
            }
        }
    }
    assert!(link.served.len() > 300, "{}", link.served.len());
    assert!(link.served.iter().all(|&byte| byte == b'z'));
    assert!(link.server_error.is_none());
}

fn link_server(world: &World) -> ServerConfig {
    let mut server = world.servers[1].clone();
    // Tickets are then cut into several records.
    server.max_fragment_size = Some(32);
    server.send_tls13_tickets = 4;
    server
}

#[test]
fn tickets_on_an_open_session_leave_it_open_and_give_no_plaintext() {
    let world = World::new();
    let mut link = Link::new(world.begin(), &Arc::new(world.servers[1].clone()), usize::MAX);
    link.run().unwrap();
    assert_eq!(link.client.state, State::Open);
    assert!(link.client.records.is_empty());
}

#[test]
fn what_is_cut_is_never_taken_for_an_end() {
    // Cut at every byte: the state is never `Ended`, and the plaintext is a prefix.
    for mut link in open_links() {
        link.server.writer().write_all(&[b'p'; 40]).unwrap();
        link.server.writer().write_all(&[b'q'; 40]).unwrap();
        link.server.send_close_notify();
        let down = link.take_down();
        let whole = [[b'p'; 40], [b'q'; 40]].concat();
        for (at, byte) in down.iter().enumerate() {
            link.client.feed(&[*byte]).unwrap();
            assert!(whole.starts_with(&link.client.plain));
            assert_eq!(link.client.state == State::Ended, at + 1 == down.len());
        }
        assert_eq!(link.client.plain, whole);
    }
}

#[test]
fn one_session_runs_inside_another() {
    let world = World::new();
    for outer_server in &world.servers {
        for inner_server in &world.servers {
            let mut outer = Link::new(world.begin(), &Arc::new(outer_server.clone()), 7);
            outer.echo = false;
            outer.run().unwrap();
            let mut inner = Client::new(world.begin());
            let mut server = ServerConnection::new(Arc::new(inner_server.clone())).unwrap();
            server.set_buffer_limit(None);
            let body: Vec<u8> = (0..100_000).map(|at| (at % 253) as u8).collect();
            let (mut got, mut sent) = (Vec::new(), false);
            loop {
                if inner.state == State::Open && !sent {
                    sent = true;
                    let Client { layer, out, .. } = &mut inner;
                    layer.seal(&[IoSlice::new(&body)], out).unwrap();
                }
                let up = std::mem::take(&mut inner.out);
                if !up.is_empty() {
                    seal(&mut outer, &[&up]);
                }
                outer.run().unwrap();
                let served = std::mem::take(&mut outer.served);
                let mut cursor = Cursor::new(&served);
                while (cursor.position() as usize) < served.len() {
                    server.read_tls(&mut cursor).unwrap();
                    server.process_new_packets().unwrap();
                    let before = got.len();
                    let _all = std::io::Read::read_to_end(&mut server.reader(), &mut got);
                    server.writer().write_all(&got[before..]).unwrap();
                }
                let mut down = Vec::new();
                while server.wants_write() {
                    server.write_tls(&mut down).unwrap();
                }
                outer.server.writer().write_all(&down).unwrap();
                outer.run().unwrap();
                let plain = std::mem::take(&mut outer.client.plain);
                if plain.is_empty() && inner.out.is_empty() && sent {
                    break;
                }
                inner.feed(&plain).unwrap();
            }
            assert!(got == body && inner.plain == body);
        }
    }
}

#[test]
fn the_text_of_a_session_shows_no_secret() {
    let world = World::new();
    let link = Link::new(world.begin(), &Arc::new(world.servers[1].clone()), usize::MAX);
    let text = format!("{:?}", link.client.layer);
    assert!(text.len() < 200 && text.contains("Handshake"), "{text}");
}

#[test]
fn the_protocol_is_http_1_1_or_none() {
    let world = World::new();
    for server in &world.servers {
        let mut server = server.clone();
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let session = Link::new(world.begin(), &Arc::new(server.clone()), 1).ping().unwrap();
        assert_eq!(session.alpn, Some("http/1.1"));
        // RFC 7301 section 3.2: the server refuses.
        server.alpn_protocols = vec![b"h2".to_vec()];
        let why = Link::new(world.begin(), &Arc::new(server), 1).ping().unwrap_err();
        assert_eq!(why.kind(), TlsKind::Alpn);
    }
}

#[test]
fn a_server_that_picks_another_protocol_is_refused() {
    // TLS 1.2: the server's hello is not encrypted, so its extension can be changed.
    let world = World::new();
    let mut server = world.servers[0].clone();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut link = Link::new(world.begin(), &Arc::new(server), usize::MAX);
    link.carry_up();
    let mut down = link.take_down();
    let at = down.windows(8).position(|part| part == b"http/1.1").unwrap();
    down[at + 5] = b'2';
    let why = link.client.feed(&down).unwrap_err();
    assert_eq!(why.kind(), TlsKind::Alpn);
}

#[test]
fn all_versions_meet_by_default() {
    let root = Authority::new("root");
    let server = config(&root.issue(&["a.test"]), BOTH);
    let client = TlsOptions::new().ca_cert_data(root.pem()).build().unwrap();
    let session = Link::new(client.begin("a.test").unwrap(), &Arc::new(server), 1).ping().unwrap();
    assert_eq!(session.version, "TLSv1.3");
}
