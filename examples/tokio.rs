//! The core under tokio: a task for each connection, and one that has the client.
//!
//!     cargo run --example tokio -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use httpool::{
    client::{Action, Client, Config, Event},
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

/// What the tasks tell the one that has the client.
enum News {
    Resolved(ConnId, Vec<SocketAddr>),
    Connected(ConnId, u8, io::Result<()>),
    Read(ConnId, Vec<u8>),
    Written(ConnId, io::Result<usize>),
    Ended(ConnId, bool),
}

/// How a connection's task is reached (it ends when this is dropped), and input that was not taken.
struct Link {
    out: UnboundedSender<Vec<u8>>,
    rest: Vec<u8>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let epoch = std::time::Instant::now();
    let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
    let mut client = Client::new(Config::default());
    let mut links: BTreeMap<ConnId, Link> = BTreeMap::new();
    let (tell, mut news) = channel(64);
    for url in std::env::args().skip(1) {
        client.request(Request::get(&url).build()?, Default::default(), now());
    }
    loop {
        while let Some(action) = client.poll_action() {
            match action {
                Action::Resolve { conn, host, port } => {
                    let tell = tell.clone();
                    tokio::spawn(async move {
                        let addrs = lookup_host((host, port)).await;
                        let addrs = addrs.map_or(Vec::new(), Iterator::collect);
                        tell.send(News::Resolved(conn, addrs)).await.ok();
                    });
                }
                Action::Connect { conn, attempt, addr, .. } => {
                    let (out, orders) = unbounded_channel();
                    links.insert(conn, Link { out, rest: Vec::new() });
                    let tell = tell.clone();
                    tokio::spawn(async move {
                        let connected = TcpStream::connect(addr).await;
                        let (tcp, done) = match connected {
                            Ok(tcp) => (Some(tcp), Ok(())),
                            Err(error) => (None, Err(error)),
                        };
                        tell.send(News::Connected(conn, attempt, done)).await.ok();
                        if let Some(tcp) = tcp {
                            connection(conn, tcp, &tell, orders).await;
                        }
                    });
                }
                // These requests have no body: what is appended is all there is to send.
                Action::Transmit { conn, .. } => {
                    let mut out = Vec::new();
                    client.poll_transmit(conn, &mut out);
                    if let Some(link) = links.get(&conn) {
                        link.out.send(out).ok();
                    }
                }
                Action::Abandon { conn, .. } | Action::Close { conn, .. } => {
                    links.remove(&conn);
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
        let left = client.poll_timeout().map_or(Duration::MAX, |(at, _)| at.since(now()));
        match timeout(left, news.recv()).await {
            Ok(Some(news)) => learn(&mut client, &mut links, news, now()),
            Ok(None) => unreachable!("this task has a sender too"),
            Err(_) => client.handle_timeout(now()),
        }
    }
}

/// Hands the client what happened.
fn learn(client: &mut Client, links: &mut BTreeMap<ConnId, Link>, news: News, now: Instant) {
    match news {
        News::Resolved(conn, addrs) => client.handle_resolved(conn, &addrs, now),
        News::Connected(conn, attempt, done) => {
            let done = done.map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => IoKind::Refused,
                _ => IoKind::Other,
            });
            client.handle_connected(conn, attempt, done, now);
        }
        News::Written(conn, Ok(sent)) => client.handle_written(conn, sent, now),
        News::Written(conn, Err(_)) => client.handle_write_failed(conn, IoKind::Reset, now),
        News::Ended(conn, clean) => {
            if let Event::End(call, _) = client.handle_eof(conn, clean, now) {
                println!("{call} is complete");
            }
        }
        News::Read(conn, input) => {
            let Some(link) = links.get_mut(&conn) else { return };
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

/// Writes what it is ordered to, and tells what comes, until nobody has orders for it any more.
async fn connection(
    conn: ConnId,
    tcp: TcpStream,
    tell: &Sender<News>,
    mut orders: UnboundedReceiver<Vec<u8>>,
) {
    let (mut reader, mut writer) = tcp.into_split();
    let mut buffer = vec![0; 16 * 1024];
    let mut open = true;
    loop {
        let news = tokio::select! {
            out = orders.recv() => match out {
                Some(out) => News::Written(conn, writer.write_all(&out).await.map(|()| out.len())),
                None => return,
            },
            read = reader.read(&mut buffer), if open => match read {
                Ok(read @ 1..) => News::Read(conn, buffer[..read].to_vec()),
                end => {
                    open = false;
                    News::Ended(conn, end.is_ok())
                }
            },
        };
        if tell.send(news).await.is_err() {
            return;
        }
    }
}
