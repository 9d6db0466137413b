//! The header fields of a request that is being built.

use alloc::vec::Vec;

use super::{Fields, fields::has_token};
use crate::error::RequestError;

/// Field lines that can be added and removed. Their names and values are valid.
#[derive(Clone, Default)]
pub(super) struct Lines {
    bytes: Vec<u8>,
    /// A bit for each name that was added. A dozen names are looked for in each request, and most
    /// are in none: they are not searched if their bit is not set.
    names: u64,
}

impl Lines {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::from_validated(&self.bytes)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }

    /// Returns the values of the fields called `name`.
    pub(super) fn values<'n>(&self, name: &'n str) -> impl Iterator<Item = &[u8]> + use<'_, 'n> {
        let fields = if self.names & bit_of(name) == 0 { Fields::EMPTY } else { self.fields() };
        fields.get_all(name)
    }

    /// Returns whether a field called `name` has `token` in its list.
    pub(super) fn lists(&self, name: &str, token: &str) -> bool {
        self.values(name).any(|value| has_token(value, token))
    }

    /// Returns the value of the only field called `name`. Fails with `error` if there are two.
    pub(super) fn only(
        &self,
        name: &str,
        error: RequestError,
    ) -> Result<Option<&[u8]>, RequestError> {
        let mut values = self.values(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(error),
            (value, None) => Ok(value),
        }
    }

    /// Adds a line with a valid name and value.
    pub(super) fn add(&mut self, name: &str, value: &[u8]) {
        self.names |= bit_of(name);
        write_line(&mut self.bytes, name, value);
    }

    /// Removes all lines called `name`.
    pub(super) fn remove(&mut self, name: &str) {
        if self.has(name) {
            let mut rest = Vec::with_capacity(self.bytes.len());
            for field in self.fields().iter().filter(|field| !field.is(name)) {
                write_line(&mut rest, field.name(), field.value());
            }
            self.bytes = rest;
        }
    }
}

/// Returns the bit of a name, in upper or lower case. Other names may have the same.
fn bit_of(name: &str) -> u64 {
    let first = name.bytes().next().unwrap_or_default().to_ascii_lowercase();
    1 << ((name.len() * 7 + usize::from(first)) % 64)
}

/// Appends one field line to `out`.
pub(super) fn write_line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
