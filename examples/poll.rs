//! Embeds the core in an event loop over `poll(2)`, with std and rustix only.
//!
//!     cargo run --example poll -- - http://127.0.0.1:8080/a http://127.0.0.1:8080/b
//!
//! The first argument is a file to send to each URL by POST, or `-` for GET. The bodies of the
//! responses go to stdout, and a log to stderr. While the reader of stdout is slow, the calls are
//! paused, so that their servers wait too. Arguments that are not URLs are addresses to connect to,
//! instead of those of the URLs' names.

use std::{collections::BTreeMap, fs, io, io::Read, io::Write, mem, net::*, time};

use bytes::Bytes;
use httpool::client::{Action, Client, Config, Event, Inbox, Outbox};
use httpool::{error::IoKind, id::SocketId, message::*, time::Instant};
use rustix::{event::*, net, net::AddressFamily as Family};

/// A socket, whether it is connected, its input that was not consumed, and its unwritten output.
struct Socket(TcpStream, bool, Inbox, Outbox);

/// The body to send, and the received bytes that wait for stdout.
struct App(Bytes, Vec<u8>);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (epoch, mut args) = (time::Instant::now(), std::env::args().skip(1));
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let file = args.next().filter(|file| file != "-").map(fs::read).transpose()?;
    let body = file.as_ref().map(|it| BodyLength::Known { len: it.len() as u64, replayable: true });
    let (urls, given): (Vec<_>, Vec<_>) = args.partition(|arg| arg.contains("://"));
    let (mut client, mut sockets) = (Client::new(Config::default()), BTreeMap::new());
    let (mut app, mut calls) = (App(file.unwrap_or_default().into(), Vec::new()), Vec::new());
    for url in urls {
        let request = body.map_or_else(|| Request::get(&url), |it| Request::post(&url).body(it));
        calls.push(client.request(request.build()?, Default::default(), now()));
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
                // While addresses race, several sockets connect for one connection. A failure shows
                // once the socket is ready.
                Action::Connect { socket, addr: PeerAddr::Tcp(addr), .. } => {
                    let family = if addr.is_ipv4() { Family::INET } else { Family::INET6 };
                    let tcp = TcpStream::from(net::socket(family, net::SocketType::STREAM, None)?);
                    tcp.set_nonblocking(true)?;
                    net::connect(&tcp, &addr).ok();
                    sockets.insert(socket, Socket(tcp, false, Inbox::new(), Outbox::default()));
                }
                // Reads before it writes: that probes a connection that is used again.
                Action::Transmit { socket: id, .. } => {
                    sockets.get_mut(&id).map(|it| exchange(&mut client, id, it, &mut app, now()));
                }
                Action::Close { socket, .. } => drop(sockets.remove(&socket)),
                Action::Rewind { call } => client.rewound(call, now()),
                // `End` and `Failed`. There is no TLS, no upgrade, and no cache of look-ups.
                other => eprintln!("{other}"),
            }
        }
        if client.calls() == 0 && app.1.is_empty() {
            return Ok(());
        }
        // 2. Wait for the sockets, for stdout if bytes wait for it, and for the next deadline.
        let on = |flag, wanted| if wanted { flag } else { PollFlags::empty() };
        let (out, shows) = (io::stdout(), !app.1.is_empty());
        let mut fds = vec![PollFd::new(&out, on(PollFlags::OUT, shows))];
        fds.extend(sockets.iter().map(|(id, Socket(tcp, up, _, out))| {
            let output = on(PollFlags::OUT, !up || !out.is_empty());
            PollFd::new(tcp, output | on(PollFlags::IN, client.wants_input(*id)))
        }));
        let left = client.poll_timeout().map(|(at, _)| Timespec::try_from(at.since(now())));
        poll(&mut fds, left.transpose()?.as_ref())?;
        let ready: Vec<_> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        // 3. Write to stdout. A pipe that is ready takes 4 KiB. After the last, the calls go on.
        if shows && ready[0] {
            let written = rustix::io::write(&out, &app.1[..app.1.len().min(4096)])?;
            app.1.drain(..written);
            let resumed = calls.iter().filter(|_| app.1.is_empty());
            resumed.for_each(|call| client.resume(*call, now()));
        }
        // 4. Report connects, read and write. Drop the sockets that could not be connected.
        let mut ready = ready[1..].iter();
        sockets.retain(|id, it| {
            let works = ready.next() == Some(&true) || it.2.is_stopped();
            !works || exchange(&mut client, *id, it, &mut app, now())
        });
        // 5. Handle the deadlines that have passed.
        client.handle_timeout(now());
    }
}

/// Reads and writes until the socket would block. Returns false if it could not be connected.
fn exchange(core: &mut Client, id: SocketId, it: &mut Socket, app: &mut App, now: Instant) -> bool {
    let (Socket(tcp, up, inbox, out), App(data, unshown)) = (it, app);
    if !mem::replace(up, true) {
        let done = tcp.peer_addr().map_err(|_| IoKind::Refused);
        core.handle_connected(id, done.map(drop), now);
        return done.is_ok();
    }
    let kind = |it: io::Error| (it.kind() != io::ErrorKind::WouldBlock).then_some(IoKind::Reset);
    let (read, mut buffer) = (|to: &mut [u8]| tcp.read(to).map_err(kind), [0; 16 * 1024]);
    core.read_all(id, inbox, &mut buffer, now, read, |core, event| {
        eprintln!("{event}");
        if let Event::Data(call, data) = event {
            unshown.extend_from_slice(data);
            core.pause(call, now);
        }
    });
    // A piece is all of the body that is left. It is not copied.
    let piece = |_, left| Some((data.slice(data.len() - left..), true));
    let write = |all: [&[u8]; 4]| tcp.write_vectored(&all.map(io::IoSlice::new)).map_err(kind);
    core.write_all(id, out, now, piece, write);
    true
}
