//! Server programs of others, started by a test.

use std::{
    io::{self, BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

/// A server program. It ends with the value.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "a test makes it from the program that it started")]
pub struct Program {
    /// The process.
    pub child: Child,
    /// The port that it listens on.
    pub port: u16,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts `openssl s_server -www` in `folder`, which answers each request with a page about the
/// session. It takes a free port itself, and prints it. `None` if there is no openssl; the test says
/// so.
///
/// # Panics
/// The program does not start with these arguments.
pub fn s_server(folder: &Path, arguments: &str) -> Option<Program> {
    let started = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www"])
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else {
        eprintln!("!! NOT RUN: there is no openssl here");
        return None;
    };
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "s_server {arguments} does not start");
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            let port = address.trim().rsplit(':').next().unwrap().parse().unwrap();
            // So that it never waits for its reader.
            thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
            return Some(Program { child, port });
        }
    }
}
