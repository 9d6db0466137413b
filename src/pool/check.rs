//! Checks all invariants of the pool; [`Pool::check`] lists them.

use alloc::{format, string::String};

use super::{
    Dialing, Pool,
    list::{Chain, List},
    table::{ByAge, Entry, Standing, State, Waiter},
};
use crate::id::Slab;

macro_rules! hold {
    ($invariant:expr, $($words:tt)+) => {
        if !$invariant {
            return Err(format!($($words)+));
        }
    };
}

pub(super) fn walk<T>(pool: &Pool<T>) -> Result<(), String> {
    totals(pool)?;
    for (key, _, entry) in pool.keys.iter() {
        let name = &entry.name;
        key_counts(pool, key, entry).map_err(|why| format!("{name}: {why}"))?;
        key_lines(pool, key, entry).map_err(|why| format!("{name}: {why}"))?;
        key_look_ups(pool, entry).map_err(|why| format!("{name}: {why}"))?;
    }
    for (index, _, conn) in pool.conns.iter() {
        let reusable = conn.retired.is_none() && !pool.closed;
        let listed = conn.peer.is_some() && reusable && !matches!(conn.state, State::Dialing(_));
        hold!(conn.by_peer.linked() == listed, "the address of {index} is not watched, or is");
        let linked = (conn.by_key.linked(), conn.by_use.linked());
        let place = match &conn.state {
            State::Dialing(it) => {
                let waiter = it.ticket.and_then(|ticket| pool.tickets.at(ticket));
                let agreed = match waiter.map(|(_, waiter)| waiter.state) {
                    Some(standing) => standing == Standing::Waiting { dial: Some(index) },
                    None => it.ticket.is_none() && it.kept,
                };
                agreed && linked == (!it.kept || it.ticket.is_none(), false)
            }
            State::Idle { .. } => linked == (true, true),
            State::Granted { ticket, .. } => {
                let waiter = pool.tickets.at(*ticket).map(|(_, waiter)| waiter.state);
                linked == (false, false) && waiter == Some(Standing::Granted(index))
            }
            State::Leased => linked == (false, false),
        };
        hold!(place, "connection {index} is not in the one place of its state");
        hold!(!pool.closed || matches!(conn.state, State::Leased), "{index} outlives the close");
    }
    for (index, _, waiter) in pool.tickets.iter() {
        ticket(pool, index, waiter)?;
    }
    Ok(())
}

fn totals<T>(pool: &Pool<T>) -> Result<(), String> {
    let sum =
        |count: fn(&Entry) -> usize| pool.keys.iter().map(|(_, _, it)| count(it)).sum::<usize>();
    hold!(pool.room.max <= pool.limits.open_max, "room for more than open_max");
    hold!(pool.conns.len() <= pool.room.max, "more connections than there is room for");
    hold!(pool.conns.len() == sum(|it| it.open), "open is not the sum of the keys'");
    hold!(pool.lru.len() == sum(|it| it.idle.len()), "idle is not the sum of the keys'");
    hold!(pool.dialing == sum(|it| it.dialing), "dialing is not the sum of the keys'");
    hold!(pool.waiting == sum(Entry::waiting), "waiting is not the sum of the keys'");
    hold!(pool.names.len() == pool.keys.len(), "names and keys differ");
    hold!(length(&pool.lru, &pool.conns), "idle: a broken list");
    hold!(pool.ages.groups().all(|it| length(it, &pool.conns)), "ages: a broken list");
    hold!(length(&pool.stranded, &pool.keys), "stranded: a broken list");
    hold!(length(&pool.held, &pool.keys), "held: a broken list");
    hold!(length(&pool.warm, &pool.keys), "warm: a broken list");
    hold!(pool.warm.len() <= pool.limits.idle_keys_max, "more warm keys than allowed");
    hold!(length(&pool.due, &pool.keys), "due: a broken list");
    let due = |key: u32| pool.keys[key].look_ups.as_ref().map(|it| it.at);
    hold!(pool.due.iter(&pool.keys).is_sorted_by_key(due), "look-ups not in order");
    let parked = |index: u32| match pool.conns[index].state {
        State::Idle { parked, .. } => Some(parked),
        State::Dialing(_) | State::Granted { .. } | State::Leased => None,
    };
    hold!(
        pool.lru.iter(&pool.conns).all(|it| parked(it).is_some()),
        "one in use is listed as idle"
    );
    hold!(pool.lru.iter(&pool.conns).is_sorted_by_key(parked), "idle not in order of expiry");
    let opened = |index: u32| pool.conns[index].opened;
    let sorted = |it: &List<ByAge>| it.iter(&pool.conns).is_sorted_by_key(opened);
    hold!(pool.ages.groups().all(sorted), "ages not in order");
    if !pool.stranded.is_empty() || !pool.held.is_empty() {
        hold!(pool.conns.len() == pool.room.max, "a turn is waited for with room left");
        hold!(pool.lru.is_empty(), "a turn is waited for with idle connections to evict");
    }
    Ok(())
}

fn key_counts<T>(pool: &Pool<T>, key: u32, entry: &Entry) -> Result<(), String> {
    let count = |what: fn(&State<T>) -> bool| {
        pool.conns.iter().filter(|(_, _, it)| it.key == key && what(&it.state)).count()
    };
    hold!(pool.names.get(&entry.name) == Some(&key), "its name leads elsewhere");
    hold!(entry.open + entry.waiting() > 0 || entry.watched > 0, "nothing refers to it");
    let bounded = pool.limits.idle_keys_max != usize::MAX;
    hold!(entry.warm.linked() == (bounded && !entry.idle.is_empty()), "not warm, or not cold");
    hold!(entry.open == count(|_| true), "open is not counted right");
    hold!(entry.dialing == count(|it| matches!(it, State::Dialing(_))), "dialing is wrong");
    hold!(entry.idle.len() == count(|it| matches!(it, State::Idle { .. })), "idle is wrong");
    hold!(length(&entry.idle, &pool.conns), "idle: a broken list");
    hold!(length(&entry.dials, &pool.conns), "dials: a broken list");
    hold!(length(&entry.orphans, &pool.conns), "orphans: a broken list");
    hold!(entry.open <= entry.limits.open_max, "over open_per_key_max");
    hold!(entry.idle.len() <= entry.limits.idle_max, "over idle_per_key_max");
    hold!(entry.dialing <= pool.limits.dialing_per_key_max, "over dialing_per_key_max");
    hold!(entry.dialing <= entry.waiting() + entry.orphans.len(), "dials for nobody");
    Ok(())
}

fn key_lines<T>(pool: &Pool<T>, key: u32, entry: &Entry) -> Result<(), String> {
    for line in [&entry.fresh, &entry.plain] {
        hold!(length(&line.all, &pool.tickets), "a broken line");
        hold!(length(&line.undialed, &pool.tickets), "a broken list of the undialed");
    }
    hold!(entry.plain.all.is_empty() || entry.idle.is_empty(), "one waits, one is idle");
    let ring = if entry.stranded { &pool.stranded } else { &pool.held };
    let in_ring = ring.iter(&pool.keys).any(|it| it == key);
    hold!(entry.turn.linked() == in_ring, "it is not in the ring it belongs in");
    hold!(!in_ring || entry.stranded == (entry.open == 0), "it is in the wrong ring");
    hold!(pool.wants_dial(key) == in_ring, "it would dial and has no turn, or the reverse");
    if entry.undialed().is_some() {
        let bound =
            entry.dialing == pool.limits.dialing_per_key_max || entry.open == entry.limits.open_max;
        hold!(in_ring || bound, "a ticket has nothing ahead of it");
        hold!(entry.orphans.is_empty(), "a dial for nobody, and a ticket without one");
    }
    for orphan in entry.orphans.iter(&pool.conns) {
        let dial = pool.dial(orphan);
        hold!(dial.kept && dial.ticket.is_none(), "connection {orphan} is no orphan");
    }
    Ok(())
}

fn key_look_ups<T>(pool: &Pool<T>, entry: &Entry) -> Result<(), String> {
    let Some(it) = &entry.look_ups else {
        hold!(!entry.due.linked(), "a look-up of no name");
        return Ok(());
    };
    hold!(length(&it.peers, &pool.conns), "peers: a broken list");
    let never = pool.limits.look_up_every.is_none_or(|every| pool.now.reachable(every).is_none());
    let wanted = !it.peers.is_empty() && it.asked.is_none();
    hold!(entry.due.linked() == wanted || never, "a look-up is missing, or not wanted");
    Ok(())
}

fn ticket<T>(pool: &Pool<T>, index: u32, waiter: &Waiter) -> Result<(), String> {
    let linked = (waiter.in_line.linked(), waiter.undialed.linked());
    match waiter.state {
        Standing::Waiting { dial } => {
            hold!(!pool.closed, "ticket {index} waits for a closed pool");
            hold!(linked == (true, dial.is_none()), "ticket {index} is not where it waits");
            if let Some(dial) = dial {
                let it = pool.dial(dial);
                hold!(it.ticket == Some(index), "ticket {index} counts on another's dial");
                hold!(
                    pool.dialing_by == Dialing::Shared || it.kept,
                    "ticket {index}: not its thread's dial"
                );
                hold!(pool.conns[dial].key == waiter.key, "ticket {index}: a dial elsewhere");
            }
        }
        Standing::Granted(conn) => {
            hold!(linked == (false, false), "ticket {index} is granted and waits");
            let granted = pool.conns.at(conn).is_some_and(
                |(_, it)| matches!(it.state, State::Granted { ticket, .. } if ticket == index),
            );
            hold!(granted, "ticket {index} has nothing to claim");
        }
        Standing::Failed(_) => hold!(linked == (false, false), "ticket {index} failed and waits"),
    }
    Ok(())
}

/// Returns whether a list ends, and has as many entries as it claims.
fn length<V, C: Chain<V>>(list: &List<C>, slab: &Slab<V>) -> bool {
    list.iter(slab).take(list.len() + 1).count() == list.len()
        && list.iter(slab).take(list.len()).last() == list.back()
}
