//! Tests the cost of a head that comes in pieces.

use httpool::{
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::Request,
};

/// Receives the longest head that the defaults allow, byte by byte. Scanning its 64 KiB again for
/// each byte would read 2 GiB.
#[test]
fn a_long_head_may_come_byte_by_byte() {
    let mut head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n".to_vec();
    for _ in 0..8 {
        head.extend_from_slice(format!("X: {}\r\n", "a".repeat(8_000)).as_bytes());
    }
    head.extend_from_slice(b"\r\n");
    let mut conn = Connection::new(MessageLimits::default());
    let request = Request::get("http://a/").build().unwrap();
    conn.send_request(&request, Target::Origin, &mut Vec::new()).unwrap();
    for len in 0..head.len() {
        let (0, Event::NeedInput) = conn.receive(&head[..len]).unwrap() else {
            panic!("{len}");
        };
    }
    let (taken, Event::Head(_)) = conn.receive(&head).unwrap() else { panic!() };
    assert_eq!(taken, head.len());
}
