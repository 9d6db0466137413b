//! Checks that a downloaded file is exact, or that the download is an error.

use std::{collections::BTreeMap, sync::Arc};

use httpool::{
    client::{Action, Client, Config, Event, Inbox, Outbox},
    download::{Answer, Download, Next},
    error::IoKind,
    id::{CallId, SocketId},
    message::{Request, ResponseHead},
    time::Instant,
};
use quickcheck::{Arbitrary, Gen};

use super::source::{Source, random_bytes, shorter};

/// Downloads a file over a [`Client`] from a server that cuts its responses, changes its content,
/// ignores ranges or gives wrong ones. The file must be one of the server's versions, or the
/// download must fail. Afterwards another download that takes up the file from an honest server
/// must complete it.
pub fn download_script(data: &[u8]) {
    DownloadScript::decode(&mut Source::new(data)).hold();
}

/// A server's responses to the requests of a download, in order.
#[derive(Debug, Clone)]
pub struct DownloadScript {
    validator: Validator,
    retries: u8,
    replies: Vec<Reply>,
}

/// The validator in the server's responses.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Validator {
    Tag,
    WeakTag,
    Date,
    None,
}

#[derive(Debug, Clone, Copy)]
struct Reply {
    kind: Kind,
    /// The content changes before this response.
    changes: bool,
    framing: Framing,
    /// The part of the rest that a 206 has, in 256ths.
    share: u8,
    /// The part of the message that comes, in 256ths, and its end. `None`: all of it comes.
    cut: Option<(u8, Cut)>,
    /// The number of bytes that one read gets.
    read: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// The range that was asked for, if the content is the same.
    Range,
    /// The whole content, also if a range was asked for.
    Whole,
    Busy,
    /// A 206 that begins at another byte.
    Shifted,
    /// The range of the new content with the new validator, also if the old one was asked for.
    Mixed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Framing {
    Length,
    Chunked,
    /// The body ends with the connection.
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Eof,
    Reset,
    Silence,
}

impl DownloadScript {
    /// Decodes the validator, the number of retries, and then responses.
    pub fn decode(source: &mut Source<'_>) -> Self {
        use Validator::{Date, None, Tag, WeakTag};
        let validator = source.pick(&[Tag, Tag, Tag, Date, WeakTag, None]);
        let retries = source.below(4) as u8;
        let mut replies = Vec::new();
        while !source.is_empty() && replies.len() < 40 {
            replies.push(Reply::decode(source));
        }
        Self { validator, retries, replies }
    }

    /// Panics if a file is neither exact nor reported as incomplete.
    pub fn hold(&self) {
        let mut server = Server::new(self.validator, &self.replies);
        let mut file = Vec::new();
        let mut download = Download::new(self.retries.into());
        let mut done = Net::new().download(&mut server, &mut download, &mut file);
        for honest in [false, true] {
            if done {
                assert!(server.versions.contains(&file), "a file of no version: {file:?}");
                return;
            }
            if honest {
                server.replies = &[];
            }
            let taken_up = Download::new(self.retries.into());
            download = match download.validator() {
                Some(validator) => taken_up.resume(file.len() as u64, validator, download.total()),
                None => {
                    file.clear();
                    taken_up
                }
            };
            done = Net::new().download(&mut server, &mut download, &mut file);
        }
        assert!(done, "an honest server could not complete {file:?}");
        assert_eq!(Some(&file), server.versions.last(), "an honest server has one version");
    }
}

impl Reply {
    const HONEST: Self = Self {
        kind: Kind::Range,
        changes: false,
        framing: Framing::Length,
        share: 255,
        cut: None,
        read: 7,
    };

    fn decode(source: &mut Source<'_>) -> Self {
        let kind = match source.weighted(&[10, 2, 2, 1, 3]) {
            0 => Kind::Range,
            1 => Kind::Whole,
            2 => Kind::Busy,
            3 => Kind::Shifted,
            _ => Kind::Mixed,
        };
        let changes = source.chance(if kind == Kind::Mixed { 200 } else { 30 });
        let framing = source.pick(&[Framing::Length, Framing::Chunked, Framing::Close]);
        let share = source.byte() | if source.flag() { 255 } else { 0 };
        let cut = source.chance(160).then(|| {
            (source.byte(), source.pick(&[Cut::Eof, Cut::Reset, Cut::Reset, Cut::Silence]))
        });
        Self { kind, changes, framing, share, cut, read: 1 + source.below(40) }
    }
}

impl Arbitrary for DownloadScript {
    fn arbitrary(g: &mut Gen) -> Self {
        let bytes = random_bytes(g);
        Self::decode(&mut Source::new(&bytes))
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Self>> {
        shorter(self, |script| &mut script.replies)
    }
}

/// The server, with all contents that it has had.
struct Server<'s> {
    validator: Validator,
    versions: Vec<Vec<u8>>,
    replies: &'s [Reply],
    requests: usize,
}

impl<'s> Server<'s> {
    fn new(validator: Validator, replies: &'s [Reply]) -> Self {
        Self { validator, versions: vec![content(1)], replies, requests: 0 }
    }

    fn next_reply(&mut self) -> Option<Reply> {
        let (reply, rest) = self.replies.split_first()?;
        self.replies = rest;
        Some(*reply)
    }

    /// Answers a request. When the replies of the script are used up, it is honest.
    fn answer(&mut self, head: &str) -> Link {
        self.requests += 1;
        let reply = self.next_reply().unwrap_or(Reply::HONEST);
        if reply.changes {
            self.versions.push(content(self.versions.len() as u8 + 1));
        }
        let (status, fields, body) = self.content(reply, head);
        let mut bytes = format!("HTTP/1.1 {status}\r\n{fields}").into_bytes();
        match reply.framing {
            Framing::Length => {
                bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes());
                bytes.extend(body);
            }
            Framing::Chunked => {
                bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(11) {
                    bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
                    bytes.extend(chunk);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
            Framing::Close => {
                bytes.extend(b"Connection: close\r\n\r\n");
                bytes.extend(body);
            }
        }
        let mut end = (reply.framing == Framing::Close).then_some(Cut::Eof);
        if let Some((part, how)) = reply.cut {
            bytes.truncate(bytes.len() * usize::from(part) / 256);
            // The body of such a response looks complete after an orderly end.
            let hidden = reply.framing == Framing::Close && how == Cut::Eof;
            end = Some(if hidden { Cut::Reset } else { how });
        }
        Link { out: bytes, end, read: reply.read }
    }

    /// Returns the status, the fields and the body of the response to a request.
    fn content(&self, reply: Reply, head: &str) -> (&'static str, String, Vec<u8>) {
        let version = self.versions.len();
        let content = &self.versions[version - 1];
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let from = field("Range: bytes=").and_then(|range| range.strip_suffix('-'));
        let from: Option<usize> = from.map(|from| from.parse().expect("the range is a number"));
        let same = field("If-Range: ").is_none_or(|value| self.names(version, value));
        let shown = self.fields(version);
        let from = from.filter(|_| same || reply.kind == Kind::Mixed);
        match (reply.kind, from) {
            (Kind::Busy, _) => ("503 Busy", String::new(), b"later".to_vec()),
            (Kind::Whole, _) | (_, None) => ("200 OK", shown, content.clone()),
            (_, Some(from)) if from >= content.len() => {
                let range = format!("Content-Range: bytes */{}\r\n{shown}", content.len());
                ("416 Range Not Satisfiable", range, b"no".to_vec())
            }
            (kind, Some(from)) => {
                let from = if kind == Kind::Shifted { from - 1 } else { from };
                let rest = content.len() - from;
                let end = from + (rest * usize::from(reply.share)).div_ceil(255).max(1);
                let range = format!("bytes {from}-{}/{}", end - 1, content.len());
                let fields = format!("Content-Range: {range}\r\n{shown}");
                ("206 Partial Content", fields, content[from..end].to_vec())
            }
        }
    }

    /// Returns the fields that name a version.
    fn fields(&self, version: usize) -> String {
        let modified = format!("Sun, 06 Nov 1994 08:{:02}:00 GMT", version % 60);
        match self.validator {
            Validator::Tag => format!("ETag: \"{version}\"\r\n"),
            Validator::WeakTag => format!("ETag: W/\"{version}\"\r\n"),
            Validator::Date => {
                format!("Last-Modified: {modified}\r\nDate: Mon, 07 Nov 1994 08:00:00 GMT\r\n")
            }
            Validator::None => String::new(),
        }
    }

    /// Returns whether the value of If-Range names a version.
    fn names(&self, version: usize, value: &str) -> bool {
        self.fields(version)
            .split("\r\n")
            .any(|field| field.split_once(": ").is_some_and(|it| it.1 == value))
    }
}

/// Returns the content of a version. No two have a byte in common at the same place.
fn content(version: u8) -> Vec<u8> {
    let len = 20 + u64::from(version) * 13 % 40;
    (0..len as u8).map(|at| version.wrapping_mul(61).wrapping_add(at)).collect()
}

/// A connection, as the server sees it.
#[derive(Default)]
struct Link {
    /// The bytes of the response that were not read.
    out: Vec<u8>,
    /// The end behind them. `None`: the connection stays open.
    end: Option<Cut>,
    read: usize,
}

impl Link {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Option<IoKind>> {
        let count = self.read.min(self.out.len()).min(into.len());
        into[..count].copy_from_slice(&self.out[..count]);
        self.out.drain(..count);
        match self.end {
            _ if count > 0 => Ok(count),
            Some(Cut::Eof) => Ok(0),
            Some(Cut::Reset) => Err(Some(IoKind::Reset)),
            Some(Cut::Silence) | None => Err(None),
        }
    }
}

/// The client and its connections.
struct Net {
    client: Client,
    links: BTreeMap<SocketId, (Link, Inbox)>,
    now: Instant,
}

/// The state of one request of a download.
#[derive(Default)]
struct Asked {
    head: Option<ResponseHead>,
    body: Vec<u8>,
    /// Whether the response has ended as it should.
    ended: Option<bool>,
}

impl Net {
    fn new() -> Self {
        let now = Instant::from_nanos(0);
        Self { client: Client::new(Config::default()), links: BTreeMap::new(), now }
    }

    /// Downloads into `file`. Returns whether it is complete.
    fn download(
        &mut self,
        server: &mut Server<'_>,
        download: &mut Download,
        file: &mut Vec<u8>,
    ) -> bool {
        let most = server.requests + server.replies.len() + 8;
        loop {
            assert!(server.requests < most, "the download asks without end");
            let mut request = Request::get("http://192.0.2.1/file");
            for (name, value) in download.fields() {
                request = request.header(name, &value);
            }
            let request = request.build().expect("the fields are valid");
            let call = self.client.request(request, Arc::default(), self.now);
            let asked = self.exchange(server, call);
            let answer = asked.head.map(|head| download.answer(&head));
            match answer {
                Some(Err(_)) => return false,
                Some(Ok(Answer::Done)) => return true,
                Some(Ok(Answer::Again)) => continue,
                Some(Ok(Answer::Begin)) => file.clear(),
                Some(Ok(Answer::Append)) | None => {}
            }
            file.extend_from_slice(&asked.body);
            if download.wrote(asked.body.len() as u64).is_err() {
                return false;
            }
            assert_eq!(download.have(), file.len() as u64, "the file has more than is counted");
            match asked.ended {
                Some(true) => match download.ended() {
                    Ok(Next::Done) => return true,
                    Ok(Next::Again) => {}
                    Err(_) => return false,
                },
                _ if download.cut() => {}
                _ => return false,
            }
        }
    }

    /// Runs until the call has ended. The body of a response without content for the file is
    /// dropped.
    fn exchange(&mut self, server: &mut Server<'_>, call: CallId) -> Asked {
        let mut asked = Asked::default();
        loop {
            while let Some(action) = self.client.poll_action() {
                self.perform(action, server, &mut asked);
            }
            if asked.ended.is_some() {
                return asked;
            }
            if !self.read(call, &mut asked) {
                let (at, _) = self.client.poll_timeout().expect("every wait has a deadline");
                self.now = at;
                self.client.handle_timeout(at);
            }
        }
    }

    fn perform(&mut self, action: Action, server: &mut Server<'_>, asked: &mut Asked) {
        match action {
            Action::Connect { socket, .. } => {
                self.links.insert(socket, Default::default());
                self.client.handle_connected(socket, Ok(()), self.now);
            }
            Action::Transmit { socket, .. } => {
                let (link, _) = self.links.get_mut(&socket).expect("the socket is open");
                let mut request = Vec::new();
                let write = |chunks: [&[u8]; 4]| {
                    let before = request.len();
                    chunks.iter().for_each(|chunk| request.extend_from_slice(chunk));
                    Ok(request.len() - before)
                };
                let out = &mut Outbox::default();
                self.client.write_all(socket, out, self.now, |_, _| None, write);
                let head = String::from_utf8(request).expect("the request is text");
                assert!(head.ends_with("\r\n\r\n"), "{head:?}");
                *link = server.answer(&head);
            }
            Action::Close { socket, .. } => drop(self.links.remove(&socket)),
            Action::Failed { .. } => asked.ended = Some(false),
            other => panic!("the download needs no {other}"),
        }
    }

    /// Reads from all connections. Returns whether anything came.
    fn read(&mut self, call: CallId, asked: &mut Asked) -> bool {
        let (client, now) = (&mut self.client, self.now);
        let mut came = false;
        for (socket, (link, inbox)) in &mut self.links {
            let read = |into: &mut [u8]| {
                let done = link.read(into);
                came |= done != Err(None);
                done
            };
            client.read_all(*socket, inbox, &mut [0; 64], now, read, |_, event| match event {
                Event::Head(of, head) => {
                    assert_eq!(of, call);
                    asked.head.insert(ResponseHead::new()).set(&head);
                }
                Event::Data(_, data) => asked.body.extend_from_slice(data),
                Event::End(..) => asked.ended = Some(true),
                Event::Interim(..) => panic!("the server sends no interim response"),
            });
        }
        came
    }
}
