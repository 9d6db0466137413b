//! The codings of a response's body (RFC 9110 8.4).

use core::fmt;

use super::{
    coding::{CODINGS_MAX, Coding},
    error::{DecodeError, DecodeErrorKind},
};
use crate::message::{Fields, Method, Status, trim_ows};

/// The codings of one body, in the order in which they were applied. `Display` writes them as in
/// Content-Encoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Codings {
    /// The first `len` count; the others are arbitrary.
    list: [Coding; CODINGS_MAX],
    len: usize,
}

impl Codings {
    /// Returns the codings to remove from the body of a response, or `None` if the body is to be
    /// handed over as it comes, with all its fields.
    ///
    /// All Content-Encoding fields count as one list (RFC 9110 5.3). Case is ignored, and so are
    /// `identity` and empty members.
    ///
    /// The body is handed over as it comes if
    ///
    /// * it has no coding;
    /// * one of its codings is unknown or not built in. That is urllib3's rule for one coding; here
    ///   it holds for a list too, where urllib3 takes an unknown coding for `deflate`;
    /// * the status is 206: the range is one of the encoded body (RFC 9110 14.2);
    /// * the response has no body: its method is HEAD, or its status 1xx, 204 or 304 (RFC 9112
    ///   6.3).
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooManyCodings`] if there are more than [`CODINGS_MAX`], known or not.
    pub fn of_response(
        method: &Method,
        status: Status,
        fields: Fields<'_>,
    ) -> Result<Option<Self>, DecodeError> {
        let no_body = *method == Method::HEAD
            || status.is_informational()
            || status == Status::NO_CONTENT
            || status == Status::NOT_MODIFIED;
        if no_body || status == Status::PARTIAL_CONTENT {
            return Ok(None);
        }
        let members = fields
            .get_all("content-encoding")
            .flat_map(|value| value.split(|&byte| byte == b','))
            .map(trim_ows)
            .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"));
        let mut codings = Self { list: [Coding::Gzip; CODINGS_MAX], len: 0 };
        let mut all_known = true;
        for name in members {
            let Some(place) = codings.list.get_mut(codings.len) else {
                return Err(DecodeError::new(None, DecodeErrorKind::TooManyCodings, 0));
            };
            codings.len += 1;
            match Coding::named(name) {
                Some(coding) => *place = coding,
                None => all_known = false,
            }
        }
        Ok((all_known && codings.len > 0).then_some(codings))
    }

    /// Returns the codings in the order in which they were applied: the last is removed first.
    pub fn as_slice(&self) -> &[Coding] {
        self.list.get(..self.len).unwrap_or_default()
    }
}

impl From<Coding> for Codings {
    fn from(coding: Coding) -> Self {
        Self { list: [coding; CODINGS_MAX], len: 1 }
    }
}

impl fmt::Display for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, coding) in self.as_slice().iter().enumerate() {
            let separator = if n > 0 { ", " } else { "" };
            write!(f, "{separator}{coding}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice()).finish()
    }
}
