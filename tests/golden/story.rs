//! Composes the machines by hand. Every event happens when a scenario says so.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use httpool::{
    call::{Call, Next, Policy},
    dial::{self, Dial},
    error::IoKind,
    h1::{Connection, Eof, Event},
    id::ConnId,
    limits::{MessageLimits, PoolLimits},
    message::{Key, Request},
    pool::{Action, Checkin, Claim, Dialing, Lease, Pool, Ticket},
    time::Instant,
    trace::{Line, Sink, Trace, Who},
};

/// The trace lines.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Sink for Lines {
    fn line(&self, line: &Line<'_>) {
        self.0.lock().unwrap().push(format!("{line}\n"));
    }
}

/// A pool, a clock, and the trace of everything.
pub(crate) struct Story {
    lines: Arc<Lines>,
    pool: Pool<Connection>,
    now: Instant,
    calls: u64,
    dials: u64,
}

/// A call that runs.
pub(crate) struct Running {
    pub(crate) call: Call,
    ticket: Option<Ticket>,
    held: Option<(Lease, Connection)>,
    out: Vec<u8>,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::within(PoolLimits::default())
    }

    pub(crate) fn within(limits: PoolLimits) -> Self {
        let lines = Arc::new(Lines::default());
        let mut pool = Pool::new(limits, Dialing::Shared);
        pool.set_trace(Trace::new(lines.clone(), Who::Pool));
        Self { lines, pool, now: Instant::from_nanos(0), calls: 0, dials: 0 }
    }

    /// Advances the clock by `ms` milliseconds.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    /// Begins a call, and checks it out of the pool.
    pub(crate) fn begin(&mut self, request: Request, policy: Policy) -> Running {
        let mut call = Call::new(request, Arc::new(policy), self.calls, self.now);
        call.set_trace(Trace::new(self.lines.clone(), Who::Call(self.calls)), self.now);
        self.calls += 1;
        let mut running = Running { call, ticket: None, held: None, out: Vec::new() };
        self.checkout(&mut running);
        running
    }

    /// Checks the call out of the pool, and claims the pool's answer.
    pub(crate) fn checkout(&mut self, running: &mut Running) {
        assert_eq!(running.call.next(), Next::Checkout);
        let (key, want) = (running.call.key().clone(), running.call.want());
        running.ticket = Some(self.pool.checkout(&key, want, self.now).unwrap());
        self.claim(running);
    }

    /// Claims the answer of the call's ticket.
    pub(crate) fn claim(&mut self, running: &mut Running) {
        let ticket = running.ticket.unwrap();
        let (lease, mut conn, reused) = match self.pool.claim(ticket, self.now) {
            Claim::Reuse { lease, io, .. } => (lease, io, true),
            Claim::Fresh { lease, io } => (lease, io, false),
            Claim::Wait { dialing } => return running.call.dialing(dialing, self.now),
            Claim::Failed(why) => return running.call.lease_failed(why, self.now),
        };
        running.out.clear();
        running.call.lent(lease.conn(), self.now);
        running.call.start(&mut conn, reused.into(), self.now, &mut running.out);
        running.held = Some((lease, conn));
    }

    /// Takes the dial that the pool has ordered.
    pub(crate) fn dial(&mut self) -> (ConnId, Dial) {
        let dial =
            core::iter::from_fn(|| self.pool.poll_action()).find_map(|action| match action {
                Action::Dial { conn, key, .. } => Some((conn, key)),
                Action::Abandon { .. }
                | Action::Wake(_)
                | Action::LookUp { .. }
                | Action::Close { .. } => None,
            });
        let (conn, key) = dial.unwrap();
        (conn, self.dialing(&key, dial::DialPolicy::default()))
    }

    /// Creates a dial that no pool has ordered.
    pub(crate) fn dialing(&mut self, key: &Key, policy: dial::DialPolicy) -> Dial {
        let mut dial = Dial::new(key, &policy, self.now);
        dial.set_trace(Trace::new(self.lines.clone(), Who::Dial(self.dials)));
        self.dials += 1;
        dial
    }

    /// Connects the ordered dial in ten milliseconds, and leases its connection to the waiting
    /// call.
    pub(crate) fn connect(&mut self, running: &mut Running) {
        let (conn, mut dial) = self.dial();
        running.call.opens(conn, self.now);
        dial.connecting(0, self.now);
        self.pass(10);
        dial.connected(0, self.now);
        assert_eq!(dial.next(), dial::Next::Ready { attempt: 0 });
        let h1 = Connection::new(MessageLimits::default());
        self.pool.dialed(conn, h1, self.now);
        self.claim(running);
    }

    /// Sends the whole request: its head, and its body in one piece.
    pub(crate) fn send(&self, running: &mut Running, body: &str) {
        if let (Next::SendBody(_), Some((_, conn))) = (running.call.next(), &mut running.held) {
            let framing = running.call.send_body(conn, body.len(), true, self.now).unwrap();
            let framing = [framing.prefix(), body.as_bytes(), framing.suffix()].concat();
            running.out.extend(framing);
        }
        running.call.written(running.out.len(), self.now);
        running.out.clear();
    }

    /// Receives input from the peer.
    pub(crate) fn hear(&self, running: &mut Running, mut input: &[u8]) {
        let Some((_, conn)) = &mut running.held else { panic!("no connection") };
        while let Next::Exchange | Next::SendBody(_) = running.call.next() {
            let (taken, event) = running.call.receive(conn, input, self.now);
            input = &input[taken..];
            if let Event::NeedInput = event {
                break;
            }
        }
        assert!(input.is_empty());
    }

    /// Receives the end of the stream from the peer.
    pub(crate) fn hear_the_end(&self, running: &mut Running) {
        let Some((_, conn)) = &mut running.held else { panic!("no connection") };
        let _ = running.call.receive_eof(conn, Eof::Clean, self.now);
    }

    /// Returns the connection to the pool.
    pub(crate) fn release(&mut self, running: &mut Running) {
        assert_eq!(running.call.next(), Next::Release);
        let Some((lease, mut conn)) = running.held.take() else { panic!("no connection") };
        let keep = running.call.released(&mut conn, b"", self.now);
        let how = if keep { Checkin::Keep(conn) } else { Checkin::Discard };
        self.pool.checkin(lease, how, self.now);
    }

    /// Rewinds the body.
    pub(crate) fn rewind(&self, running: &mut Running) {
        running.call.rewound(self.now);
    }

    /// Waits for the call's next deadline.
    pub(crate) fn wait(&mut self, running: &mut Running) {
        let (at, _) = running.call.poll_timeout().unwrap();
        self.now = at;
        running.call.handle_timeout(self.now);
    }

    /// Ends the call in any state.
    pub(crate) fn end(&mut self, mut running: Running) {
        if running.call.next() == Next::Release {
            self.release(&mut running);
        } else if let Some(ticket) = running.ticket {
            self.pool.cancel(ticket, self.now);
        }
        assert!(matches!(running.call.next(), Next::Done | Next::Failed(_)));
    }

    /// Fails an attempt to connect.
    pub(crate) fn refuse(&mut self, dial: &mut Dial, attempt: u8) {
        dial.connecting(attempt, self.now);
        self.pass(5);
        dial.connect_failed(attempt, IoKind::Refused, self.now);
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Returns the whole trace.
    pub(crate) fn told(&self) -> String {
        self.lines.0.lock().unwrap().concat()
    }
}
