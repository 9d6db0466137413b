//! Bounds the rate of a transfer (`--limit-rate`).

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use httpool_blocking::Body;

use crate::exit::Failed;

/// The bytes of a tenth of a second are the most that pass without a pause.
const STEP: u64 = 10;

/// The clock of a transfer with a bounded rate.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Bytes a second.
    rate: u64,
    begun: Option<Instant>,
    done: u64,
}

impl Pace {
    pub(crate) const fn new(rate: u64) -> Self {
        Self { rate, begun: None, done: 0 }
    }

    /// Returns the most bytes to transfer before the next pause.
    pub(crate) fn piece(&self, room: usize) -> usize {
        let step = usize::try_from((self.rate / STEP).max(1)).unwrap_or(usize::MAX);
        room.min(step)
    }

    /// Returns the time to wait after `more` bytes were transferred, `now`.
    fn pause(&mut self, more: usize, now: Instant) -> Duration {
        self.done += more as u64;
        let begun = *self.begun.get_or_insert(now);
        let due = Duration::from_secs_f64(self.done as f64 / self.rate as f64);
        due.saturating_sub(now.duration_since(begun))
    }

    /// Waits after `more` bytes were transferred.
    pub(crate) fn wait(&mut self, more: usize) {
        thread::sleep(self.pause(more, Instant::now()));
    }
}

/// A reader with a bounded rate.
pub(crate) struct Paced<R> {
    reader: R,
    pace: Pace,
}

impl<R> Paced<R> {
    pub(crate) const fn new(reader: R, rate: u64) -> Self {
        Self { reader, pace: Pace::new(rate) }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let room = self.pace.piece(into.len());
        let read = self.reader.read(&mut into[..room])?;
        self.pace.wait(read);
        Ok(read)
    }
}

/// Returns a body of bytes, sent at most at `rate` bytes a second.
pub(crate) fn body_of(bytes: Bytes, rate: Option<u64>) -> Body {
    let Some(rate) = rate else { return bytes.into() };
    let len = bytes.len() as u64;
    Body::sized_factory(move || Ok(Paced::new(io::Cursor::new(bytes.clone()), rate)), len)
}

/// Returns a body of a file, sent at most at `rate` bytes a second.
pub(crate) fn body_of_file(path: &Path, rate: Option<u64>) -> Result<Body, Failed> {
    let file = File::open(path).map_err(|why| Failed::reading_file(path.display(), &why))?;
    let Some(rate) = rate else { return Ok(file.into()) };
    let known = file.metadata().ok().filter(|it| it.is_file()).map(|it| it.len());
    let path = path.to_owned();
    let make = move || Ok(Paced::new(File::open(&path)?, rate));
    Ok(match known {
        // It is empty, or the system makes its content while it is read.
        Some(0) => file.into(),
        Some(len) => Body::sized_factory(make, len),
        None => Body::factory(make),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_over_the_whole_transfer() {
        let (mut pace, start) = (Pace::new(1000), Instant::now());
        assert_eq!((pace.piece(5000), pace.piece(7)), (100, 7));
        assert_eq!(pace.pause(100, start), Duration::from_millis(100));
        assert_eq!(pace.pause(100, start + Duration::from_millis(150)), Duration::from_millis(50));
        assert_eq!(pace.pause(100, start + Duration::from_secs(9)), Duration::ZERO);
    }
}
