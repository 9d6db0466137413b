//! TLS with a real nginx, and with `openssl s_server`, with each driver.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use httpool_blocking::{Error, LayerError, TlsOptions, TlsVersion, httpool::error::TlsKind};
use httpool_tls_testing::{
    certificates::Authority,
    peers::{Program, s_server},
};

use crate::{
    calls::{Ask, Calls, Setup},
    program,
};

with_each_driver!(
    nginx_of_one_version_serves_reuses_and_resumes,
    nginx_demands_a_client_certificate,
    openssl_serves_and_resumes_in_both_versions,
    openssl_demands_a_client_certificate,
);

/// Files, and the authorities of servers and clients.
struct World {
    folder: PathBuf,
    root: Authority,
    clients: Authority,
}

impl World {
    fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("httpool-tls-{name}-{process}-{number}"));
        fs::create_dir_all(&folder).unwrap();
        let (root, clients) = (Authority::new("root"), Authority::new("clients"));
        let issued = root.issue(&["a.test"]);
        for (file, text) in [
            ("clients.pem", clients.pem()),
            ("cert.pem", issued.chain_pem()),
            ("key.pem", issued.key_pem()),
        ] {
            fs::write(folder.join(file), text).unwrap();
        }
        fs::write(folder.join("large"), vec![b'b'; 10 << 20]).unwrap();
        Self { folder, root, clients }
    }

    fn trusting(&self) -> TlsOptions {
        TlsOptions::new().ca_cert_data(self.root.pem())
    }

    /// The settings with a certificate of the client.
    fn with(&self, authority: &Authority) -> TlsOptions {
        let me = authority.issue_client("me");
        self.trusting().cert_data(me.chain_pem()).key_data(me.key_pem())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// A server program. It ends with the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn client<C: Calls>(tls: TlsOptions, port: u16) -> C {
    C::new(Setup::new(tls, port))
}

fn url(port: u16, path: &str) -> String {
    format!("https://a.test:{port}/{path}")
}

/// The kind of a failure of TLS, in the handshake or behind it.
fn kind(error: &Error) -> Option<TlsKind> {
    let source = std::error::Error::source(error)?;
    Some(source.downcast_ref::<LayerError>()?.kind())
}

/// Starts nginx with three servers: of TLS 1.2 only, of TLS 1.3 only, and one that demands a client
/// certificate. Its log has a line for each request: the version, whether the session was resumed
/// (`r`), and whether the client was verified.
fn nginx(world: &World, name: &str) -> Option<(Running, [u16; 3])> {
    let program = program(name)?;
    let folder = world.folder.display();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
        .concat();
    // A free port may be taken before nginx uses it. Then tries other ones.
    for _ in 0..10 {
        let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = free.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(free);
        let lines = [
            "ssl_protocols TLSv1.2;".to_owned(),
            "ssl_protocols TLSv1.3;".to_owned(),
            format!("ssl_verify_client on; ssl_client_certificate {folder}/clients.pem;"),
        ];
        let servers: String = ports
            .iter()
            .zip(lines)
            .map(|(port, lines)| {
                format!(
                    "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem;
                     ssl_certificate_key {folder}/key.pem; {lines} root {folder};
                     ssl_session_cache shared:s{port}:1m; location / {{ }} }}"
                )
            })
            .collect();
        let config = format!(
            "daemon off; master_process off; pid {folder}/pid; events {{ }}
             http {{ log_format tls '$ssl_protocol $ssl_session_reused $ssl_client_verify';
             access_log {folder}/access.log tls; {temp} {servers} }}"
        );
        fs::write(world.folder.join("nginx.conf"), config).unwrap();
        let mut child = Command::new(&program)
            .args(["-p", &folder.to_string(), "-c", "nginx.conf", "-e", "error.log"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while child.try_wait().unwrap().is_none() {
            if TcpStream::connect(("127.0.0.1", ports[0])).is_ok() {
                return Some((Running(child), ports));
            }
            thread::yield_now();
        }
    }
    panic!("nginx does not start: see {folder}/error.log");
}

/// Waits until nginx has logged this many requests, and returns the last line.
fn logged(world: &World, requests: usize) -> String {
    loop {
        let log = fs::read_to_string(world.folder.join("access.log")).unwrap_or_default();
        let lines: Vec<_> = log.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        if lines.len() >= requests {
            return lines[requests - 1].trim_end().to_owned();
        }
        thread::yield_now();
    }
}

fn nginx_of_one_version_serves_reuses_and_resumes<C: Calls>() {
    let world = World::new("versions");
    let Some((_nginx, [old, new, _])) = nginx(&world, "tls-versions") else { return };
    let mut requests = 0;
    for (port, version, other) in
        [(old, "TLSv1.2", TlsVersion::V1_3), (new, "TLSv1.3", TlsVersion::V1_2)]
    {
        let mut client: C = client(world.trusting(), port);
        for round in 0..3 {
            let answer = client.get(&url(port, "large")).unwrap();
            assert_eq!(answer.reused, round > 0);
            assert_eq!(answer.tls.unwrap().version, version);
            let body = answer.body;
            assert!(body.len() == 10 << 20 && body.iter().all(|&byte| byte == b'b'));
            requests += 1;
            assert_eq!(logged(&world, requests), format!("{version} . NONE"));
        }
        let closing = vec![("Connection", "close")];
        let missing = Ask { fields: closing, ..Ask::get(url(port, "none")) };
        assert_eq!(client.call(missing).unwrap().status, 404);
        let again = client.get(&url(port, "cert.pem")).unwrap();
        assert!(again.tls.unwrap().resumed && !again.reused);
        requests += 2;
        assert_eq!(logged(&world, requests), format!("{version} r NONE"));
        // Other settings do not resume that session.
        let settings = world.trusting().assert_hostname("a.test");
        let own = client.tls_config(&settings).unwrap();
        let apart = client.call(Ask::get(url(port, "cert.pem")).tls(own)).unwrap();
        assert!(!apart.tls.unwrap().resumed);
        requests += 1;
        assert_eq!(logged(&world, requests), format!("{version} . NONE"));

        let bounded = world.trusting().min_version(other).max_version(other);
        let error = self::client::<C>(bounded, port).get(&url(port, "")).unwrap_err();
        assert_eq!(kind(&error), Some(TlsKind::Version));
    }
}

fn nginx_demands_a_client_certificate<C: Calls>() {
    let world = World::new("clients");
    let Some((_nginx, [_, _, port])) = nginx(&world, "tls-clients") else { return };
    let get = |tls| client::<C>(tls, port).get(&url(port, "cert.pem"));
    assert_eq!(get(world.with(&world.clients)).unwrap().status, 200);
    assert!(logged(&world, 1).ends_with("SUCCESS"));
    // nginx does the handshake, and refuses in HTTP.
    for tls in [world.trusting(), world.with(&Authority::new("strange"))] {
        assert_eq!(get(tls).unwrap().status, 400);
    }
}

/// Starts `openssl s_server` with the server's certificate.
fn openssl(world: &World, arguments: &str) -> Option<Program> {
    s_server(&world.folder, &format!("-cert cert.pem -key key.pem {arguments}"))
}

fn openssl_serves_and_resumes_in_both_versions<C: Calls>() {
    let world = World::new("s-server");
    for (flag, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let Some(server) = openssl(&world, flag) else { return };
        let port = server.port;
        let mut client: C = client(world.trusting(), port);
        for round in 0..3 {
            // It closes the connection behind each response.
            let answer = client.get(&url(port, "")).unwrap();
            let session = answer.tls.unwrap();
            assert_eq!((session.version, session.resumed), (version, round > 0));
            let page = String::from_utf8(answer.body).unwrap();
            assert!(page.contains(if round > 0 { "Reused, " } else { "New, " }), "{page}");
        }
    }
}

fn openssl_demands_a_client_certificate<C: Calls>() {
    let world = World::new("s-server-clients");
    for flag in ["-tls1_2", "-tls1_3"] {
        let arguments = format!("{flag} -Verify 1 -CAfile clients.pem -verify_return_error");
        let Some(server) = openssl(&world, &arguments) else { return };
        let port = server.port;
        let get = |tls| client::<C>(tls, port).get(&url(port, ""));
        assert_eq!(get(world.with(&world.clients)).unwrap().status, 200);
        let error = get(world.trusting()).unwrap_err();
        // In TLS 1.3 the refusal may cross with the request, and be lost in a reset.
        let found = kind(&error);
        assert!(
            found == Some(TlsKind::ClientCertificateRequired)
                || flag == "-tls1_3" && found.is_none(),
            "{error:?}"
        );
    }
}
