//! The table of configurations, and resumption.

use std::{collections::BTreeSet, sync::Arc};

use httpool::{error::TlsKind, message::TlsId};
use httpool_kit::{Layers as _, Session};
use httpool_tls::{Configs, Role, TlsConfig, TlsConfigError, TlsOptions, TlsVersion};
use httpool_tls_testing::{
    certificates::Authority,
    link::Link,
    server::{ONLY_1_2, ONLY_1_3, config, provider},
};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, ServerConfig};

use crate::files::Folder;

struct World {
    root: Authority,
    servers: [Arc<ServerConfig>; 2],
}

impl World {
    fn new() -> Self {
        let root = Authority::new("root");
        let issued = root.issue(&["a.test"]);
        let servers = [ONLY_1_2, ONLY_1_3].map(|versions| Arc::new(config(&issued, versions)));
        Self { root, servers }
    }

    fn options(&self) -> TlsOptions {
        TlsOptions::new().ca_cert_data(self.root.pem())
    }
}

/// Exchanges `ping`. Client and server agree on whether a session was resumed.
fn ping(config: &TlsConfig, server: &Arc<ServerConfig>, name: &str) -> Arc<Session> {
    let mut link = Link::new(config.begin(name).unwrap(), server, usize::MAX);
    let session = link.ping().unwrap();
    let resumed = link.server.handshake_kind() == Some(HandshakeKind::Resumed);
    assert_eq!(session.resumed, resumed);
    session
}

#[test]
fn a_session_is_resumed_with_its_certificates() {
    let world = World::new();
    for server in &world.servers {
        let config = world.options().build().unwrap();
        let first = ping(&config, server, "a.test");
        let second = ping(&config, server, "a.test");
        assert!(!first.resumed && second.resumed && second.verified);
        assert_eq!(first.peer_certificates, second.peer_certificates);
        let never = world.options().no_resumption().build().unwrap();
        assert!(!ping(&never, server, "a.test").resumed);
        assert!(!ping(&never, server, "a.test").resumed);
    }
}

/// Returns settings that differ from `base` in exactly one.
fn variants(world: &World, folder: &Folder) -> Vec<TlsOptions> {
    let base = world.options();
    let client = Authority::new("clients").issue_client("me");
    let (certificate, key) = (client.chain_pem(), client.key_pem());
    let pem = folder.write("root.pem", &world.root.pem());
    folder.write("0a1b2c3d.0", &world.root.pem());
    let digits = "ab".repeat(32);
    let identity = base.clone().cert_data(&certificate).key_data(&key);
    vec![
        base.clone().cert_data(format!("{certificate}{key}")),
        identity.clone(),
        identity.key_password("secret"),
        base.clone().ca_certs(pem),
        base.clone().ca_cert_dir(&folder.path),
        base.clone().ca_cert_data(Authority::new("other").pem()),
        base.clone().platform_roots_too(),
        base.clone().ignore_environment(),
        base.clone().danger_accept_invalid_certificates(),
        base.clone().min_version(TlsVersion::V1_2),
        base.clone().max_version(TlsVersion::V1_3),
        base.clone().assert_hostname("a.test"),
        base.clone().danger_accept_any_hostname(),
        base.clone().assert_fingerprint(&digits),
        base.clone().server_hostname("a.test"),
        base.clone().no_resumption(),
        base.clone().danger_log_keys(folder.path.join("keys.log")),
        base.clone().role(Role::Proxy),
        base,
    ]
}

#[test]
fn settings_that_differ_in_one_share_neither_number_nor_ticket() {
    let world = World::new();
    let folder = Folder::new("variants");
    let variants = variants(&world, &folder);
    let configs = Configs::new();
    let ids: Vec<TlsId> =
        variants.iter().map(|options| configs.add(options.clone()).unwrap()).collect();
    let numbers: BTreeSet<u32> = ids.iter().map(|id| id.0).collect();
    assert_eq!(numbers.len(), variants.len(), "{ids:?}");
    // Equal settings, one number.
    for (options, id) in variants.iter().zip(&ids) {
        assert_eq!(configs.add(options.clone()).unwrap(), *id);
        assert_eq!(configs.insert(&options.clone().build().unwrap()), *id);
    }
    for server in &world.servers {
        for id in &ids {
            let config = configs.get(*id).unwrap().unwrap();
            let layer = configs.begin(*id, "a.test").unwrap();
            // The first session of each configuration is never resumed.
            if let Ok(session) = Link::new(layer, server, usize::MAX).ping() {
                assert!(!session.resumed, "{config:?}");
            }
        }
    }
}

#[test]
fn a_strict_configuration_offers_no_ticket_of_a_lenient_one() {
    let world = World::new();
    let other = Authority::new("other");
    for server in &world.servers {
        let configs = Configs::new();
        let lenient = TlsOptions::new().danger_accept_invalid_certificates();
        let lenient = configs.add(lenient).unwrap();
        for _ in 0..2 {
            let layer = configs.begin(lenient, "a.test").unwrap();
            Link::new(layer, server, usize::MAX).ping().unwrap();
        }
        let strict = configs.add(TlsOptions::new().ca_cert_data(other.pem())).unwrap();
        let layer = configs.begin(strict, "a.test").unwrap();
        let why = Link::new(layer, server, usize::MAX).ping().unwrap_err();
        assert_eq!(why.kind(), TlsKind::Issuer);
    }
}

#[test]
fn a_ticket_of_one_name_is_not_offered_to_another() {
    let root = Authority::new("root");
    let issued = root.issue(&["a.test", "b.test"]);
    let server = Arc::new(config(&issued, ONLY_1_3));
    let client = TlsOptions::new().ca_cert_data(root.pem()).build().unwrap();
    ping(&client, &server, "a.test");
    assert!(!ping(&client, &server, "b.test").resumed);
    assert!(ping(&client, &server, "A.test.").resumed);
}

#[test]
fn an_own_configuration_equals_only_itself_and_its_protocols_are_set() {
    let world = World::new();
    let mut roots = RootCertStore::empty();
    roots.add(world.root.der().clone()).unwrap();
    let make = || {
        let mut own = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        own.alpn_protocols = vec![b"h2".to_vec()];
        own.enable_early_data = true;
        Arc::new(own)
    };
    let (one, two) = (make(), make());
    let configs = Configs::new();
    let id = configs.add(TlsOptions::new().rustls_0_23(one.clone())).unwrap();
    assert_eq!(configs.add(TlsOptions::new().rustls_0_23(one.clone())).unwrap(), id);
    assert_ne!(configs.add(TlsOptions::new().rustls_0_23(two)).unwrap(), id);
    let other = TlsOptions::new().rustls_0_23(one.clone()).role(Role::Proxy);
    let other = configs.add(other).unwrap();
    assert_ne!(other, id);
    let mut server = (*world.servers[1]).clone();
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = Arc::new(server);
    let session = ping(&configs.get(id).unwrap().unwrap(), &server, "a.test");
    assert_eq!(session.alpn, Some("http/1.1"));
    assert!(!ping(&configs.get(other).unwrap().unwrap(), &server, "a.test").resumed);
    assert!(ping(&configs.get(id).unwrap().unwrap(), &server, "a.test").resumed);
    let why = TlsOptions::new().rustls_0_23(one).ca_cert_data(world.root.pem()).build();
    assert!(matches!(why, Err(TlsConfigError::OwnConfig { .. })));
}

#[test]
fn bad_settings_are_refused_with_the_reason() {
    let world = World::new();
    let refused = |options: TlsOptions| options.build().unwrap_err();
    let why = refused(world.options().min_version(TlsVersion::V1_3).max_version(TlsVersion::V1_2));
    assert!(matches!(why, TlsConfigError::Versions), "{why}");
    for digits in ["", "12:34", &"ab".repeat(16), &"zz".repeat(32)] {
        let why = refused(world.options().assert_fingerprint(digits));
        assert!(matches!(why, TlsConfigError::Fingerprint { .. }), "{why}");
    }
    let why = refused(world.options().assert_hostname("a b"));
    assert!(why.to_string().contains("assert_hostname"), "{why}");
    let why = refused(world.options().server_hostname(""));
    assert!(why.to_string().contains("server_hostname"), "{why}");
}

#[test]
fn numbers_that_are_not_there_and_defaults_that_fail_are_errors() {
    let missing = TlsOptions::new().ca_certs("/nowhere/ca.pem");
    let configs = Configs::with_default(missing);
    for tls in [Configs::DEFAULT, Configs::DEFAULT_PROXY] {
        let why = configs.begin(tls, "a.test").unwrap_err();
        assert_eq!(why.kind(), TlsKind::Config);
        let source = std::error::Error::source(&why).unwrap().to_string();
        assert!(source.contains("/nowhere/ca.pem"), "{source}");
    }
    assert_eq!(configs.begin(TlsId(9), "a.test").unwrap_err().kind(), TlsKind::Config);
    let world = World::new();
    let configs = Configs::with_default(world.options());
    assert_eq!(configs.add(world.options()).unwrap(), Configs::DEFAULT);
    assert_eq!(configs.add(world.options().role(Role::Proxy)).unwrap(), Configs::DEFAULT_PROXY);
    for tls in [Configs::DEFAULT, Configs::DEFAULT_PROXY] {
        let layer = configs.begin(tls, "a.test").unwrap();
        assert!(!Link::new(layer, &world.servers[1], 5).ping().unwrap().resumed);
    }
}

#[test]
fn no_text_of_settings_shows_a_secret() {
    let client = Authority::new("clients").issue_client("me");
    let options = TlsOptions::new()
        .danger_accept_invalid_certificates()
        .cert_data(client.chain_pem())
        .key_data(client.key_pem())
        .key_password("hunter2");
    let config = options.clone().build().unwrap();
    let configs = Configs::with_default(options.clone());
    for text in [format!("{options:?}"), format!("{config:?}"), format!("{configs:?}")] {
        assert!(!text.contains("hunter2") && !text.contains("PRIVATE"), "{text}");
        let key: Vec<String> = client.key.serialize_der().iter().map(u8::to_string).collect();
        assert!(!text.contains(&key[..8].join(", ")), "{text}");
    }
}
