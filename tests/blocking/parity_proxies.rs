//! Tests of urllib3 with proxies that refuse, close, or say nothing, over sockets.

use std::{net::TcpListener, time::Duration};

use httpool_blocking::{
    Client, ClientBuilder, DialPolicy, Hop, Policy, Route, Routes,
    httpool::{
        call::Retry,
        error::{Cause, DialError, IoKind, Reached, Unavailable},
        time::Deadline,
    },
};

use crate::{
    cause,
    support::{Server, ok},
};

const SHORT: Option<Duration> = Some(Duration::from_millis(50));

fn through(scheme: &str, server: &Server) -> ClientBuilder {
    Client::builder().proxy(&format!("{scheme}://127.0.0.1:{}", server.port())).unwrap()
}

/// Tunnels to `http` origins too, which takes no TLS.
fn tunnelling(port: u16) -> ClientBuilder {
    let hop = Hop::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let routes = Routes::default().http(Route::Tunnel([hop].into()));
    Client::builder().policy(Policy::default().routes(routes))
}

fn dial(error: DialError) -> Cause {
    Cause::Unavailable(Unavailable::Dial(error))
}

#[test]
fn a_forward_proxy_that_closes_at_once_is_asked_again_by_a_retry() {
    let start = || {
        Server::start(|peer| {
            while peer.number > 0 && peer.request().is_some() {
                peer.answer("forwarded");
            }
            peer.head();
        })
    };
    let server = start();
    let client = through("http", &server).retry(Retry::new(1)).build();
    let response = client.get("http://a.test/").send().unwrap();
    assert_eq!(response.history()[0].cause, Some(Cause::Lost(IoKind::Eof)));
    assert_eq!(response.text().unwrap(), "forwarded");
    let server = start();
    let error = through("http", &server).build().get("http://a.test/").send().unwrap_err();
    assert_eq!((cause(&error), error.reached()), (Cause::Lost(IoKind::Eof), Reached::Sent));
}

#[test]
fn each_connection_through_a_tunnel_has_a_connect_of_its_own() {
    let server = Server::start(|peer| {
        let connect = peer.head().unwrap();
        assert!(connect.starts_with("CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n"));
        peer.send("HTTP/1.1 200 OK\r\n\r\n");
        let request = peer.request().unwrap();
        assert!(request.head.starts_with("GET /x HTTP/1.1\r\nHost: a.test\r\n"));
        peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
    });
    let client = tunnelling(server.port()).build();
    for accepted in 1..=2 {
        let response = client.get("http://a.test/x").send().unwrap();
        assert_eq!(response.text().unwrap(), "hi");
        assert_eq!(server.accepted(), accepted);
    }
}

#[test]
fn a_proxy_that_refuses_a_tunnel_is_an_error_with_its_status() {
    let server =
        Server::replying(|_| b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n".to_vec());
    let client = tunnelling(server.port()).build();
    let error = client.get("http://a.test/").send().unwrap_err();
    assert_eq!(cause(&error), dial(DialError::ProxyRefused(501)));
    assert_eq!((error.reached(), client.stats().open), (Reached::Nothing, 0));
    assert!(error.to_string().contains("501"), "{error}");
}

#[test]
fn a_silent_proxy_passes_the_deadline_of_the_phase() {
    let silent = Server::start(|peer| {
        peer.more();
        peer.until_closed();
    });
    let policy = || DialPolicy::default().connect_timeout(SHORT);
    for builder in
        [tunnelling(silent.port()), through("socks4a", &silent), through("socks5h", &silent)]
    {
        let error = builder.dial(policy()).build().get("http://a.test/").send().unwrap_err();
        let expected = dial(DialError::Timeout(Deadline::Connect));
        assert_eq!((cause(&error), error.reached()), (expected, Reached::Nothing), "{error}");
    }
    // A forward proxy that waits for the origin is a server that is silent.
    let mut policy = Policy::default();
    policy.timeout.first_byte = SHORT;
    let hop = Hop::parse(&format!("http://127.0.0.1:{}", silent.port())).unwrap();
    let client = Client::builder().policy(policy.routes(Routes::through(hop))).build();
    let error = client.get("http://a.test/").send().unwrap_err();
    assert_eq!(cause(&error), Cause::Timeout(Deadline::FirstByte));
}

#[test]
fn a_proxy_that_is_not_there_is_an_error_of_the_dial() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let through =
        |scheme| Client::builder().proxy(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
    for builder in [through("http"), through("socks5h"), tunnelling(port)] {
        let client = builder.retry(Retry::new(3).connect(2)).build();
        let error = client.get("http://a.test/").send().unwrap_err();
        assert_eq!(cause(&error), dial(DialError::Connect(IoKind::Refused)), "{error}");
    }
}

#[test]
fn behind_a_socks_proxy_a_request_is_as_to_the_origin() {
    let server = Server::start(|peer| {
        assert_eq!(peer.take(3).unwrap(), b"\x05\x01\x00");
        peer.send(b"\x05\x00");
        assert_eq!(peer.take(13).unwrap(), b"\x05\x01\x00\x03\x06a.test\x00\x50");
        peer.send(b"\x05\x00\x00\x01\0\0\0\0\0\0");
        while let Some(request) = peer.request() {
            peer.send(ok(&request.head));
        }
    });
    let client = through("socks5h", &server).build();
    for _ in 0..2 {
        let head = client.get("http://a.test/x#f").send().unwrap().text().unwrap();
        assert!(head.starts_with("GET /x HTTP/1.1\r\nHost: a.test\r\n"), "{head}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn a_proxy_may_have_an_ipv6_address() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return eprintln!("!! NOT CHECKED: this system has no IPv6");
    };
    let server = Server::start_on(listener, |peer| {
        while let Some(request) = peer.request() {
            peer.answer(request.target());
        }
    });
    let proxy = format!("http://[::1]:{}", server.port());
    let client = Client::builder().proxy(&proxy).unwrap().build();
    let text = client.get("http://a.test/x").send().unwrap().text().unwrap();
    assert_eq!(text, "http://a.test/x");
}
