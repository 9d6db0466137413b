//! The decisions of a download that resumes (RFC 9110 sections 13.1.5, 14 and 15.3.7).
//!
//! A [`Download`] is told what a file has and what a server answers, and decides what to ask for
//! and where the bytes go. It performs no I/O: a driver sends the requests and writes the file. The
//! file is exact at the end, or the download is an error.
//!
//! | the driver | calls |
//! |---|---|
//! | sends a request, with these fields | [`fields`](Download::fields) |
//! | gets the head of a response | [`answer`](Download::answer) |
//! | has written bytes of the body to the file | [`wrote`](Download::wrote) |
//! | gets the end of the body | [`ended`](Download::ended) |
//! | loses the connection, or gets no response | [`cut`](Download::cut) |
//!
//! ```
//! use httpool::download::{Answer, Download, Next};
//! # use httpool::message::ResponseHead;
//!
//! let mut download = Download::new(3);
//! assert_eq!(download.fields(), [("Accept-Encoding", "identity".to_owned())]);
//! # let ok = ResponseHead::new();
//! // A 200 begins the file anew.
//! assert_eq!(download.answer(&ok), Ok(Answer::Begin));
//! download.wrote(10)?;
//! assert_eq!(download.ended()?, Next::Done);
//! # Ok::<(), httpool::download::DownloadError>(())
//! ```

use alloc::{borrow::ToOwned, boxed::Box, format, string::String, vec, vec::Vec};
use core::fmt;

use crate::{
    call::{Retry, date},
    message::{Fields, ResponseHead},
    mutation::{Mutation, mutated},
};

/// A download of one representation into one file. See the [module](self).
#[derive(Debug, Clone)]
pub struct Download {
    /// The bytes of the file.
    have: u64,
    /// Whether the file can be emptied.
    truncates: bool,
    /// The value for If-Range: a strong ETag, or a date.
    validator: Option<Box<str>>,
    /// Whether the caller vouches for the bytes of the file, although there is no validator.
    vouched: bool,
    total: Option<u64>,
    retries: u32,
    /// Whether the last request asked for a range.
    asked: bool,
    /// The position behind the last byte that the current response has, if known.
    end: Option<u64>,
    /// The bytes of the file when the current response began.
    begun: u64,
}

/// The decision on the head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must perform every case")]
pub enum Answer {
    /// Empty the file, and write the body to it from the start.
    Begin,
    /// Cut the file to the bytes that it [has](Download::have), and write the body behind them.
    Append,
    /// The file is complete with the bytes that it [has](Download::have). The body is not for it.
    Done,
    /// Ask again later: the server is overloaded or failed. It may say when
    /// ([`retry_after`](crate::call::retry_after)).
    Again,
}

/// The decision on the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a driver must perform every case")]
pub enum Next {
    /// The file is complete.
    Done,
    /// Ask for the rest.
    Again,
}

/// The reason why a download cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownloadError {
    /// The response has this status, which has nothing for the file.
    Status(u16),
    /// The server has sent the whole representation in place of the requested range, and the file
    /// cannot be truncated.
    NotResumable,
    /// A 206 has no single valid Content-Range, or was not asked for.
    Range,
    /// A 206 begins at another byte than the one asked for.
    Offset {
        /// The byte at which the rest begins.
        wanted: u64,
        /// The byte at which the 206 begins.
        got: u64,
    },
    /// The representation is another one than that of the file: its length or its validator differs.
    Changed,
    /// The response has a content coding, although none was asked for.
    Encoded,
    /// The body is longer than the response says.
    TooLong,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => {
                write!(f, "the answer is {status}, which has no content for it")
            }
            Self::NotResumable => f.write_str(
                "the server sends the whole in place of the rest: download it from the start",
            ),
            Self::Range => f.write_str("the server's 206 has no valid Content-Range"),
            Self::Offset { wanted, got } => {
                write!(f, "the server's 206 begins at byte {got} in place of {wanted}")
            }
            Self::Changed => f.write_str(
                "the server has another version than the file: download it from the start",
            ),
            Self::Encoded => {
                f.write_str("the server encodes the body, although it was asked not to")
            }
            Self::TooLong => f.write_str("the body is longer than its range"),
        }
    }
}

impl core::error::Error for DownloadError {}

impl Download {
    /// Begins a download into an empty file that can be emptied again. After at most `retries`
    /// failures the server is asked again.
    pub fn new(retries: u32) -> Self {
        Self {
            have: 0,
            truncates: true,
            validator: None,
            vouched: false,
            total: None,
            retries,
            asked: false,
            end: None,
            begun: 0,
        }
    }

    /// Takes up a file that has `have` bytes of an earlier download. `validator` is that of the
    /// earlier one ([`validator`](Self::validator)), and `total` its length, if known. The rest is
    /// asked for only if the server still has the same.
    #[must_use]
    pub fn resume(mut self, have: u64, validator: &str, total: Option<u64>) -> Self {
        (self.have, self.validator, self.total) = (have, Some(validator.into()), total);
        self
    }

    /// Takes up a file whose `have` bytes the caller vouches for. The server is asked for the rest
    /// without a condition: if it has another version by now, the file is a mixture of both. The
    /// file cannot be emptied.
    #[must_use]
    pub fn resume_unchecked(mut self, have: u64) -> Self {
        (self.have, self.vouched, self.truncates) = (have, true, false);
        self
    }

    /// Sets whether the file can be emptied. True by default.
    #[must_use]
    pub fn truncates(mut self, yes: bool) -> Self {
        self.truncates = yes;
        self
    }

    /// Returns the number of bytes of the file that are known to be right.
    pub const fn have(&self) -> u64 {
        self.have
    }

    /// Returns the length of the whole, if known.
    pub const fn total(&self) -> Option<u64> {
        self.total
    }

    /// Returns the validator with which the download can be taken up later, if the server gave a
    /// strong one: its ETag, or its Last-Modified (RFC 9110 section 8.8.2.2).
    pub fn validator(&self) -> Option<&str> {
        self.validator.as_deref()
    }

    /// Returns the fields of the next request: no content coding, and the range behind the bytes of
    /// the file, if it is safe to ask for that.
    pub fn fields(&mut self) -> Vec<(&'static str, String)> {
        let mut fields = vec![("Accept-Encoding", "identity".to_owned())];
        self.asked = self.have > 0 && (self.validator.is_some() || self.vouched);
        if self.asked {
            fields.push(("Range", format!("bytes={}-", self.have)));
            if let Some(validator) = &self.validator {
                fields.push(("If-Range", String::from(&**validator)));
            }
        }
        fields
    }

    /// Decides on the head of the response.
    ///
    /// # Errors
    /// The response has nothing that can be written to the file.
    pub fn answer(&mut self, head: &ResponseHead) -> Result<Answer, DownloadError> {
        let (status, fields) = (head.status().as_u16(), head.headers());
        match status {
            200 | 206 if is_encoded(&fields) => Err(DownloadError::Encoded),
            200 => self.whole(&fields),
            206 => self.part(&fields),
            416 if self.asked => match content_range(&fields) {
                Some(Range { span: None, total: Some(total) })
                    if total == self.have
                        && self.total.is_none_or(|known| known == total)
                        && !self.is_other(&fields) =>
                {
                    self.total = Some(total);
                    Ok(Answer::Done)
                }
                _ => Err(DownloadError::Changed),
            },
            _ if Retry::TRANSIENT.contains(&head.status()) && self.cut() => Ok(Answer::Again),
            status => Err(DownloadError::Status(status)),
        }
    }

    fn whole(&mut self, fields: &Fields<'_>) -> Result<Answer, DownloadError> {
        if self.have > 0 && !self.truncates {
            return Err(DownloadError::NotResumable);
        }
        let length = length(fields);
        (self.have, self.begun, self.vouched) = (0, 0, false);
        (self.total, self.end, self.validator) = (length, length, validator(fields));
        Ok(Answer::Begin)
    }

    fn part(&mut self, fields: &Fields<'_>) -> Result<Answer, DownloadError> {
        let Some(Range { span: Some((first, last)), total }) = content_range(fields) else {
            return Err(DownloadError::Range);
        };
        if !self.asked || last == u64::MAX {
            return Err(DownloadError::Range);
        }
        if first != self.have {
            return Err(DownloadError::Offset { wanted: self.have, got: first });
        }
        let end = last + 1;
        if length(fields).is_some_and(|length| length != end - first)
            || total.is_some_and(|total| end > total)
        {
            return Err(DownloadError::Range);
        }
        let other_total = matches!((self.total, total), (Some(known), Some(now)) if known != now);
        if other_total || self.is_other(fields) || self.total.is_some_and(|known| end > known) {
            return Err(DownloadError::Changed);
        }
        if self.validator.is_none() {
            self.validator = validator(fields);
        }
        (self.total, self.end, self.begun) = (self.total.or(total), Some(end), self.have);
        Ok(Answer::Append)
    }

    /// Returns whether a response to a request with If-Range has another validator than that. Then
    /// it is about other content, which a server that ignores If-Range sends (RFC 9110 section
    /// 15.3.7.3). A response without a validator is trusted: the server has compared it.
    fn is_other(&self, fields: &Fields<'_>) -> bool {
        self.validator.as_ref().is_some_and(|known| {
            let name = if known.starts_with('"') { "etag" } else { "last-modified" };
            fields.get(name).is_some_and(|now| now.trim_ascii() != known.as_bytes())
                && !mutated(Mutation::MixedVersions)
        })
    }

    /// Notes that `bytes` of the body are in the file.
    ///
    /// # Errors
    /// The body is longer than the response says.
    pub fn wrote(&mut self, bytes: u64) -> Result<(), DownloadError> {
        let have = self.have.saturating_add(bytes);
        if self.end.is_some_and(|end| have > end) {
            return Err(DownloadError::TooLong);
        }
        self.have = have;
        Ok(())
    }

    /// Decides on the end of a body that came completely, by its framing.
    ///
    /// # Errors
    /// The rest is missing, and no retry is left after a response without a byte of it.
    pub fn ended(&mut self) -> Result<Next, DownloadError> {
        // A whole body without a length is complete at its end; a part without a total is not.
        let complete = match self.total {
            Some(total) => self.have >= total,
            None => self.end.is_none(),
        };
        if complete {
            self.total = Some(self.have);
            return Ok(Next::Done);
        }
        // A response that brings nothing counts as a failure, so that there is an end.
        let goes_on = self.have > self.begun || self.cut();
        if goes_on { Ok(Next::Again) } else { Err(DownloadError::Range) }
    }

    /// Decides on a failure before or within a response. Returns whether to ask again.
    pub fn cut(&mut self) -> bool {
        let safe = self.have == 0 || self.truncates || self.validator.is_some() || self.vouched;
        match self.retries.checked_sub(1) {
            Some(left) if safe => {
                self.retries = left;
                true
            }
            _ => false,
        }
    }
}

/// A Content-Range: the first and the last byte, and the length of the whole.
struct Range {
    span: Option<(u64, u64)>,
    total: Option<u64>,
}

/// Parses Content-Range (RFC 9110 section 14.4). `None`: there is not exactly one valid field.
fn content_range(fields: &Fields<'_>) -> Option<Range> {
    let mut all = fields.get_all("content-range");
    let value = core::str::from_utf8(all.next()?).ok().filter(|_| all.next().is_none())?;
    let (span, total) = value.trim().strip_prefix("bytes ")?.trim_start().split_once('/')?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    let span = match span {
        "*" => None,
        span => {
            let (first, last) = span.split_once('-')?;
            Some((number(first)?, number(last)?)).filter(|(first, last)| first <= last)?.into()
        }
    };
    Some(Range { span, total })
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn length(fields: &Fields<'_>) -> Option<u64> {
    match fields.get("transfer-encoding") {
        Some(_) => None,
        None => number(fields.get_str("content-length")?.trim()),
    }
}

fn is_encoded(fields: &Fields<'_>) -> bool {
    let codings = fields.get_all("content-encoding");
    codings.into_iter().any(|coding| !coding.trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// Returns the strong ETag of a response.
fn tag<'h>(fields: &Fields<'h>) -> Option<&'h str> {
    let tag = fields.get_str("etag")?.trim();
    (tag.len() > 1 && tag.starts_with('"') && tag.ends_with('"')).then_some(tag)
}

/// Returns the value for If-Range: the strong ETag, or the date of a response without an ETag if it
/// is a strong validator: the response was made a second later or more (RFC 9110 section 8.8.2.2).
fn validator(fields: &Fields<'_>) -> Option<Box<str>> {
    if let Some(tag) = tag(fields) {
        return Some(tag.into());
    }
    let modified = fields.get_str("last-modified").filter(|_| fields.get("etag").is_none())?.trim();
    let made = date::parse(fields.get_str("date")?.trim())?;
    (made > date::parse(modified)?).then(|| modified.into())
}

#[cfg(test)]
mod tests;
