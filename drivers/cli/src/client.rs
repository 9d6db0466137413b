//! The client and the request that the options ask for.

use std::{
    fs::File,
    io::{self, Write, stderr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use httpool::{
    call::{Policy, Redirect, Retry},
    dial,
    limits::PoolLimits,
    message::Status,
    trace::{Kind, Line, Redaction, Sink, Who},
};
use httpool_blocking::{Body, Client, RequestBuilder};

use crate::{
    args::{Data, Options},
    exit::Failed,
    harmless::harmless,
    record::Record,
};

/// Answers that are likely to be different the next time.
const RETRIED: [u16; 6] = [408, 429, 500, 502, 503, 504];
const BACKOFF: Duration = Duration::from_millis(100);

/// A client for as many threads as the options ask for.
pub(crate) fn client(options: &Options, record: Option<&Record>) -> Client {
    let threads = usize::try_from(options.concurrency.unwrap_or(1)).unwrap_or(usize::MAX);
    let mut limits = PoolLimits::default();
    limits.open_max = limits.open_max.max(threads);
    limits.open_per_key_max = limits.open_per_key_max.max(threads);
    limits.idle_per_key_max = limits.idle_per_key_max.max(threads);
    let mut builder =
        Client::builder().pool(limits).policy(policy(options)).dial(dial_policy(options));
    if let Some(sink) = sink(options, record) {
        builder = builder.trace(sink);
    }
    builder.build()
}

fn policy(options: &Options) -> Policy {
    let mut policy = Policy::default();
    policy.redirect = match (options.location, options.max_redirects) {
        (false, _) => Redirect::none(),
        (true, None) => Redirect::default(),
        (true, Some(max)) => Redirect::limited(max),
    };
    policy.retry = Retry::new(options.retries);
    policy.retry.statuses = RETRIED.into_iter().filter_map(Status::new).collect();
    policy.retry.backoff = BACKOFF;
    // An answer is an answer: the last one is shown.
    policy.retry.raise_on_status = false;
    if let Some(timeout) = options.timeout {
        policy.timeout.first_byte = Some(timeout);
        policy.timeout.stall = Some(timeout);
    }
    policy.timeout.total = options.max_time;
    policy
}

fn dial_policy(options: &Options) -> dial::Policy {
    let mut policy = dial::Policy::default();
    if let Some(timeout) = options.connect_timeout {
        policy.resolve_timeout = Some(timeout);
        policy.connect_timeout = Some(timeout);
    }
    policy
}

/// The request without its body.
pub(crate) fn request(client: &Client, options: &Options) -> RequestBuilder {
    let request = client.request(options.method.clone(), &options.url);
    options.fields.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// Where bodies come from: one for each request.
pub(crate) enum BodySource<'o> {
    None,
    Given(Bytes),
    File(&'o Path),
    Stdin,
}

impl<'o> BodySource<'o> {
    pub(crate) fn new(data: &'o Data) -> Self {
        match data {
            Data::None => Self::None,
            Data::Given(bytes) => Self::Given(bytes.clone().into()),
            Data::File(path) => Self::File(path),
            Data::Stdin => Self::Stdin,
        }
    }

    /// A body, from its start.
    pub(crate) fn body(&self) -> Result<Body, Failed> {
        Ok(match self {
            Self::None => Body::empty(),
            Self::Given(bytes) => bytes.clone().into(),
            Self::File(path) => {
                File::open(path).map_err(|why| Failed::local(path.display(), &why))?.into()
            }
            Self::Stdin => Body::reader(io::stdin()),
        })
    }
}

/// Where the machines' lines go, if anywhere: each costs a little.
fn sink(options: &Options, record: Option<&Record>) -> Option<Arc<dyn Sink>> {
    let shown = match options {
        Options { trace: true, .. } => Shown::Everything,
        // Others never wait before an attempt.
        Options { retries: 1.., .. } | Options { location: true, .. } => Shown::Waits,
        _ => Shown::Nothing,
    };
    match (shown, record) {
        (Shown::Nothing, None) => None,
        (Shown::Nothing, Some(record)) => Some(Arc::new(record.sink())),
        (shown, None) => Some(Arc::new(shown)),
        (shown, Some(record)) => Some(Arc::new(Both(shown, record.sink()))),
    }
}

/// The lines of the trace that go to standard error, as they come.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Nothing,
    /// A pause that the server asked for, before it begins.
    Waits,
    Everything,
}

impl Sink for Shown {
    fn line(&self, line: &Line<'_>) {
        let text = match self {
            Self::Everything => format!("{line}\n"),
            Self::Waits => match wait_that_was_asked_for(line) {
                Some(wait) => format!("httpool: waiting {wait}\n"),
                None => return,
            },
            Self::Nothing => return,
        };
        // One write, so that the lines of threads do not mingle. What cannot be written is lost:
        // the request goes on.
        stderr().write_all(harmless(&text).as_bytes()).ok();
    }
}

/// `2 s, as the server asked`, of a line that says so.
fn wait_that_was_asked_for(line: &Line<'_>) -> Option<String> {
    if !matches!((line.who, line.kind), (Who::Call(_), Kind::Action)) {
        return None;
    }
    let text = line.text.to_string();
    let wait = text.strip_prefix("wait ")?;
    wait.ends_with("as the server asked").then(|| wait.to_owned())
}

/// Those, and a recording.
struct Both<R>(Shown, R);

impl<R: Sink> Sink for Both<R> {
    fn line(&self, line: &Line<'_>) {
        self.0.line(line);
    }

    fn recording(&self) -> Option<&Redaction> {
        self.1.recording()
    }

    fn record(&self, line: &Line<'_>) {
        self.1.record(line);
    }
}
