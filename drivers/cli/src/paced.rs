//! Writes output in few writes, and without much delay.
//!
//! A body may come in thousands of small pieces. A piece is written at once if the last write was
//! [`SOON`] or longer ago. In a faster stream, pieces are held until they reach [`PIECE`] bytes, or
//! until that time has passed. So a reader waits at most that long for a received byte, and there
//! are at most a hundred small writes a second.

use std::{
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// The longest time that a piece is held.
const SOON: Duration = Duration::from_millis(10);
/// The number of held bytes at which they are written.
const PIECE: usize = 64 * 1024;

/// Writes to `W`. Dropping it writes the rest, but loses errors: see [`finish`](Self::finish).
pub(crate) struct Paced<W: Write + Send + 'static> {
    shared: Arc<Shared<W>>,
    /// The thread that writes pieces that were held long enough. A slow stream needs none.
    clock: Option<thread::JoinHandle<()>>,
}

struct Shared<W> {
    state: Mutex<State<W>>,
    changed: Condvar,
}

struct State<W> {
    out: W,
    held: Vec<u8>,
    /// When the last write ended.
    written: Option<Instant>,
    /// The error of a write by the clock thread.
    broken: Option<io::Error>,
    ended: bool,
}

impl<W: Write + Send> Paced<W> {
    pub(crate) fn new(out: W) -> Self {
        let state = State { out, held: Vec::new(), written: None, broken: None, ended: false };
        let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
        Self { shared: Arc::new(shared), clock: None }
    }

    /// Writes `piece`, or holds it for a short time.
    pub(crate) fn put(&mut self, piece: &[u8]) -> io::Result<()> {
        let mut state = self.shared.state();
        if let Some(why) = state.broken.take() {
            return Err(why);
        }
        if state.held.is_empty() && (piece.len() >= PIECE || state.left().is_none()) {
            return state.write(piece);
        }
        let first = state.held.is_empty();
        state.held.extend_from_slice(piece);
        if state.held.len() >= PIECE {
            return state.flush();
        }
        drop(state);
        match &self.clock {
            Some(_) if first => self.shared.changed.notify_one(),
            Some(_) => {}
            None => {
                let shared = self.shared.clone();
                let clock = thread::Builder::new().spawn(move || shared.keep_time());
                // Without the thread no piece can be held.
                match clock {
                    Ok(clock) => self.clock = Some(clock),
                    Err(_) => return self.shared.state().flush(),
                }
            }
        }
        Ok(())
    }

    /// Writes the held pieces.
    pub(crate) fn finish(&self) -> io::Result<()> {
        let mut state = self.shared.state();
        match state.broken.take() {
            Some(why) => Err(why),
            None => state.flush(),
        }
    }
}

impl<W: Write + Send> Drop for Paced<W> {
    fn drop(&mut self) {
        self.finish().ok();
        self.shared.state().ended = true;
        self.shared.changed.notify_one();
        if let Some(clock) = self.clock.take() {
            clock.join().ok();
        }
    }
}

impl<W: Write> Shared<W> {
    fn state(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_time(&self) {
        let mut state = self.state();
        while !state.ended {
            state = match (state.held.is_empty(), state.left()) {
                (true, _) => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                (false, Some(left)) => {
                    let waited = self.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                (false, None) => {
                    state.broken = state.flush().err();
                    state
                }
            };
        }
    }
}

impl<W: Write> State<W> {
    /// Returns how much longer a small piece is held; `None`: it is due.
    fn left(&self) -> Option<Duration> {
        let left = SOON.checked_sub(self.written?.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        let written = self.out.write_all(piece).and_then(|()| self.out.flush());
        self.written = Some(Instant::now());
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let held = std::mem::take(&mut self.held);
        let written = self.write(&held);
        self.held = held;
        self.held.clear();
        written
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Sends each write as a message. With `Some(n)` only the first `n` writes succeed.
    struct Log(mpsc::Sender<Vec<u8>>, Option<usize>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(left) = &mut self.1 {
                *left = left.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
            }
            self.0.send(bytes.to_vec()).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn small_pieces_take_few_writes() {
        let (log, written) = mpsc::channel();
        let start = Instant::now();
        let mut paced = Paced::new(Log(log, None));
        for number in 0..20_000_u32 {
            paced.put(&[number as u8]).unwrap();
        }
        paced.finish().unwrap();
        let most = start.elapsed().as_millis() / SOON.as_millis() + 2;
        drop(paced);
        let writes: Vec<_> = written.into_iter().collect();
        assert!(writes.len() as u128 <= most, "{} of {most}", writes.len());
        let expected: Vec<_> = (0..20_000_u32).map(|number| number as u8).collect();
        assert!(writes.concat() == expected, "they are other bytes");
    }

    #[test]
    fn nothing_is_held_until_more_comes() {
        let (log, written) = mpsc::channel();
        let mut paced = Paced::new(Log(log, None));
        for piece in [b"a", b"b", b"c"] {
            paced.put(piece).unwrap();
            assert_eq!(written.recv().unwrap(), piece);
        }
        paced.put(&vec![b'd'; PIECE]).unwrap();
        assert_eq!(written.recv().unwrap().len(), PIECE);
    }

    #[test]
    fn a_failed_write_is_told() {
        let (log, written) = mpsc::channel();
        let mut paced = Paced::new(Log(log, Some(1)));
        paced.put(b"a").unwrap();
        written.recv().unwrap();
        let failed = loop {
            if let Err(why) = paced.put(b"b") {
                break why;
            }
        };
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }
}
