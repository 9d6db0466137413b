//! The bodies of requests.

mod chain;
mod form;
mod kinds;
mod multipart;

use std::{
    error, fmt,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use bytes::Bytes;
use httpool::message::{BodyLeft, BodyLength};

use chain::Chain;
use kinds::{Made, Pieces};

pub use form::form_urlencoded;
pub use multipart::{Multipart, Part};

/// The body of a request: bytes, or a reader.
///
/// A redirect or a retry sends the body again if it is replayable. If it is not, they fail with
/// [`Cause::NotReplayable`](httpool::error::Cause), unless nothing of it was read.
///
/// | body | made by | length | replayable |
/// |---|---|---|---|
/// | none | [`empty`](Self::empty) | | yes |
/// | bytes, owned, shared or `'static` | `From` | known | yes |
/// | a regular file | `From<File>` | known | yes: from where it stood |
/// | a reader that can seek | [`seekable`](Self::seekable), [`seekable_at`](Self::seekable_at) | known | yes: from where it stood, or from a position |
/// | readers made anew | [`factory`](Self::factory), [`sized_factory`](Self::sized_factory) | unknown, or as given | yes |
/// | a reader | [`reader`](Self::reader), [`sized_reader`](Self::sized_reader) | unknown, or as given | no |
/// | an iterator of bytes | [`pieces`](Self::pieces) | unknown | no |
/// | several bodies | [`chain`](Self::chain) | known if all are | if all are |
///
/// A body of unknown length is sent chunked.
///
/// A reader is read when the socket has room. With an event loop it must not block. If it has no
/// bytes yet, it must return [`WouldBlock`](io::ErrorKind::WouldBlock), as a non-blocking socket
/// does, and the program must tell the driver when it has some.
///
/// ```
/// use httpool_kit::Body;
///
/// let bytes = Body::from("some text");
/// let stream = Body::reader(std::io::Cursor::new(vec![1, 2, 3]));
/// # drop((bytes, stream));
/// ```
pub struct Body {
    source: Source,
    /// The number of bytes read in this attempt.
    given: u64,
    watch: Option<Watch>,
}

/// A function that is told how many bytes were read.
struct Watch(Box<dyn FnMut(u64, Option<u64>) + Send>);

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

enum Source {
    Empty,
    Bytes { bytes: Bytes, at: usize },
    Reader { reader: Box<dyn Read + Send>, len: Option<u64> },
    Seekable { reader: Box<dyn ReadSeek>, start: u64, len: Option<u64>, is_file: bool },
    Chain(Chain),
}

trait ReadSeek: Read + Seek + Send {}
impl<R: Read + Seek + Send> ReadSeek for R {}

/// A piece of a body.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a body is one or the other")]
pub enum Piece {
    /// Bytes, and whether they are the last.
    Bytes(Bytes, bool),
    /// The number of bytes that were read into the buffer. 0 means that the body has ended.
    Read(usize),
}

impl Piece {
    /// Returns the length of the piece in bytes, and whether the body ends with it. `max` is the
    /// number of bytes asked for.
    pub fn extent(&self, max: BodyLeft) -> (usize, bool) {
        match self {
            Self::Bytes(bytes, last) => (bytes.len(), *last),
            // A body of known length ends when all of it was read. Its reader need not report the
            // end.
            Self::Read(read) => (*read, *read == 0 || max == BodyLeft::Bytes(*read as u64)),
        }
    }
}

/// The error for a body, or a part of one, that ended before its length, so that the request could
/// not be completed: a file that the file system reported as longer, for example. If the cause of an [`Error`](crate::Error) is
/// [`Cause::Body`](httpool::error::Cause), this is inside the [`io::Error`] that is its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedEarly {
    /// The expected number of bytes. Of a file, these are the bytes from its position.
    pub expected: u64,
    /// The number of bytes that there were.
    pub got: u64,
}

impl fmt::Display for EndedEarly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, got } = self;
        write!(
            f,
            "the file or reader ended after {got} of the {expected} bytes that it said it has: it was \
             cut meanwhile, or its length is not true (Body::reader sends whatever it has)"
        )
    }
}

impl error::Error for EndedEarly {}

/// The largest piece that is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

impl Body {
    /// Makes the body of a request that has none. This differs from a body of no bytes, which is
    /// sent with `Content-Length: 0`.
    pub const fn empty() -> Self {
        Self::of(Source::Empty)
    }

    /// Makes a body of the bytes of `reader` until its end, sent chunked. It can be read once: a
    /// redirect or retry that needs it again fails with
    /// [`Cause::NotReplayable`](httpool::error::Cause).
    pub fn reader(reader: impl Read + Send + 'static) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), len: None })
    }

    /// Makes a body of `len` bytes of `reader`, sent with Content-Length. It can be read once. If
    /// the reader returns fewer bytes, the request fails with
    /// [`Misuse::BodyLength`](httpool::error::Misuse) and its connection is closed. Bytes beyond
    /// `len` are not read.
    pub fn sized_reader(reader: impl Read + Send + 'static, len: u64) -> Self {
        Self::of(Source::Reader { reader: Box::new(reader), len: Some(len) })
    }

    /// Makes a body of the bytes of `reader` from its position to its end, sent with
    /// Content-Length. It can be sent again. For a file, use `Body::from(file)` instead, which asks
    /// the file system for the length.
    ///
    /// # Errors
    /// The position or the end of the reader could not be determined.
    pub fn seekable(mut reader: impl Read + Seek + Send + 'static) -> io::Result<Self> {
        let start = reader.stream_position()?;
        let end = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(start))?;
        let len = Some(end.saturating_sub(start));
        let reader = Box::new(reader);
        Ok(Self::of(Source::Seekable { reader, start, len, is_file: false }))
    }

    /// Makes a body as [`seekable`](Self::seekable) does, that begins at `position` of the reader
    /// (urllib3: `body_pos`).
    ///
    /// # Errors
    /// The reader cannot be set to the position, or its end could not be determined.
    pub fn seekable_at(
        mut reader: impl Read + Seek + Send + 'static,
        position: u64,
    ) -> io::Result<Self> {
        reader.seek(SeekFrom::Start(position))?;
        Self::seekable(reader)
    }

    /// Makes a body of the bytes of a reader that `make` makes, sent chunked. It can be sent again:
    /// `make` is called each time that the body is sent. An error of it fails the request.
    ///
    /// ```
    /// use httpool_kit::Body;
    /// use std::io;
    ///
    /// let body = Body::factory(|| Ok(io::repeat(b'x')));
    /// assert!(body.length().is_replayable());
    /// ```
    pub fn factory<R: Read + Send + 'static>(
        make: impl FnMut() -> io::Result<R> + Send + 'static,
    ) -> Self {
        let reader = Box::new(Made::new(make));
        Self::of(Source::Seekable { reader, start: 0, len: None, is_file: false })
    }

    /// Makes a body as [`factory`](Self::factory) does, of `len` bytes, sent with Content-Length. If
    /// a reader returns fewer bytes, the request fails, as of
    /// [`sized_reader`](Self::sized_reader).
    pub fn sized_factory<R: Read + Send + 'static>(
        make: impl FnMut() -> io::Result<R> + Send + 'static,
        len: u64,
    ) -> Self {
        let reader = Box::new(Made::new(make));
        Self::of(Source::Seekable { reader, start: 0, len: Some(len), is_file: false })
    }

    /// Makes a body of the pieces that an iterator returns, sent chunked. A piece of up to 64 KiB is
    /// one chunk, and an empty piece is skipped. It can be read once.
    pub fn pieces<I>(pieces: I) -> Self
    where
        I: IntoIterator<Item: Into<Bytes>, IntoIter: Send + 'static>,
    {
        Self::reader(Pieces::new(pieces.into_iter()))
    }

    /// Returns the bytes, if the body is bytes in memory whose sending nobody watches.
    fn as_bytes(&self) -> Option<&[u8]> {
        match &self.source {
            _ if self.watch.is_some() => None,
            Source::Empty => Some(&[]),
            Source::Bytes { bytes, .. } => Some(bytes),
            Source::Reader { .. } | Source::Seekable { .. } | Source::Chain(_) => None,
        }
    }

    /// Makes a body of the bytes of `bodies`, one after the other. It is sent with Content-Length if
    /// each of them has a known length, and can be sent again if each of them can.
    ///
    /// A body that ends before its known length fails the request with [`EndedEarly`].
    pub fn chain(bodies: impl IntoIterator<Item = Self>) -> Self {
        Self::of(Source::Chain(Chain::new(bodies)))
    }

    /// Returns whether there is no body. False for a body of no bytes.
    pub const fn is_empty(&self) -> bool {
        matches!(self.source, Source::Empty)
    }

    /// Returns the length of the body, and whether it can be sent again, as the core needs them.
    pub fn length(&self) -> BodyLength {
        match &self.source {
            Source::Empty => BodyLength::Empty,
            Source::Bytes { bytes, .. } => {
                BodyLength::Known { len: bytes.len() as u64, replayable: true }
            }
            Source::Reader { len: Some(len), .. } => {
                BodyLength::Known { len: *len, replayable: false }
            }
            Source::Reader { len: None, .. } => BodyLength::Unknown { replayable: false },
            Source::Seekable { len: Some(len), .. } => {
                BodyLength::Known { len: *len, replayable: true }
            }
            Source::Seekable { len: None, .. } => BodyLength::Unknown { replayable: true },
            Source::Chain(chain) => chain.length(),
        }
    }

    /// Reads the next piece of at most `max` bytes. The piece of a reader is read into `buffer`.
    ///
    /// # Errors
    /// Reading failed, would block, or was interrupted by a signal. After an interruption, a driver
    /// with deadlines checks them before it reads again. Or a file ended before its length
    /// ([`EndedEarly`]).
    // Hidden because `Body` is also a type of each driver's users, who only make bodies.
    #[doc(hidden)]
    pub fn next(&mut self, max: BodyLeft, buffer: &mut Vec<u8>) -> io::Result<Piece> {
        let piece = self.piece(max, buffer)?;
        self.given += piece.extent(max).0 as u64;
        self.tell();
        Ok(piece)
    }

    /// Tells the watch how many bytes were read.
    fn tell(&mut self) {
        if self.watch.is_some() {
            let total = chain::len_of(self);
            self.watch.iter_mut().for_each(|Watch(watch)| watch(self.given, total));
        }
    }

    fn piece(&mut self, max: BodyLeft, buffer: &mut Vec<u8>) -> io::Result<Piece> {
        let room = max.within(usize::MAX);
        let (read, is_file) = match &mut self.source {
            Source::Empty => return Ok(Piece::Bytes(Bytes::new(), true)),
            Source::Bytes { bytes, at } => {
                let start = *at;
                *at = bytes.len().min(start.saturating_add(room));
                return Ok(Piece::Bytes(bytes.slice(start..*at), *at == bytes.len()));
            }
            Source::Reader { reader, .. } => (read(reader, room, buffer)?, false),
            Source::Seekable { reader, is_file, .. } => (read(reader, room, buffer)?, *is_file),
            Source::Chain(chain) => return chain.next(max, buffer),
        };
        if let (0, true, BodyLeft::Bytes(left @ 1..)) = (read, is_file, max) {
            let early = EndedEarly { expected: self.given.saturating_add(left), got: self.given };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, early));
        }
        Ok(Piece::Read(read))
    }

    /// Rewinds the body to its start. Returns whether that was possible.
    // Hidden as `next` is.
    #[doc(hidden)]
    pub fn rewind(&mut self) -> bool {
        let rewound = match &mut self.source {
            Source::Empty => true,
            Source::Bytes { at, .. } => {
                *at = 0;
                true
            }
            Source::Reader { .. } => false,
            Source::Seekable { reader, start, .. } => reader.seek(SeekFrom::Start(*start)).is_ok(),
            Source::Chain(chain) => chain.rewind(),
        };
        if rewound {
            self.given = 0;
            self.tell();
        }
        rewound
    }

    /// Calls `watch` after each piece that was read for sending, with the number of bytes so far and
    /// the length of the body, if known. A redirect or a retry that sends the body again begins
    /// with 0.
    ///
    /// ```
    /// use httpool_kit::Body;
    ///
    /// # let file = std::fs::File::open(file!()).or_else(|_| std::fs::File::open("Cargo.toml"))?;
    /// let body = Body::from(file).on_progress(|sent, total| eprint!("\r{sent} of {total:?}"));
    /// # drop(body);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn on_progress(self, watch: impl FnMut(u64, Option<u64>) + Send + 'static) -> Self {
        Self { watch: Some(Watch(Box::new(watch))), ..self }
    }

    /// Sets the position from which the body is sent, counted from the start of the bytes or of the
    /// reader (urllib3: `body_pos`). A body that has a length loses the bytes before it.
    ///
    /// # Errors
    /// The body cannot be set back, as a reader that can be read once, or the reader cannot go to
    /// the position.
    pub fn starting_at(mut self, position: u64) -> io::Result<Self> {
        match &mut self.source {
            Source::Empty if position == 0 => {}
            Source::Bytes { bytes, .. } => {
                let skipped = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
                *bytes = bytes.slice(skipped..);
            }
            Source::Seekable { reader, start, len, .. } => {
                reader.seek(SeekFrom::Start(position))?;
                let end = len.map(|len| start.saturating_add(len));
                *len = end.map(|end| end.saturating_sub(position));
                *start = position;
            }
            Source::Empty | Source::Reader { .. } | Source::Chain(_) => {
                let text = "the position of the body cannot be set: it can be read once";
                return Err(io::Error::new(io::ErrorKind::Unsupported, text));
            }
        }
        Ok(self)
    }

    const fn of(source: Source) -> Self {
        Self { source, given: 0, watch: None }
    }

    /// Makes a body of a regular file whose reported length is 0. An empty file is a body of no
    /// bytes. A file that has bytes nevertheless, because the system generates its content on
    /// reading, is sent without a length.
    fn of_unsized(mut file: File, start: u64) -> Self {
        let mut first = [0];
        let read = loop {
            match file.read(&mut first) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        match (read, file.seek(SeekFrom::Start(start))) {
            (Ok(0), _) => Bytes::new().into(),
            // If the file cannot be read, reading it for sending fails again and reports the error.
            (_, Ok(_)) | (Err(_), _) => {
                let reader = Box::new(file);
                Self::of(Source::Seekable { reader, start, len: None, is_file: true })
            }
            (Ok(_), Err(_)) => Self::reader(io::Cursor::new(first).chain(file)),
        }
    }
}

fn read(reader: &mut impl Read, max: usize, buffer: &mut Vec<u8>) -> io::Result<usize> {
    if buffer.is_empty() {
        buffer.resize(PIECE, 0);
    }
    let max = max.min(buffer.len());
    // Do not trust a broken reader that reports more bytes than the buffer holds.
    reader.read(&mut buffer[..max]).map(|read| read.min(max))
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({:?})", self.length())
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::of(Source::Bytes { bytes, at: 0 })
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

/// Makes a body of the bytes of a file from its position to its end.
///
/// - A regular file with a length is sent with Content-Length, and can be sent again. Bytes that
///   are appended later are not sent. If the file ends earlier, the request fails with
///   [`EndedEarly`].
/// - A regular file that reports 0 bytes and has none is sent with `Content-Length: 0`.
/// - A regular file that reports 0 bytes and has some, as in procfs, is sent chunked until it ends,
///   and can be sent again. Its first byte is read here, to find out.
/// - Any other file (a pipe, a device, a socket, a terminal) is sent chunked until it ends, and can
///   be read once. `/dev/zero` never ends. With an event loop, reading must not block, as for any
///   reader.
///
/// A file that cannot be read, such as a directory, fails when it is sent.
impl From<File> for Body {
    fn from(mut file: File) -> Self {
        let about = file.metadata().ok().filter(|about| about.is_file());
        let (Some(about), Ok(start)) = (about, file.stream_position()) else {
            return Self::reader(file);
        };
        if about.len() == 0 {
            return Self::of_unsized(file, start);
        }
        let len = Some(about.len().saturating_sub(start));
        Self::of(Source::Seekable { reader: Box::new(file), start, len, is_file: true })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, path::PathBuf};

    use super::*;

    /// Creates a file for the test called `name`, with the content `text`, and returns its path.
    fn path_of(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("httpool-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        path
    }

    /// Reads all of `body`, in pieces of at most 3 bytes.
    fn all(body: &mut Body) -> Result<String, EndedEarly> {
        let (mut text, mut buffer) = (Vec::new(), vec![0; 3]);
        let mut left = match body.length() {
            BodyLength::Empty | BodyLength::Known { len: 0, .. } => return Ok(String::new()),
            BodyLength::Known { len, .. } => BodyLeft::Bytes(len),
            BodyLength::Unknown { .. } => BodyLeft::Unknown,
        };
        loop {
            let piece = body.next(left, &mut buffer).map_err(|error| {
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
                *error.get_ref().unwrap().downcast_ref().unwrap()
            })?;
            let (len, last) = piece.extent(left);
            text.extend_from_slice(&buffer[..len]);
            if let BodyLeft::Bytes(left) = &mut left {
                *left -= len as u64;
            }
            if last {
                return Ok(String::from_utf8(text).unwrap());
            }
        }
    }

    #[test]
    fn a_file_is_sent_from_where_it_stands_and_no_further_than_it_was() {
        let path = path_of("grows", "0123456789");
        let mut file = File::open(&path).unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        let mut body = Body::from(file);
        assert_eq!(body.length(), BodyLength::Known { len: 6, replayable: true });
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap();
        for _ in 0..2 {
            assert_eq!(all(&mut body).unwrap(), "456789");
            assert!(body.rewind());
        }
        let mut beyond = File::open(&path).unwrap();
        beyond.seek(SeekFrom::Start(99)).unwrap();
        assert_eq!(Body::from(beyond).length(), BodyLength::Known { len: 0, replayable: true });
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_file_that_ends_early_says_how_much_it_had() {
        let path = path_of("shrinks", "0123456789");
        let mut body = Body::from(File::open(&path).unwrap());
        fs::write(&path, "0123").unwrap();
        let early = all(&mut body).unwrap_err();
        assert_eq!(early, EndedEarly { expected: 10, got: 4 });
        assert!(early.to_string().starts_with("the file or reader ended after 4 of the 10 bytes"));
        fs::write(&path, "0123456789").unwrap();
        assert!(body.rewind());
        assert_eq!(all(&mut body).unwrap(), "0123456789");
        fs::remove_file(path).unwrap();
        // If a declared length is wrong, the core reports it.
        let mut reader = Body::sized_reader(io::Cursor::new("abc"), 5);
        assert_eq!(all(&mut reader).unwrap(), "abc");
    }

    #[test]
    fn an_empty_file_is_a_body_of_no_bytes() {
        let path = path_of("empty", "");
        let body = Body::from(File::open(&path).unwrap());
        assert_eq!(body.length(), BodyLength::Known { len: 0, replayable: true });
        fs::remove_file(path).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_says_no_bytes_and_has_some_is_read() {
        let content = fs::read_to_string("/proc/version").unwrap();
        assert!(!content.is_empty());
        let mut body = Body::from(File::open("/proc/version").unwrap());
        assert_eq!(body.length(), BodyLength::Unknown { replayable: true });
        for _ in 0..2 {
            assert_eq!(all(&mut body).unwrap(), content);
            assert!(body.rewind());
        }
        let mut file = File::open("/proc/version").unwrap();
        file.seek(SeekFrom::Start(6)).unwrap();
        assert_eq!(all(&mut Body::from(file)).unwrap(), content[6..]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_read_once_until_it_ends() {
        let mut body = Body::from(File::open("/dev/null").unwrap());
        assert_eq!(body.length(), BodyLength::Unknown { replayable: false });
        assert_eq!(all(&mut body).unwrap(), "");
        assert!(!body.rewind());
        let mut directory = Body::from(File::open(std::env::temp_dir()).unwrap());
        assert_eq!(directory.length(), BodyLength::Unknown { replayable: false });
        assert!(directory.next(BodyLeft::Unknown, &mut Vec::new()).is_err());
    }
}
