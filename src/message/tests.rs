//! The URLs and fields of urllib3's own tests: which URLs have one origin, which are refused, and
//! which target and fields are sent for them.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use super::{Hop, Origin, Request, RequestBuilder, Scheme};
use crate::error::RequestError;

fn origin(url: &str) -> Origin {
    Request::get(url).build().unwrap().origin().clone()
}

fn head(request: RequestBuilder) -> String {
    let mut out = Vec::new();
    request.build().unwrap().write_head(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn urls_of_one_origin_have_it_however_they_are_written() {
    for (one, other) in [
        ("http://google.com", "http://google.com/"),
        ("http://google.com/", "http://google.com:80/abra/cadabra"),
        ("http://google.com:80", "http://google.com/mail?x"),
        ("http://google.com:42/", "http://GOOGLE.com:42/abracadabra"),
        ("http://LoCaLhOsT:81/", "HTTP://localhost:81"),
        ("https://google.com:443/", "https://google.com/"),
        ("https://Google.com", "HTTPS://google.com:443/x#y"),
        ("http://u:p@google.com/", "http://google.com/"),
        ("http://[2607:f8b0:4005:805::200e%25eth0]/", "http://[2607:f8b0:4005:805::200e%eth0]/"),
        (
            "https://[2607:f8b0:4005:805::200e%25eth0]:443/",
            "https://[2607:F8B0:4005:805::200e%eth0]/",
        ),
        ("http://[::1]/", "http://[0:0:0:0:0:0:0:1]:80/"),
    ] {
        assert_eq!(origin(one), origin(other), "{one} and {other}");
    }
}

#[test]
fn another_scheme_host_zone_or_port_makes_another_origin() {
    for (one, other) in [
        ("http://google.com", "https://google.com/"),
        ("http://google.com", "http://yahoo.com/"),
        ("http://google.com", "http://google.net/"),
        ("http://google.com", "http://google.com./"),
        ("http://google.com:42", "https://google.com:42/abracadabra"),
        ("http://google.com:42", "http://google.com/"),
        ("http://google.com:443", "https://google.com:443/"),
        ("http://google.com:443", "http://google.com/"),
        ("https://google.com:80", "http://google.com/"),
        ("https://google.com:80", "https://google.com/"),
        ("http://[dead::beef]", "https://[dead::beef%25en5]/"),
        ("http://[dead::beef]", "http://[dead::beef%25en5]/"),
    ] {
        assert_ne!(origin(one), origin(other), "{one} and {other}");
    }
}

#[test]
fn port_zero_is_a_port_of_its_own_and_never_a_default() {
    for scheme in [Scheme::Http, Scheme::Https] {
        let name = scheme.as_str();
        let zero = origin(&format!("{name}://google.com:0/"));
        assert_eq!(zero, Origin::new(scheme, "google.com", 0));
        assert_ne!(zero, origin(&format!("{name}://google.com/")));
        assert_ne!(zero, origin(&format!("{name}://google.com:{}/", scheme.default_port())));
        assert_eq!(format!("{}", zero.authority()), "google.com:0");
        assert_eq!(origin(&format!("{name}://google.com:/")).port(), scheme.default_port());
    }
}

#[test]
fn control_characters_and_broken_escapes_in_a_host_are_refused() {
    for (host, at) in [("foo\n", 10), ("foo bar", 10), ("::1\n", 10), ("[::1]\n", 12)] {
        let url = format!("http://{host}/");
        assert_eq!(Request::get(&url).build().unwrap_err(), RequestError::UrlByte { at }, "{url}");
    }
    for host in [
        "foo%.example",
        "foo%zz.example",
        "foo%0d%0abar",
        "foo%20bar",
        "foo%00bar",
        "foo%2Fbar",
        "foo%40bar",
        "[::1%250d%0a]",
        "[::1%25%0d%0aX]",
    ] {
        let url = format!("http://{host}/");
        let why = Request::get(&url).build().unwrap_err();
        assert!(matches!(why, RequestError::UrlHost | RequestError::Zone), "{url}: {why:?}");
    }
}

#[test]
fn a_host_is_decoded_and_written_in_lower_case() {
    assert_eq!(origin("http://EXAMPLE%2Ecom%2E/").host(), "example.com.");
    assert_eq!(origin("http://b%C3%BCcher.test/").host(), "xn--bcher-kva.test");
    let address = origin("http://[A::B%25Zone]:81/");
    assert_eq!((address.host(), address.look_up_name()), ("[a::b]", "a::b%Zone"));
    assert_eq!(address.authority().to_string(), "[a::b]:81");
}

#[test]
fn a_path_that_looks_like_an_authority_is_a_path() {
    for path in ["//v:h", "//host:8080/path", "//host", "///", "//a:80/b?c"] {
        let request = Request::get(&format!("http://own.test{path}")).build().unwrap();
        assert_eq!((request.origin().host(), request.target()), ("own.test", path));
    }
}

#[test]
fn a_target_has_no_fragment_and_keeps_its_escapes() {
    for (rest, target) in [
        ("", "/"),
        ("?q", "/?q"),
        ("/echo_uri?q=1#fragment", "/echo_uri?q=1"),
        ("/echo_uri?#", "/echo_uri?"),
        ("/echo_uri#", "/echo_uri"),
        ("/echo_uri#?", "/echo_uri"),
        ("/echo_uri#?#", "/echo_uri"),
        ("/echo_uri??#", "/echo_uri??"),
        // urllib3 sends %3F, and %5B%5D.
        ("/echo_uri?%3f#", "/echo_uri?%3f"),
        ("/echo_uri?%3F#", "/echo_uri?%3F"),
        ("/echo_uri?[]", "/echo_uri?[]"),
        ("/%C3%BC?\u{fc}", "/%C3%BC?%C3%BC"),
        ("/a%2fb%zz", "/a%2fb%zz"),
    ] {
        let request = Request::get(&format!("http://a{rest}")).build().unwrap();
        assert_eq!(request.target(), target, "{rest}");
    }
}

#[test]
fn the_final_dot_of_a_host_is_part_of_the_host_field() {
    // RFC 9110 7.2: Host is the authority of the URL. urllib3 leaves the dot out.
    assert!(head(Request::get("http://localhost.:81/")).contains("Host: localhost.:81\r\n"));
}

#[test]
fn fields_of_one_name_are_lines_of_their_own_and_case_and_order_stay() {
    let mut request = Request::post("http://a/");
    let mut expected = String::from("POST / HTTP/1.1\r\nHost: a\r\n");
    for number in 0..16 {
        let name = format!("X-HeAdEr-{number}");
        request = request.header(&name, "first").header("x-Repeated", &format!("{number}"));
        expected += &format!("{name}: first\r\nx-Repeated: {number}\r\n");
    }
    expected += "Content-Length: 0\r\n\r\n";
    assert_eq!(head(request), expected);
}

#[test]
fn values_beyond_ascii_are_sent_byte_for_byte() {
    let mut out = Vec::new();
    let request = Request::get("http://a/").header_bytes("User-Agent", b"Schl\xf6nwald");
    request.header("X-Utf8", "\u{fc}").build().unwrap().write_head(&mut out);
    let head = out.escape_ascii();
    let sent = "User-Agent: Schl\\xf6nwald\\r\\nX-Utf8: \\xc3\\xbc\\r\\n";
    assert!(format!("{head}").contains(sent), "{head}");
}

#[test]
fn the_host_is_sent_once_and_may_be_given() {
    let own = head(Request::get("http://a/").header("host", "virtual.test:80").header("X", "y"));
    assert_eq!(own, "GET / HTTP/1.1\r\nHost: virtual.test:80\r\nX: y\r\n\r\n");
    let derived = head(Request::get("http://[fe80::1%25eth0]:8080/"));
    assert_eq!(derived, "GET / HTTP/1.1\r\nHost: [fe80::1]:8080\r\n\r\n");
}

#[test]
fn no_field_of_a_proxy_can_end_its_line() {
    let with = |name: &str, value: &str| Hop::parse("proxy").unwrap().with_field(name, value);
    for (name, at) in [
        ("X-A\r\nX-Injected", 3),
        ("X-A\n", 3),
        ("X-A\r", 3),
        ("X:A", 1),
        (" X-A", 0),
        ("\tX-A", 0),
        ("X-A ", 3),
        ("X-A\0", 3),
        ("", 0),
    ] {
        let why = with(name, "v").unwrap_err();
        let RequestError::FieldName { at: found, .. } = why else { panic!("{name:?}: {why:?}") };
        assert_eq!(found, at, "{name:?}");
    }
    for value in ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\r\n b", "a\n\tb", "a\0b", "a\x7fb"] {
        let why = with("X-A", value).unwrap_err();
        assert!(matches!(why, RequestError::FieldValue { at: 1, .. }), "{value:?}: {why:?}");
    }
    for name in ["Host", "content-length", "Transfer-Encoding", "CONNECTION"] {
        let why = with(name, "1").unwrap_err();
        assert!(matches!(why, RequestError::ProxyField { .. }), "{name}: {why:?}");
    }
    let twice = with("X-A", "1").unwrap().with_field("x-a", "2").unwrap();
    assert_eq!(twice.fields().get_all("X-A").collect::<Vec<_>>(), [b"1", b"2"]);
}
