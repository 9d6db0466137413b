//! Tests the demo and the manual.

mod support;

use support::run_well;

#[test]
fn every_scene_goes_as_promised() {
    let shown = run_well(&[]);
    let scenes = if cfg!(feature = "demo-tls") { "9 of 9" } else { "8 of 8" };
    assert!(shown.contains(&format!("\n{scenes} scenes went as promised")), "{shown}");
    if cfg!(feature = "demo-tls") {
        for sentence in [
            "connection 1 is secured: TLSv1.3 X25519MLKEM768 full verified",
            "connection 2 is secured: TLSv1.3 X25519MLKEM768 resumed verified",
            "connection 3 is given up in its handshake",
        ] {
            assert!(shown.contains(sentence), "{sentence:?} in {shown}");
        }
    }
    // The sentences depend on the core's trace. A change of the trace must not remove them.
    for sentence in [
        "call 1  GET /hello",
        "has none to give: opens connection 1 for call 1",
        "connection 1 is open",
        "gives connection 1 to call 2",
        "sends ",
        "is answered: 200",
        "reads 11 B of the body",
        "takes connection 1 back",
        "follows the redirect",
        "to be looked at first",
        "connection 1 is dead, and closed",
        "finds that the server has hung up",
        "asks again",
        "fails: the connection was lost",
        "waits, and holds no connection",
        "has waited",
        " stands in line",
    ] {
        assert!(shown.contains(sentence), "{sentence:?} in {shown}");
    }
    assert!(!shown.contains('\x1b'), "colour where nobody looks");
}

#[test]
fn the_manual_and_the_version() {
    assert_eq!(run_well(&["--version"]), format!("httpool {}\n", env!("CARGO_PKG_VERSION")));
    let manual = run_well(&["help"]);
    assert_eq!(manual, run_well(&["get", "--help"]));
    assert!(manual.contains("Exit codes"));
}
