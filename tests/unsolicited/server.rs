//! The server of the load.

use std::sync::Arc;

use crate::{
    CALLS,
    ledger::{Ledger, Surplus},
    support::{Peer, Server},
};

/// Starts a server that answers each call by its number, which is the path.
pub(crate) fn start(ledger: &Arc<Ledger>) -> Server {
    let ledger = ledger.clone();
    Server::start(move |peer| {
        peer.tcp.set_nodelay(true).unwrap();
        let _open = ledger.open(peer.number, peer.tcp.try_clone().unwrap());
        while let Some(request) = peer.request() {
            answer(peer, &ledger, request.target()[1..].parse().unwrap());
        }
    })
}

fn answer(peer: &mut Peer, ledger: &Ledger, call: usize) {
    let (own, unasked) = (Ledger::response(call), CALLS + call);
    match Ledger::sent(call).surplus {
        Surplus::None => send(peer, ledger, &own, &[call]),
        Surplus::Glued => {
            // Sends the end of the response and the whole unsolicited one in one write.
            let (begin, end) = own.split_at(own.len().saturating_sub(1_000));
            peer.send(begin);
            let both = [end, &Ledger::response(unasked)].concat();
            send(peer, ledger, &both, &[call, unasked]);
        }
        Surplus::After => {
            send(peer, ledger, &own, &[call]);
            send(peer, ledger, &Ledger::response(unasked), &[unasked]);
        }
        Surplus::Before => {
            send(peer, ledger, &Ledger::response(unasked), &[unasked]);
            send(peer, ledger, &own, &[call]);
        }
    }
}

fn send(peer: &mut Peer, ledger: &Ledger, bytes: &[u8], ids: &[usize]) {
    peer.send(bytes);
    ids.iter().for_each(|id| ledger.has_written(*id));
}
