//! The client's own certificate and key.

use std::{process::Command, sync::Arc};

use httpool::error::TlsKind;
use httpool_tls::{TlsConfigError, TlsOptions};
use httpool_tls_testing::{
    certificates::{Authority, Issued},
    server::{ONLY_1_2, ONLY_1_3, demanding},
};

use crate::{details, files::Folder, meets};

struct World {
    root: Authority,
    issued: Issued,
    clients: Authority,
}

impl World {
    fn new() -> Self {
        let root = Authority::new("root");
        let issued = root.issue(&["a.test"]);
        Self { root, issued, clients: Authority::new("clients") }
    }

    fn options(&self) -> TlsOptions {
        TlsOptions::new().ca_cert_data(self.root.pem())
    }

    fn with(&self, client: &Issued) -> TlsOptions {
        self.options().cert_data(client.chain_pem()).key_data(client.key_pem())
    }

    #[track_caller]
    fn kind(&self, options: &TlsOptions) -> Result<(), TlsKind> {
        let [one, two] = [ONLY_1_2, ONLY_1_3].map(|versions| {
            let server = Arc::new(demanding(&self.issued, versions, &self.clients));
            meets(options, &server, "a.test").map(|_| ()).map_err(|why| why.kind())
        });
        assert_eq!(one, two, "TLS 1.2 and 1.3 differ");
        one
    }
}

#[test]
fn a_client_certificate_is_shown_and_a_missing_or_wrong_one_is_told_apart() {
    let world = World::new();
    assert_eq!(world.kind(&world.with(&world.clients.issue_client("me"))), Ok(()));
    assert_eq!(world.kind(&world.options()), Err(TlsKind::ClientCertificateRequired));
    let strange = Authority::new("strange").issue_client("me");
    assert_eq!(world.kind(&world.with(&strange)), Err(TlsKind::ClientCertificateRefused));
    let server = Arc::new(demanding(&world.issued, ONLY_1_3, &world.clients));
    let why = meets(&world.options(), &server, "a.test").unwrap_err();
    assert!(details(&why).to_string().contains("configure a client certificate"));
}

#[test]
fn a_client_certificate_is_accepted_only_with_the_intermediates_behind_it() {
    let world = World::new();
    let one = world.clients.intermediate("one", |_| {});
    let whole = one.issue_client("me").with(&one);
    assert_eq!(world.kind(&world.with(&whole)), Ok(()));
    let cut = one.issue_client("me");
    assert_eq!(world.kind(&world.with(&cut)), Err(TlsKind::ClientCertificateRefused));
}

#[test]
fn a_certificate_that_is_not_demanded_does_no_harm() {
    let world = World::new();
    let options = world.with(&world.clients.issue_client("me"));
    let server = Arc::new(httpool_tls_testing::server::config(&world.issued, ONLY_1_3));
    assert!(meets(&options, &server, "a.test").is_ok());
}

fn refused(options: TlsOptions) -> TlsConfigError {
    options.danger_accept_invalid_certificates().build().unwrap_err()
}

#[test]
fn a_key_that_belongs_to_another_certificate_is_refused() {
    let authority = Authority::new("clients");
    let (one, two) = (authority.issue_client("one"), authority.issue_client("two"));
    let why = refused(TlsOptions::new().cert_data(one.chain_pem()).key_data(two.key_pem()));
    assert!(matches!(why, TlsConfigError::KeyMismatch { .. }), "{why}");
}

#[test]
fn certificate_and_key_may_share_a_file() {
    let world = World::new();
    let client = world.clients.issue_client("me");
    let both = format!("{}{}", client.key_pem(), client.chain_pem());
    assert_eq!(world.kind(&world.options().cert_data(&both)), Ok(()));
    let folder = Folder::new("both");
    let path = folder.write("both.pem", &both);
    assert_eq!(world.kind(&world.options().cert_file(path)), Ok(()));
}

#[test]
fn what_is_missing_or_no_key_is_named() {
    let client = Authority::new("clients").issue_client("me");
    let folder = Folder::new("missing");
    let why = refused(TlsOptions::new().cert_file(folder.path.join("none.pem")));
    assert!(matches!(why, TlsConfigError::Read { .. }) && why.to_string().contains("none.pem"));
    let certificate = folder.write("cert.pem", &client.chain_pem());
    let why = refused(TlsOptions::new().cert_file(&certificate));
    assert!(matches!(why, TlsConfigError::NoKey(_)) && why.to_string().contains("cert.pem"));
    let key = folder.write("key.pem", &client.key_pem());
    let why = refused(TlsOptions::new().cert_file(&key).key_file(&key));
    assert!(matches!(why, TlsConfigError::NoCertificate { .. }), "{why}");
    let why = refused(TlsOptions::new().key_file(&key));
    assert!(matches!(why, TlsConfigError::KeyWithoutCertificate), "{why}");
    let broken = client.key_pem().replacen("MIG", "!!!", 1);
    let why = refused(TlsOptions::new().cert_file(&certificate).key_data(broken));
    assert!(matches!(why, TlsConfigError::BadKey { .. }), "{why}");
}

/// Runs openssl in a folder. Returns whether it is there.
fn openssl(folder: &Folder, arguments: &str) -> bool {
    let output =
        Command::new("openssl").args(arguments.split(' ')).current_dir(&folder.path).output();
    match output {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "openssl {arguments}: {said}");
            true
        }
        Err(_) => {
            eprintln!("!! NOT RUN: there is no openssl here");
            false
        }
    }
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let world = World::new();
    let client = world.clients.issue_client("me");
    let folder = Folder::new("encrypted");
    let certificate = folder.write("cert.pem", &client.chain_pem());
    folder.write("key.pem", &client.key_pem());
    for (name, how) in [
        ("aes.pem", "-v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 1000"),
        ("aes-gcm-sha512.pem", "-v2 aes-128-cbc -v2prf hmacWithSHA512 -iter 1000"),
        ("des3.pem", "-v2 des3 -v2prf hmacWithSHA1 -iter 1000"),
        ("scrypt.pem", "-scrypt -scrypt_N 16"),
    ] {
        let made = format!("pkcs8 -topk8 -in key.pem -out {name} -passout pass:right {how}");
        if !openssl(&folder, &made) {
            return;
        }
        let key = folder.path.join(name);
        let options = world.options().cert_file(&certificate).key_file(&key);
        assert_eq!(world.kind(&options.clone().key_password("right")), Ok(()), "{name}");
        let why = refused(options.clone().key_password("wrong"));
        assert!(matches!(why, TlsConfigError::PasswordWrong(_)), "{name}: {why}");
        let why = refused(options);
        assert!(matches!(why, TlsConfigError::PasswordMissing(_)), "{name}: {why}");
        assert!(why.to_string().contains(name), "{why}");
    }
    // A password for a key in clear does no harm.
    let clear = world.with(&client).key_password("right");
    assert_eq!(world.kind(&clear), Ok(()));
}

#[test]
fn encryptions_that_are_broken_are_refused_with_the_way_out() {
    let client = Authority::new("clients").issue_client("me");
    let folder = Folder::new("broken");
    let certificate = folder.write("cert.pem", &client.chain_pem());
    folder.write("key.pem", &client.key_pem());
    for (name, made) in [
        (
            "pbes1.pem",
            "pkcs8 -topk8 -in key.pem -out pbes1.pem -passout pass:right -v1 PBE-SHA1-3DES",
        ),
        ("old.pem", "ec -in key.pem -out old.pem -passout pass:right -aes128"),
    ] {
        if !openssl(&folder, made) {
            return;
        }
        let options = TlsOptions::new().cert_file(&certificate).key_password("right");
        let why = refused(options.key_file(folder.path.join(name)));
        assert!(matches!(why, TlsConfigError::KeyEncryption { .. }), "{name}: {why}");
        assert!(why.to_string().contains("openssl pkcs8 -topk8"), "{why}");
    }
}

#[test]
fn keys_in_pkcs1_and_sec1_are_read() {
    let world = World::new();
    let client = world.clients.issue_client("me");
    let folder = Folder::new("forms");
    let certificate = folder.write("cert.pem", &client.chain_pem());
    folder.write("key.pem", &client.key_pem());
    if !openssl(&folder, "ec -in key.pem -out sec1.pem") {
        return;
    }
    let options = world.options().cert_file(&certificate).key_file(folder.path.join("sec1.pem"));
    assert_eq!(world.kind(&options), Ok(()));
    openssl(&folder, "genrsa -traditional -out rsa.pem 2048");
    openssl(&folder, "req -x509 -new -key rsa.pem -out rsa-cert.pem -subj /CN=me -days 1");
    let rsa = TlsOptions::new()
        .cert_file(folder.path.join("rsa-cert.pem"))
        .key_file(folder.path.join("rsa.pem"));
    assert!(rsa.danger_accept_invalid_certificates().build().is_ok());
    openssl(&folder, "genrsa -traditional -out small.pem 1024");
    let small = TlsOptions::new().cert_file(&certificate).key_file(folder.path.join("small.pem"));
    let why = refused(small);
    assert!(matches!(why, TlsConfigError::BadKey { .. }) && why.to_string().contains("2,048"));
}
