//! One HTTP/1.1 connection (RFC 9112): bytes in, events out.
pub use crate::limits::MessageLimits as Limits;
