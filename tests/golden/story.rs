//! The machines put together by hand, in a world where everything happens when the story says so.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use httpool::{
    call::{Call, Next, Policy},
    dial::{self, Dial},
    error::IoKind,
    h1::{Connection, Event},
    id::ConnId,
    limits::{MessageLimits, PoolLimits},
    message::{Key, Request},
    pool::{Action, Checkin, Claim, Lease, Pool, Ticket},
    time::Instant,
    trace::{Line, Sink, Trace, Who},
};

/// What was traced.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl Sink for Lines {
    fn line(&self, line: &Line<'_>) {
        self.0.lock().unwrap().push(format!("{line}\n"));
    }
}

/// A pool, a clock, and the trace of all that goes on.
pub(crate) struct Story {
    lines: Arc<Lines>,
    pool: Pool<Connection>,
    now: Instant,
    calls: u64,
    dials: u64,
}

/// A call on its way.
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
        let mut pool = Pool::new(limits);
        pool.set_trace(Trace::new(lines.clone(), Who::Pool));
        Self { lines, pool, now: Instant::from_nanos(0), calls: 0, dials: 0 }
    }

    /// Milliseconds pass.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = self.now.after(Duration::from_millis(ms));
    }

    /// A call that has gone to the pool.
    pub(crate) fn begin(&mut self, request: Request, policy: Policy) -> Running {
        let mut call = Call::new(request, Arc::new(policy), self.calls, self.now);
        call.set_trace(Trace::new(self.lines.clone(), Who::Call(self.calls)), self.now);
        self.calls += 1;
        let mut running = Running { call, ticket: None, held: None, out: Vec::new() };
        self.checkout(&mut running);
        running
    }

    /// Goes to the pool, and takes what it has.
    pub(crate) fn checkout(&mut self, running: &mut Running) {
        assert_eq!(running.call.next(), Next::Checkout);
        let (key, want) = (running.call.key().clone(), running.call.want());
        running.ticket = Some(self.pool.checkout(&key, want, self.now).unwrap());
        self.claim(running);
    }

    /// Asks again.
    pub(crate) fn claim(&mut self, running: &mut Running) {
        let ticket = running.ticket.unwrap();
        let (lease, mut conn, reused) = match self.pool.claim(ticket, self.now) {
            Claim::Reuse { lease, io, .. } => (lease, io, true),
            Claim::Fresh { lease, io } => (lease, io, false),
            Claim::Wait { dialing } => return running.call.dialing(dialing, self.now),
            Claim::Failed(why) => return running.call.lease_failed(why, self.now),
        };
        running.out.clear();
        running.call.start(&mut conn, reused, self.now, &mut running.out);
        running.held = Some((lease, conn));
    }

    /// The dial that the pool wants.
    pub(crate) fn dial(&mut self) -> (ConnId, Dial) {
        let dial =
            core::iter::from_fn(|| self.pool.poll_action()).find_map(|action| match action {
                Action::Dial { conn, key, .. } => Some((conn, key)),
                Action::Abandon { .. } | Action::Wake(_) | Action::Close { .. } => None,
            });
        let (conn, key) = dial.unwrap();
        (conn, self.dialing(&key, dial::Policy::default()))
    }

    /// A dial that nobody asked for.
    pub(crate) fn dialing(&mut self, key: &Key, policy: dial::Policy) -> Dial {
        let mut dial = Dial::new(key, &policy, self.now);
        dial.set_trace(Trace::new(self.lines.clone(), Who::Dial(self.dials)));
        self.dials += 1;
        dial
    }

    /// It goes well, in ten milliseconds, and the call that waits for it has its connection.
    pub(crate) fn connect(&mut self, running: &mut Running) {
        let (conn, mut dial) = self.dial();
        dial.connecting(0, self.now);
        self.pass(10);
        dial.connected(0, self.now);
        assert_eq!(dial.next(), dial::Next::Ready { attempt: 0 });
        let h1 = Connection::new(MessageLimits::default());
        self.pool.dialed(conn, h1, self.now);
        self.claim(running);
    }

    /// All of the request leaves: its head, and its body in one piece.
    pub(crate) fn send(&self, running: &mut Running, body: &str) {
        if let (Next::SendBody(_), Some((_, conn))) = (running.call.next(), &mut running.held) {
            let framing = running.call.send_body(conn, body.len(), true, self.now).unwrap();
            let framing = [framing.prefix(), body.as_bytes(), framing.suffix()].concat();
            running.out.extend(framing);
        }
        running.call.written(running.out.len(), self.now);
        running.out.clear();
    }

    /// The peer speaks.
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

    /// The peer closes its side.
    pub(crate) fn hear_the_end(&self, running: &mut Running) {
        let Some((_, conn)) = &mut running.held else { panic!("no connection") };
        let _ = running.call.receive_eof(conn, true, self.now);
    }

    /// The connection goes back.
    pub(crate) fn release(&mut self, running: &mut Running) {
        assert_eq!(running.call.next(), Next::Release);
        let Some((lease, mut conn)) = running.held.take() else { panic!("no connection") };
        let keep = running.call.released(&mut conn, b"", self.now);
        let how = if keep { Checkin::Keep(conn) } else { Checkin::Discard };
        self.pool.checkin(lease, how, self.now);
    }

    /// The body is given from its start again.
    pub(crate) fn rewind(&self, running: &mut Running) {
        running.call.rewound(true, self.now);
    }

    /// Nothing happens until the call's time is over.
    pub(crate) fn wait(&mut self, running: &mut Running) {
        let (at, _) = running.call.poll_timeout().unwrap();
        self.now = at;
        running.call.handle_timeout(self.now);
    }

    /// Ends the call, wherever it stands.
    pub(crate) fn end(&mut self, mut running: Running) {
        if running.call.next() == Next::Release {
            self.release(&mut running);
        } else if let Some(ticket) = running.ticket {
            self.pool.cancel(ticket, self.now);
        }
        assert!(matches!(running.call.next(), Next::Done | Next::Failed(_)));
    }

    /// An address cannot be reached.
    pub(crate) fn refuse(&mut self, dial: &mut Dial, attempt: u8) {
        dial.connecting(attempt, self.now);
        self.pass(5);
        dial.connect_failed(attempt, IoKind::Refused, self.now);
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// All that was traced.
    pub(crate) fn told(&self) -> String {
        self.lines.0.lock().unwrap().concat()
    }
}
