//! Recordings: exchanges as text, without secrets. See [`Recording`].

use std::{fmt, fs, io, path::Path, str::FromStr};

use httpool_blocking::ClientBuilder;
use url::Url;

use crate::{
    Mock, Redact,
    escape::{escape, unescape},
    forward::Forward,
    received::Received,
    redact::holds_secret,
    reply::Reply,
    rule::{Body, Rule},
};

/// The first line of a recording, with its version.
const TITLE: &str = "# httpool recording 1";

/// Exchanges that were [recorded](Mock::record), as text that people can read and compare.
///
/// ```
/// # use httpool_mock::{Mock, Recording};
/// let text = r#"## httpool recording 1
///
/// > POST https://api.example/users?token=REDACTED
/// > Authorization: REDACTED
/// >> {"name":"Ada"}
/// < 201
/// < Content-Type: application/json
/// << {"id":1}\n
/// "#;
/// # let text = text.replace("##", "#");
/// let recording: Recording = text.parse()?;
/// assert_eq!(recording.to_string(), text);
///
/// let mock = Mock::new();
/// mock.replay(&recording);
/// let sent = mock.client().post("https://api.example/users?token=any").body(r#"{"name":"Ada"}"#);
/// assert_eq!(sent.send()?.text()?, "{\"id\":1}\n");
/// mock.verify();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The first line is the title. `>` begins a request, with its header fields, and `<` the response.
/// Lines with `>>` and `<<` are pieces of the bodies. In header values and pieces, `\n`, `\r`, `\t`
/// and `\\` stand for a line feed, a carriage return, a tab and a backslash, and `\x` with two
/// hexadecimal digits for any other byte that is no printable text. Empty lines mean nothing.
/// Exchanges are in the order of their ends. Header values that are no UTF-8 lose bytes.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    exchanges: Vec<(Received, Reply)>,
}

impl Recording {
    pub(crate) fn add(&mut self, request: &Received, reply: &Reply, redact: &Redact) {
        let (mut request, mut reply) = (request.clone(), reply.clone());
        redact.message(&request.url, &mut request.headers, &mut request.body);
        redact.message(&request.url, &mut reply.headers, &mut reply.body);
        redact.url(&mut request.url);
        self.exchanges.push((request, reply));
    }

    /// Returns the number of exchanges.
    pub const fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// Whether there are no exchanges.
    pub const fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// Reads a recording from a file.
    ///
    /// # Errors
    /// The file cannot be read, or is no recording ([`InvalidData`](io::ErrorKind::InvalidData)).
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Writes the recording to a file, and replaces the file if there is one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, self.to_string())
    }
}

impl Mock {
    /// Sends the requests that match no rule to the real servers, with the settings of `real`, and
    /// records the exchanges without the secrets of `redact`. [`recording`](Self::recording)
    /// returns them. The client of the code under test gets the responses as they came, except that
    /// its own connection frames them. Redirects and retries are left to it. The real servers are
    /// asked for bodies without a coding (`Accept-Encoding: identity`), so that a recording can be
    /// read. A call that is [cancelled](httpool_blocking::Cancel) ends when the real server has
    /// answered or has failed.
    ///
    /// ```no_run
    /// # fn code_under_test(_: &httpool_blocking::Client) {}
    /// use httpool_blocking::Client;
    /// use httpool_mock::{Mock, Recording, Redact};
    ///
    /// let (mock, file) = (Mock::new(), "tests/users.recording");
    /// if std::env::var_os("RECORD").is_some() {
    ///     mock.record(Client::builder(), Redact::default().header("X-Session"));
    /// } else {
    ///     mock.replay(&Recording::load(file)?);
    /// }
    /// code_under_test(&mock.client());
    /// if std::env::var_os("RECORD").is_some() {
    ///     mock.recording().save(file)?;
    /// }
    /// mock.verify();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn record(&self, real: ClientBuilder, redact: Redact) {
        self.state.lock().forward = Some((Forward::new(real), redact));
    }

    /// Returns what was [recorded](Self::record) so far.
    pub fn recording(&self) -> Recording {
        self.state.lock().recording.clone()
    }

    /// Adds a rule for each exchange of a recording. Each must be used exactly once. A rule demands
    /// the method, the URL and the body of the recorded request. Its header fields are not
    /// compared. A value that was left out matches every value, in a body too.
    pub fn replay(&self, recording: &Recording) {
        let rules = recording.exchanges.iter().map(|(request, reply)| {
            let mut rule = Rule::of(request.method.clone(), request.url.clone());
            let body = if holds_secret(&request.body) { Body::Like } else { Body::Is };
            rule.bodies.push(body(request.body.clone()));
            rule.replies.push(reply.clone());
            rule.times = Some(1);
            rule
        });
        self.state.lock().rules.extend(rules);
    }
}

/// Writes the text that [`Recording::from_str`] reads.
impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        for (request, reply) in &self.exchanges {
            writeln!(f, "\n> {} {}", request.method, request.url)?;
            write_message(f, '>', &request.headers, &request.body)?;
            writeln!(f, "< {}", reply.status)?;
            write_message(f, '<', &reply.headers, &reply.body)?;
        }
        Ok(())
    }
}

fn write_message(
    f: &mut fmt::Formatter<'_>,
    mark: char,
    headers: &[(String, String)],
    body: &[u8],
) -> fmt::Result {
    for (name, value) in headers {
        writeln!(f, "{mark} {name}: {}", escape(value.as_bytes()))?;
    }
    for piece in body.split_inclusive(|byte| *byte == b'\n') {
        writeln!(f, "{mark}{mark} {}", escape(piece))?;
    }
    Ok(())
}

/// A text is no recording: says the line and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidRecording {
    line: usize,
    why: String,
}

impl fmt::Display for InvalidRecording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the recording: {}", self.line, self.why)
    }
}

impl std::error::Error for InvalidRecording {}

impl FromStr for Recording {
    type Err = InvalidRecording;

    fn from_str(text: &str) -> Result<Self, InvalidRecording> {
        let mut lines = text.lines().enumerate();
        if lines.next().map(|(_, line)| line.trim_end()) != Some(TITLE) {
            return Err(InvalidRecording { line: 1, why: format!("it must be {TITLE:?}") });
        }
        let mut reader = Reader::default();
        let mut last = 1;
        for (at, line) in lines {
            last = at + 1;
            reader.read(line).map_err(|why| InvalidRecording { line: last, why })?;
        }
        match reader.at {
            At::Request => {
                let why = "the last request has no response".into();
                Err(InvalidRecording { line: last, why })
            }
            At::Start | At::Response => Ok(Self { exchanges: reader.exchanges }),
        }
    }
}

#[derive(Default)]
struct Reader {
    exchanges: Vec<(Received, Reply)>,
    at: At,
}

/// The part of a recording in which the lines so far end.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum At {
    #[default]
    Start,
    Request,
    Response,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<(), String> {
        if line.is_empty() {
            return Ok(());
        }
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        let new = match (mark, self.at) {
            (">", At::Start | At::Response) => return self.request(rest),
            ("<", At::Request) if !rest.contains(':') => return self.response(rest),
            (">" | ">>", At::Request) | ("<" | "<<", At::Response) => self.exchanges.last_mut(),
            _ => None,
        };
        let Some((request, reply)) = new else {
            return Err(format!("{mark:?} is not expected here"));
        };
        let (headers, body) = match self.at {
            At::Request => (&mut request.headers, &mut request.body),
            _ => (&mut reply.headers, &mut reply.body),
        };
        if mark.len() == 2 {
            body.extend(unescape(rest)?);
            return Ok(());
        }
        let (name, value) = rest.split_once(':').ok_or("a header field has a colon")?;
        let value = String::from_utf8(unescape(value.trim_start())?);
        headers.push((name.to_owned(), value.map_err(|error| error.to_string())?));
        Ok(())
    }

    fn request(&mut self, rest: &str) -> Result<(), String> {
        let (method, url) = rest.split_once(' ').ok_or("a request has a method and a URL")?;
        let url = Url::parse(url).map_err(|error| format!("the URL {url:?}: {error}"))?;
        let (method, headers, body) = (method.to_owned(), Vec::new(), Vec::new());
        self.exchanges.push((Received { method, url, headers, body }, Reply::default()));
        self.at = At::Request;
        Ok(())
    }

    fn response(&mut self, rest: &str) -> Result<(), String> {
        let status = rest.trim().parse().ok().filter(|status| (100..=999).contains(status));
        let status = status.ok_or_else(|| format!("{rest:?} is no status"))?;
        if let Some((_, reply)) = self.exchanges.last_mut() {
            reply.status = status;
        }
        self.at = At::Response;
        Ok(())
    }
}
