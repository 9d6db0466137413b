//! The bytes of a connection, through the layers between its socket and HTTP.
//!
//! | file | contents |
//! |---|---|
//! | `layer` | the interface of a layer: [`Layer`], and [`Layers`], which begins them |
//! | `stack` | [`Wire`]: the layers of one connection |
//! | `drive` | the steps that every driver takes over a wire |
//! | `input`, `output` | the bytes that a wire keeps: read and not opened yet, sealed and not written yet |

mod drive;
mod input;
mod layer;
mod output;
mod stack;

pub use drive::{eof_after, leaves_plaintext, passes_plaintext};
pub use layer::{Layer, LayerError, Layers, Opened, Session, State};
pub use stack::{Flow, Wire, WireBuffers};
