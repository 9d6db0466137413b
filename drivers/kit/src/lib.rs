//! What the drivers of [`httpool`] share, and whoever writes one may use: a program takes these from
//! the driver that it uses.
//!
//! No decision is made here; those are the core's. These are the parts of `std` that every driver
//! deals with: where a body's bytes come from, what the system calls an error, how a name is looked
//! up and a connection opened without waiting, and how what is to be written is kept until it has
//! gone.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod body;
mod connect;
mod error;
mod outgoing;
mod resolve;
mod unsent;

pub use body::{Body, EndedEarly, Piece};
#[cfg(unix)]
pub use connect::begin_connect;
pub use connect::refuse_self;
pub use error::{Error, io_kind};
pub use outgoing::Outgoing;
pub use resolve::{
    Answer, Asked, Fixed, LookUpError, Resolve, Resolver, SystemResolver, local_for, resolve_kind,
};
pub use unsent::{bound_unsent, takes_output};
