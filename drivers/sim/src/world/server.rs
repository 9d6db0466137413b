//! Simulates the servers: each connection reads requests, counts their effects, and answers by the
//! script.

mod faults;

use std::mem;

use super::{
    FaultKind, Finish, Framing, Plan, Proxy, Reply,
    io::Io,
    marks::Mark,
    net::Net,
    parse::{self, Asked, Chunk, Length},
    reply::{self, request_byte},
    seen::Seen,
    stage::{Event, Stage, Timer},
};

/// All servers' connections, and the requests that the servers have seen of each call.
#[derive(Debug)]
pub(super) struct Servers {
    /// The servers' ends of the connections, indexed by the socket's number.
    peers: Vec<Option<Peer>>,
    /// The number of connections that each server has accepted.
    accepted: Vec<u32>,
    seen: Vec<Seen>,
}

/// A server's end of one connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) origin: usize,
    /// How the proxy answers a CONNECT; `None` for an origin server, or once the tunnel stands.
    pub(super) proxy: Option<Proxy>,
    /// For each tunnel that leads here, whether `u` or another user opened it, if one was named.
    pub(super) shown: Vec<Option<bool>>,
    nth: u32,
    pub(super) input: Vec<u8>,
    pub(super) taken: usize,
    reads: Reads,
    /// The request that is being received or answered.
    asked: Option<Asked>,
    serial: u32,
    /// The number of bytes of the request's body that have come.
    body: u32,
    pub(super) out: Vec<u8>,
    written: usize,
    /// The offset in `out` at which the answer's body begins.
    body_at: usize,
    /// The action that follows when `out` has been written.
    then: Then,
    /// Whether an answer is due or is being written.
    busy: bool,
    served: u32,
    /// The number of the current state of the connection. Timers that carry another number are
    /// ignored.
    turn: u32,
    deaf: bool,
    /// Whether the connection has had a fault or an answer that excuses an incomplete request.
    broken: bool,
    /// Whether the server has announced that it will close the connection.
    announced: bool,
    /// Whether the server sends no further bytes.
    mute: bool,
    gone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Head,
    Body(u64),
    Chunks(Chunk),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Nothing,
    Keep,
    Close,
    Abort,
    Reset,
    Stall,
}

impl Servers {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            peers: Vec::new(),
            accepted: vec![0; plan.origins.len()],
            seen: vec![Seen::default(); plan.calls.len()],
        }
    }

    pub(super) fn seen(&self, call: usize) -> Seen {
        self.seen[call]
    }

    /// Returns the server's answer to the `serial`th arrival of a call.
    pub(super) fn reply(plan: &Plan, call: usize, serial: u32) -> &Reply {
        let replies = &plan.calls[call].replies;
        &replies[(serial as usize).min(replies.len() - 1)]
    }

    /// Accepts a connection.
    pub(super) fn accept(&mut self, plan: &Plan, stage: &mut Stage, sock: u32, origin: usize) {
        let nth = self.accepted[origin];
        self.accepted[origin] += 1;
        if self.peers.len() <= sock as usize {
            self.peers.resize_with(sock as usize + 1, || None);
        }
        let peer = self.peers[sock as usize].insert(Peer {
            origin,
            proxy: plan.origins[origin].proxy,
            shown: Vec::new(),
            nth,
            input: Vec::new(),
            taken: 0,
            reads: Reads::Head,
            asked: None,
            serial: 0,
            body: 0,
            out: Vec::new(),
            written: 0,
            body_at: 0,
            then: Then::Nothing,
            busy: false,
            served: 0,
            turn: 0,
            deaf: false,
            broken: false,
            announced: false,
            mute: false,
            gone: false,
        });
        for (index, fault) in plan.faults.iter().enumerate() {
            if fault.origin == origin && fault.conn == nth && fault.kind != FaultKind::Chatter {
                let (what, turn) = (Timer::Fault(index as u32), 0);
                stage.plan(fault.after.as_nanos() as u64, Event::Server { sock, what, turn });
            }
        }
        peer.rest(plan, stage, sock);
    }

    /// Reads the bytes or the end of stream that arrived, and handles them.
    pub(super) fn look(&mut self, plan: &Plan, stage: &mut Stage, net: &mut Net, sock: u32) {
        let Some(Some(peer)) = self.peers.get_mut(sock as usize) else { return };
        if peer.deaf || peer.gone {
            return;
        }
        peer.compact();
        loop {
            match net.server_read(stage, sock, &mut peer.input) {
                Io::Done(_) => {}
                Io::Block => break,
                Io::Eof | Io::Reset => {
                    peer.leave(stage, net, sock, false);
                    return;
                }
            }
        }
        peer.go_on(plan, stage, net, sock, &mut self.seen);
    }

    /// Continues to write, now that the socket has room again.
    pub(super) fn room(&mut self, plan: &Plan, stage: &mut Stage, net: &mut Net, sock: u32) {
        net.flush(stage, sock);
        let Some(Some(peer)) = self.peers.get_mut(sock as usize) else { return };
        peer.pump(plan, stage, net, sock);
        peer.go_on(plan, stage, net, sock, &mut self.seen);
    }

    pub(super) fn timer(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        (sock, what, turn): (u32, Timer, u32),
    ) {
        let Some(Some(peer)) = self.peers.get_mut(sock as usize) else { return };
        if peer.gone {
            return;
        }
        match what {
            Timer::Fault(index) => {
                peer.suffer(plan, stage, net, sock, index as usize);
                peer.break_off(&mut self.seen);
            }
            Timer::Heal => {
                peer.deaf = false;
                return self.look(plan, stage, net, sock);
            }
            _ if turn != peer.turn => return,
            Timer::Reply => {
                peer.answer(plan, stage, net, sock, &mut self.seen);
                peer.settle_asked(&mut self.seen);
            }
            Timer::Drip => peer.pump(plan, stage, net, sock),
            Timer::Idle => {
                stage.mark(Mark::FaultIdleClose);
                stage.say(format_args!("s{sock} closes: idle"));
                peer.leave(stage, net, sock, false);
            }
            Timer::Chatter => {
                let mark = if peer.served == 0 { Mark::FaultGreeting } else { Mark::FaultChatter };
                stage.mark(mark);
                stage.say(format_args!("s{sock} sends an unsolicited response"));
                peer.break_off(&mut self.seen);
                let at = net.sent(sock);
                net.get_mut(sock).poison_at.get_or_insert(at);
                reply::unasked(&mut peer.out);
                peer.pump(plan, stage, net, sock);
            }
        }
        if let Some(Some(peer)) = self.peers.get_mut(sock as usize) {
            peer.go_on(plan, stage, net, sock, &mut self.seen);
        }
    }
}

impl Peer {
    /// Handles the input as far as the connection's state allows.
    fn go_on(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
        seen: &mut [Seen],
    ) {
        while !self.gone {
            match self.step(plan, stage, net, sock, seen) {
                Ok(true) => {}
                Ok(false) => return,
                Err(why) => {
                    // After a body that broke off, or an answer that was not waited for, further
                    // input cannot be parsed as a request. The client must close the connection
                    // then.
                    stage.wrong(|| format!("at server {} (s{sock}): {why}", self.origin));
                    self.leave(stage, net, sock, true);
                    return;
                }
            }
        }
    }

    fn step(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
        seen: &mut [Seen],
    ) -> Result<bool, String> {
        let input = &self.input[self.taken..];
        match self.reads {
            Reads::Head if self.busy || input.is_empty() => Ok(false),
            Reads::Head if self.proxy.is_some() && parse::may_connect(input) => {
                self.pass_on(plan, stage, net, sock)
            }
            Reads::Head => {
                if self.announced && !stage.out_of_step {
                    return Err("a request on a connection whose end was announced".into());
                }
                let Some((taken, asked)) = parse::head(input)? else { return Ok(false) };
                self.taken += taken;
                self.forward(plan, stage, &asked)?;
                self.begin(plan, stage, net, sock, asked, seen)?;
                Ok(true)
            }
            Reads::Body(0) | Reads::Chunks(Chunk::Done) => {
                self.reads = Reads::Head;
                self.whole(plan, stage, sock, seen)?;
                Ok(true)
            }
            _ if input.is_empty() => Ok(false),
            Reads::Body(left) => {
                let some = input.len().min(left as usize);
                self.take_body(stage, some)?;
                self.taken += some;
                self.reads = Reads::Body(left - some as u64);
                Ok(true)
            }
            Reads::Chunks(mut at) => {
                let (taken, data) = parse::chunked(&mut at, input)?;
                self.take_body(stage, data)?;
                self.taken += taken;
                self.reads = Reads::Chunks(at);
                Ok(taken > 0)
            }
        }
    }

    fn begin(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
        asked: Asked,
        seen: &mut [Seen],
    ) -> Result<(), String> {
        let call = asked.call as usize;
        let (Some(script), Some(seen)) = (plan.calls.get(call), seen.get_mut(call)) else {
            return Err(format!("no call has the number {call}"));
        };
        self.check_tunnels(plan, asked.call)?;
        if asked.credentials.is_some_and(|whose| whose != self.origin) {
            return Err(format!("call {call}: credentials of another origin"));
        }
        if asked.hop == 0 && script.origin != self.origin && !stage.out_of_step {
            return Err(format!("call {call}: for another origin"));
        }
        let has_own = !script.credentials || asked.credentials.is_some();
        if asked.hop == 0 && !has_own && !stage.out_of_step {
            return Err(format!("call {call}: without its credentials"));
        }
        if let Some((hop, at)) = seen.wait
            && hop == asked.hop
            && script.policy.retry.respect_retry_after
            && !stage.out_of_step
        {
            if stage.now < at {
                let early = at - stage.now;
                return Err(format!("call {call}: a redirect is followed {early} ns too early"));
            }
            stage.mark(Mark::Waited);
        }
        (self.serial, self.body) = (seen.heads, 0);
        self.settle(seen);
        seen.heads += 1;
        self.turn += 1;
        self.busy = true;
        net.get_mut(sock).used_from.get_or_insert(stage.now);
        stage.tell(
            1,
            u64::from(asked.call) << 32 | u64::from(self.serial),
            format_args!(
                "s{sock} server {} gets call {call}, for the {}th",
                self.origin, self.serial
            ),
        );
        self.reads = match asked.body {
            Length::Known(len) => Reads::Body(len),
            Length::Chunked => Reads::Chunks(Chunk::Size),
        };
        let reply = Servers::reply(plan, call, self.serial);
        let has_body = self.reads != Reads::Body(0);
        if asked.expects && reply.continues && !reply.early {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            stage.mark(Mark::Continued);
        }
        self.asked = Some(asked);
        if reply.early && has_body {
            stage.mark(Mark::FaultEarly);
            self.plan_reply(stage, sock, reply);
        }
        self.pump(plan, stage, net, sock);
        Ok(())
    }

    fn take_body(&mut self, stage: &Stage, some: usize) -> Result<(), String> {
        let Some(asked) = &self.asked else { return Err("body bytes without a request".into()) };
        for byte in &self.input[self.taken..self.taken + some] {
            if *byte != request_byte(asked.call, self.body) && !stage.out_of_step {
                return Err(format!(
                    "call {}: byte {} of its body is wrong",
                    asked.call, self.body
                ));
            }
            self.body += 1;
        }
        Ok(())
    }

    /// Handles a request that has arrived completely.
    fn whole(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        sock: u32,
        seen: &mut [Seen],
    ) -> Result<(), String> {
        let Some(asked) = &self.asked else { return Ok(()) };
        let call = asked.call as usize;
        let declared = plan.calls[call].body.len.unwrap_or(0);
        let wrong = self.body != declared && (self.body != 0 || asked.hop == 0);
        if wrong && !stage.out_of_step {
            return Err(format!("call {call}: {} B of body, not {declared}", self.body));
        }
        let reply = Servers::reply(plan, call, self.serial);
        seen[call].settle(self.serial);
        if reply.status / 100 == 2 {
            seen[call].effects += 1;
            seen[call].unsafe_effects += u32::from(asked.is_unsafe);
        }
        // A request without a body is always complete before its answer.
        if !reply.early || asked.body == Length::Known(0) {
            self.plan_reply(stage, sock, reply);
        } else if !self.busy {
            self.rest(plan, stage, sock);
        }
        Ok(())
    }

    fn plan_reply(&self, stage: &mut Stage, sock: u32, reply: &Reply) {
        let turn = self.turn;
        let event = Event::Server { sock, what: Timer::Reply, turn };
        stage.plan(reply.after.as_nanos() as u64, event);
    }

    /// Writes the answer.
    fn answer(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
        seen: &mut [Seen],
    ) {
        let Some(asked) = &self.asked else { return };
        let (asked_call, call) = (asked.call, asked.call as usize);
        let reply = Servers::reply(plan, call, self.serial);
        let origin = &plan.origins[self.origin];
        let last = origin.requests_max.is_some_and(|max| self.served + 1 >= max);
        let announce = reply.finish == Finish::Close || last && origin.announces;
        let has_body = reply::has_body(reply, asked.is_head);
        let ends = announce
            || asked.closes
            || reply.framing == Framing::Old
            || reply.framing == Framing::Close && has_body;
        let start = self.out.len();
        let at = net.sent(sock) as usize + start - self.written;
        let coded = plan.calls[call].decodes();
        let written =
            reply::write(reply, asked, self.serial, announce, coded, &plan.origins, &mut self.out);
        let whole = self.out.len() - start;
        self.body_at = start + written.head;
        if reply.redirect.is_some() && reply.finish != Finish::Malformed {
            let pause = u64::from(reply.retry_after.unwrap_or(0)) * 1_000_000_000;
            seen[call].wait = (pause > 0).then_some((asked.hop + 1, stage.now + pause));
        }
        let cut = |hundredths: u8| start + (whole * usize::from(hundredths) / 100).min(whole - 1);
        self.then = match reply.finish {
            Finish::Keep | Finish::Second | Finish::Garbage if ends => Then::Close,
            Finish::Keep | Finish::Second | Finish::Garbage if last => Then::Abort,
            Finish::Keep | Finish::Second | Finish::Garbage | Finish::Malformed => Then::Keep,
            Finish::Close => Then::Close,
            Finish::CloseUnannounced => Then::Abort,
            Finish::Die => self.cut_to(start, Then::Abort),
            Finish::DieReset => self.cut_to(start, Then::Reset),
            Finish::Silent => self.cut_to(start, Then::Stall),
            Finish::Cut(to) => self.cut_to(cut(to), Then::Abort),
            Finish::CutReset(to) => self.cut_to(cut(to), Then::Reset),
            Finish::Stall(to) => self.cut_to(cut(to), Then::Stall),
        };
        // These answers allow the client to leave the rest of the request unsent.
        self.broken |= announce
            || reply.status >= 400
            || !matches!(self.then, Then::Keep)
            || matches!(reply.finish, Finish::Second | Finish::Garbage);
        reply::mark(stage, reply);
        if let Some(poison) = written.poison
            && net.get(sock).poison_at.is_none()
        {
            let it = net.get_mut(sock);
            it.poison_at = Some((at + poison) as u32);
            if reply.status / 100 == 2 {
                it.poison_of = asked_call;
            }
        }
        if reply.status == 101 && matches!(self.then, Then::Keep | Then::Close | Then::Abort) {
            self.then = if self.out.len() == start + whole { Then::Stall } else { Then::Abort };
        }
        self.announced = ends;
        stage.tell(
            2,
            u64::from(sock) << 32 | whole as u64,
            format_args!("s{sock} answers call {call}: {} {:?}", reply.status, reply.finish),
        );
        self.pump(plan, stage, net, sock);
    }

    /// Notes a fault of the connection: requests on it may stay incomplete from now on.
    fn break_off(&mut self, seen: &mut [Seen]) {
        self.broken = true;
        self.settle_asked(seen);
    }

    fn settle_asked(&self, seen: &mut [Seen]) {
        if let Some(seen) = self.asked.as_ref().and_then(|it| seen.get_mut(it.call as usize)) {
            self.settle(seen);
        }
    }

    fn settle(&self, seen: &mut Seen) {
        if self.broken {
            seen.settle(self.serial);
        }
    }

    fn cut_to(&mut self, len: usize, then: Then) -> Then {
        self.out.truncate(len);
        then
    }

    /// Writes output, as much as there is and the socket takes.
    pub(super) fn pump(&mut self, plan: &Plan, stage: &mut Stage, net: &mut Net, sock: u32) {
        while !self.gone && !self.mute && self.written < self.out.len() {
            let drip = self.drip(plan);
            let rest = &self.out[self.written..];
            let some = drip.map_or(rest.len(), |(bytes, _)| rest.len().min(bytes as usize));
            match net.server_write(stage, sock, &rest[..some]) {
                Io::Done(some) => self.written += some,
                Io::Block => return,
                Io::Eof | Io::Reset => return self.leave(stage, net, sock, false),
            }
            if let Some((_, pause)) = drip
                && self.written < self.out.len()
            {
                stage.mark(Mark::FaultDrip);
                let (what, turn) = (Timer::Drip, self.turn);
                stage.plan(pause.as_nanos() as u64, Event::Server { sock, what, turn });
                return;
            }
        }
        if self.gone || self.mute {
            return;
        }
        self.out.clear();
        self.written = 0;
        match mem::replace(&mut self.then, Then::Nothing) {
            Then::Nothing | Then::Stall => {}
            Then::Keep => {
                self.served += 1;
                self.busy = false;
                if self.reads == Reads::Head {
                    self.rest(plan, stage, sock);
                }
                net.idle(stage, sock);
            }
            // The server reads on: any further request is a violation of the client's.
            Then::Close => {
                self.busy = false;
                self.mute = true;
                net.server_end(stage, sock, false, !plan.is_sound());
            }
            Then::Abort => self.leave(stage, net, sock, false),
            Then::Reset => self.leave(stage, net, sock, true),
        }
    }

    /// Returns how many bytes the next drip has, and the pause after it.
    fn drip(&self, plan: &Plan) -> Option<(u32, std::time::Duration)> {
        let asked = self.asked.as_ref().filter(|_| self.busy)?;
        let reply = Servers::reply(plan, asked.call as usize, self.serial);
        match (reply.slow, self.body_at.checked_sub(self.written)) {
            (Some((_, pause)), Some(head @ 1..)) => Some((head as u32, pause)),
            (slow, _) => slow.or(reply.drip),
        }
    }

    /// Starts the timers of an idle connection.
    pub(super) fn rest(&mut self, plan: &Plan, stage: &mut Stage, sock: u32) {
        self.turn += 1;
        let turn = self.turn;
        let mut timer = |what, after: std::time::Duration| {
            stage.plan(after.as_nanos() as u64, Event::Server { sock, what, turn });
        };
        if let Some(idle) = plan.origins[self.origin].idle_max {
            timer(Timer::Idle, idle);
        }
        // Unsolicited bytes of a proxy before CONNECT are another case, which this does not cover.
        if self.proxy.is_some() {
            return;
        }
        for fault in &plan.faults {
            let here = fault.origin == self.origin && fault.conn == self.nth;
            if here && fault.kind == FaultKind::Chatter {
                timer(Timer::Chatter, fault.after);
            }
        }
    }

    /// Closes the server's end of the connection.
    pub(super) fn leave(&mut self, stage: &mut Stage, net: &mut Net, sock: u32, reset: bool) {
        if !mem::replace(&mut self.gone, true) {
            net.server_end(stage, sock, reset, true);
            net.server_close(sock);
        }
    }

    fn compact(&mut self) {
        if self.taken == self.input.len() {
            self.input.clear();
            self.taken = 0;
        }
    }
}
