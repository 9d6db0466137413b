//! Who may use which connection. No sockets, no bytes, no calls.
//!
//! Two calls may share a connection if their [`Key`](crate::message::Key)s are equal. A driver checks
//! out, claims, and checks in; it does what [`Pool::poll_action`] says, and reports how dials ended.
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
//! | **offered** | at once, in this order: the pool is closed, it is too old, others need its place | goes: [`Action::Close`] |
//! | | somebody waits for it | is granted, and [`Action::Wake`] sent |
//! | | as many are idle as are kept | goes |
//! | | | is idle |
//! | granted | [`claim`](Pool::claim) | is leased |
//! | | [`cancel`](Pool::cancel) | is offered, as it was |
//! | idle | [`checkout`](Pool::checkout) | is granted |
//! | | its time is over, it is lost, or its place is needed | goes |
//! | leased | [`checkin`](Pool::checkin) to keep it | is offered |
//! | | checkin to discard it | is gone |
//!
//! # The rules
//!
//! - **A hit** takes the newest idle connection of the key; older ones get their rest and expire.
//! - **The line** is first come, first served for each key. Who wants a fresh connection (the request
//!   before met a stale one) comes before the others, and is served by finished dials alone.
//! - **A grant stays in the pool** until it is claimed. A ticket that is cancelled at that moment
//!   gives it back, and it goes to the next: no order of grant, claim, cancel and timeout loses a
//!   connection or a place.
//! - **A dial belongs to nobody** in an event loop: finished, it goes to the front of the line as a
//!   returned connection does, else it is parked. There are never more dials begun than tickets wait;
//!   when a ticket is served otherwise, its dial serves the next one without, and if there is none
//!   the youngest dial is abandoned, unless it is [connected](Pool::dial_connected).
//! - **A dial belongs to its thread** with
//!   [`own_dials`](field@crate::limits::PoolLimits::own_dials): finished, it goes to the ticket at whose wish it ran. When that is served otherwise or given up, only the thread knows how
//!   far the dial has got. It counts until the thread has told: if TCP is not up, with
//!   [`dial_abandoned`](Pool::dial_abandoned); if it is, with `dialed`, and the connection then goes to
//!   the front of the line or is parked like one that was returned. Until then the dial serves the
//!   next ticket without one, so that no other is begun beside it: of one key there are never more
//!   connections than calls that ran at once (but for tickets that want a fresh one).
//! - **A failed dial** fails the ticket at whose wish it ran, if that still waits on it, and no other.
//! - **A dial without a descriptor** fails nobody while anything else is open. The pool closes the
//!   connection that is idle for longest, of whatever key, and begins the dial again. With none
//!   idle the ticket waits for its turn, as at the bound of all connections; for a second the pool
//!   opens no more than it had open then.
//! - **Nobody is refused who need not wait**: a ticket for which a connection is idle or can be
//!   opened at once is admitted, whatever the bounds on those who wait.
//! - **Room**: at the bound of all connections, the one that is idle for longest makes room, whosever
//!   it is. With none idle, the key waits for its turn in a ring. A key that has nothing open comes
//!   before those that have, and until it has something each connection that comes back makes room:
//!   otherwise a key whose line is never empty would keep its connections for ever, and starve the
//!   others. (With more busy keys than connections allowed, connections are thus of little use twice.)
//!
//! # Example
//!
//! ```
//! use httpool::message::{Key, Origin, Scheme};
//! use httpool::limits::PoolLimits;
//! use httpool::pool::{Action, Checkin, Claim, Pool, Want};
//! use httpool::time::Instant;
//!
//! let key = Key::direct(Origin::new(Scheme::Http, "example.com", 80));
//! let (now, any) = (Instant::from_nanos(0), Want { repeatable: true, ..Want::default() });
//! let mut pool = Pool::new(PoolLimits::default());
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

mod budget;
mod check;
mod dials;
mod line;
mod list;
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
pub use types::{Action, Checkin, Claim, Evicted, Lease, Stats, Ticket, Want};
