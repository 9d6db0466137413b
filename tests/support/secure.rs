//! The server's side of sessions with the test cipher.

use std::io::IoSlice;

use httpool_blocking::layer::Layer;
use httpool_sim::layer::Half;

use super::{Peer, Server};

/// One session of a connection, with the input that it has not opened.
pub(crate) struct Session {
    pub(crate) half: Half,
    input: Vec<u8>,
}

/// The longest content of a record that a server sends, unless a test says otherwise.
pub(crate) const RECORD: usize = 1_000;

impl Server {
    /// Starts a server that begins a session on each connection before it runs the script.
    pub(crate) fn secure(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Self {
        Self::start(move |peer| {
            if peer.shake_hands(RECORD) {
                script(peer);
            }
        })
    }

    /// Returns an `https` URL of the server.
    pub(crate) fn https(&self, path: &str) -> String {
        self.url(path).replace("http:", "https:")
    }
}

impl Peer {
    /// Performs a handshake within the sessions that there are. Returns whether it succeeded.
    pub(crate) fn shake_hands(&mut self, record_max: usize) -> bool {
        // A record that follows another must not wait for its acknowledgement.
        self.tcp.set_nodelay(true).ok();
        self.begin(Half::server(None, record_max));
        while self.sessions.last().is_some_and(|session| !session.half.is_open()) {
            if self.fill().is_none() {
                return false;
            }
        }
        true
    }

    /// Adds a session, without waiting for its handshake.
    pub(crate) fn begin(&mut self, half: Half) {
        let input = std::mem::take(&mut self.rest);
        self.sessions.push(Session { half, input });
    }

    /// Returns `bytes` sealed by all sessions.
    pub(crate) fn seal(&mut self, bytes: &[u8]) -> Vec<u8> {
        seal(&mut self.sessions, bytes)
    }

    /// Sends records that `make` appends to its argument, from the innermost session.
    pub(crate) fn send_records(&mut self, make: impl FnOnce(&mut Half, &mut Vec<u8>)) {
        let records = self.records(make);
        self.send_raw(&records);
    }

    /// Returns records that `make` appends to its argument, sealed by the outer sessions.
    pub(crate) fn records(&mut self, make: impl FnOnce(&mut Half, &mut Vec<u8>)) -> Vec<u8> {
        let mut made = Vec::new();
        let (inner, outer) = self.sessions.split_last_mut().unwrap();
        make(&mut inner.half, &mut made);
        seal(outer, &made)
    }

    /// Opens raw bytes, and answers the client. Returns `None` at the end of a session, or if it
    /// has failed.
    pub(super) fn opened(&mut self, raw: &[u8]) -> Option<()> {
        let mut bytes = raw.to_vec();
        for depth in 0..self.sessions.len() {
            let (mut out, mut plain) = (Vec::new(), Vec::new());
            let (outer, inner) = self.sessions.split_at_mut(depth);
            let Session { half, input } = &mut inner[0];
            input.extend_from_slice(&bytes);
            let opened = loop {
                let opened = half.open(input, &mut out, &mut |some| plain.extend_from_slice(some));
                match opened {
                    Ok(opened) => {
                        input.drain(..opened.taken);
                        if !opened.more {
                            break Some(opened.state);
                        }
                    }
                    Err(_) => break None,
                }
            };
            let answer = seal(outer, &out);
            self.send_raw(&answer);
            if plain.is_empty() && opened? == httpool_blocking::layer::State::Ended {
                return None;
            }
            bytes = plain;
        }
        self.rest.extend_from_slice(&bytes);
        Some(())
    }
}

fn seal(sessions: &mut [Session], bytes: &[u8]) -> Vec<u8> {
    sessions.iter_mut().rev().fold(bytes.to_vec(), |bytes, session| {
        let mut sealed = Vec::new();
        session.half.seal(&[IoSlice::new(&bytes)], &mut sealed).unwrap();
        sealed
    })
}
