//! A cache of answers.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// The largest number of names in the cache.
const NAMES_MAX: usize = 256;

/// The answers by name, each until it expires.
#[derive(Debug, Default)]
pub(super) struct Kept(BTreeMap<(String, u16), Answered>);

#[derive(Debug)]
struct Answered {
    until: Instant,
    addrs: Vec<SocketAddr>,
}

impl Kept {
    pub(super) fn get(&mut self, host: &str, port: u16, now: Instant) -> Option<Vec<SocketAddr>> {
        let name = (host.into(), port);
        let answered = self.0.get(&name)?;
        if answered.until <= now {
            self.0.remove(&name);
            return None;
        }
        Some(answered.addrs.clone())
    }

    /// Stores an answer for `time`. If the cache is full, it replaces the answer that expires
    /// first.
    pub(super) fn put(
        &mut self,
        host: &str,
        port: u16,
        addrs: Vec<SocketAddr>,
        now: Instant,
        time: Duration,
    ) {
        // If the clock cannot represent the expiry, store nothing.
        let Some(until) = now.checked_add(time) else { return };
        let name = (host.into(), port);
        if self.0.len() >= NAMES_MAX && !self.0.contains_key(&name) {
            let first = self.0.iter().min_by_key(|(_, answered)| answered.until);
            if let Some(first) = first.map(|(name, _)| name.clone()) {
                self.0.remove(&first);
            }
        }
        self.0.insert(name, Answered { until, addrs });
    }

    pub(super) fn forget(&mut self, host: &str, port: u16) {
        self.0.remove(&(host.into(), port));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn addrs(last: u8) -> Vec<SocketAddr> {
        vec![([192, 0, 2, last], 80).into()]
    }

    #[test]
    fn an_answer_is_given_until_its_time_is_over_or_it_is_forgotten() {
        let (mut kept, start) = (Kept::default(), Instant::now());
        kept.put("a", 80, addrs(1), start, MINUTE);
        kept.put("a", 81, addrs(2), start, MINUTE);
        assert_eq!(kept.get("a", 80, start + MINUTE / 2), Some(addrs(1)));
        assert_eq!(kept.get("b", 80, start), None);
        kept.forget("a", 80);
        assert_eq!(kept.get("a", 80, start), None);
        assert_eq!(kept.get("a", 81, start), Some(addrs(2)));
        assert_eq!(kept.get("a", 81, start + MINUTE), None);
        assert!(kept.0.is_empty());
    }

    #[test]
    fn the_oldest_of_too_many_answers_is_dropped() {
        let (mut kept, start) = (Kept::default(), Instant::now());
        let later = |n: usize| start + Duration::from_secs(n as u64);
        for n in 0..NAMES_MAX + 1 {
            kept.put(&n.to_string(), 80, addrs(1), later(n), MINUTE * 60);
        }
        // A name that is stored already needs no room.
        kept.put("1", 80, addrs(2), later(NAMES_MAX), MINUTE * 60);
        assert_eq!(kept.0.len(), NAMES_MAX);
        assert_eq!(kept.get("0", 80, start), None);
        assert_eq!(kept.get("1", 80, start), Some(addrs(2)));
        assert_eq!(kept.get("2", 80, start), Some(addrs(1)));
    }

    #[test]
    fn a_time_without_end_keeps_nothing_and_does_not_panic() {
        let (mut kept, start) = (Kept::default(), Instant::now());
        kept.put("a", 80, addrs(1), start, Duration::MAX);
        assert_eq!(kept.get("a", 80, start), None);
    }
}
