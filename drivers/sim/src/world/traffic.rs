//! Moves bytes between the sockets and the client, and passes the client's events to the
//! applications.

use std::mem;

use httpool::{
    client::{Event as Told, Outbox, Transmit},
    error::BodyUnusable,
    id::{CallId, SocketId},
};

use super::{
    Reading,
    base::Base,
    cases::Supply,
    driver::{Driver, Link},
    io::Io,
    marks::Mark,
    stage::{Does, Event},
    timings, watch,
};

impl Driver {
    /// Reads and writes on all sockets that are ready. Returns whether it did anything.
    pub(super) fn look(&mut self, base: &mut Base) -> bool {
        let mut done = false;
        for slot in 0..self.links.len() {
            let Some(link) = self.links[slot].as_ref().filter(|link| link.up) else { continue };
            let Link { id, sock, blocked, .. } = *link;
            let has_input = link.inbox.is_stopped()
                || !link.ended && (base.net.readable(sock) || link.wire.may_open());
            let wants = self.client.wants_input(id) || link.wire.is_handshaking();
            let reads = has_input && wants;
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

    /// Passes on the input that a paused response left, or else reads once from the socket, and
    /// gives the input to the client.
    pub(super) fn read(&mut self, base: &mut Base, id: SocketId) {
        let now = base.stage.instant();
        let Some(link) = self.link(id) else { return };
        let sock = link.sock;
        if !link.wire.is_plain() {
            return self.read_session(base, id, false);
        }
        if link.inbox.is_stopped() {
            return self.show(base, id, &[]);
        }
        let mut input = mem::take(&mut self.input);
        input.clear();
        let done = base.net.read(&mut base.stage, sock, usize::MAX, &mut input);
        match done {
            Io::Done(some) => {
                base.net.show(sock, some);
                self.show(base, id, &input);
            }
            Io::Block => {}
            Io::Eof | Io::Reset => {
                let clean = done == Io::Eof;
                base.stage.tell(16, id.to_bits(), format_args!("{id} ends, {done:?}"));
                let told = self.client.handle_eof(id, clean.into(), now);
                let shown = base.net.get(sock).shown;
                let poisoned = base.is_poison(sock, shown);
                if let Some(told) = told {
                    self.tell(base, told, sock, poisoned);
                }
            }
        }
        self.input = input;
    }

    /// Gives the unread input of a socket and `new` bytes to the client, until the client needs
    /// more or the application pauses.
    pub(super) fn show(&mut self, base: &mut Base, id: SocketId, new: &[u8]) {
        let now = base.stage.instant();
        let Some(link) = self.link(id) else { return };
        let (sock, mut inbox) = (link.sock, mem::take(&mut link.inbox));
        link.given += new.len() as u32;
        let len = inbox.rest().len() + new.len();
        let start = link.given - len as u32;
        base.stage.tell(17, id.to_bits(), format_args!("{id} reads, {len} B in hand"));
        let input = inbox.with(new);
        while let Some(told) = self.client.read(id, &input, now) {
            let poisoned = base.is_poison(sock, start + input.consumed() as u32);
            self.tell(base, told, sock, poisoned);
        }
        drop(input);
        if let Some(link) = self.link(id) {
            link.inbox = inbox;
        }
    }

    /// Passes an event to its application.
    pub(super) fn tell(&mut self, base: &mut Base, told: Told<'_>, sock: u32, poisoned: bool) {
        let (Told::Interim(id, _) | Told::Head(id, _) | Told::Data(id, _) | Told::End(id, _)) =
            told;
        let Some(call) = self.known(base, id) else { return };
        base.net.get_mut(sock).tainted |= poisoned;
        base.stage.out_of_step |= poisoned;
        let Base { plan, stage, cases, net, .. } = &mut *base;
        let case = &mut cases[call as usize];
        (case.took, case.sock) = (stage.now, sock);
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
                case.check_end(plan, stage, net, call);
                case.finish(plan, stage, call, poisoned);
                timings::add_up(base, &self.client, call, id, false);
                self.over.push(id);
            }
        }
        while let Some(what) = base.cases[call as usize].next_reading(&base.plan, call) {
            match what {
                Reading::Pause(time) => {
                    let now = base.stage.instant();
                    base.stage.mark(Mark::Paused);
                    base.stage.say(format_args!("call {call} pauses"));
                    base.cases[call as usize].pause(&base.stage);
                    self.client.pause(id, now);
                    let event = Event::App { call, what: Does::Resume };
                    base.stage.plan(time.as_nanos() as u64, event);
                }
                Reading::Discard => self.give_up(base, call, id, true),
                Reading::Cancel => self.give_up(base, call, id, false),
                // There is no body before its head.
                Reading::Refuse if !base.cases[call as usize].heard_head => {}
                // At the end: `check_body`.
                Reading::Refuse if call % 2 == 1 => {}
                Reading::Refuse => self.refuse(base, call, id, sock),
            }
        }
    }

    /// The application cannot use the body that it reads.
    fn refuse(&mut self, base: &mut Base, call: u32, id: CallId, sock: u32) {
        let now = base.stage.instant();
        base.stage.say(format_args!("call {call} cannot use its body"));
        base.cases[call as usize].refused = true;
        base.net.get_mut(sock).unusable = true;
        self.client.body_unusable(id, BodyUnusable::TooLong { max: 0 }, now);
    }

    /// The application has decoded the body, or cannot.
    pub(super) fn check_body(&mut self, base: &mut Base, id: CallId) {
        let Some(call) = self.known(base, id) else { return };
        let sock = self.client.socket(id).and_then(|id| self.link(id)).map(|link| link.sock);
        match sock {
            Some(sock) if call % 2 == 1 => self.refuse(base, call, id, sock),
            _ => self.client.body_used(id, base.stage.instant()),
        }
    }

    /// Writes output to the socket, as much as there is and the socket takes.
    pub(super) fn write(&mut self, base: &mut Base, id: SocketId) {
        let Some(link) = self.link(id) else { return };
        let (sock, mut out) = (link.sock, mem::take(&mut link.out));
        let blocked = self.write_all(base, id, sock, &mut out);
        if let Some(link) = self.link(id) {
            (link.out, link.blocked) = (out, blocked);
        }
    }

    /// Writes until there is no more output. Returns true if the socket takes no more before that.
    fn write_all(&mut self, base: &mut Base, id: SocketId, sock: u32, out: &mut Outbox) -> bool {
        if self.link(id).is_some_and(|link| !link.wire.is_plain()) {
            return self.write_session(base, id, sock, out);
        }
        while self.fill(base, id, sock, out) {
            let now = base.stage.instant();
            self.output.clear();
            out.chunks().iter().for_each(|chunk| self.output.extend_from_slice(chunk));
            if self.output.is_empty() {
                continue;
            }
            match base.net.write(&mut base.stage, sock, &self.output) {
                Io::Done(some) => {
                    base.stage.tell(
                        18,
                        id.to_bits() ^ (some as u64) << 32,
                        format_args!("{id} wrote {some} B"),
                    );
                    self.wrote(base, id);
                    self.client.sent(id, out, some, now);
                }
                Io::Block => return true,
                Io::Eof | Io::Reset => {
                    out.clear();
                    base.stage.mark(Mark::FaultRace);
                    base.stage.tell(19, id.to_bits(), format_args!("{id} cannot write"));
                    self.wrote(base, id);
                    self.client.handle_write_failed(id, httpool::error::IoKind::Reset, now);
                    return false;
                }
            }
        }
        false
    }

    /// Notes the time of a write, for the call that uses the socket.
    pub(super) fn wrote(&self, base: &mut Base, id: SocketId) {
        if let Some(call) = watch::user(&self.client, &base.cases, id) {
            base.cases[call as usize].wrote = base.stage.now;
        }
    }

    /// Asks the client for more output. Returns whether there is any, or may be after an empty
    /// piece of body.
    pub(super) fn fill(
        &mut self,
        base: &mut Base,
        id: SocketId,
        sock: u32,
        out: &mut Outbox,
    ) -> bool {
        let now = base.stage.instant();
        let before = out.chunks()[0].len();
        let transmit = self.client.fill(id, out);
        if out.chunks()[0].len() > before {
            watch::begins(base, &self.client, id, sock);
        }
        let Transmit::Body { call: of, max } = transmit else { return !out.is_empty() };
        let Some(call) = self.fed(base, of) else { return !out.is_empty() };
        let case = &mut base.cases[call as usize];
        match case.supply(&base.plan, &mut base.stage, call, max) {
            Supply::NotYet => return !out.is_empty(),
            Supply::Fails => self.client.body_failed(of, now),
            Supply::Piece { len, last } => {
                if let Some(framing) = self.client.send_body(of, len, last, now) {
                    out.buffer().clear();
                    case.give(call, len, out.buffer());
                    out.put_read(len, &framing);
                    return true;
                }
                base.stage.wrong(|| format!("call {call}: its body was refused"));
            }
        }
        false
    }
}
