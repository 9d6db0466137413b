//! Tries every order of events in a world that is small enough for that.

use core::time::Duration;
use std::sync::Arc;

use httpool::{
    call::Policy,
    client::Config,
    error::IoKind,
    id::SocketId,
    message::{Method, Request},
};

use super::{
    Setting,
    bench::Bench,
    both::Both,
    machines::{Facade, Input, Machines},
};
use crate::{call::PIECES, parts::Parts};

/// The size of a small world.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "callers set every field")]
pub struct Small {
    /// The number of calls to the one server: GET, POST, GET, and so on.
    pub calls: usize,
    /// The most connections.
    pub connections: usize,
    /// The number of calls that are cancelled.
    pub cancels: usize,
    /// The number of faults: a refused connect, a lost connection, a deadline that passes.
    pub faults: usize,
    /// Whether writing is an event of its own. Otherwise it follows at once when there is output.
    pub writes_apart: bool,
}

/// Tries every order of the possible events of a small world, with [`httpool::client::Client`] and
/// with the second composition of its machines. Checks each order as
/// [`client_script`](super::client_script) and [`client_vs_parts`](super::client_vs_parts) check a
/// script. Returns the number of orders.
///
/// They include the orders in which a call is waiting for a returned connection, loses it, and is
/// cancelled at the moment of its grant.
pub fn every_order(small: Small) -> u64 {
    let (mut choices, mut orders) = (Choices::default(), 0);
    loop {
        World::new(small).run(&mut choices);
        orders += 1;
        if !choices.next_path() {
            return orders;
        }
    }
}

/// The event chosen at each step, as a number: each digit counts up to the number of events that
/// were possible there. Counting the number up visits every order.
#[derive(Debug, Default)]
struct Choices {
    /// The chosen index at each step, and the number of possible events.
    taken: Vec<(usize, usize)>,
    at: usize,
    /// The number of choices that are the same as in the previous order.
    known: usize,
}

impl Choices {
    fn choose(&mut self, of: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, of));
        }
        let (choice, was) = self.taken[self.at];
        assert_eq!(was, of, "the same events lead to the same state");
        self.at += 1;
        choice
    }

    fn next_path(&mut self) -> bool {
        self.at = 0;
        while let Some((choice, of)) = self.taken.pop() {
            if choice + 1 < of {
                self.known = self.taken.len();
                self.taken.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// A possible event.
#[derive(Debug, Clone, Copy)]
enum Event {
    Request,
    Connect(SocketId),
    Write(SocketId),
    Answer(SocketId),
    Cancel(usize),
    Refuse(SocketId),
    Lose(SocketId),
    Late,
}

#[derive(Debug)]
struct World {
    small: Small,
    bench: Bench<Both<Facade, Parts>>,
    policy: Arc<Policy>,
}

impl World {
    fn new(small: Small) -> Self {
        let mut config = Config::default();
        config.pool.open_max = small.connections;
        // Keeps idle connections: only the script's deadlines let time pass.
        config.pool.idle_max = Duration::from_secs(1_000_000);
        let policy = Policy::default();
        let machines = Both {
            one: Facade::new(config.clone(), None),
            other: Parts::new(config.clone(), None),
            traces: None,
        };
        let setting = Setting { config, policy: policy.clone(), eager: true, stale: false };
        Self { small, bench: Bench::new(machines, setting), policy: Arc::new(policy) }
    }

    fn run(mut self, choices: &mut Choices) {
        loop {
            let (must, mut possible) = (self.next_steps(), self.accidents());
            if must.is_empty() {
                break;
            }
            possible.splice(0..0, must);
            let event = possible[choices.choose(possible.len())];
            self.happen(event);
            self.settle();
            if choices.at > choices.known {
                self.bench.check();
            }
        }
        self.bench.end();
    }

    /// Returns the events that must happen at some time.
    fn next_steps(&self) -> Vec<Event> {
        let asked = self.bench.calls.len() < self.small.calls;
        let mut events: Vec<_> = asked.then_some(Event::Request).into_iter().collect();
        for (socket, sock) in &self.bench.socks {
            events.extend((!sock.up).then_some(Event::Connect(*socket)));
            if sock.transmit {
                events.push(Event::Write(*socket));
            } else if self.is_asked(*socket) {
                events.push(Event::Answer(*socket));
            }
        }
        events
    }

    /// Returns the faults and cancels that may happen, as long as some are left.
    fn accidents(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.small.cancels > 0 {
            let calls = self.bench.calls.iter().enumerate();
            let alive = calls.filter(|(_, it)| it.outcome.is_none() && !it.left_alone);
            events.extend(alive.map(|(call, _)| Event::Cancel(call)));
        }
        if self.small.faults > 0 {
            for (socket, sock) in &self.bench.socks {
                let fault = if sock.up { Event::Lose } else { Event::Refuse };
                events.push(fault(*socket));
            }
            events.extend((self.bench.machines.calls() > 0).then_some(Event::Late));
        }
        events
    }

    fn happen(&mut self, event: Event) {
        let bench = &mut self.bench;
        match event {
            Event::Request => {
                let method = [Method::GET, Method::POST][bench.calls.len() % 2].clone();
                let request = Request::builder(method, "http://10.0.0.1/").build();
                let request = request.expect("nothing is wrong with it");
                bench.begin(&request, &self.policy);
            }
            Event::Connect(socket) => bench.connect(socket, Ok(())),
            Event::Refuse(socket) => {
                self.small.faults -= 1;
                bench.connect(socket, Err(IoKind::Refused));
            }
            Event::Write(socket) => self.write(socket),
            Event::Answer(socket) => bench.read(socket, PIECES[0]),
            Event::Cancel(call) => {
                self.small.cancels -= 1;
                bench.calls[call].left_alone = true;
                bench.tell(&Input::Cancel(call));
            }
            Event::Lose(socket) => {
                self.small.faults -= 1;
                let said = bench.machines.eof(socket, true, bench.now);
                bench.heard(&said);
            }
            Event::Late => {
                self.small.faults -= 1;
                bench.late();
            }
        }
    }

    /// Performs the actions of the machines.
    fn settle(&mut self) {
        self.bench.drain();
        if !self.small.writes_apart {
            let full = |bench: &Bench<_>| {
                bench.socks.iter().find(|(_, it)| it.transmit).map(|(socket, _)| *socket)
            };
            while let Some(socket) = full(&self.bench) {
                self.write(socket);
                self.bench.drain();
            }
        }
    }

    fn write(&mut self, socket: SocketId) {
        self.bench.transmit(socket, true);
        self.bench.written(socket, usize::MAX);
    }

    /// Whether the peer has a request to answer.
    fn is_asked(&self, socket: SocketId) -> bool {
        self.bench.machines.sends(socket) && self.bench.socks[&socket].up
    }
}
