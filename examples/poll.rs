//! The core in an event loop of one's own: `poll(2)`, with nothing but std and rustix.
//!
//!     cargo run --example poll -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b

use std::collections::BTreeMap;
use std::io::{self, ErrorKind::WouldBlock, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use httpool::client::{Action, Client, Config, Event};
use httpool::{error::IoKind, id::ConnId, message::Request, time::Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketType, connect, ipproto, socket};

/// A socket, the attempt to connect it, what is to be written, and what was read and not taken.
struct Socket(TcpStream, Option<u8>, Vec<u8>, Vec<u8>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let epoch = std::time::Instant::now();
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let (mut client, mut sockets) = (Client::new(Config::default()), BTreeMap::new());
    for url in std::env::args().skip(1) {
        client.request(Request::get(&url).build()?, Default::default(), now());
    }
    loop {
        while let Some(action) = client.poll_action() {
            match action {
                // In place, so everything waits for it: a real loop has a thread for look-ups.
                Action::Resolve { conn, host, port } => {
                    let addrs = (host, port).to_socket_addrs().map_or(vec![], Iterator::collect);
                    client.handle_resolved(conn, &addrs, now());
                }
                Action::Connect { conn, attempt, addr, .. } => match begin(addr) {
                    Ok(tcp) => {
                        sockets.insert(conn, Socket(tcp, Some(attempt), vec![], vec![]));
                    }
                    Err(_) => client.handle_connected(conn, attempt, Err(IoKind::Other), now()),
                },
                // These requests have no body: what is appended is all there is to send.
                Action::Transmit { conn, .. } => {
                    sockets.get_mut(&conn).into_iter().for_each(|it| {
                        client.poll_transmit(conn, &mut it.2);
                    })
                }
                Action::Abandon { conn, .. } | Action::Close { conn, .. } => {
                    sockets.remove(&conn);
                }
                // The answer came before the whole request had left.
                Action::End { call, .. } => println!("{call} is complete"),
                Action::Failed { call, failure } => println!("{call} failed: {failure}"),
                other => unreachable!("no upgrade, body or TLS was asked for: {other}"),
            }
        }
        if client.calls() == 0 {
            return Ok(());
        }
        let writes = |it: &Socket| it.1.is_some() || !it.2.is_empty();
        let flags = |it| if writes(it) { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds: Vec<_> = sockets.values().map(|it| PollFd::new(&it.0, flags(it))).collect();
        let wait = client.poll_timeout().map(|(at, _)| Timespec::try_from(at.since(now())));
        poll(&mut fds, wait.transpose()?.as_ref())?;
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        for ((&conn, it), _) in sockets.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            if let Some(attempt) = it.1.take() {
                let done = it.0.take_error()?.map_or(Ok(()), |_| Err(IoKind::Refused));
                client.handle_connected(conn, attempt, done, now());
            } else if let Err(error) = exchange(&mut client, conn, it, now())
                && error.kind() != WouldBlock
            {
                client.handle_eof(conn, error.kind() == io::ErrorKind::UnexpectedEof, now());
            }
        }
        client.handle_timeout(now());
    }
}

fn begin(addr: SocketAddr) -> io::Result<TcpStream> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let tcp = TcpStream::from(socket(family, SocketType::STREAM, Some(ipproto::TCP))?);
    tcp.set_nonblocking(true)?;
    connect(&tcp, &addr)
        .or_else(|e| if e == rustix::io::Errno::INPROGRESS { Ok(()) } else { Err(e) })?;
    Ok(tcp)
}

/// Writes and reads until the socket would block, or is at its end.
fn exchange(client: &mut Client, conn: ConnId, it: &mut Socket, now: Instant) -> io::Result<()> {
    while !it.2.is_empty() {
        let sent = it.0.write(&it.2)?;
        it.2.drain(..sent);
        client.handle_written(conn, sent, now);
    }
    loop {
        let mut buffer = [0; 16 * 1024];
        let read = it.0.read(&mut buffer)?;
        it.3.extend_from_slice(&buffer[..read]);
        loop {
            let (taken, event) = client.receive(conn, &it.3, now);
            match event {
                Event::NeedInput if read == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                Event::NeedInput => break,
                Event::Head(call, head) => println!("{call} {}", head.status()),
                Event::Data(call, data) => println!("{call} {} bytes", data.len()),
                Event::End(call, _) => println!("{call} is complete"),
                Event::Skipped | Event::Interim(..) => {}
            }
            it.3.drain(..taken);
        }
    }
}
