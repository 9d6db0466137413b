//! The bytes of a connection, through the layers between its socket and HTTP.

mod layer;

pub use layer::{Layer, LayerError, Layers, Opened, Session, State};
