//! Applies the plan's faults to a server's connection.

use super::Peer;
use crate::world::{
    FaultKind, Plan,
    marks::Mark,
    net::Net,
    stage::{Event, Stage, Timer},
};

impl Peer {
    pub(super) fn suffer(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
        index: usize,
    ) {
        let kind = plan.faults[index].kind;
        stage.say(format_args!("s{sock} suffers {kind:?}"));
        match kind {
            FaultKind::Reset => {
                stage.mark(Mark::FaultReset);
                self.leave(stage, net, sock, true);
            }
            FaultKind::HalfClose => {
                stage.mark(Mark::FaultHalfClose);
                self.mute = true;
                net.server_end(stage, sock, false, true);
            }
            FaultKind::Hole(heals) => {
                let (mark, until) = match heals {
                    Some(after) => (Mark::FaultHeals, stage.now + after.as_nanos() as u64),
                    None => (Mark::FaultHole, u64::MAX),
                };
                stage.mark(mark);
                net.put_off(sock, until);
            }
            FaultKind::Deaf(heals) => {
                stage.mark(Mark::FaultDeaf);
                self.deaf = true;
                if let Some(after) = heals {
                    let (what, turn) = (Timer::Heal, 0);
                    stage.plan(after.as_nanos() as u64, Event::Server { sock, what, turn });
                }
            }
            FaultKind::Chatter => {}
        }
    }
}
