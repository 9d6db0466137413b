//! A client session and a server of rustls, connected in memory.

use std::{
    io::{Cursor, IoSlice, Read as _, Write as _},
    sync::Arc,
};

use httpool::error::{IoKind, TlsKind};
use httpool_kit::{Layer, LayerError, Session, State};
use rustls::{ServerConfig, ServerConnection};

/// A client session, with the bytes that it did not take, as a driver keeps them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Client {
    /// The session.
    pub layer: Box<dyn Layer>,
    /// The bytes that the session did not take.
    pub rest: Vec<u8>,
    /// The bytes for the server.
    pub out: Vec<u8>,
    /// The plaintext of the server.
    pub plain: Vec<u8>,
    /// The sizes of the pieces of plaintext.
    pub records: Vec<usize>,
    /// The state after the last call.
    pub state: State,
    /// The largest number of bytes kept between two calls.
    pub rest_max: usize,
}

impl Client {
    /// Wraps a session, and lets it write its first message.
    pub fn new(layer: Box<dyn Layer>) -> Self {
        let mut client = Self {
            layer,
            rest: Vec::new(),
            out: Vec::new(),
            plain: Vec::new(),
            records: Vec::new(),
            state: State::Handshake,
            rest_max: 0,
        };
        client.feed(&[]).unwrap();
        client
    }

    /// Gives the session bytes of the server.
    ///
    /// # Errors
    /// The session fails.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.rest.extend_from_slice(bytes);
        loop {
            let Self { layer, rest, out, plain, records, .. } = self;
            let opened = layer.open(rest, out, &mut |piece| {
                plain.extend_from_slice(piece);
                records.push(piece.len());
            })?;
            assert!(opened.taken <= self.rest.len());
            self.rest.drain(..opened.taken);
            self.state = opened.state;
            if !opened.more {
                self.rest_max = self.rest_max.max(self.rest.len());
                return Ok(());
            }
        }
    }

    /// Gives the session bytes of the server in pieces of at most `piece` bytes.
    ///
    /// # Errors
    /// The session fails.
    pub fn feed_in(&mut self, bytes: &[u8], piece: usize) -> Result<(), LayerError> {
        bytes.chunks(piece).try_for_each(|bytes| self.feed(bytes))
    }
}

/// A client session and a server, connected in memory. The server echoes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Link {
    /// The client.
    pub client: Client,
    /// The server.
    pub server: ServerConnection,
    /// The error of the server, if it has one.
    pub server_error: Option<rustls::Error>,
    /// The plaintext that the server got.
    pub served: Vec<u8>,
    /// The number of records that the client sent.
    pub sent_records: usize,
    /// The most bytes that reach the client at once.
    pub piece: usize,
    /// The server sends back what it gets.
    pub echo: bool,
}

impl Link {
    /// Connects a session with a server. Bytes of the server reach it in pieces of `piece`.
    pub fn new(layer: Box<dyn Layer>, server: &Arc<ServerConfig>, piece: usize) -> Self {
        let mut server = ServerConnection::new(server.clone()).unwrap();
        server.set_buffer_limit(None);
        Self {
            client: Client::new(layer),
            server,
            server_error: None,
            served: Vec::new(),
            sent_records: 0,
            piece,
            echo: true,
        }
    }

    /// Carries bytes in both directions until neither side has more.
    ///
    /// # Errors
    /// The client fails. Its alert has then reached the server.
    pub fn run(&mut self) -> Result<(), LayerError> {
        loop {
            let up = self.carry_up();
            let down = self.take_down();
            if !up && down.is_empty() {
                return Ok(());
            }
            let result = self.client.feed_in(&down, self.piece);
            if result.is_err() {
                self.carry_up();
                return result;
            }
        }
    }

    /// Carries the client's bytes to the server. Returns whether there were any.
    pub fn carry_up(&mut self) -> bool {
        let bytes = core::mem::take(&mut self.client.out);
        let mut records = &bytes[..];
        while let [_, _, _, high, low, rest @ ..] = records {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            records = rest.get(length..).unwrap_or_default();
            self.sent_records += 1;
        }
        let mut cursor = Cursor::new(&bytes);
        while (cursor.position() as usize) < bytes.len() && self.server_error.is_none() {
            if self.server.read_tls(&mut cursor).is_err() {
                break;
            }
            match self.server.process_new_packets() {
                Ok(_) => self.serve(),
                Err(why) => self.server_error = Some(why),
            }
        }
        !bytes.is_empty()
    }

    fn serve(&mut self) {
        let mut plain = Vec::new();
        // It ends with `WouldBlock` when all was read.
        let _all = self.server.reader().read_to_end(&mut plain);
        self.served.extend_from_slice(&plain);
        if self.echo {
            self.server.writer().write_all(&plain).unwrap();
        }
    }

    /// Returns the bytes that the server sends.
    pub fn take_down(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.server.wants_write() {
            self.server.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    /// Does the handshake, sends `ping` and waits until it comes back.
    ///
    /// # Errors
    /// The client fails.
    pub fn ping(&mut self) -> Result<Arc<Session>, LayerError> {
        self.run()?;
        if self.client.state != State::Open {
            // A server that fails without an alert closes the connection.
            assert!(self.server_error.is_some(), "the handshake is not done");
            return Err(LayerError::new(TlsKind::Lost(IoKind::Eof)));
        }
        self.client.layer.seal(&[IoSlice::new(b"ping")], &mut self.client.out)?;
        self.run()?;
        assert_eq!(self.client.plain, b"ping");
        Ok(self.client.layer.session().unwrap())
    }
}
