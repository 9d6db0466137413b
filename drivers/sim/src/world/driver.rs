//! The driver of `client::Client`: it does what the client says, over the network of the world.

use std::mem;

use httpool::{
    client::{Action, Client, Event as Told, Reason, Transmit},
    id::{CallId, ConnId},
    time::{Deadline, Instant},
};

use super::{
    Reading, Tls,
    base::Base,
    cases::{self, Outcome, Supply},
    marks::Mark,
    net::Io,
    reply::UPGRADED,
    stage::{Does, Event},
    watch,
};

/// What a driver has beside the client.
pub(super) struct Driver {
    pub(super) client: Client,
    /// By the slots of the client's connections.
    pub(super) conns: Vec<Option<Conn>>,
    /// By the slots of the client's calls: which of the plan's.
    names: Vec<u32>,
    /// By the number of the socket: whose it is, and the how-manieth attempt.
    owners: Vec<(ConnId, u8)>,
    /// Names that are stale.
    dead: Vec<ConnId>,
    over: Vec<CallId>,
    /// Sockets that are the applications' now, and how much each has read from there.
    hands: Vec<(u32, u32, usize)>,
    spare: Vec<Vec<u8>>,
    begun: u32,
}

/// A connection, as the driver knows it.
pub(super) struct Conn {
    pub(super) id: ConnId,
    attempts: Vec<(u8, u32)>,
    /// The one that is the connection.
    pub(super) sock: Option<u32>,
    /// Read and not taken.
    rest: Vec<u8>,
    /// To be written.
    out: Vec<u8>,
    written: usize,
    /// It waits for room.
    blocked: bool,
}

impl Driver {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            conns: Vec::new(),
            names: Vec::new(),
            owners: Vec::new(),
            dead: Vec::new(),
            over: Vec::new(),
            hands: Vec::new(),
            spare: Vec::new(),
            begun: 0,
        }
    }

    /// Something that was planned happens to the driver or its application.
    pub(super) fn happens(&mut self, base: &mut Base, event: Event) {
        let now = base.stage.instant();
        match event {
            Event::Connect { sock } => self.connected(base, sock),
            Event::Resolved { conn, origin } => {
                let id = ConnId::from_bits(conn);
                if self.conn(id).is_none() && !base.stage.noise.stale {
                    return;
                }
                let found = base.found(origin as usize);
                let count = found.len();
                base.stage.tell(10, id.to_bits(), format_args!("{id} resolved: {count} addresses"));
                self.client.handle_resolved(id, &found, now);
            }
            Event::Tls { conn } => {
                let id = ConnId::from_bits(conn);
                let Some(conn) = self.conn(id) else { return };
                let Some(sock) = conn.sock else { return };
                let origin = base.net.get(sock).origin;
                base.stage.tell(11, id.to_bits(), format_args!("handshake of {id} ends"));
                let done = match base.plan.origins[origin].tls {
                    Tls::Fails { why, .. } => Err(why),
                    _ => Ok(()),
                };
                self.client.handle_tls(id, done, now);
            }
            Event::App { call, what } => self.application(base, call, what),
            Event::Close { now: at_once } => self.close(base, at_once),
            Event::Poke => {}
            _ => {}
        }
    }

    pub(super) fn close(&mut self, base: &mut Base, at_once: bool) {
        let now = base.stage.instant();
        base.stage.tell(
            12,
            at_once.into(),
            format_args!("close{}", if at_once { " now" } else { "" }),
        );
        base.why.closed = true;
        if at_once {
            base.why.closed_now = true;
            base.stage.mark(Mark::CloseNow);
            self.client.close_now(now);
        } else {
            base.stage.mark(Mark::CloseGently);
            self.client.close(now);
        }
    }

    pub(super) fn timeout(&mut self, base: &mut Base, reason: Reason) {
        let now = base.stage.instant();
        if let Reason::Call(id, which @ (Deadline::Continue | Deadline::Backoff)) = reason
            && self.client.call(id).is_some_and(|call| call.poll_timeout() == Some((now, which)))
        {
            base.stage.mark(cases::deadline(which));
        }
        base.stage.note(base.stage.now);
        self.client.handle_timeout(now);
    }

    fn application(&mut self, base: &mut Base, call: u32, what: Does) {
        let now = base.stage.instant();
        let case = &mut base.cases[call as usize];
        if what == Does::Begin {
            return self.begin(base, call);
        }
        let Some(id) = case.id.filter(|_| case.outcome.is_none()) else { return };
        match what {
            Does::Begin => {}
            Does::Cancel => self.give_up(base, call, id, false),
            Does::Resume => {
                case.paused = false;
                base.stage.say(format_args!("call {call} reads on"));
                self.client.pause(id, false, now);
            }
            Does::BodyReady => {
                case.body_ready();
                self.client.body_ready(id);
            }
            Does::Rewound => {
                let rewinds = base.plan.calls[call as usize].body.rewinds;
                case.rewind();
                base.stage.mark(if rewinds { Mark::Rewound } else { Mark::FaultRewind });
                self.client.rewound(id, rewinds, now);
            }
        }
    }

    fn begin(&mut self, base: &mut Base, call: u32) {
        let now = base.stage.instant();
        let script = &base.plan.calls[call as usize];
        let request = match cases::request(&base.plan, call) {
            Ok(request) => request,
            Err(why) => return base.stage.wrong(|| format!("call {call} is no request: {why}")),
        };
        let id = self.client.request(request, script.policy.clone(), now);
        base.stage.tell(
            13,
            u64::from(call),
            format_args!("call {call} is {id}: {} server {}", script.method, script.origin),
        );
        if self.names.len() <= id.index() {
            self.names.resize(id.index() + 1, u32::MAX);
        }
        self.names[id.index()] = call;
        let case = &mut base.cases[call as usize];
        (case.id, case.began, case.order) = (Some(id), base.stage.now, self.begun);
        (case.wrote, case.took) = (base.stage.now, base.stage.now);
        self.begun += 1;
        if let Some(after) = script.cancel {
            base.stage.plan(after.as_nanos() as u64, Event::App { call, what: Does::Cancel });
        }
    }

    /// The application cancels, or discards.
    fn give_up(&mut self, base: &mut Base, call: u32, id: CallId, discard: bool) {
        let now = base.stage.instant();
        let word = if discard { "discards" } else { "cancels" };
        base.stage.tell(
            14,
            u64::from(call) << 1 | u64::from(discard),
            format_args!("call {call} {word}"),
        );
        let outcome = if discard {
            base.stage.mark(Mark::Discard);
            self.client.discard(id, now);
            Outcome::Discarded
        } else {
            let early = self.client.connection(id).is_none();
            base.stage.mark(if early { Mark::CancelEarly } else { Mark::Cancel });
            self.client.cancel(id, now);
            Outcome::Cancelled
        };
        base.cases[call as usize].end(&base.stage, outcome);
        self.over.push(id);
    }

    // ---- What the client wants done ----------------------------------------------------------

    /// Does all that the client wants done.
    pub(super) fn obey(&mut self, base: &mut Base) {
        while let Some(action) = self.client.poll_action() {
            if base.stage.logs() {
                base.stage.say(format_args!("> {action}"));
            }
            self.act(base, action);
        }
    }

    fn act(&mut self, base: &mut Base, action: Action) {
        match action {
            Action::Resolve { conn, host, .. } => {
                base.stage.tell(20, conn.to_bits(), format_args!("look up {host}"));
                self.open(base, conn);
                base.look_up(&host, conn.to_bits());
            }
            Action::Connect { conn, attempt, addr, .. } => {
                base.stage.tell(21, conn.to_bits() ^ u64::from(attempt), format_args!("to {addr}"));
                self.open(base, conn);
                let Some(sock) = base.connect(addr) else { return };
                self.owners.push((conn, attempt));
                if let Some(conn) = self.conn(conn) {
                    conn.attempts.push((attempt, sock));
                }
            }
            Action::Abandon { conn, attempt } => {
                base.stage.tell(22, conn.to_bits(), format_args!("abandon {conn} {attempt}"));
                base.stage.mark(Mark::Abandoned);
                let Some(conn) = self.conn(conn) else { return };
                let place = conn.attempts.iter().position(|it| it.0 == attempt);
                // It is said again where the socket was reported after it was said first.
                let Some(place) = place else { return };
                let (_, sock) = conn.attempts.swap_remove(place);
                if conn.sock == Some(sock) {
                    conn.sock = None;
                }
                base.net.close(&mut base.stage, sock);
            }
            Action::StartTls { conn, .. } => {
                base.stage.tell(23, conn.to_bits(), format_args!("shake hands on {conn}"));
                let Some(sock) = self.conn(conn).and_then(|it| it.sock) else { return };
                let after = match base.plan.origins[base.net.get(sock).origin].tls {
                    Tls::Up { after } => after,
                    Tls::Fails { after, .. } => {
                        base.stage.mark(Mark::FaultTls);
                        after
                    }
                    Tls::Never => return base.stage.mark(Mark::FaultTlsNever),
                };
                base.stage.plan(after.as_nanos() as u64, Event::Tls { conn: conn.to_bits() });
            }
            Action::Transmit { conn, probe } => {
                base.stage.tell(
                    24,
                    conn.to_bits() ^ u64::from(probe),
                    format_args!("write to {conn}"),
                );
                if probe && self.conn(conn).is_some_and(|it| it.written == it.out.len()) {
                    self.read(base, conn);
                }
                self.write(base, conn);
            }
            Action::Close { conn, why } => {
                base.stage.tell(25, conn.to_bits(), format_args!("close {conn}: {why}"));
                watch::closed(&mut base.stage, why);
                match self.take(conn) {
                    Some(it) => self.shut(base, it),
                    None => {
                        base.stage.wrong(|| format!("{conn} is closed twice, or was never open"))
                    }
                }
            }
            Action::HandOver { conn, call } => {
                base.stage.tell(26, conn.to_bits(), format_args!("hand {conn} over"));
                self.hand_over(base, conn, call);
            }
            Action::Rewind { call } => {
                base.stage.tell(27, call.to_bits(), format_args!("rewind {call}"));
                let Some(call) = self.known(base, call) else { return };
                let delay = if base.stage.random.once_in(2) { 0 } else { 20_000 };
                base.stage.plan(delay, Event::App { call, what: Does::Rewound });
            }
            Action::Failed { call: id, failure } => {
                let Some(call) = self.known(base, id) else { return };
                let case = &mut base.cases[call as usize];
                case.fail(&base.plan, &mut base.stage, call, failure, &base.why);
                self.over.push(id);
            }
        }
    }

    /// The driver hears of a connection for the first time, perhaps.
    fn open(&mut self, base: &mut Base, id: ConnId) {
        if self.conns.len() <= id.index() {
            self.conns.resize_with(id.index() + 1, || None);
        }
        match &self.conns[id.index()] {
            Some(it) if it.id == id => {}
            Some(it) => {
                let old = it.id;
                base.stage.wrong(|| format!("{id} begins where {old} was not closed"));
            }
            None => {
                let mut buffer = || self.spare.pop().unwrap_or_default();
                let (rest, out) = (buffer(), buffer());
                let (attempts, sock) = (Vec::new(), None);
                let conn = Conn { id, attempts, sock, rest, out, written: 0, blocked: false };
                self.conns[id.index()] = Some(conn);
                let open = self.conns.iter().flatten().count();
                let most = base.plan.config.pool.open_max;
                if open > most {
                    base.stage.wrong(|| format!("{open} connections, and {most} are allowed"));
                }
            }
        }
    }

    fn connected(&mut self, base: &mut Base, sock: u32) {
        let now = base.stage.instant();
        let (id, attempt) = self.owners[sock as usize];
        let Some(done) = base.finish_connect(sock) else { return };
        base.stage.tell(
            15,
            id.to_bits() ^ u64::from(attempt),
            format_args!("s{sock} of {id} {attempt}: {done:?}"),
        );
        if let Some(conn) = self.conn(id) {
            if done.is_ok() {
                conn.sock.get_or_insert(sock);
            } else {
                conn.attempts.retain(|it| it.1 != sock);
                base.net.close(&mut base.stage, sock);
            }
        }
        self.client.handle_connected(id, attempt, done, now);
    }

    // ---- Reading and writing -----------------------------------------------------------------

    /// Looks at all sockets. Says whether anything was done.
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

    /// Reads once, and shows the client what came.
    fn read(&mut self, base: &mut Base, id: ConnId) {
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

    /// Shows the client what was read, until it needs more.
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

    /// Tells the application. Says whether the client is to be asked again.
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
                let number = |name| head.fields().get_str(name)?.parse().ok();
                let whose = (number("x-id"), number("x-serial"));
                case.head(plan, stage, call, (head.status().as_u16(), whose), poisoned);
            }
            Told::Data(_, data) => case.data(plan, stage, call, data, poisoned),
            Told::End(..) => {
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
                    base.cases[call as usize].paused = true;
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

    /// Writes what there is to write, and what there is room for.
    fn write(&mut self, base: &mut Base, id: ConnId) {
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
                    self.client.handle_write_failed(id, httpool::error::IoKind::Reset, now);
                    return;
                }
            }
        }
    }

    /// Asks for more to write. Says whether there is any.
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
        let Some(call) = self.known(base, of) else { return !self.is_empty(id) };
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
                        // An empty piece is nothing to write, and more may follow.
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

    // ---- Another protocol --------------------------------------------------------------------

    fn hand_over(&mut self, base: &mut Base, id: ConnId, of: CallId) {
        let Some(call) = self.known(base, of) else { return };
        base.stage.mark(Mark::OutcomeHandOver);
        base.cases[call as usize].end(&base.stage, Outcome::HandOver);
        self.over.push(of);
        let Some(mut conn) = self.take(id) else {
            return base.stage.wrong(|| format!("{id} is handed over, and was closed"));
        };
        let Some(sock) = conn.sock.take() else { return };
        conn.attempts.retain(|it| it.1 != sock);
        if !UPGRADED.starts_with(&conn.rest) {
            base.stage.wrong(|| format!("call {call}: input is missing behind its 101"));
        }
        self.hands.push((call, sock, conn.rest.len()));
        self.shut(base, conn);
    }

    fn read_hands(&mut self, base: &mut Base) {
        let mut at = 0;
        while at < self.hands.len() {
            let (call, sock, got) = self.hands[at];
            let mut input = Vec::new();
            let done = base.net.read(&mut base.stage, sock, usize::MAX, &mut input);
            let got = got + input.len();
            if UPGRADED.get(got - input.len()..got) != Some(&input[..]) {
                base.stage.wrong(|| format!("call {call}: input is missing in its new protocol"));
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

    // ---- Names -------------------------------------------------------------------------------

    /// Tells the client of what is long over: nothing may come of it.
    pub(super) fn tell_stale(&mut self, base: &mut Base) {
        let now = base.stage.instant();
        let before = (self.client.stats(), self.client.calls());
        let random = &mut base.stage.random;
        if !self.dead.is_empty() {
            let id = self.dead[random.below(self.dead.len() as u64) as usize];
            match random.below(6) {
                0 => self.client.handle_connected(id, 0, Ok(()), now),
                1 => self.client.handle_written(id, 1, now),
                2 => self.client.handle_resolved(id, &[], now),
                3 => self.client.handle_write_failed(id, httpool::error::IoKind::Reset, now),
                4 => drop(self.client.handle_eof(id, true, now)),
                _ => drop(self.client.receive(id, b"HTTP/1.1 200 OK\r\n\r\n", now)),
            }
        }
        if !self.over.is_empty() {
            let id = self.over[random.below(self.over.len() as u64) as usize];
            match random.below(6) {
                0 => self.client.cancel(id, now),
                1 => self.client.body_ready(id),
                2 => self.client.rewound(id, true, now),
                3 => self.client.pause(id, true, now),
                4 => self.client.discard(id, now),
                _ => drop(self.client.send_body(id, 1, true, now)),
            }
        }
        if !self.dead.is_empty() || !self.over.is_empty() {
            base.stage.mark(Mark::FaultStale);
        }
        let action = self.client.poll_action();
        if action.is_some() || before != (self.client.stats(), self.client.calls()) {
            base.stage.wrong(|| format!("news of what is over had an effect: {action:?}"));
        }
    }

    /// Which call of the plan it is, if its application still wants to hear.
    fn known(&self, base: &mut Base, id: CallId) -> Option<u32> {
        let call = self.names.get(id.index()).copied().unwrap_or(u32::MAX);
        let known =
            base.cases.get(call as usize).is_some_and(|it| it.id == Some(id) && it.is_live());
        if !known {
            base.stage.wrong(|| format!("{id} (call {call}) is over, and is spoken of"));
        }
        known.then_some(call)
    }

    pub(super) fn conn(&mut self, id: ConnId) -> Option<&mut Conn> {
        self.conns.get_mut(id.index())?.as_mut().filter(|it| it.id == id)
    }

    fn take(&mut self, id: ConnId) -> Option<Conn> {
        self.conn(id)?;
        self.dead.push(id);
        self.conns[id.index()].take()
    }

    /// Closes all sockets of a connection.
    fn shut(&mut self, base: &mut Base, conn: Conn) {
        let Conn { attempts, mut rest, mut out, .. } = conn;
        for (_, sock) in attempts {
            base.net.close(&mut base.stage, sock);
        }
        rest.clear();
        out.clear();
        self.spare.extend([rest, out]);
    }

    /// The applications that speak another protocol are through.
    pub(super) fn drop_hands(&mut self, base: &mut Base) {
        for (_, sock, _) in self.hands.drain(..) {
            base.net.close(&mut base.stage, sock);
        }
    }

    pub(super) fn next_timeout(&self) -> Option<(Instant, Reason)> {
        self.client.poll_timeout()
    }
}
