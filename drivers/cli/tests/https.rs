//! Tests the options of TLS, and those that lead connections to other addresses.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{fs, net::TcpListener, sync::Arc};

use httpool_tls_testing::{
    certificates::Authority,
    server::{BOTH, ONLY_1_2, ONLY_1_3, config, demanding, serve, serve_local},
};
use support::{Directory, run, run_well, text};

/// An authority whose certificate is in a file, and a folder for more files.
struct World {
    root: Authority,
    folder: Directory,
}

impl World {
    fn new(name: &str) -> Self {
        let (root, folder) = (Authority::new("root"), Directory::new(name));
        fs::write(folder.path("root.pem"), root.pem()).unwrap();
        Self { root, folder }
    }

    fn file(&self, name: &str, content: &str) -> String {
        fs::write(self.folder.path(name), content).unwrap();
        self.folder.path(name)
    }
}

/// Runs the program with the URL of `a.test`, which leads to `port` of this computer.
fn get(port: u16, args: &[&str]) -> (i32, String, String) {
    let (resolve, url) =
        (format!("a.test:{port}:127.0.0.1"), format!("https://a.test:{port}/hello"));
    let output = run(&[&["get", "--resolve", &resolve, &url], args].concat());
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

const BODY: &str = "GET /hello HTTP/1.1";

#[test]
fn an_authority_in_a_file_or_a_hashed_folder_is_trusted() {
    let world = World::new("https-trust");
    let port = serve_local(config(&world.root.issue(&["a.test"]), BOTH)).port();
    let file = world.folder.path("root.pem");
    assert_eq!(get(port, &["--cacert", &file]), (0, BODY.into(), String::new()));
    fs::write(world.folder.path("0a1b2c3d.0"), world.root.pem()).unwrap();
    assert_eq!(get(port, &["--capath", &world.folder.path("")]), (0, BODY.into(), String::new()));

    let other = world.file("other.pem", &Authority::new("other").pem());
    let (code, shown, said) = get(port, &["--cacert", &other]);
    assert_eq!((code, &*shown), (60, ""));
    assert!(said.contains("no trusted authority") && said.contains("\"root\""), "{said}");
    assert!(said.contains("hint: --cacert FILE"), "{said}");
}

#[test]
fn a_wrong_name_is_a_failure_that_shows_the_names_of_the_certificate() {
    let world = World::new("https-name");
    let port = serve_local(config(&world.root.issue(&["b.test"]), BOTH)).port();
    let (code, _, said) = get(port, &["--cacert", &world.folder.path("root.pem")]);
    assert_eq!(code, 60, "{said}");
    assert!(said.contains("not for a.test, but for b.test"), "{said}");
    assert!(said.contains("nothing was sent"), "{said}");
}

#[test]
fn insecure_accepts_any_certificate_and_warns() {
    let world = World::new("https-insecure");
    let port = serve_local(config(&world.root.issue(&["b.test"]), BOTH)).port();
    for option in ["-k", "--insecure"] {
        let (code, shown, said) = get(port, &[option]);
        assert_eq!((code, &*shown), (0, BODY));
        assert!(said.contains("warning: --insecure accepts any certificate"), "{said}");
    }
}

#[test]
fn a_file_that_cannot_be_used_is_found_before_anything_is_sent() {
    let world = World::new("https-files");
    let missing = world.folder.path("missing.pem");
    let url = "https://a.test/";
    for (args, code) in [
        (["--cacert", &missing], 77),
        (["--capath", &missing], 77),
        (["--cert", &missing], 58),
        (["--cacert", &world.file("empty.pem", "")], 77),
    ] {
        let output = run(&[&["get", url], &args[..]].concat());
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(args[1]), "{said}");
    }
    let output = run(&["get", url, "--pinned-fingerprint", "0123"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("0123"), "{output:?}");
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_demands_one() {
    let world = World::new("https-client");
    let clients = Authority::new("clients");
    let issued = world.root.issue(&["a.test"]);
    let port = serve_local(demanding(&issued, BOTH, &clients)).port();
    // In TLS 1.2 the server refuses within the handshake.
    let early = serve_local(demanding(&issued, ONLY_1_2, &clients)).port();
    let me = clients.issue_client("me");
    let certificate = world.file("me.pem", &me.chain_pem());
    let key = world.file("me.key", &me.key_pem());
    let root = world.folder.path("root.pem");
    let with = ["--cacert", &root, "--cert", &certificate, "--key", &key];
    assert_eq!(get(port, &with), (0, BODY.into(), String::new()));
    let (code, _, said) = get(early, &with[..2]);
    assert_eq!(code, 58, "{said}");
    assert!(
        said.contains("demands a client certificate") && said.contains("--cert FILE"),
        "{said}"
    );
}

#[test]
fn versions_can_be_bounded() {
    let world = World::new("https-versions");
    let root = world.folder.path("root.pem");
    let issued = world.root.issue(&["a.test"]);
    let old = serve_local(config(&issued, ONLY_1_2)).port();
    let new = serve_local(config(&issued, ONLY_1_3)).port();
    let get = |port, args: &[&str]| get(port, &[&["--cacert", &*root], args].concat()).0;
    assert_eq!([get(old, &["--tlsv1.2"]), get(new, &["--tlsv1.2"])], [0, 0]);
    assert_eq!([get(old, &["--tlsv1.3"]), get(new, &["--tlsv1.3"])], [35, 0]);
    assert_eq!([get(old, &["--tls-max", "1.2"]), get(new, &["--tls-max=1.2"])], [0, 35]);
    assert_eq!([get(old, &["--tls-max", "1.3"]), get(new, &["--tls-max=default"])], [0, 0]);
}

#[test]
fn verbose_shows_the_handshake_and_the_heads_with_stars_for_secrets() {
    let world = World::new("https-verbose");
    let port = serve_local(config(&world.root.issue(&["a.test"]), ONLY_1_3)).port();
    let root = world.folder.path("root.pem");
    let args = ["-v", "--cacert", &root, "-H", "Authorization: Bearer token"];
    let (code, shown, said) = get(port, &args);
    assert_eq!((code, &*shown), (0, BODY), "{said}");
    for line in [
        &*format!("* connecting to 127.0.0.1:{port}\n"),
        "* TLS: TLSv1.3 X25519MLKEM768 full verified\n",
        "> GET /hello HTTP/1.1\n",
        "> Authorization:*",
        "< HTTP/1.1 200 OK\n< content-length: 19\n<\n",
        "* cipher suite TLS13_",
        "* certificate \"a certificate for tests\" of \"root\", expires ",
        ", verified\n",
    ] {
        assert!(said.contains(line), "{line:?} in {said}");
    }
    assert!(!said.contains("token"), "{said}");
    let (_, _, said) = get(port, &["-vk"]);
    assert!(said.contains("full unverified\n") && said.contains("NOT verified"), "{said}");
}

#[test]
fn json_has_the_facts_about_the_session() {
    let world = World::new("https-json");
    let port = serve_local(config(&world.root.issue(&["a.test"]), ONLY_1_2)).port();
    let root = world.folder.path("root.pem");
    for (args, verified) in
        [(&["--as-json", "--cacert", &*root][..], true), (&["--as-json", "-k"], false)]
    {
        let (code, shown, _) = get(port, args);
        assert_eq!(code, 0);
        let value: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let tls = &value["tls"];
        assert_eq!(tls["version"], "TLSv1.2");
        assert_eq!((&tls["verified"], &tls["resumed"]), (&verified.into(), &false.into()));
        assert!(tls["cipher_suite"].as_str().unwrap().starts_with("TLS_"), "{tls}");
    }
}

#[test]
fn the_name_of_the_url_is_checked_wherever_the_connection_leads() {
    let world = World::new("https-way");
    let root = world.folder.path("root.pem");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Arc::new(config(&world.root.issue(&["a.test"]), BOTH));
    let port = serve(server, listener).port();
    for rule in [
        format!("a.test:443:127.0.0.1:{port}"),
        format!("::localhost:{port}"),
        format!(":443:127.0.0.1:{port}"),
    ] {
        let args = ["get", "--cacert", &root, "--connect-to", &rule, "https://a.test/hello"];
        assert_eq!(run_well(&args), BODY, "{rule}");
    }
    let rule = format!("b.test:443:127.0.0.1:{port}");
    let output = run(&["get", "--cacert", &root, "--connect-to", &rule, "https://b.test/"]);
    assert_eq!(output.status.code(), Some(60));
    assert!(text(&output.stderr).contains("not for b.test"), "{output:?}");
}

#[test]
fn the_tls_to_a_proxy_has_options_of_its_own() {
    let world = World::new("https-proxy");
    let company = Authority::new("company");
    let trusted = world.file("company.pem", &company.pem());
    let port = serve_local(config(&company.issue(&["localhost"]), BOTH)).port();
    let proxy = format!("https://localhost:{port}");
    let get = |options: &[&str]| {
        let output = run(&[&["get", "-x", &proxy, "http://a.test/x"], options].concat());
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let forwarded = "GET http://a.test/x HTTP/1.1";
    assert_eq!(get(&["--proxy-cacert", &trusted]), (0, forwarded.into(), String::new()));
    let (code, shown, said) = get(&["--proxy-insecure"]);
    assert_eq!((code, &*shown), (0, forwarded));
    assert!(said.contains("warning: --proxy-insecure"), "{said}");
    // The options of the TLS to origins are not for proxies.
    for options in [&["--cacert", &*trusted][..], &["-k"]] {
        let (code, shown, said) = get(options);
        assert_eq!((code, &*shown), (60, ""), "{options:?} {said}");
    }
    let (code, _, said) = get(&["--proxy-cacert", "/no/such/file"]);
    assert!(code != 0 && said.contains("/no/such/file"), "{said}");
}

#[test]
fn a_certificate_of_the_client_is_for_the_proxy_or_for_the_origin() {
    let world = World::new("https-proxy-clients");
    let clients = Authority::new("clients");
    let me = clients.issue_client("me");
    let mine = world.file("me.pem", &(me.chain_pem() + &me.key_pem()));
    let port = serve_local(demanding(&world.root.issue(&["localhost"]), BOTH, &clients)).port();
    let proxy = format!("https://localhost:{port}");
    let root = world.folder.path("root.pem");
    let get = |option: &str| {
        let options = ["get", "-x", &proxy, "--proxy-cacert", &root, option, &mine];
        run(&[&options[..], &["http://a.test/"]].concat())
    };
    assert_eq!(text(&get("--proxy-cert").stdout), "GET http://a.test/ HTTP/1.1");
    assert!(!get("--cert").status.success());
}
