//! Counts latencies in bounded memory, with an error of at most 1/64.

use core::time::Duration;

/// The first nanosecond count that shares its bucket with others: every smaller one has a bucket of
/// its own. From here on there are `LINEAR / 2` equal buckets between a power of two and the next.
const LINEAR: u64 = 1 << (BITS + 1);
const BITS: u32 = 5;
const BUCKETS: usize = ((64 - BITS) << BITS) as usize + (1 << BITS) as usize;

/// Counts lengths of time. The shortest and the longest are exact.
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    min: u64,
    max: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, min: u64::MAX, max: 0 }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)] += 1;
        self.count += 1;
        self.min = self.min.min(nanos);
        self.max = self.max.max(nanos);
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns the time within which `percent` of all lie; `None` if there are none. 0 and 100 are
    /// exact.
    pub(crate) fn within(&self, percent: u8) -> Option<Duration> {
        if self.count == 0 {
            return None;
        }
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100).max(1);
        let mut seen = 0_u128;
        let found = self.buckets.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank
        });
        let nanos = match (percent, found) {
            (0, _) => self.min,
            (1..=99, Some(index)) => middle(index).clamp(self.min, self.max),
            _ => self.max,
        };
        Some(Duration::from_nanos(nanos))
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < LINEAR {
        return nanos as usize;
    }
    let shift = 63 - nanos.leading_zeros() - BITS;
    ((u64::from(shift) << BITS) + (nanos >> shift)) as usize
}

/// Returns the middle of a bucket.
fn middle(index: usize) -> u64 {
    let index = index as u64;
    if index < LINEAR {
        return index;
    }
    let shift = (index >> BITS) - 1;
    let low = ((index & ((1 << BITS) - 1)) + (1 << BITS)) << shift;
    low + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bucket_that_is_close_to_it() {
        for power in 0..64 {
            for value in [1_u64 << power, (1 << power) + ((1 << power) / 3), u64::MAX >> power] {
                let index = bucket(value);
                assert!(index < BUCKETS, "{value}");
                let off = middle(index).abs_diff(value);
                assert!(off <= value / 64 + 1, "{value} is {off} from its bucket's middle");
            }
        }
    }

    #[test]
    fn buckets_are_in_order() {
        let indices: Vec<_> = (0..10_000).map(bucket).collect();
        assert!(indices.windows(2).all(|pair| pair[0] == pair[1] || pair[0] + 1 == pair[1]));
    }

    #[test]
    fn percentiles_over_two_that_were_merged() {
        let (mut all, mut other) = (Histogram::new(), Histogram::new());
        assert_eq!(all.within(50), None);
        for millis in 1..=50 {
            all.add(Duration::from_millis(millis));
            other.add(Duration::from_millis(millis + 50));
        }
        all.merge(&other);
        let close = |percent, millis: u64| {
            let value = all.within(percent).unwrap();
            let off = value.abs_diff(Duration::from_millis(millis));
            assert!(off <= Duration::from_millis(millis) / 32, "p{percent} is {value:?}");
        };
        close(50, 50);
        close(90, 90);
        close(99, 99);
        assert_eq!(all.within(0), Some(Duration::from_millis(1)));
        assert_eq!(all.within(100), Some(Duration::from_millis(100)));
    }
}
