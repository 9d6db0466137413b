//! Worlds from a seed and a script.

use core::time::Duration;

use quickcheck::{Arbitrary, Gen};

use super::source::{Source, random_bytes, shorter};
use crate::world::{Fault, FaultKind, Plan, run};

/// Holds a [world](crate::world) to its oracle: every call ends once and as its server answered,
/// nothing unsafe is done twice, deadlines are kept, and the machines' invariants hold after every
/// step. The first eight bytes are the world's seed; the others change it, so that a fuzzer finds
/// its way where a seed alone would be a leap.
pub fn world(data: &[u8]) {
    WorldScript::decode(&mut Source::new(data)).hold();
}

/// A seed, and what is different from its world.
#[derive(Debug, Clone)]
pub struct WorldScript {
    seed: u64,
    changes: Vec<Change>,
}

/// What is changed. None asks for a call that can have no answer: nothing is for ever.
#[derive(Debug, Clone, Copy)]
enum Change {
    /// There are no more than so many calls.
    Calls(u8),
    /// A call is made at another time.
    At(u8, Duration),
    /// A call is given up.
    Cancel(u8, Duration),
    /// Something happens to a connection.
    Fault { origin: u8, conn: u8, kind: FaultKind, after: Duration },
    /// There may be so many connections, in all and for each server.
    Open(u8, u8),
    /// So many idle ones are kept.
    Idle(u8),
    /// A server closes what was idle for so long.
    Impatient(u8, Duration),
    /// A server closes behind so many requests, and says so or not.
    Requests(u8, u8, bool),
    /// All is closed, at once or not.
    Close(Duration, bool),
}

impl WorldScript {
    /// Eight bytes of seed, and then changes.
    pub fn decode(source: &mut Source<'_>) -> Self {
        let seed = source.long();
        let mut changes = Vec::new();
        while !source.is_empty() && changes.len() < 16 {
            changes.push(Change::decode(source));
        }
        Self { seed, changes }
    }

    /// The world.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::from_seed(self.seed);
        for change in &self.changes {
            change.apply(&mut plan);
        }
        plan
    }

    /// Panics where the oracle finds something wrong.
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
                plan.faults.push(Fault { origin, conn: conn.into(), kind, after });
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
