//! The options that report on a transfer after it: `--write-out`, `--har`, and the table of
//! `--verbose`.

mod har;
mod heads;
mod table;
mod write_out;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use httpool::{
    call::Timings,
    message::{ResponseHead, Url},
};
use httpool_blocking::{Error, Response};

use crate::{
    exit::{Failed, wrong},
    harmless::harmless,
    options::Given,
    status::say,
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
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--write-out" => self.write_out = Some(write_out::format(given.text()?)?),
            "--har" => self.har = Some(given.path()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks that the options are compatible with a `load`, or with `several` URLs.
    pub(crate) fn check(&self, load: bool, several: bool) -> Result<(), Failed> {
        if several && self.har.is_some() {
            return Err(wrong("--har reports on one request: give one URL"));
        }
        match (load, &self.write_out, &self.har) {
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
            say(&harmless(&table::table(timings)));
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
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The time at which it began, since 1970.
    began: Duration,
    timings: Option<Timings>,
    head: Option<(u8, ResponseHead)>,
    /// The file of the body; empty without one.
    file: String,
    url: Option<Url>,
    /// The number of the transfer, from 0.
    number: usize,
}

impl Seen {
    /// Begins now. The body of the transfer with a number goes to `file`.
    pub(crate) fn begin(number: usize, file: Option<&Path>) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut seen = Self { began, number, ..Self::default() };
        if let Some(path) = file {
            seen.goes_to(path);
        }
        seen
    }

    /// Notes the file of the body.
    pub(crate) fn goes_to(&mut self, path: &Path) {
        self.file = path.display().to_string();
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
