//! The layers of one connection.

use std::{error, fmt, io::IoSlice, mem, sync::Arc};

use httpool::error::{IoKind, TlsKind};

use super::{
    input::{INPUT_MAX, Input},
    layer::{Layer, LayerError, Session, State},
    output::Output,
};

/// The most plaintext, in bytes, that is sealed at once: a whole record of TLS. It is reported as
/// written when the last byte of its record has left.
const RECORD: usize = 16 * 1024;
/// The most sealed bytes of requests that are not written: three whole records of TLS.
const SEALED_MAX: usize = 64 * 1024;
/// The most bytes that may wait to be written, in all: plaintext and the answers that the peer
/// demands. A peer that demands more answers without reading them violates the protocol.
const OUTPUT_MAX: usize = 128 * 1024;
/// The most pieces that one record is made from.
const PIECES_MAX: usize = 8;

/// The layers of one connection, between its socket and HTTP: none, one (TLS), or two (TLS within
/// the TLS of an `https` proxy). It does no I/O: the driver reads and writes the socket.
///
/// A wire without layers is [plain](Self::is_plain). It has the size of a pointer, and the driver
/// moves bytes between the socket and HTTP itself. With a layer, the driver
///
/// - reads the socket into the [`room`](Self::room), tells the wire with [`put`](Self::put) or
///   [`put_end`](Self::put_end), and calls [`open`](Self::open) until it is
///   [`Blocked`](Flow::Blocked) or [`Ended`](Flow::Ended);
/// - passes the bytes of the request to [`seal`](Self::seal), writes the [`output`](Self::output) to
///   the socket, and reports to the core the number that [`sent`](Self::sent) returns. There may be
///   output without a request: in the handshake, and in answer to the peer. It is written whenever
///   there is any, also while the call only reads.
///
/// # Handshake
///
/// [`begin`](Self::begin) adds a layer, and makes its first output. While
/// [`is_handshaking`](Self::is_handshaking) is true, the driver writes output, reads, and opens.
/// The plaintext of the outer layer is the input of the inner one.
///
/// # Memory
///
/// Three buffers are bounded: input not opened yet (five records of TLS), plaintext of one record
/// that the driver did not take, and output (64 KiB of sealed plaintext). An idle connection keeps
/// only the bytes of a part of a record. The driver [lends](Self::lend) the memory to the wire of a
/// connection in use.
#[derive(Debug, Default)]
pub struct Wire(Option<Box<Stack>>);

#[derive(Debug, Default)]
struct Stack {
    /// The outermost layer comes first.
    sides: Vec<Side>,
    /// Plaintext that the driver has not taken.
    plain: Input,
    output: Output,
    /// Bytes on their way from an inner layer to an outer one.
    between: Vec<u8>,
    /// The greatest length that the plaintext of one record has had when sealed.
    longest: usize,
    /// Whether the socket has reached the end of its input.
    raw_ended: bool,
    /// Whether nothing is sent any more, because a record was sent in part.
    mute: bool,
    /// Whether the notice that nothing more will be sent was made.
    closed: bool,
    failed: Option<LayerError>,
}

/// A layer, with the sealed bytes that it has not opened.
#[derive(Debug)]
struct Side {
    layer: Box<dyn Layer>,
    input: Input,
    /// Whether the layer may open more with the input that it has.
    fresh: bool,
    state: State,
}

/// The result of [`Wire::open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must handle every case")]
pub enum Flow {
    /// Plaintext was passed on. There may be more: call again.
    Plain,
    /// All whole records were opened. More input is needed.
    Blocked,
    /// No plaintext follows.
    Ended {
        /// Whether the peer has announced it (close_notify). If not, the connection was cut: what
        /// came may be incomplete.
        clean: bool,
    },
}

/// Memory for the wire of a connection in use, for one connection after another. The default keeps
/// little memory after a long body.
#[derive(Debug, Default)]
pub struct WireBuffers {
    inputs: [Input; 2],
    plain: Input,
    output: Output,
    between: Vec<u8>,
    /// Whether large buffers are kept.
    keeps_all: bool,
}

impl WireBuffers {
    /// Makes the memory for all wires of an event loop. It keeps large buffers too, because they
    /// are lent for each read and write.
    pub fn for_all() -> Self {
        Self { keeps_all: true, ..Self::default() }
    }
}

impl Wire {
    /// Makes a wire without layers.
    pub const fn plain() -> Self {
        Self(None)
    }

    /// Whether there is no layer.
    #[inline]
    pub const fn is_plain(&self) -> bool {
        self.0.is_none()
    }

    /// Adds a layer within those that there are. `input` is its first input: bytes that were read
    /// behind the answer of a proxy. The output begins with its first message.
    ///
    /// # Errors
    /// The layer has failed.
    pub fn begin(&mut self, layer: Box<dyn Layer>, input: &[u8]) -> Result<(), LayerError> {
        let stack = self.0.get_or_insert_default();
        let mut side =
            Side { layer, input: Input::default(), fresh: true, state: State::Handshake };
        // Plaintext of the layer below was meant for this one.
        side.input.append(input);
        side.input.append(stack.plain.rest());
        stack.plain.clear();
        stack.sides.push(side);
        // It opens no record with plaintext before its handshake is done. If it does in the same
        // input, the plaintext is kept.
        stack.open(&mut |_| 0).map(drop)
    }

    /// Whether the handshake of the innermost layer is not done.
    pub fn is_handshaking(&self) -> bool {
        let top = self.0.as_ref().and_then(|stack| stack.sides.last());
        top.is_some_and(|side| side.state == State::Handshake)
    }

    /// Whether [`open`](Self::open) may return plaintext before more input is read. A driver that
    /// waits for its socket checks it first: the socket does not become readable again for input
    /// that was already read.
    pub fn may_open(&self) -> bool {
        self.0.as_ref().is_some_and(|stack| {
            !stack.plain.is_empty() || stack.sides.iter().any(|side| side.fresh)
        })
    }

    /// Fails if the input that was read contains plaintext or an end. Call it when a handshake is
    /// done: neither a proxy nor a server may speak HTTP before it is asked, and one that has ended
    /// the session answers nothing.
    ///
    /// # Errors
    /// There is plaintext, the session has ended, or a layer has failed.
    pub fn check_silence(&mut self) -> Result<(), LayerError> {
        loop {
            match self.open(&mut |_| 0)? {
                Flow::Plain if self.0.as_ref().is_some_and(|stack| !stack.plain.is_empty()) => {
                    return Err(broken(Breach::Unsolicited));
                }
                Flow::Plain => {}
                Flow::Blocked => return Ok(()),
                Flow::Ended { clean: false } => return Err(LayerError::truncated()),
                Flow::Ended { clean: true } => {
                    return Err(LayerError::with_source(TlsKind::Lost(IoKind::Eof), Breach::Ended));
                }
            }
        }
    }

    /// Returns what the handshake of the innermost layer agreed on. `None` without a layer, and
    /// before its handshake is done.
    pub fn session(&self) -> Option<Arc<Session>> {
        self.0.as_ref()?.sides.last()?.layer.session()
    }

    /// Returns what the handshake of the outermost layer agreed on. `None` as for
    /// [`session`](Self::session).
    pub fn first_session(&self) -> Option<Arc<Session>> {
        self.0.as_ref()?.sides.first()?.layer.session()
    }

    /// Returns the space to read the socket into. Do not read while [`open`](Self::open) returns
    /// plaintext: it is empty when the input that was not opened has its greatest length. It is
    /// also empty without a layer.
    pub fn room(&mut self) -> &mut [u8] {
        match self.0.as_mut().and_then(|stack| stack.sides.first_mut()) {
            Some(outermost) => outermost.input.room(),
            None => &mut [],
        }
    }

    /// Records that `read` bytes were read into the [`room`](Self::room).
    pub fn put(&mut self, read: usize) {
        if let Some(outermost) = self.0.as_mut().and_then(|stack| stack.sides.first_mut()) {
            outermost.input.put(read);
            outermost.fresh = true;
        }
    }

    /// Records that the socket has reached the end of its input.
    pub fn put_end(&mut self) {
        if let Some(stack) = &mut self.0 {
            stack.raw_ended = true;
        }
    }

    /// Opens input, until a record with plaintext was opened. Passes its plaintext to `plain`,
    /// which returns how many bytes it takes. The others are kept, and passed to it by the next
    /// call.
    ///
    /// # Errors
    /// A layer has failed. The output may then end with an alert: write it to the socket if that
    /// takes it at once. Later calls return the same error.
    pub fn open(&mut self, plain: &mut dyn FnMut(&[u8]) -> usize) -> Result<Flow, LayerError> {
        self.0.as_mut().map_or(Ok(Flow::Blocked), |stack| stack.open(plain))
    }

    /// Seals bytes from the front of `pieces` and adds them to the output. Returns how many it
    /// took: none while the output has no room for them. A head and its body, passed together,
    /// share their records.
    ///
    /// # Errors
    /// A layer has failed, or nothing can be sent any more.
    pub fn seal(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, LayerError> {
        self.0.as_mut().map_or(Ok(0), |stack| stack.seal(pieces))
    }

    /// Returns the sealed bytes to write to the socket.
    #[inline]
    pub fn output(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |stack| stack.output.pending())
    }

    /// Whether there is output to write to the socket.
    #[inline]
    pub fn has_output(&self) -> bool {
        !self.output().is_empty()
    }

    /// Whether the output contains plaintext that was [sealed](Self::seal).
    pub fn has_sealed(&self) -> bool {
        self.0.as_ref().is_some_and(|stack| stack.output.has_plaintext())
    }

    /// Removes the first `raw` bytes of the output, which were written to the socket. Returns the
    /// length of the plaintext whose last record has left with them.
    pub fn sent(&mut self, raw: usize) -> usize {
        self.0.as_mut().map_or(0, |stack| stack.output.advance(raw))
    }

    /// Discards the output. Nothing can be sealed any more. The peer's bytes can still be opened.
    /// For a request whose rest is not sent, or a socket that takes no more bytes.
    pub fn mute(&mut self) {
        if let Some(stack) = &mut self.0 {
            stack.output.clear();
            stack.mute = true;
        }
    }

    /// Whether another request can be sent: no layer has failed or ended, and every record can be
    /// sent whole.
    pub fn is_usable(&self) -> bool {
        self.0.as_ref().is_none_or(|stack| {
            let is_open = |side: &Side| {
                side.state == State::Open || side.state == State::Ended && notices_are_tickets()
            };
            !stack.mute
                && !stack.closed
                && !stack.raw_ended
                && stack.failed.is_none()
                && stack.sides.iter().all(is_open)
        })
    }

    /// Adds the notice that nothing more will be sent (close_notify) to the output, from each layer
    /// whose handshake is done. Does nothing if the peer could not read it: behind a record that
    /// was sent in part, or after a failure.
    ///
    /// A driver calls it when it closes a connection, and writes the output to the socket if that
    /// takes it at once.
    pub fn close(&mut self) {
        let Some(stack) = &mut self.0 else { return };
        if stack.mute || stack.failed.is_some() || mem::replace(&mut stack.closed, true) {
            return;
        }
        let Stack { sides, output, between, .. } = &mut **stack;
        for nth in (0..sides.len()).rev() {
            let (outer, inner) = sides.split_at_mut(nth);
            if let [side, ..] = inner
                && side.state != State::Handshake
            {
                let mut notice = Vec::new();
                side.layer.close(&mut notice);
                if pass_out(outer, &notice, output.end(), between).is_err() {
                    return;
                }
            }
        }
    }

    /// Gives the wire the memory of `spare` to work with. Does nothing without a layer.
    #[inline]
    pub fn lend(&mut self, spare: &mut WireBuffers) {
        if let Some(stack) = &mut self.0 {
            stack.lend(spare);
        }
    }

    /// Returns the memory to `spare`. The wire keeps only the bytes that it needs: a part of a
    /// record, mostly none.
    #[inline]
    pub fn take_back(&mut self, spare: &mut WireBuffers) {
        if let Some(stack) = &mut self.0 {
            stack.take_back(spare);
        }
    }
}

impl Stack {
    fn open(&mut self, plain: &mut dyn FnMut(&[u8]) -> usize) -> Result<Flow, LayerError> {
        if !self.plain.is_empty() {
            let taken = plain(self.plain.rest());
            self.plain.take(taken);
            return Ok(Flow::Plain);
        }
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        let Self { sides, plain: kept, output, between, .. } = self;
        let mut keep = |bytes: &[u8]| {
            let taken = plain(bytes).min(bytes.len());
            if taken < bytes.len() {
                kept.append(&bytes[taken..]);
            }
        };
        let flow = pull(sides, output.end(), between, &mut keep);
        if self.mute {
            self.output.clear();
        }
        let flow = flow.and_then(|flow| match flow {
            _ if self.output.pending().len() > OUTPUT_MAX => Err(broken(Breach::UnreadAnswers)),
            Flow::Blocked if self.raw_ended => Ok(Flow::Ended { clean: cuts_are_ends() }),
            flow => Ok(flow),
        });
        if let Err(why) = &flow {
            self.failed = Some(why.clone());
        }
        flow
    }

    fn seal(&mut self, pieces: &[IoSlice<'_>]) -> Result<usize, LayerError> {
        let all: usize = pieces.iter().map(|piece| piece.len()).sum();
        if all == 0 {
            return Ok(0);
        }
        if let Some(why) = &self.failed {
            return Err(why.clone());
        }
        if self.mute || self.closed {
            return Err(LayerError::new(TlsKind::Lost(IoKind::Other)));
        }
        let mut taken = 0;
        while taken < all {
            let len = (all - taken).min(RECORD);
            let pending = self.output.pending().len();
            if pending > 0 && pending + len.max(self.longest) > SEALED_MAX {
                break;
            }
            self.output.compact();
            let (record, count, len) = part(pieces, taken, len);
            let Self { sides, output, between, .. } = self;
            if let Err(why) = push(sides, &record[..count], output.end(), between) {
                self.failed = Some(why.clone());
                return Err(why);
            }
            self.output.mark(len);
            self.longest = self.longest.max(self.output.pending().len() - pending);
            taken += len;
        }
        Ok(taken)
    }

    fn lend(&mut self, spare: &mut WireBuffers) {
        for (side, spare) in self.sides.iter_mut().zip(&mut spare.inputs) {
            side.input.lend(spare);
        }
        self.plain.lend(&mut spare.plain);
        self.output.lend(&mut spare.output);
        self.between = mem::take(&mut spare.between);
    }

    fn take_back(&mut self, spare: &mut WireBuffers) {
        let all = spare.keeps_all;
        for (side, spare) in self.sides.iter_mut().zip(&mut spare.inputs) {
            side.input.take_back(spare, all);
        }
        self.plain.take_back(&mut spare.plain, all);
        self.output.take_back(&mut spare.output, all);
        spare.between = mem::take(&mut self.between);
    }
}

/// Opens a record with plaintext of the innermost of `sides`, and passes it to `plain`. If the
/// innermost one needs input, it is opened by the layers around it.
fn pull(
    sides: &mut [Side],
    out: &mut Vec<u8>,
    between: &mut Vec<u8>,
    plain: &mut dyn FnMut(&[u8]),
) -> Result<Flow, LayerError> {
    let Some((side, outer)) = sides.split_last_mut() else { return Ok(Flow::Blocked) };
    loop {
        if side.state == State::Ended {
            side.input.clear();
            if notices_are_tickets() {
                return Ok(Flow::Blocked);
            }
            return Ok(Flow::Ended { clean: true });
        }
        if side.fresh {
            let opened = if outer.is_empty() {
                side.layer.open(side.input.rest(), out, plain)
            } else {
                let mut answer = Vec::new();
                let opened = side.layer.open(side.input.rest(), &mut answer, plain);
                pass_out(outer, &answer, out, between)?;
                opened
            }?;
            side.input.take(opened.taken);
            side.state = opened.state;
            side.fresh = opened.more;
            if opened.more {
                return Ok(Flow::Plain);
            }
            if side.state == State::Ended {
                continue;
            }
            if side.input.len() >= INPUT_MAX {
                return Err(broken(Breach::LongRecord));
            }
        }
        if outer.is_empty() {
            return Ok(Flow::Blocked);
        }
        match pull(outer, out, between, &mut |bytes| side.input.append(bytes))? {
            Flow::Plain => side.fresh = true,
            Flow::Blocked => return Ok(Flow::Blocked),
            // The layer around this one has ended, and this one has not.
            Flow::Ended { clean } => {
                return Ok(Flow::Ended { clean: clean && outer_ends_count() });
            }
        }
    }
}

/// Seals `pieces` in the innermost of `sides`, and the result in those around it.
fn push(
    sides: &mut [Side],
    pieces: &[IoSlice<'_>],
    out: &mut Vec<u8>,
    between: &mut Vec<u8>,
) -> Result<(), LayerError> {
    let Some((side, outer)) = sides.split_last_mut() else {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return Ok(());
    };
    if outer.is_empty() {
        return side.layer.seal(pieces, out);
    }
    let mut sealed = mem::take(between);
    sealed.clear();
    let done = side
        .layer
        .seal(pieces, &mut sealed)
        .and_then(|()| push(outer, &[IoSlice::new(&sealed)], out, between));
    *between = sealed;
    done
}

/// Sends bytes of a layer to the peer, through the layers around it.
fn pass_out(
    outer: &mut [Side],
    bytes: &[u8],
    out: &mut Vec<u8>,
    between: &mut Vec<u8>,
) -> Result<(), LayerError> {
    if bytes.is_empty() { Ok(()) } else { push(outer, &[IoSlice::new(bytes)], out, between) }
}

/// Returns the slices that hold `len` bytes of `pieces` from the offset `from`, their number, and
/// the number of bytes that they hold: less than `len` if there are too many pieces.
fn part<'a>(
    pieces: &'a [IoSlice<'_>],
    mut from: usize,
    len: usize,
) -> ([IoSlice<'a>; PIECES_MAX], usize, usize) {
    let mut slices = [IoSlice::new(&[]); PIECES_MAX];
    let (mut count, mut left) = (0, len);
    for piece in pieces {
        let skipped = from.min(piece.len());
        let bytes: &'a [u8] = &piece[skipped..];
        from -= skipped;
        let bytes = &bytes[..bytes.len().min(left)];
        if bytes.is_empty() || count == PIECES_MAX {
            continue;
        }
        slices[count] = IoSlice::new(bytes);
        count += 1;
        left -= bytes.len();
    }
    (slices, count, len - left)
}

/// False, except in tests that switch this defect on.
fn cuts_are_ends() -> bool {
    #[cfg(httpool_mutations)]
    return httpool::mutation::mutated(httpool::mutation::Mutation::CutSession);
    #[cfg(not(httpool_mutations))]
    false
}

/// False, except in tests that switch this defect on.
fn outer_ends_count() -> bool {
    #[cfg(httpool_mutations)]
    return httpool::mutation::mutated(httpool::mutation::Mutation::ProxyNotice);
    #[cfg(not(httpool_mutations))]
    false
}

/// False, except in tests that switch this defect on.
fn notices_are_tickets() -> bool {
    #[cfg(httpool_mutations)]
    return httpool::mutation::mutated(httpool::mutation::Mutation::NoticeAsTicket);
    #[cfg(not(httpool_mutations))]
    false
}

/// A violation that the wire itself finds.
#[derive(Debug)]
enum Breach {
    LongRecord,
    UnreadAnswers,
    Unsolicited,
    Ended,
    Truncated,
}

fn broken(breach: Breach) -> LayerError {
    LayerError::with_source(TlsKind::Protocol, breach)
}

impl LayerError {
    /// Makes the error of a connection that ended without notice ([`Flow::Ended`], not clean).
    pub fn truncated() -> Self {
        Self::with_source(TlsKind::Lost(IoKind::Eof), Breach::Truncated)
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongRecord => write!(f, "a record is longer than {INPUT_MAX} bytes"),
            Self::UnreadAnswers => f.write_str("the peer demands answers and does not read them"),
            Self::Unsolicited => f.write_str("the server sent data before it was asked for any"),
            Self::Ended => f.write_str("the server ended the session before it was asked for data"),
            Self::Truncated => f.write_str(
                "the connection ended without the peer's notice that it sends no more \
                 (close_notify), so its last bytes may be missing",
            ),
        }
    }
}

impl error::Error for Breach {}
