//! Runs the conformance cases that need no socket with the protocol machine itself.
//!
//! The cases are not part of this repository. `HTTPOOL_CONFORMANCE` names their folder, else it is
//! `../shared/conformance`. If the folder is missing, this test says so and passes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use core::fmt;
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::PathBuf,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use httpool::{
    error::Violation,
    h1::{Connection, Event, Target},
    limits::MessageLimits,
    message::{BodyLength, Head, Method, Request},
};
use serde_json::Value;

/// Cases with another result than expected, each with the reason. None may have a binding level.
const OTHERWISE: &[(&str, &str)] = &[];

/// Levels whose cases must pass: MUST and SHOULD of the RFCs, and the rules for safe clients.
const BINDING: &[&str] = &["rfc", "should", "security"];

/// Cases longer than this are not run byte by byte.
const BYTE_BY_BYTE_MAX: usize = 64 * 1024;

#[test]
fn cases_come_out_as_expected() {
    let Some(cases) = load() else {
        // Prints on standard error directly, since the test runner captures `println`.
        writeln!(io::stderr(), "NOT RUN: the conformance cases are not here").unwrap();
        return;
    };
    let mut otherwise: BTreeMap<_, _> = OTHERWISE.iter().copied().collect();
    let (mut ran, mut byte_by_byte, mut wrong) = (0, 0, Vec::new());
    for case in cases.iter().filter(|case| is_for_one_response(case)) {
        let id = case["id"].as_str().unwrap();
        let mut result = judge(case, 64 * 1024);
        ran += 1;
        if len(case) < BYTE_BY_BYTE_MAX {
            byte_by_byte += 1;
            let cut = judge(case, 1).map_err(|why| format!("byte by byte: {why}"));
            result = result.and(cut);
        }
        let binding = BINDING.contains(&case["level"].as_str().unwrap());
        match (result, otherwise.remove(id)) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => wrong.push(format!("{id} is listed, and comes out as expected")),
            (Err(_), Some(_)) if !binding => {}
            (Err(why), _) => wrong.push(format!("{id}: {why}")),
        }
    }
    wrong.extend(otherwise.keys().map(|id| format!("{id} is listed, and is not a case")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(ran > 0, "the folder has no case that could be run");
    println!("{ran} cases ran, {byte_by_byte} of them also byte by byte");
}

/// Feeds the bytes of each response through a TLS session, whole and byte by byte. The results must
/// be those of the plain bytes.
#[cfg(not(any(httpool_std_only, httpool_mutations)))]
#[test]
fn cases_come_out_the_same_over_tls() {
    use httpool_tls_testing::{
        certificates::Authority,
        link::Link,
        server::{BOTH, config},
    };

    let Some(cases) = load() else {
        writeln!(io::stderr(), "NOT RUN: the conformance cases are not here").unwrap();
        return;
    };
    let root = Authority::new("root");
    let server = std::sync::Arc::new(config(&root.issue(&["a.test"]), BOTH));
    let options = httpool_blocking::TlsOptions::new().ca_cert_data(root.pem()).build().unwrap();
    let mut link = Link::new(options.begin("a.test").unwrap(), &server, 64 * 1024);
    link.ping().unwrap();
    link.client.plain.clear();
    let mut ran = 0;
    for case in cases.iter().filter(|case| is_for_one_response(case)) {
        let Ok(request) = request(&case["request"]) else { continue };
        let step = &case["server"][0];
        let plain = run(&request, step, 16 * 1024, &mut |piece, read| read(piece));
        for cut in [64 * 1024, 1] {
            if cut == 1 && len(case) >= BYTE_BY_BYTE_MAX {
                continue;
            }
            let secured = run(&request, step, 16 * 1024, &mut |piece, read| {
                link.server.writer().write_all(piece).unwrap();
                for sealed in link.take_down().chunks(cut) {
                    link.client.feed(sealed).unwrap();
                    if !link.client.plain.is_empty() {
                        read(&std::mem::take(&mut link.client.plain));
                    }
                }
            });
            assert_eq!(secured, plain, "{}, in pieces of {cut}", case["id"]);
            ran += 1;
        }
    }
    assert!(ran > 0, "the folder has no case that could be run");
    println!("{ran} runs over TLS");
}

fn load() -> Option<Vec<Value>> {
    let folder = env::var_os("HTTPOOL_CONFORMANCE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance"),
        PathBuf::from,
    );
    let mut files: Vec<_> = fs::read_dir(folder.join("open"))
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    files.sort();
    let text: String = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// Whether the case has one request and one response, and checks neither connections nor output.
fn is_for_one_response(case: &Value) -> bool {
    let beyond = ["requests_on_wire", "wire_all", "connections", "max_requests"];
    let [step] = list(&case["server"]) else { return false };
    step["when"].as_str().is_none_or(|when| when == "request")
        && case["next"].is_null()
        && list(&case["needs"]).is_empty()
        && alternatives(&case["expect"])
            .chain([&case["expect"]])
            .all(|expect| beyond.iter().all(|key| expect[key].is_null()))
}

/// Runs a case with its bytes in pieces of at most `piece_max`.
fn judge(case: &Value, piece_max: usize) -> Result<(), String> {
    let outcome = match request(&case["request"]) {
        Ok(request) => run(&request, &case["server"][0], piece_max, &mut |piece, read| read(piece)),
        Err(why) => Outcome { error: Some("invalid_request"), ..Outcome::default() }.note(why),
    };
    let mut alternatives = alternatives(&case["expect"]);
    if alternatives.any(|expect| outcome.meets(expect)) { Ok(()) } else { Err(outcome.to_string()) }
}

fn request(case: &Value) -> Result<Request, String> {
    let text = |value: &Value| with_ports(value.as_str().unwrap().as_bytes());
    let method = Method::new(case["method"].as_str().unwrap()).map_err(|why| why.to_string())?;
    let url = String::from_utf8(text(&case["url"])).unwrap();
    let mut builder = Request::builder(method, &url);
    for field in list(&case["headers"]) {
        builder = builder.header_bytes(field[0].as_str().unwrap(), &text(&field[1]));
    }
    if let Some(body) = case["body_b64"].as_str() {
        builder =
            builder.body(BodyLength::Known { len: decode(body).len() as u64, replayable: true });
    }
    builder.build().map_err(|why| why.to_string())
}

/// Carries bytes of the server to the client, which gets them in one or more pieces.
type Carry<'c> = dyn FnMut(&[u8], &mut dyn FnMut(&[u8])) + 'c;

fn run(request: &Request, step: &Value, piece_max: usize, carry: &mut Carry<'_>) -> Outcome {
    let mut reader = Reader {
        conn: Connection::new(MessageLimits::default()),
        input: Vec::new(),
        at: 0,
        outcome: Outcome::default(),
    };
    reader.conn.send_request(request, Target::Origin, &mut Vec::new()).unwrap();
    if let Some(left) = reader.conn.body_to_send() {
        reader.conn.send_body(left.within(usize::MAX), true).unwrap();
    }
    for (bytes, times) in segments(step) {
        let batch = if piece_max == 1 { 1 } else { (piece_max / bytes.len().max(1)).max(1) };
        let mut left = times;
        while left > 0 && !reader.outcome.is_final() {
            let now = batch.min(left);
            for piece in bytes.repeat(now).chunks(piece_max) {
                carry(piece, &mut |plain| reader.read(plain));
            }
            left -= now;
        }
    }
    match step["then"].as_str() {
        Some("close") => reader.eof(true),
        Some("reset") => reader.eof(false),
        _ => {}
    }
    if !reader.outcome.is_final() {
        reader.outcome.error = Some("timeout");
    }
    reader.outcome
}

struct Reader {
    conn: Connection,
    input: Vec<u8>,
    at: usize,
    outcome: Outcome,
}

impl Reader {
    fn read(&mut self, piece: &[u8]) {
        self.input.extend_from_slice(piece);
        while !self.outcome.is_final() {
            match self.conn.receive(&self.input[self.at..]) {
                Ok((_, Event::NeedInput)) => break,
                Ok((taken, event)) => {
                    self.at += taken;
                    self.outcome.take(event);
                }
                Err(why) => self.outcome.fail(why),
            }
        }
        if self.at == self.input.len() {
            self.input.clear();
            self.at = 0;
        }
    }

    fn eof(&mut self, clean: bool) {
        if !self.outcome.is_final() {
            match self.conn.receive_eof(clean.into()) {
                Ok(event) => self.outcome.take(event),
                Err(why) => self.outcome.fail(why),
            }
        }
    }
}

/// The result of a case.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    status: Option<u16>,
    fields: Vec<(String, String)>,
    body: Vec<u8>,
    ended: bool,
    error: Option<&'static str>,
    detail: String,
}

impl Outcome {
    fn is_final(&self) -> bool {
        self.ended || self.error.is_some()
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::NeedInput | Event::Skipped | Event::Interim(_) => {}
            Event::Head(head) => self.take_head(&head),
            Event::Data(data) => self.body.extend_from_slice(data),
            Event::End(_) => self.ended = true,
        }
    }

    fn take_head(&mut self, head: &Head<'_>) {
        let latin1 = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        let lines = head.headers().into_iter();
        self.fields =
            lines.map(|line| (line.name().to_ascii_lowercase(), latin1(line.value()))).collect();
        self.status = Some(head.status().as_u16());
    }

    fn fail(&mut self, why: Violation) {
        self.error = Some(if why == Violation::Truncated {
            "incomplete"
        } else if matches!(why, Violation::TooLarge(_)) {
            "limit"
        } else {
            "protocol"
        });
        self.detail = why.to_string();
    }

    fn note(mut self, detail: String) -> Self {
        self.detail = detail;
        self
    }

    fn meets(&self, expect: &Value) -> bool {
        let errors = texts(&expect["error_class"]);
        let error_fits = match self.error {
            Some(error) => errors.contains(&error),
            None => errors.is_empty(),
        };
        let status_fits = match (expect["status"].as_u64(), self.status) {
            (Some(wanted), Some(status)) => wanted == u64::from(status),
            (Some(_), None) => self.error.is_some(),
            (None, _) => true,
        };
        let body_fits = self.error.is_some()
            || expect["body_b64"].as_str().is_none_or(|body| decode(body) == self.body)
                && expect["body_len"].as_u64().is_none_or(|len| len == self.body.len() as u64);
        let fields_fit = expect["headers"].as_object().is_none_or(|wanted| {
            wanted.iter().all(|(name, values)| self.error.is_some() || self.has(name, values))
        });
        error_fits && status_fits && body_fits && fields_fit
    }

    fn has(&self, name: &str, wanted: &Value) -> bool {
        let lines = self.fields.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        let values: Vec<_> = lines.map(|(_, value)| value.as_str()).collect();
        values == texts(wanted)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = &self.body[..self.body.len().min(40)];
        write!(f, "{:?} {:?} {} ", self.status, self.error, self.detail)?;
        write!(f, "{} B: {}", self.body.len(), body.escape_ascii())
    }
}

fn alternatives(expect: &Value) -> impl Iterator<Item = &Value> {
    let several = list(&expect["any_of"]);
    let one = several.is_empty().then_some(expect);
    several.iter().chain(one)
}

/// Returns the bytes to send, each with the number of its repetitions.
fn segments(step: &Value) -> Vec<(Vec<u8>, usize)> {
    let segment = |segment: &Value| match segment.as_str() {
        Some(text) => (with_ports(&decode(text)), 1),
        None => {
            let times = usize::try_from(segment["times"].as_u64().unwrap()).unwrap();
            (with_ports(&decode(segment["b64"].as_str().unwrap())), times)
        }
    };
    list(&step["send_b64"]).iter().map(segment).collect()
}

fn len(case: &Value) -> usize {
    segments(&case["server"][0]).iter().map(|(bytes, times)| bytes.len() * times).sum()
}

/// Replaces the ports of the scenario server, which have five digits.
fn with_ports(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (placeholder, port) in [(b"~PORT", b"18080"), (b"~POR2", b"18081")] {
        while let Some(at) = bytes.windows(5).position(|window| window == placeholder) {
            bytes[at..at + 5].copy_from_slice(port);
        }
    }
    bytes
}

fn decode(text: &str) -> Vec<u8> {
    BASE64.decode(text).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Converts a JSON value to texts: one, several, or none.
fn texts(value: &Value) -> Vec<&str> {
    let one = value.as_str().into_iter();
    one.chain(list(value).iter().filter_map(Value::as_str)).collect()
}
