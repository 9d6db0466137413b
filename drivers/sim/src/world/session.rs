//! Moves the bytes of connections with sessions, in the event-loop worlds: as the mio driver does,
//! with the same [`Wire`](httpool_kit::Wire).

use std::{io, mem};

use httpool::{
    client::{Closed, Outbox},
    error::{IoKind, TlsKind},
    id::SocketId,
    message::TlsId,
    pool::Evicted,
};
use httpool_kit::{Flow, Layers, passes_plaintext};

use super::{
    base::Base,
    driver::{Driver, Link},
    io::Io,
    marks::Mark,
};

impl Driver {
    /// Begins a session with the peer called `name`.
    pub(super) fn begin_session(&mut self, base: &mut Base, id: SocketId, tls: TlsId, name: &str) {
        let layer = self.cipher.begin(tls, name);
        let Some(link) = self.link(id) else { return };
        let input = mem::take(&mut link.inbox).into_rest();
        link.given = 0;
        match layer.and_then(|layer| link.wire.begin(layer, &input)) {
            Ok(()) => {
                if self.shake(base, id) {
                    self.write(base, id);
                }
            }
            Err(why) => self.shake_failed(base, id, why.kind()),
        }
    }

    /// Reads once, or until there is nothing more if it is a `probe`. Passes the plaintext to the
    /// client.
    pub(super) fn read_session(&mut self, base: &mut Base, id: SocketId, probe: bool) {
        let mut goes_on = self.open(base, id);
        while goes_on && self.receive(base, id) {
            goes_on = self.open(base, id) && probe;
        }
        if self.link(id).is_some_and(|link| link.wire.has_output() && !link.blocked) {
            self.write(base, id);
        }
    }

    /// Reads what there is on a connection before it is used again.
    pub(super) fn probe(&mut self, base: &mut Base, id: SocketId) {
        if self.link(id).is_some_and(|link| link.wire.is_plain()) {
            self.read(base, id);
        } else {
            self.read_session(base, id, true);
        }
    }

    /// Opens the input that was read. Returns whether to read more.
    fn open(&mut self, base: &mut Base, id: SocketId) -> bool {
        let Some(link) = self.link(id).filter(|link| !link.ended) else { return false };
        if link.wire.is_handshaking() {
            return self.shake(base, id);
        }
        if link.inbox.is_stopped() {
            self.show(base, id, &[]);
        }
        if !self.client.wants_input(id) {
            return false;
        }
        let Some(link) = self.link(id) else { return false };
        let mut wire = mem::take(&mut link.wire);
        let flow = wire.open_while(|plain| {
            if passes_plaintext(&self.client, id) {
                self.show(base, id, plain);
            }
            self.client.wants_input(id)
        });
        if let Some(link) = self.link(id) {
            link.wire = wire;
        }
        match flow {
            Ok(Flow::Plain) => return false,
            Ok(Flow::Blocked) => return true,
            Ok(Flow::Ended { clean }) => self.end(base, id, clean),
            Err(_) => self.end(base, id, false),
        }
        false
    }

    /// Goes on with a handshake. Returns whether it needs more input.
    fn shake(&mut self, base: &mut Base, id: SocketId) -> bool {
        let Some(link) = self.link(id) else { return false };
        match link.wire.shake() {
            Ok(false) => return true,
            Ok(true) => {
                base.stage.tell(11, id.to_bits(), format_args!("the session of {id} is up"));
                let now = base.stage.instant();
                self.client.handle_tls(id, Ok(""), now);
            }
            Err(why) => self.shake_failed(base, id, why.kind()),
        }
        false
    }

    fn shake_failed(&mut self, base: &mut Base, id: SocketId, why: TlsKind) {
        let Some(link) = self.link(id) else { return };
        link.ended = true;
        base.stage.tell(11, id.to_bits(), format_args!("the session of {id} fails: {why}"));
        let now = base.stage.instant();
        self.client.handle_tls(id, Err(why), now);
    }

    /// Reads once from the socket. Returns false if there is nothing to read.
    fn receive(&mut self, base: &mut Base, id: SocketId) -> bool {
        let Some(link) = self.link(id) else { return false };
        let (sock, room, mut raw) = (link.sock, link.wire.room(), Vec::new());
        match base.net.read(&mut base.stage, sock, room.len(), &mut raw) {
            Io::Done(some) => {
                room[..some].copy_from_slice(&raw);
                link.wire.put(some);
                base.net.show(sock, some);
            }
            Io::Eof => link.wire.put_end(),
            Io::Block => return false,
            Io::Reset => {
                if link.wire.is_handshaking() {
                    self.shake_failed(base, id, TlsKind::Lost(IoKind::Reset));
                } else {
                    self.end(base, id, false);
                }
                return false;
            }
        }
        true
    }

    fn end(&mut self, base: &mut Base, id: SocketId, clean: bool) {
        let Some(link) = self.link(id) else { return };
        let (sock, given) = (link.sock, link.given);
        link.ended = true;
        base.stage.tell(16, id.to_bits(), format_args!("{id} ends, clean: {clean}"));
        let told = self.client.handle_eof(id, clean.into(), base.stage.instant());
        let poisoned = base.is_poison(sock, given);
        if let Some(told) = told {
            self.tell(base, told, sock, poisoned);
        }
    }

    /// Seals and writes until there is no more output. Returns true if the socket takes no more
    /// before that.
    pub(super) fn write_session(
        &mut self,
        base: &mut Base,
        id: SocketId,
        sock: u32,
        out: &mut Outbox,
    ) -> bool {
        loop {
            let fills = self.fill(base, id, sock, out);
            let (now, sends) = (base.stage.instant(), self.client.sends(id));
            let Some(link) = self.link(id) else { return false };
            if link.wire.has_sealed() && !sends {
                link.wire.mute();
            }
            if !fills && !link.wire.has_output() {
                return false;
            }
            let mut wire = mem::take(&mut link.wire);
            let written = wire.send(out, |sealed| write(base, sock, sealed));
            let is_full =
                written.as_ref().is_err_and(|why| why.kind() == io::ErrorKind::WouldBlock);
            if written.is_err() && !is_full {
                wire.mute();
            }
            if let Some(link) = self.link(id) {
                link.wire = wire;
            }
            match written {
                Ok(0) => {}
                Ok(some) => {
                    base.stage.tell(
                        18,
                        id.to_bits() ^ (some as u64) << 32,
                        format_args!("{id} wrote {some} B"),
                    );
                    self.wrote(base, id);
                    self.client.handle_written(id, some, now);
                }
                Err(_) if is_full => return true,
                Err(_) => {
                    out.clear();
                    base.stage.mark(Mark::FaultRace);
                    base.stage.tell(19, id.to_bits(), format_args!("{id} cannot write"));
                    self.wrote(base, id);
                    self.client.handle_write_failed(id, IoKind::Reset, now);
                    return false;
                }
            }
        }
    }
}

impl Link {
    /// Checks a connection that was closed while it was idle, because of its input: it has ended,
    /// or the server has sent plaintext. A ticket or a key update is no reason.
    pub(super) fn check_lost(&self, base: &mut Base, why: Closed) {
        let has_session = !self.wire.is_plain() && why == Closed::Evicted(Evicted::Lost);
        if has_session && !self.ended && !base.is_poison(self.sock, self.given) {
            let sock = self.sock;
            base.stage.wrong(|| format!("s{sock} was closed although no plaintext came on it"));
        }
    }

    /// Tells the peer that the connection is closed, if the socket takes that at once.
    pub(super) fn say_goodbye(&mut self, base: &mut Base) {
        if self.up {
            self.wire.close();
            // A broken connection is closed too.
            self.wire.flush(|sealed| write(base, self.sock, sealed)).ok();
        }
    }
}

/// Writes sealed bytes to a socket. Checks that they are records.
fn write(base: &mut Base, sock: u32, sealed: &[u8]) -> io::Result<usize> {
    match base.net.write(&mut base.stage, sock, sealed) {
        Io::Done(some) => {
            if base.net.scan(sock, sealed, Some(some)).is_none_or(|found| found.stray) {
                base.stage.wrong(|| format!("s{sock}: bytes in clear on a session"));
            }
            Ok(some)
        }
        Io::Block => Err(io::ErrorKind::WouldBlock.into()),
        Io::Eof | Io::Reset => Err(io::ErrorKind::ConnectionReset.into()),
    }
}
