//! Embeds the core in an event loop over `poll(2)`, with std and rustix only.
//!
//!     cargo run --example poll -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b
//!
//! Arguments that are not URLs are addresses to connect to, instead of those of the URLs' names.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use httpool::client::{Action, Client, Config, Event, Transmit};
use httpool::{error::IoKind, id::ConnId, message::Request, time::Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType, connect, ipproto, socket};

/// A socket, whether it is connected, its unwritten output, and its input that was not taken.
struct Socket(TcpStream, bool, Vec<u8>, Vec<u8>);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut given: Vec<String> = std::env::args().skip(1).collect();
    let epoch = std::time::Instant::now();
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    // By connection and attempt: addresses race, and the losers are abandoned before any byte is
    // sent.
    let mut sockets: BTreeMap<(ConnId, u8), Socket> = BTreeMap::new();
    let mut client = Client::new(Config::default());
    for url in given.extract_if(.., |arg| arg.contains("://")) {
        client.request(Request::get(&url).build()?, Default::default(), now());
    }
    loop {
        while let Some(action) = client.poll_action() {
            match action {
                // Looks the name up in place, which blocks the loop. A real loop has a thread for
                // look-ups.
                Action::Resolve { conn, host, port } => {
                    let names = if given.is_empty() { &vec![host] } else { &given };
                    let found = names.iter().flat_map(|it| (&**it, port).to_socket_addrs());
                    client.handle_resolved(conn, &found.flatten().collect::<Vec<_>>(), now());
                }
                Action::Connect { conn, attempt, addr, .. } => match begin(addr) {
                    Ok(it) => drop(sockets.insert((conn, attempt), it)),
                    Err(_) => client.handle_connected(conn, attempt, Err(IoKind::Other), now()),
                },
                // These requests have no body, so the appended bytes are the whole output.
                Action::Transmit { conn, .. } => {
                    for (_, it) in sockets.range_mut((conn, 0)..=(conn, u8::MAX)) {
                        assert_eq!(client.poll_transmit(conn, &mut it.2), Transmit::Nothing);
                    }
                }
                // The response came before the whole request was written.
                Action::End { call, .. } => println!("{call} is complete"),
                Action::Abandon { conn, attempt } => drop(sockets.remove(&(conn, attempt))),
                Action::Close { conn, .. } => sockets.retain(|(of, _), _| *of != conn),
                Action::Failed { call, failure } => println!("{call} failed: {failure}"),
                // This loop caches no look-up.
                Action::Refresh { .. } => {}
                other => unreachable!("no upgrade, body or TLS was asked for: {other}"),
            }
        }
        if client.calls() == 0 {
            return Ok(());
        }
        let writes = |it: &Socket| !it.1 || !it.2.is_empty();
        let flags = |it| if writes(it) { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds: Vec<_> = sockets.values().map(|it| PollFd::new(&it.0, flags(it))).collect();
        let wait = client.poll_timeout().map(|(at, _)| Timespec::try_from(at.since(now())));
        poll(&mut fds, wait.transpose()?.as_ref())?;
        let ready = sockets.keys().zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
        for (conn, attempt) in ready.map(|(key, _)| *key).collect::<Vec<_>>() {
            let Some(it) = sockets.get_mut(&(conn, attempt)) else { continue };
            if !it.1 {
                it.1 = true;
                let done = it.0.take_error()?.map_or(Ok(()), |_| Err(IoKind::Refused));
                sockets.retain(|key, _| done.is_ok() || *key != (conn, attempt));
                client.handle_connected(conn, attempt, done, now());
            } else if let Err(why) = exchange(&mut client, conn, it, now()).map_err(|it| it.kind())
                && why != ErrorKind::WouldBlock
            {
                show(client.handle_eof(conn, why == ErrorKind::UnexpectedEof, now()));
            }
        }
        client.handle_timeout(now());
    }
}

fn begin(addr: SocketAddr) -> Result<Socket> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let tcp = TcpStream::from(socket(family, SocketType::STREAM, Some(ipproto::TCP))?);
    tcp.set_nonblocking(true)?;
    match connect(&tcp, &addr) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(Socket(tcp, false, vec![], vec![])),
        Err(error) => Err(error.into()),
    }
}

/// Writes and reads until the socket would block or has ended.
fn exchange(client: &mut Client, conn: ConnId, it: &mut Socket, now: Instant) -> Result<()> {
    while !it.2.is_empty() {
        let sent = it.0.write(&it.2)?;
        it.2.drain(..sent);
        client.handle_written(conn, sent, now);
    }
    loop {
        let mut buffer = [0; 16 * 1024];
        let read = it.0.read(&mut buffer)?;
        it.3.extend_from_slice(&buffer[..read]);
        let mut goes_on = true;
        while goes_on {
            let (taken, event) = client.receive(conn, &it.3, now);
            goes_on = show(event);
            it.3.drain(..taken);
        }
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Prints an event. Returns whether to ask the client for the next one.
fn show(event: Event<'_>) -> bool {
    match event {
        Event::NeedInput => return false,
        Event::Head(call, head) => println!("{call} {}", head.status()),
        Event::Data(call, data) => println!("{call} {} bytes", data.len()),
        Event::End(call, _) => println!("{call} is complete"),
        Event::Skipped | Event::Interim(..) => {}
    }
    true
}
