//! The server.

use std::{io, net::TcpStream, sync::Arc, thread};

use crate::{
    CALLS,
    ledger::{Ledger, Surplus},
    support::{Peer, Server},
};

/// So often nothing has come before a connection counts as idle.
const LOOKS: usize = 4;

/// A server that answers each call by its number, which is its path.
pub(crate) fn start(ledger: &Arc<Ledger>) -> Server {
    let ledger = ledger.clone();
    Server::start(move |peer| {
        peer.tcp.set_nodelay(true).unwrap();
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
            // The end of the response and the whole of the other in one write.
            let (begin, end) = own.split_at(own.len().saturating_sub(1_000));
            peer.send(begin);
            let both = [end, &Ledger::response(unasked)].concat();
            send(peer, ledger, &both, &[call, unasked]);
        }
        Surplus::After => {
            send(peer, ledger, &own, &[call]);
            send(peer, ledger, &Ledger::response(unasked), &[unasked]);
        }
        Surplus::Idle => {
            send(peer, ledger, &own, &[call]);
            if is_quiet(&peer.tcp) {
                send(peer, ledger, &Ledger::response(unasked), &[unasked]);
            }
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

/// Whether nothing comes for a moment.
fn is_quiet(tcp: &TcpStream) -> bool {
    tcp.set_nonblocking(true).unwrap();
    let quiet = (0..LOOKS).all(|_| {
        thread::yield_now();
        tcp.peek(&mut [0]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    });
    tcp.set_nonblocking(false).unwrap();
    quiet
}
