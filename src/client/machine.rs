//! The client and its settings.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::{fmt, time::Duration};

use super::{
    Action,
    dials::Dials,
    run::Running,
    sockets::Sockets,
    timers::{Owner, Timers},
};
use crate::{
    dial,
    id::{Slab, SocketId},
    limits::{MessageLimits, PoolLimits},
    pool::{Dialing, Pool},
    time::Instant,
    trace::{Sink, Trace, Who},
};

/// The settings of a [`Client`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Config {
    /// The limits of the pool: connections, queue, idle times, retry budget.
    pub pool: PoolLimits,
    /// The policy for opening connections. Its `limits` are replaced by `messages`.
    pub dial: dial::DialPolicy,
    /// The limits on responses.
    pub messages: MessageLimits,
    /// Seeds the jitter of retry delays: the same seed and the same inputs give the same outputs. 0
    /// by default.
    pub seed: u64,
    /// The wall-clock time at the driver's epoch, since 1970. A Retry-After date counts from it if
    /// the response has no Date. `None` by default.
    pub wall_at_epoch: Option<Duration>,
    /// The number of trace lines that each call keeps, to explain a failure:
    /// [`Call::recent_trace`](crate::call::Call::recent_trace). 0 by default.
    pub recent_trace: usize,
    /// Whether each call collects its [timings](crate::call::Call::timings). False by default.
    pub timings: bool,
}

/// All calls and connections of one event loop. The [module](super) describes how to drive it.
pub struct Client {
    pub(super) pool: Pool<SocketId>,
    pub(super) calls: Slab<Running>,
    pub(super) dials: Dials,
    pub(super) sockets: Sockets,
    /// The call of each ticket, by the ticket's slot.
    pub(super) tickets: Vec<u32>,
    pub(super) timers: Timers,
    /// Scratch space for the owners whose deadline has come. Empty between calls.
    pub(super) due: Vec<(Instant, Owner)>,
    pub(super) actions: VecDeque<Action>,
    /// The number of actions that have left that queue.
    pub(super) taken: u64,
    /// Calls to serve.
    pub(super) work: VecDeque<u32>,
    /// Calls whose end was passed to the driver. Their ids become stale at the next action.
    pub(super) over: Vec<u32>,
    pub(super) dial: dial::DialPolicy,
    pub(super) messages: MessageLimits,
    pub(super) sink: Option<Arc<dyn Sink>>,
    pub(super) recent_trace: usize,
    pub(super) timings: bool,
    pub(super) seed: u64,
    pub(super) wall_at_epoch: Option<Duration>,
    /// The number of calls that have not ended.
    pub(super) live: usize,
    /// The number of calls started so far.
    pub(super) requests: u64,
}

/// # Construction
impl Client {
    /// Makes a client without calls or connections.
    pub fn new(config: Config) -> Self {
        let mut dial = config.dial;
        dial.limits = config.messages;
        Self {
            pool: Pool::new(config.pool, Dialing::Shared),
            calls: Slab::new(),
            dials: Dials::default(),
            sockets: Sockets::new(),
            tickets: Vec::new(),
            timers: Timers::default(),
            due: Vec::new(),
            actions: VecDeque::new(),
            taken: 0,
            work: VecDeque::new(),
            over: Vec::new(),
            dial,
            messages: config.messages,
            sink: None,
            recent_trace: config.recent_trace,
            timings: config.timings,
            seed: config.seed,
            wall_at_epoch: config.wall_at_epoch,
            live: 0,
            requests: 0,
        }
    }

    /// Traces every event and action of the pool, and of all calls and dials that begin from now
    /// on, to `sink`. A call is [`Who::Call`] with the number of its request, from 0. A dial is
    /// [`Who::Dial`] with the bits of its connection's id.
    pub fn set_trace(&mut self, sink: Arc<dyn Sink>) {
        self.pool.set_trace(Trace::new(sink.clone(), Who::Pool));
        self.sink = Some(sink);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("calls", &self.calls()).field("pool", &self.pool).finish()
    }
}
