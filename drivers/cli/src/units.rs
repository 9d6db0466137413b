//! Formats sizes and times for people.

use core::{fmt, time::Duration};

/// A count of bytes: `512 B`, `1.5 MiB`.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let (mut value, mut unit) = (self.0 as f64 / 1024.0, 0);
        // A value that would be shown as 1024.0 belongs to the next unit.
        while value >= 1023.95 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{value:.1} {}", UNITS[unit]))
    }
}

/// A length of time: `83 us`, `1.25 ms`, `2.00 s`.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        f.pad(&if seconds >= 1.0 {
            format!("{seconds:.2} s")
        } else if seconds >= 0.001 {
            format!("{:.2} ms", seconds * 1e3)
        } else {
            format!("{:.0} us", seconds * 1e6)
        })
    }
}

/// Returns `count` per second; 0 if no time has passed.
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let shown = [0, 1023, 1024, 1536, 1024 * 1024 - 1, 64 << 20, u64::MAX]
            .map(|n| Bytes(n).to_string());
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "64.0 MiB", "16.0 EiB"]
        );
    }

    #[test]
    fn times() {
        let shown = [83, 1_250, 999_000, 2_000_000]
            .map(|micros| Time(Duration::from_micros(micros)).to_string());
        assert_eq!(shown, ["83 us", "1.25 ms", "999.00 ms", "2.00 s"]);
    }

    #[test]
    fn no_time_is_no_rate() {
        assert_eq!(rate(5, Duration::ZERO), 0.0);
        assert_eq!(rate(5, Duration::from_millis(500)), 10.0);
    }
}
