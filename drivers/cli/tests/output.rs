//! Tests the destinations of a body: the file of `-o` with its partial file, and standard output.

mod support;

use std::fs;

use support::{Directory, Reply, Server, response, run, run_well, text};

#[test]
fn a_partial_file_that_was_left_behind_is_replaced() {
    let (server, files) =
        (Server::start(|_| response("200 OK", "", "content")), Directory::new("left-behind"));
    let path = files.path("out");
    fs::write(files.path("out.part"), "much longer than the content, and of an earlier run")
        .unwrap();
    assert_eq!(run_well(&["get", "-o", &path, &server.url("/")]), "");
    assert_eq!(fs::read(&path).unwrap(), b"content");
    assert_eq!(files.names(), ["out"]);
}

#[test]
fn a_file_that_could_not_be_written_is_refused_before_anything_is_sent() {
    let (server, files) =
        (Server::start(|_| response("200 OK", "", "")), Directory::new("refused"));
    fs::create_dir(files.path("directory")).unwrap();
    fs::create_dir(files.path("in-the-way.part")).unwrap();
    for name in ["directory", "directory/", "new/", "missing/out", "in-the-way"] {
        let path = files.path(name);
        let output = run(&["get", "-o", &path, &server.url("/")]);
        assert_eq!(output.status.code(), Some(23), "{name}: {output:?}");
        assert!(text(&output.stderr).contains(path.trim_end_matches('/')), "{output:?}");
    }
    assert_eq!(files.names(), ["directory", "in-the-way.part"]);
    assert!(server.seen().is_empty());
}

#[cfg(unix)]
#[test]
fn a_partial_file_of_another_run_is_not_touched() {
    use rustix::fs::{FlockOperation, flock};
    let (server, files) = (Server::start(|_| response("200 OK", "", "")), Directory::new("locked"));
    let (path, partial) = (files.path("out"), files.path("out.part"));
    fs::write(&partial, "half").unwrap();
    let file = fs::File::open(&partial).unwrap();
    flock(&file, FlockOperation::LockExclusive).unwrap();
    let output = run(&["get", "-o", &path, &server.url("/")]);
    assert_eq!(output.status.code(), Some(23));
    assert!(text(&output.stderr).contains("out.part: another run is writing it"), "{output:?}");
    assert_eq!(fs::read(&partial).unwrap(), b"half");
    assert!(server.seen().is_empty());
    drop(file);
    run_well(&["get", "-o", &path, &server.url("/")]);
    assert_eq!(files.names(), ["out"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_the_partial_file_is_not_followed() {
    let (server, files) = (Server::start(|_| response("200 OK", "", "")), Directory::new("trap"));
    let (path, victim) = (files.path("out"), files.path("victim"));
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, files.path("out.part")).unwrap();
    let output = run(&["get", "-o", &path, &server.url("/")]);
    assert_eq!(output.status.code(), Some(23), "{output:?}");
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let server = Server::start(|_| response("200 OK", "", "content"));
    let output = run(&["get", "-o", "/dev/full", &server.url("/")]);
    assert_eq!(output.status.code(), Some(23));
    assert!(text(&output.stderr).contains("/dev/full: "), "{output:?}");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = support::program(&["get", &server.url("/")]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(23));
    assert!(text(&output.stderr).contains("standard output: "), "{output:?}");
}

/// Each write to a socket of this kind arrives as one message.
#[cfg(target_os = "linux")]
#[test]
fn a_body_in_many_chunks_takes_few_writes() {
    use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, recv, socketpair};
    use std::time::Instant;

    const CHUNKS: usize = 20_000;
    let server = Server::start(|_| {
        let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        answer.extend(b"1\r\n\n\r\n".repeat(CHUNKS));
        answer.extend(b"0\r\n\r\n");
        Reply::Send(answer)
    });
    let flags = SocketFlags::CLOEXEC;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    let start = Instant::now();
    let mut child = support::program(&["get", &server.url("/")]).stdout(theirs).spawn().unwrap();
    let (mut messages, mut bytes) = (0, 0);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match recv(&ours, &mut buffer[..], RecvFlags::empty()).unwrap().0 {
            0 => break,
            len => (messages, bytes) = (messages + 1, bytes + len),
        }
    }
    // One write per ten milliseconds, and the first and the last one.
    let most = start.elapsed().as_millis() / 10 + 2;
    assert!(child.wait().unwrap().success());
    assert_eq!(bytes, CHUNKS);
    assert!(messages as u128 <= most, "{messages} writes, {most} expected");
}
