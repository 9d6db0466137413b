//! Parses the command line.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use httpool::{message::Method, trace::Redaction};
use lexopt::{Arg, Parser, ValueExt};

use crate::{
    exit::{Failed, Kind},
    proxies::Proxies,
    secure::Secure,
    socket::Sockets,
    timed::Timed,
    timeline::Timeline,
    way::Way,
};

/// The most threads. With more of them, they wait for each other more than for the server.
const CONCURRENCY_MAX: u64 = 4_096;

/// The command to run.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Version,
    Demo {
        /// Whether the trace is printed in place of the story.
        trace: bool,
    },
    Timeline(Timeline),
    /// The path of a recording; `-` is standard input.
    Replay(PathBuf),
    Send(Box<Options>),
}

/// The settings of a request and of its output.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) data: Data,
    pub(crate) include: bool,
    pub(crate) output: Output,
    pub(crate) json: bool,
    pub(crate) fail: bool,
    pub(crate) secure: Secure,
    /// The TLS to proxies.
    pub(crate) proxy_secure: Secure,
    pub(crate) way: Way,
    pub(crate) sockets: Sockets,
    pub(crate) timed: Timed,
    pub(crate) verbose: bool,
    pub(crate) trace: bool,
    pub(crate) record: Option<PathBuf>,
    /// Names of fields whose values the recording hides, in addition to the default ones.
    pub(crate) redact: Vec<String>,
    pub(crate) proxies: Proxies,
    pub(crate) location: bool,
    pub(crate) max_redirects: Option<u32>,
    pub(crate) retries: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) compressed: bool,
    /// The number of requests; `None`: one, and its response is shown.
    pub(crate) count: Option<u64>,
    pub(crate) concurrency: Option<u64>,
}

/// The destination of the response's body.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Output {
    /// Standard output. If that is a terminal, control characters are escaped.
    #[default]
    Shown,
    /// Standard output, unchanged.
    Stdout,
    File(PathBuf),
}

/// The source of the request's body.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum Data {
    #[default]
    None,
    Given(Vec<u8>),
    File(PathBuf),
    Stdin,
}

/// Parses `args`, which must not contain the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Failed> {
    let mut words = Vec::new();
    let mut options = Options::new();
    // The options given, to be named in an error if the command does not take them.
    let mut given = Vec::new();
    let mut parser = Parser::from_args(args);
    while let Some(arg) = parser.next().map_err(usage)? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Value(word) if word == "timeline" && words.is_empty() && given.is_empty() => {
                return Timeline::parse(&mut parser).map(Command::Timeline);
            }
            Arg::Value(word) => words.push(word.string().map_err(usage)?),
            Arg::Short(letter) => given.push(options.set(format!("-{letter}"), &mut parser)?),
            Arg::Long(word) => given.push(options.set(format!("--{word}"), &mut parser)?),
        }
    }
    let mut words = words.into_iter();
    let command = words.next().unwrap_or_else(|| "demo".to_owned());
    let traces = given.iter().all(|name| matches!(name.as_str(), "-t" | "--trace"));
    match (command.as_str(), given.last()) {
        ("help", _) => return Ok(Command::Help),
        ("demo", trace) if traces => {
            nothing_more(words)?;
            return Ok(Command::Demo { trace: trace.is_some() });
        }
        ("replay", None) => {
            let file = words.next().ok_or_else(|| wrong("replay needs a FILE"))?;
            nothing_more(words)?;
            return Ok(Command::Replay(file.into()));
        }
        ("demo" | "replay", Some(name)) => {
            let what =
                format!("{name} is an option of requests: give a command such as get, and a URL");
            return Err(wrong(what));
        }
        _ => {}
    }
    options.method = method(&command, &mut words)?;
    options.url = words.next().ok_or_else(|| wrong(format!("{command} needs a URL")))?;
    nothing_more(words)?;
    options.check()?;
    Ok(Command::Send(Box::new(options)))
}

fn method(command: &str, words: &mut impl Iterator<Item = String>) -> Result<Method, Failed> {
    match command {
        "get" => Ok(Method::GET),
        "head" => Ok(Method::HEAD),
        "post" => Ok(Method::POST),
        "put" => Ok(Method::PUT),
        "delete" => Ok(Method::DELETE),
        "request" => {
            let name = words.next().ok_or_else(|| wrong("request needs a METHOD and a URL"))?;
            Method::new(&name).map_err(|why| Failed::new(Kind::Request, why.to_string()))
        }
        url if url.contains("://") => {
            Err(wrong(format!("a command is missing before {url}"))
                .hint(format!("httpool get {url}")))
        }
        other => Err(wrong(format!("there is no command {other}"))),
    }
}

impl Options {
    fn new() -> Self {
        Self {
            method: Method::GET,
            url: String::new(),
            fields: Vec::new(),
            data: Data::None,
            include: false,
            output: Output::Shown,
            json: false,
            fail: false,
            secure: Secure::default(),
            proxy_secure: Secure::default(),
            way: Way::default(),
            sockets: Sockets::default(),
            timed: Timed::default(),
            verbose: false,
            trace: false,
            record: None,
            redact: Vec::new(),
            proxies: Proxies::default(),
            location: false,
            max_redirects: None,
            retries: 0,
            timeout: None,
            connect_timeout: None,
            max_time: None,
            compressed: false,
            count: None,
            concurrency: None,
        }
    }

    /// Parses one option and its value, and returns its name.
    fn set(&mut self, name: String, parser: &mut Parser) -> Result<String, Failed> {
        match name.as_str() {
            "-H" | "--header" => self.fields.push(field("--header", parser)?),
            "-x" | "--proxy" | "--noproxy" | "-U" | "--proxy-user" | "--proxy-header"
            | "--preproxy" => self.proxies.set(&name, parser)?,
            "--data" => {
                let data = parser.value().map_err(usage)?;
                self.set_data(Data::Given(data.into_encoded_bytes()))?;
            }
            "--data-file" => {
                let path = parser.value().map_err(usage)?;
                self.set_data(if path == "-" { Data::Stdin } else { Data::File(path.into()) })?;
            }
            "-i" | "--include" => self.include = true,
            "-o" | "--output" => {
                let path = parser.value().map_err(usage)?;
                self.output = if path == "-" { Output::Stdout } else { Output::File(path.into()) };
            }
            "--json" => self.json = true,
            "-f" | "--fail" => self.fail = true,
            "--compressed" => self.compressed = true,
            "-L" | "--location" => self.location = true,
            "--max-redirects" => self.max_redirects = Some(number(&name, parser)?),
            "--retries" => self.retries = number(&name, parser)?,
            "--connect-timeout" => self.connect_timeout = Some(seconds(&name, parser)?),
            "--timeout" => self.timeout = Some(seconds(&name, parser)?),
            "--max-time" => self.max_time = Some(seconds(&name, parser)?),
            "-n" | "--count" => self.count = Some(number(&name, parser)?),
            "-c" | "--concurrency" => self.concurrency = Some(number(&name, parser)?),
            "-v" | "--verbose" => self.verbose = true,
            "-t" | "--trace" => self.trace = true,
            "--record" => self.record = Some(parser.value().map_err(usage)?.into()),
            "--redact" => self.redact.push(redacted(parser)?),
            _ if self.secure.set(&name, parser)?
                || self.proxy_secure.set_for_proxies(&name, parser)?
                || self.way.set(&name, parser)?
                || self.sockets.set(&name, parser)?
                || self.timed.set(&name, parser)? => {}
            _ => return Err(wrong(format!("there is no option {name}"))),
        }
        Ok(name)
    }

    fn set_data(&mut self, data: Data) -> Result<(), Failed> {
        if self.data != Data::None {
            return Err(wrong("a request has one body: give --data or --data-file once"));
        }
        self.data = data;
        Ok(())
    }

    /// Checks that the options are compatible with each other.
    fn check(&self) -> Result<(), Failed> {
        if self.max_redirects.is_some() && !self.location {
            return Err(wrong("--max-redirects needs --location"));
        }
        if self.json && self.include {
            return Err(wrong("--json prints the fields already: omit --include"));
        }
        if self.json && self.output == Output::Stdout {
            return Err(wrong("--json prints to standard output already: omit -o -"));
        }
        if self.output == Output::File(PathBuf::new()) {
            return Err(wrong("--output needs the name of a file, or - for standard output"));
        }
        if self.record.is_none() && !self.redact.is_empty() {
            return Err(wrong("--redact needs --record"));
        }
        self.timed.check(self.count.is_some())?;
        match (self.count, self.concurrency) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(wrong("--concurrency needs --count")),
            (Some(0), _) => return Err(wrong("--count must be at least 1")),
            (Some(_), Some(threads)) if !(1..=CONCURRENCY_MAX).contains(&threads) => {
                return Err(wrong(format!("--concurrency must be 1 to {CONCURRENCY_MAX}")));
            }
            (Some(_), _) => {}
        }
        if self.include || self.output != Output::Shown {
            return Err(wrong("with --count the bodies are counted, not printed: omit -i and -o"));
        }
        if self.data == Data::Stdin {
            return Err(wrong("standard input can be read once, not for each of --count requests"));
        }
        Ok(())
    }
}

/// Parses the value of an option as text.
pub(crate) fn text(parser: &mut Parser) -> Result<String, Failed> {
    parser.value().and_then(|value| value.string()).map_err(usage)
}

/// Parses the value of the option `name` as a header field.
pub(crate) fn field(name: &str, parser: &mut Parser) -> Result<(String, String), Failed> {
    let line = text(parser)?;
    match line.split_once(':') {
        Some((name, value)) => Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned())),
        None => Err(wrong(format!("{name} needs the form 'NAME: VALUE', not {line:?}"))),
    }
}

/// Parses the name of a field that a recording is to hide.
fn redacted(parser: &mut Parser) -> Result<String, Failed> {
    let name = parser.value().and_then(|value| value.string()).map_err(usage)?;
    // A token (RFC 9110 section 5.6.2).
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(in_token) {
        return Err(wrong(format!("--redact needs the name of a field, not {name:?}")));
    }
    if !Redaction::can_hide(&name) {
        let what = "cannot be hidden: the machines decide by it, and would not do so again";
        return Err(wrong(format!("{name} {what}")));
    }
    Ok(name)
}

fn number<N: core::str::FromStr>(name: &str, parser: &mut Parser) -> Result<N, Failed> {
    let value = parser.value().and_then(|value| value.string()).map_err(usage)?;
    value.parse().map_err(|_| wrong(format!("{name} needs a whole number, not {value:?}")))
}

pub(crate) fn seconds(name: &str, parser: &mut Parser) -> Result<Duration, Failed> {
    let value = parser.value().and_then(|value| value.string()).map_err(usage)?;
    value
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|time| !time.is_zero())
        .ok_or_else(|| wrong(format!("{name} needs a number of seconds above 0, not {value:?}")))
}

fn nothing_more(mut words: impl Iterator<Item = String>) -> Result<(), Failed> {
    match words.next() {
        None => Ok(()),
        Some(word) => Err(wrong(format!("unexpected argument {word:?}"))),
    }
}

pub(crate) fn usage(error: lexopt::Error) -> Failed {
    wrong(error.to_string())
}

pub(crate) fn wrong(what: impl Into<String>) -> Failed {
    Failed::new(Kind::Usage, what.into()).hint("httpool --help lists commands and options")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::help;

    fn parsed(line: &str) -> Result<Command, Failed> {
        parse(line.split_whitespace().map(OsString::from))
    }

    fn sent(line: &str) -> Options {
        match parsed(line) {
            Ok(Command::Send(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn commands() {
        assert!(matches!(parsed(""), Ok(Command::Demo { trace: false })));
        assert!(matches!(parsed("demo"), Ok(Command::Demo { trace: false })));
        assert!(matches!(parsed("demo --trace"), Ok(Command::Demo { trace: true })));
        assert!(matches!(parsed("timeline t -o t.html"), Ok(Command::Timeline(_))));
        assert!(matches!(parsed("help"), Ok(Command::Help)));
        assert!(matches!(parsed("get --help"), Ok(Command::Help)));
        assert!(matches!(parsed("-V"), Ok(Command::Version)));
        assert!(matches!(parsed("replay x"), Ok(Command::Replay(path)) if path == *"x"));
        for (word, method) in [
            ("get", Method::GET),
            ("head", Method::HEAD),
            ("post", Method::POST),
            ("put", Method::PUT),
            ("delete", Method::DELETE),
            ("request PATCH", Method::PATCH),
        ] {
            assert_eq!(sent(&format!("{word} http://a/")).method, method);
        }
    }

    #[test]
    fn options_in_any_place_and_form() {
        let options = sent("-i get --retries=3 -HX-A:1 http://a/ -H Y: -Lo out --max-time 0.25");
        assert!(options.include && options.location);
        assert_eq!(options.url, "http://a/");
        assert_eq!(options.retries, 3);
        assert_eq!(
            options.fields,
            [("X-A", "1"), ("Y", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        assert_eq!(options.output, Output::File("out".into()));
        assert_eq!(options.max_time, Some(Duration::from_millis(250)));
        assert_eq!(sent("put --data-file - http://a/").data, Data::Stdin);
        assert_eq!(sent("put --data-file x http://a/").data, Data::File("x".into()));
        assert_eq!(sent("get -n9 -c 3 http://a/").concurrency, Some(3));
        assert_eq!(sent("get -o - http://a/").output, Output::Stdout);
        let options = sent("get --record r --redact X-A --redact=x-b http://a/");
        assert_eq!(options.redact, ["X-A", "x-b"]);
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for line in [
            "get",
            "get http://a/ http://b/",
            "request GET",
            "fetch http://a/",
            "http://a/",
            "demo -i",
            "demo -i --trace",
            "timeline",
            "timeline t --trace",
            "demo twice",
            "replay",
            "replay a b",
            "replay a -i",
            "get --no-such-thing http://a/",
            "get -y http://a/",
            "get http://a/ -H novalue",
            "get http://a/ --max-time",
            "get http://a/ --max-time 0",
            "get http://a/ --max-time -1",
            "get http://a/ --timeout inf",
            "get http://a/ --timeout soon",
            "get http://a/ --retries many",
            "get http://a/ --include=yes",
            "get http://a/ --max-redirects 3",
            "get http://a/ -c 2",
            "get http://a/ -n 0",
            "get http://a/ -n 1 -c 0",
            "get http://a/ -n 1 -i",
            "get http://a/ -n 1 -o out",
            "get http://a/ -n 1 -w x",
            "get http://a/ -n 1 --har x",
            "get http://a/ -w @",
            "get http://a/ --json -i",
            "get http://a/ --json -o -",
            "get http://a/ --output=",
            "get http://a/ --redact X-A",
            "get http://a/ --record r --redact X-A:",
            "get http://a/ --record r --redact Content-Length",
            "get https://a/ --cacert",
            "get https://a/ --tls-max 1.1",
            "get https://a/ --resolve a.test:443",
            "get https://a/ --resolve 127.0.0.1:443:127.0.0.2",
            "get https://a/ --connect-to a:1:b",
            "post http://a/ --data a --data-file b",
            "post http://a/ -n 2 --data-file -",
        ] {
            let failed = parsed(line).expect_err(line);
            assert_eq!(failed.kind, Kind::Usage, "{line}");
        }
        assert_eq!(parsed("request G@T http://a/").expect_err("a bad method").kind, Kind::Request);
    }

    #[test]
    fn every_option_is_explained() {
        for source in [
            include_str!("args.rs"),
            include_str!("secure.rs"),
            include_str!("way.rs"),
            include_str!("timed/mod.rs"),
        ] {
            let set =
                source.split("fn set(").nth(1).and_then(|rest| rest.split("\n    }\n").next());
            let names = set.unwrap().split('"').filter(|word| word.starts_with('-'));
            for name in names.filter_map(|name| name.split(' ').next()) {
                assert!(help::TEXT.contains(name), "{name}");
            }
        }
    }
}
