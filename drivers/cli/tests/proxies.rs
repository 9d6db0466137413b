//! Tests the options of proxies, and the variables that name them.

mod support;

use support::{Server, program, response, run, run_well, text};

/// A proxy that answers each request itself.
fn proxy() -> Server {
    Server::start(|seen| response("200 OK", "", &seen.line))
}

#[test]
fn a_proxy_gets_the_whole_url_the_credentials_and_its_own_fields() {
    let proxy = proxy();
    let url = proxy.url("");
    let shown = run_well(&[
        "get",
        "-x",
        &url,
        "-U",
        "me:secret",
        "--proxy-header",
        "X-P: 1",
        "http://a.test/x?y",
    ]);
    assert_eq!(shown, "GET http://a.test/x?y HTTP/1.1");
    let seen = &proxy.seen()[0];
    assert!(seen.has("host: a.test") && seen.has("x-p: 1"), "{seen:?}");
    assert!(seen.has("proxy-authorization: Basic bWU6c2VjcmV0"), "{seen:?}");
}

#[test]
fn a_preproxy_tunnels_to_the_proxy() {
    let first = Server::start(|seen| match seen.line.starts_with("CONNECT ") {
        true => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        false => response("200 OK", "", &seen.line),
    });
    let url = first.url("");
    let shown = run_well(&["get", "--preproxy", &url, "-x", "p.test:3128", "http://a.test/"]);
    assert_eq!(shown, "GET http://a.test/ HTTP/1.1");
    assert_eq!(first.seen()[0].line, "CONNECT p.test:3128 HTTP/1.1");
}

#[test]
fn a_proxy_tunnels_to_an_http_url_if_told_to() {
    let proxy = Server::start(|seen| match seen.line.starts_with("CONNECT ") {
        true => "HTTP/1.1 200 OK\r\n\r\n".to_owned(),
        false => response("200 OK", "", &seen.line),
    });
    let shown = run_well(&["-p", "-x", &proxy.url(""), "-U", "me:secret", "http://a.test/x"]);
    assert_eq!(shown, "GET /x HTTP/1.1");
    let seen = proxy.seen();
    assert_eq!(seen[0].line, "CONNECT a.test:80 HTTP/1.1");
    assert!(seen[0].has("proxy-authorization: Basic bWU6c2VjcmV0"), "{seen:?}");
    assert!(!seen[1].has("proxy-authorization: Basic bWU6c2VjcmV0"), "{seen:?}");
}

#[test]
fn variables_name_proxies_unless_options_do() {
    let (proxy, origin) = (proxy(), Server::start(|_| response("200 OK", "", "direct")));
    let (proxy_url, origin_url) = (proxy.url(""), origin.url("/"));
    let forwarded = format!("GET {origin_url} HTTP/1.1");
    for (variables, options, expected) in [
        (vec![("http_proxy", &*proxy_url)], vec![], &*forwarded),
        (vec![("ALL_PROXY", &proxy_url)], vec![], &forwarded),
        (vec![("http_proxy", &proxy_url), ("no_proxy", "127.0.0.0/8")], vec![], "direct"),
        (vec![("http_proxy", &proxy_url), ("no_proxy", "*")], vec!["--noproxy", ""], &forwarded),
        (vec![("http_proxy", &proxy_url)], vec!["--noproxy", "127.0.0.1"], "direct"),
        (vec![("http_proxy", &proxy_url)], vec!["-x", ""], "direct"),
        (vec![("http_proxy", "x://")], vec!["-x", &proxy_url], &forwarded),
        (vec![("HTTP_PROXY", &proxy_url), ("REQUEST_METHOD", "GET")], vec![], "direct"),
    ] {
        let args = [&["get", &*origin_url], &options[..]].concat();
        let output = program(&args).envs(variables.clone()).output().unwrap();
        assert_eq!(text(&output.stdout), expected, "{variables:?} {options:?} {output:?}");
    }
}

#[test]
fn a_bad_proxy_is_refused_without_a_request_and_without_its_password() {
    let origin = Server::start(|_| response("200 OK", "", ""));
    let url = origin.url("/");
    let mut get = program(&["get", &url]);
    let output = get.env("HTTP_PROXY", "ftp://u:secret@h").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = text(&output.stderr);
    assert!(message.contains("HTTP_PROXY") && message.contains("scheme"), "{message}");
    assert!(!message.contains("secret"), "{message}");
    for options in [
        &["-x", "ftp://u:secret@h"][..],
        &["-x", "h", "--preproxy", "http://u:secret@h:0"],
        &["--preproxy", "h"],
        &["-U", "u:secret"],
        &["--proxy-header", "A: secret"],
        &["-x", "h", "--proxy-header", "Host: secret"],
    ] {
        let output = run(&[&["get", &*url], options].concat());
        assert_eq!(output.status.code(), Some(2), "{options:?}");
        assert!(!text(&output.stderr).contains("secret"), "{output:?}");
    }
    assert_eq!(origin.seen().len(), 0);
}

#[test]
fn a_redirect_from_the_proxy_to_a_direct_host_drops_the_credentials() {
    let origin = Server::start(|_| response("200 OK", "", "direct"));
    let location = format!("Location: {}\r\n", origin.url("/"));
    let proxy = Server::start(move |_| response("302 Found", &location, ""));
    let shown = run_well(&[
        "get",
        "-L",
        "-x",
        &proxy.url(""),
        "-U",
        "me:secret",
        "--proxy-header",
        "X-P: 1",
        "--noproxy",
        "127.0.0.1",
        "http://a.test/",
    ]);
    assert_eq!(shown, "direct");
    let seen = &origin.seen()[0];
    assert_eq!(seen.line, "GET / HTTP/1.1");
    let leaked = |field: &&String| field.starts_with("proxy") || field.starts_with("x-p");
    assert_eq!(seen.fields.iter().find(leaked), None);
}
