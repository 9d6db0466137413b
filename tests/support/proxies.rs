//! Proxies and origins for tests, and checks of the requests that they received.

use std::sync::{Arc, Mutex};

use httpool_blocking::{
    DialPolicy, Error, Guard, Hop, NoProxy, Policy, Retry, Route, Routes,
    httpool::error::{Cause, DialError, Unavailable},
};

use super::{Received, Server, ok};

/// A server that remembers the heads of its requests.
pub(crate) struct Heads {
    pub(crate) server: Server,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Heads {
    /// Starts a server that answers each request with what `answer` returns.
    pub(crate) fn of(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let server = Server::replying(move |request| {
            seen.lock().unwrap().push(request.head.clone());
            answer(request)
        });
        Self { server, heads }
    }

    /// Starts an origin that answers with `origin`.
    pub(crate) fn origin() -> Self {
        Self::of(|_| ok("origin"))
    }

    /// Starts a proxy that answers CONNECT with a tunnel to itself, and other requests with their
    /// targets.
    pub(crate) fn proxy() -> Self {
        Self::of(|request| match request.method() {
            "CONNECT" => b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
            _ => ok(request.target()),
        })
    }

    /// Starts a proxy that redirects to `location`.
    pub(crate) fn redirecting(location: String) -> Self {
        Self::of(move |_| {
            let head = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\n");
            format!("{head}Content-Length: 0\r\n\r\n").into_bytes()
        })
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Returns the server as a proxy with credentials and a field of its own.
    pub(crate) fn hop(&self) -> Hop {
        let hop = Hop::parse(&self.url("me:secret")).unwrap();
        hop.with_field("X-P", "1").unwrap()
    }

    /// Returns the URL of the server as a proxy, with user name and password.
    pub(crate) fn url(&self, userinfo: &str) -> String {
        format!("http://{userinfo}@127.0.0.1:{}", self.server.port())
    }

    /// Returns a policy for all requests through this proxy, in the usual way.
    pub(crate) fn policy(&self) -> Policy {
        Policy::default().routes(Routes::through(self.hop()))
    }
}

/// Returns whether a head has a field that is for a proxy alone.
pub(crate) fn is_for_proxy(head: &str) -> bool {
    let head = head.to_lowercase();
    head.contains("\r\nproxy-authorization: basic bwu6c2vjcmv0\r\n") && head.contains("\r\nx-p: 1")
}

/// Returns whether a head has any trace of a proxy.
pub(crate) fn knows_of_proxy(head: &str) -> bool {
    let head = head.to_lowercase();
    head.contains("proxy") || head.contains("x-p") || head.contains("://")
}

/// A way of sending a GET with a driver: the policy, the rules for dials, and the URL. Returns the
/// body, or the cause of the failure.
pub(crate) type Get<'g> = &'g dyn Fn(Policy, DialPolicy, &str) -> Result<String, Cause>;

/// Requests to an `http` origin are forwarded over one connection, each with the proxy's fields.
pub(crate) fn forwarded_requests_have_the_fields_of_the_proxy(get: Get<'_>) {
    let proxy = Heads::proxy();
    for url in ["http://a.test/x?y#f", "http://b.test:81/"] {
        let target = url.split('#').next().unwrap();
        let body = get(proxy.policy(), DialPolicy::default(), url);
        assert_eq!(body.as_deref(), Ok(target));
    }
    for head in proxy.heads() {
        assert!(is_for_proxy(&head), "{head}");
    }
    assert!(proxy.heads()[1].contains("\r\nHost: b.test:81\r\n"), "{:?}", proxy.heads());
}

/// An exception is reached directly, and the proxy learns nothing of it.
pub(crate) fn an_exception_is_reached_directly(get: Get<'_>) {
    let (proxy, origin) = (Heads::proxy(), Heads::origin());
    let mut policy = proxy.policy();
    policy.routes.no_proxy = NoProxy::parse("10.0.0.0/8, 127.0.0.0/8");
    let url = origin.server.url("/");
    assert_eq!(get(policy, DialPolicy::default(), &url).as_deref(), Ok("origin"));
    assert_eq!(proxy.server.accepted(), 0);
    assert!(!knows_of_proxy(&origin.heads()[0]), "{:?}", origin.heads());
}

/// A redirect that leaves the proxy leaves its fields behind.
pub(crate) fn a_redirect_to_an_exception_drops_the_fields_of_the_proxy(get: Get<'_>) {
    let origin = Heads::origin();
    let proxy = Heads::redirecting(origin.server.url("/direct"));
    let mut policy = proxy.policy();
    policy.routes.no_proxy = NoProxy::parse("127.0.0.1");
    let body = get(policy, DialPolicy::default(), "http://a.test/");
    assert_eq!(body.as_deref(), Ok("origin"));
    assert!(is_for_proxy(&proxy.heads()[0]));
    assert!(origin.heads()[0].starts_with("GET /direct HTTP/1.1\r\n"));
    assert!(!knows_of_proxy(&origin.heads()[0]), "{:?}", origin.heads());
}

/// A tunnel for `http`: CONNECT alone has the proxy's fields, and nothing of the request.
pub(crate) fn a_tunnel_for_http_has_the_fields_of_the_proxy_in_connect_alone(get: Get<'_>) {
    let proxy = Heads::proxy();
    let policy = Policy::default().routes(Routes::default().http(Route::tunnel(proxy.hop())));
    let body = get(policy, DialPolicy::default(), "http://u:pw@a.test/x");
    assert_eq!(body.as_deref(), Ok("/x"));
    let heads = proxy.heads();
    let connect = "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\nX-P: 1\r\n\
                   Proxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n";
    assert_eq!(heads[0], connect);
    assert!(heads[1].contains("\r\nAuthorization: ") && !knows_of_proxy(&heads[1]), "{heads:?}");
}

/// A way of sending a GET with a driver, under a policy, that returns the failure.
pub(crate) type Fail<'f> = &'f dyn Fn(Policy, &str) -> Error;

/// A refused tunnel is an error with the proxy's status, fields and body, and a refusal of
/// credentials is not tried again.
pub(crate) fn a_refused_tunnel_shows_the_response_of_the_proxy(fail: Fail<'_>) {
    for (status, ended, tries) in [(407, true, 1), (407, false, 1), (503, true, 3)] {
        let proxy = Heads::of(move |_| {
            let framing = if ended { "Content-Length: 6\r\n" } else { "" };
            let fields = "Proxy-Authenticate: Basic realm=\"p\"\r\nConnection: close\r\n";
            let head = format!("HTTP/1.1 {status} No\r\n{fields}{framing}\r\n");
            format!("HTTP/1.1 103 Early\r\n\r\n{head}log in").into_bytes()
        });
        let routes = Routes::default().http(Route::tunnel(proxy.hop()));
        let retry = Retry::new(2);
        let policy = Policy::default().routes(routes).retry(retry);
        let error = fail(policy, "http://a.test/");
        let expected = match status {
            407 => DialError::ProxyLogin(407),
            other => DialError::ProxyRefused(other),
        };
        let cause = error.as_failure().unwrap().cause;
        assert_eq!(cause, Cause::Unavailable(Unavailable::Dial(expected)));
        let response = error.proxy_response().unwrap();
        assert_eq!(response.head().status(), status);
        let challenge = response.head().headers().get_str("proxy-authenticate");
        assert_eq!(challenge, Some("Basic realm=\"p\""));
        assert_eq!(response.body(), b"log in");
        assert_eq!(proxy.server.requests(), tries, "{status}");
    }
}

/// A field of the proxy replaces the field of that name of a forwarded request, and of no other.
pub(crate) fn a_field_of_the_proxy_replaces_that_of_the_request(get: Get<'_>) {
    let proxy = Heads::proxy();
    let hop = proxy.hop().with_field("Accept", "of/proxy").unwrap();
    let forwarded = Policy::default().routes(Routes::through(hop.clone()));
    let tunnelled = Policy::default().routes(Routes::default().http(Route::tunnel(hop)));
    for policy in [forwarded, tunnelled] {
        get(policy, DialPolicy::default(), "http://a.test/").unwrap();
    }
    let heads = proxy.heads();
    let accepts = |head: &String| head.matches("\r\nAccept: ").count();
    assert!(heads[0].contains("\r\nAccept: of/proxy\r\n") && accepts(&heads[0]) == 1);
    assert!(heads[1].contains("\r\nAccept: of/proxy\r\n"), "{heads:?}");
    assert!(heads[2].contains("\r\nAccept: */*\r\n") && accepts(&heads[2]) == 1, "{heads:?}");
}

/// A 407 of a forward proxy is a response like another.
pub(crate) fn a_407_is_handed_over(get: Get<'_>) {
    let proxy = Heads::of(|_| {
        b"HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nlog in".to_vec()
    });
    let body = get(proxy.policy(), DialPolicy::default(), "http://a.test/");
    assert_eq!((body.as_deref(), proxy.server.requests()), (Ok("log in"), 1));
}

fn is_denied(got: Result<String, Cause>) -> bool {
    matches!(got, Err(Cause::Unavailable(Unavailable::Dial(DialError::Denied(_)))))
}

/// The guard refuses literals, names and redirects that lead to a denied address.
pub(crate) fn the_guard_refuses_literals_names_and_redirects(get: Get<'_>) {
    let origin = Heads::origin();
    let guarded = |guard: Guard| DialPolicy::default().guard(guard);
    let port = origin.server.port();
    let global = || guarded(Guard::global());
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"] {
        let url = format!("http://{host}:{port}/");
        assert!(is_denied(get(Policy::default(), global(), &url)), "{url}");
    }
    assert_eq!(origin.server.accepted(), 0);

    let other = format!("http://127.0.0.2:{port}/");
    let first = Heads::redirecting(other);
    let listed = guarded(Guard::global().allow("127.0.0.1".parse().unwrap()));
    let url = first.server.url("/");
    assert!(is_denied(get(Policy::default(), listed.clone(), &url)));
    assert_eq!(first.server.requests(), 1);
    let url = origin.server.url("/");
    assert_eq!(get(Policy::default(), listed, &url).as_deref(), Ok("origin"));
}

/// The guard judges the target of a forwarded request, also on a connection that is kept.
pub(crate) fn the_guard_judges_what_a_proxy_is_to_reach(get: Get<'_>) {
    let proxy = Heads::proxy();
    let listed = Guard::global().allow("127.0.0.1".parse().unwrap());
    let closed = DialPolicy::default().guard(listed.clone());
    let open = DialPolicy::default().guard(listed.allow_proxied_names(true));
    let policy = || proxy.policy();
    assert!(is_denied(get(policy(), closed.clone(), "http://a.test/")));
    assert_eq!(get(policy(), closed, "http://8.8.8.8/").as_deref(), Ok("http://8.8.8.8/"));
    assert_eq!(get(policy(), open.clone(), "http://a.test/").as_deref(), Ok("http://a.test/"));
    assert!(is_denied(get(policy(), open, "http://10.0.0.1/")));
    assert_eq!(proxy.server.requests(), 2);
}

/// The guard judges the target of a tunnel too, before anything is sent to the proxy.
pub(crate) fn the_guard_judges_the_target_of_a_tunnel(get: Get<'_>) {
    let listed = Guard::global().allow("127.0.0.1".parse().unwrap());
    let closed = DialPolicy::default().guard(listed.clone());
    let open = DialPolicy::default().guard(listed.allow_proxied_names(true));
    let proxy = Heads::proxy();
    let by_name = Hop::parse(&format!("socks5h://127.0.0.1:{}", proxy.server.port())).unwrap();
    for hop in [proxy.hop(), by_name] {
        let routes = Routes::default().http(Route::tunnel(hop.clone())).https(Route::tunnel(hop));
        let policy = Policy::default().routes(routes);
        for url in ["http://a.test/", "https://a.test/", "http://localhost/", "http://10.0.0.1/"] {
            // Without TLS an https URL is refused before the guard is asked.
            if url.starts_with("http:") || cfg!(not(httpool_std_only)) {
                assert!(is_denied(get(policy.clone(), closed.clone(), url)), "{url}");
            }
        }
        assert!(is_denied(get(policy, open.clone(), "http://10.0.0.1/")));
    }
    assert_eq!(proxy.server.requests(), 0);
    let policy = Policy::default().routes(Routes::default().http(Route::tunnel(proxy.hop())));
    assert_eq!(get(policy.clone(), closed, "http://8.8.8.8/x").as_deref(), Ok("/x"));
    assert_eq!(get(policy, open, "http://a.test/y").as_deref(), Ok("/y"));
    let targets: Vec<_> =
        proxy.heads().iter().map(|head| head.split(' ').nth(1).unwrap().to_owned()).collect();
    assert_eq!(targets, ["8.8.8.8:80", "/x", "a.test:80", "/y"]);
}
