//! An HTTP/1.1 client with connection pools on one event loop. One thread serves thousands of
//! connections.
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
//! use httpool_mio::{Driver, Policy, Retry, Status, Timeout};
//! use std::time::Duration;
//!
//! let policy = Policy::default()
//!     .timeout(Timeout::default().total(Duration::from_secs(10)))
//!     .retry(Retry::new(3).on_statuses([503]));
//! let mut driver = Driver::builder().policy(policy).build()?;
//!
//! let call = driver.client().get(&url).send()?;
//! let response = driver.fetch(call)?;
//! assert_eq!(response.status(), Status::OK);
//! assert_eq!(response.text(), "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An `https://` URL works in the same call: the server must have a certificate for the URL's name,
//! from an authority that this system trusts. The module [`tls`] says how to change that.
//!
//! The module `guide` of `httpool-blocking` has the usual tasks, each with an example. Settings,
//! request builders and responses have nearly all methods in common.
//!
//! The core, [`httpool`], makes all decisions and does no I/O. This crate performs its actions with
//! [`mio`]. Only [`Driver::turn`] and the methods that call it wait. The only threads that this
//! crate starts look names up.
//!
//! # Three ways to use it
//!
//! | | who waits for events | how you get a response |
//! |---|---|---|
//! | [`Driver::fetch`] | the driver | whole, when it is complete |
//! | [`Driver::run`], [`Driver::turn`] | the driver | piece by piece, in your closure |
//! | [`Embedded`] | your loop, on your own [`mio::Poll`] | piece by piece, in your closure |
//!
//! Send requests with a [`Client`]. The closure gets one too, so it can send more. All calls run on
//! one thread. A call waits for another only if it needs a connection and the limits allow no more.
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
//!         // Sends another request on the connection that has just become free.
//!         client.get(&url).send().expect("a URL that was good before");
//!     }
//!     Output::Failed(_, error) => panic!("{error}"),
//!     _ => {}
//! })?;
//! assert_eq!((bytes, ended), (100, 10));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The parts that every driver needs are in the crate `httpool-kit`: settings, the methods of
//! builders and responses, bodies, errors, look-ups.
//!
//! # The types of a program
//!
//! All of them are at the root of this crate:
//!
//! | to | use |
//! |---|---|
//! | run the loop | [`Driver`], [`DriverBuilder`], [`Embedded`], [`Output`] |
//! | send a request | [`Client`], [`RequestBuilder`], [`Request`], [`Method`], [`Url`], [`Body`] |
//! | read the response | [`Response`], [`Responses`], [`Head`], [`Status`], [`Fields`], [`Field`], [`ResponseHead`], [`HistoryEntry`], [`BodyTaken`], [`Switched`] |
//! | look at a call | [`CallId`], [`Call`], [`Waiting`] |
//! | decide after a failure | [`Error`]: [`Reached`], [`Cause`], [`ErrorKind`], [`Fault`], [`Phase`], [`Failure`] |
//! | set deadlines, retries, redirects | [`Policy`]: [`Timeout`], [`MinRate`], [`Retry`], [`Redirect`] |
//! | go through proxies | [`Routes`], [`Route`], [`NoProxy`], [`Hop`], [`HopKind`], [`Credentials`], [`Origin`], [`Scheme`], [`InvalidProxy`], [`InvalidVariable`], [`proxies_from`] |
//! | dial only some addresses | [`Guard`], [`Network`] |
//! | trust servers, show a certificate | [`TlsOptions`], [`TlsVersion`], [`Role`], [`TlsId`], [`TlsConfigError`] |
//! | see what a handshake agreed on, or why it failed | [`Session`], [`LayerError`], [`TlsError`], [`tls`] |
//! | open and keep connections | [`PoolLimits`], [`RetryBudget`], [`DialPolicy`], [`Stats`], [`ConnId`] |
//! | bound what a server may send | [`MessageLimits`] |
//! | look names up | [`Resolve`], [`SystemResolver`], [`LookUpError`] |
//! | log and record | the [features](#features) `log` and `tracing`; [`trace`] |
//!
//! Less common types, such as the parts of a [`Cause`], are in the modules of [`httpool`].
//!
//! # Features
//!
//! `aws-lc-rs`, on by default, and `ring` switch TLS on, with that crypto provider; the docs of
//! `httpool-tls` compare them. Without both (`default-features = false`) an `https` URL is an
//! error. `webpki-roots`, off by default, builds in the authorities that Mozilla trusts, for
//! `TlsOptions::mozilla_roots`.
//!
//! `json`, off by default, adds `json` to [`RequestBuilder`] and [`Response`], by `serde`.
//! `charset`, off by default, lets [`Response::text`] decode every encoding of the web, by the
//! charset of Content-Type. Without it text is UTF-8.
//!
//! `log` and `tracing`, off by default, report calls, retries, redirects and connections to the
//! crates of these names. Nothing secret is in a report. The docs of the module `logs` of
//! `httpool-kit` list the targets, levels and fields, and have examples. [`trace`] is for the
//! events and decisions in full.
//!
//! # Content codings
//!
//! The bodies of responses are decoded, and a request asks for the codings that are built in, unless
//! [`decode`](DriverBuilder::decode) is switched off for the client or for the request. The features `gzip`,
//! `deflate`, `br` and `zstd` build one coding in each. All are on by default. Together they add
//! about 270 KiB to a program, of which 200 KiB are the dictionary and code of `br`. A body that
//! cannot be decoded is an error ([`Error::as_decode_error`]), and its connection is closed.
//!
//! # Downloads that resume
//!
//! [`httpool::download`] decides what to ask for and where the bytes go. The loop sends the requests
//! and writes the file, which is a vector here:
//!
//! ```
//! # use std::{io::{Read, Write}, net::TcpListener, thread};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let url = format!("http://{}/", listener.local_addr()?);
//! # thread::spawn(move || for answer in [
//! #     "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: 8\r\n\r\nhalf",
//! #     "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nContent-Range: bytes 4-7/8\r\n\
//! #      Content-Length: 4\r\n\r\nrest",
//! # ] {
//! #     let (mut tcp, _) = listener.accept().unwrap();
//! #     tcp.read(&mut [0; 4096]).unwrap();
//! #     tcp.write_all(answer.as_bytes()).unwrap();
//! # });
//! use httpool::download::{Answer, Download, Next};
//! use httpool_mio::{Driver, Output, ResponseHead};
//!
//! let (mut driver, mut download, mut file) = (Driver::new()?, Download::new(3), Vec::new());
//! while download.total() != Some(file.len() as u64) {
//!     let mut request = driver.client().get(&url).decode(false);
//!     for (name, value) in download.fields() {
//!         request = request.header(name, &value);
//!     }
//!     request.send()?;
//!     let mut done = Ok(());
//!     driver.run(|client, output| {
//!         let call = output.call();
//!         let told = match output {
//!             // Of a 503 the body is not wanted. A program waits before it asks again.
//!             Output::Head(_, head) => match download.answer(&ResponseHead::from(&head)) {
//!                 Ok(Answer::Begin | Answer::Append) => {
//!                     file.truncate(download.have() as usize);
//!                     Ok(())
//!                 }
//!                 Ok(Answer::Done | Answer::Again) => {
//!                     client.discard(call);
//!                     Ok(())
//!                 }
//!                 Err(why) => Err(why),
//!             },
//!             Output::Data(_, data) => {
//!                 file.extend_from_slice(data);
//!                 download.wrote(data.len() as u64)
//!             }
//!             Output::End(..) => download.ended().map(|next| assert_eq!(next, Next::Done)),
//!             Output::Failed(_, error) if !download.cut() => panic!("{error}"),
//!             _ => Ok(()),
//!         };
//!         if told.is_err() {
//!             client.cancel(call);
//!             done = told;
//!         }
//!     })?;
//!     done?;
//! }
//! assert_eq!(file, b"halfrest");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The modules of this crate
//!
//! | module | contents |
//! |---|---|
//! | `builder`, `driver`, `embedded`, `client`, `request`, `response`, `output` | the types that a program uses |
//! | `act` | performs the actions of the core |
//! | `read`, `write` | move bytes between the sockets and the core |
//! | `layers` | handshakes, and reading through the layers of a connection, such as TLS |
//! | `decode`, `coded` | decode the bodies of responses, and keep those that are being decoded |
//! | `reports` | reports calls and connections to `log` or `tracing` |
//! | `sockets`, `names`, `errors` | the sockets and the look-ups of the loop; the system's errors of connections |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod act;
mod builder;
mod client;
mod coded;
mod decode;
mod driver;
mod embedded;
mod errors;
mod layers;
mod names;
mod output;
mod read;
mod reports;
mod request;
mod response;
mod sockets;
mod stream;
mod write;

pub use builder::DriverBuilder;
pub use client::Client;
pub use driver::Driver;
pub use embedded::Embedded;
pub use httpool;
#[doc(inline)]
pub use httpool::{
    call::{Call, HistoryEntry, MinRate, NoProxy, Policy, Redirect, Retry, Route, Routes, Timeout},
    client::Waiting,
    dial::{DialPolicy, Families, Guard, ProxyResponse},
    error::{Cause, ErrorKind, Failure, Fault, Phase, Reached},
    id::{CallId, ConnId},
    limits::{MessageLimits, PoolLimits, RetryBudget},
    message::{
        BodyTaken, Credentials, Field, Fields, Head, Hop, HopKind, InvalidProxy, Method, Network,
        Origin, PeerAddr, Request, ResponseHead, Scheme, Status, TlsId, UnixPath, Url,
    },
    pool::Stats,
    trace,
};
/// The interface of a layer between the socket and HTTP, for a TLS implementation of your own. See
/// [`DriverBuilder::layers`].
pub mod layer {
    pub use httpool_kit::{Layer, LayerError, Layers, Opened, Session, State};
}
pub use httpool_kit::{
    Body, EndedEarly, Error, InvalidVariable, LayerError, LookUpError, Multipart, Part, Resolve,
    Session, SocketOptions, SystemResolver, proxies_from,
};
#[cfg(feature = "tls")]
httpool_tls::module! {
    /// ```no_run
    /// use httpool_mio::{Driver, TlsOptions};
    ///
    /// let company = TlsOptions::new().ca_certs("/etc/company/ca.pem");
    /// let mut driver = Driver::builder().tls(company.clone()).build()?;
    /// let call = driver.client().get("https://intranet.example/").send()?;
    /// assert!(driver.fetch(call)?.tls().is_some_and(|session| session.verified));
    ///
    /// // This request shows a certificate of the client.
    /// let mine = driver.client().tls_config(&company.cert_file("me.pem"))?;
    /// driver.client().get("https://payments.example/").tls(mine).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
}
pub use mio;
pub use output::{Output, Switched};
pub use request::RequestBuilder;
pub use response::{Response, Responses};
pub use stream::Stream;
