//! What holds for any script.
//!
//! Fuzzers and property tests run these; whoever embeds the machines in an event loop of their own
//! may, too. Each property is a function of bytes that panics, with words, where it does not hold.
//! Most read the bytes as a script of operations over small spaces of names, so that operations
//! collide; such a script can also be drawn at random ([`quickcheck::Arbitrary`]), and then shrinks
//! by getting shorter. The scripts are structs with a `decode` and a `hold`.
//!
//! | property | of | what holds |
//! |---|---|---|
//! | [`h1_receive`] | bytes, cuts, a request | no panic, progress, limits; alike however it is cut |
//! | [`h1_differential`] | bytes | a head is what `httparse` takes for one, with the same fields |
//! | [`chunked_roundtrip`] | a body in pieces, cuts | what is sent chunked is received whole |
//! | [`request_head`] | method, URL, fields, body | what is written reads as what was asked for |
//! | [`redirect`] | a URL and Locations | credentials and Host stay with their origin |
//! | [`pool_ops`] | a [`PoolScript`] | the pool decides as a slow and plain model does |
//! | [`call_script`] | a [`CallScript`] | one outcome; nothing unsafe twice; no silent hang |
//! | [`client_script`] | a [`ClientScript`] | every call ends once, every connection is closed once |
//! | [`client_vs_parts`] | a [`ClientScript`] | another composition of the machines does the same |
//! | [`replay`] | a recording, or a script | any text is judged, and what is recorded replays |
//! | [`stale_ids`] | a [`StaleScript`] | a name that names nothing changes nothing |
//! | [`world`] | a [`WorldScript`] | the oracle of a simulated world finds nothing wrong |
//!
//! [`every_order`] tries not any order of events but all of them, of a small world.
//!
//! [`TARGETS`] has the properties by name. A fuzz target, a directory of seeds and a row there
//! belong together: a test holds the three equal, and runs every seed.

mod call;
mod chunked;
mod client;
mod differential;
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
pub use differential::h1_differential;
pub use pool::{PoolScript, pool_ops};
pub use reader::{Reader, Seen};
pub use receive::{Received, h1_receive};
pub use redirect::redirect;
pub use replay::{recorded, replay};
pub use request::request_head;
pub use source::{Source, random_bytes, shorter};
pub use stale::{StaleScript, stale_ids};
pub use world::{WorldScript, world};

/// A property: it panics where it does not hold.
pub type Property = fn(&[u8]);

/// All properties, by the names of their fuzz targets.
pub const TARGETS: &[(&str, Property)] = &[
    ("call_script", call_script),
    ("chunked_roundtrip", chunked_roundtrip),
    ("client_script", client_script),
    ("client_vs_parts", client_vs_parts),
    ("h1_differential", h1_differential),
    ("h1_receive", h1_receive),
    ("pool_ops", pool_ops),
    ("redirect", redirect),
    ("replay", replay),
    ("request_head", request_head),
    ("stale_ids", stale_ids),
    ("world", world),
];
