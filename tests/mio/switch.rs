//! Tests connections that switch to another protocol.

use std::io::{Read, Write};

use httpool_mio::{Stream, Switched, httpool::message::Method};

use crate::{World, support::Server};

/// Switches, sends bytes at once, and then echoes its input.
fn switching(answer: &'static str) -> Server {
    Server::start(move |peer| {
        peer.request();
        peer.send([answer.as_bytes(), b"welcome"].concat());
        while let Some(word) = peer.take(4) {
            peer.send(word);
        }
    })
}

fn speaks(switched: Switched) {
    let Switched { socket: Stream::Tcp(tcp), rest, .. } = switched else { panic!("no TCP") };
    let mut tcp = std::net::TcpStream::from(tcp);
    tcp.set_nonblocking(false).unwrap();
    let mut heard = rest;
    let mut missing = vec![0; "welcome".len() - heard.len()];
    tcp.read_exact(&mut missing).unwrap();
    heard.extend(missing);
    assert_eq!(heard, b"welcome");
    let mut word = [0; 4];
    tcp.write_all(b"echo").unwrap();
    tcp.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"echo");
}

#[test]
fn an_upgrade_hands_the_connection_over_with_what_came_already() {
    let server = switching("HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    let mut world = World::new();
    let url = server.url("/");
    let upgrade = |world: &mut World| {
        let request = world.client().get(&url).header("Connection", "upgrade");
        request.header("Upgrade", "echo").send().unwrap()
    };
    upgrade(&mut world);
    world.until_told("switched");
    assert_eq!(world.told, ["head 101", "switched"]);
    assert!(world.body.is_empty());
    speaks(world.switched.take().unwrap());
    assert_eq!((world.stats().open, world.client().calls()), (0, 0));

    let call = upgrade(&mut world);
    let response = world.driver.fetch(call).unwrap();
    assert_eq!(response.status(), 101);
    speaks(response.into_switched().unwrap());
}

#[test]
fn a_connect_hands_the_connection_over_and_a_refused_one_is_a_response() {
    let server = switching("HTTP/1.1 200 OK\r\n\r\n");
    let mut world = World::new();
    let call = world.client().request(Method::CONNECT, &server.url("/")).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    speaks(response.into_switched().unwrap());

    let server = Server::replying(|_| "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno".into());
    let call = world.client().request(Method::CONNECT, &server.url("/")).send().unwrap();
    let response = world.driver.fetch(call).unwrap();
    assert_eq!((response.status().as_u16(), response.body()), (403, &b"no"[..]));
    assert!(response.into_switched().is_none());
    assert_eq!(world.stats().idle, 1);
}
