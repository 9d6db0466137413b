//! Replies: responses and faults, as bytes.

use std::time::Duration;

use crate::received::header;

/// The reply to one request. By default an empty 200.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) after: Duration,
    pub(crate) fault: Fault,
}

impl Default for Reply {
    fn default() -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { status: 200, headers, body, after: Duration::ZERO, fault: Fault::None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The connection ends in place of the response.
    Close,
    /// No response comes.
    Silent,
    /// The connection ends after so many bytes of the body.
    CutAfter(usize),
    /// Nothing follows so many bytes of the body.
    StallAfter(usize),
}

impl Reply {
    pub(crate) fn fault(fault: Fault) -> Self {
        Self { fault, ..Self::default() }
    }

    /// Returns the bytes of the response to a request with this method, as far as they are sent.
    pub(crate) fn bytes(&self, method: &str) -> Vec<u8> {
        let kept = match self.fault {
            Fault::None => self.body.len(),
            Fault::Close | Fault::Silent => return Vec::new(),
            Fault::CutAfter(bytes) | Fault::StallAfter(bytes) => bytes.min(self.body.len()),
        };
        // The reason phrase may be empty (RFC 9112 4).
        let mut bytes = format!("HTTP/1.1 {} \r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        // RFC 9110 8.6: no length in a 1xx or 204, and none with a transfer coding.
        let has_body = !matches!(self.status, 100..=199 | 204 | 304);
        let framing = ["Content-Length", "Transfer-Encoding"];
        if has_body && framing.iter().all(|name| header(&self.headers, name).is_none()) {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n", self.body.len()).as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        if has_body && method != "HEAD" {
            bytes.extend_from_slice(&self.body[..kept]);
        }
        bytes
    }
}
