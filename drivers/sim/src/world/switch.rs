//! Connections that were handed over to another protocol.

use httpool::id::{CallId, SocketId};

use super::{Outcome, base::Base, driver::Driver, marks::Mark, net::Io, reply::UPGRADED};

impl Driver {
    pub(super) fn hand_over(&mut self, base: &mut Base, id: SocketId, of: CallId) {
        let Some(call) = self.known(base, of) else { return };
        base.stage.mark(Mark::OutcomeHandOver);
        base.cases[call as usize].end(&base.stage, Outcome::HandOver);
        self.over.push(of);
        let Some(link) = self.take(id) else {
            return base.stage.wrong(|| format!("{id} is handed over after it was closed"));
        };
        if !UPGRADED.starts_with(link.inbox.rest()) {
            base.stage.wrong(|| format!("call {call}: bytes are missing after its 101"));
        }
        self.hands.push((call, link.sock, link.inbox.rest().len()));
        self.recycle(link);
    }

    pub(super) fn read_hands(&mut self, base: &mut Base) {
        let mut at = 0;
        while at < self.hands.len() {
            let (call, sock, got) = self.hands[at];
            let mut input = Vec::new();
            let done = base.net.read(&mut base.stage, sock, usize::MAX, &mut input);
            let got = got + input.len();
            if UPGRADED.get(got - input.len()..got) != Some(&input[..]) {
                base.stage
                    .wrong(|| format!("call {call}: bytes of the other protocol are missing"));
            }
            self.hands[at].2 = got;
            if matches!(done, Io::Eof | Io::Reset) || got == UPGRADED.len() {
                base.net.close(&mut base.stage, sock);
                self.hands.swap_remove(at);
            } else {
                at += usize::from(done == Io::Block);
            }
        }
    }

    /// Closes the sockets that were handed over to applications.
    pub(super) fn drop_hands(&mut self, base: &mut Base) {
        for (_, sock, _) in self.hands.drain(..) {
            base.net.close(&mut base.stage, sock);
        }
    }
}
