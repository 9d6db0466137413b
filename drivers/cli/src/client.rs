//! Builds the client and the request from the options.

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
use httpool_blocking::{Body, Client, RequestBuilder, Role};

use crate::{
    args::{Data, Options},
    exit::Failed,
    harmless::harmless,
    record::Record,
    verbose::Verbose,
};

/// Statuses for which a later attempt is likely to succeed.
const RETRIED: [u16; 6] = [408, 429, 500, 502, 503, 504];
const BACKOFF: Duration = Duration::from_millis(100);

/// Builds a client for the number of threads in the options.
pub(crate) fn client(options: &Options, record: Option<&Record>) -> Result<Client, Failed> {
    let threads = usize::try_from(options.concurrency.unwrap_or(1)).unwrap_or(usize::MAX);
    let mut limits = PoolLimits::default();
    limits.open_max = limits.open_max.max(threads);
    limits.open_per_key_max = limits.open_per_key_max.max(threads);
    limits.idle_per_key_max = limits.idle_per_key_max.max(threads);
    let routes = options.sockets.routes(options.proxies.routes()?);
    let policy = policy(options).routes(routes);
    let mut builder = Client::builder().pool(limits).policy(policy).dial(dial_policy(options));
    builder = builder.tls(options.secure.options()).proxy_tls(options.proxy_secure.options());
    builder = options.way.set_up(builder);
    builder = options.sockets.set_up(builder);
    builder = builder.decode(options.compressed);
    builder = builder.timings(options.timed.wants_timings() || options.verbose);
    if let Some(sink) = sink(options, record) {
        builder = builder.trace(sink);
    }
    let client = builder.build();
    options.secure.check(&client, Role::Origin)?;
    options.proxy_secure.check(&client, Role::Proxy)?;
    Ok(client)
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
    // The last response is shown, also if retries are exhausted.
    policy.retry.raise_on_status = false;
    if let Some(timeout) = options.timeout {
        policy.timeout.first_byte = Some(timeout);
        policy.timeout.stall = Some(timeout);
    }
    policy.timeout.total = options.max_time;
    policy
}

fn dial_policy(options: &Options) -> dial::DialPolicy {
    let mut policy = dial::DialPolicy::default();
    if let Some(timeout) = options.connect_timeout {
        policy.resolve_timeout = Some(timeout);
        policy.connect_timeout = Some(timeout);
        policy.tls_timeout = Some(timeout);
    }
    policy
}

/// Builds the request without its body.
pub(crate) fn request(client: &Client, options: &Options) -> RequestBuilder {
    let request = client.request(options.method.clone(), &options.url);
    options.fields.iter().fold(request, |request, (name, value)| request.header(name, value))
}

/// The source of the bodies, one for each request.
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

    /// Returns a new body, read from the start.
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

/// Returns the sink of the trace lines, or `None` if no line is wanted, which is faster.
fn sink(options: &Options, record: Option<&Record>) -> Option<Arc<dyn Sink>> {
    let shown = match options {
        Options { trace: true, .. } => Shown::Everything,
        // Without these options no call waits before an attempt.
        Options { retries: 1.., .. } | Options { location: true, .. } => Shown::Waits,
        _ => Shown::Nothing,
    };
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if !matches!(shown, Shown::Nothing) {
        sinks.push(Arc::new(shown));
    }
    // Its redaction counts, if there is one.
    if let Some(record) = record {
        sinks.push(Arc::new(record.sink()));
    }
    if let Some(heads) = options.timed.heads() {
        sinks.push(heads);
    }
    if options.verbose {
        sinks.push(Arc::new(Verbose::default()));
    }
    match sinks.len() {
        0 | 1 => sinks.pop(),
        _ => Some(Arc::new(All(sinks))),
    }
}

/// Selects the trace lines that are printed on standard error as they come.
#[derive(Debug, Clone, Copy)]
enum Shown {
    Nothing,
    /// The waits that a server asked for, before each begins.
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
        // One write per line keeps the lines of threads apart. A line that cannot be written is
        // lost, and the request continues.
        stderr().write_all(harmless(&text).as_bytes()).ok();
    }
}

/// Returns the text of a line that announces a wait, such as `2 s, as the server asked`.
fn wait_that_was_asked_for(line: &Line<'_>) -> Option<String> {
    if !matches!((line.who, line.kind), (Who::Call(_), Kind::Action)) {
        return None;
    }
    let text = line.text.to_string();
    let wait = text.strip_prefix("wait ")?;
    wait.ends_with("as the server asked").then(|| wait.to_owned())
}

/// Passes lines to several sinks. The redaction is that of the first one that has one.
struct All(Vec<Arc<dyn Sink>>);

impl Sink for All {
    fn line(&self, line: &Line<'_>) {
        self.0.iter().for_each(|sink| sink.line(line));
    }

    fn recording(&self) -> Option<&Redaction> {
        self.0.iter().find_map(|sink| sink.recording())
    }

    fn record(&self, line: &Line<'_>) {
        self.0.iter().for_each(|sink| sink.record(line));
    }
}
