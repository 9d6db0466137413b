//! Connections that were handed over to another protocol.

use httpool::id::{CallId, SocketId};
use httpool_kit::LayerError;

use super::{
    Outcome,
    base::Base,
    driver::{Driver, Hand},
    io::Io,
    marks::Mark,
    reply::UPGRADED,
};

impl Driver {
    pub(super) fn hand_over(&mut self, base: &mut Base, id: SocketId, of: CallId) {
        let Some(call) = self.known(base, of) else { return };
        base.stage.mark(Mark::OutcomeHandOver);
        base.cases[call as usize].end(&base.stage, Outcome::HandOver);
        self.over.push(of);
        let Some(mut link) = self.take(id) else {
            return base.stage.wrong(|| format!("{id} is handed over after it was closed"));
        };
        if !UPGRADED.starts_with(link.inbox.rest()) {
            base.stage.wrong(|| format!("call {call}: bytes are missing after its 101"));
        }
        let (got, wire) = (link.inbox.rest().len(), std::mem::take(&mut link.wire));
        self.hands.push(Hand { call, sock: link.sock, got, wire });
        self.recycle(link);
    }

    pub(super) fn read_hands(&mut self, base: &mut Base) {
        let mut at = 0;
        while at < self.hands.len() {
            let hand = &mut self.hands[at];
            let (call, sock) = (hand.call, hand.sock);
            let mut input = Vec::new();
            let mut done = base.net.read(&mut base.stage, sock, usize::MAX, &mut input);
            if !hand.wire.is_plain() {
                match hand.opened(&input) {
                    Ok(plain) => input = plain,
                    Err(_) => (done, input) = (Io::Reset, Vec::new()),
                }
            }
            let got = hand.got + input.len();
            if UPGRADED.get(hand.got..got) != Some(&input[..]) {
                base.stage
                    .wrong(|| format!("call {call}: bytes of the other protocol are missing"));
            }
            hand.got = got;
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
        for hand in self.hands.drain(..) {
            base.net.close(&mut base.stage, hand.sock);
        }
    }
}

impl Hand {
    /// Opens raw input. Returns the plaintext.
    fn opened(&mut self, mut raw: &[u8]) -> Result<Vec<u8>, LayerError> {
        let mut plain = Vec::new();
        loop {
            self.wire.open_while(|some| {
                plain.extend_from_slice(some);
                true
            })?;
            if raw.is_empty() {
                return Ok(plain);
            }
            let room = self.wire.room();
            let some = room.len().min(raw.len());
            room[..some].copy_from_slice(&raw[..some]);
            self.wire.put(some);
            raw = &raw[some..];
        }
    }
}
