//! The scale of the time axis.

/// The smallest width of a span, in pixels, while there is room for it.
const STEP_MIN: f64 = 5.0;

/// Maps times to pixels. Intervals in which nothing begins or ends are shortened if they are much
/// longer than the others: an idle second would leave no room for the milliseconds of an exchange.
#[derive(Debug)]
pub(super) struct Scale {
    /// The times at which something begins or ends, with their places. In order.
    marks: Vec<(u64, f64)>,
    /// The shortened intervals: place of the middle, and the whole length in nanoseconds.
    pub(super) breaks: Vec<(f64, u64)>,
}

impl Scale {
    /// Makes a scale of `width` pixels. `times` need no order.
    pub(super) fn new(mut times: Vec<u64>, width: f64) -> Self {
        times.sort_unstable();
        times.dedup();
        let steps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let cap = longest_unbroken(&steps);
        let least = STEP_MIN.min(width * 0.4 / steps.len().max(1) as f64);
        let sum: f64 = steps.iter().map(|step| (*step).min(cap) as f64).sum();
        let rest = width - least * steps.len() as f64;
        let (mut at, mut marks, mut breaks) = (0.0, Vec::with_capacity(times.len()), Vec::new());
        for (index, time) in times.iter().enumerate() {
            marks.push((*time, at));
            if let Some(step) = steps.get(index) {
                let wide = least + rest * (*step).min(cap) as f64 / sum.max(1.0);
                if *step > cap {
                    breaks.push((at + wide / 2.0, *step));
                }
                at += wide;
            }
        }
        Self { marks, breaks }
    }

    /// Returns the place of a time.
    pub(super) fn place(&self, time: u64) -> f64 {
        let behind = self.marks.partition_point(|(at, _)| *at <= time);
        let Some(&(from, left)) = behind.checked_sub(1).and_then(|index| self.marks.get(index))
        else {
            return 0.0;
        };
        match self.marks.get(behind) {
            Some(&(to, right)) => left + (right - left) * (time - from) as f64 / (to - from) as f64,
            None => left,
        }
    }
}

/// Returns the longest interval that is shown in its whole length.
fn longest_unbroken(steps: &[u64]) -> u64 {
    let mut sorted = steps.to_vec();
    sorted.sort_unstable();
    let longest = sorted.last().copied().unwrap_or(0);
    let most = &sorted[..sorted.len() - sorted.len() / 8];
    let usual: u64 = most.iter().fold(0_u64, |sum, step| sum.saturating_add(*step)) / 3;
    let second = most.last().copied().unwrap_or(0);
    let cap = usual.max(second).max(1);
    if longest > cap.saturating_mul(3) { cap } else { longest.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_placed_in_order_and_within_the_width() {
        let scale = Scale::new(vec![30, 0, 10, 10, 20], 100.0);
        let places: Vec<_> = [0, 5, 10, 20, 30, 99].map(|at| scale.place(at)).into();
        assert!(places.is_sorted(), "{places:?}");
        assert_eq!((places[0], places[5]), (0.0, places[4]));
        assert!((places[4] - 100.0).abs() < 1e-9);
        assert!(scale.breaks.is_empty());
    }

    #[test]
    fn a_long_pause_is_shortened_and_marked() {
        let mut times: Vec<_> = (0..20).map(|at| at * 1_000).collect();
        times.push(1_000_000_000);
        let scale = Scale::new(times, 1_000.0);
        assert_eq!(scale.breaks.len(), 1);
        assert_eq!(scale.breaks[0].1, 1_000_000_000 - 19_000);
        assert!(scale.place(19_000) > 500.0);
    }

    #[test]
    fn every_step_has_a_width_and_no_time_gives_no_width() {
        let scale = Scale::new(vec![0, 1, 1_000_000, 2_000_000], 100.0);
        assert!(scale.place(1) >= STEP_MIN);
        assert_eq!(Scale::new(vec![7], 100.0).place(7), 0.0);
        assert_eq!(Scale::new(vec![], 100.0).place(7), 0.0);
    }
}
