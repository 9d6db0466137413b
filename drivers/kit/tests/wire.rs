//! Tests [`Wire`] with the small cipher of `httpool-sim`: two wires, one of a client and one of a
//! server, pass bytes to each other.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex},
};

use httpool::{
    client::Outbox,
    error::{IoKind, TlsKind},
};
use httpool_kit::{Flow, Layer, LayerError, Opened, Session, State, Wire, WireBuffers};
use httpool_sim::{layer::Half, world::Random};

/// A half that the test can reach while it is in a wire.
#[derive(Debug, Clone)]
struct Reached(Arc<Mutex<(Half, Before)>>);

/// Makes records that are sent before the next plaintext.
type Before = Option<fn(&mut Half, &mut Vec<u8>)>;

impl Reached {
    fn new(half: Half) -> Self {
        Self(Arc::new(Mutex::new((half, None))))
    }

    fn send_before(&self, make: fn(&mut Half, &mut Vec<u8>)) {
        self.0.lock().unwrap().1 = Some(make);
    }
}

impl Layer for Reached {
    fn open(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        self.0.lock().unwrap().0.open(input, out, plain)
    }

    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError> {
        let (half, before) = &mut *self.0.lock().unwrap();
        if let Some(make) = before.take() {
            make(half, out);
        }
        half.seal(plain, out)
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        self.0.lock().unwrap().0.close(out);
    }

    fn session(&self) -> Option<Arc<Session>> {
        self.0.lock().unwrap().0.session()
    }
}

/// One end of a connection: its wire, and the plaintext that it has received.
#[derive(Default)]
struct End {
    wire: Wire,
    got: Vec<u8>,
    /// The lengths of plaintext that were taken for sending, and that have left.
    taken: usize,
    left: usize,
}

impl End {
    fn seal(&mut self, pieces: &[&[u8]]) -> usize {
        let pieces: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
        let taken = self.wire.seal(&pieces).unwrap();
        assert!(self.wire.output().len() <= 64 * 1024);
        self.taken += taken;
        taken
    }

    /// Takes up to `most` bytes of the output, as a socket does.
    fn write(&mut self, most: usize) -> Vec<u8> {
        let raw = self.wire.output().iter().copied().take(most).collect::<Vec<_>>();
        self.left += self.wire.sent(raw.len());
        raw
    }

    /// Passes `raw` to the wire. Takes at most `most` bytes of plaintext at once.
    fn read(&mut self, mut raw: &[u8], most: usize) -> Result<Flow, LayerError> {
        loop {
            let room = self.wire.room();
            let some = room.len().min(raw.len());
            room[..some].copy_from_slice(&raw[..some]);
            self.wire.put(some);
            raw = &raw[some..];
            let flow = self.open(most)?;
            if raw.is_empty() || flow != Flow::Blocked {
                return Ok(flow);
            }
        }
    }

    fn open(&mut self, most: usize) -> Result<Flow, LayerError> {
        loop {
            let got = &mut self.got;
            let flow = self.wire.open(&mut |plain| {
                let some = plain.len().min(most);
                got.extend_from_slice(&plain[..some]);
                some
            })?;
            if flow != Flow::Plain {
                return Ok(flow);
            }
        }
    }
}

/// Begins a session at both ends, and performs its handshake in pieces of `piece` bytes.
fn shake_hands(ends: &mut [End; 2], record_max: usize, piece: usize) -> [Reached; 2] {
    let halves = [Half::client("a.test", record_max), Half::server(Some("a.test"), record_max)];
    let halves = halves.map(Reached::new);
    for (end, half) in ends.iter_mut().zip(&halves) {
        end.wire.begin(Box::new(half.clone()), &[]).unwrap();
    }
    while ends.iter().any(|end| end.wire.is_handshaking()) {
        let [client, server] = ends;
        let raw = client.write(piece);
        server.read(&raw, usize::MAX).unwrap();
        let answer = server.write(piece);
        client.read(&answer, usize::MAX).unwrap();
        assert!(raw.len() + answer.len() > 0, "the handshake stands still");
    }
    halves
}

fn connected(record_max: usize) -> ([End; 2], [Reached; 2]) {
    let mut ends = <[End; 2]>::default();
    let halves = shake_hands(&mut ends, record_max, usize::MAX);
    (ends, halves)
}

fn text(len: usize, seed: usize) -> Vec<u8> {
    (0..len).map(|at| ((at * 31 + seed) % 251) as u8).collect()
}

/// Sends plaintext both ways, with partial writes, reads cut anywhere, plaintext taken in parts,
/// tickets and key updates between, memory lent and taken back, and one or two layers.
#[test]
fn any_cut_of_input_and_output_gives_the_same_plaintext_and_every_byte_sealed_is_counted_once() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut ends = <[End; 2]>::default();
        let record = random.pick(&[8, 30, 500, 16_384]) as usize;
        let mut halves = shake_hands(&mut ends, record, random.from(1, 40) as usize);
        if random.once_in(2) {
            halves = shake_hands(&mut ends, record, random.from(1, 40) as usize);
        }
        let most = random.pick(&[40, 2_000, 90_000]);
        let texts: [Vec<u8>; 2] =
            [0, 1].map(|nth| text(random.from(1, most) as usize, seed as usize + nth));
        let mut spare = WireBuffers::default();
        let mut steps = 0;
        while (0..2).any(|nth| ends[1 - nth].got.len() < texts[nth].len()) {
            let from = random.below(2) as usize;
            if random.once_in(20) {
                let ticket = from == 1 && random.once_in(2);
                halves[from].send_before(if ticket { Half::ticket } else { Half::update_keys });
            }
            let (end, rest) = (&mut ends[from], &texts[from]);
            let at = end.taken;
            let cut = at + (rest.len() - at) * random.below(5) as usize / 4;
            end.seal(&[&rest[at..cut], &rest[cut..]]);
            let raw = end.write(random.pick(&[1, 7, 100, 5_000, 100_000]) as usize);
            let piece = random.pick(&[1, 40, 100_000]) as usize;
            ends[1 - from].read(&raw, piece).unwrap();
            if random.once_in(4) {
                ends[from].wire.take_back(&mut spare);
                ends[from].wire.lend(&mut spare);
            }
            steps += 1;
            assert!(steps < 2_000_000, "seed {seed} stands still");
        }
        while ends.iter().any(|end| end.wire.has_output()) {
            for from in [0, 1] {
                let raw = ends[from].write(usize::MAX);
                ends[1 - from].read(&raw, usize::MAX).unwrap();
            }
        }
        for nth in [0, 1] {
            assert_eq!(ends[1 - nth].got, texts[nth], "seed {seed}");
            let end = &ends[nth];
            assert_eq!((end.taken, end.left), (texts[nth].len(), texts[nth].len()), "seed {seed}");
            assert!(!end.wire.has_sealed() && end.wire.is_usable());
        }
    }
}

/// The server's stream: three records and the notice of the end.
fn stream(server: &mut End) -> (Vec<u8>, Vec<u8>) {
    let plain = text(250, 0);
    assert_eq!(server.seal(&[&plain]), 250);
    server.wire.close();
    (server.write(usize::MAX), plain)
}

#[test]
fn a_stream_that_is_cut_anywhere_is_opened_whole_and_ends_clean() {
    let all = { stream(&mut connected(100).0[1]).0.len() };
    for cut in 0..=all {
        let ([mut client, mut server], _) = connected(100);
        let (raw, plain) = stream(&mut server);
        client.read(&raw[..cut], usize::MAX).unwrap();
        let flow = client.read(&raw[cut..], usize::MAX).unwrap();
        assert_eq!(flow, Flow::Ended { clean: true }, "cut at {cut}");
        assert_eq!(client.got, plain, "cut at {cut}");
    }
}

#[test]
fn a_stream_that_ends_without_notice_is_not_clean() {
    let all = { stream(&mut connected(100).0[1]).0.len() };
    for len in 0..all {
        let ([mut client, mut server], _) = connected(100);
        let (raw, plain) = stream(&mut server);
        client.read(&raw[..len], usize::MAX).unwrap();
        client.wire.put_end();
        let flow = client.open(usize::MAX).unwrap();
        assert_eq!(flow, Flow::Ended { clean: false }, "{len} of {all}");
        assert!(plain.starts_with(&client.got) && !client.wire.is_usable());
    }
}

#[test]
fn the_outer_layer_s_notice_does_not_end_the_inner_one() {
    let mut ends = <[End; 2]>::default();
    let [_, outer] = shake_hands(&mut ends, 100, usize::MAX);
    shake_hands(&mut ends, 100, usize::MAX);
    let mut raw = Vec::new();
    outer.0.lock().unwrap().0.close(&mut raw);
    assert_eq!(ends[0].read(&raw, usize::MAX).unwrap(), Flow::Ended { clean: false });
}

#[test]
fn a_session_that_ends_with_its_handshake_fails_the_handshake() {
    let mut ends = <[End; 2]>::default();
    let [_, server] = shake_hands(&mut ends, 100, usize::MAX);
    assert!(ends[0].wire.shake().unwrap());
    let mut raw = Vec::new();
    server.0.lock().unwrap().0.close(&mut raw);
    let client = &mut ends[0].wire;
    client.room()[..raw.len()].copy_from_slice(&raw);
    client.put(raw.len());
    let failed = client.shake().unwrap_err();
    assert_eq!(failed.kind(), TlsKind::Lost(IoKind::Eof));
    let why = std::error::Error::source(&failed).unwrap().to_string();
    assert!(why.contains("ended the session before it was asked"), "{why}");
}

#[test]
fn bytes_behind_the_notice_are_dropped() {
    let ([mut client, mut server], _) = connected(100);
    let (raw, plain) = stream(&mut server);
    let all = [&raw[..], &text(100_000, 1)].concat();
    assert_eq!(client.read(&all, usize::MAX).unwrap(), Flow::Ended { clean: true });
    assert_eq!(client.got, plain);
}

/// The sender still seals after the peer's notice.
#[test]
fn a_wire_whose_peer_has_ended_can_still_send() {
    let ([mut client, mut server], _) = connected(100);
    let (raw, _) = stream(&mut server);
    client.read(&raw, usize::MAX).unwrap();
    assert_eq!(client.seal(&[b"last words"]), 10);
    let raw = client.write(usize::MAX);
    server.read(&raw, usize::MAX).unwrap();
    assert_eq!((&server.got[..], client.left), (&b"last words"[..], 10));
    assert!(!client.wire.is_usable());
}

#[test]
fn a_corrupt_byte_anywhere_is_an_error_that_stays() {
    let all = { stream(&mut connected(100).0[1]).0.len() };
    for at in 0..all {
        let ([mut client, mut server], _) = connected(100);
        let (mut raw, plain) = stream(&mut server);
        raw[at] ^= 1;
        // A longer length makes the end look like a part of a record.
        let flow = client.read(&raw, usize::MAX);
        client.wire.put_end();
        let flow = flow.and_then(|_| client.open(usize::MAX));
        match flow {
            Err(why) => {
                assert_eq!(why.kind(), TlsKind::Protocol);
                assert!(client.wire.has_output(), "an alert");
                assert_eq!(client.open(usize::MAX).unwrap_err().kind(), TlsKind::Protocol);
                assert!(client.wire.seal(&[IoSlice::new(b"x")]).is_err());
            }
            Ok(flow) => assert_eq!(flow, Flow::Ended { clean: false }, "byte {at}"),
        }
        assert!(plain.starts_with(&client.got) && !client.wire.is_usable(), "byte {at}");
    }
}

#[test]
fn an_unknown_name_fails_the_handshake_with_an_alert_for_the_peer() {
    let mut client = End::default();
    let mut server = End::default();
    client.wire.begin(Box::new(Half::client("a.test", 100)), &[]).unwrap();
    server.wire.begin(Box::new(Half::server(Some("b.test"), 100)), &[]).unwrap();
    let hello = client.write(usize::MAX);
    server.read(&hello, usize::MAX).unwrap();
    let answer = server.write(usize::MAX);
    let why = client.read(&answer, usize::MAX).unwrap_err();
    assert_eq!(why.kind(), TlsKind::Name);
    let alert = client.write(usize::MAX);
    assert_eq!(server.read(&alert, usize::MAX).unwrap_err().kind(), TlsKind::Alert(40));
}

#[test]
fn a_record_counts_as_written_when_its_last_byte_has_left() {
    let ([mut client, _], _) = connected(16_384);
    client.seal(&[b"head", b"body"]);
    let len = client.wire.output().len();
    assert_eq!(client.wire.sent(len - 1), 0);
    assert_eq!(client.wire.sent(1), 8);
}

#[test]
fn pieces_share_a_record() {
    let ([mut client, mut server], _) = connected(16_384);
    client.seal(&[b"head", b"", b"body"]);
    let raw = client.write(usize::MAX);
    assert_eq!(raw.len(), 8 + httpool_sim::layer::OVERHEAD);
    server.read(&raw, usize::MAX).unwrap();
    assert_eq!(server.got, b"headbody");
}

#[test]
fn plaintext_is_taken_up_to_a_bound_and_again_when_output_has_left() {
    let ([mut client, mut server], _) = connected(16_384);
    let plain = text(1_000_000, 0);
    let first = client.seal(&[&plain]);
    assert!((32_768..=65_536).contains(&first), "{first}");
    assert_eq!(client.seal(&[&plain[first..]]), 0);
    while server.got.len() < plain.len() {
        let raw = client.write(20_000);
        server.read(&raw, usize::MAX).unwrap();
        let at = client.taken;
        client.seal(&[&plain[at..]]);
    }
    assert_eq!((server.got, client.left), (plain, 1_000_000));
}

#[test]
fn nothing_is_sealed_behind_a_record_that_was_sent_in_part() {
    let ([mut client, mut server], [_, half]) = connected(100);
    client.seal(&[b"half of it"]);
    client.write(5);
    client.wire.mute();
    assert!(!client.wire.has_output() && !client.wire.is_usable());
    assert!(client.wire.seal(&[IoSlice::new(b"x")]).is_err());
    client.wire.close();
    assert!(!client.wire.has_output());
    // The response is still read, and no answer is made.
    half.send_before(Half::update_keys);
    server.seal(&[b"answer"]);
    let raw = server.write(usize::MAX);
    client.read(&raw, usize::MAX).unwrap();
    assert_eq!(client.got, b"answer");
    assert!(!client.wire.has_output());
}

/// The peer demands answers for ever and never reads them.
#[test]
fn unread_answers_are_bounded() {
    let ([mut client, _], [_, half]) = connected(100);
    let mut failed = None;
    for _ in 0..100_000 {
        let mut raw = Vec::new();
        half.0.lock().unwrap().0.update_keys(&mut raw);
        // The answers would let the peer change its own keys.
        if let Err(why) = client.read(&raw, usize::MAX) {
            failed = Some(why);
            break;
        }
    }
    assert_eq!(failed.unwrap().kind(), TlsKind::Protocol);
    assert!(client.wire.output().len() < 140_000);
}

/// A layer that never has enough.
#[derive(Debug)]
struct Hungry;

impl Layer for Hungry {
    fn open(
        &mut self,
        _: &mut [u8],
        _: &mut Vec<u8>,
        _: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        Ok(Opened { taken: 0, more: false, state: State::Open })
    }

    fn seal(&mut self, _: &[IoSlice<'_>], _: &mut Vec<u8>) -> Result<(), LayerError> {
        Ok(())
    }

    fn close(&mut self, _: &mut Vec<u8>) {}

    fn session(&self) -> Option<Arc<Session>> {
        None
    }
}

#[test]
fn a_record_without_end_is_an_error() {
    let mut end = End::default();
    end.wire.begin(Box::new(Hungry), &[]).unwrap();
    let mut read = 0;
    let why = loop {
        read += 1_000;
        assert!(read < 100_000, "no bound");
        if let Err(why) = end.read(&[0; 1_000], usize::MAX) {
            break why;
        }
    };
    assert_eq!(why.kind(), TlsKind::Protocol);
}

/// An event loop passes each record on without a copy, and stops when the application pauses.
#[test]
fn records_behind_the_one_that_was_passed_stay_sealed() {
    let ([mut client, mut server], _) = connected(100);
    server.seal(&[&text(250, 0)]);
    let raw = server.write(usize::MAX);
    client.wire.room()[..raw.len()].copy_from_slice(&raw);
    client.wire.put(raw.len());
    for len in [100, 100, 50] {
        let mut got = 0;
        let flow = client.wire.open_while(|plain| {
            got += plain.len();
            false
        });
        assert_eq!((flow.unwrap(), got), (Flow::Plain, len));
        assert!(client.wire.may_open());
    }
    assert_eq!(client.wire.open_while(|_| true).unwrap(), Flow::Blocked);
    assert!(!client.wire.may_open());
}

/// The socket fails while only an answer to the peer waits. With plaintext it is an error.
#[test]
fn a_failed_write_of_an_answer_alone_is_no_error() {
    for has_plaintext in [false, true] {
        let ([mut client, mut server], [_, half]) = connected(100);
        half.send_before(Half::update_keys);
        server.seal(&[b"x"]);
        let raw = server.write(usize::MAX);
        client.read(&raw, usize::MAX).unwrap();
        assert!(client.wire.has_output(), "the answer to the key update");
        let mut out = Outbox::default();
        if has_plaintext {
            out.head().extend_from_slice(b"a head");
        }
        let full = client.wire.send(&mut out, |_| Err(io::ErrorKind::WouldBlock.into()));
        match full {
            Ok(sent) => assert!(has_plaintext && sent == 0 && out.is_empty()),
            Err(why) => assert!(!has_plaintext && why.kind() == io::ErrorKind::WouldBlock),
        }
        let lost = client.wire.send(&mut out, |_| Err(io::ErrorKind::BrokenPipe.into()));
        assert_eq!(lost.is_err(), has_plaintext);
        assert!(has_plaintext || !client.wire.is_usable());
    }
}

#[test]
fn memory_for_all_wires_stays_large_after_a_long_body() {
    for (mut buffers, large) in [(WireBuffers::for_all(), true), (WireBuffers::default(), false)] {
        let ([mut client, _], _) = connected(100);
        client.wire.lend(&mut buffers);
        let room = client.wire.room().len();
        // A read that fills the buffer. It contains no whole record.
        client.wire.room().fill(3);
        client.wire.put(room);
        assert!(client.wire.room().len() > room);
        client.wire.take_back(&mut buffers);
        let ([mut other, _], _) = connected(100);
        other.wire.lend(&mut buffers);
        assert_eq!(other.wire.room().len() > room, large);
    }
}
