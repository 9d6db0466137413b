//! The header fields of a request that is being built.

use alloc::vec::Vec;

use super::{Fields, fields::has_token};
use crate::error::RequestError;

/// Field lines that can be added and removed. Their names and values are valid.
#[derive(Clone, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::from_validated(&self.0)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.fields().get(name).is_some()
    }

    /// Returns whether a field called `name` has `token` in its list.
    pub(super) fn lists(&self, name: &str, token: &str) -> bool {
        self.fields().get_all(name).any(|value| has_token(value, token))
    }

    /// Returns the value of the only field called `name`. Fails with `error` if there are two.
    pub(super) fn only(
        &self,
        name: &str,
        error: RequestError,
    ) -> Result<Option<&[u8]>, RequestError> {
        let mut values = self.fields().get_all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(error),
            (value, None) => Ok(value),
        }
    }

    /// Adds a line with a valid name and value.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        write_line(&mut self.0, name, value);
    }

    /// Removes all lines called `name`.
    pub(super) fn remove(&mut self, name: &str) {
        if self.has(name) {
            let mut rest = Vec::with_capacity(self.0.len());
            for field in self.fields().iter().filter(|field| !field.is(name)) {
                write_line(&mut rest, field.name(), field.value());
            }
            self.0 = rest;
        }
    }
}

/// Appends one field line to `out`.
pub(super) fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
