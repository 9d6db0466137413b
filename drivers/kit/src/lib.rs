//! The parts that the drivers of [`httpool`] share. A program uses them through its driver. The
//! author of a driver uses them from here.
//!
//! This crate makes no decisions; the core does. It never waits, except on the threads that look
//! names up. Each file is named after its contents:
//!
//! | file | contents |
//! |---|---|
//! | `settings` | [`Settings`] of a client, and the methods of its builder |
//! | `policy` | the methods that set redirects, retries and deadlines, for a client or one call |
//! | `proxies` | the proxies that the environment names: [`proxies_from_env`] |
//! | `request` | [`Draft`] of a request, and the methods of its builder |
//! | `response` | [`Parts`] of a response and the methods that read them; the [limit](BodyLimit) on bodies that are collected |
//! | `text`, `json` | the body of a response as text, by its charset, or as JSON |
//! | `decoding` | the [decoding](Decoding) of the bodies of responses |
//! | `error` | [`Error`] of a call, and the core's name for an error of the system |
//! | `body` | [`Body`] of a request: bytes, a reader, a form |
//! | `outgoing`, `unsent` | the writing of an outbox, and a bound on the unsent bytes that the system buffers |
//! | `resolve` | [`Resolve`]: names to addresses, and the threads for it |
//! | `wire` | the bytes of a connection, through the layers between its socket and HTTP: [`Wire`], [`Layer`] |
//! | `switched` | [`Switched`]: a connection that has left HTTP |
//! | `connect`, `options`, `stream` | opening a connection without waiting; the [options](SocketOptions) of its socket; the socket: [`Stream`] |
//! | [`logs`] | reports of calls and connections to `log` or `tracing` |
//! | `clock` | the time |
//!
//! # Methods of public types
//!
//! Each driver has its own types for the builder of a client, the builder of a request, and the
//! response. They differ because one driver waits and another does not, and they hold different
//! things. Most of their methods are the same. Such a list of methods is defined here once, as a
//! macro that a driver uses in its own `impl` block. So the methods are documented with the driver,
//! on its own types, and a program imports nothing to call them.
//!
//! ```
//! use httpool_kit::{Settings, settings_methods};
//! # use httpool_kit::{Error, httpool};
//! # pub struct Response;
//!
//! #[derive(Default)]
//! pub struct Builder {
//!     settings: Settings,
//! }
//!
//! impl Builder {
//!     settings_methods!();
//! }
//!
//! let builder = Builder::default().body_bytes_max(1024).no_default_headers();
//! assert_eq!(builder.settings.body_bytes_max, 1024);
//! ```

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod body;
mod clock;
mod connect;
mod decoding;
mod error;
#[cfg(feature = "json")]
mod json;
pub mod logs;
mod net_failure;
mod options;
mod outgoing;
mod policy;
mod proxies;
mod request;
mod resolve;
mod response;
mod sessions;
mod settings;
mod stream;
mod switched;
mod text;
mod unsent;
mod wire;

pub use body::{Body, EndedEarly, Multipart, Part, Piece, form_urlencoded};
pub use clock::Clock;
#[cfg(unix)]
pub use connect::begin_connect;
pub use connect::refuse_self;
pub use decoding::Decoding;
pub use error::{Error, io_kind};
pub use httpool;
#[cfg(feature = "json")]
pub use json::{parse_json, to_json};
pub use net_failure::NetFailure;
pub use options::SocketOptions;
pub use outgoing::{put_piece, slices, write_to};
pub use proxies::{InvalidVariable, proxies_from, proxies_from_env};
pub use request::Draft;
pub use resolve::{
    Answer, Asked, Hosts, LookUpError, Resolve, Resolver, SystemResolver, local_for, resolve_kind,
};
pub use response::{BodyLimit, Parts, Received, retry_after};
#[cfg(feature = "json")]
pub use serde;
pub use sessions::{Secured, Sessions};
pub use settings::Settings;
pub use stream::Stream;
pub use switched::Switched;
pub use text::{charset, text};
pub use unsent::{bound_unsent, takes_output};
pub use wire::{
    Flow, Layer, LayerError, Layers, Opened, Session, State, Wire, WireBuffers, eof_after,
    leaves_plaintext, passes_plaintext,
};
