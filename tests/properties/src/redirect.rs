//! Checks the requests that follow redirects: their URL, method, fields and body.

use std::sync::Arc;

use httpool::{
    call::{Call, Next, Policy, Redirect, Reused},
    error::{Cause, IoKind},
    h1::{Connection, Eof, Event},
    limits::MessageLimits,
    message::{BodyLength, Method, Origin, Request},
    time::Instant,
};

use super::source::Source;

/// Fields with credentials that the first request carries.
const SECRETS: [(&str, &str); 3] =
    [("Cookie", "c=secret"), ("X-Api-Key", "k-secret"), ("Proxy-Authorization", "Basic secret")];
const AUTHORIZATION: &str = "Bearer secret";
const VIRTUAL_HOST: &str = "virtual.secret";

/// Follows a chain of redirects with arbitrary URLs and Locations. It must not panic, and must end.
/// Another origin gets a Host of its own and no credentials, also if the chain returns later.
/// Method and body follow RFC 9110 section 15.4. A fragment is inherited, and never sent.
pub fn redirect(data: &[u8]) {
    let mut source = Source::new(data);
    let flags = source.byte();
    let Some((request, policy)) = beginning(flags, &mut source) else { return };
    let first = request.origin().clone();
    let mut call = Call::new(request, Arc::new(policy.clone()), 1, NOW);
    let mut at_home = true;
    for _ in 0..16 {
        let answer = Answer { status: source.pick(STATUSES), location: location(&mut source) };
        let before = call.request().clone();
        answer_once(&mut call, &answer);
        while let Next::Rewind = call.next() {
            call.rewound(NOW);
        }
        match call.next() {
            Next::Checkout => {
                let after = call.request();
                at_home &= after.origin() == &first;
                check_target(&before, after, &answer);
                check_content(&before, after, &answer, &policy.redirect);
                let told = has_userinfo(&before, &answer.location);
                check_secrets(after, told, at_home, flags & 8 > 0);
                assert_eq!(call.key().peer(), after.origin());
            }
            Next::Failed(failure) => {
                let known = matches!(failure.cause, Cause::Redirect(_) | Cause::Violation(_))
                    || failure.cause == Cause::NotReplayable && !before.body().is_replayable();
                return assert!(known, "{failure}");
            }
            Next::Done => return,
            next => panic!("{next:?}"),
        }
    }
    panic!("redirects without an end");
}

const NOW: Instant = Instant::from_nanos(1);
const STATUSES: &[u16] = &[302, 301, 303, 307, 308, 300, 304, 305, 200];

struct Answer {
    status: u16,
    location: Vec<u8>,
}

fn beginning(flags: u8, source: &mut Source<'_>) -> Option<(Request, Policy)> {
    let method = source.pick(&[Method::GET, Method::POST, Method::HEAD, Method::PUT]);
    let base = match source.byte() {
        0 => source.text(),
        n => ["http://a/b/c?d#e", "https://a/", "http://[::1]:8080/x", "http://u:p@a"]
            [usize::from(n % 4)]
        .to_owned(),
    };
    let mut request = Request::builder(method.clone(), &base);
    if flags & 1 > 0 && method != Method::HEAD {
        let replayable = flags & 2 > 0;
        let known = BodyLength::Known { len: 3, replayable };
        request =
            request.body(if flags & 4 > 0 { BodyLength::Unknown { replayable } } else { known });
    }
    for (name, value) in SECRETS {
        request = request.header(name, value);
    }
    request = request.header("Content-Type", "text/plain").header("X-Other", "kept");
    request = request.header("Authorization", AUTHORIZATION);
    if flags & 8 > 0 {
        request = request.header("Host", VIRTUAL_HOST);
    }
    let mut policy = Policy::default();
    policy.redirect.downgrade = flags & 16 == 0;
    policy.redirect.post_becomes_get = flags & 32 == 0;
    policy.redirect.raise = flags & 64 == 0;
    Some((request.build().ok()?, policy))
}

/// Draws a Location: a known beginning or none, then any bytes that a field value may hold.
fn location(source: &mut Source<'_>) -> Vec<u8> {
    const KNOWN: &[&str] = &[
        "",
        "http://a",
        "http://a:81/",
        "https://a",
        "https://b/",
        "//b",
        "http://u:p@a/",
        "/",
        "..",
        "?",
    ];
    let known = source.pick(KNOWN);
    let any = source.bytes().iter().copied();
    let any: Vec<u8> = any.filter(|&byte| byte >= b' ' && byte != 0x7f).collect();
    [known.as_bytes(), &any].concat().trim_ascii().to_vec()
}

/// Sends the request on a fresh connection, and answers it.
fn answer_once(call: &mut Call, answer: &Answer) {
    let (mut conn, mut out) = (Connection::new(MessageLimits::default()), Vec::new());
    call.start(&mut conn, Reused::No, NOW, &mut out);
    call.written(out.len(), NOW);
    if let Next::SendBody(_) = call.next() {
        let framing = call.send_body(&mut conn, 3, true, NOW).expect("three bytes are its body");
        call.written(framing.prefix().len() + 3 + framing.suffix().len(), NOW);
    }
    let mut wire = format!("HTTP/1.1 {} R\r\nLocation: ", answer.status).into_bytes();
    wire.extend_from_slice(&answer.location);
    wire.extend_from_slice(b"\r\nContent-Length: 0\r\n\r\n");
    let mut rest = &wire[..];
    while matches!(call.next(), Next::Exchange | Next::SendBody(_)) {
        let (taken, event) = call.receive(&mut conn, rest, NOW);
        rest = &rest[taken..];
        if let Event::NeedInput = event {
            call.write_failed(IoKind::Reset, NOW);
            let _ = call.receive_eof(&mut conn, Eof::Clean, NOW);
        }
    }
    if let Next::Release = call.next() {
        let _ = call.released(&mut conn, rest, NOW);
    }
}

fn check_target(before: &Request, after: &Request, answer: &Answer) {
    assert!([301, 302, 303, 307, 308].contains(&answer.status), "{} leads on", answer.status);
    assert!(after.url().username().is_empty());
    assert!(!after.target().contains('#'), "{}", after.target());
    assert!(after.target().bytes().all(|byte| byte.is_ascii_graphic()), "{}", after.target());
    if answer.location.is_ascii() {
        let location = core::str::from_utf8(&answer.location).expect("ASCII");
        let mut meant = before.url().join(location).expect("what is followed is a URL");
        // A Location without a fragment inherits it (RFC 9110 section 10.2.2).
        if meant.fragment().is_none() {
            meant.set_fragment(before.url().fragment());
        }
        assert!(meant.set_username("").is_ok() && meant.set_password(None).is_ok());
        assert_eq!(after.url(), &meant);
        assert_eq!(Some(after.origin()), Origin::of(&meant).as_ref());
    }
}

/// Checks the method of the request that follows a redirect (RFC 9110 section 15.4). If it has no
/// content, the fields that describe the content must be gone too.
fn check_content(before: &Request, after: &Request, answer: &Answer, policy: &Redirect) {
    let post = *before.method() == Method::POST && policy.post_becomes_get;
    let get = answer.status == 303 || post && matches!(answer.status, 301 | 302);
    let described = after.headers().get("content-type").is_some();
    if get {
        let head = *before.method() == Method::HEAD;
        assert_eq!(*after.method(), if head { Method::HEAD } else { Method::GET });
        assert_eq!(after.body(), BodyLength::Empty);
        assert!(!described, "a description without what it describes");
    } else {
        assert_eq!(after.method(), before.method());
        assert_eq!(after.body(), before.body());
        assert_eq!(described, before.headers().get("content-type").is_some());
    }
    assert_eq!(after.headers().get("x-other"), Some(&b"kept"[..]));
}

/// Checks the credentials of the request. `told`: the Location contained credentials. `at_home`:
/// the chain has stayed on the first origin.
fn check_secrets(after: &Request, told: bool, at_home: bool, own_host: bool) {
    let fields = after.headers();
    for (name, value) in SECRETS {
        // No proxy is between the client and the origin (RFC 9110 11.7.2).
        let for_proxies = name.eq_ignore_ascii_case("proxy-authorization");
        let expected = (at_home && !for_proxies).then_some(value.as_bytes());
        assert_eq!(fields.get(name), expected, "{name} at {}", after.origin());
    }
    let named = after.origin().authority().to_string();
    let expected = if at_home && own_host { VIRTUAL_HOST } else { &named };
    assert_eq!(fields.get("host"), Some(expected.as_bytes()));
    for value in fields.get_all("authorization") {
        let old = value == AUTHORIZATION.as_bytes();
        assert!(at_home || !old, "credentials for another origin");
        assert!(old || value.starts_with(b"Basic "), "credentials that nobody gave");
    }
    let sent = fields.get_all("authorization").count();
    assert!(sent <= 1 && (!told || sent == 1), "{sent} Authorization fields");
}

fn has_userinfo(before: &Request, location: &[u8]) -> bool {
    let location = String::from_utf8_lossy(location);
    let meant = before.url().join(&location);
    meant.is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}
