//! Tests the pool's trace: a line for each event, and for each answer and action.

use core::time::Duration;
use std::sync::{Arc, Mutex};

use httpool::{
    error::DialError,
    limits::PoolLimits,
    message::{Key, Origin, Scheme},
    pool::{Action, Checkin, Claim, Dialing, Pool, Want},
    time::Instant,
    trace::{Line, Sink, Trace, Who},
};

#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Sink for Lines {
    fn line(&self, line: &Line<'_>) {
        self.0.lock().expect("nobody panics here").push(line.to_string());
    }
}

#[test]
fn a_story_of_reuse_failure_and_close() {
    let lines = Arc::new(Lines::default());
    let mut pool = Pool::new(PoolLimits::default(), Dialing::Shared);
    pool.set_trace(Trace::new(lines.clone(), Who::Pool));
    let key = Key::direct(Origin::new(Scheme::Http, "a", 80));
    let any = Want { repeatable: true, ..Want::default() };
    let at = |ms| Instant::from_nanos(0).after(Duration::from_millis(ms));

    let first = pool.checkout(&key, any, at(0)).unwrap();
    assert!(matches!(pool.claim(first, at(0)), Claim::Wait { dialing: true }));
    let Some(Action::Dial { conn, .. }) = pool.poll_action() else { panic!() };
    pool.dialed(conn, (), at(20));
    let Claim::Fresh { lease, io } = pool.claim(first, at(20)) else { panic!() };
    pool.checkin(lease, Checkin::Keep(io), at(30));
    let second = pool.checkout(&key, any, at(35)).unwrap();
    let Claim::Reuse { lease, .. } = pool.claim(second, at(35)) else { panic!() };
    pool.checkin(lease, Checkin::Discard, at(36));
    let third = pool.checkout(&key, Want { fresh: true, ..any }, at(36)).unwrap();
    assert!(matches!(pool.poll_action(), Some(Action::Wake(_))));
    let Some(Action::Dial { conn, .. }) = pool.poll_action() else { panic!() };
    pool.dial_failed(conn, DialError::Name, at(40));
    assert!(matches!(pool.claim(third, at(40)), Claim::Failed(_)));
    pool.close();

    let expected = "\
0.000000 pool < key 0 http://a:80+0+none
0.000000 pool < checkout 0 repeatable
0.000000 pool > dial c0.0 t0.0 http://a
0.000000 pool > admit t0.0
0.000000 pool < claim t0.0
0.000000 pool > wait t0.0 dialing
0.020000 pool < dialed c0.0
0.020000 pool > wake t0.0
0.020000 pool < claim t0.0
0.020000 pool > fresh t0.0 c0.0
0.030000 pool < checkin c0.0 keep
0.035000 pool < checkout 0 repeatable
0.035000 pool > admit t0.1
0.035000 pool < claim t0.1
0.035000 pool > reuse t0.1 c0.0 probe
0.036000 pool < checkin c0.0 discard
0.036000 pool < checkout 0 fresh repeatable
0.036000 pool > dial c0.1 t0.2 http://a
0.036000 pool > admit t0.2
0.040000 pool < dial-failed c0.1 Name
0.040000 pool < claim t0.2
0.040000 pool > fail t0.2 Dial(Name)
0.040000 pool < close";
    assert_eq!(lines.0.lock().unwrap().join("\n"), expected);
}
