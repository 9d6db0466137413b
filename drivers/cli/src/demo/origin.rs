//! The demo's origin server. It has a thread for each connection, and a route for each scene.
//!
//! | route | behaviour |
//! |---|---|
//! | `/hello`, `/new` | answers |
//! | `/old` | redirects to `/new` |
//! | `/chunked` | answers in chunks, with a checksum in a trailer field |
//! | `/last` | answers, and closes the connection unannounced |
//! | `/order` | answers, and counts the request |
//! | `/hangup` | counts the request; closes a reused connection without an answer |
//! | `/busy` | answers 503 with `Retry-After: 1` the first time |
//! | `/small-only` | answers 413 to the head, then neither reads nor closes |
//! | `/gate` | answers when the gate is opened |

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use super::locked::locked;

/// A bound on every wait. It is longer than any scene takes.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The chunks that `/chunked` sends.
pub(super) const CHUNKS: [&str; 3] = ["one chunk, ", "another, ", "and the last"];

/// A server in threads of its own, which end with the process.
pub(super) struct Origin {
    addr: SocketAddr,
    state: Arc<State>,
    closed: Receiver<()>,
}

#[derive(Default)]
struct State {
    /// How often each request came, by method and path such as `POST /order`.
    seen: Mutex<BTreeMap<String, u32>>,
    gate: Mutex<bool>,
    gate_opened: Condvar,
    /// Connections that are neither read nor closed.
    held: Mutex<Vec<TcpStream>>,
}

impl Origin {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::default());
        let (tell, closed) = mpsc::channel();
        let shared = state.clone();
        thread::Builder::new().name("origin".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, tell) = (shared.clone(), tell.clone());
                // The server ignores clients that close a connection early.
                thread::spawn(move || serve(stream, addr, &state, &tell).ok());
            }
        })?;
        Ok(Self { addr, state, closed })
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Returns how often a request came, such as `POST /order`.
    pub(super) fn seen(&self, request: &str) -> u32 {
        locked(&self.state.seen).get(request).copied().unwrap_or(0)
    }

    /// Waits until `/last` has closed its connection. Returns false if it does not within the
    /// bound.
    pub(super) fn has_closed(&self) -> bool {
        self.closed.recv_timeout(PATIENCE).is_ok()
    }

    pub(super) fn open_gate(&self) {
        *locked(&self.state.gate) = true;
        self.state.gate_opened.notify_all();
    }
}

/// The answer of a route, and its effect on the connection.
enum Answer {
    Send(Vec<u8>),
    /// Sends the answer, then closes the connection.
    SendLast(Vec<u8>),
    /// Sends the answer, then neither reads nor closes.
    SendAndHold(Vec<u8>),
    /// Closes the connection without an answer.
    HangUp,
}

/// Serves one connection until it ends.
fn serve(stream: TcpStream, own: SocketAddr, state: &State, closed: &Sender<()>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    let mut output = &stream;
    let mut served = 0;
    while let Some(request) = Request::read(&mut input)? {
        match state.route(&request.line, served) {
            Answer::Send(bytes) => {
                io::copy(&mut (&mut input).take(request.body_bytes), &mut io::sink())?;
                output.write_all(&bytes)?;
                served += 1;
            }
            Answer::SendLast(bytes) => {
                output.write_all(&bytes)?;
                drop((input, stream));
                // Loopback packets are handled in order: after this handshake the end of the stream
                // has reached the client.
                TcpStream::connect(own)?;
                closed.send(()).ok();
                return Ok(());
            }
            Answer::SendAndHold(bytes) => {
                output.write_all(&bytes)?;
                locked(&state.held).push(stream);
                return Ok(());
            }
            Answer::HangUp => {
                io::copy(&mut input.take(request.body_bytes), &mut io::sink())?;
                return Ok(());
            }
        }
    }
    Ok(())
}

impl State {
    /// Returns the answer to a request. `line` is its method and path; `served` is the number of
    /// requests that its connection has served before.
    fn route(&self, line: &str, served: u32) -> Answer {
        let count = {
            let mut seen = locked(&self.seen);
            let count = seen.entry(line.to_owned()).or_default();
            *count += 1;
            *count
        };
        match line.split(' ').nth(1).unwrap_or_default() {
            "/old" => Answer::Send(response("302 Found", "Location: /new\r\n", "it has moved\n")),
            "/chunked" => Answer::Send(chunked()),
            "/last" => Answer::SendLast(response("200 OK", "", "and that was it\n")),
            "/order" => Answer::Send(response("201 Created", "", "the order is taken\n")),
            "/hangup" if served > 0 => Answer::HangUp,
            "/busy" if count == 1 => {
                let later = "Retry-After: 1\r\n";
                Answer::Send(response("503 Service Unavailable", later, "come back\n"))
            }
            "/small-only" => {
                Answer::SendAndHold(response("413 Content Too Large", "", "too much\n"))
            }
            "/gate" => {
                self.wait_at_gate();
                Answer::Send(response("200 OK", "", "through\n"))
            }
            _ => Answer::Send(response("200 OK", "", "hello\n")),
        }
    }

    fn wait_at_gate(&self) {
        let shut = locked(&self.gate);
        drop(self.gate_opened.wait_timeout_while(shut, PATIENCE, |open| !*open));
    }
}

pub(super) struct Request {
    /// Method and path.
    line: String,
    body_bytes: u64,
}

impl Request {
    /// Reads a request and drops its fields. Returns `None` if the client has closed the
    /// connection.
    pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut first = String::new();
        if input.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let line = first.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
        let mut body_bytes = 0;
        loop {
            let mut field = String::new();
            if input.read_line(&mut field)? == 0 {
                return Ok(None);
            }
            match field.trim_end().split_once(':') {
                None => return Ok(Some(Self { line, body_bytes })),
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    body_bytes = value.trim().parse().unwrap_or(0);
                }
                Some(_) => {}
            }
        }
    }
}

pub(super) fn response(status: &str, fields: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn chunked() -> Vec<u8> {
    let mut out =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n".to_owned();
    for chunk in CHUNKS {
        out += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
    }
    out += &format!("0\r\nX-Sum: {}\r\n\r\n", sum(CHUNKS.concat().as_bytes()));
    out.into_bytes()
}

/// Computes Fletcher's checksum with 16 bits, which is enough for a demo.
pub(super) fn sum(bytes: &[u8]) -> String {
    let (a, b) = bytes.iter().fold((0_u16, 0_u16), |(a, b), &byte| {
        let a = (a + u16::from(byte)) % 255;
        (a, (a + b) % 255)
    });
    format!("{b:02x}{a:02x}")
}
