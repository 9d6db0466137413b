//! Bodies of requests.

use std::{
    fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use httpool::message;

/// The body of a request: bytes, or something to read.
///
/// A reader is read when the socket has room. Over an event loop it must not wait: one that has
/// nothing yet answers [`WouldBlock`](io::ErrorKind::WouldBlock), as a non-blocking socket does, and
/// the driver is told when it has.
///
/// ```
/// use httpool_common::Body;
///
/// let bytes = Body::from("some text");
/// let stream = Body::reader(std::io::Cursor::new(vec![1, 2, 3]));
/// # drop((bytes, stream));
/// ```
pub struct Body(Source);

enum Source {
    Empty,
    Bytes { bytes: Bytes, at: usize },
    Reader { reader: Box<dyn Read + Send>, len: Option<u64> },
    Seekable { reader: Box<dyn ReadSeek>, start: u64, len: Option<u64> },
}

trait ReadSeek: Read + Seek + Send {}
impl<R: Read + Seek + Send> ReadSeek for R {}

/// A piece of a body.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a body is one or the other")]
pub enum Piece {
    /// These bytes, and whether they are the last.
    Bytes(Bytes, bool),
    /// So many were read into the buffer that was offered; none means it has ended.
    Read(usize),
}

impl Piece {
    /// How many bytes it has, and whether the body ends with them. `max`: how many were asked for.
    pub fn extent(&self, max: u64) -> (usize, bool) {
        match self {
            Self::Bytes(bytes, last) => (bytes.len(), *last),
            // A body of known length is over when all of it was read: nothing else says so.
            Self::Read(read) => (*read, *read == 0 || *read as u64 == max),
        }
    }
}

/// The largest piece that is read at a time.
const PIECE: usize = 64 * 1024;

impl Body {
    /// None.
    pub const fn empty() -> Self {
        Self(Source::Empty)
    }

    /// What `reader` gives until its end, sent chunked. It can be read once: a redirect or retry
    /// that needs it again fails with [`Cause::NotReplayable`](httpool::error::Cause).
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self(Source::Reader { reader: Box::new(reader), len: None })
    }

    /// The same with its length, in bytes, sent as Content-Length. If it gives fewer, the request
    /// fails and its connection is closed; more is not read.
    pub fn sized_reader(reader: impl Read + Send + 'static, len: u64) -> Self {
        Self(Source::Reader { reader: Box::new(reader), len: Some(len) })
    }

    /// What `reader` gives from where it stands to its end. It can be sent again.
    ///
    /// # Errors
    /// Where it stands and where it ends could not be found out.
    pub fn seekable(mut reader: impl Read + Seek + Send + 'static) -> io::Result<Self> {
        let start = reader.stream_position()?;
        let end = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(start))?;
        let len = Some(end.saturating_sub(start));
        Ok(Self(Source::Seekable { reader: Box::new(reader), start, len }))
    }

    /// Whether there is none. (One of no bytes is one.)
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Source::Empty)
    }

    /// What the core must know of it.
    pub fn kind(&self) -> message::Body {
        match &self.0 {
            Source::Empty => message::Body::Empty,
            Source::Bytes { bytes, .. } => {
                message::Body::Known { len: bytes.len() as u64, replayable: true }
            }
            Source::Reader { len: Some(len), .. } => {
                message::Body::Known { len: *len, replayable: false }
            }
            Source::Reader { len: None, .. } => message::Body::Unknown { replayable: false },
            Source::Seekable { len: Some(len), .. } => {
                message::Body::Known { len: *len, replayable: true }
            }
            Source::Seekable { len: None, .. } => message::Body::Unknown { replayable: true },
        }
    }

    /// The next piece of at most `max` bytes; a reader's goes into `buffer`.
    ///
    /// # Errors
    /// Reading failed, would have to wait, or was interrupted by a signal: a driver that keeps
    /// deadlines looks at them before it asks again.
    pub fn next(&mut self, max: u64, buffer: &mut Vec<u8>) -> io::Result<Piece> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        match &mut self.0 {
            Source::Empty => Ok(Piece::Bytes(Bytes::new(), true)),
            Source::Bytes { bytes, at } => {
                let start = *at;
                *at = bytes.len().min(start.saturating_add(max));
                Ok(Piece::Bytes(bytes.slice(start..*at), *at == bytes.len()))
            }
            Source::Reader { reader, .. } => read(reader, max, buffer),
            Source::Seekable { reader, .. } => read(reader, max, buffer),
        }
    }

    /// Whether it can be given from its start again.
    pub fn rewind(&mut self) -> bool {
        match &mut self.0 {
            Source::Empty => true,
            Source::Bytes { at, .. } => {
                *at = 0;
                true
            }
            Source::Reader { .. } => false,
            Source::Seekable { reader, start, .. } => reader.seek(SeekFrom::Start(*start)).is_ok(),
        }
    }
}

fn read(reader: &mut impl Read, max: usize, buffer: &mut Vec<u8>) -> io::Result<Piece> {
    if buffer.is_empty() {
        buffer.resize(PIECE, 0);
    }
    let max = max.min(buffer.len());
    // A reader that claims more than it was offered is broken; believe the buffer.
    reader.read(&mut buffer[..max]).map(|read| Piece::Read(read.min(max)))
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({:?})", self.kind())
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Source::Bytes { bytes, at: 0 })
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

/// From where the file stands to its end. Something that has no end to seek to, such as a pipe, is
/// read until it ends and sent chunked.
impl From<File> for Body {
    fn from(mut file: File) -> Self {
        let regular = file.metadata().is_ok_and(|about| about.is_file());
        let bounds = |file: &mut File| {
            let start = file.stream_position()?;
            Ok::<_, io::Error>((start, file.metadata()?.len().saturating_sub(start)))
        };
        match bounds(&mut file) {
            Ok((start, len)) if regular => {
                Self(Source::Seekable { reader: Box::new(file), start, len: Some(len) })
            }
            _ => Self::reader(file),
        }
    }
}
