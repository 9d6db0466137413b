//! Builds the client and the request from the options.

use std::{sync::Arc, time::Duration};

use httpool::{
    call::{MinRate, Policy, Redirect, Retry},
    dial,
    limits::PoolLimits,
    message::Status,
    trace::{Kind, Line, Redaction, Sink, Who},
};
use httpool_blocking::{Client, RequestBuilder, Role};

use crate::{
    args::Options, ask::EXPECT_TIMEOUT, exit::Failed, harmless::harmless, record::Record,
    status::say, timed::Heads, verbose::Verbose,
};

/// The content codings that are decoded.
const CODINGS: &str = "gzip, deflate, br, zstd";
const BACKOFF: Duration = Duration::from_millis(100);

/// Builds a client for the number of threads in the options. `heads` collects the heads of all
/// responses.
pub(crate) fn client(
    options: &Options,
    record: Option<&Record>,
    heads: Option<Arc<Heads>>,
) -> Result<Client, Failed> {
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
    builder = builder.decode(options.compressed).no_default_headers();
    for (name, value) in DEFAULT_FIELDS {
        if !options.ask.removes(name) {
            builder = builder.default_header(name, value);
        }
    }
    builder = builder.timings(options.timed.wants_timings() || options.verbose);
    if let Some(sink) = sink(options, record, heads) {
        builder = builder.trace(sink);
    }
    let client = builder.build();
    let silent = options.is_silent();
    options.secure.check(&client, Role::Origin, silent)?;
    options.proxy_secure.check(&client, Role::Proxy, silent)?;
    Ok(client)
}

/// The fields that a request has by default.
const DEFAULT_FIELDS: [(&str, &str); 2] =
    [("User-Agent", concat!("httpool/", env!("CARGO_PKG_VERSION"))), ("Accept", "*/*")];

fn policy(options: &Options) -> Policy {
    let mut policy = Policy::default();
    policy.redirect = match options.location {
        false => Redirect::none(),
        true => Redirect::default().max(options.max_redirects()),
    };
    policy.redirect.downgrade = options.may_downgrade();
    if options.location_trusted {
        policy.redirect = policy.redirect.strip_only([""; 0]);
    }
    let kept = options.kept_post.iter().filter_map(|&status| Status::new(status));
    policy.redirect = policy.redirect.post_stays_after(kept);
    policy.retry = Retry::new(options.retries);
    if options.retries > 0 {
        policy.retry = policy.retry.on_statuses(Retry::TRANSIENT);
    }
    policy.retry.respect_retry_after = options.retries > 0 || options.location;
    policy.retry.backoff = BACKOFF;
    // The last response is shown, also if retries are exhausted.
    policy.retry.raise_on_status = false;
    if let Some(timeout) = options.timeout {
        policy.timeout.first_byte = Some(timeout);
        policy.timeout.stall = Some(timeout);
    }
    policy.timeout.total = options.max_time;
    policy.timeout.expect_continue = options.expect_timeout.unwrap_or(EXPECT_TIMEOUT);
    policy.timeout.rate = match (options.speed_limit, options.speed_time) {
        (None, None) | (Some(0), _) => None,
        (limit, time) => Some(MinRate::new(limit.unwrap_or(1), time.unwrap_or(SPEED_TIME))),
    };
    policy
}

/// The time of `--speed-limit`, by default.
const SPEED_TIME: Duration = Duration::from_secs(30);

fn dial_policy(options: &Options) -> dial::DialPolicy {
    let mut policy = dial::DialPolicy::default();
    if let Some(timeout) = options.connect_timeout {
        policy.resolve_timeout = Some(timeout);
        policy.connect_timeout = Some(timeout);
        policy.tls_timeout = Some(timeout);
    }
    if options.race_after.is_some() {
        policy.race_after = options.race_after;
    }
    policy
}

/// Builds the request without its body.
pub(crate) fn request(client: &Client, options: &Options, url: &str) -> RequestBuilder {
    let ask = &options.ask;
    let mut request = ask.complete(client.request(options.method(), url), url);
    if !ask.logs_in()
        && let Some((user, password)) = options.netrc.login(url)
    {
        request = request.basic_auth(&user, &password);
    }
    request = options.conditions.add(request);
    if options.compressed && !ask.asks_for_range() && !ask.has_own("Accept-Encoding") {
        request = request.header("Accept-Encoding", CODINGS);
    }
    request
}

/// Returns the sink of the trace lines, or `None` if no line is wanted, which is faster.
fn sink(
    options: &Options,
    record: Option<&Record>,
    heads: Option<Arc<Heads>>,
) -> Option<Arc<dyn Sink>> {
    let shown = match options {
        Options { trace: true, .. } => Shown::Everything,
        _ if options.is_silent() => Shown::Nothing,
        // Without these options no call waits before an attempt.
        Options { retries: 1.., .. } | Options { location: true, .. } => Shown::Waits,
        _ => Shown::Nothing,
    };
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if !matches!(shown, Shown::Nothing) {
        sinks.push(Arc::new(shown));
    }
    // The redaction of the first one that has one counts.
    if let Some(record) = record {
        sinks.push(Arc::new(record.sink()));
    }
    if let Some(heads) = options.timed.heads() {
        sinks.push(heads);
    }
    if options.verbose {
        sinks.push(Arc::new(Verbose::default()));
    }
    if let Some(heads) = heads {
        sinks.push(heads);
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
        say(&harmless(&text));
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
