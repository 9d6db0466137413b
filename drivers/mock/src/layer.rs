//! The session of an `https` URL. Its handshake is one line from each side. All later bytes pass
//! unchanged.

use std::{io::IoSlice, sync::Arc};

use httpool_blocking::{
    LayerError, Session, TlsId,
    layer::{Layer, Layers, Opened, State},
};

/// The first byte of a session, as in a TLS handshake. No HTTP request begins with it.
pub(crate) const HELLO: u8 = 0x16;

/// The line with which the mock ends the handshake.
pub(crate) const WELCOME: &[u8] = &[HELLO, b'\n'];

#[derive(Debug)]
pub(crate) struct Mocked;

#[derive(Debug)]
struct Through {
    /// The client's line, until it is sent.
    hello: Option<Vec<u8>>,
    /// Whether the mock's line has come.
    open: bool,
    session: Arc<Session>,
}

impl Layers for Mocked {
    fn begin(&self, _: TlsId, name: &str) -> Result<Box<dyn Layer>, LayerError> {
        let mut session = Session::default();
        session.version = "mock";
        session.cipher_suite = "none";
        session.verified = true;
        let mut hello = vec![HELLO];
        hello.extend_from_slice(name.as_bytes());
        hello.push(b'\n');
        Ok(Box::new(Through { hello: Some(hello), open: false, session: Arc::new(session) }))
    }
}

impl Layer for Through {
    fn open(
        &mut self,
        input: &mut [u8],
        out: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        out.extend(self.hello.take().unwrap_or_default());
        if !self.open {
            let line = input.iter().position(|byte| *byte == b'\n');
            self.open = line.is_some();
            let state = if self.open { State::Open } else { State::Handshake };
            return Ok(Opened { taken: line.map_or(0, |at| at + 1), more: false, state });
        }
        if !input.is_empty() {
            plain(input);
        }
        Ok(Opened { taken: input.len(), more: !input.is_empty(), state: State::Open })
    }

    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError> {
        plain.iter().for_each(|piece| out.extend_from_slice(piece));
        Ok(())
    }

    fn close(&mut self, _: &mut Vec<u8>) {}

    fn session(&self) -> Option<Arc<Session>> {
        self.open.then(|| self.session.clone())
    }
}
