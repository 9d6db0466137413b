//! A small, fast, predictable blocking HTTP/1.1 client with connection pools, for threads.
//!
//! ```no_run
//! use httpool_blocking::Client;
//!
//! let client = Client::new();
//! let response = client.get("http://example.com/").send()?;
//! assert_eq!(response.status(), 200);
//! let body = response.bytes()?;
//! # Ok::<(), httpool_blocking::Error>(())
//! ```
//!
//! All decisions are made by the core, [`httpool`], which does no I/O; this crate performs them with
//! `std` sockets. It has no runtime and starts no thread but those that look names up. The parts that
//! every driver needs are in the crate `httpool-kit`: settings, the methods of builders and responses,
//! bodies, errors, look-ups.
//!
//! | file | what is in it |
//! |---|---|
//! | `client`, `request`, `response`, `cancel` | the types that a program uses |
//! | `exchange` | runs a call: performs what it says is next |
//! | `lease`, `dial` | gets a connection for a call: from the pool, or by dialing |
//! | `shared`, `warm` | the one lock and what it protects; a connection that the pool keeps |
//! | `scratch` | the buffers of a call |
//! | [`platform`] | all that the driver needs of its surroundings: clock, lock, seats, sockets, look-ups |
//! | `sys` | the operating system as such a platform |

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod cancel;
mod client;
mod dial;
mod exchange;
mod lease;
pub mod platform;
mod request;
mod response;
mod scratch;
mod shared;
mod sys;
mod warm;

pub use cancel::Cancel;
pub use client::{Client, ClientBuilder};
pub use httpool;
pub use httpool_kit::{Body, EndedEarly, Error, LookUpError, Resolve, SystemResolver};
pub use request::RequestBuilder;
pub use response::{Response, Switched};
