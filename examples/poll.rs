//! Embeds the core in an event loop over `poll(2)`, with std and rustix only.
//!
//!     cargo run --example poll -- http://127.0.0.1:8080/a --data FILE http://127.0.0.1:8080/b
//!
//! URLs after `--data FILE` are sent that file by POST. The bodies of the responses go to stdout.
//! While its reader is slow, the calls are paused, so that the servers wait too. Other arguments
//! are addresses to connect to, instead of those of the URLs' names.

use std::io::{ErrorKind, IoSlice, Read, Result, Write, stdout};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::{collections::BTreeMap, time::Instant as Clock};

use bytes::Bytes;
use httpool::client::{Action, Client, Config, Event, Inbox, Outbox, Transmit};
use httpool::message::{Body, BodyLeft, Request};
use httpool::{error::IoKind, id::CallId, id::SocketId, time::Instant};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, SocketType, connect, ipproto, socket};

/// A socket, whether it is connected, its input that was not consumed, and its unwritten output.
struct Socket(TcpStream, bool, Inbox, Outbox);

/// The body to send, the received bytes that wait for stdout, and the calls that are paused
/// meanwhile.
struct App(Bytes, Vec<u8>, Vec<CallId>);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (epoch, mut given, mut args) = (Clock::now(), Vec::new(), std::env::args().skip(1));
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut app = App(Bytes::new(), Vec::new(), Vec::new());
    let (mut client, mut sockets) = (Client::new(Config::default()), BTreeMap::new());
    while let Some(arg) = args.next() {
        if arg == "--data" {
            app.0 = std::fs::read(args.next().ok_or("--data needs a file")?)?.into();
        } else if !arg.contains("://") {
            given.push(arg);
        } else if app.0.is_empty() {
            client.request(Request::get(&arg).build()?, Default::default(), now());
        } else {
            let body = Body::Known { len: app.0.len() as u64, replayable: true };
            client.request(Request::post(&arg).body(body).build()?, Default::default(), now());
        }
    }
    loop {
        // 1. Perform the client's actions.
        while let Some(action) = client.poll_action() {
            match action {
                // Looks the name up in place, which blocks the loop. A real loop has a thread for
                // look-ups.
                Action::Resolve { conn, host, port } => {
                    let names = if given.is_empty() { &vec![host] } else { &given };
                    let found = names.iter().flat_map(|it| (&**it, port).to_socket_addrs());
                    client.handle_resolved(conn, &found.flatten().collect::<Vec<_>>(), now());
                }
                // Several sockets connect at the same time while addresses race.
                Action::Connect { socket, addr, .. } => match begin(addr) {
                    Ok(it) => drop(sockets.insert(socket, it)),
                    Err(_) => client.handle_connected(socket, Err(IoKind::Other), now()),
                },
                // `exchange` reads first, which is the probe of a connection before its reuse.
                Action::Transmit { socket: id, .. } => {
                    sockets.get_mut(&id).map(|it| exchange(&mut client, id, it, &mut app, now()));
                }
                Action::Close { socket, .. } => drop(sockets.remove(&socket)),
                Action::Rewind { call } => client.rewound(call, true, now()),
                // The response came before the whole request was written.
                Action::End { call, .. } => eprintln!("{call} is complete"),
                Action::Failed { call, failure } => eprintln!("{call} failed: {failure}"),
                // This loop keeps no look-up.
                Action::Refresh { .. } | Action::CancelResolve { .. } => {}
                other => unreachable!("no upgrade, discard or TLS was asked for: {other}"),
            }
        }
        if client.calls() == 0 && app.1.is_empty() {
            return Ok(());
        }
        // 2. Wait for stdout if bytes wait for it, for the sockets, and for the next deadline.
        let wait = |on, flag| if on { flag } else { PollFlags::empty() };
        let out = stdout();
        let mut fds = vec![PollFd::new(&out, wait(!app.1.is_empty(), PollFlags::OUT))];
        fds.extend(sockets.iter().map(|(id, Socket(tcp, up, _, out))| {
            let reads = wait(client.wants_input(*id), PollFlags::IN);
            PollFd::new(tcp, reads | wait(!up || !out.is_empty(), PollFlags::OUT))
        }));
        let left = client.poll_timeout().map(|(at, _)| Timespec::try_from(at.since(now())));
        poll(&mut fds, left.transpose()?.as_ref())?;
        let mut ready = fds.iter().map(|fd| !fd.revents().is_empty()).collect::<Vec<_>>();
        // 3. Write to stdout. A pipe that is ready takes 4 KiB. Then the calls go on.
        if ready.remove(0) && !app.1.is_empty() {
            let written = rustix::io::write(&out, &app.1[..app.1.len().min(4096)])?;
            app.1.drain(..written);
            let resumed = if app.1.is_empty() { app.2.len() } else { 0 };
            app.2.drain(..resumed).for_each(|call| client.pause(call, false, now()));
        }
        // 4. Report connects, read and write. Drop the sockets that could not be connected.
        let mut ready = ready.into_iter();
        sockets.retain(|id, it| {
            let is_ready = ready.next() == Some(true) || it.2.is_stopped();
            !is_ready || exchange(&mut client, *id, it, &mut app, now())
        });
        // 5. Handle the deadlines that have passed.
        client.handle_timeout(now());
    }
}

fn begin(addr: SocketAddr) -> Result<Socket> {
    let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let tcp = TcpStream::from(socket(family, SocketType::STREAM, Some(ipproto::TCP))?);
    tcp.set_nonblocking(true)?;
    // An error shows when the socket is ready.
    connect(&tcp, &addr).ok();
    Ok(Socket(tcp, false, Inbox::new(), Outbox::default()))
}

/// Reads and writes until the socket would block or has ended. Returns false if it could not be
/// connected.
fn exchange(
    client: &mut Client,
    id: SocketId,
    it: &mut Socket,
    app: &mut App,
    now: Instant,
) -> bool {
    todo!()
}
