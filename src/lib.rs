#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
//! TODO map

extern crate alloc;

pub mod call;
pub mod dial;
pub mod error;
pub mod h1;
pub mod id;
pub mod limits;
pub mod message;
pub mod pool;
pub mod time;
pub mod trace;
