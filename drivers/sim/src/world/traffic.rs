//! Moves bytes between the sockets and the client, and passes the client's events to the
//! applications.

use std::mem;

use httpool::{
    client::{Event as Told, Transmit},
    id::ConnId,
};

use super::{
    Reading,
    base::Base,
    cases::Supply,
    driver::{Conn, Driver},
    marks::Mark,
    net::Io,
    stage::{Does, Event},
    watch,
};

impl Driver {
    /// Reads and writes on all sockets that are ready. Returns whether it did anything.
    pub(super) fn look(&mut self, base: &mut Base) -> bool {
        let mut done = false;
        for slot in 0..self.conns.len() {
            let Some(Conn { id, sock: Some(sock), blocked, .. }) = &self.conns[slot] else {
                continue;
            };
            let (id, sock, blocked) = (*id, *sock, *blocked);
            let reads = base.net.readable(sock) && self.client.wants_input(id);
            let writes = blocked && base.net.writable(&base.stage, sock);
            if (reads || writes) && base.stage.noise.lazy && base.stage.random.once_in(4) {
                let delay = base.stage.random.from(1, 50_000);
                base.stage.mark(Mark::FaultLate);
                base.stage.plan(delay, Event::Poke);
                continue;
            }
            if reads {
                done = true;
                self.read(base, id);
            }
            if writes {
                done = true;
                self.write(base, id);
            }
        }
        self.read_hands(base);
        done
    }

    /// Reads once from a connection's socket, and gives the input to the client.
    pub(super) fn read(&mut self, base: &mut Base, id: ConnId) {
        let now = base.stage.instant();
        let Some(conn) = self.conn(id) else { return };
        let Some(sock) = conn.sock else { return };
        let done = base.net.read(&mut base.stage, sock, usize::MAX, &mut conn.rest);
        match done {
            Io::Done(some) => {
                base.net.get_mut(sock).shown += some as u32;
                self.show(base, id, sock);
            }
            Io::Block => {}
            Io::Eof | Io::Reset => {
                let clean = done == Io::Eof;
                base.stage.tell(16, id.to_bits(), format_args!("{id} ends, {done:?}"));
                let told = self.client.handle_eof(id, clean, now);
                let shown = base.net.get(sock).shown;
                let poisoned = base.is_poison(sock, shown);
                self.tell(base, told, sock, poisoned);
            }
        }
    }

    /// Gives the unread input of a connection to the client, until the client needs more.
    fn show(&mut self, base: &mut Base, id: ConnId, sock: u32) {
        let now = base.stage.instant();
        let Some(conn) = self.conn(id) else { return };
        let input = mem::take(&mut conn.rest);
        base.stage.tell(17, id.to_bits(), format_args!("{id} reads, {} B in hand", input.len()));
        let start = base.net.get(sock).shown - input.len() as u32;
        let mut taken = 0;
        loop {
            let (some, told) = self.client.receive(id, &input[taken..], now);
            taken += some;
            let poisoned = base.is_poison(sock, start + taken as u32);
            if !self.tell(base, told, sock, poisoned) {
                break;
            }
        }
        let mut rest = input;
        rest.drain(..taken);
        match self.conn(id) {
            Some(conn) => conn.rest = rest,
            None => self.spare.push(rest),
        }
    }

    /// Passes an event to its application. Returns whether to ask the client for the next one.
    fn tell(&mut self, base: &mut Base, told: Told<'_>, sock: u32, poisoned: bool) -> bool {
        let (Told::Interim(id, _) | Told::Head(id, _) | Told::Data(id, _) | Told::End(id, _)) =
            told
        else {
            return !matches!(told, Told::NeedInput);
        };
        let Some(call) = self.known(base, id) else { return true };
        base.net.get_mut(sock).tainted |= poisoned;
        base.stage.out_of_step |= poisoned;
        let Base { plan, stage, cases, .. } = &mut *base;
        let case = &mut cases[call as usize];
        case.took = stage.now;
        match told {
            Told::Interim(..) => stage.mark(Mark::Interim),
            Told::Head(_, head) => {
                watch::course(stage, &self.client, id);
                let number = |name| head.headers().get_str(name)?.parse().ok();
                let whose = (number("x-id"), number("x-serial"));
                case.head(plan, stage, call, (head.status().as_u16(), whose), poisoned);
            }
            Told::Data(_, data) => case.data(plan, stage, call, data, poisoned),
            Told::End(..) => {
                watch::taken(stage, &self.client, id);
                case.finish(plan, stage, call, poisoned);
                self.over.push(id);
            }
            Told::NeedInput | Told::Skipped => {}
        }
        while let Some(what) = base.cases[call as usize].next_reading(&base.plan, call) {
            match what {
                Reading::Pause(time) => {
                    let now = base.stage.instant();
                    base.stage.mark(Mark::Paused);
                    base.stage.say(format_args!("call {call} pauses"));
                    base.cases[call as usize].pause(&base.stage);
                    self.client.pause(id, true, now);
                    let event = Event::App { call, what: Does::Resume };
                    base.stage.plan(time.as_nanos() as u64, event);
                }
                Reading::Discard => self.give_up(base, call, id, true),
                Reading::Cancel => self.give_up(base, call, id, false),
            }
        }
        true
    }

    /// Writes output to the socket, as much as there is and the socket takes.
    pub(super) fn write(&mut self, base: &mut Base, id: ConnId) {
        loop {
            let now = base.stage.instant();
            let Some(slot) = self.conns.get_mut(id.index()) else { return };
            let Some(conn) = slot.as_mut().filter(|it| it.id == id) else { return };
            let Some(sock) = conn.sock else { return };
            if conn.blocked && !self.client.sends(id) {
                conn.out.clear();
                (conn.written, conn.blocked) = (0, false);
            }
            if conn.written == conn.out.len() {
                conn.out.clear();
                (conn.written, conn.blocked) = (0, false);
                if !self.fill(base, id, sock) {
                    return;
                }
                continue;
            }
            match base.net.write(&mut base.stage, sock, &conn.out[conn.written..]) {
                Io::Done(some) => {
                    conn.written += some;
                    base.stage.tell(
                        18,
                        id.to_bits() ^ (some as u64) << 32,
                        format_args!("{id} wrote {some} B"),
                    );
                    if let Some(call) = watch::user(&self.client, &base.cases, id) {
                        base.cases[call as usize].wrote = base.stage.now;
                    }
                    self.client.handle_written(id, some, now);
                }
                Io::Block => {
                    conn.blocked = true;
                    return;
                }
                Io::Eof | Io::Reset => {
                    conn.out.clear();
                    (conn.written, conn.blocked) = (0, false);
                    base.stage.mark(Mark::FaultRace);
                    base.stage.tell(19, id.to_bits(), format_args!("{id} cannot write"));
                    if let Some(call) = watch::user(&self.client, &base.cases, id) {
                        base.cases[call as usize].wrote = base.stage.now;
                    }
                    self.client.handle_write_failed(id, httpool::error::IoKind::Reset, now);
                    return;
                }
            }
        }
    }

    /// Asks the client for more output. Returns whether there is any.
    fn fill(&mut self, base: &mut Base, id: ConnId, sock: u32) -> bool {
        let now = base.stage.instant();
        let Some(conn) = self.conns[id.index()].as_mut() else { return false };
        let transmit = self.client.poll_transmit(id, &mut conn.out);
        if !conn.out.is_empty() {
            watch::begins(base, &self.client, id, sock);
        }
        let (of, max) = match transmit {
            Transmit::Nothing => return !conn.out.is_empty(),
            Transmit::Body { call, max } => (call, max),
        };
        let Some(call) = self.fed(base, of) else { return !self.is_empty(id) };
        let case = &mut base.cases[call as usize];
        match case.supply(&base.plan, &mut base.stage, call, max) {
            Supply::NotYet => return !self.is_empty(id),
            Supply::Fails => self.client.body_failed(of, now),
            Supply::Piece { len, last } => {
                let framing = self.client.send_body(of, len, last, now);
                let Some(Some(conn)) = self.conns.get_mut(id.index()) else { return false };
                match framing {
                    Some(framing) => {
                        conn.out.extend_from_slice(framing.prefix());
                        case.give(call, len, &mut conn.out);
                        conn.out.extend_from_slice(framing.suffix());
                        // An empty piece gives no output, but further pieces may follow.
                        return len > 0 || last || !conn.out.is_empty();
                    }
                    None => base.stage.wrong(|| format!("call {call}: its body was refused")),
                }
            }
        }
        false
    }

    fn is_empty(&self, id: ConnId) -> bool {
        self.conns[id.index()].as_ref().is_none_or(|it| it.out.is_empty())
    }
}
