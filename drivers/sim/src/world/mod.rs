//! A world in virtual time: a network, names, servers and applications, all from one seed, and an
//! oracle that judges every call.
//!
//! ```text
//!   Plan ──▶ applications ──▶ client::Client ◀──▶ driver ◀──▶ network ◀──▶ servers
//!   (calls, servers,   ▲            │                │         latency,      scripts of answers,
//!    faults, noise)    └─ events ───┘                │         windows,      what they have done
//!                                                    ▼         resets
//!                                                  oracle
//! ```
//!
//! A [`Plan`] says which servers there are, which calls are made, how each is answered, and what
//! goes wrong. It is written by hand, to see what a policy does, or [grown](Plan::from_seed) from a
//! seed. [`run`] plays it: nothing in it waits, so that an hour of retries takes no time, and the
//! same plan gives the same world, event for event. [`trace`] writes down what happens.
//!
//! The client in it is the real one, driven as an event loop drives it: any number of inputs come
//! before the next action, reads and writes are cut anywhere, and news of what is long over are
//! told. What the oracle demands, at every step or at the end:
//!
//! | of | is demanded |
//! |---|---|
//! | each call | one outcome, and silence after it; a failure has a reason in this world |
//! | a response | it is that of this request, byte for byte, and all of it |
//! | a request | its server reads what the application gave; credentials reach their own server only |
//! | a success | its server has the whole request, or has said or shown that it wants no more |
//! | a POST | a server acts on it once, unless its policy allows more |
//! | the line | who came first is served first; nobody is refused who need not wait |
//! | an address that does not answer | the next one is tried after its share of the time, or the delay of a race; after a failure at once |
//! | deadlines | they pass in their time, neither before nor after; without any, every call still ends |
//! | an unwanted body | it is read for as long as the policy allows, and no longer |
//! | a redirect | it is followed no sooner than its Retry-After says |
//! | a connection | nothing is asked on one that spoke unasked, or whose end was announced; it is probed before it is used again |
//! | descriptors | no call fails for want of one while a connection could be closed, or comes back |
//! | the client | [its invariants](httpool::client::Client::check), after each step |
//! | stale news | they have no effect |
//! | the end | no call, lease, connection or socket is left |
//!
//! One thing cannot be told by any client of HTTP/1.1: a whole response that nobody asked for, and
//! that comes in the very moment in which a request has been written, looks like its answer. Such
//! worlds are counted, and calls that were misled so are judged by all but their content.
//!
//! # Threads
//!
//! [`run_threads`] plays the same plan over the blocking driver: its own code, over a platform each
//! method of which is a step of the schedule. Threads pass a baton; which one runs next is the
//! seed's choice, and where all of them wait, time passes. The servers, the network and the oracle
//! are the same; the driver's pool cannot be looked into, so that in place of its invariants there
//! is what it does.
//!
//! # Whether it would find anything
//!
//! Each defect that the design excludes stands behind a switch in a build for tests, and the worlds
//! must find it (`tests/mutations.rs`). In the how-manieth world it is found, of the same ones for
//! each:
//!
//! | defect | event loop | threads | found by |
//! |---|---|---|---|
//! | a lease is not given back | 1 | | an invariant |
//! | a ticket that has a dial gets more of them | 1 | | an invariant |
//! | who comes last is served first | 1 | | the order of the line |
//! | a connection is granted, and may still be evicted | 2 | | a panic |
//! | only the stall deadline bounds the reading of an unwanted body | 4 | | the time it takes |
//! | a name that was given up comes to mean another entry | 7 | | stale news |
//! | a call is refused because others wait, though it need not | 12 | | the room there was |
//! | nothing bounds the wait for more of a body | 16 | 8 | the time it takes, a hang |
//! | a connection is not probed a moment after its last use | 17 | 9 | what had come by then; the look that was left out |
//! | a redirect with Retry-After is followed at once | 30 | 30 | the server that it leads to |
//! | bytes of chunk framing begin the stall deadline again | 84 | 84 | the time it takes |
//! | a waiter is lost when the one who dialled for it cancels | 12 | 1,226 | an invariant, a hang |
//! | credentials follow a redirect to another origin | 37 | 37 | the server that gets them |
//! | a response that is discarded while paused is not read on | 90 | | what is left |
//! | a POST is sent again though a server may have acted | 90 | 453 | the server's count |
//! | a call fails for want of a descriptor though others could be closed | 138 | | what was open |
//! | bytes on an idle connection are let pass | 149 | | the poisoned connection that is used |
//! | the end of a response stops the upload, and that is called success | 250 | 294 | the server that lacks the body |
//! | an address that does not answer has its share of the connect time, not of the call's total | 309 | | the next address, too late |
//! | a call is spoken of after it was given up | 332 | | the application |
//! | a connection is kept though its request was not all written | 16,546 | 7,915 | the server that reads on |
//!
//! Where nothing stands, the defect is in what the other driver uses, or cannot be seen from there.
//!
//! # Testing a policy
//!
//! My server answers 503 twice, and asks for two seconds each time. How long does my policy take,
//! and how often does the server act?
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
//! `cargo run --release -p httpool-sim --bin worlds -- --worlds 200000` runs that many, says how
//! many of them have seen each state, deadline, fault and outcome, and stops at the first violation:
//! its world is made as small as it goes, and its trace printed. One world in ten is of threads.
//! `--replay SEED` prints the trace of one world, with `--blocking` over threads.

mod base;
mod cases;
mod clock;
mod driver;
mod grow;
mod marks;
mod net;
mod parse;
mod plan;
mod proxy;
mod random;
mod reply;
mod run;
mod seen;
mod server;
mod shrink;
mod stage;
mod switch;
mod threads;
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
