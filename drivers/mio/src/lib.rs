//! An HTTP/1.1 client with connection pools on one event loop: thousands of connections, one thread.
//!
//! ```
//! # use std::{io::{Read, Write}, net::TcpListener, thread};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("http://{}/hello", listener.local_addr()?);
//! # thread::spawn(move || {
//! #     let (mut tcp, _) = listener.accept().unwrap();
//! #     while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
//! #         tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
//! #     }
//! # });
//! use httpool_mio::Driver;
//!
//! let mut driver = Driver::new()?;
//! let call = driver.client().get(&url).send()?;
//! let response = driver.fetch(call)?;
//! assert_eq!(response.status(), 200);
//! assert_eq!(response.text(), "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All decisions are made by the core, [`httpool`], which does no I/O; this crate performs them over
//! [`mio`]. Nothing in it waits but [`Driver::turn`] and what is made of it, and it starts no thread
//! but those that look names up.
//!
//! # Three ways to use it
//!
//! | | who waits | who gets the answers |
//! |---|---|---|
//! | [`Driver::fetch`] | the driver | you, each whole, when it is there |
//! | [`Driver::run`], [`Driver::turn`] | the driver | your closure, piece by piece, as they come |
//! | [`Embedded`] | your own loop, on your own [`mio::Poll`] | your closure |
//!
//! Requests are made with a [`Client`], also from inside the closure: it is handed one. There is one
//! thread, so calls never wait for each other but in line for a connection.
//!
//! ```
//! # use std::{io::{Read, Write}, net::TcpListener, thread};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("http://{}/", listener.local_addr()?);
//! # thread::spawn(move || for tcp in listener.incoming() {
//! #     let mut tcp = tcp.unwrap();
//! #     thread::spawn(move || while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
//! #         tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
//! #     });
//! # });
//! use httpool_mio::{Driver, Output};
//!
//! let mut driver = Driver::new()?;
//! for _ in 0..10 {
//!     driver.client().get(&url).send()?;
//! }
//! let (mut bytes, mut ended) = (0, 0);
//! driver.run(|client, output| match output {
//!     Output::Data(_, data) => bytes += data.len(),
//!     Output::End(..) if ended < 10 => {
//!         ended += 1;
//!         // Another one, on the connection that has just become free.
//!         client.get(&url).send().expect("a URL that was good before");
//!     }
//!     Output::Failed(_, error) => panic!("{error}"),
//!     _ => {}
//! })?;
//! assert_eq!((bytes, ended), (100, 10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts that every driver needs are in the crate `httpool-kit`: settings, the methods of builders
//! and responses, bodies, errors, look-ups.
//!
//! | file | what is in it |
//! |---|---|
//! | `builder`, `driver`, `embedded`, `client`, `request`, `response`, `output` | the types that a program uses |
//! | `act` | performs the actions of the core |
//! | `read`, `write` | moves bytes |
//! | `sockets`, `names` | the sockets and look-ups of the loop |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod act;
mod builder;
mod client;
mod driver;
mod embedded;
mod names;
mod output;
mod read;
mod request;
mod response;
mod sockets;
mod write;

pub use builder::DriverBuilder;
pub use client::Client;
pub use driver::Driver;
pub use embedded::Embedded;
pub use httpool;
pub use httpool_kit::{Body, EndedEarly, Error, LookUpError, Resolve, SystemResolver};
pub use mio;
pub use output::{Output, Switched};
pub use request::RequestBuilder;
pub use response::{Response, Responses};
