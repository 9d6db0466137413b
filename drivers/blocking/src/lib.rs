//! A small, fast, predictable blocking HTTP/1.1 client with connection pools, for threads.
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
//! use httpool_blocking::{Client, Policy, Retry, Status, Timeout};
//! use std::time::Duration;
//!
//! let policy = Policy::default()
//!     .timeout(Timeout::default().total(Duration::from_secs(10)))
//!     .retry(Retry::new(3).on_statuses([503]));
//! let client = Client::builder().policy(policy).build();
//!
//! let response = client.get(&url).send()?;
//! assert_eq!(response.status(), Status::OK);
//! assert_eq!(response.text()?, "hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An `https://` URL works in the same call: the server must have a certificate for the URL's name,
//! from an authority that this system trusts. The module [`tls`] says how to change that.
//!
//! The [`guide`] has the usual tasks, each with an example, and says what is not here.
//!
//! The core, [`httpool`], makes all decisions and does no I/O. This crate performs them with the
//! sockets of `std`. It has no runtime. The only threads that it starts resolve names.
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
//! | send a request | [`Client`], [`ClientBuilder`], [`RequestBuilder`], [`Request`], [`Method`], [`Url`], [`Body`] |
//! | read the response | [`Response`], [`Status`], [`Fields`], [`Field`], [`ResponseHead`], [`HistoryEntry`], [`BodyTaken`], [`Switched`] |
//! | decide after a failure | [`Error`]: [`Reached`], [`Cause`], [`ErrorKind`], [`Fault`], [`Phase`], [`Failure`] |
//! | cancel a call | [`Cancel`] |
//! | download into a file, and resume | [`Download`], [`DownloadFailed`], [`PartialFile`], [`Watch`] |
//! | set deadlines, retries, redirects | [`Policy`]: [`Timeout`], [`MinRate`], [`Retry`], [`Redirect`] |
//! | go through proxies | [`Routes`], [`Route`], [`NoProxy`], [`Hop`], [`HopKind`], [`Credentials`], [`Origin`], [`Scheme`], [`InvalidProxy`], [`InvalidVariable`], [`proxies_from`] |
//! | dial only some addresses | [`Guard`], [`Network`] |
//! | trust servers, show a certificate | [`TlsOptions`], [`TlsVersion`], [`Role`], [`TlsId`], [`TlsConfigError`] |
//! | see what a handshake agreed on, or why it failed | [`Session`], [`LayerError`], [`TlsError`], [`tls`] |
//! | open and keep connections | [`PoolLimits`], [`RetryBudget`], [`DialPolicy`], [`Stats`], [`ConnId`] |
//! | bound what a server may send | [`MessageLimits`] |
//! | look names up | [`Resolve`], [`SystemResolver`], [`LookUpError`] |
//! | log and record | the [features](#features) `log` and `tracing`; [`trace`] |
//! | use the names of urllib3 | [`urllib3`] |
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
//! [`decode`](ClientBuilder::decode) is switched off for the client or for the request. The features `gzip`,
//! `deflate`, `br` and `zstd` build one coding in each. All are on by default. Together they add
//! about 270 KiB to a program, of which 200 KiB are the dictionary and code of `br`. A body that
//! cannot be decoded is an error ([`Error::as_decode_error`]), and its connection is closed.
//!
//! # The modules of this crate
//!
//! | module | contents |
//! |---|---|
//! | `client`, `request`, `response`, `cancel` | the types that a program uses |
//! | `exchange` | runs a call: performs its next step until it ends |
//! | `lease`, `dial` | get a connection from the pool, or open one |
//! | `download` | a download into a file, which resumes |
//! | `shared`, `pooled` | the state that threads share, under one lock; a pooled connection |
//! | [`guide`] | a guide by task |
//! | [`urllib3`] | the names of urllib3, as views on the types above |
//! | `wired` | a socket with the layers between it and HTTP, such as TLS |
//! | `scratch` | the buffers of a thread |
//! | [`platform`] | the traits for clock, lock, waiting threads, sockets and look-ups |
//! | [`net`] | a network of the program's own, for tests without sockets |
//! | `sys` | these traits for the operating system |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cancel;
mod client;
mod dial;
mod download;
mod exchange;
#[doc(hidden)]
pub mod file_lock;
pub mod guide;
mod lease;
pub mod net;
pub mod platform;
mod pooled;
mod request;
mod response;
mod scratch;
mod shared;
mod sys;
pub mod urllib3;
mod wired;

pub use cancel::Cancel;
pub use client::{Client, ClientBuilder};
pub use download::{Download, DownloadFailed, PartialFile, Watch};
pub use httpool;
#[doc(inline)]
pub use httpool::{
    call::{HistoryEntry, MinRate, NoProxy, Policy, Redirect, Retry, Route, Routes, Timeout},
    dial::{DialPolicy, Families, Guard, ProxyResponse},
    error::{Cause, ErrorKind, Failure, Fault, Phase, Reached},
    id::ConnId,
    limits::{MessageLimits, PoolLimits, RetryBudget},
    message::{
        BodyTaken, Credentials, Field, Fields, Hop, HopKind, InvalidProxy, Method, Network, Origin,
        PeerAddr, Request, ResponseHead, Scheme, Status, TlsId, UnixPath, Url,
    },
    pool::Stats,
    trace,
};
/// The interface of a layer between the socket and HTTP, for a TLS implementation of your own. See
/// [`ClientBuilder::layers`].
pub mod layer {
    pub use httpool_kit::{Layer, LayerError, Layers, Opened, Session, State};
}
pub use httpool_kit::{
    Body, EndedEarly, Error, InvalidVariable, LayerError, LookUpError, Multipart, Part, Resolve,
    Session, SocketOptions, Stream, SystemResolver, proxies_from,
};
#[cfg(feature = "tls")]
httpool_tls::module! {
    /// ```no_run
    /// use httpool_blocking::{Client, TlsOptions};
    ///
    /// let company = TlsOptions::new().ca_certs("/etc/company/ca.pem");
    /// let client = Client::builder().tls(company.clone()).build();
    /// let response = client.get("https://intranet.example/").send()?;
    /// assert!(response.tls().is_some_and(|session| session.verified));
    ///
    /// // This request shows a certificate of the client.
    /// let mine = client.tls_config(&company.cert_file("me.pem"))?;
    /// client.get("https://payments.example/").tls(mine).send()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
}
pub use request::RequestBuilder;
pub use response::{Response, Switched};
