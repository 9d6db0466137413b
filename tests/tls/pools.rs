//! The pools and managers with urllib3's names over TLS: each TLS option of their constructors, and
//! the TLS options of a proxy. They are names of the blocking driver alone.

use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use httpool::error::TlsKind;
use httpool_blocking::{
    Client, ClientBuilder, Error, ErrorKind, TlsOptions, TlsVersion,
    urllib3::{
        ConnectionPool, HttpsConnectionPool, PoolManager, PoolOptions, ProxyManager, ProxyOptions,
        RequestMethods,
    },
};
use httpool_tls_testing::{
    certificates::{Authority, Issued},
    server::{BOTH, ONLY_1_2, ONLY_1_3, config, demanding, provider, serve},
};
use rustls::{ServerConfig, crypto::hash::HashAlgorithm};

use crate::{
    calls::HOST,
    kind,
    server::{Server, join, listen, secure_proxy},
};

/// A client whose names are this computer.
fn engine(ports: &[u16]) -> ClientBuilder {
    let mut builder = Client::builder();
    for port in ports {
        for host in [HOST, "b.test", "proxy.test"] {
            builder = builder.resolve_to(host, *port, IpAddr::from([127, 0, 0, 1]));
        }
    }
    builder
}

fn pool(server: &Server, tls: TlsOptions) -> HttpsConnectionPool {
    let options = PoolOptions::new().engine(engine(&[server.port])).tls(tls);
    HttpsConnectionPool::with(HOST, server.port, options).unwrap()
}

/// Sends a GET over a new pool, and returns the kind of the failure.
fn get(server: &Server, tls: TlsOptions) -> Result<(), TlsKind> {
    let pool = pool(server, tls);
    let answer = pool.urlopen("GET", "/").send();
    let answer = answer.map(|mut response| {
        assert_eq!(response.data().unwrap(), b"hello");
        assert!(response.tls().is_some());
        assert_eq!(pool.stats().idle, 1);
    });
    answer.map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Ssl, "{error}");
        kind(&error)
    })
}

/// Returns the fingerprint of a certificate, in hex.
fn sha256(certificate: &[u8]) -> String {
    let suites = provider().cipher_suites.clone();
    let mut hashes = suites.iter().filter_map(|suite| Some(suite.tls13()?.common.hash_provider));
    let sha256 = hashes.find(|hash| hash.algorithm() == HashAlgorithm::SHA256).unwrap();
    sha256.hash(certificate).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is removed at the end of the test.
struct File(std::path::PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let name = format!("httpool-pools-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, content).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[test]
fn each_tls_option_of_a_pool_takes_effect() {
    let root = Authority::new("root");
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    let serves = |issued: &Issued, versions| Server::answering(config(issued, versions), false);
    let good = root.issue(&[HOST]);
    let server = serves(&good, BOTH);
    assert_eq!(get(&server, trusting()), Ok(()), "ca_cert_data");
    let file = File::new("ca.pem", &root.pem());
    assert_eq!(get(&server, TlsOptions::new().ca_certs(&file.0)), Ok(()), "ca_certs");
    let other = TlsOptions::new().ca_cert_data(Authority::new("other").pem());
    assert_eq!(get(&server, other.clone()), Err(TlsKind::Issuer));
    let blind = other.danger_accept_invalid_certificates();
    assert_eq!(get(&server, blind), Ok(()), "cert_reqs=CERT_NONE");
    let pin = sha256(&good.chain[0]);
    assert_eq!(get(&server, trusting().assert_fingerprint(&pin)), Ok(()), "assert_fingerprint");
    let wrong = trusting().assert_fingerprint(&"00".repeat(32));
    assert_eq!(get(&server, wrong), Err(TlsKind::Pin));

    let elsewhere = serves(&root.issue(&["b.test"]), BOTH);
    assert_eq!(get(&elsewhere, trusting()), Err(TlsKind::Name));
    assert_eq!(get(&elsewhere, trusting().assert_hostname("b.test")), Ok(()), "assert_hostname");
    let any = trusting().danger_accept_any_hostname();
    assert_eq!(get(&elsewhere, any), Ok(()), "assert_hostname=False");
    assert_eq!(get(&elsewhere, trusting().server_hostname("b.test")), Ok(()), "server_hostname");

    let old = serves(&good, ONLY_1_2);
    let minimum = trusting().min_version(TlsVersion::V1_3);
    assert_eq!(get(&old, minimum), Err(TlsKind::Version), "ssl_minimum_version");
    let new = serves(&good, ONLY_1_3);
    let maximum = trusting().max_version(TlsVersion::V1_2);
    assert_eq!(get(&new, maximum), Err(TlsKind::Version), "ssl_maximum_version");
}

#[test]
fn a_pool_shows_its_client_certificate() {
    let (root, clients) = (Authority::new("root"), Authority::new("clients"));
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    let me = clients.issue_client("me");
    let server = Server::answering(demanding(&root.issue(&[HOST]), BOTH, &clients), false);
    let (cert, key) = (File::new("me.pem", &me.chain_pem()), File::new("me.key", &me.key_pem()));
    let shown = trusting().cert_file(&cert.0).key_file(&key.0);
    assert_eq!(get(&server, shown), Ok(()), "cert_file, key_file");
    assert_eq!(get(&server, trusting()), Err(TlsKind::ClientCertificateRequired));
}

/// D17: urllib3 makes four handshakes with a server that it does not trust.
#[test]
fn a_certificate_that_is_not_trusted_is_not_retried_by_a_pool() {
    let server = Server::answering(config(&Authority::new("root").issue(&[HOST]), BOTH), false);
    let pool = pool(&server, TlsOptions::new().ca_cert_data(Authority::new("other").pem()));
    for method in ["GET", "POST"] {
        let before = server.accepted();
        let error = pool.urlopen(method, "/").send().unwrap_err();
        assert_eq!((kind(&error), error.kind()), (TlsKind::Issuer, ErrorKind::Ssl));
        assert!(!error.is_max_retry() && error.history().is_empty());
        assert_eq!(server.accepted(), before + 1, "{method}");
        assert_eq!(pool.stats().in_use, 0);
    }
}

#[test]
fn pools_of_a_manager_with_other_tls_settings_share_no_connection() {
    let root = Authority::new("root");
    let server = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let http =
        PoolManager::with(10, PoolOptions::new().engine(engine(&[server.port])).tls(tls.clone()));
    let pinned = tls.clone().assert_fingerprint(&"00".repeat(32));
    let named = tls.assert_hostname("b.test");
    let text = |pool: &dyn ConnectionPool| pool.urlopen("GET", "/").send().map(|_| ());
    let url = server.url(HOST);
    http.request("GET", &url).send().unwrap();
    let usual = http.connection_from_host(HOST, server.port, "https").unwrap();
    text(&*usual).unwrap();
    assert_eq!(usual.stats().num_connections, 1);
    for (options, wanted) in [(pinned, TlsKind::Pin), (named, TlsKind::Name)] {
        let tls = http.client().tls_config(&options).unwrap();
        let own = PoolOptions::new().tls_id(tls);
        let pool = http.connection_from_host_with(HOST, server.port, "https", &own).unwrap();
        assert_eq!(kind(&text(&*pool).unwrap_err()), wanted);
        assert_eq!(usual.stats().idle, 1);
    }
}

#[test]
fn the_tls_settings_of_a_manager_do_no_harm_for_http() {
    let port = listen(|mut tcp, _| {
        if tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
            tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
        }
        while let Ok(1..) = tcp.read(&mut [0; 1_024]) {}
    });
    let tls = TlsOptions::new()
        .ca_certs("/nowhere/ca.pem")
        .ca_cert_dir("/nowhere/certs")
        .server_hostname("b.test")
        .assert_hostname("b.test");
    let http = PoolManager::with(10, PoolOptions::new().tls(tls));
    let mut response = http.request("GET", &format!("http://127.0.0.1:{port}/")).send().unwrap();
    assert_eq!(response.data().unwrap(), b"hello");
    assert!(response.tls().is_none());
}

#[test]
fn another_thread_shuts_a_response_over_tls_down() {
    let root = Authority::new("root");
    let server = Server::start(config(&root.issue(&[HOST]), BOTH), usize::MAX, |peer| {
        peer.head();
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nhalf");
        peer.until_closed();
    });
    let pool = pool(&server, TlsOptions::new().ca_cert_data(root.pem()));
    let mut response = pool.urlopen("GET", "/").preload_content(false).send().unwrap();
    let handle = response.shutdown_handle().unwrap();
    let other = thread::spawn(move || handle.cancel());
    assert!(response.read_all().unwrap_err().is_cancelled());
    other.join().unwrap();
    assert_eq!(pool.stats().in_use, 0);
}

/// A server that answers each request with its head. It serves as a proxy that forwards.
fn echo(config: ServerConfig) -> Server {
    Server::start(config, usize::MAX, |peer| {
        while let Some(head) = peer.head() {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}", head.len());
            peer.send(answer.as_bytes());
        }
    })
}

fn through(port: u16, origin: u16, options: ProxyOptions, tls: TlsOptions) -> ProxyManager {
    let pool = PoolOptions::new().engine(engine(&[port, origin])).tls(tls);
    ProxyManager::with(&format!("https://proxy.test:{port}"), options.pool(pool)).unwrap()
}

fn body(manager: &ProxyManager, url: &str) -> Result<String, Error> {
    let mut response = manager.request("GET", url).send()?;
    Ok(String::from_utf8(response.data()?.to_vec()).unwrap())
}

#[test]
fn each_tls_option_of_a_proxy_manager_is_for_the_proxy_alone() {
    let (root, company) = (Authority::new("root"), Authority::new("company"));
    let origin = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
    let url = origin.url(HOST);
    let trusting = || TlsOptions::new().ca_cert_data(root.pem());
    let both = || trusting().ca_cert_data(company.pem());
    let own = || TlsOptions::new().ca_cert_data(company.pem());
    let named = company.issue(&["proxy.test"]);
    let good = secure_proxy(config(&named, BOTH));
    let context = || ProxyOptions::new().proxy_ssl_context(own());
    let pin = sha256(&named.chain[0]);
    let proxy = |why| Err((ErrorKind::Proxy, why));
    let outcome = |port, options, tls| {
        let manager = through(port, origin.port, options, tls);
        let body = body(&manager, &url);
        body.map(|body| assert_eq!(body, "hello")).map_err(|error| {
            assert!(!error.is_max_retry(), "{error}");
            (error.kind(), kind(&error))
        })
    };
    assert_eq!(outcome(good.port, context(), trusting()), Ok(()), "proxy_ssl_context");
    assert_eq!(outcome(good.port, ProxyOptions::new(), trusting()), proxy(TlsKind::Issuer));
    let pinned = context().proxy_assert_fingerprint(&pin);
    assert_eq!(outcome(good.port, pinned, trusting()), Ok(()), "proxy_assert_fingerprint");
    let wrong = context().proxy_assert_fingerprint(&"00".repeat(32));
    assert_eq!(outcome(good.port, wrong, trusting()), proxy(TlsKind::Pin));
    let other = secure_proxy(config(&company.issue(&["elsewhere.test"]), BOTH));
    let asserted = || context().proxy_assert_hostname("elsewhere.test");
    assert_eq!(outcome(other.port, asserted(), trusting()), Ok(()), "proxy_assert_hostname");
    assert_eq!(outcome(other.port, context(), trusting()), proxy(TlsKind::Name));
    assert_eq!(outcome(good.port, asserted(), both()), proxy(TlsKind::Name));
    // The settings about one server are not those of the proxy.
    let strict = trusting().assert_hostname("elsewhere.test");
    assert_eq!(outcome(good.port, context(), strict), Err((ErrorKind::Ssl, TlsKind::Name)));
}

#[test]
fn the_headers_for_a_secure_proxy_are_in_connect_or_in_forwarded_requests() {
    let root = Authority::new("root");
    let tls = || TlsOptions::new().ca_cert_data(root.pem());
    let origin = echo(config(&root.issue(&[HOST]), BOTH));
    let tunnels = secure_proxy(config(&root.issue(&["proxy.test"]), BOTH));
    let options = || ProxyOptions::new().proxy_headers([("X-Proxy", "1")]);
    let manager = through(tunnels.port, origin.port, options(), tls());
    let head = body(&manager, &origin.url(HOST)).unwrap();
    assert!(head.starts_with("GET / HTTP/1.1\r\n") && !head.contains("X-Proxy"), "{head}");

    let forwards = echo(config(&root.issue(&["proxy.test"]), BOTH));
    let forwarding = options().use_forwarding_for_https(true);
    let manager = through(forwards.port, origin.port, forwarding, tls());
    for url in ["https://one.test/x", "http://two.test/y"] {
        let mut response = manager.request("GET", url).send().unwrap();
        assert!(response.tls().is_none(), "of that with the origin nothing is known");
        assert!(response.proxy_tls().is_some_and(|session| session.verified));
        let head = String::from_utf8(response.data().unwrap().to_vec()).unwrap();
        assert!(head.starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{head}");
        assert!(head.contains("X-Proxy: 1\r\n"), "{head}");
    }
    assert_eq!(forwards.accepted(), 1);
}

#[test]
fn a_proxy_that_speaks_plain_http_where_tls_was_expected_says_so() {
    let root = Authority::new("root");
    let port = listen(|mut tcp, _| {
        let read = tcp.read(&mut [0; 16_384]).unwrap();
        assert!(read > 0);
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").ok();
        while let Ok(1..) = tcp.read(&mut [0; 1_024]) {}
    });
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let manager = through(port, port, ProxyOptions::new(), tls);
    for url in ["http://a.test/", "https://a.test/"] {
        let error = manager.request("GET", url).send().unwrap_err();
        assert_eq!((kind(&error), error.kind()), (TlsKind::PlainHttp, ErrorKind::Proxy));
        let text = error.to_string();
        assert!(text.contains("in HTTP without TLS"), "{text}");
        let whose = format!("the TLS handshake with the proxy https://proxy.test:{port} failed");
        assert!(text.contains(&whose), "{text}");
    }
}

#[test]
fn a_proxy_that_is_named_by_its_ipv6_address_has_a_certificate_for_it() {
    let Ok(listener) = TcpListener::bind("[::1]:0") else {
        return eprintln!("!! NOT CHECKED: this system has no IPv6");
    };
    let root = Authority::new("root");
    let address = serve(Arc::new(config(&root.issue(&["::1"]), BOTH)), listener);
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let options = ProxyOptions::new().proxy_ssl_context(tls);
    let manager = ProxyManager::with(&format!("https://{address}"), options).unwrap();
    assert_eq!(body(&manager, "http://a.test/x").unwrap(), "GET http://a.test/x HTTP/1.1");
}

#[test]
fn a_socks_proxy_carries_tls_to_the_origin() {
    let root = Authority::new("root");
    let origin = Server::answering(config(&root.issue(&[HOST]), BOTH), false);
    let socks = listen(|mut tcp, _| {
        let mut from = tcp.try_clone().unwrap();
        let mut take = |len| {
            let mut bytes = vec![0; len];
            from.read_exact(&mut bytes).unwrap();
            bytes
        };
        assert_eq!(take(3), b"\x05\x01\x00");
        tcp.write_all(b"\x05\x00").unwrap();
        assert_eq!(take(11), b"\x05\x01\x00\x03\x06a.test");
        let port = u16::from_be_bytes(take(2).try_into().unwrap());
        tcp.write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0").unwrap();
        join(tcp, TcpStream::connect(("127.0.0.1", port)).unwrap());
    });
    let tls = TlsOptions::new().ca_cert_data(root.pem());
    let options = ProxyOptions::new().pool(PoolOptions::new().tls(tls));
    let manager = ProxyManager::with(&format!("socks5h://127.0.0.1:{socks}"), options).unwrap();
    let url = origin.url(HOST);
    for _ in 0..2 {
        assert_eq!(body(&manager, &url).unwrap(), "hello");
    }
    assert_eq!(origin.accepted(), 1);
}
