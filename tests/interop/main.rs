//! Tests the drivers with a real nginx, `$HTTPOOL_NGINX` or the installed one, with real proxies,
//! and with black holes in a network namespace. Where one of these cannot be had, its tests print
//! that they did not run.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(not(any(httpool_std_only, httpool_mutations)))]
#[macro_use]
#[path = "../tls/calls.rs"]
#[expect(dead_code, reason = "these tests use a part of it")]
mod calls;
#[cfg(not(any(httpool_std_only, httpool_mutations)))]
mod proxies;
#[cfg(all(target_os = "linux", not(any(httpool_std_only, httpool_mutations))))]
mod races;
#[cfg(not(any(httpool_std_only, httpool_mutations)))]
#[path = "../support/mod.rs"]
mod support;
#[cfg(not(any(httpool_std_only, httpool_mutations)))]
mod tls;

use std::{
    collections::BTreeSet,
    fs, io,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
};

use httpool_blocking::Client;
use httpool_mio::{Driver, Output, httpool::message::Method};

/// Returns the program of nginx.
fn program(name: &str) -> Option<String> {
    let program = std::env::var("HTTPOOL_NGINX").ok().or_else(|| {
        ["nginx", "/usr/sbin/nginx"]
            .into_iter()
            .find(|program| Command::new(program).arg("-v").output().is_ok())
            .map(str::to_owned)
    });
    if program.is_none() {
        eprintln!("!! NOT RUN: {name}: there is no nginx here");
    }
    program
}

struct Nginx {
    child: Child,
    folder: PathBuf,
    port: u16,
    /// Whether it can report how many connections it has accepted.
    counts: bool,
}

impl Nginx {
    fn start(name: &str) -> Option<Self> {
        let program = program(name)?;
        let about = Command::new(&program).arg("-V").output().unwrap().stderr;
        let counts = String::from_utf8_lossy(&about).contains("http_stub_status_module");
        let folder = std::env::temp_dir().join(format!("httpool-{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("www")).unwrap();
        fs::write(folder.join("www/small"), [b'a'; 100]).unwrap();
        fs::write(folder.join("www/large"), vec![b'b'; 10 << 20]).unwrap();
        // A free port may be taken before nginx uses it. Then tries another one.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = config(&folder.display().to_string(), port, counts);
            fs::write(folder.join("nginx.conf"), config).unwrap();
            let mut child = Command::new(&program)
                .args(["-p", folder.to_str().unwrap(), "-c", "nginx.conf", "-e", "error.log"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            while child.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return Some(Self { child, folder, port, counts });
                }
                thread::yield_now();
            }
        }
        panic!("nginx does not start: see {}", folder.join("error.log").display());
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Returns how many connections nginx has accepted, including the one for this question.
    fn accepted(&self) -> Option<u64> {
        if !self.counts {
            eprintln!("!! NOT CHECKED: this nginx does not count what it accepts");
            return None;
        }
        let status = Client::new().get(&self.url("/status")).send().unwrap().text().unwrap();
        let counts = status.lines().nth(2).unwrap();
        Some(counts.split_whitespace().next().unwrap().parse().unwrap())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Returns a configuration with one process, and all files in `folder`. It raises
/// `keepalive_requests`, since nginx closes a connection after 1,000 requests by default.
fn config(folder: &str, port: u16, counts: bool) -> String {
    let status = if counts { "location /status { stub_status; }" } else { "" };
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .concat();
    format!(
        "daemon off; master_process off; pid {folder}/pid;
         events {{ worker_connections 1024; }}
         http {{ access_log off; {temp} keepalive_requests 1000000;
           server {{ listen 127.0.0.1:{port}; root {folder}/www; client_max_body_size 1k;
             location /gone {{ return 301 /small; }} {status} }} }}"
    )
}

#[test]
fn a_thousand_in_a_row_take_one_connection() {
    let Some(nginx) = Nginx::start("row") else { return };
    let client = Client::new();
    let request = client.get(&nginx.url("/small")).build().unwrap();
    let mut conns = BTreeSet::new();
    for _ in 0..1_000 {
        let answer = client.send(&request).unwrap();
        conns.insert(answer.connection());
        assert_eq!(answer.bytes().unwrap(), [b'a'; 100]);
    }
    assert_eq!(conns.len(), 1);
}

#[test]
fn sixteen_threads_of_a_thousand_take_sixteen_at_most() {
    let Some(nginx) = Nginx::start("threads") else { return };
    for _ in 0..5 {
        let before = nginx.accepted();
        let used = sixteen_threads_of_a_thousand(&nginx);
        assert!(used <= 16, "{used} connections");
        // Also counts connections on which no request was sent.
        if let (Some(before), Some(after)) = (before, nginx.accepted()) {
            let opened = after - before - 1;
            assert!(opened <= 16, "{opened} connections, and {used} used");
        }
    }
}

/// Makes the calls, and returns how many connections served them.
fn sixteen_threads_of_a_thousand(nginx: &Nginx) -> usize {
    let client = Client::new();
    let request = client.get(&nginx.url("/small")).build().unwrap();
    let conns = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let answer = client.send(&request).unwrap();
                    conns.lock().unwrap().insert(answer.connection());
                    assert_eq!(answer.bytes().unwrap().len(), 100);
                }
            });
        }
    });
    conns.into_inner().unwrap().len()
}

#[test]
fn long_bodies_redirects_and_refusals() -> io::Result<()> {
    let Some(nginx) = Nginx::start("bodies") else { return Ok(()) };
    let client = Client::new();
    let mut large = client.get(&nginx.url("/large")).send()?;
    assert_eq!(io::copy(&mut large, &mut io::sink())?, 10 << 20);
    let large = client.get(&nginx.url("/large")).send()?.bytes()?;
    assert!(large.len() == 10 << 20 && large.iter().all(|&byte| byte == b'b'));
    assert_eq!(client.get(&nginx.url("/gone")).send()?.bytes()?.len(), 100);
    assert_eq!(client.get(&nginx.url("/missing")).send()?.status(), 404);
    assert_eq!(client.head(&nginx.url("/small")).send()?.content_length(), Some(100));
    let refused = client.post(&nginx.url("/small")).body(vec![0; 64 << 20]).send()?;
    assert_eq!(refused.status(), 413);
    Ok(())
}

#[test]
fn sixty_four_at_a_time_on_one_loop() -> io::Result<()> {
    let Some(nginx) = Nginx::start("loop") else { return Ok(()) };
    let mut driver = Driver::new()?;
    let request = driver.client().get(&nginx.url("/small")).build().unwrap();
    let (mut left, mut ended, mut bytes, mut most) = (5_000, 0, 0, 0);
    for _ in 0..64 {
        driver.client().send(&request);
        left -= 1;
    }
    driver.run(|client, output| {
        most = most.max(client.stats().open);
        match output {
            Output::Data(_, data) => bytes += data.len(),
            Output::End(..) => {
                ended += 1;
                if left > 0 {
                    left -= 1;
                    client.send(&request);
                }
            }
            Output::Failed(_, error) => panic!("{error}"),
            Output::Interim(..) | Output::Restart(..) | Output::Head(..) | Output::Switched(..) => {
            }
        }
    })?;
    assert_eq!((ended, bytes), (5_000, 500_000));
    assert!(most <= 64, "{most} connections at a time");
    Ok(())
}

#[test]
fn long_bodies_redirects_and_refusals_on_a_loop() -> io::Result<()> {
    let Some(nginx) = Nginx::start("loop-bodies") else { return Ok(()) };
    let mut driver = Driver::new()?;
    let mut fetch = |path: &str, body: Vec<u8>| {
        let method = if body.is_empty() { Method::GET } else { Method::POST };
        let request = driver.client().request(method, &nginx.url(path)).body(body);
        let call = request.send()?;
        driver.fetch(call)
    };
    let large = fetch("/large", Vec::new())?.bytes();
    assert!(large.len() == 10 << 20 && large.iter().all(|&byte| byte == b'b'));
    assert_eq!(fetch("/gone", Vec::new())?.body().len(), 100);
    assert_eq!(fetch("/missing", Vec::new())?.status(), 404);
    assert_eq!(fetch("/small", vec![0; 64 << 20])?.status(), 413);
    Ok(())
}
