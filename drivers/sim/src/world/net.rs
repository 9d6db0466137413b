//! Connections: two streams of bytes each, that take their time, hold so much, and break.

use httpool::error::IoKind;

use super::stage::{Event, Stage};

/// All connections of a world. A number is never used twice.
#[derive(Debug, Default)]
pub(super) struct Net {
    socks: Vec<Sock>,
}

#[derive(Debug)]
pub(super) struct Sock {
    pub(super) origin: usize,
    /// What connecting will give.
    outcome: Result<(), IoKind>,
    up: Pipe,
    down: Pipe,
    /// Our side is open.
    open: bool,
    /// The server's side is open.
    served: bool,
    connected: bool,
    /// Arrivals are put off until then; `u64::MAX` is for ever.
    hole_until: u64,
    /// Where in what the server sends the first byte stands that nobody asked for.
    pub(super) poison_at: Option<u32>,
    /// A call has been given such bytes, when nobody could tell: what follows is out of step.
    pub(super) tainted: bool,
    /// So much of it has been read and shown to the client.
    pub(super) shown: u32,
}

/// One direction.
#[derive(Debug, Default)]
struct Pipe {
    bytes: Vec<u8>,
    /// So many have been read.
    read: usize,
    /// So many have arrived.
    arrived: usize,
    /// Nothing arrives before that which was sent before.
    last: u64,
    fin: bool,
    rst: bool,
    /// The writer waits for room.
    waits: bool,
}

/// What a read or a write gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Io {
    /// So many bytes.
    Done(usize),
    /// Nothing now.
    Block,
    /// The end, in order.
    Eof,
    /// A reset.
    Reset,
}

impl Net {
    /// Begins to connect. `outcome`: what that gives, after which time; `None`: nothing.
    pub(super) fn connect(
        &mut self,
        stage: &mut Stage,
        origin: usize,
        outcome: Option<(Result<(), IoKind>, u64)>,
    ) -> u32 {
        let sock = self.socks.len() as u32;
        self.socks.push(Sock {
            origin,
            outcome: outcome.map_or(Ok(()), |it| it.0),
            up: Pipe::default(),
            down: Pipe::default(),
            open: true,
            served: true,
            connected: false,
            hole_until: 0,
            poison_at: None,
            tainted: false,
            shown: 0,
        });
        if let Some((_, after)) = outcome {
            stage.plan(after, Event::Connect { sock });
        }
        sock
    }

    /// An attempt is over: with what, unless nobody waits for it any more.
    pub(super) fn finish_connect(&mut self, sock: u32) -> Option<Result<(), IoKind>> {
        let sock = &mut self.socks[sock as usize];
        if !sock.open {
            return None;
        }
        sock.connected = sock.outcome.is_ok();
        Some(sock.outcome)
    }

    pub(super) fn get(&self, sock: u32) -> &Sock {
        &self.socks[sock as usize]
    }

    pub(super) fn get_mut(&mut self, sock: u32) -> &mut Sock {
        &mut self.socks[sock as usize]
    }

    /// How many are open on our side.
    pub(super) fn open(&self) -> usize {
        self.socks.iter().filter(|it| it.open).count()
    }

    // ---- Our side ----------------------------------------------------------------------------

    pub(super) fn readable(&self, sock: u32) -> bool {
        let it = &self.socks[sock as usize];
        it.open && it.down.is_readable()
    }

    pub(super) fn writable(&self, stage: &Stage, sock: u32) -> bool {
        let it = &self.socks[sock as usize];
        it.open && (it.down.rst || it.up.room(stage.noise.window) > 0)
    }

    /// Appends what is there to `into`, at most `max` bytes.
    pub(super) fn read(
        &mut self,
        stage: &mut Stage,
        sock: u32,
        max: usize,
        into: &mut Vec<u8>,
    ) -> Io {
        let it = &mut self.socks[sock as usize];
        let done = it.down.read(stage, max, into);
        if let Io::Done(_) = done
            && std::mem::take(&mut it.down.waits)
        {
            let delay = stage.latency();
            stage.plan(delay, Event::Space { sock });
        }
        done
    }

    pub(super) fn write(&mut self, stage: &mut Stage, sock: u32, bytes: &[u8]) -> Io {
        let it = &mut self.socks[sock as usize];
        if it.down.rst {
            return Io::Reset;
        }
        let hole = it.hole_until;
        it.up.write(stage, bytes, hole, (sock, false))
    }

    pub(super) fn close(&mut self, stage: &mut Stage, sock: u32) {
        let it = &mut self.socks[sock as usize];
        if !std::mem::take(&mut it.open) || !it.connected {
            return;
        }
        // What was not read is answered with a reset.
        let unread = it.down.arrived > it.down.read;
        let hole = it.hole_until;
        it.up.end(stage, hole, unread, (sock, false));
    }

    // ---- The server's side -------------------------------------------------------------------

    pub(super) fn server_read(&mut self, stage: &mut Stage, sock: u32, into: &mut Vec<u8>) -> Io {
        self.socks[sock as usize].up.read(stage, usize::MAX, into)
    }

    pub(super) fn server_write(&mut self, stage: &mut Stage, sock: u32, bytes: &[u8]) -> Io {
        let it = &mut self.socks[sock as usize];
        if it.up.rst {
            return Io::Reset;
        }
        let hole = it.hole_until;
        let done = it.down.write(stage, bytes, hole, (sock, true));
        it.down.waits |= done == Io::Block || matches!(done, Io::Done(n) if n < bytes.len());
        done
    }

    /// How many bytes the server has written in all.
    pub(super) fn sent(&self, sock: u32) -> u32 {
        self.socks[sock as usize].down.bytes.len() as u32
    }

    /// The server closes its side, in order or by a reset.
    pub(super) fn server_end(&mut self, stage: &mut Stage, sock: u32, reset: bool) {
        let it = &mut self.socks[sock as usize];
        let hole = it.hole_until;
        it.down.end(stage, hole, reset, (sock, true));
    }

    /// The server reads no more: what still comes is answered with a reset.
    pub(super) fn server_close(&mut self, sock: u32) {
        self.socks[sock as usize].served = false;
    }

    /// Nothing arrives before `until`.
    pub(super) fn put_off(&mut self, sock: u32, until: u64) {
        self.socks[sock as usize].hole_until = until;
    }

    // ---- What arrives ------------------------------------------------------------------------

    /// Bytes arrive. Says whether the server has them to look at.
    pub(super) fn arrive(&mut self, stage: &mut Stage, sock: u32, down: bool, upto: u32) -> bool {
        let it = &mut self.socks[sock as usize];
        if down {
            it.down.arrived = it.down.arrived.max(upto as usize);
            return false;
        }
        it.up.arrived = it.up.arrived.max(upto as usize);
        if !it.served && it.open && !it.down.rst {
            let hole = it.hole_until;
            it.down.end(stage, hole, true, (sock, true));
        }
        it.served
    }

    pub(super) fn arrive_end(&mut self, stage: &mut Stage, sock: u32, down: bool, reset: bool) {
        let it = &mut self.socks[sock as usize];
        let pipe = if down { &mut it.down } else { &mut it.up };
        if reset {
            pipe.rst = true;
            // What had arrived is lost with a reset on some systems, and is there on others.
            if stage.random.once_in(2) {
                pipe.read = pipe.arrived;
            }
        } else {
            pipe.fin = true;
        }
    }
}

impl Pipe {
    const fn is_readable(&self) -> bool {
        self.arrived > self.read || self.fin || self.rst
    }

    fn room(&self, window: u32) -> usize {
        (window as usize).saturating_sub(self.bytes.len() - self.read)
    }

    fn read(&mut self, stage: &mut Stage, max: usize, into: &mut Vec<u8>) -> Io {
        let there = self.arrived - self.read;
        if there == 0 {
            return match (self.rst, self.fin) {
                (true, _) => Io::Reset,
                (false, true) => Io::Eof,
                (false, false) => Io::Block,
            };
        }
        let some = stage.cut(there.min(max), stage.noise.read_max);
        into.extend_from_slice(&self.bytes[self.read..self.read + some]);
        self.read += some;
        Io::Done(some)
    }

    fn write(&mut self, stage: &mut Stage, bytes: &[u8], hole: u64, to: (u32, bool)) -> Io {
        let room = self.room(stage.noise.window).min(bytes.len());
        if room == 0 {
            return if bytes.is_empty() { Io::Done(0) } else { Io::Block };
        }
        let some = stage.cut(room, stage.noise.write_max);
        self.bytes.extend_from_slice(&bytes[..some]);
        let (sock, down) = to;
        self.send(stage, hole, Event::Arrive { sock, down, upto: self.bytes.len() as u32 });
        Io::Done(some)
    }

    fn end(&mut self, stage: &mut Stage, hole: u64, reset: bool, (sock, down): (u32, bool)) {
        let event = if reset { Event::Rst { sock, down } } else { Event::Fin { sock, down } };
        self.send(stage, hole, event);
    }

    fn send(&mut self, stage: &mut Stage, hole: u64, event: Event) {
        if hole == u64::MAX {
            return;
        }
        let delay = stage.latency();
        self.last = self.last.max(stage.now + delay).max(hole);
        stage.queue.plan(self.last, event);
    }
}
