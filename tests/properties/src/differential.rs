//! Compares the parsing of response heads with another parser.

use httpool::{
    error::Violation,
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::{Head, Method, Request},
};

use super::source::Source;

/// More fields than the limits allow in a head.
const FIELDS_MAX: usize = 300;

/// Checks that [`Connection`] and `httparse` accept the same heads, and with the same fields. The
/// exceptions are those that the docs of [`httpool::h1`] list: minor versions above 1 are read as
/// 1.1, a status has no leading zero, ambiguous framing is refused, and so are an unrequested 101
/// and a head beyond a limit.
pub fn h1_differential(data: &[u8]) {
    let mut source = Source::new(data);
    let method = source.pick(&[Method::GET, Method::HEAD, Method::CONNECT]);
    let request = Request::builder(method, "http://a/").build().expect("nothing is wrong with it");
    let bytes = source.rest();
    let mut conn = Connection::new(MessageLimits::default());
    conn.send_request(&request, Target::Origin, &mut Vec::new()).expect("it is idle");
    match first_head(&mut conn, bytes) {
        Ours::Head(taken, head) => same_head(&bytes[..taken], &head),
        Ours::Refused(why) => may_refuse(bytes, why),
        Ours::More => may_wait(bytes),
    }
}

enum Ours<'i> {
    Head(usize, Head<'i>),
    Refused(Violation),
    More,
}

fn first_head<'i>(conn: &mut Connection, bytes: &'i [u8]) -> Ours<'i> {
    let mut at = 0;
    loop {
        match conn.receive(&bytes[at..]) {
            Ok((taken, Event::Head(head) | Event::Interim(head))) => {
                return Ours::Head(at + taken, head);
            }
            Ok((_, Event::NeedInput)) => return Ours::More,
            Ok((taken, Event::Skipped)) => at += taken,
            Ok((_, event)) => panic!("{event:?} without a head"),
            Err(why) => return Ours::Refused(why),
        }
    }
}

fn same_head(bytes: &[u8], head: &Head<'_>) {
    let bytes = with_known_minor_version(bytes);
    let mut headers = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut theirs = httparse::Response::new(&mut headers);
    let parsed = theirs.parse(&bytes);
    assert_eq!(parsed, Ok(httparse::Status::Complete(bytes.len())), "{}", bytes.escape_ascii());
    assert_eq!(theirs.code, Some(head.status().as_u16()));
    assert_eq!(theirs.version, Some(head.minor_version().min(1)));
    // `httparse` gives no reason phrase that is not ASCII.
    if head.reason().is_ascii() {
        assert_eq!(theirs.reason.map(str::as_bytes), Some(head.reason()));
    }
    let ours: Vec<_> = head.headers().iter().map(|field| (field.name(), field.value())).collect();
    let theirs: Vec<_> = theirs.headers.iter().map(|it| (it.name, it.value)).collect();
    assert_eq!(ours, theirs);
}

fn may_refuse(bytes: &[u8], why: Violation) {
    let mut headers = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let mut theirs = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(_)) = theirs.parse(bytes) else { return };
    let listed = match why {
        Violation::ContentLength
        | Violation::TransferEncoding
        | Violation::AmbiguousLength
        | Violation::UnexpectedSwitch
        | Violation::TooLarge(_) => true,
        Violation::StatusLine => theirs.code < Some(100),
        _ => false,
    };
    assert!(listed, "refused without a listed reason, {why:?}: {}", bytes.escape_ascii());
}

/// Checks that input that cannot become a valid head is refused at once.
fn may_wait(bytes: &[u8]) {
    let bytes = with_known_minor_version(bytes);
    let mut headers = [httparse::EMPTY_HEADER; FIELDS_MAX];
    let parsed = httparse::Response::new(&mut headers).parse(&bytes);
    assert_eq!(parsed, Ok(httparse::Status::Partial), "{}", bytes.escape_ascii());
}

fn with_known_minor_version(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let empty = bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    if let Some(minor @ b'2'..=b'9') = bytes.get_mut(empty + 7) {
        *minor = b'1';
    }
    bytes
}
