//! Tests the options of sockets and addresses.

#![cfg(unix)]

mod support;

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    thread,
};

use support::{Directory, Server, response, run, run_well, text};

#[test]
fn requests_go_to_the_unix_domain_socket_and_past_every_proxy() {
    let directory = Directory::new("unix-socket");
    let path = directory.path("x.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(socket);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            lines.read_line(&mut head).unwrap();
        }
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nlocal";
        lines.get_mut().write_all(answer).unwrap();
        head
    });
    let proxy = ["-x", "http://127.0.0.1:1"];
    let args = ["get", "--unix-socket", &path, proxy[0], proxy[1], "http://engine.test/info"];
    assert_eq!(run_well(&args), "local");
    let head = server.join().unwrap();
    assert!(head.starts_with("GET /info HTTP/1.1\r\nHost: engine.test\r\n"), "{head}");

    let missing = run(&["get", "--unix-socket", &directory.path("none"), "http://engine.test/"]);
    assert_eq!(missing.status.code(), Some(7));
    assert!(text(&missing.stderr).contains("No such file"), "{}", text(&missing.stderr));
    let twice = run(&["get", "--unix-socket", "a", "--unix-socket", "b", "http://engine.test/"]);
    assert_eq!(twice.status.code(), Some(2));
}

#[test]
fn the_ip_version_can_be_chosen() {
    let server = Server::start(|_| response("200 OK", "", "hello"));
    let url = server.url("/");
    assert_eq!(run_well(&["get", "-4", &url]), "hello");
    for option in ["-6", "--ipv6"] {
        let other = run(&["get", option, &url]);
        assert_eq!(other.status.code(), Some(6));
        assert!(text(&other.stderr).contains("IP version"), "{}", text(&other.stderr));
    }
}

#[test]
fn an_interface_is_a_local_address_or_a_name_and_the_options_of_tcp_are_taken() {
    let server = Server::start(|_| response("200 OK", "", "hello"));
    let url = server.url("/");
    let taken = ["--keepalive-time", "5", "--no-tcp-nodelay", "--interface", "127.0.0.1"];
    assert_eq!(run_well(&[&["get"], &taken[..], &[&url]].concat()), "hello");
    assert_eq!(run_well(&["get", "--no-keepalive", "--tcp-nodelay", &url]), "hello");
    if cfg!(target_os = "linux") {
        let none = run(&["get", "--interface", "none0", &url]);
        assert_eq!(none.status.code(), Some(7));
        let said = text(&none.stderr);
        assert!(said.contains("the interface \"none0\""), "{said}");
    }
}
