//! What the servers remember of calls.

/// What the servers have seen of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    /// How often its head arrived.
    pub(super) heads: u32,
    /// How often it was acted upon.
    pub(super) effects: u32,
    /// How often that was more than doing it once.
    pub(super) unsafe_effects: u32,
    /// The hop that its last redirect leads to, and the time before which nobody may follow it.
    pub(super) wait: Option<(u32, u64)>,
    /// Of which of its arrivals, by their numbers, the server has the whole request, or has said or
    /// done something that excuses who does not send it: a bit each.
    settled: u64,
}

impl Seen {
    /// Whether a server has the whole of the `serial`th arrival, or wants no more of it.
    pub(super) const fn is_settled(&self, serial: u32) -> bool {
        serial >= 64 || self.settled >> serial & 1 == 1
    }

    pub(super) const fn settle(&mut self, serial: u32) {
        if serial < 64 {
            self.settled |= 1 << serial;
        }
    }
}
