//! Tests of dials through proxies: CONNECT, SOCKS, TLS within TLS.

use alloc::format;

use super::*;
use crate::{
    error::{IoKind, TlsKind},
    limits::MessageLimits,
    message::{Credentials, Hop, HopKind, TlsId},
};

/// A step of an exchange with a proxy.
enum Step<'a> {
    /// Checks `next` by its line in a trace.
    Next(&'a str),
    /// Checks the bytes sent to the proxy.
    Out(&'a [u8]),
    /// Passes bytes from the proxy to the dial.
    In(&'a [u8]),
    /// Passes bytes that the dial does not consume.
    Left(&'a [u8]),
    Resolved(&'a [&'a str]),
    TlsUp,
}
use Step::{In, Left, Next, Out, Resolved, TlsUp};

/// Runs a dialogue from the moment TCP is connected, with the input whole and in pieces of every
/// length.
#[track_caller]
fn dialogue(key: &Key, steps: &[Step<'_>]) {
    for piece_len in (1..=40).chain([usize::MAX]) {
        let mut scene = Scene::connected(key, &with_tls());
        let mut rest = Vec::new();
        for step in steps {
            match step {
                Next(next) => scene.says(next),
                Out(bytes) => {
                    assert_eq!(
                        String::from_utf8_lossy(&scene.transmits()),
                        String::from_utf8_lossy(bytes)
                    );
                    assert_eq!(scene.transmits(), b"");
                }
                In(bytes) => {
                    for piece in bytes.chunks(piece_len) {
                        rest.extend_from_slice(piece);
                        let taken = scene.dial.receive(&rest, scene.now);
                        rest.drain(..taken);
                    }
                }
                Left(bytes) => {
                    assert_eq!(rest, *bytes);
                    rest.clear();
                }
                Resolved(addrs) => scene.resolved(addrs),
                TlsUp => scene.dial.tls_up("", scene.now),
            }
        }
        assert_eq!(rest, b"", "nothing was left over");
    }
}

fn hop(kind: HopKind) -> Hop {
    Hop::new(kind, http("192.0.2.9", 1080))
}

fn via(hop: Hop, peer: Origin) -> Key {
    Key::direct(peer).through([hop])
}

fn known(hop: Hop) -> Hop {
    hop.with_credentials(Credentials::new("me", "pass word"))
}

const CONNECT: &[u8] = b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n";
const STANDS: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

#[test]
fn connect_asks_for_host_and_port() {
    dialogue(
        &via(hop(HopKind::Connect), http("a.test", 80)),
        &[Next("exchange"), Out(CONNECT), In(STANDS), Next("ready 0")],
    );
    dialogue(
        &via(hop(HopKind::Connect), http("[::1]", 8080)),
        &[Out(b"CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n")],
    );
}

#[test]
fn connect_shows_credentials_to_the_proxy() {
    dialogue(
        &via(known(hop(HopKind::Connect)), http("a.test", 443)),
        &[
            Out(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\
                  Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk\r\n\r\n"),
            In(STANDS),
            Next("ready 0"),
        ],
    );
}

#[test]
fn any_2xx_is_a_tunnel_whatever_it_says_of_a_body() {
    dialogue(
        &via(hop(HopKind::Connect), http("a.test", 80)),
        &[
            Out(CONNECT),
            In(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
            Next("exchange"),
            In(b"HTTP/1.1 204 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Next("ready 0"),
        ],
    );
}

#[test]
fn what_follows_the_answer_is_for_tls_or_for_nobody() {
    let plain = via(hop(HopKind::Connect), http("a.test", 80));
    let answer = [STANDS, b"hello"].concat();
    assert_eq!(failure(&plain, &answer), "failed ProxyProtocol");
    let key = via(hop(HopKind::Connect), https("a.test", 443));
    let mut scene = Scene::connected(&key, &with_tls());
    assert_eq!(scene.dial.receive(&answer, scene.now), STANDS.len());
    scene.says("start-tls 0 a.test");
}

/// Returns the error that `answer` leads to.
fn failure(key: &Key, answer: &[u8]) -> String {
    let mut scene = Scene::connected(key, &with_tls());
    let _ = scene.dial.receive(answer, scene.now);
    scene.says("abandon 0");
    scene.dial.abandoned(0);
    scene.dial.next().to_string()
}

#[test]
fn what_is_not_http_is_not_believed() {
    let key = via(hop(HopKind::Connect), http("a.test", 80));
    for answer in
        ["garbage\r\n\r\n", "\x05\x00", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n"]
    {
        assert_eq!(failure(&key, answer.as_bytes()), "failed ProxyProtocol", "{answer:?}");
    }
}

#[test]
fn what_a_proxy_may_say_is_bounded() {
    let key = via(hop(HopKind::Connect), http("a.test", 80));
    let policy = DialPolicy {
        limits: MessageLimits { head_bytes_max: 64, interim_max: 2, ..MessageLimits::default() },
        ..DialPolicy::default()
    };
    let long = alloc::format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(64));
    for answer in [long, "HTTP/1.1 100 Continue\r\n\r\n".repeat(3)] {
        let mut scene = Scene::connected(&key, &policy);
        let _ = scene.dial.receive(answer.as_bytes(), scene.now);
        scene.dial.abandoned(0);
        scene.says("failed ProxyProtocol");
    }
}

#[test]
fn an_https_proxy_means_tls_within_tls() {
    let proxy = Hop::new(HopKind::Connect, https("192.0.2.9", 8443)).with_tls(TlsId(7));
    dialogue(
        &Key::direct(https("a.test", 443)).with_tls(TlsId(1)).through([proxy]),
        &[
            Next("start-tls 7 192.0.2.9"),
            Out(b""),
            TlsUp,
            Next("exchange"),
            Out(b"CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"),
            In(STANDS),
            Next("start-tls 1 a.test"),
            TlsUp,
            Next("ready 0"),
        ],
    );
}

#[test]
fn a_handshake_that_fails_says_whose_it_was() {
    let first = Hop::new(HopKind::Connect, https("192.0.2.9", 8443));
    let second = Hop::new(HopKind::Connect, https("inner.test", 443));
    let key = Key::direct(https("a.test", 443)).through([first, second]);
    let peers = ["https://192.0.2.9:8443", "https://inner.test", "https://a.test"];
    for (fails_at, peer) in peers.into_iter().enumerate() {
        for lost in [false, true] {
            let mut scene = Scene::connected(&key, &with_tls());
            for _ in 0..fails_at {
                scene.dial.tls_up("", scene.now);
                scene.transmits();
                assert_eq!(scene.dial.receive(STANDS, scene.now), STANDS.len());
            }
            let whose = if fails_at < 2 { "ProxyTls" } else { "Tls" };
            let what = if lost {
                scene.dial.lost(IoKind::Reset, scene.now);
                "Lost(Reset)"
            } else {
                scene.dial.tls_failed(TlsKind::Issuer, scene.now);
                "Issuer"
            };
            scene.dial.abandoned(0);
            scene.says(&format!("failed {whose}({what})"));
            assert_eq!(scene.dial.failed_handshake().unwrap().to_string(), peer);
        }
    }
}

#[test]
fn a_chain_is_asked_hop_by_hop() {
    let first = known(hop(HopKind::Socks5h));
    let second = Hop::new(HopKind::Connect, https("proxy.test", 443)).with_tls(TlsId(2));
    let third = Hop::new(HopKind::Socks4, http("socks.test", 1080));
    dialogue(
        &Key::direct(http("a.test", 80)).through([first, second, third]),
        &[
            Out(b"\x05\x02\x00\x02"),
            In(b"\x05\x00"),
            Out(b"\x05\x01\x00\x03\x0aproxy.test\x01\xbb"),
            In(b"\x05\x00\x00\x01\0\0\0\0\0\0"),
            Next("start-tls 2 proxy.test"),
            TlsUp,
            Out(b"CONNECT socks.test:1080 HTTP/1.1\r\nHost: socks.test:1080\r\n\r\n"),
            In(STANDS),
            Next("resolve a.test:80"),
            Resolved(&["[2001:db8::1]:80", "192.0.2.1:80"]),
            Out(b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00"),
            In(b"\x00\x5a\0\0\0\0\0\0"),
            Next("ready 0"),
        ],
    );
}

#[test]
fn the_first_proxys_name_is_what_is_looked_up() {
    let key = via(Hop::new(HopKind::Connect, http("proxy.test", 3128)), http("a.test", 80));
    let mut scene = Scene::new(&key, &DialPolicy::default());
    scene.says("resolve proxy.test:3128");
    scene.resolved(&["192.0.2.9:3128"]);
    scene.begin(0);
    scene.dial.connected(0, scene.now);
    scene.says("exchange");
}

#[test]
fn socks4_takes_an_ipv4_address_and_a_user() {
    let stands = b"\x00\x5a\x12\x34\x01\x02\x03\x04tail";
    dialogue(
        &via(known(hop(HopKind::Socks4)), https("a.test", 443)),
        &[
            Next("resolve a.test:443"),
            Resolved(&["[2001:db8::1]:80", "[::ffff:192.0.2.1]:80"]),
            Next("exchange"),
            Out(b"\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00"),
            In(stands),
            Next("start-tls 0 a.test"),
            Left(b"tail"),
        ],
    );
    let literal = via(hop(HopKind::Socks4), http("192.0.2.1", 80));
    dialogue(&literal, &[Out(b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00")]);
    for addrs in [&[][..], &["[2001:db8::1]:80"]] {
        let mut scene =
            Scene::connected(&via(hop(HopKind::Socks4), http("a.test", 80)), &with_tls());
        scene.resolved(addrs);
        scene.dial.abandoned(0);
        scene.says("failed Name");
    }
}

#[test]
fn socks4a_takes_a_name() {
    dialogue(
        &via(hop(HopKind::Socks4a), https("a.test", 443)),
        &[
            Next("exchange"),
            Out(b"\x04\x01\x01\xbb\x00\x00\x00\x01\x00a.test\x00"),
            In(b"\x00\x5a\0\0\0\0\0\0"),
            Next("start-tls 0 a.test"),
        ],
    );
    let literal = via(hop(HopKind::Socks4a), http("192.0.2.1", 80));
    dialogue(&literal, &[Out(b"\x04\x01\x00\x50\xc0\x00\x02\x01\x00")]);
}

#[test]
fn socks4_refuses_with_a_code() {
    let key = via(hop(HopKind::Socks4a), http("a.test", 80));
    assert_eq!(failure(&key, b"\x00\x5b"), "failed ProxyRefused(91)");
    assert_eq!(failure(&key, b"\x00\x5d\0\0\0\0\0\0"), "failed ProxyLogin(93)");
    assert_eq!(failure(&key, b"\x00\x01"), "failed ProxyProtocol");
    assert_eq!(failure(&key, b"H"), "failed ProxyProtocol");
}

#[test]
fn socks5_takes_an_address() {
    dialogue(
        &via(hop(HopKind::Socks5), https("a.test", 443)),
        &[
            Next("resolve a.test:443"),
            Resolved(&["[2001:db8::1]:80", "192.0.2.1:80"]),
            Out(b"\x05\x01\x00"),
            In(b"\x05\x00"),
            Next("exchange"),
            Out(b"\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb"),
            In(b"\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x12\x34tail"),
            Next("start-tls 0 a.test"),
            Left(b"tail"),
        ],
    );
}

#[test]
fn socks5_shows_credentials_when_asked_to() {
    dialogue(
        &via(known(hop(HopKind::Socks5h)), http("a.test", 80)),
        &[
            Next("exchange"),
            Out(b"\x05\x02\x00\x02"),
            In(b"\x05\x02"),
            Out(b"\x01\x02me\x09pass word"),
            In(b"\x01\x00"),
            Out(b"\x05\x01\x00\x03\x06a.test\x00\x50"),
            In(b"\x05\x00\x00\x03\x05bound\x00\x50"),
            Next("ready 0"),
        ],
    );
    let literal = via(hop(HopKind::Socks5h), http("192.0.2.1", 80));
    dialogue(
        &literal,
        &[Out(b"\x05\x01\x00"), In(b"\x05\x00"), Out(b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50")],
    );
}

#[test]
fn socks5_refuses_with_a_code() {
    let open = via(hop(HopKind::Socks5h), http("a.test", 80));
    assert_eq!(failure(&open, b"\x05\xff"), "failed ProxyLogin(255)");
    assert_eq!(failure(&open, b"\x05\x00\x05\x05"), "failed ProxyRefused(5)");
    assert_eq!(failure(&open, b"\x05\x00\x05\x00\x00\x02"), "failed ProxyProtocol");
    assert_eq!(failure(&open, b"\x05\x02"), "failed ProxyProtocol", "nothing to show was offered");
    assert_eq!(failure(&open, b"HTTP/1.1 400 Bad"), "failed ProxyProtocol");
    let known = via(known(hop(HopKind::Socks5h)), http("a.test", 80));
    assert_eq!(failure(&known, b"\x05\x02\x01\x01"), "failed ProxyLogin(1)");
    assert_eq!(failure(&known, b"\x05\x02\x05\x00"), "failed ProxyProtocol");
}

#[test]
fn what_a_protocol_cannot_carry_is_not_sent() {
    let fails = |key: Key| {
        let mut scene = Scene::connected(&key, &DialPolicy::default());
        scene.dial.abandoned(0);
        assert_eq!(scene.transmits(), b"");
        scene.dial.next().to_string()
    };
    let with = |kind, user: &str, password: &str| {
        via(hop(kind).with_credentials(Credentials::new(user, password)), http("a.test", 80))
    };
    let long = "x".repeat(256);
    for key in [
        with(HopKind::Socks4a, "a\0b", ""),
        with(HopKind::Socks5h, &long, ""),
        with(HopKind::Socks5h, "", &long),
        with(HopKind::Connect, "a:b", ""),
        with(HopKind::Connect, "a", "b\r\nX: y"),
    ] {
        assert_eq!(fails(key), "failed ProxyCredentials");
    }
    for key in [
        via(hop(HopKind::Socks4a), http("a\0b", 80)),
        via(hop(HopKind::Socks4), http("[::1]", 80)),
        via(hop(HopKind::Socks5h), http(&long, 80)),
        via(hop(HopKind::Connect), http("a b", 80)),
        via(hop(HopKind::Connect), http("a.test/x", 80)),
        via(hop(HopKind::Connect), http("b@a.test", 80)),
        via(hop(HopKind::Connect), http("", 80)),
    ] {
        assert_eq!(fails(key), "failed Name");
    }
}

#[test]
fn a_proxy_that_is_lost_fails_the_dial() {
    for key in [
        via(hop(HopKind::Connect), http("a.test", 80)),
        via(hop(HopKind::Socks5h), http("a.test", 80)),
        // During the look-up of the target's name.
        via(hop(HopKind::Socks5), http("a.test", 80)),
    ] {
        let mut scene = Scene::connected(&key, &DialPolicy::default());
        scene.dial.lost(IoKind::Eof, scene.now);
        scene.dial.abandoned(0);
        scene.says("failed ProxyLost(Eof)");
    }
}

#[test]
fn the_clock_for_connecting_runs_only_while_tcp_and_proxies_are_waited_for() {
    let proxy = Hop::new(HopKind::Socks5, https("192.0.2.9", 1080));
    let mut scene = Scene::new(&via(proxy, http("a.test", 80)), &with_tls());
    scene.begin(0);
    scene.pass(1_000);
    scene.dial.connected(0, scene.now);
    scene.waits_for(Some((11_000, Deadline::ProxyTls)));
    scene.pass(5_000);
    scene.dial.tls_up("", scene.now);
    scene.says("resolve a.test:80");
    scene.dial.resolving(scene.now);
    scene.waits_for(Some((16_000, Deadline::Resolve)));
    scene.pass(4_000);
    scene.resolved(&["192.0.2.1:80"]);
    scene.says("exchange");
    scene.waits_for(Some((19_000, Deadline::Connect)));
    scene.pass(9_000);
    scene.says("abandon 0");
    scene.dial.abandoned(0);
    scene.says("failed Timeout(Connect)");
}

#[test]
fn without_tls_no_proxy_that_needs_it_is_dialled() {
    let proxy = Hop::new(HopKind::Connect, https("proxy.test", 443));
    let scene = Scene::new(&via(proxy, http("a.test", 80)), &DialPolicy::default());
    scene.says("failed Tls(Unavailable)");
}

#[test]
fn a_trace_shows_no_secret() {
    let key = via(known(hop(HopKind::Socks5h)), http("a.test", 80));
    let mut scene = Scene::new(&key, &DialPolicy::default());
    let lines = Lines::of(&mut scene.dial);
    scene.begin(0);
    scene.dial.connected(0, scene.now);
    scene.transmits();
    let _ = scene.dial.receive(b"\x05\x02\x01", scene.now);
    assert!(!alloc::format!("{:?}", scene.dial).contains("pass"));
    scene.transmits();
    let _ = scene.dial.receive(b"\x01\x00", scene.now);
    scene.transmits();
    let _ = scene.dial.receive(b"\x05\x01", scene.now);
    scene.dial.abandoned(0);
    assert_eq!(
        lines.taken(),
        [
            "0.000000 d3 < dial http://a.test via http://192.0.2.9:1080",
            "0.000000 d3 > connect 0 192.0.2.9:1080",
            "0.000000 d3 < connecting 0",
            "0.000000 d3 > wait",
            "0.000000 d3 < connected 0",
            "0.000000 d3 > exchange",
            "0.000000 d3 < writable",
            "0.000000 d3 > transmit 4",
            "0.000000 d3 < received 3",
            "0.000000 d3 < writable",
            "0.000000 d3 > transmit 14",
            "0.000000 d3 < received 2",
            "0.000000 d3 < writable",
            "0.000000 d3 > transmit 13",
            "0.000000 d3 < received 2",
            "0.000000 d3 > abandon 0",
            "0.000000 d3 < abandoned 0",
            "0.000000 d3 > failed ProxyRefused(1)",
        ]
    );
}

#[test]
fn a_refused_socks_answer_is_recorded_as_far_as_its_reason() {
    for answer in [&b"HTTP/1.1 topsecret"[..], b"\x05\x01 topsecret"] {
        let key = via(hop(HopKind::Socks5h), http("a.test", 80));
        let mut scene = Scene::new(&key, &with_tls());
        let text = scene.record();
        scene.begin(0);
        scene.dial.connected(0, scene.now);
        scene.transmits();
        let _ = scene.dial.receive(answer, scene.now);
        let text = text.lock().unwrap();
        assert!(text.contains("< received ") && !text.contains("topsecret"), "{text}");
        crate::replay::check(&text).unwrap();
    }
}
