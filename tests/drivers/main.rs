//! Two drivers, one core: the same calls to the same servers, one after another, and each machine of
//! a call and of a dial is told the same and decides the same.
//!
//! What is compared are the lines of the trace that are for calls and dials, in their order, without
//! times and ports. What drivers may do differently is taken out or merged before, and listed here:
//!
//! - How input is cut: `bytes` says how much was shown to the machine, which depends on buffers.
//!   Adjacent pieces of body (`data`) and adjacent writes (`written`) are added up.
//! - A driver of threads reads when the application does, and pauses meanwhile (`pause`).
//! - Whoever stands in line is told that its dial is under way (`dialing`) as often as the driver
//!   asks.
//! - Both look at an idle connection before they use it, and one on an event loop watches it as
//!   well: both know of a connection that its peer has closed before they write. That is the
//!   pool's, whose lines are not compared: who dials is a setting, and so is when a connection is
//!   taken for lost.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod run;
mod script;
mod trace;

use run::{Blocking, Mio};
use script::World;

#[test]
fn both_tell_the_machines_the_same() {
    let blocking = script::run(&World::new(), Blocking::new);
    let mio = script::run(&World::new(), Mio::new);
    for (step, (one, other)) in blocking.iter().zip(&mio).enumerate() {
        assert_eq!(one.outcome, other.outcome, "step {step}, {}", one.name);
        let (one_lines, other_lines) = (one.lines.join("\n"), other.lines.join("\n"));
        assert_eq!(one_lines, other_lines, "step {step}, {}", one.name);
        assert!(one.lines.len() > 5, "step {step}, {}: something was traced", one.name);
    }
    assert_eq!(blocking.len(), mio.len());
}
