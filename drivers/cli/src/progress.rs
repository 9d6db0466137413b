//! Shows the progress of a transfer in one line on the terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use crate::units::{Bytes, rate};

/// The time between two updates: short enough to look live, long enough to cost little.
const EVERY: Duration = Duration::from_millis(100);
const BAR_WIDTH: usize = 24;

/// A line on standard error that is redrawn in place. It is only shown on a terminal.
pub(crate) struct Progress {
    total: Option<u64>,
    done: u64,
    begun: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Creates the line for a transfer of `total` bytes, if known. With `quiet` it is never shown.
    pub(crate) fn new(total: Option<u64>, quiet: bool) -> Self {
        let shown = !quiet && stderr().is_terminal();
        Self { total, done: 0, begun: Instant::now(), drawn: None, shown }
    }

    /// Adds to the number of transferred bytes, and redraws the line if it is due.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.shown && self.drawn.is_none_or(|drawn| drawn.elapsed() >= EVERY) {
            self.drawn = Some(Instant::now());
            self.draw("");
        }
    }

    fn draw(&self, end: &str) {
        let text = line(self.done, self.total, self.begun.elapsed());
        // A transfer must not fail because its bar cannot be drawn. CSI K erases the rest of the
        // line.
        write!(stderr(), "\r{text}\x1b[K{end}").ok();
    }
}

/// Draws the last state, which stays on the screen.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            self.draw("\n");
        }
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
