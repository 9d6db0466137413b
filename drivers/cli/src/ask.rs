//! The options that say what is sent: the method, the data, the fields.

use std::{
    borrow::Cow,
    fs::File,
    io::{Read, stdin},
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use httpool::message::Method;
use httpool_blocking::{Body, Multipart, RequestBuilder};

use crate::{
    exit::{Failed, Kind, wrong},
    form::Field,
    options::Given,
    pace::{Paced, body_of, body_of_file},
    progress::Progress,
};

/// The options that say what is sent.
#[derive(Debug, Default)]
pub(crate) struct Ask {
    method: Option<String>,
    get: bool,
    head: bool,
    /// The data of `--data` and its like, joined.
    data: Option<Vec<u8>>,
    json: bool,
    /// The file of `--data-file`; `-` is standard input.
    file: Option<PathBuf>,
    form: Vec<Field>,
    /// The text that is added to the query.
    query: Vec<u8>,
    uploads: Vec<PathBuf>,
    fields: Vec<(String, String)>,
    /// Names of default fields that are left out.
    removed: Vec<String>,
    user: Option<(String, String)>,
    bearer: Option<String>,
    range: Option<String>,
    path_as_is: bool,
    target: Option<String>,
    /// Whether standard input has been read, or will be.
    stdin: bool,
}

impl Ask {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--request" => self.method = Some(given.text()?),
            "--get" => self.get = given.on,
            "--head" => self.head = given.on,
            "--data" | "--data-ascii" | "--data-binary" | "--data-raw" | "--data-urlencode"
            | "--json" => self.add_data(given)?,
            "--data-file" => {
                if self.file.replace(given.path()).is_some() {
                    return Err(one_body());
                }
                self.stdin |= given.path() == Path::new("-");
            }
            "--form" => self.form.push(Field::parse(&given.text()?)?),
            "--form-string" => self.form.push(Field::text(&given.text()?)?),
            "--url-query" => {
                let text = given.text()?;
                let piece = match text.strip_prefix('+') {
                    Some(plain) => plain.as_bytes().to_vec(),
                    None => self.encoded(text.as_bytes())?,
                };
                join(&mut self.query, b"&", &piece);
            }
            "--upload-file" => {
                let path = if given.path() == Path::new(".") { "-".into() } else { given.path() };
                self.stdin |= path == Path::new("-");
                self.uploads.push(path);
            }
            "--header" => self.add_header(&given.text()?)?,
            "--user-agent" => self.replace("User-Agent", given.text()?),
            "--referer" if given.text()?.ends_with(";auto") => {
                return Err(wrong("--referer URL;auto is not here: give the URL alone"));
            }
            "--referer" => self.replace("Referer", given.text()?),
            "--cookie" if !given.text()?.contains('=') => {
                let what = "--cookie needs NAME=VALUE: it reads no file of cookies";
                return Err(wrong(what));
            }
            "--cookie" => {
                let (name, text) = ("Cookie", given.text()?);
                match self.fields.iter_mut().find(|(it, _)| it == name) {
                    Some((_, value)) => *value = format!("{value}; {text}"),
                    None => self.fields.push((name.to_owned(), text)),
                }
            }
            "--user" => {
                let text = given.text()?;
                let (user, password) = text.split_once(':').ok_or_else(|| {
                    wrong("--user needs USER:PASSWORD; USER: is an empty password")
                })?;
                self.user = Some((user.to_owned(), password.to_owned()));
            }
            "--oauth2-bearer" => self.bearer = Some(given.text()?),
            "--range" => self.range = Some(given.text()?),
            "--path-as-is" => self.path_as_is = given.on,
            "--request-target" => self.target = Some(given.text()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn add_data(&mut self, given: &Given) -> Result<(), Failed> {
        let value = given.value().into_encoded_bytes();
        let (name, json) = (given.name.as_str(), given.name == "--json");
        self.json |= json;
        let piece = match (name, value.strip_prefix(b"@")) {
            ("--data-urlencode", _) => self.encoded(&value)?,
            ("--data-raw", _) | (_, None) => value,
            (_, Some(path)) => {
                let mut bytes = self.read(path)?;
                if matches!(name, "--data" | "--data-ascii") {
                    bytes.retain(|byte| !matches!(byte, b'\r' | b'\n' | 0));
                }
                bytes
            }
        };
        match &mut self.data {
            // JSON is joined without a separator, as in curl.
            Some(data) if json => data.extend(piece),
            // An empty piece is a piece, and gets its separator.
            Some(data) => data.extend([b"&", &*piece].concat()),
            None => self.data = Some(piece),
        }
        Ok(())
    }

    /// Reads the file called `path`; `-` is standard input.
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, Failed> {
        let path = String::from_utf8_lossy(path).into_owned();
        self.stdin |= path == "-";
        let mut bytes = Vec::new();
        let read = match &*path {
            "-" => stdin().read_to_end(&mut bytes),
            path => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
        };
        read.map_err(|why| Failed::reading_file(path, &why))?;
        Ok(bytes)
    }

    /// Encodes data of `--data-urlencode`: `VALUE`, `=VALUE`, `NAME=VALUE`, `@FILE`, `NAME@FILE`.
    fn encoded(&mut self, data: &[u8]) -> Result<Vec<u8>, Failed> {
        let Some(at) = data.iter().position(|byte| matches!(byte, b'=' | b'@')) else {
            return Ok(form_encoded(data));
        };
        let (name, rest) = data.split_at(at);
        let value = match rest {
            [b'@', path @ ..] => self.read(path)?,
            rest => rest[1..].to_vec(),
        };
        let separator = if name.is_empty() { &b""[..] } else { b"=" };
        Ok([name, separator, &form_encoded(&value)].concat())
    }

    fn add_header(&mut self, text: &str) -> Result<(), Failed> {
        if let Some(path) = text.strip_prefix('@') {
            let bytes = self.read(path.as_bytes())?;
            let lines = String::from_utf8_lossy(&bytes).into_owned();
            let mut lines = lines.lines().filter(|line| !line.trim().is_empty());
            return lines.try_for_each(|line| self.add_line(line));
        }
        self.add_line(text)
    }

    fn add_line(&mut self, line: &str) -> Result<(), Failed> {
        match (line.split_once(':'), line.strip_suffix(';')) {
            (Some((name, value)), _) if value.trim_matches([' ', '\t']).is_empty() => {
                if name.eq_ignore_ascii_case("Host") {
                    return Err(wrong("a request needs a Host field (RFC 9112 section 3.2)"));
                }
                self.removed.push(name.to_owned());
            }
            (Some((name, value)), _) => {
                self.fields.push((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()));
            }
            (None, Some(name)) => self.fields.push((name.to_owned(), String::new())),
            (None, None) => {
                let forms = "'NAME: VALUE', 'NAME:', 'NAME;' or @FILE";
                return Err(wrong(format!("--header needs the form {forms}, not {line:?}")));
            }
        }
        Ok(())
    }

    /// Sets a field that stands once; empty: it is not sent.
    fn replace(&mut self, name: &str, value: String) {
        self.fields.retain(|(it, _)| it != name);
        if value.is_empty() {
            self.removed.push(name.to_owned());
        } else {
            self.fields.push((name.to_owned(), value));
        }
    }

    /// Returns the method. `named` is that of the command.
    pub(crate) fn method(&self, named: Option<Method>) -> Result<Method, Failed> {
        let has_data = self.data.is_some() && !self.get;
        let ways = [has_data, self.file.is_some(), !self.form.is_empty(), !self.uploads.is_empty()];
        let sends = ways.iter().filter(|way| **way).count();
        if sends > 1 {
            return Err(one_body());
        }
        if self.head && sends > 0 {
            return Err(wrong("--head sends no body: -X HEAD does, or add --get"));
        }
        if let Some(name) = &self.method {
            return method(name);
        }
        Ok(match named {
            Some(method) => method,
            None if self.head => Method::HEAD,
            None if !self.uploads.is_empty() => Method::PUT,
            None if sends > 0 => Method::POST,
            None => Method::GET,
        })
    }

    /// Returns the files to upload, one for each URL.
    pub(crate) fn uploads(&self) -> Vec<PathBuf> {
        self.uploads.clone()
    }

    /// Returns the URL with the data of `--get` in its query, and the name of an uploaded file.
    pub(crate) fn url(&self, url: String, upload: Option<&Path>) -> String {
        let (mut url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url.to_owned(), format!("#{fragment}")),
            None => (url, String::new()),
        };
        let name = upload.and_then(Path::file_name).filter(|name| *name != "-");
        if let Some(name) = name
            && url.splitn(4, '/').count() > 3
            && url.ends_with('/')
        {
            url.push_str(&String::from_utf8_lossy(&percent_encoded(name.as_encoded_bytes())));
        }
        let mut query = self.query.clone();
        if self.get {
            join(&mut query, b"&", self.data.as_deref().unwrap_or_default());
        }
        if !query.is_empty() {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&String::from_utf8_lossy(&query));
        }
        url + &fragment
    }

    /// Whether standard input is the body, or a part of the request.
    pub(crate) fn reads_stdin(&self) -> bool {
        self.stdin && (self.file.is_some() || !self.uploads.is_empty())
    }

    /// Whether the request has neither a body nor a range.
    pub(crate) fn is_plain_get(&self) -> bool {
        let data = self.data.is_some() && !self.get;
        !data
            && self.file.is_none()
            && self.form.is_empty()
            && self.uploads.is_empty()
            && !self.asks_for_range()
    }

    /// Whether the request asks for a part of the body.
    pub(crate) fn asks_for_range(&self) -> bool {
        self.range.is_some() || self.fields.iter().any(|(it, _)| it.eq_ignore_ascii_case("range"))
    }

    /// Whether a field of the request has this name, or one that is sent by default is left out.
    pub(crate) fn has_own(&self, name: &str) -> bool {
        self.removes(name) || self.fields.iter().any(|(it, _)| it.eq_ignore_ascii_case(name))
    }

    /// Whether a field that is sent by default is left out.
    pub(crate) fn removes(&self, name: &str) -> bool {
        self.removed.iter().any(|it| it.eq_ignore_ascii_case(name))
    }

    /// Whether the options give credentials of the origin.
    pub(crate) fn logs_in(&self) -> bool {
        self.user.is_some() || self.bearer.is_some() || self.has_own("Authorization")
    }

    /// Adds the fields and the target to a request.
    pub(crate) fn complete(&self, mut request: RequestBuilder, url: &str) -> RequestBuilder {
        for (name, value) in &self.fields {
            if name.eq_ignore_ascii_case("Expect") && value.eq_ignore_ascii_case("100-continue") {
                request = request.expect_continue(true);
            } else {
                request = request.header(name, value);
            }
        }
        let own = |name: &str| self.has_own(name);
        if let Some(range) = &self.range {
            request = request.header("Range", &format!("bytes={range}"));
        }
        if let Some(token) = self.bearer.as_ref().filter(|_| !own("Authorization")) {
            request = request.bearer_auth(token);
        } else if let Some((user, password)) = self.user.as_ref().filter(|_| !own("Authorization"))
        {
            request = request.basic_auth(user, password);
        }
        if self.json {
            if !own("Accept") {
                request = request.header("Accept", "application/json");
            }
            if !own("Content-Type") {
                request = request.header("Content-Type", "application/json");
            }
        } else if self.data.is_some() && !self.get && !own("Content-Type") {
            request = request.header("Content-Type", "application/x-www-form-urlencoded");
        }
        // Braces are sent as they are, as in curl; parsing a URL would encode them.
        let raw = self.path_as_is || url.contains(['{', '}']);
        match (&self.target, raw) {
            (Some(target), _) => request.target(target),
            (None, true) => match raw_target(url) {
                Some(target) => request.target(&target),
                None => request,
            },
            (None, false) => request,
        }
    }

    /// Returns the source of the bodies. Several are needed for several sendings. `rate` is the
    /// most bytes a second.
    pub(crate) fn source(&self, upload: Option<&Path>, rate: Option<u64>) -> BodySource<'_> {
        let file = |path: &Path| match path == Path::new("-") {
            true => Source::Stdin,
            false => Source::File(path.to_owned()),
        };
        let source = match (upload.or(self.file.as_deref()), &self.data) {
            (Some(path), _) => file(path),
            (None, Some(data)) if !self.get => Source::Given(Bytes::from(data.clone())),
            (None, _) if !self.form.is_empty() => Source::Form(&self.form),
            (None, _) => Source::None,
        };
        BodySource { source, rate }
    }
}

fn one_body() -> Failed {
    wrong("a request has one body: give one of --data, --data-file, --form and --upload-file")
}

fn join(all: &mut Vec<u8>, separator: &[u8], piece: &[u8]) {
    if !all.is_empty() && !piece.is_empty() {
        all.extend_from_slice(separator);
    }
    all.extend_from_slice(piece);
}

/// Encodes data for a query or a form: all but unreserved characters (RFC 3986 section 2.3), and a
/// space as `+`, as curl does.
fn form_encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for (at, word) in bytes.split(|&byte| byte == b' ').enumerate() {
        if at > 0 {
            out.push(b'+');
        }
        out.extend(percent_encoded(word));
    }
    out
}

/// Encodes all but unreserved characters (RFC 3986 section 2.3).
fn percent_encoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    out
}

/// Returns the path and query of a URL as they stand in it.
fn raw_target(url: &str) -> Option<String> {
    let behind = url.split_once("://")?.1;
    let url = behind.split('#').next()?;
    let at = url.find(['/', '?'])?;
    let target: Cow<'_, str> = match url.as_bytes()[at] {
        b'/' => url[at..].into(),
        _ => format!("/{}", &url[at..]).into(),
    };
    Some(target.into_owned())
}

/// The source of the bodies, one for each sending.
pub(crate) struct BodySource<'a> {
    source: Source<'a>,
    rate: Option<u64>,
}

enum Source<'a> {
    None,
    Given(Bytes),
    File(PathBuf),
    Stdin,
    Form(&'a [Field]),
}

impl BodySource<'_> {
    /// Whether a body can be made again.
    pub(crate) const fn is_repeatable(&self) -> bool {
        !matches!(self.source, Source::Stdin)
    }

    /// Gives the request a new body, read from the start. `progress` shows how much of a file or
    /// of a form was sent.
    pub(crate) fn fill(
        &self,
        request: RequestBuilder,
        mut progress: Progress,
    ) -> Result<RequestBuilder, Failed> {
        let watched = progress.is_shown();
        let watch = move |sent, total| progress.sent(sent, total);
        Ok(match &self.source {
            Source::Form(fields) if watched => {
                request.multipart(form(fields, self.rate)?.on_progress(watch))
            }
            Source::Form(fields) => request.multipart(form(fields, self.rate)?),
            Source::File(_) | Source::Stdin if watched => {
                request.body(self.body()?.on_progress(watch))
            }
            _ => request.body(self.body()?),
        })
    }

    /// Returns a new body, read from the start.
    pub(crate) fn body(&self) -> Result<Body, Failed> {
        Ok(match (&self.source, self.rate) {
            (Source::None, _) => Body::empty(),
            (Source::Given(bytes), rate) => body_of(bytes.clone(), rate),
            (Source::File(path), rate) => body_of_file(path, rate)?,
            (Source::Stdin, None) => Body::reader(stdin()),
            (Source::Stdin, Some(rate)) => Body::reader(Paced::new(stdin(), rate)),
            (Source::Form(fields), rate) => form(fields, rate)?.into_body(),
        })
    }
}

fn form(fields: &[Field], rate: Option<u64>) -> Result<Multipart, Failed> {
    let form = Multipart::new().map_err(|why| Failed::reading_file("random", &why))?;
    fields.iter().try_fold(form, |form, field| field.add_to(form, rate))
}

/// The time that a body waits for the server's consent, by default.
pub(crate) const EXPECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Parses the name of a method.
pub(crate) fn method(name: &str) -> Result<Method, Failed> {
    Method::new(name).map_err(|why| Failed::new(Kind::Request, why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::by_name;

    fn ask(options: &[(&str, &str)]) -> Ask {
        let mut ask = Ask::default();
        for (name, value) in options {
            let (spec, on) = by_name(name).expect(name);
            assert!(ask.set(&Given::new(spec, value.into(), on)).expect(name), "{name}");
        }
        ask
    }

    #[test]
    fn data_is_joined_and_encoded() {
        let file = std::env::temp_dir().join(format!("httpool-data-{}", std::process::id()));
        std::fs::write(&file, "a b\r\nc\n").unwrap();
        let at = format!("@{}", file.display());
        let all = ask(&[
            ("data", "x=1"),
            ("data", &at),
            ("data-binary", &at),
            ("data-raw", "@raw"),
            ("data-urlencode", "a b=c"),
            ("data-urlencode", "=d&"),
            ("data-urlencode", "e f"),
            ("data-urlencode", &format!("n{at}")),
            ("data", ""),
        ]);
        std::fs::remove_file(file).unwrap();
        let expected = "x=1&a bc&a b\r\nc\n&@raw&a b=c&d%26&e+f&n=a+b%0D%0Ac%0A&";
        assert_eq!(String::from_utf8(all.data.unwrap()).unwrap(), expected);
        let json = ask(&[("json", "{\"a\":"), ("json", "1}")]);
        assert_eq!((json.data.unwrap(), json.json), (b"{\"a\":1}".to_vec(), true));
    }

    #[test]
    fn data_of_get_and_names_of_uploads_are_in_the_url() {
        let got = ask(&[("get", ""), ("data", "a=1"), ("data", "b=2"), ("url-query", "c=d e")]);
        let url = |text: &str| got.url(text.to_owned(), None);
        assert_eq!(url("http://h/p"), "http://h/p?c=d+e&a=1&b=2");
        assert_eq!(url("http://h/p?x#f"), "http://h/p?x&c=d+e&a=1&b=2#f");
        let none = Ask::default();
        let file = Some(Path::new("/tmp/a b.txt"));
        assert_eq!(none.url("http://h/up/".into(), file), "http://h/up/a%20b.txt");
        assert_eq!(none.url("http://h/up".into(), file), "http://h/up");
    }

    #[test]
    fn the_raw_path_of_a_url() {
        assert_eq!(raw_target("http://h/a/../b?c#d").as_deref(), Some("/a/../b?c"));
        assert_eq!(raw_target("http://h?c").as_deref(), Some("/?c"));
        assert_eq!(raw_target("http://h"), None);
    }
}
