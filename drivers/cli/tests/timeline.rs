//! Tests `httpool timeline`: a page from a trace, a recording and the demo.

mod support;

use std::{fs, path::Path, process::Command};

use support::{Directory, Server, response, run, run_well, text, without_proxies};

#[test]
fn a_trace_and_a_recording_of_the_same_call_give_the_same_lanes() {
    let server = Server::start(|seen| {
        let to = if seen.line.contains("/old") { "302 Found" } else { "200 OK" };
        response(to, "Location: /new\r\n", "")
    });
    let directory = Directory::new("timeline");
    let (trace, recording) = (directory.path("trace"), directory.path("recording"));
    let url = server.url("/old?token=secret");
    let output = run(&["get", "--events", "-L", "--record", &recording, &url]);
    fs::write(&trace, output.stderr).unwrap();
    for input in [&trace, &recording] {
        let page = run_well(&["timeline", input]);
        for part in ["call r0 GET http://127.0.0.1", "redirect 302", "connection c0.0 http://"] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("secret"), "{page}");
    }
    let svg = directory.path("picture.svg");
    run_well(&["timeline", &trace, "-o", &svg]);
    assert!(fs::read_to_string(svg).unwrap().starts_with("<svg xmlns="));
}

#[test]
fn a_file_that_is_no_trace_is_refused_with_advice() {
    let directory = Directory::new("no_timeline");
    let path = directory.path("other");
    fs::write(&path, "some text\n").unwrap();
    let output = run(&["timeline", &path]);
    assert_eq!(output.status.code(), Some(120));
    let why = text(&output.stderr);
    assert!(why.contains("there is no line of a trace in it") && why.contains("--events"), "{why}");
    assert_eq!(run(&["timeline", &directory.path("missing")]).status.code(), Some(26));
}

/// Counts the texts and the bars that overlap, and writes the count into the page.
const COUNT: &str = "<script>
function count(all) {
  const boxes = all.map(it => it.getBoundingClientRect());
  let overlaps = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (wide > 0.5 && high > 2.5) overlaps += 1;
  }));
  return overlaps;
}
const all = name => [...document.querySelectorAll(name)];
document.body.dataset.found = all('rect.p').length > 50 && all('text').length > 50;
document.body.dataset.texts = count(all('text'));
document.body.dataset.bars = count(all('rect.p'));
</script>";

#[test]
fn nothing_overlaps_in_the_timeline_of_the_demo_in_a_browser_at_two_sizes() {
    let Some(browser) = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok())
    else {
        eprintln!("SKIPPED: chromium is not installed, so the timeline is not tried in a browser");
        return;
    };
    let directory = Directory::new("browser");
    let (trace, page) = (directory.path("demo.trace"), directory.path("demo.html"));
    fs::write(&trace, run_well(&["demo", "--events"])).unwrap();
    run_well(&["timeline", &trace, "-o", &page]);
    let html = fs::read_to_string(&page).unwrap();
    fs::write(&page, html.replace("</html>", &format!("{COUNT}</html>"))).unwrap();
    let profile = directory.path("profile");
    for size in ["1400,1000", "480,900"] {
        let dom = dumped(browser, size, &profile, &page);
        for found in ["data-found=\"true\"", "data-texts=\"0\"", "data-bars=\"0\""] {
            let body =
                dom.find("<body").map_or("no body", |at| &dom[at..(at + 120).min(dom.len())]);
            assert!(dom.contains(found), "{found} at {size}: {body}");
        }
    }
}

/// Returns the page as the browser has it, after its scripts.
fn dumped(browser: &str, size: &str, profile: &str, page: &str) -> String {
    let mut command = Command::new(browser);
    command.args(["--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    command.arg(format!("--window-size={size}")).arg(format!("--user-data-dir={profile}"));
    command.arg(format!(
        "file://{}",
        Path::new(page).canonicalize().expect("the page was written").display()
    ));
    without_proxies(&mut command);
    String::from_utf8_lossy(&command.output().expect("the browser starts").stdout).into_owned()
}
