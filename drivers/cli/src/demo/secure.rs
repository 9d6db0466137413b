//! The scene about TLS: an authority that is made at run time, and a server with its certificate.

use std::{
    error::Error,
    io::{self, BufReader, Write},
    net::{IpAddr, Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use httpool::error::{Cause, DialError, TlsKind, Unavailable};
use httpool_blocking::{Client, TlsOptions};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivatePkcs8KeyDer,
};

use super::{
    origin::{PATIENCE, Request, response},
    scenes::{Scene, Stage, patient, promised},
};

pub(super) static SCENE: Scene = Scene {
    title: "HTTPS, and a certificate that is refused",
    promise: "Two connections: a full handshake, then a resumed one. A wrong name gets no request.",
    play,
};

/// The name that the certificate is for, and one that leads to the same server.
const NAME: &str = "demo.test";
const OTHER: &str = "other.test";

/// A server that answers one request on each connection. Its threads end with the process.
struct SecureOrigin {
    port: u16,
    /// The certificate of its authority, in PEM.
    authority: String,
    served: Arc<AtomicU32>,
}

fn play(stage: &Stage) -> Result<String, Box<dyn Error>> {
    let origin = SecureOrigin::start()?;
    let address = IpAddr::from(Ipv4Addr::LOCALHOST);
    let client = Client::builder()
        .policy(patient())
        .trace(stage.narrator.clone())
        .tls(TlsOptions::new().ca_cert_data(&origin.authority))
        .resolve_to(NAME, origin.port, address)
        .resolve_to(OTHER, origin.port, address)
        .build();
    let get = |host| client.get(&format!("https://{host}:{}/", origin.port)).send();
    let mut resumed = Vec::new();
    for _ in 0..2 {
        let response = get(NAME)?;
        let session = response.tls().ok_or("the response came without TLS")?;
        promised(session.verified, "the certificate was not verified")?;
        resumed.push(session.resumed);
        promised(response.text()? == "hello\n", "the response is another one")?;
    }
    promised(resumed == [false, true], "not exactly the second session was a resumed one")?;

    let Err(error) = get(OTHER) else {
        return Err("a certificate for another name was accepted".into());
    };
    let why = Cause::Unavailable(Unavailable::Dial(DialError::Tls(TlsKind::Name)));
    let is_refused = error.as_failure().is_some_and(|failure| failure.cause == why);
    promised(is_refused, "the certificate was refused for another reason")?;
    promised(origin.served.load(Ordering::Relaxed) == 2, "the server got another request")?;
    Ok(format!("two responses, the second without a certificate sent again; none from {OTHER}"))
}

impl SecureOrigin {
    fn start() -> Result<Self, Box<dyn Error>> {
        let (authority, config) = certify()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let served = Arc::new(AtomicU32::new(0));
        let shared = served.clone();
        thread::Builder::new().name("secure origin".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, served) = (config.clone(), shared.clone());
                // A client that refuses the certificate ends the session with an alert.
                thread::spawn(move || serve(config, stream, &served).ok());
            }
        })?;
        Ok(Self { port, authority, served })
    }
}

/// Makes an authority, and the settings of a server with a certificate of it. Returns the
/// authority's certificate in PEM.
fn certify() -> Result<(String, Arc<ServerConfig>), Box<dyn Error>> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "the authority of the demo");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new([NAME.to_owned()])?.signed_by(&key, &issuer)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )?;
    Ok((authority, Arc::new(config)))
}

/// Answers one request, and closes the connection.
fn serve(config: Arc<ServerConfig>, stream: TcpStream, served: &AtomicU32) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(session, stream));
    if Request::read(&mut stream)?.is_some() {
        served.fetch_add(1, Ordering::Relaxed);
        let stream = stream.get_mut();
        stream.write_all(&response("200 OK", "Connection: close\r\n", "hello\n"))?;
        stream.conn.send_close_notify();
        stream.flush()?;
    }
    Ok(())
}
