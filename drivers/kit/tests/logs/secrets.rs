//! Nothing secret is reported.

use httpool_blocking::{Policy, Route, Routes};

use crate::{
    captured::captured,
    drivers::with_each,
    support::{Server, ok, proxies::Heads},
};

/// Answers with secrets in fields and bodies, by the path.
fn server() -> Server {
    Server::replying(|request| {
        let path = request.target().split('?').next().unwrap();
        let location = match path {
            "/secret-old" => "/secret-new?secret=1",
            "/secret-elsewhere" => "ftp://me:secret@secret.test/secret",
            "/secret-retried" => {
                let head = "HTTP/1.1 503 secret\r\nRetry-After: 0\r\nSet-Cookie: secret=1";
                return format!("{head}\r\nContent-Length: 6\r\n\r\nsecret").into_bytes();
            }
            "/secret-broken" => return b"HTTP/1.1 200 OK\r\nsecret\r\n\r\n".to_vec(),
            _ => return ok("secret"),
        };
        let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n");
        format!("{head}Content-Length: 6\r\n\r\nsecret").into_bytes()
    })
}

#[test]
fn no_report_holds_a_path_a_query_userinfo_a_field_or_a_byte_of_a_body() {
    with_each(
        |_| {},
        |subject| {
            let (server, forwarder) = (server(), Heads::proxy());
            let refuses = Heads::of(|_| {
                let head = "HTTP/1.1 403 secret\r\nX-Secret: secret\r\nContent-Length: 6";
                format!("{head}\r\n\r\nsecret").into_bytes()
            });
            let tunnel = Routes::default().http(Route::tunnel(refuses.hop()));
            let ways = [
                (None, "secret-old", Some(200)),
                (None, "secret-elsewhere", None),
                (None, "secret-retried", Some(503)),
                (None, "secret-broken", None),
                (Some(forwarder.policy()), "secret-old", Some(200)),
                (Some(Policy::default().routes(tunnel)), "secret-old", None),
            ];
            let fields = [("Authorization", "Bearer secret"), ("Cookie", "id=secret")];
            let lines = captured(|| {
                for (policy, path, status) in ways.clone() {
                    let url = format!("http://127.0.0.1:{}/{path}?secret=1", server.port());
                    assert_eq!(subject.get_with(&url, &fields, policy.clone()), status, "{path}");
                    let url = url.replace("127.0.0.1", "user:secret@127.0.0.1");
                    assert_eq!(subject.get_with(&url, &[], policy), status, "{path}");
                }
            });
            let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
            assert_eq!(of("ends"), 2 * ways.len(), "{lines:#?}");
            assert!(of("redirected") >= 2 && of("retried") >= 2, "{lines:#?}");
            let known = ["secret", "Secret", "user", "Bearer", "Basic", "me:", "@", "?", "id="];
            for line in &lines {
                assert!(!known.iter().any(|known| line.contains(known)), "{line}");
            }
        },
    );
}
