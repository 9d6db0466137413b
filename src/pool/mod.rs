//! Decides which call may use which connection. The pool has no sockets, handles no bytes, and does
//! not know the calls.
//!
//! Two calls can share a connection if their [`Key`](crate::message::Key)s are equal. A driver
//! checks connections out, claims them, and checks them in. It performs the actions of
//! [`Pool::poll_action`] and reports how dials ended.
//!
//! ```text
//!            a hit ┌──────────────────────────────────┐
//!                  │                 offer            ▼        claim
//!  checkout ───────┴──▶ waiting ──────────────────▶ granted ─────────▶ spent
//!                        │   ▲     connection lost    │  │ cancel        ▲
//!                        │   └────────────────────────┘  ├───────────────┤
//!            dial failed,│                         close │               │
//!                   close└─────────────▶ failed ◀────────┘               │
//!                                          └──────── claim, cancel ──────┘
//! ```
//!
//! | a connection is | until | and then |
//! |---|---|---|
//! | dialing | [`dialed`](Pool::dialed) | is offered, as fresh |
//! | | [`dial_failed`](Pool::dial_failed), [`dial_abandoned`](Pool::dial_abandoned), or [`Action::Abandon`] | is gone |
//! | **offered** | checked at once, in this order: the pool is closed, the connection is too old, another key needs its place | is closed: [`Action::Close`] |
//! | | a ticket waits for it | is granted, and [`Action::Wake`] sent |
//! | | it was leased when its [key was closed](Pool::close_key) or the pool [retired](Pool::retire) | is closed |
//! | | its name was looked up again since it was dialed, and its address is gone | is closed |
//! | | `idle_per_key_max` connections of its key are idle | is closed |
//! | | none of these | is idle |
//! | granted | [`claim`](Pool::claim) | is leased |
//! | | [`cancel`](Pool::cancel) | is offered, as it was |
//! | idle | [`checkout`](Pool::checkout) | is granted |
//! | | it has expired, it is lost, its address is gone, or its place is needed | is closed |
//! | leased | [`checkin`](Pool::checkin) to keep it | is offered |
//! | | checkin to discard it | is gone |
//!
//! # The rules
//!
//! - **Reuse.** A checkout takes the newest idle connection of the key. Older ones stay unused and
//!   expire.
//! - **Queue.** Each key serves its tickets first come, first served. Tickets that want a fresh
//!   connection, because the last one was stale, come before the others. Only finished dials serve
//!   them.
//! - **Grants.** A granted connection stays in the pool until it is claimed. If its ticket is
//!   cancelled before that, the connection goes to the next ticket. No order of grant, claim,
//!   cancel and timeout loses a connection, or its place under the limits.
//! - **Shared dials**, the rule for event loops. A finished dial goes to the front of the queue
//!   like a returned connection, or is parked. There are never more dials than waiting tickets.
//!   When a ticket is served by another connection, its dial is assigned to the next ticket without
//!   one. If there is none, the youngest dial is abandoned, unless it is
//!   [connected](Pool::dial_connected).
//! - **Own dials**, the rule for threads with [`Dialing::PerThread`]. A finished dial
//!   goes to the ticket that asked for it. If that ticket is cancelled or served by another
//!   connection, only its thread knows how far the dial has got, and the dial counts until the
//!   thread has reported it: with [`dial_abandoned`](Pool::dial_abandoned) before TCP is connected,
//!   and with `dialed` after. The connection then goes to the front of the queue, or is parked.
//!   Until then the dial is assigned to the next ticket without one, so that no other dial begins
//!   beside it. So a key never has more connections than calls that ran at the same time, except
//!   for tickets that want a fresh one.
//! - **Failed dials.** A failed dial fails the ticket that asked for it, if it still waits for it,
//!   and no other.
//! - **No file descriptor.** A dial that finds no descriptor fails no ticket while anything else is
//!   open. The pool closes the connection that is idle for longest, of any key, and begins the dial
//!   again. Without an idle connection the ticket waits, as at the limit on all connections. For
//!   one second the pool opens no more connections than it had open then.
//! - **Admission.** The limits on waiting tickets apply only to a ticket that must wait. A ticket
//!   is admitted if a connection for it is idle or can be opened at once.
//! - **Room.** At the limit on all connections, the one idle for longest, of any key, is closed to
//!   make room. Without an idle one, the key waits for its turn in a ring. A key without
//!   connections comes before the others. While it waits, each connection that comes back is closed
//!   to make room for it. Otherwise a key whose queue is never empty would keep its connections for
//!   ever and starve the others. (With more busy keys than connections allowed, connections are
//!   therefore rarely reused.)
//!
//! - **Limits of a key.** A key may have [limits of its own](crate::message::KeyLimits) in place of
//!   `open_per_key_max` and `idle_per_key_max`. It shares no connection with a key that differs in
//!   these alone.
//! - **Fresh names.** With [`look_up_every`](field@crate::limits::PoolLimits::look_up_every) the name
//!   of a key with open connections is looked up again and again. After an answer, no ticket gets a
//!   connection to an address that it does not have: idle ones are closed, granted ones as well, and
//!   their tickets return to the front of the queue, and leased ones are closed when they come back.
//!   A connection that was being opened when the answer came serves one ticket that waits for it,
//!   and is closed then: a name whose answers change faster than a connection opens would
//!   otherwise never get one.
//! - **Keys.** With a bound on the keys that keep idle connections (`idle_keys_max`), the connection
//!   of one more key is kept, and all idle connections of the key that got one back the longest ago
//!   are closed.
//!
//! # Example
//!
//! ```
//! use httpool::message::{Key, Origin, Scheme};
//! use httpool::limits::PoolLimits;
//! use httpool::pool::{Action, Checkin, Claim, Dialing, Pool, Want};
//! use httpool::time::Instant;
//!
//! let key = Key::direct(Origin::new(Scheme::Http, "example.com", 80));
//! let (now, any) = (Instant::from_nanos(0), Want { repeatable: true, ..Want::default() });
//! let mut pool = Pool::new(PoolLimits::default(), Dialing::Shared);
//!
//! // Nothing is there yet: the ticket waits, and the pool asks for a dial.
//! let ticket = pool.checkout(&key, any, now)?;
//! assert!(matches!(pool.claim(ticket, now), Claim::Wait { dialing: true }));
//! let Some(Action::Dial { conn, .. }) = pool.poll_action() else { panic!() };
//! pool.dialed(conn, "a socket", now);
//! assert!(matches!(pool.poll_action(), Some(Action::Wake(who)) if who == ticket));
//! let Claim::Fresh { lease, io } = pool.claim(ticket, now) else { panic!() };
//!
//! // Given back, it serves the next call at once, once a look has found that it still can.
//! pool.checkin(lease, Checkin::Keep(io), now);
//! let ticket = pool.checkout(&key, any, now)?;
//! let Claim::Reuse { lease, probe: true, .. } = pool.claim(ticket, now) else { panic!() };
//! assert_eq!(lease.conn(), conn);
//! pool.checkin(lease, Checkin::Discard, now);
//! assert_eq!(pool.stats().open, 0);
//! # Ok::<(), httpool::error::Unavailable>(())
//! ```

mod ages;
mod budget;
mod check;
mod dials;
mod keys;
mod line;
mod list;
mod look_ups;
mod offer;
#[expect(clippy::module_inception, reason = "the module's one type")]
mod pool;
mod record;
mod shortage;
mod table;
mod types;

#[cfg(test)]
mod tests;

pub use pool::Pool;
pub use types::{Action, Checkin, Claim, Dialing, Evicted, Lease, Stats, Ticket, Uses, Want};

pub(crate) use record::{Input, Setup};
