//! Random numbers that depend on a seed only.

/// xoshiro256++, seeded by splitmix64 (Blackman and Vigna): small, fast, the same on all platforms.
#[derive(Debug, Clone)]
pub struct Random([u64; 4]);

impl Random {
    /// Creates a generator. The same seed gives the same numbers.
    pub const fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut words = [0; 4];
        let mut at = 0;
        while at < 4 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            words[at] = z ^ (z >> 31);
            at += 1;
        }
        Self(words)
    }

    /// Derives the `nth` seed from `seed`.
    pub const fn nth(seed: u64, nth: u64) -> u64 {
        Self::new(seed ^ nth.wrapping_mul(0xd134_2543_de82_ef95)).bits()
    }

    /// Returns the next 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        let s = &mut self.0;
        let out = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        out
    }

    /// Returns a number below `bound`. A `bound` of 0 counts as 1.
    pub const fn below(&mut self, bound: u64) -> u64 {
        ((self.bits() as u128 * bound as u128) >> 64) as u64
    }

    /// Returns a number from `least` to `most`, both included.
    pub const fn from(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Returns true once in `of` times on average.
    pub const fn once_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    /// Returns one of the elements of `of`.
    pub const fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_sequence_and_bounds_are_kept() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..64).map(|_| random.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        for number in 0..10 {
            assert!(draw(3).contains(&number) || draw(4).contains(&number));
        }
        assert!(draw(5).iter().all(|number| *number < 10));
    }
}
