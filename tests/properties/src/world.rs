//! Checks simulated worlds given by a seed and a script.

use core::time::Duration;

use quickcheck::{Arbitrary, Gen};

use super::source::{Source, random_bytes, shorter};
use httpool_sim::world::{Fault, FaultKind, Plan, run};

/// Runs a [world](httpool_sim::world) and checks it with its oracle. The first eight bytes are the
/// world's seed. The remaining bytes change its plan, so that a fuzzer can vary a world in small
/// steps instead of replacing it by another seed's.
pub fn world(data: &[u8]) {
    WorldScript::decode(&mut Source::new(data)).hold();
}

/// A seed, and changes to the plan that it gives.
#[derive(Debug, Clone)]
pub struct WorldScript {
    seed: u64,
    changes: Vec<Change>,
}

/// A change to a plan. None of them lasts for ever, so that every call can still end.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// Limits the number of calls.
    Calls(u8),
    /// Moves the beginning of a call.
    At(u8, Duration),
    /// Cancels a call this long after its beginning.
    Cancel(u8, Duration),
    /// Adds a fault to a connection.
    Fault { origin: u8, conn: u8, kind: FaultKind, after: Duration },
    /// Limits the number of connections, in all and for each key.
    Open(u8, u8),
    /// Limits the number of idle connections for each key.
    Idle(u8),
    /// Makes a server close connections after this idle time.
    Impatient(u8, Duration),
    /// Makes a server close a connection after this many requests, announced or not.
    Requests(u8, u8, bool),
    /// Closes the client at this time, at once or not.
    Close(Duration, bool),
}

impl WorldScript {
    /// Decodes a script: eight bytes of seed, then changes.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let seed = source.long();
        let mut changes = Vec::new();
        while !source.is_empty() && changes.len() < 16 {
            changes.push(Change::decode(source));
        }
        Self { seed, changes }
    }

    /// Returns the changed plan.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::from_seed(self.seed);
        for change in &self.changes {
            change.apply(&mut plan);
        }
        plan
    }

    /// Panics if the oracle reports a violation.
    pub fn hold(&self) {
        if let Err(violation) = run(&self.plan()) {
            panic!("{violation}");
        }
    }
}

impl Change {
    fn decode(source: &mut Source<'_>) -> Self {
        let kind = source.byte();
        let n = source.byte();
        let time = Duration::from_micros(u64::from(source.byte()) * source.pick(&[10, 300, 5_000]));
        match kind % 9 {
            0 => Self::Calls(n),
            1 => Self::At(n, time),
            2 => Self::Cancel(n, time),
            3 => {
                let kind = source.pick(&[
                    FaultKind::Reset,
                    FaultKind::HalfClose,
                    FaultKind::Hole(Some(time)),
                    FaultKind::Deaf(Some(time)),
                    FaultKind::Chatter,
                ]);
                Self::Fault { origin: n, conn: n >> 4, kind, after: time }
            }
            4 => Self::Open(n, source.byte()),
            5 => Self::Idle(n),
            6 => Self::Impatient(n, time),
            7 => Self::Requests(n, source.byte(), source.flag()),
            _ => Self::Close(time, n & 1 == 1),
        }
    }

    fn apply(&self, plan: &mut Plan) {
        let (calls, origins) = (plan.calls.len(), plan.origins.len());
        match *self {
            Self::Calls(most) => plan.calls.truncate(usize::from(most % 32).max(1)),
            Self::At(call, at) => plan.calls[usize::from(call) % calls].at = at,
            Self::Cancel(call, at) => plan.calls[usize::from(call) % calls].cancel = Some(at),
            Self::Fault { origin, conn, kind, after } => {
                let origin = usize::from(origin) % origins;
                plan.faults.push(Fault::new(origin, conn.into(), kind, after));
            }
            Self::Open(all, of_key) => {
                plan.config.pool.open_max = usize::from(all % 8) + 1;
                plan.config.pool.open_per_key_max = usize::from(of_key % 4) + 1;
            }
            Self::Idle(of_key) => plan.config.pool.idle_per_key_max = usize::from(of_key % 4),
            Self::Impatient(origin, time) => {
                plan.origins[usize::from(origin) % origins].idle_max = Some(time);
            }
            Self::Requests(origin, most, announces) => {
                let origin = &mut plan.origins[usize::from(origin) % origins];
                origin.requests_max = Some(u32::from(most % 4) + 1);
                origin.announces = announces;
            }
            Self::Close(at, now) => plan.close = Some((at, now)),
        }
    }
}

impl Arbitrary for WorldScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.changes)
    }
}
