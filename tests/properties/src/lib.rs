//! Properties of the core that hold for any script of events.
//!
//! The fuzz targets and the tests of this crate run them. Each property is a
//! function of bytes that panics with a message if the core breaks it. Most properties decode the
//! bytes as a script of operations over few ids, so that operations collide. Such scripts can also
//! be drawn at random ([`quickcheck::Arbitrary`]), and then shrink by dropping operations. A script
//! is a struct with the functions `decode` and `hold`.
//!
//! | property | input | rule |
//! |---|---|---|
//! | [`h1_receive`] | bytes, cuts, a request | no panic, progress, limits; any cuts give the same |
//! | [`h1_differential`] | bytes | `httparse` accepts the same heads, with the same fields |
//! | [`chunked_roundtrip`] | a body in pieces, cuts | a body sent chunked is received complete |
//! | [`content`](content()) | an [`Encoded`] body, cuts | any cuts decode to the same |
//! | [`request_head`] | method, URL, fields, body | it is written as it was built, or refused |
//! | [`redirect`] | a URL and Locations | credentials and Host stay with their origin |
//! | [`pool_ops`] | a [`PoolScript`] | the pool decides as a slow, simple model does |
//! | [`call_script`] | a [`CallScript`] | one outcome; no unsafe request is repeated; no hang |
//! | [`dial_script`] | a [`DialScript`] | a dial ends, and forgets no socket; its recording replays |
//! | [`download_script`] | a [`DownloadScript`] | the file of a download is exact, or the download fails |
//! | [`client_script`] | a [`ClientScript`] | each call ends once, each connection is closed once |
//! | [`client_vs_parts`] | a [`ClientScript`] | another composition of the machines does the same |
//! | [`replay`] | a recording, or a script | no text panics, and each recording replays |
//! | [`stale_ids`] | a [`StaleScript`] | a stale id has no effect |
//! | [`world`] | a [`WorldScript`] | the oracle of a simulated world finds no violation |
//!
//! [`every_order`] tries all orders of the events of a small world instead of a random one.
//!
//! [`TARGETS`] lists the properties by name. Each has a fuzz target, a directory of seeds and a row
//! in that list. A test checks that the three agree, and runs every seed. The property of the
//! target `tls_server_bytes` is in `drivers/tls-testing`, and the tests of `drivers/tls` run its
//! seeds.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod call;
mod chunked;
mod client;
mod content;
mod dial;
mod differential;
mod download;
mod parts;
mod pool;
mod reader;
mod receive;
mod redirect;
mod replay;
mod request;
mod source;
mod stale;
mod world;

pub use call::{CallScript, call_script};
pub use chunked::{Chunks, chunked_roundtrip};
pub use client::{ClientScript, Small, client_script, client_vs_parts, every_order};
pub use content::{Encoded, content};
pub use dial::{DialScript, dial_script};
pub use differential::h1_differential;
pub use download::{DownloadScript, download_script};
pub use pool::{PoolScript, pool_ops};
pub use reader::{Reader, Seen};
pub use receive::{Received, h1_receive};
pub use redirect::redirect;
pub use replay::{recorded, replay};
pub use request::request_head;
pub use source::{Source, random_bytes, shorter};
pub use stale::{StaleScript, stale_ids};
pub use world::{WorldScript, world};

/// A property of the core: it panics if the core breaks it on these bytes.
pub type Property = fn(&[u8]);

/// All properties, by the names of their fuzz targets.
pub const TARGETS: &[(&str, Property)] = &[
    ("call_script", call_script),
    ("chunked_roundtrip", chunked_roundtrip),
    ("client_script", client_script),
    ("client_vs_parts", client_vs_parts),
    ("content", content),
    ("dial_script", dial_script),
    ("download_script", download_script),
    ("h1_differential", h1_differential),
    ("h1_receive", h1_receive),
    ("pool_ops", pool_ops),
    ("redirect", redirect),
    ("replay", replay),
    ("request_head", request_head),
    ("stale_ids", stale_ids),
    ("world", world),
];
