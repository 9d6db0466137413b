//! Tests requests through Unix domain sockets.

use std::{
    io::{Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    path::Path,
    sync::Arc,
};

use httpool_blocking::{
    Client, Guard, Route, Routes, SocketOptions,
    httpool::{
        call::Policy,
        error::{Denied, DialError, IoKind},
    },
};

use crate::support::{
    Server,
    local::{LocalServer, Unasked, answer, dial_error, echo, free_path, head, send, serve},
};

fn client(path: &Path) -> Client {
    Client::builder().unix_socket(path).resolver(Arc::new(Unasked)).build()
}

#[test]
fn requests_go_through_the_socket_by_the_name_of_the_url_and_share_a_connection() {
    let server = LocalServer::echoing();
    let client = client(&server.path);
    let mut conn = None;
    for _ in 0..5 {
        let response = client.get("http://service.test/x?y").send().unwrap();
        let used = response.connection();
        assert_eq!(conn.replace(used).unwrap_or(used), used);
        let text = response.text().unwrap();
        assert!(text.starts_with("GET /x?y HTTP/1.1\r\nHost: service.test\r\n"), "{text}");
    }
    assert_eq!(server.accepted(), 1);
}

#[test]
fn connections_to_two_sockets_and_by_tcp_never_serve_each_others_calls() {
    let (one, two, tcp) = (LocalServer::echoing(), LocalServer::echoing(), Server::answering("t"));
    let client = Client::new();
    let by = |path: &Path| {
        let route = Route::unix(path.as_os_str().as_encoded_bytes());
        Policy::default().routes(Routes::default().http(route))
    };
    for _ in 0..2 {
        for server in [&one, &two] {
            client.get(&tcp.url("/")).policy(by(&server.path)).send().unwrap().bytes().unwrap();
        }
        assert_eq!(client.get(&tcp.url("/")).send().unwrap().text().unwrap(), "t");
    }
    assert_eq!((one.accepted(), two.accepted(), tcp.accepted()), (1, 1, 1));
    assert_eq!(client.stats().idle, 3);
}

#[test]
fn a_connection_that_the_server_has_closed_is_not_used_again() {
    let server = LocalServer::start(|link, _| {
        head(link);
        answer(link, "once");
    });
    let client = client(&server.path);
    for accepted in 1..4 {
        assert_eq!(client.get("http://a.test/").send().unwrap().text().unwrap(), "once");
        assert_eq!(server.accepted(), accepted);
    }
}

#[test]
fn an_answer_before_the_end_of_the_upload_is_read_although_the_writes_fail() {
    let server = LocalServer::start(|link, _| {
        head(link);
        send(link, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    });
    let body = vec![b'x'; 8 << 20];
    let response = client(&server.path).post("http://a.test/").body(body).send().unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(response.text().unwrap(), "big");
}

#[test]
fn a_body_that_ends_with_the_connection_is_read_to_its_end() {
    let server = LocalServer::start(|link, _| {
        head(link);
        send(link, "HTTP/1.1 200 OK\r\n\r\nto the end");
        link.get_ref().shutdown(Shutdown::Write).unwrap();
        link.read_to_end(&mut Vec::new()).ok();
    });
    let response = client(&server.path).get("http://a.test/").send().unwrap();
    assert_eq!(response.text().unwrap(), "to the end");
}

#[test]
fn a_socket_that_is_not_there_is_an_error_with_its_path() {
    let path = free_path();
    let error = client(&path).get("http://a.test/").send().unwrap_err();
    assert_eq!(dial_error(&error), DialError::Connect(IoKind::Other));
    assert!(format!("{error:?}").contains("No such file"), "{error:?}");
    // A file to which nobody listens any more.
    drop(UnixListener::bind(&path).unwrap());
    let error = client(&path).get("http://a.test/").send().unwrap_err();
    assert_eq!(dial_error(&error), DialError::Connect(IoKind::Refused));
    std::fs::remove_file(&path).unwrap();
    for bad in ["x".repeat(200), "a\0b".into(), String::new()] {
        let error = client(Path::new(&bad)).get("http://a.test/").send().unwrap_err();
        assert!(error.is_connect());
        let shown = format!("{error:?}");
        assert!(shown.contains("is not the path of a socket"), "{shown}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_that_accepts_nobody_is_an_error_and_does_not_block_the_thread() {
    let path = free_path();
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let _fills_the_queue = UnixStream::connect(&path).unwrap();
    let error = client(&path).get("http://a.test/").send().unwrap_err();
    assert_eq!(dial_error(&error), DialError::Connect(IoKind::Refused));
    assert!(format!("{error:?}").contains("too many connections to accept"), "{error:?}");
    std::fs::remove_file(&path).unwrap();
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
    let response = client(&server.path).get("http://a.test/").header("Upgrade", "x").send();
    let mut switched = response.unwrap().into_switched().unwrap();
    let mut read = [0; 3];
    switched.read_exact(&mut read[..2]).unwrap();
    switched.socket.write_all(b"!").unwrap();
    switched.read_exact(&mut read[2..]).unwrap();
    assert_eq!(&read, b"hi!");
}

#[test]
fn a_guard_denies_the_socket_unless_it_allows_it() {
    let server = LocalServer::echoing();
    let with = |guard| Client::builder().unix_socket(&server.path).guard(guard).build();
    let error = with(Guard::global()).get("http://8.8.8.8/").send().unwrap_err();
    assert_eq!(dial_error(&error), DialError::Denied(Denied::UnixSocket));
    assert_eq!(server.accepted(), 0);
    let allowed = with(Guard::global().allow_unix_sockets(true));
    assert_eq!(allowed.get("http://127.0.0.1/").send().unwrap().status(), 200);
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_name_is_connected_to() {
    use std::os::linux::net::SocketAddrExt;
    let name = format!("httpool-{}", std::process::id());
    let addr = std::os::unix::net::SocketAddr::from_abstract_name(&name).unwrap();
    serve(UnixListener::bind_addr(&addr).unwrap(), |link, _| echo(link));
    let client = client(Path::new(&format!("\0{name}")));
    assert_eq!(client.get("http://a.test/").send().unwrap().status(), 200);
}

#[test]
fn options_of_tcp_do_not_fail_the_socket() {
    let server = LocalServer::echoing();
    let options = SocketOptions::default().keepalive(std::time::Duration::from_secs(9));
    let client = Client::builder().unix_socket(&server.path).socket_options(options).build();
    assert_eq!(client.get("http://a.test/").send().unwrap().status(), 200);
}
