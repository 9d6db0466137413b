//! Simulates a client in virtual time: a network, name look-ups, servers and applications, all from
//! one seed, and an oracle that checks every call.
//!
//! ```text
//!   Plan ──▶ applications ──▶ client::Client ◀──▶ driver ◀──▶ network ◀──▶ servers
//!   (calls, servers,   ▲            │                │         latency,      scripts of answers,
//!    faults, noise)    └─ events ───┘                │         windows,      the requests that
//!                                                    ▼         resets        they have seen
//!                                                  oracle
//! ```
//!
//! A [`Plan`] lists the servers, the calls, the answer to each call, and the faults. It is written
//! by hand, to see the effect of a policy, or [generated](Plan::from_seed) from a seed. [`run`]
//! executes it. Nothing in it sleeps, so an hour of retries takes no time. The same plan gives the
//! same events in the same order. [`trace`] also returns a line for each event.
//!
//! The client is the real one, and the driver treats it as an event loop does: several inputs may
//! come before the driver asks for actions, reads and writes are cut anywhere, and some inputs
//! carry stale ids. The oracle checks these rules, at each step or at the end:
//!
//! | subject | rule |
//! |---|---|
//! | each call | it has one outcome, and no events after it; each failure has a cause in this world |
//! | a response | it is the response to this request, byte for byte, and complete |
//! | a body that fails | another attempt follows only if it is a part of its attempt, and the reader forgets what it has of it; with a retry left, it does follow |
//! | a request | the server reads the bytes that the application gave; credentials reach their own server only |
//! | a proxy that forwards | each request to it has its whole URL and the proxy's credentials; no origin gets either |
//! | a tunnel | CONNECT has Host and the proxy's fields alone; a tunnel serves the calls with its credentials only |
//! | the guard | no denied address is dialed, and no proxy is asked for a denied one |
//! | a success | the server has the whole request, or has said or shown that it does not want the rest |
//! | a POST | a server processes it once, unless the call's policy allows more |
//! | the line | calls are served first come, first served; a call that need not wait is not refused |
//! | an address that does not answer | the next one is tried after its share of the time, or after the delay of a race; after a failure at once |
//! | deadlines | they pass on time, neither before nor after; without deadlines, every call still ends |
//! | an unwanted body | it is read for as long as the policy allows, and no longer |
//! | a redirect | it is followed no sooner than its Retry-After says |
//! | a connection | no request is sent after unsolicited bytes, an announced close, or a body that could not be used; nor after its greatest age, after an answer of a repeated look-up without its address, or after the application has closed its key or retired it; it is probed before it is reused |
//! | a session | its end without notice ends no body, also if a session around it ends with notice; no request follows a notice that has been read; no bytes are sent in clear on it; a ticket or a key update does not end an idle connection, and plaintext does |
//! | the timings of a call | its attempts follow each other, each phase is in its attempt, and the sums are those of the world's clock |
//! | descriptors | no call fails for want of one while a connection can be closed, or will come back |
//! | the client | [its invariants](httpool::client::Client::check) hold after each step |
//! | stale ids | they have no effect |
//! | the end | no call, lease, connection or socket is left |
//!
//! No HTTP/1.1 client can detect one case: a complete unsolicited response that arrives just after
//! a request was written looks like the response to it. The oracle counts such worlds. It checks
//! the calls that were misled in this way by every rule except the one about content.
//!
//! # Sessions
//!
//! In half of the generated plans ([`Plan::sessions`]) a connection to an `https` server or proxy
//! carries a session with the cipher of [`layer`](crate::layer), through the same
//! [`Wire`](httpool_kit::Wire) as in the drivers. Behind an `https` proxy an `https` server has a
//! session within that of the proxy: each has its own handshake, tickets and key updates, and each
//! ends with notice or without. In the other plans a handshake is an event, and the bytes stay
//! plain.
//!
//! # Threads
//!
//! [`run_threads`] executes the same plan with the blocking driver's own code, over a platform
//! whose methods are the steps of a schedule. One thread runs at a time, and the seed decides which
//! one is next. When all of them wait, the time advances. The servers, the network and the oracle
//! are the same. The oracle cannot see the pool inside the blocking driver, so it checks the
//! driver's behaviour instead of the pool's invariants.
//!
//! # Proof that the oracle finds faults
//!
//! A build for tests has a switch for each fault that the design excludes, and the worlds must find
//! the fault behind it (`tests/mutations.rs`). The table gives the number of the world that finds
//! it, in one sequence of worlds for all of them:
//!
//! | fault | event loop | threads | found by |
//! |---|---|---|---|
//! | a lease is not returned | 1 | | an invariant |
//! | a ticket that has a dial gets another one | 1 | | an invariant |
//! | the last call in line is served first | 1 | | the order of the line |
//! | the look-up of a dial that ended is not cancelled | 1 | | the look-ups that run at the end |
//! | a stale id refers to a new entry | 1 | | an id that is given out twice |
//! | a granted connection may still be evicted | 2 | | a panic |
//! | limits that a key has of its own are ignored | 3 | | the connections of the key |
//! | credentials follow a redirect to another origin | 9 | 9 | the server that receives them |
//! | a request that is redirected from a forward proxy to an origin has the proxy's fields | 9 | 9 | the server that receives them |
//! | a socket that lost a race is not closed | 12 | | the next socket in its slot |
//! | a call is refused because others wait, though it need not wait | 12 | | the free places in the pool |
//! | no deadline limits the wait for more of a body | 16 | 16 | the time that it takes, a hang |
//! | a waiter is lost when the call that dialled for it is cancelled | 17 | 419 | an invariant, a hang |
//! | a response that is discarded while paused is not read on | 27 | | the call that is left at the end |
//! | the addresses of a name are dialed although the guard denies them | 33 | 33 | the network |
//! | the TLS handshake with an origin behind a proxy is left out | 37 | 28 | the server; the bytes in clear |
//! | a redirect with Retry-After is followed at once | 37 | 37 | the server that it points to |
//! | the part of a body that a reader has is kept although another attempt begins | 42 | 42 | the bytes that the application reads |
//! | a failure inside a preloaded body is not retried | 42 | 613 | the retries that were left |
//! | bytes of chunk framing restart the stall deadline | 45 | 97 | the time that it takes |
//! | more keys than allowed keep idle connections | 50 | | an invariant |
//! | the connect timeout of a call does not limit opening a connection for it | 70 | | the time that it takes |
//! | only the stall deadline limits the reading of an unwanted body | 86 | | the time that it takes |
//! | a body that ends before its Content-Length counts as whole | 92 | 92 | the end of the body before its length |
//! | a call fails for want of a descriptor though others could be closed | 138 | | the connections that were open |
//! | a connection is not probed shortly after its last use | 140 | 9 | the bytes that had arrived; the missing probe |
//! | a POST is sent again though a server may have processed it | 149 | 1,990 | the server's count of requests |
//! | the notice that ends a session changes nothing | 175 | 175 | the call that fails without a cause |
//! | a session that is cut counts as ended by its peer | 277 | 9 | the server that gave no notice |
//! | the end of a response stops the upload, and the call reports success | 294 | 294 | the server that lacks the rest of the body |
//! | a tunnel is used for a call with other credentials for the proxy | 298 | 298 | the server that the tunnel leads to |
//! | an address that does not answer gets its share of the connect timeout, not of the call's total | 309 | | the next address, which is tried too late |
//! | a connection is used again although it is too old | 333 | 333 | the next request on that connection |
//! | a cancelled call has further events | 351 | | the application that receives them |
//! | a connection is kept after a body that its reader could not use | 392 | | the next request on that connection |
//! | a connection is kept though its key was closed, or the pool retired, while it was in use | 465 | | the next request on that connection |
//! | a connection is kept though its name was looked up again and has lost its address | 559 | | the next request on that connection |
//! | unsolicited bytes on an idle connection are ignored | 936 | | the reuse of that connection |
//! | a redirect leads a forward proxy to an origin that the guard denies | 937 | 937 | the proxy that receives it |
//! | the end of the session with a proxy counts as the end of the session within it | 5,708 | 2,474 | the origin that gave no notice |
//! | a connection is kept though its request was not completely written | 10,230 | 6,672 | the server that waits for the rest |
//! | plaintext that a session has opened is left for the next request | 15,015 | 3,902 | the reuse of that connection; the missing probe |
//!
//! An empty place means that the blocking driver does not use the code with the fault, or that the
//! oracle cannot see the fault there.
//!
//! # Testing a policy
//!
//! This example asks about a server that answers 503 twice, with a Retry-After of two seconds each
//! time: how long does a call take with this policy, and how often does the server process it?
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//!
//! use httpool::{call::{Policy, Retry}, message::Status};
//! use httpool_sim::world::{CallPlan, OriginPlan, Outcome, Plan, Reply, run};
//!
//! let mut policy = Policy::default();
//! policy.retry = Retry::new(3);
//! policy.retry.statuses.extend(Status::new(503));
//! policy.timeout.total = Some(Duration::from_secs(30));
//!
//! let mut plan = Plan::new(1);
//! plan.origins = vec![OriginPlan::new("http://api.test")];
//! let mut call = CallPlan::get(0, Arc::new(policy));
//! let busy = Reply::new(503).retry_after(2);
//! call.replies = vec![busy.clone(), busy, Reply::new(200)];
//! plan.calls = vec![call];
//!
//! let report = run(&plan)?;
//! let call = report.calls[0];
//! assert_eq!(call.outcome, Outcome::Response(200));
//! assert_eq!((call.arrivals, call.effects), (3, 1));
//! // Two pauses of two seconds, and four round trips of two milliseconds: one to connect.
//! assert_eq!(call.took, Duration::from_millis(4_008));
//! # Ok::<(), httpool_sim::world::Violation>(())
//! ```
//!
//! # Worlds from seeds
//!
//! `cargo run --release -p httpool-sim --bin worlds -- --worlds 200000` runs that many worlds, one
//! in ten of them over threads. It prints how many worlds have reached each state, deadline, fault
//! and outcome. It stops at the first violation, makes that world as small as possible, and prints
//! its trace. `--replay SEED` prints the trace of one world; with `--blocking` that world runs over
//! threads.

mod base;
mod cases;
mod clear;
mod clock;
mod driver;
mod grow;
mod io;
mod marks;
mod moves;
mod net;
mod parse;
mod plan;
mod proxy;
mod random;
mod reply;
mod run;
mod secure;
mod seen;
mod server;
mod session;
mod shrink;
mod stage;
mod switch;
mod threads;
mod timings;
mod traffic;
mod tries;
mod watch;

pub use cases::Outcome;
pub use marks::Coverage;
pub use plan::{
    Address, BodyPlan, CallPlan, Fault, FaultKind, Finish, Framing, Names, Noise, OriginPlan, Plan,
    Proxy, Reading, Reply, Tls,
};
pub use random::Random;
pub use run::{CallReport, Report, Violation, record, run, trace};
pub use shrink::shrink;
pub use threads::{run_threads, trace_threads};
