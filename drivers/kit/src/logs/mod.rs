//! Reports of calls and connections to `tracing` or to `log`, by the features of these names.
//!
//! Both features are off by default. Without them every function here is empty, and a [`Report`]
//! has no size. If both are on, `tracing` gets the reports and `log` gets none, so that a program
//! that forwards one to the other has each report once.
//!
//! # Targets and levels
//!
//! | target | level | report | facts |
//! |---|---|---|---|
//! | `httpool::call` | DEBUG | a call: with `tracing` a span, with `log` a record at its begin and one at its end | see below |
//! | `httpool::call` | DEBUG | a redirect is followed | `call`, `status`, `to` (an origin), `delay_ms` |
//! | `httpool::call` | WARN | a failed attempt, or a response that asks for it, is retried | `call`, `status` or `error`, `delay_ms` |
//! | `httpool::pool` | DEBUG | a connection is opened: its TLS handshakes and its tunnel are done | `connection`, `origin`, `proxy` (an origin; the nearest one) |
//! | `httpool::pool` | DEBUG | a call reuses a connection | `connection`, `call` |
//! | `httpool::pool` | DEBUG | a connection is closed | `connection`, `reason` |
//!
//! A retry is a warning, as in urllib3: the response does not show that an attempt before it has
//! failed, and many retries mean that a server is in trouble. A call that fails is no warning,
//! because its error tells the application. The request that is sent again because its reused
//! connection was [stale](httpool::call#stale-connections) is no retry; the reports of the
//! connections show it.
//!
//! `delay_ms` is the pause before the next attempt in milliseconds. It is left out if there is none.
//!
//! # The span of a call
//!
//! It is called `call`. It begins when the request is sent to the driver, inside the span that is
//! current then. It ends when the connection is free, or when the response is dropped. The events of
//! a call are inside its span. It has these fields:
//!
//! | field | value |
//! |---|---|
//! | `call` | the number of the call, as in the [trace](httpool::trace): `r12` |
//! | `method` | the method of the request |
//! | `origin` | scheme, host and port of its URL: `https://example.com` |
//! | `outcome` | `complete`, `failed`, `cancelled`, `discarded` (the application did not want the rest), `switched` (the connection has left HTTP), `dropped` (the call was dropped with its client, or by a panic) |
//! | `status` | the status of the response, if its head came |
//! | `kind`, `error` | if it failed: the [`ErrorKind`](httpool::error::ErrorKind), and the [`Failure`](httpool::error::Failure) |
//! | `redirects`, `retries` | their numbers |
//! | `elapsed_ms` | the time from its begin to its end, in milliseconds; not if it was dropped |
//!
//! All but the first three are recorded at the end. The records of `log` have the same facts as text.
//!
//! # The reasons of a close
//!
//! | reason | the connection is closed because |
//! |---|---|
//! | `peer-asked` | the response has `Connection: close`, or is HTTP/1.0 |
//! | `we-asked` | the request has `Connection: close` |
//! | `close-delimited` | the response's body ended with it |
//! | `unsolicited` | bytes came that answer no request |
//! | `request-unfinished`, `response-unfinished`, `unfinished` | an exchange on it ended before it was complete |
//! | `violation` | the peer violated HTTP, as also by closing it before a response was complete |
//! | `switched` | it has left HTTP: it was handed to the application, and is open |
//! | `idle`, `age` | it was idle, or open, for longer than the limit |
//! | `surplus`, `made-room` | a limit of the pool allows no more idle connections, or another one needed its place |
//! | `address-gone` | its name was looked up again, and does not have its address any more |
//! | `lost` | the peer closed it, or sent bytes, while it was idle |
//! | `closed` | the pool was closed |
//!
//! # Nothing secret
//!
//! The reports hold methods, origins, statuses, reasons, counts and durations. They hold no path, no
//! query, no user name or password, no field and no byte of a body.
//!
//! # Costs
//!
//! With a feature on and no subscriber or logger, a call costs a few loads and nothing is
//! allocated. Nothing is reported while a lock of the pool is held.
//!
//! # Examples
//!
//! With `tracing` and the crate `tracing-subscriber`, whose output has the span of the call in front
//! of its events:
//!
//! ```ignore
//! // Everything. The filter `httpool=warn` leaves the retries alone.
//! tracing_subscriber::fmt().with_env_filter("httpool=debug").init();
//! httpool_blocking::Client::new().get("http://example.com/private").send()?;
//! ```
//!
//! With `log`, any logger will do; this one collects the records:
//!
#![cfg_attr(feature = "log", doc = "```")]
#![cfg_attr(not(feature = "log"), doc = "```ignore")]
//! # use std::{io::{Read, Write}, net::TcpListener, sync::Mutex, thread};
//! # let listener = TcpListener::bind("127.0.0.1:0")?;
//! # let origin = format!("http://{}", listener.local_addr()?);
//! # thread::spawn(move || {
//! #     let (mut tcp, _) = listener.accept().unwrap();
//! #     tcp.read(&mut [0; 4096]).unwrap();
//! #     tcp.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").unwrap();
//! # });
//! # struct Collect;
//! # static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
//! # impl log::Log for Collect {
//! #     fn enabled(&self, _: &log::Metadata) -> bool { true }
//! #     fn flush(&self) {}
//!     fn log(&self, record: &log::Record) {
//!         LINES.lock().unwrap().push(format!("{} {}", record.level(), record.args()));
//!     }
//! # }
//! log::set_logger(&Collect).expect("no other logger is set");
//! log::set_max_level(log::LevelFilter::Debug);
//!
//! httpool_blocking::Client::new().get(&format!("{origin}/private?token=1")).send()?;
//! # if cfg!(feature = "tracing") { return Ok(()) }
//! let lines = LINES.lock().unwrap();
//! assert_eq!(lines[0], format!("DEBUG r0 begins: GET {origin}"));
//! assert_eq!(lines[1], format!("DEBUG c0.0 is opened to {origin}"));
//! assert!(lines[2].starts_with(&format!("DEBUG r0 ends: GET {origin}, complete, status 204")));
//! assert_eq!(lines[3], "DEBUG c0.0 is closed: peer-asked");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # For the author of a driver
//!
//! Keep a [`Report`] with each call. Call [`observe`](Report::observe) after each step that may have
//! begun another attempt, [`lent`](Report::lent) when the call gets a connection, and
//! [`settle`](Report::settle) when it may have ended. Report connections with [`opened`] and
//! [`closed`].

#[cfg(any(feature = "log", feature = "tracing"))]
#[path = "on.rs"]
mod imp;
#[cfg(not(any(feature = "log", feature = "tracing")))]
#[path = "off.rs"]
mod imp;
#[cfg(all(feature = "log", not(feature = "tracing")))]
#[path = "to_log.rs"]
mod sink;
#[cfg(feature = "tracing")]
#[path = "to_tracing.rs"]
mod sink;

pub use imp::{Report, closed, listens, opened};

/// Whether one of the features `log` and `tracing` is on.
pub const ON: bool = cfg!(any(feature = "log", feature = "tracing"));

/// The target of the reports about calls.
pub const CALL: &str = "httpool::call";

/// The target of the reports about connections.
pub const POOL: &str = "httpool::pool";
