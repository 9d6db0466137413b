//! Servers of rustls.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    server::WebPkiClientVerifier,
    version::{TLS12, TLS13},
};

use crate::certificates::{Authority, Issued};

/// Both versions.
pub const BOTH: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
/// TLS 1.2 only.
pub const ONLY_1_2: &[&SupportedProtocolVersion] = &[&TLS12];
/// TLS 1.3 only.
pub const ONLY_1_3: &[&SupportedProtocolVersion] = &[&TLS13];

/// Returns the crypto provider of the servers.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Makes the configuration of a server that demands no certificate of the client.
pub fn config(issued: &Issued, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(issued.chain.clone(), issued.key_der())
        .unwrap()
}

/// Makes the configuration of a server that demands a certificate of the client that `authority`
/// issued.
pub fn demanding(
    issued: &Issued,
    versions: &[&'static SupportedProtocolVersion],
    authority: &Authority,
) -> ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(issued.chain.clone(), issued.key_der())
        .unwrap()
}

/// Serves HTTP over TLS on a listener, with a thread for the listener and one for each connection.
/// It answers each request with 200 and the request's first line as the body, and keeps the
/// connection. The threads end with the process. Returns the address.
pub fn serve(config: Arc<ServerConfig>, listener: TcpListener) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = config.clone();
            // A handshake that fails is a matter of the client's test.
            thread::spawn(move || answer_all(config, stream).ok());
        }
    });
    address
}

/// Serves on a free port of the loopback interface. See [`serve`].
pub fn serve_local(config: ServerConfig) -> SocketAddr {
    serve(Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap())
}

fn answer_all(config: Arc<ServerConfig>, stream: TcpStream) -> io::Result<()> {
    let conn = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(conn, stream));
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if stream.read_line(&mut first)? == 0 {
            break;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? <= 2 {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
        let body = first.trim_end();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
    let owned = stream.get_mut();
    owned.conn.send_close_notify();
    owned.flush()
}
