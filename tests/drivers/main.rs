//! Checks that both drivers use the core alike. They make the same calls to the same servers, one
//! after another. Each call and each dial must get the same events and make the same decisions.
//!
//! The test compares the trace lines of calls and dials in their order, without times and ports.
//! Drivers may differ in these points, which are removed or merged before:
//!
//! - Input may be cut differently. `bytes` gives the length of the input, which depends on buffers.
//!   Adjacent pieces of body (`data`) and adjacent writes (`written`) are added up.
//! - A driver of threads reads when the application does, and pauses meanwhile (`pause`,
//!   `resume`).
//! - A call in line is told that its dial is under way (`dialing`) as often as the driver asks.
//! - Both drivers probe an idle connection before they reuse it, and the event loop also watches it.
//!   So both know before they write that a peer has closed a connection. The pool's lines are not
//!   compared, because the owner of a dial is a setting, and so is the time at which a connection
//!   counts as lost.

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
