//! The head of a request, encoded once for all times that it is sent.

use alloc::{boxed::Box, vec::Vec};
use core::fmt::{self, Write};

use url::{Position, Url};

use super::{
    BodyLength, Method, Origin,
    lines::{Lines, write_line},
};

/// The end of the request line, behind the target.
pub(super) const VERSION: &str = " HTTP/1.1\r\n";
/// The last field line of a request whose body is held back for a 100 (Continue).
pub(super) const EXPECT: &[u8] = b"Expect: 100-continue\r\n";

/// The field with the credentials for a forward proxy.
pub(super) const PROXY_AUTHORIZATION: &str = "proxy-authorization";

/// The parts of a request, checked and ready to be encoded.
pub(super) struct Checked {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) origin: Origin,
    pub(super) form: TargetForm,
    /// The target that is sent in place of the URL's path and query.
    pub(super) literal: Option<Box<str>>,
    /// The value of Host that the builder was given; by default it is made from the origin.
    pub(super) host: Option<Vec<u8>>,
    /// The other fields, except those that frame the body.
    pub(super) lines: Lines,
    pub(super) body: BodyLength,
    pub(super) expects_continue: bool,
    pub(super) decodes: bool,
}

/// A request with its encoded head.
#[derive(Clone)]
pub(super) struct Encoded {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) origin: Origin,
    pub(super) body: BodyLength,
    pub(super) form: TargetForm,
    /// Whether the target was given, and is not that of the URL.
    pub(super) literal: bool,
    pub(super) expects_continue: bool,
    pub(super) decodes: bool,
    pub(super) asks_close: bool,
    pub(super) asks_upgrade: bool,
    /// Whether there is a Proxy-Authorization field.
    pub(super) for_proxy: bool,
    /// Whether the builder was given the Host field, which is the first line.
    pub(super) own_host: bool,
    /// The head as sent to an origin, including the empty line at its end.
    pub(super) head: Vec<u8>,
    /// The positions of the request target and of the first field line in `head`.
    pub(super) target_at: usize,
    pub(super) fields_at: usize,
}

/// The form of the request target (RFC 9112 section 3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetForm {
    /// Path and query. A forward proxy gets scheme and authority before them (absolute-form).
    Origin,
    /// Host and port, only for CONNECT.
    Authority,
    /// `*`, only for OPTIONS.
    Asterisk,
}

impl Checked {
    pub(super) fn encode(self) -> Encoded {
        let len = self.lines.as_bytes().len() + self.url.as_str().len() + 96;
        let mut head = Vec::with_capacity(len);
        head.extend_from_slice(self.method.as_str().as_bytes());
        head.push(b' ');
        let target_at = head.len();
        self.write_target(&mut head);
        head.extend_from_slice(VERSION.as_bytes());
        let fields_at = head.len();
        self.write_fields(&mut head);
        head.extend_from_slice(b"\r\n");
        Encoded {
            asks_close: self.lines.lists("connection", "close"),
            asks_upgrade: self.lines.has("upgrade"),
            for_proxy: self.lines.has(PROXY_AUTHORIZATION),
            own_host: self.host.is_some(),
            method: self.method,
            url: self.url,
            origin: self.origin,
            body: self.body,
            form: self.form,
            literal: self.literal.is_some(),
            expects_continue: self.expects_continue,
            decodes: self.decodes,
            head,
            target_at,
            fields_at,
        }
    }

    fn write_target(&self, head: &mut Vec<u8>) {
        match self.form {
            TargetForm::Origin => {
                let own = &self.url[Position::BeforePath..Position::AfterQuery];
                let target = self.literal.as_deref().unwrap_or(own);
                head.extend_from_slice(target.as_bytes());
            }
            TargetForm::Authority => {
                write!(Text(head), "{}:{}", self.origin.host(), self.origin.port()).ok();
            }
            TargetForm::Asterisk => head.push(b'*'),
        }
    }

    /// Writes Host first, as RFC 9110 7.2 asks, and the fields that frame the body last.
    fn write_fields(&self, head: &mut Vec<u8>) {
        match &self.host {
            Some(host) => write_line(head, "Host", host),
            None => {
                write!(Text(head), "Host: {}\r\n", self.origin.authority()).ok();
            }
        }
        head.extend_from_slice(self.lines.as_bytes());
        match self.body {
            BodyLength::Known { len, .. } => {
                write!(Text(head), "Content-Length: {len}\r\n").ok();
            }
            BodyLength::Unknown { .. } => {
                head.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
            }
            BodyLength::Empty if self.method.expects_content() => {
                head.extend_from_slice(b"Content-Length: 0\r\n");
            }
            BodyLength::Empty => {}
        }
        if self.expects_continue {
            head.extend_from_slice(EXPECT);
        }
    }
}

/// Formats text into bytes. Never fails.
pub(super) struct Text<'a>(pub(super) &'a mut Vec<u8>);

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
