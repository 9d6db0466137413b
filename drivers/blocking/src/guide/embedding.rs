//! The core in a loop of your own.
//!
//! # In a loop of your own
//!
//! [`httpool::client::Client`] is the whole client without I/O: it gives actions, and takes events.
//! Its docs have the contract, and `examples/poll.rs` of the repository is a complete loop over
//! `poll(2)` in 90 lines. This is the smallest one: one connection, and reads that block.
//!
//! ```
//! # mod server { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/guide/server.rs")); }
//! # use server::{response, serve};
//! # let url = &serve(|_, _| response("200 OK", "", "hello"));
//! use httpool::client::{Action, Client, Config, Event, Inbox, Outbox};
//! use httpool::{error::IoKind, message::{PeerAddr, Request}, time::Instant};
//! use std::{io::{Read, Write}, net::TcpStream};
//!
//! let epoch = std::time::Instant::now();
//! let now = || Instant::from_nanos(epoch.elapsed().as_nanos() as u64);
//! let mut client = Client::new(Config::default());
//! client.request(Request::get(url).build()?, Default::default(), now());
//!
//! let (mut socket, mut body) = (None, Vec::new());
//! while client.calls() > 0 {
//!     while let Some(action) = client.poll_action() {
//!         match action {
//!             Action::Connect { socket: id, addr: PeerAddr::Tcp(addr), .. } => {
//!                 let tcp = TcpStream::connect(addr);
//!                 let done = tcp.as_ref().map(drop).map_err(|_| IoKind::Refused);
//!                 client.handle_connected(id, done, now());
//!                 socket = tcp.ok().map(|tcp| (id, tcp, Inbox::new()));
//!             }
//!             Action::Transmit { socket: id, .. } => {
//!                 let Some((_, tcp, _)) = &mut socket else { continue };
//!                 let write = |chunks: [&[u8]; 4]| {
//!                     let bytes = chunks.concat();
//!                     tcp.write_all(&bytes).map(|()| bytes.len()).map_err(|_| Some(IoKind::Reset))
//!                 };
//!                 client.write_all(id, &mut Outbox::default(), now(), |_, _| None, write);
//!             }
//!             Action::Close { .. } => socket = None,
//!             other => println!("{other}"),
//!         }
//!     }
//!     if let Some((id, tcp, inbox)) = &mut socket {
//!         let mut buffer = [0; 4096];
//!         let read = tcp.read(&mut buffer)?;
//!         let input = inbox.with(&buffer[..read]);
//!         while let Some(event) = client.read(*id, &input, now()) {
//!             if let Event::Data(_, data) = event {
//!                 body.extend_from_slice(data);
//!             }
//!         }
//!     }
//! }
//! assert_eq!(body, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`testing`](super::testing) has the tests of such a program.
