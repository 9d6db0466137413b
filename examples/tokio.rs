//! Embeds the core under tokio: a task for each connection, and one task that owns the client.
//!
//!     cargo run --example tokio -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b
//!
//! Arguments that are not URLs are addresses to connect to, instead of those of the URLs' names.

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use httpool::{
    client::{Action, Client, Config, Event, Transmit},
    error::IoKind,
    id::ConnId,
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
    Connected(Attempt, io::Result<()>),
    Read(Attempt, Vec<u8>),
    Written(Attempt, io::Result<usize>),
    Ended(Attempt, bool),
}

/// A connection, and the number of the attempt: addresses race, and the losers are abandoned before
/// any byte is sent.
type Attempt = (ConnId, u8);

/// The output channel of an attempt's task, which ends the task when dropped, and input that was
/// not taken.
struct Link {
    out: UnboundedSender<Vec<u8>>,
    rest: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let epoch = std::time::Instant::now();
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut client = Client::new(Config::default());
    let mut links: BTreeMap<Attempt, Link> = BTreeMap::new();
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
                Action::Connect { conn, attempt, addr, .. } => {
                    let (out, orders) = unbounded_channel();
                    links.insert((conn, attempt), Link { out, rest: Vec::new() });
                    tokio::spawn(run((conn, attempt), addr, tell.clone(), orders));
                }
                // These requests have no body, so the appended bytes are the whole output.
                Action::Transmit { conn, .. } => {
                    let mut out = Vec::new();
                    assert_eq!(client.poll_transmit(conn, &mut out), Transmit::Nothing);
                    if let Some((_, link)) = links.range((conn, 0)..=(conn, u8::MAX)).next() {
                        link.out.send(out).ok();
                    }
                }
                Action::Abandon { conn, attempt } => drop(links.remove(&(conn, attempt))),
                Action::Close { conn, .. } => links.retain(|(of, _), _| *of != conn),
                // The response came before the whole request was written.
                Action::End { call, .. } => println!("{call} is complete"),
                // This loop caches no look-up.
                Action::Refresh { .. } => {}
                Action::Failed { call, failure } => println!("{call} failed: {failure}"),
                other => unreachable!("no upgrade, body or TLS was asked for: {other}"),
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
fn learn(client: &mut Client, links: &mut BTreeMap<Attempt, Link>, news: News, now: Instant) {
    match news {
        News::Resolved(conn, addrs) => client.handle_resolved(conn, &addrs, now),
        News::Connected((conn, attempt), done) => {
            let done = done.map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => IoKind::Refused,
                _ => IoKind::Other,
            });
            if done.is_err() {
                links.remove(&(conn, attempt));
            }
            client.handle_connected(conn, attempt, done, now);
        }
        News::Written((conn, _), Ok(sent)) => client.handle_written(conn, sent, now),
        News::Written((conn, _), Err(_)) => client.handle_write_failed(conn, IoKind::Reset, now),
        // Ignores an attempt that was abandoned meanwhile.
        News::Ended(attempt, _) if !links.contains_key(&attempt) => {}
        News::Ended((conn, _), clean) => {
            if let Event::End(call, _) = client.handle_eof(conn, clean, now) {
                println!("{call} is complete");
            }
        }
        News::Read(attempt, input) => {
            let ((conn, _), Some(link)) = (attempt, links.get_mut(&attempt)) else { return };
            link.rest.extend_from_slice(&input);
            loop {
                let (taken, event) = client.receive(conn, &link.rest, now);
                match event {
                    Event::NeedInput => break,
                    Event::Head(call, head) => println!("{call} {}", head.status()),
                    Event::Data(call, data) => println!("{call} {} bytes", data.len()),
                    Event::End(call, _) => println!("{call} is complete"),
                    Event::Skipped | Event::Interim(..) => {}
                }
                link.rest.drain(..taken);
            }
        }
    }
}

/// Connects, writes the output that it receives, and reports the results, until the sender of
/// output is dropped.
async fn run(
    attempt: Attempt,
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
    tell.send(News::Connected(attempt, done)).await.ok();
    let Some(tcp) = tcp else { return };
    let (mut reader, mut writer) = tcp.into_split();
    let mut buffer = vec![0; 16 * 1024];
    let mut open = true;
    loop {
        let news = tokio::select! {
            out = orders.recv() => match out {
                Some(out) => News::Written(attempt, writer.write_all(&out).await.map(|()| out.len())),
                None => return,
            },
            read = reader.read(&mut buffer), if open => match read {
                Ok(read @ 1..) => News::Read(attempt, buffer[..read].to_vec()),
                end => {
                    open = false;
                    News::Ended(attempt, end.is_ok())
                }
            },
        };
        if tell.send(news).await.is_err() {
            return;
        }
    }
}
