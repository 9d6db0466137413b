//! The system's errors behind failures.

use std::{collections::BTreeMap, io};

use httpool::id::ConnId;

/// The last I/O error of each connection. It is kept until the connection is gone and the failure
/// of its call has been reported.
#[derive(Debug, Default)]
pub(crate) struct Errors(BTreeMap<ConnId, io::Error>);

impl Errors {
    pub(crate) fn put(&mut self, conn: ConnId, error: io::Error) {
        self.0.insert(conn, error);
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<io::Error> {
        self.0.remove(&conn)
    }

    /// Drops the errors of connections that do not exist.
    pub(crate) fn sweep(&mut self, exists: impl Fn(ConnId) -> bool) {
        self.0.retain(|conn, _| exists(*conn));
    }
}
