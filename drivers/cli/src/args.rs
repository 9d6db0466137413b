//! Parses the command line.

use std::{
    ffi::OsString,
    mem,
    path::{Path, PathBuf},
    time::Duration,
};

use httpool::{message::Method, trace::Redaction};
use lexopt::{Arg, Parser, ValueExt};

use crate::{
    ask::{Ask, method},
    conditions::Conditions,
    exit::{Failed, usage, wrong},
    globs::{Expanded, expand},
    harmless::harmless,
    netrc::Netrc,
    options::{self, Given},
    progress::Progress,
    protocols::Protocols,
    proxies::Proxies,
    redo::Redo,
    save::{Output, Save},
    secure::Secure,
    socket::Sockets,
    timed::Timed,
    timeline::Timeline,
    way::Way,
};

/// The most threads. With more of them, they wait for each other more than for the server.
const CONCURRENCY_MAX: u64 = 4_096;
/// The most transfers at once without `--parallel-max`, as in curl.
const PARALLEL_MAX: u64 = 50;
/// The most redirects that are followed by default, as in curl.
const REDIRECTS_MAX: i64 = 50;
/// The most files of options, one of which may name the next.
const CONFIGS_MAX: u32 = 100;

/// The command to run.
#[derive(Debug)]
pub(crate) enum Command {
    /// A text about a topic or an option; `None`: about everything.
    Help(Option<String>),
    Version,
    /// The script of a shell.
    Completions(String),
    Demo {
        /// Whether the trace is printed in place of the story.
        trace: bool,
    },
    Timeline(Timeline),
    /// The path of a recording; `-` is standard input.
    Replay(PathBuf),
    /// The sets of options, with the transfers of each.
    Send(Vec<Options>),
}

/// The settings of the requests and of their output.
#[derive(Debug, Default)]
pub(crate) struct Options {
    pub(crate) ask: Ask,
    pub(crate) save: Save,
    pub(crate) redo: Redo,
    method: Option<Method>,
    pub(crate) transfers: Vec<Transfer>,
    proto_default: Option<String>,
    protocols: Protocols,
    /// The schemes of redirects.
    redirect_protocols: Protocols,
    pub(crate) conditions: Conditions,
    pub(crate) netrc: Netrc,
    globoff: bool,
    pub(crate) include: bool,
    pub(crate) json: bool,
    pub(crate) fail: bool,
    /// Whether the body is printed although its status is a failure.
    pub(crate) fail_with_body: bool,
    pub(crate) fail_early: bool,
    silent: bool,
    show_error: bool,
    no_progress: bool,
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
    /// Whether credentials are sent to other origins.
    pub(crate) location_trusted: bool,
    max_redirects: Option<i64>,
    /// The statuses after which a POST stays one.
    pub(crate) kept_post: Vec<u16>,
    pub(crate) retries: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_time: Option<Duration>,
    pub(crate) expect_timeout: Option<Duration>,
    pub(crate) speed_limit: Option<u64>,
    pub(crate) speed_time: Option<Duration>,
    /// Bytes a second.
    pub(crate) limit_rate: Option<u64>,
    /// The time after which the next address is tried as well.
    pub(crate) race_after: Option<Duration>,
    pub(crate) compressed: bool,
    parallel: bool,
    parallel_max: Option<u64>,
    /// The number of requests; `None`: one for each URL, and its response is shown.
    pub(crate) count: Option<u64>,
    pub(crate) concurrency: Option<u64>,
}

/// A request and the destination of its response.
#[derive(Debug, PartialEq)]
pub(crate) struct Transfer {
    /// The number among the URLs, from 0.
    pub(crate) number: usize,
    pub(crate) url: String,
    pub(crate) output: Output,
    /// The file of `-T`; `-` is standard input.
    pub(crate) upload: Option<PathBuf>,
}

/// The words of the command line, and the options.
#[derive(Default)]
struct Line {
    /// Each with whether it is the value of `--url`.
    words: Vec<(String, bool)>,
    options: Options,
    /// The options given, to be named in an error if the command does not take them.
    given: Vec<String>,
    configs: u32,
    /// The sets of options before this one.
    before: Vec<Options>,
    /// A command that an option stands for.
    instead: Option<Command>,
}

/// Parses `args`, which must not contain the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, Failed> {
    let mut line = Line::default();
    if let Some(command) = line.read(&mut Parser::from_args(args))? {
        return Ok(command);
    }
    line.command()
}

impl Line {
    /// Reads words and options. Returns a command whose words are parsed already.
    fn read(&mut self, parser: &mut Parser) -> Result<Option<Command>, Failed> {
        while let Some(arg) = parser.next().map_err(usage)? {
            let (spec, on) = match arg {
                Arg::Value(word)
                    if word == "timeline" && self.words.is_empty() && self.given.is_empty() =>
                {
                    return Timeline::parse(parser).map(|it| Some(Command::Timeline(it)));
                }
                // The topic may be the name of an option.
                Arg::Value(word) if word == "help" && self.words.is_empty() => {
                    let topic = parser.raw_args().map_err(usage)?.next();
                    let topic = topic.map(|it| it.string().map_err(usage)).transpose()?;
                    return Ok(Some(Command::Help(topic)));
                }
                Arg::Value(word) => {
                    self.words.push((word.string().map_err(usage)?, false));
                    continue;
                }
                Arg::Short(letter) => {
                    let spec = options::by_letter(letter);
                    (spec.ok_or_else(|| unknown(&format!("-{letter}")))?, true)
                }
                Arg::Long(name) => {
                    options::by_name(name).ok_or_else(|| unknown(&format!("--{name}")))?
                }
            };
            let value = match spec.has_value() {
                true => parser.value().map_err(usage)?,
                false => OsString::new(),
            };
            self.set(&Given::new(spec, value, on))?;
        }
        Ok(None)
    }

    fn set(&mut self, given: &Given) -> Result<(), Failed> {
        match given.name.as_str() {
            "--help" => self.instead = Some(Command::Help(None)),
            "--version" => self.instead = Some(Command::Version),
            "--url" => self.words.push((given.text()?, true)),
            "--config" => {
                self.configs += 1;
                if self.configs > CONFIGS_MAX {
                    return Err(wrong("there are too many files of --config"));
                }
                let words = options::config(&given.path())?;
                self.read(&mut Parser::from_args(words))?;
            }
            "--next" => {
                let words = mem::take(&mut self.words);
                let options = mem::take(&mut self.options);
                self.options = options.for_all_sets();
                let at = words.iter().position(|(_, is_url)| !is_url);
                self.before.push(options.complete_set(at, words)?);
                self.given.push(given.name.clone());
            }
            _ => {
                self.options.set(given)?;
                self.given.push(given.name.clone());
            }
        }
        Ok(())
    }

    fn command(self) -> Result<Command, Failed> {
        let Self { words, options, given, instead, before, .. } = self;
        if let Some(command) = instead {
            return Ok(command);
        }
        let at = words.iter().position(|(_, is_url)| !is_url);
        let command = match at {
            Some(at) => words[at].0.clone(),
            None if words.is_empty() && before.is_empty() => "demo".to_owned(),
            None => String::new(),
        };
        let mut rest = words.iter().skip(1).map(|(word, _)| word.clone());
        let traces = given.iter().all(|name| name == "--events");
        match (command.as_str(), given.last()) {
            ("completions", None) => {
                let shell = rest.next().ok_or_else(|| wrong("completions needs a shell"))?;
                nothing_more(rest)?;
                return Ok(Command::Completions(shell));
            }
            ("demo", trace) if traces => {
                nothing_more(rest)?;
                return Ok(Command::Demo { trace: trace.is_some() });
            }
            ("replay", None) => {
                let file = rest.next().ok_or_else(|| wrong("replay needs a FILE"))?;
                nothing_more(rest)?;
                return Ok(Command::Replay(file.into()));
            }
            ("demo" | "replay" | "completions", Some(name)) => {
                let what = format!(
                    "{name} is an option of requests: give a command such as get, or a URL"
                );
                return Err(wrong(what));
            }
            _ => {}
        }
        let mut sets = before;
        sets.push(options.complete_set(at, words)?);
        if sets.len() > 1 && sets.iter().any(Options::is_for_one_set) {
            return Err(wrong("with --next there is no -Z, --count, --record and --events"));
        }
        Ok(Command::Send(sets))
    }
}

/// Returns the method that the command at `at` names, and removes the command from the words. A
/// word that is no command is a URL.
fn named_method(
    command: &str,
    at: Option<usize>,
    words: &mut Vec<(String, bool)>,
) -> Result<Option<Method>, Failed> {
    let Some(at) = at else { return Ok(None) };
    let named = match command {
        "get" => Method::GET,
        "head" => Method::HEAD,
        "post" => Method::POST,
        "put" => Method::PUT,
        "delete" => Method::DELETE,
        "request" if words.len() <= at + 1 => {
            return Err(wrong("request needs a METHOD and a URL"));
        }
        "request" => method(&words.remove(at + 1).0)?,
        url if url == "localhost" || url.contains(['.', ':', '/', '[']) => return Ok(None),
        other => {
            let hint = format!(
                "httpool --help lists commands; for a host of this name: httpool http://{other}/"
            );
            return Err(wrong(format!("there is no command {other}")).hint(hint));
        }
    };
    words.remove(at);
    Ok(Some(named))
}

impl Options {
    /// Sets an option.
    fn set(&mut self, given: &Given) -> Result<(), Failed> {
        let on = given.on;
        match given.name.as_str() {
            "--proto-default" => self.proto_default = Some(given.text()?),
            "--globoff" => self.globoff = on,
            "--proto" => self.protocols = Protocols::parse("--proto", &given.text()?)?,
            "--proto-redir" => {
                self.redirect_protocols = Protocols::parse("--proto-redir", &given.text()?)?;
            }
            "--include" => self.include = on,
            "--as-json" => self.json = on,
            "--fail" => (self.fail, self.fail_with_body) = (on, false),
            "--fail-with-body" => (self.fail, self.fail_with_body) = (on, on),
            "--fail-early" => self.fail_early = on,
            "--silent" => self.silent = on,
            "--show-error" => self.show_error = on,
            "--no-progress-meter" => self.no_progress = on,
            "--compressed" => self.compressed = on,
            "--location" => self.location = on,
            "--location-trusted" => (self.location, self.location_trusted) = (on, on),
            "--max-redirects" | "--max-redirs" => self.max_redirects = Some(given.number()?),
            "--post301" | "--post302" | "--post303" => {
                let status: u16 =
                    given.name.trim_start_matches("--post").parse().unwrap_or_default();
                self.kept_post.retain(|&kept| kept != status);
                self.kept_post.extend(on.then_some(status));
            }
            "--retries" => self.retries = given.number()?,
            "--connect-timeout" => self.connect_timeout = given.seconds_or_none()?,
            "--timeout" => self.timeout = Some(given.seconds()?),
            "--max-time" => self.max_time = given.seconds_or_none()?,
            "--expect100-timeout" => self.expect_timeout = Some(given.seconds()?),
            "--speed-limit" => self.speed_limit = Some(given.bytes()?),
            "--speed-time" => self.speed_time = Some(given.seconds()?),
            "--limit-rate" => self.limit_rate = Some(given.bytes()?).filter(|rate| *rate > 0),
            "--happy-eyeballs-timeout-ms" => {
                self.race_after = Some(Duration::from_millis(given.number()?));
            }
            "--parallel" => self.parallel = on,
            "--parallel-max" => self.parallel_max = Some(given.number()?),
            "--count" => self.count = Some(given.number()?),
            "--concurrency" => self.concurrency = Some(given.number()?),
            "--verbose" => self.verbose = on,
            "--events" => self.trace = on,
            "--record" => self.record = Some(given.path()),
            "--redact" => self.redact.push(redacted(&given.text()?)?),
            // They ask for what is always so.
            "--http1.1"
            | "--no-buffer"
            | "--basic"
            | "--proxy-basic"
            | "--disable"
            | "--remove-on-error"
            | "--progress-bar"
            | "--parallel-immediate"
            | "--suppress-connect-headers" => {}
            _ if self.netrc.set(given) => {}
            _ if self.ask.set(given)?
                || self.save.set(given)?
                || self.redo.set(given)?
                || self.conditions.set(given)?
                || self.secure.set(given)?
                || self.proxy_secure.set_for_proxies(given)?
                || self.way.set(given)?
                || self.sockets.set(given)?
                || self.proxies.set(given)?
                || self.timed.set(given)? => {}
            name => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Returns the options that hold for the sets behind this one too.
    fn for_all_sets(&self) -> Self {
        let Self { silent, show_error, no_progress, verbose, fail_early, .. } = *self;
        Self { silent, show_error, no_progress, verbose, fail_early, ..Self::default() }
    }

    /// Whether the options cannot be combined with another set.
    const fn is_for_one_set(&self) -> bool {
        self.parallel || self.count.is_some() || self.record.is_some() || self.trace
    }

    /// Completes a set of options with its words, of which the one at `at` may be a command.
    fn complete_set(
        mut self,
        at: Option<usize>,
        mut words: Vec<(String, bool)>,
    ) -> Result<Self, Failed> {
        let command = at.map_or(String::new(), |at| words[at].0.clone());
        let named = named_method(&command, at, &mut words)?;
        if words.is_empty() {
            return Err(wrong(match command.as_str() {
                "" => "each side of --next needs a URL".to_owned(),
                command => format!("{command} needs a URL"),
            }));
        }
        self.complete(named, words.into_iter().map(|(word, _)| word))?;
        Ok(self)
    }

    /// Completes the options once all are known: the method, and the transfer of each URL. `named`
    /// is the method of the command.
    fn complete(
        &mut self,
        named: Option<Method>,
        urls: impl Iterator<Item = String>,
    ) -> Result<(), Failed> {
        let uploads = self.ask.uploads();
        self.method = Some(self.ask.method(named)?);
        let scheme = self.proto_default.as_deref().unwrap_or("http");
        if !matches!(scheme, "http" | "https") {
            return Err(wrong(format!("--proto-default needs http or https, not {scheme:?}")));
        }
        for (number, url) in urls.enumerate() {
            let upload = uploads.get(number).or_else(|| uploads.last()).cloned();
            let urls = match self.globoff {
                true => vec![Expanded::plain(url)],
                false => expand(&url)?,
            };
            for expanded in urls {
                let output = self.save.output(number, &expanded);
                let url = expanded.url;
                let url = if has_scheme(&url) { url } else { format!("{scheme}://{url}") };
                self.protocols.check(&url)?;
                let url = self.ask.url(url, upload.as_deref());
                self.transfers.push(Transfer { number, url, output, upload: upload.clone() });
            }
        }
        self.check()?;
        self.netrc.read()?;
        self.conditions.read()
    }

    /// Checks that the options are compatible with each other.
    fn check(&self) -> Result<(), Failed> {
        let files = self.transfers.iter().any(|it| it.output != Output::Shown);
        if self.max_redirects.is_some() && !self.location {
            return Err(wrong("--max-redirects needs --location"));
        }
        if self.json && self.include {
            return Err(wrong("--as-json prints the fields already: omit --include"));
        }
        if self.json && self.transfers.iter().any(|it| it.output == Output::Stdout) {
            return Err(wrong("--as-json prints to standard output already: omit -o -"));
        }
        if self.record.is_none() && !self.redact.is_empty() {
            return Err(wrong("--redact needs --record"));
        }
        if self.parallel_max == Some(0) {
            return Err(wrong("--parallel-max must be at least 1"));
        }
        let several = self.transfers.len() > 1;
        if several && self.ask.reads_stdin() {
            return Err(wrong("standard input can be read once, not for each URL"));
        }
        self.timed.check(self.count.is_some(), several)?;
        self.redo.check()?;
        self.save.check()?;
        self.conditions.check(several, self.save.resume.is_some())?;
        self.check_redirects()?;
        match (self.count, self.concurrency) {
            (None, None) => return Ok(()),
            (None, Some(_)) => return Err(wrong("--concurrency needs --count")),
            (Some(0), _) => return Err(wrong("--count must be at least 1")),
            (Some(_), Some(threads)) if !(1..=CONCURRENCY_MAX).contains(&threads) => {
                return Err(wrong(format!("--concurrency must be 1 to {CONCURRENCY_MAX}")));
            }
            (Some(_), _) if several => return Err(wrong("--count is for one URL")),
            (Some(_), _) => {}
        }
        if self.include || files {
            return Err(wrong("with --count the bodies are counted, not printed: omit -i and -o"));
        }
        if self.ask.reads_stdin() {
            return Err(wrong("standard input can be read once, not for each of --count requests"));
        }
        Ok(())
    }

    /// Checks that redirects can be limited to the schemes given.
    fn check_redirects(&self) -> Result<(), Failed> {
        let allowed = self.protocols.and(self.redirect_protocols);
        let from_http = self.transfers.iter().any(|it| !it.url.starts_with("https:"));
        let sound = match (allowed.http, allowed.https) {
            (true, true) => true,
            (false, true) => !from_http,
            (true | false, false) => false,
        };
        if self.location && !sound {
            return Err(wrong("--proto-redir can forbid http for https URLs alone"));
        }
        Ok(())
    }

    /// Whether a redirect may lead from https to http.
    pub(crate) const fn may_downgrade(&self) -> bool {
        self.protocols.and(self.redirect_protocols).http
    }

    /// Returns the method of the requests.
    pub(crate) fn method(&self) -> Method {
        self.method.clone().unwrap_or(Method::GET)
    }

    /// Returns how many transfers are made at once.
    pub(crate) fn at_once(&self) -> usize {
        let most = if self.parallel { self.parallel_max.unwrap_or(PARALLEL_MAX) } else { 1 };
        usize::try_from(most).unwrap_or(usize::MAX).min(self.transfers.len()).max(1)
    }

    /// Returns the most redirects to follow; `None`: there is no limit.
    pub(crate) fn max_redirects(&self) -> Option<u32> {
        u32::try_from(self.max_redirects.unwrap_or(REDIRECTS_MAX)).ok()
    }

    /// Whether no message is wanted about a failure.
    pub(crate) const fn is_mute(&self) -> bool {
        self.silent && !self.show_error
    }

    /// Whether neither progress nor warnings are wanted.
    pub(crate) const fn is_silent(&self) -> bool {
        self.silent
    }

    /// Returns the line that shows the progress of a transfer of `total` bytes, if known. It has
    /// the name of the file if there are several transfers.
    pub(crate) fn progress(&self, file: Option<&Path>, total: Option<u64>) -> Progress {
        let progress = Progress::new(total, self.silent || self.no_progress || self.trace);
        match file.and_then(Path::file_name).filter(|_| self.transfers.len() > 1) {
            Some(name) => progress.named(&harmless(&name.to_string_lossy())),
            None => progress,
        }
    }
}

/// Whether a URL begins with a scheme. `localhost:8080` has none.
fn has_scheme(url: &str) -> bool {
    url.split_once("://").is_some_and(|(scheme, _)| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

/// Checks the name of a field that a recording is to hide.
fn redacted(name: &str) -> Result<String, Failed> {
    // A token (RFC 9110 section 5.6.2).
    let in_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(in_token) {
        return Err(wrong(format!("--redact needs the name of a field, not {name:?}")));
    }
    if !Redaction::can_hide(name) {
        let what = "cannot be hidden: the machines decide by it, and would not do so again";
        return Err(wrong(format!("{name} {what}")));
    }
    Ok(name.to_owned())
}

fn nothing_more(mut words: impl Iterator<Item = String>) -> Result<(), Failed> {
    match words.next() {
        None => Ok(()),
        Some(word) => Err(wrong(format!("unexpected argument {word:?}"))),
    }
}

/// Returns the failure of an option that is not here. One of curl's is told as such.
fn unknown(option: &str) -> Failed {
    match options::instead(option) {
        Some(instead) => wrong(format!("{option} of curl is not here")).hint(instead),
        None => wrong(format!("there is no option {option}")),
    }
}

#[cfg(test)]
mod tests;
