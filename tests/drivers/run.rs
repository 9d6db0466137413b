//! Makes a call with either driver.

use std::{
    io::{self, Cursor},
    net::SocketAddr,
    sync::Arc,
};

use httpool::{call::Policy, message::Method};

use crate::trace::Lines;

/// One call of the script.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// The body, and whether it is sent from a reader instead of bytes.
    pub(crate) body: Option<(&'static str, bool)>,
    pub(crate) expect_continue: bool,
    pub(crate) policy: Policy,
}

/// The result for the application: status and body, or the error's message.
pub(crate) type Outcome = Result<(u16, Vec<u8>), String>;

pub(crate) trait Runs {
    fn call(&mut self, ask: Ask) -> Outcome;
    /// Waits until the peer has closed all idle connections but one.
    fn lost(&mut self);
}

pub(crate) struct Blocking(httpool_blocking::Client);

pub(crate) struct Mio(httpool_mio::Driver);

/// A resolver that knows no name.
struct Nobody;

impl httpool_blocking::Resolve for Nobody {
    fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        Err(io::Error::other(format!("{host} is unknown")))
    }
}

macro_rules! request {
    ($client:expr, $body:ty, $ask:expr) => {{
        let ask = $ask;
        let mut request = $client.request(Method::new(ask.method).unwrap(), &ask.url);
        match ask.body {
            Some((body, true)) => request = request.body(<$body>::reader(Cursor::new(body))),
            Some((body, false)) => request = request.body(body),
            None => {}
        }
        request.expect_continue(ask.expect_continue).policy(ask.policy).send()
    }};
}

impl Blocking {
    pub(crate) fn new(lines: Lines) -> Self {
        let builder = httpool_blocking::Client::builder();
        Self(builder.resolver(Arc::new(Nobody)).trace(Arc::new(lines)).build())
    }
}

impl Runs for Blocking {
    fn call(&mut self, ask: Ask) -> Outcome {
        let response = request!(self.0, httpool_blocking::Body, ask);
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().map_err(|error| error.to_string())?))
    }

    fn lost(&mut self) {}
}

impl Mio {
    pub(crate) fn new(lines: Lines) -> Self {
        let builder = httpool_mio::Driver::builder();
        Self(builder.resolver(Arc::new(Nobody)).trace(Arc::new(lines)).build().unwrap())
    }
}

impl Runs for Mio {
    fn call(&mut self, ask: Ask) -> Outcome {
        let call = request!(self.0.client(), httpool_mio::Body, ask);
        let call = call.map_err(|error| error.to_string())?;
        let response = self.0.fetch(call).map_err(|error| error.to_string())?;
        Ok((response.status().as_u16(), response.bytes()))
    }

    fn lost(&mut self) {
        let mut events = httpool_mio::mio::Events::with_capacity(8);
        while self.0.client().stats().idle > 1 {
            self.0.turn(&mut events, None, |_, output| panic!("{output:?}")).unwrap();
        }
    }
}
