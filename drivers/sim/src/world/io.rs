//! The results of reading and writing a simulated socket.

/// The result of a read or a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Io {
    /// The number of bytes transferred.
    Done(usize),
    /// Would block: no bytes, or no room.
    Block,
    /// An orderly end of stream.
    Eof,
    /// A connection reset.
    Reset,
}
