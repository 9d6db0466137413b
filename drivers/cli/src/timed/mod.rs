//! The options that report on a transfer after it: `--write-out`, `--har`, and the table of
//! `--verbose`.

mod har;
mod heads;
mod table;
mod write_out;

use std::{
    io::{Write, stderr},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use httpool::{
    call::Timings,
    message::{ResponseHead, Url},
};
use httpool_blocking::{Error, Response};
use lexopt::Parser;

use crate::{
    args::{text, usage, wrong},
    exit::Failed,
    harmless::harmless,
};
pub(crate) use heads::Heads;

/// The options that were given.
#[derive(Debug, Default)]
pub(crate) struct Timed {
    write_out: Option<String>,
    har: Option<PathBuf>,
    heads: Arc<Heads>,
}

impl Timed {
    /// Parses an option and its value. Returns false if `name` is another option.
    pub(crate) fn set(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Failed> {
        match name {
            "-w" | "--write-out" => self.write_out = Some(write_out::format(text(parser)?)?),
            "--har" => self.har = Some(parser.value().map_err(usage)?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks that the options are compatible with a load of several requests.
    pub(crate) fn check(&self, several: bool) -> Result<(), Failed> {
        match (several, &self.write_out, &self.har) {
            (true, Some(_), _) => Err(wrong("--write-out reports on one request: omit --count")),
            (true, _, Some(_)) => Err(wrong("--har reports on one request: omit --count")),
            _ => Ok(()),
        }
    }

    /// Whether the timeline of a call is wanted.
    pub(crate) fn wants_timings(&self) -> bool {
        self.write_out.is_some() || self.har.is_some()
    }

    /// Returns the sink that collects the heads, if they are wanted.
    pub(crate) fn heads(&self) -> Option<Arc<Heads>> {
        self.har.as_ref().map(|_| self.heads.clone())
    }

    /// Reports on a transfer. Returns its result, or the first failure to report.
    pub(crate) fn report(
        &self,
        seen: &Seen,
        sent: Result<(), Failed>,
        verbose: bool,
    ) -> Result<(), Failed> {
        if let (true, Some(timings)) = (verbose, &seen.timings) {
            // If standard error cannot be written to, the table is lost.
            stderr().write_all(harmless(&table::table(timings)).as_bytes()).ok();
        }
        let har = self.har.as_ref().map_or(Ok(()), |path| {
            let text = har::har(seen, &self.heads.take());
            std::fs::write(path, text).map_err(|why| Failed::local(path.display(), &why))
        });
        let written = match &self.write_out {
            Some(format) => write_out::print(format, seen, sent.as_ref().err()),
            None => Ok(()),
        };
        sent.and(written).and(har)
    }
}

/// Facts about a transfer, as far as it has come.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The time at which it began, since 1970.
    began: Duration,
    timings: Option<Timings>,
    head: Option<(u8, ResponseHead)>,
    /// The file of the body; empty without one.
    file: String,
    url: Option<Url>,
}

impl Seen {
    /// Begins now. The body goes to `file`.
    pub(crate) fn begin(file: Option<&Path>) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let file = file.map_or_else(String::new, |path| path.display().to_string());
        Self { began, timings: None, head: None, file, url: None }
    }

    /// Notes a failure before the head of the response.
    pub(crate) fn failed(&mut self, error: &Error) {
        self.timings = error.timings().cloned();
        self.url = error.url().cloned();
    }

    /// Notes the state of a response: its head, and its timings so far.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.timings = response.timings().cloned();
        self.url = Some(response.url().clone());
        self.head = Some((response.minor_version(), response.head().clone()));
    }
}
