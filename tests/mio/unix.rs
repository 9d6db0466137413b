//! Tests requests through Unix domain sockets.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    path::Path,
    sync::Arc,
};

use httpool_mio::{
    Driver, DriverBuilder, Guard, Route, Routes,
    httpool::{
        call::Policy,
        error::{Denied, DialError, IoKind},
    },
};

use crate::{
    World,
    support::{
        Server,
        local::{LocalServer, Unasked, answer, dial_error, free_path, head, send},
    },
};

fn through(path: &Path) -> DriverBuilder {
    Driver::builder().unix_socket(path).resolver(Arc::new(Unasked))
}

fn world(path: &Path) -> World {
    World::with(through(path))
}

#[test]
fn requests_go_through_the_socket_by_the_name_of_the_url_and_share_a_connection() {
    let server = LocalServer::echoing();
    let mut world = world(&server.path);
    for turn in 0..5 {
        let response = world.fetch("http://service.test/x?y").unwrap();
        assert_eq!(response.reused(), turn > 0);
        let text = response.text();
        assert!(text.starts_with("GET /x?y HTTP/1.1\r\nHost: service.test\r\n"), "{text}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn connections_to_two_sockets_and_by_tcp_never_serve_each_others_calls() {
    let (one, two, tcp) = (LocalServer::echoing(), LocalServer::echoing(), Server::answering("t"));
    let mut world = World::new();
    for _ in 0..2 {
        for server in [&one, &two] {
            let route = Route::unix(server.path.as_os_str().as_encoded_bytes());
            let policy = Policy::default().routes(Routes::default().http(route));
            let call = world.client().get(&tcp.url("/")).policy(policy).send().unwrap();
            world.driver.fetch(call).unwrap();
        }
        assert_eq!(world.fetch(&tcp.url("/")).unwrap().text(), "t");
    }
    assert_eq!((one.accepted(), two.accepted(), tcp.accepted()), (1, 1, 1));
    assert_eq!(world.stats().idle, 3);
}

#[test]
fn a_connection_that_the_server_has_closed_is_not_used_again() {
    let server = LocalServer::start(|link, _| {
        head(link);
        answer(link, "once");
    });
    let mut world = world(&server.path);
    for accepted in 1..4 {
        assert_eq!(world.fetch("http://a.test/").unwrap().text(), "once");
        assert_eq!(server.accepted(), accepted);
    }
}

#[test]
fn an_answer_before_the_end_of_the_upload_is_read_although_the_writes_fail() {
    let server = LocalServer::start(|link, _| {
        head(link);
        send(link, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    });
    let mut world = world(&server.path);
    let body = vec![b'x'; 8 << 20];
    let call = world.client().post("http://a.test/").body(body).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!((response.status().as_u16(), response.body()), (413, &b"big"[..]));
}

#[test]
fn a_body_that_ends_with_the_connection_is_read_to_its_end() {
    let server = LocalServer::start(|link, _| {
        head(link);
        send(link, "HTTP/1.1 200 OK\r\n\r\nto the end");
        link.get_ref().shutdown(Shutdown::Write).unwrap();
        link.read_to_end(&mut Vec::new()).ok();
    });
    assert_eq!(world(&server.path).fetch("http://a.test/").unwrap().text(), "to the end");
}

#[test]
fn a_socket_that_is_not_there_is_an_error() {
    let error = world(&free_path()).fetch("http://a.test/").unwrap_err();
    assert_eq!(dial_error(&error), DialError::Connect(IoKind::Other));
    assert!(format!("{error:?}").contains("No such file"), "{error:?}");
    for bad in ["x".repeat(200), "a\0b".into(), String::new()] {
        let error = world(Path::new(&bad)).fetch("http://a.test/").unwrap_err();
        let shown = format!("{error:?}");
        assert!(shown.contains("is not the path of a socket"), "{shown}");
    }
}

#[test]
fn a_switched_connection_gives_its_socket_back() {
    let server = LocalServer::start(|link, _| {
        head(link);
        send(link, "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nhi");
        let mut byte = [0];
        link.read_exact(&mut byte).unwrap();
        link.get_mut().write_all(&byte).unwrap();
    });
    let mut world = world(&server.path);
    world.client().get("http://a.test/").header("Upgrade", "x").send().unwrap();
    world.until_told("switched");
    let mut switched = world.switched.take().unwrap();
    switched.write_all(b"!").unwrap();
    let (mut read, mut byte) = (Vec::new(), [0]);
    while read.len() < 3 {
        match switched.read(&mut byte) {
            Ok(1) => read.push(byte[0]),
            Ok(_) => panic!("the connection ended after {read:?}"),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    assert_eq!(read, b"hi!");
}

#[test]
fn a_guard_denies_the_socket_unless_it_allows_it() {
    let server = LocalServer::echoing();
    let with = |guard| World::with(through(&server.path).guard(guard));
    let error = with(Guard::global()).fetch("http://8.8.8.8/").unwrap_err();
    assert_eq!(dial_error(&error), DialError::Denied(Denied::UnixSocket));
    assert_eq!(server.accepted(), 0);
    let mut allowed = with(Guard::global().allow_unix_sockets(true));
    assert_eq!(allowed.fetch("http://127.0.0.1/").unwrap().status(), 200);
}
