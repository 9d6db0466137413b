//! Real peers: `openssl s_server` and nginx. Without them the tests print that they did not run.

use std::{
    fs,
    io::{IoSlice, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Command, Stdio},
    sync::Arc,
    thread,
};

use httpool::error::{IoKind, TlsKind};
use httpool_kit::{LayerError, Session, State};
use httpool_tls::{TlsConfig, TlsOptions, TlsVersion};
use httpool_tls_testing::{
    certificates::Authority,
    link::Client,
    peers::{Program, s_server},
    server,
};

use crate::{details, files::Folder};

/// An exchange that was answered.
struct Answer {
    session: Arc<Session>,
    text: String,
    /// The server ended with close_notify.
    ended: bool,
}

/// Sends a request over a socket and reads until the end. `step` bounds each read.
fn get(config: &TlsConfig, name: &str, port: u16, step: usize) -> Result<Answer, LayerError> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut client = Client::new(config.begin(name)?);
    let mut sent = false;
    let mut buffer = vec![0; step];
    loop {
        let out = std::mem::take(&mut client.out);
        // A server that has failed may have reset the connection. Its alert is read first.
        let _written = socket.write_all(&out);
        if client.state == State::Open && !sent {
            sent = true;
            let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
            client.layer.seal(&[IoSlice::new(request.as_bytes())], &mut client.out)?;
            continue;
        }
        // s_server waits after its close_notify.
        if client.state == State::Ended {
            break;
        }
        let count = socket.read(&mut buffer).unwrap_or_default();
        if count == 0 {
            break;
        }
        let result = client.feed(&buffer[..count]);
        if let Err(why) = result {
            let _written = socket.write_all(&client.out);
            return Err(why);
        }
    }
    let Some(session) = client.layer.session() else {
        return Err(LayerError::new(TlsKind::Lost(IoKind::Eof)));
    };
    let ended = client.state == State::Ended;
    Ok(Answer { session, text: String::from_utf8_lossy(&client.plain).into_owned(), ended })
}

struct World {
    folder: Folder,
    root: Authority,
    clients: Authority,
}

impl World {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let (root, clients) = (Authority::new("root"), Authority::new("clients"));
        let issued = root.issue(&["a.test"]);
        folder.write("root.pem", &root.pem());
        folder.write("clients.pem", &clients.pem());
        folder.write("cert.pem", &issued.chain_pem());
        folder.write("key.pem", &issued.key_pem());
        Self { folder, root, clients }
    }

    fn options(&self) -> TlsOptions {
        TlsOptions::new().ca_cert_data(self.root.pem())
    }
}

const OWN: &str = "-cert cert.pem -key key.pem";

#[test]
fn openssl_answers_in_both_versions_and_resumes() {
    let world = World::new("s-server");
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let Some(server) = s_server(&world.folder.path, &format!("{OWN} {flag}")) else { return };
        let config = world.options().build().unwrap();
        for (round, step) in [100_000, 1, 5].into_iter().enumerate() {
            let answer = get(&config, "a.test", server.port, step).unwrap();
            assert!(answer.text.starts_with("HTTP/1.0 200 ok"), "{}", answer.text);
            assert_eq!(answer.session.version, version);
            assert_eq!(answer.session.resumed, round > 0);
            // The server's own words about the session.
            let said = if round > 0 { "Reused, " } else { "New, " };
            assert!(answer.text.contains(said), "{}", answer.text);
            assert!(answer.ended, "s_server ends with close_notify");
        }
        let strict = world.options().assert_hostname("a.test").build().unwrap();
        assert!(!get(&strict, "a.test", server.port, 100).unwrap().session.resumed);
    }
}

#[test]
fn openssl_demands_a_client_certificate() {
    let world = World::new("s-server-client");
    for flag in ["-tls1_2", "-tls1_3"] {
        let arguments = format!("{OWN} {flag} -Verify 1 -CAfile clients.pem -verify_return_error");
        let Some(server) = s_server(&world.folder.path, &arguments) else { return };
        let kind = |options: TlsOptions| {
            let config = options.build().unwrap();
            get(&config, "a.test", server.port, 7).map(|_| ()).map_err(|why| why.kind())
        };
        let with = |authority: &Authority| {
            let client = authority.issue_client("me");
            world.options().cert_data(client.chain_pem()).key_data(client.key_pem())
        };
        assert_eq!(kind(with(&world.clients)), Ok(()), "{flag}");
        assert_eq!(kind(world.options()), Err(TlsKind::ClientCertificateRequired), "{flag}");
        let strange = with(&Authority::new("strange"));
        assert_eq!(kind(strange), Err(TlsKind::ClientCertificateRefused), "{flag}");
    }
}

#[test]
fn openssl_with_nothing_in_common() {
    let world = World::new("s-server-nothing");
    for (flag, options, expected) in [
        ("-tls1_2", world.options().min_version(TlsVersion::V1_3), TlsKind::Version),
        ("-tls1_3", world.options().max_version(TlsVersion::V1_2), TlsKind::Version),
        ("-tls1_1 -cipher ALL:@SECLEVEL=0", world.options(), TlsKind::Version),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-SHA", world.options(), TlsKind::Parameters),
        ("-tls1_2 -cipher DHE:@SECLEVEL=0", world.options(), TlsKind::Parameters),
        ("-tls1_3 -groups ffdhe2048", world.options(), TlsKind::Parameters),
        ("-alpn h2", world.options(), TlsKind::Alpn),
        (
            "-servername b.test -servername_fatal -cert2 cert.pem -key2 key.pem",
            world.options(),
            TlsKind::Name,
        ),
    ] {
        let Some(server) = s_server(&world.folder.path, &format!("{OWN} {flag}")) else { return };
        let config = options.build().unwrap();
        let why = get(&config, "a.test", server.port, 1_000).err();
        assert_eq!(why.map(|why| why.kind()), Some(expected), "{flag}");
    }
}

/// Runs openssl in the folder.
fn openssl(folder: &Folder, arguments: &str) -> bool {
    Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(&folder.path)
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn weak_and_damaged_certificates_are_refused() {
    let world = World::new("weak");
    let folder = &world.folder;
    folder.write("san", "subjectAltName=DNS:a.test\n");
    folder.write("odd", "subjectAltName=DNS:a.test\n1.2.3.4.5=critical,ASN1:UTF8String:x\n");
    let made = "req -x509 -new -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca";
    if !openssl(folder, made) {
        eprintln!("!! NOT RUN: there is no openssl here");
        return;
    }
    let sign = "x509 -req -CA ca.pem -CAkey ca.key -days 9 -in leaf.csr -out leaf.pem";
    let options = TlsOptions::new().ca_certs(folder.path.join("ca.pem"));
    for (bits, how, expected, part) in [
        (2048, "-sha256 -extfile san", None, ""),
        (2048, "-sha1 -extfile san", Some(TlsKind::Signature), "SHA-1"),
        (1024, "-sha256 -extfile san", Some(TlsKind::Signature), "RSA key"),
        (2048, "-sha256", Some(TlsKind::Chain), "version 3"),
        (2048, "-sha256 -extfile odd", Some(TlsKind::Chain), "critical extension"),
    ] {
        let request = format!(
            "req -new -newkey rsa:{bits} -nodes -keyout leaf.key -out leaf.csr -subj /CN=x"
        );
        assert!(openssl(folder, &request) && openssl(folder, &format!("{sign} {how}")), "{how}");
        let weak = "-cert leaf.pem -key leaf.key -cipher ALL:@SECLEVEL=0";
        for version in ["-tls1_2", "-tls1_3"] {
            let server = s_server(&folder.path, &format!("{weak} {version}")).unwrap();
            let config = options.clone().build().unwrap();
            let why = get(&config, "a.test", server.port, 9_999).err();
            assert_eq!(why.as_ref().map(LayerError::kind), expected, "{bits} {how} {version}");
            if let Some(why) = why {
                assert!(details(&why).to_string().contains(part), "{why:?}");
            }
        }
    }
    // A signature with one bit changed.
    let issued = world.root.issue(&["a.test"]);
    let mut chain = issued.chain[0].to_vec();
    *chain.last_mut().unwrap() ^= 1;
    let pem = httpool_tls_testing::certificates::pem("CERTIFICATE", &chain);
    folder.write("cert.pem", &pem);
    folder.write("key.pem", &issued.key_pem());
    if let Some(server) = s_server(&folder.path, OWN) {
        let config = world.options().build().unwrap();
        let why = get(&config, "a.test", server.port, 9_999).err().unwrap();
        assert_eq!(why.kind(), TlsKind::Signature);
    }
}

#[test]
fn a_server_of_rustls_on_a_socket_answers() {
    let world = World::new("rustls");
    let issued = world.root.issue(&["a.test", "127.0.0.1"]);
    let address = server::serve_local(server::config(&issued, server::BOTH));
    let config = world.options().build().unwrap();
    let mut client = Client::new(config.begin("127.0.0.1").unwrap());
    let mut socket = TcpStream::connect(address).unwrap();
    let mut buffer = [0; 999];
    while !client.plain.ends_with(b"GET /one HTTP/1.1") {
        socket.write_all(&std::mem::take(&mut client.out)).unwrap();
        let count = socket.read(&mut buffer).unwrap();
        assert!(count > 0);
        let open = client.state == State::Open;
        client.feed(&buffer[..count]).unwrap();
        if !open && client.state == State::Open {
            let pieces = [IoSlice::new(b"GET /one HTTP/1.1\r\n"), IoSlice::new(b"Host: a\r\n\r\n")];
            client.layer.seal(&pieces, &mut client.out).unwrap();
        }
    }
    assert!(client.plain.starts_with(b"HTTP/1.1 200 OK"));
}

/// Starts nginx with one server of TLS and one without.
fn nginx(world: &World, lines: &str) -> Option<(Program, u16)> {
    let program = std::env::var("HTTPOOL_NGINX")
        .into_iter()
        .chain(["nginx", "/usr/sbin/nginx"].map(str::to_owned))
        .find(|program| Command::new(program).arg("-v").output().is_ok());
    let Some(program) = program else {
        eprintln!("!! NOT RUN: there is no nginx here");
        return None;
    };
    let folder = world.folder.path.display().to_string();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .concat();
    // A free port may be taken before nginx uses it. Then tries another one.
    for _ in 0..10 {
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (one, two) = (free(), free());
        let [port, plain] = [one, two].map(|listener| listener.local_addr().unwrap().port());
        let config = format!(
            "daemon off; master_process off; pid {folder}/pid; events {{ }}
             http {{ access_log off; {temp}
               server {{ listen 127.0.0.1:{plain}; return 200 plain; }}
               server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem;
                 ssl_certificate_key {folder}/key.pem; {lines}
                 return 200 \"verify=$ssl_client_verify reused=$ssl_session_reused\"; }} }}"
        );
        fs::write(world.folder.path.join("nginx.conf"), config).unwrap();
        let mut child = Command::new(&program)
            .args(["-p", &folder, "-c", "nginx.conf", "-e", "error.log"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Some((Program { child, port }, plain));
            }
            thread::yield_now();
        }
    }
    panic!("nginx does not start");
}

#[test]
fn nginx_answers_resumes_verifies_and_is_plain_on_its_other_port() {
    let world = World::new("nginx");
    for (lines, version) in [("TLSv1.2", "TLSv1.2"), ("TLSv1.3", "TLSv1.3")] {
        let lines = format!(
            "ssl_protocols {lines}; ssl_session_cache shared:s:1m; ssl_verify_client optional;
             ssl_client_certificate {}/clients.pem;",
            world.folder.path.display()
        );
        let Some((server, plain)) = nginx(&world, &lines) else { return };
        let client = world.clients.issue_client("me");
        let with = world.options().cert_data(client.chain_pem()).key_data(client.key_pem());
        for (options, said) in [(world.options(), "verify=NONE"), (with, "verify=SUCCESS")] {
            let config = options.build().unwrap();
            for (round, mark) in ["reused=.", "reused=r"].into_iter().enumerate() {
                let answer = get(&config, "a.test", server.port, 3).unwrap();
                assert!(
                    answer.text.contains(said) && answer.text.contains(mark),
                    "{}",
                    answer.text
                );
                assert_eq!(answer.session.version, version);
                assert_eq!(answer.session.alpn, Some("http/1.1"));
                assert_eq!(answer.session.resumed, round == 1);
            }
        }
        let config = world.options().build().unwrap();
        let why = get(&config, "a.test", plain, 1).err().unwrap();
        assert_eq!(why.kind(), TlsKind::PlainHttp);
        let other = if version == "TLSv1.2" { TlsVersion::V1_3 } else { TlsVersion::V1_2 };
        let config = world.options().min_version(other).max_version(other).build().unwrap();
        let why = get(&config, "a.test", server.port, 1).err().unwrap();
        assert_eq!(why.kind(), TlsKind::Version);
    }
}
