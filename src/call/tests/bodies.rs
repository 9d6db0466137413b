//! Bodies on their way out.

use super::*;

#[test]
fn an_early_refusal_ends_the_sending() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(world.told, ["head 413", "data no", "end"]);
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

/// The last piece is framed, and only a part of it has left when the answer comes.
#[test]
fn a_connection_with_an_unwritten_rest_is_never_kept() {
    for answer in ["413 Too Large", "200 OK\r\nConnection: close"] {
        let mut world = World::new(post(true), Policy::default());
        world.lease(false).written();
        assert!(world.call.send_body(&mut world.conn, 3, true, world.now).is_some());
        world.call.written(1, world.now);
        world.says(format!("HTTP/1.1 {answer}\r\nContent-Length: 2\r\n\r\n").as_bytes());
        assert!(!world.call.sends());
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Stall);
        world.says(b"no");
        assert_eq!((world.call.next(), &world.kept[..]), (Next::Done, &[false][..]));
        assert_eq!(world.call.body_taken().unwrap().to_string(), "1 of 3 bytes");
    }
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    assert!(world.call.send_body(&mut world.conn, 3, true, world.now).is_some());
    world.call.write_failed(IoKind::Reset, world.now);
    world.says(OK);
    assert_eq!((world.unsent(), world.kept), ((200, "0 of 3 bytes".into()), vec![false]));
}

#[test]
fn an_early_success_lets_the_sending_go_on() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    world.body(3).says(b"ok");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![true]));
}

#[test]
fn an_answer_is_read_after_writing_failed() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    world.call.write_failed(IoKind::Reset, world.now);
    world.says(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(world.told, ["head 413", "end"]);
}

#[test]
fn a_body_is_held_back_for_100_or_a_while() {
    let expecting = || {
        let body = BodyLength::Known { len: 3, replayable: true };
        Request::post("http://a/").body(body).expect_continue(true).build().unwrap()
    };
    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    assert_eq!(world.call.next(), Next::Exchange);
    world.says(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n").body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);

    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::Continue);
    world.after(seconds(1)).body(3).says(OK);
    assert_eq!(world.call.next(), Next::Done);

    for heard in [&b"HTTP/1.1 103 Early Hints\r\n\r\n"[..], b"HTTP/1.1 2"] {
        let mut world = World::new(expecting(), Policy::default());
        world.lease(false).written().after(seconds(1)).says(heard).body(3);
        assert_eq!(world.call.poll_timeout().unwrap().1, Deadline::FirstByte);
    }

    let mut world = World::new(expecting(), Policy::default());
    world.lease(false).written();
    world.says(b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!((world.call.next(), world.kept), (Next::Done, vec![false]));
}

#[test]
fn a_body_of_another_length_than_declared_is_misuse() {
    let mut world = World::new(post(true), Policy::default());
    world.lease(false).written();
    assert!(world.call.send_body(&mut world.conn, 2, true, world.now).is_none());
    world.release(b"");
    assert!(matches!(world.failed().cause, Cause::Misuse(_)));
    assert_eq!(world.kept, [false]);
}
