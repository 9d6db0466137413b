//! Embeds the core under tokio: a task for each connection, and one task that owns the client.
//!
//!     cargo run --example tokio -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b
//!
//! Arguments that are not URLs are addresses to connect to, instead of those of the URLs' names.

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use httpool::{
    client::{Action, Client, Config, Inbox, Transmit},
    error::IoKind,
    id::{ConnId, SocketId},
    message::Request,
    time::Instant,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel},
    time::timeout,
};

/// A message from a task to the one that owns the client.
enum News {
    Resolved(ConnId, Vec<SocketAddr>),
    Connected(SocketId, io::Result<()>),
    Read(SocketId, Vec<u8>),
    Written(SocketId, io::Result<usize>),
    Ended(SocketId, bool),
}

/// The output channel of a socket's task, which ends the task when dropped, and input that was not
/// consumed.
struct Link {
    out: UnboundedSender<Vec<u8>>,
    inbox: Inbox,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let epoch = std::time::Instant::now();
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut client = Client::new(Config::default());
    let mut links: BTreeMap<SocketId, Link> = BTreeMap::new();
    let (tell, mut news) = channel(64);
    let (urls, given): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|arg| arg.contains("://"));
    for url in &urls {
        client.request(Request::get(url).build()?, Default::default(), now());
    }
    loop {
        while let Some(action) = client.poll_action() {
            match action {
                Action::Resolve { conn, host, port } => {
                    let (tell, mut names) = (tell.clone(), given.clone());
                    if names.is_empty() {
                        names.push(host);
                    }
                    tokio::spawn(async move {
                        let mut addrs = Vec::new();
                        for name in names {
                            addrs.extend(lookup_host((name, port)).await.into_iter().flatten());
                        }
                        tell.send(News::Resolved(conn, addrs)).await.ok();
                    });
                }
                Action::Connect { socket, addr, .. } => {
                    let (out, orders) = unbounded_channel();
                    links.insert(socket, Link { out, inbox: Inbox::new() });
                    let addr = addr.tcp().ok_or("only TCP is spoken here")?;
                    tokio::spawn(run(socket, addr, tell.clone(), orders));
                }
                // These requests have no body, so the appended bytes are the whole output.
                Action::Transmit { socket, .. } => {
                    let mut out = Vec::new();
                    assert_eq!(client.poll_transmit(socket, &mut out), Transmit::Nothing);
                    links.get(&socket).map(|link| link.out.send(out));
                }
                Action::Close { socket, .. } => drop(links.remove(&socket)),
                // `End` and `Failed`. There is no TLS, no upgrade, and no cache of look-ups.
                other => eprintln!("{other}"),
            }
        }
        if client.calls() == 0 {
            return Ok(());
        }
        let left = client.poll_timeout().map_or(Duration::MAX, |(at, _)| at.since(now()));
        match timeout(left, news.recv()).await {
            Ok(Some(news)) => learn(&mut client, &mut links, news, now()),
            Ok(None) => unreachable!("this task has a sender too"),
            Err(_) => client.handle_timeout(now()),
        }
    }
}

/// Reports a message to the client.
fn learn(client: &mut Client, links: &mut BTreeMap<SocketId, Link>, news: News, now: Instant) {
    match news {
        News::Resolved(conn, addrs) => client.handle_resolved(conn, &addrs, now),
        News::Connected(socket, done) => {
            let done = done.map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => IoKind::Refused,
                _ => IoKind::Other,
            });
            if done.is_err() {
                links.remove(&socket);
            }
            client.handle_connected(socket, done, now);
        }
        News::Written(socket, Ok(sent)) => client.handle_written(socket, sent, now),
        News::Written(socket, Err(_)) => client.handle_write_failed(socket, IoKind::Reset, now),
        News::Ended(socket, clean) => {
            if let Some(event) = client.handle_eof(socket, clean.into(), now) {
                eprintln!("{event}");
            }
        }
        News::Read(socket, input) => {
            let Some(link) = links.get_mut(&socket) else { return };
            let input = link.inbox.with(&input);
            while let Some(event) = client.read(socket, &input, now) {
                eprintln!("{event}");
            }
        }
    }
}

/// Connects, writes the output that it receives, and reports the results, until the sender of
/// output is dropped.
async fn run(
    socket: SocketId,
    addr: SocketAddr,
    tell: Sender<News>,
    mut orders: UnboundedReceiver<Vec<u8>>,
) {
    let connected = tokio::select! {
        connected = TcpStream::connect(addr) => connected,
        None = orders.recv() => return,
    };
    let (tcp, done) = match connected {
        Ok(tcp) => (Some(tcp), Ok(())),
        Err(error) => (None, Err(error)),
    };
    tell.send(News::Connected(socket, done)).await.ok();
    let Some(tcp) = tcp else { return };
    let (mut reader, mut writer) = tcp.into_split();
    let mut buffer = vec![0; 16 * 1024];
    let mut open = true;
    loop {
        let news = tokio::select! {
            out = orders.recv() => match out {
                Some(out) => News::Written(socket, writer.write_all(&out).await.map(|()| out.len())),
                None => return,
            },
            read = reader.read(&mut buffer), if open => match read {
                Ok(read @ 1..) => News::Read(socket, buffer[..read].to_vec()),
                end => {
                    open = false;
                    News::Ended(socket, end.is_ok())
                }
            },
        };
        if tell.send(news).await.is_err() {
            return;
        }
    }
}
