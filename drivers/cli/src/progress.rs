//! Shows the progress of a transfer in one line on the terminal.

use std::time::{Duration, Instant};

use crate::{
    status::Status,
    units::{Bytes, rate},
};

/// The time between two updates: short enough to look live, long enough to cost little.
const EVERY: Duration = Duration::from_millis(100);
const BAR_WIDTH: usize = 24;
/// The largest body that is read at once, in bytes.
const PIECE: u64 = 64 * 1024;
/// The most characters of a name. With it, a line fits into 80 columns.
const NAME_WIDTH: usize = 16;

/// A line on standard error that shows how much of a transfer is done. It is only shown on a
/// terminal.
pub(crate) struct Progress {
    /// The name of the transfer, if there are several, and whether it is an upload.
    label: String,
    total: Option<u64>,
    done: u64,
    begun: Instant,
    drawn: Option<(Instant, Status)>,
    shown: bool,
}

impl Progress {
    /// Creates the line for a transfer of `total` bytes, if known. With `quiet` it is never shown.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let shown = !quiet && Status::can_be_shown();
        Self { label: String::new(), total, done: 0, begun: Instant::now(), drawn: None, shown }
    }

    /// Sets the name of the transfer, which begins its line.
    pub(crate) fn named(mut self, name: &str) -> Self {
        let end = name.char_indices().nth(NAME_WIDTH).map_or(name.len(), |(at, _)| at);
        self.label = format!("{:NAME_WIDTH$} ", &name[..end]);
        self
    }

    /// Returns whether the line is shown.
    pub(crate) const fn is_shown(&self) -> bool {
        self.shown
    }

    /// Sets the number of bytes of an upload that were read, and how many there are, if known. An
    /// upload of one piece is not shown.
    pub(crate) fn sent(&mut self, sent: u64, total: Option<u64>) {
        if total.is_none_or(|total| total > PIECE) {
            self.total = total;
            self.set(sent);
        }
    }

    /// Adds to the number of transferred bytes, and redraws the line if it is due.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.set(self.done + bytes as u64);
    }

    /// Sets the number of transferred bytes, and redraws the line if it is due.
    pub(crate) fn set(&mut self, done: u64) {
        self.done = done;
        if !self.shown {
            return;
        }
        match &mut self.drawn {
            None => self.drawn = Some((Instant::now(), Status::new(self.text()))),
            Some((at, _)) if at.elapsed() < EVERY => {}
            Some((at, _)) => {
                *at = Instant::now();
                self.draw();
            }
        }
    }

    fn text(&self) -> String {
        self.label.clone() + &line(self.done, self.total, self.begun.elapsed())
    }

    fn draw(&self) {
        if let Some((_, status)) = &self.drawn {
            status.set(self.text());
        }
    }
}

/// Draws the last state, which stays on the screen.
impl Drop for Progress {
    fn drop(&mut self) {
        self.draw();
    }
}

fn line(done: u64, total: Option<u64>, time: Duration) -> String {
    let speed = Bytes(rate(done, time) as u64);
    match total.filter(|total| *total > 0) {
        Some(total) => {
            let share = (done as f64 / total as f64).min(1.0);
            let full = (share * BAR_WIDTH as f64) as usize;
            let bar = "#".repeat(full) + &"-".repeat(BAR_WIDTH - full);
            let percent = (share * 100.0) as u32;
            format!("[{bar}] {percent:3}%  {} of {}  {speed}/s", Bytes(done), Bytes(total))
        }
        None => format!("{}  {speed}/s", Bytes(done)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_where_the_total_is_known() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(512, Some(1024), second),
            "[############------------]  50%  512 B of 1.0 KiB  512 B/s"
        );
        assert_eq!(line(2048, None, second * 2), "2.0 KiB  1.0 KiB/s");
        assert_eq!(line(0, Some(0), Duration::ZERO), "0 B  0 B/s");
        assert!(line(20, Some(10), second).starts_with("[########################] 100%"));
    }
}
