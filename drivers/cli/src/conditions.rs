//! Asks for a body only if it has changed (`--time-cond`, `--etag-compare`, `--etag-save`).

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use httpool_blocking::{RequestBuilder, Response};

use crate::{
    exit::{Failed, wrong},
    options::Given,
    status::say,
};

/// The conditions on a response.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    time: Option<TimeCondition>,
    compared: Option<PathBuf>,
    /// The ETag in the file of `compared`.
    etag: Option<String>,
    saved: Option<PathBuf>,
}

/// A condition on the time of the last change.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TimeCondition {
    /// Whether the body is wanted if it has changed since, and not if it has not.
    since: bool,
    time: SystemTime,
}

impl Conditions {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--time-cond" => self.time = TimeCondition::parse(&given.text()?)?,
            "--etag-compare" => self.compared = Some(given.path()),
            "--etag-save" => self.saved = Some(given.path()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks that the options are compatible with each other.
    pub(crate) fn check(&self, several: bool, resumes: bool) -> Result<(), Failed> {
        let etag = self.compared.is_some() || self.saved.is_some();
        if etag && several {
            return Err(wrong("--etag-compare and --etag-save are for one URL"));
        }
        if resumes && (etag || self.time.is_some()) {
            let what = "--continue-at has a condition of its own: omit --time-cond and --etag-*";
            return Err(wrong(what));
        }
        Ok(())
    }

    /// Adds the conditions to a request.
    pub(crate) fn add(&self, mut request: RequestBuilder) -> RequestBuilder {
        if let Some(TimeCondition { since, time }) = self.time {
            let name = if since { "If-Modified-Since" } else { "If-Unmodified-Since" };
            request = request.header(name, &httpdate::fmt_http_date(time));
        }
        if let Some(etag) = &self.etag {
            request = request.header("If-None-Match", etag);
        }
        request
    }

    /// Reads the file of the ETag.
    pub(crate) fn read(&mut self) -> Result<(), Failed> {
        let Some(path) = &self.compared else { return Ok(()) };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            // The first run has nothing to compare with.
            Err(why) if why.kind() == io::ErrorKind::NotFound && self.saved.is_some() => {
                String::new()
            }
            Err(why) => return Err(Failed::reading_file(path.display(), &why)),
        };
        let etag: String = text.split(['\r', '\n']).collect();
        self.etag = Some(if etag.is_empty() { "\"\"".to_owned() } else { etag });
        Ok(())
    }

    /// Whether the file of an earlier response is still the one that is wanted. Also of a server
    /// that does not know the condition on the time, but tells the time of the last change.
    pub(crate) fn keeps_file(&self, response: &Response) -> bool {
        let status = response.status().as_u16();
        let unwanted = |condition: TimeCondition| {
            let changed = last_modified(response).map(|at| at > condition.time);
            status == 200 && changed.is_some_and(|changed| changed != condition.since)
        };
        status == 304 || self.time.is_some_and(unwanted)
    }

    /// Saves the ETag of a response.
    pub(crate) fn save(&self, response: &Response) -> Result<(), Failed> {
        let etag = response.headers().get("etag").filter(|_| response.status().is_success());
        match (&self.saved, etag) {
            (Some(path), Some(etag)) => {
                let line = [etag, b"\n"].concat();
                fs::write(path, line).map_err(|why| Failed::local(path.display(), &why))
            }
            _ => Ok(()),
        }
    }
}

impl TimeCondition {
    /// Parses a date or the name of a file, whose time counts. `-` before it asks for a body that
    /// has not changed since.
    fn parse(text: &str) -> Result<Option<Self>, Failed> {
        let (since, date) = match text.strip_prefix('-') {
            Some(date) => (false, date),
            None => (true, text),
        };
        let of_file = || fs::metadata(Path::new(date)).and_then(|it| it.modified()).ok();
        let time = date_of(date).or_else(of_file);
        if time.is_none() {
            // As curl: the next run of a script finds the file.
            say(&format!(
                "httpool: warning: {date:?} is neither a date nor a file: no condition\n"
            ));
        }
        Ok(time.map(|time| Self { since, time }))
    }
}

/// Returns the time of the last change that a response tells.
pub(crate) fn last_modified(response: &Response) -> Option<SystemTime> {
    let field = response.headers().get("last-modified")?;
    httpdate::parse_http_date(str::from_utf8(field).ok()?.trim()).ok()
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// Parses a date of HTTP, or one of the forms of curl: the parts in any order, as in
/// `12 Jan 2012`, `Jan 12 2012 10:00:00 +0100`, `2012-01-12`, `20120112`. Without a time it is
/// midnight, and without a zone UTC.
fn date_of(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let (mut day, mut month, mut year) = (None, None, None);
    let (mut time, mut zone) = ("00:00:00".to_owned(), 0);
    let words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    for word in words {
        let digits = word.bytes().all(|byte| byte.is_ascii_digit());
        match word {
            _ if word.contains(':') => {
                let parts: Vec<u32> =
                    word.split(':').map(|it| it.parse().ok()).collect::<Option<_>>()?;
                let [hour, minute, rest @ ..] = &parts[..] else { return None };
                time = format!("{hour:02}:{minute:02}:{:02}", rest.first().unwrap_or(&0));
            }
            _ if digits && word.len() == 8 => {
                month = Some(number(&word[4..6])?);
                (year, day) = (Some(&word[..4]), Some(&word[6..]));
            }
            _ if digits && word.len() <= 2 && day.is_none() => day = Some(word),
            _ if digits && word.len() == 4 && year.is_none() => year = Some(word),
            "GMT" | "UTC" | "Z" => zone = 0,
            _ if word.len() == 5 && word.starts_with(['+', '-']) => {
                let (hours, minutes) = (number(word.get(1..3)?)?, number(word.get(3..)?)?);
                zone = (hours * 3_600 + minutes * 60) as i64;
                zone *= if word.starts_with('-') { -1 } else { 1 };
            }
            _ if word.contains('-') => {
                let parts: Vec<&str> = word.split('-').collect();
                let [first, middle, last] = parts[..] else { return None };
                let named = number(middle).or_else(|| month_of(middle));
                month = Some(named?);
                (year, day) = match first.len() {
                    4 => (Some(first), Some(last)),
                    _ => (Some(last), Some(first)),
                };
            }
            _ => match (month_of(word), is_weekday(word)) {
                (Some(found), _) => month = Some(found),
                (None, true) => {}
                (None, false) => return None,
            },
        }
    }
    let name = MONTHS.get(month?.checked_sub(1)?)?;
    let (day, year) = (number(day?)?, year?);
    // The parser checks all, also the day of the week.
    let time = WEEKDAYS.iter().find_map(|weekday| {
        let text = format!("{weekday}, {day:02} {name} {year} {time} GMT");
        httpdate::parse_http_date(&text).ok()
    })?;
    let offset = Duration::from_secs(zone.unsigned_abs());
    if zone < 0 { time.checked_add(offset) } else { time.checked_sub(offset) }
}

fn number(text: &str) -> Option<usize> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn month_of(word: &str) -> Option<usize> {
    let begins = |name: &&str| word.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(name));
    Some(MONTHS.iter().position(begins)? + 1)
}

fn is_weekday(word: &str) -> bool {
    let begins = |name: &str| word.get(..3).is_some_and(|it| it.eq_ignore_ascii_case(name));
    WEEKDAYS.into_iter().any(begins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_many_forms() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        for (text, seconds) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Nov 6 08:49:37 1994", 784_111_777),
            ("Sun Nov 6 08:49 1994", 784_111_740),
            ("1994 November 6", 784_080_000),
            ("6 Nov 1994 09:49:37 +0100", 784_111_777),
            ("6 Nov 1994 03:49:37 -0500", 784_111_777),
            ("1994-11-06", 784_080_000),
            ("06-Nov-1994", 784_080_000),
            ("19941106 08:49:37", 784_111_777),
            ("Wed 01 Sep 2021 12:18:00", 1_630_498_680),
        ] {
            assert_eq!(date_of(text), at(seconds), "{text}");
        }
        for text in
            ["", "soon", "index.html", "32 Jan 2020", "Jan 2020", "1 Foo 2020", "12:00", "é-1-1"]
        {
            assert_eq!(date_of(text), None, "{text}");
        }
    }
}
