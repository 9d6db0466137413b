//! Sends the same requests with either driver.

use std::io::Cursor;

use httpool::{
    call::Policy,
    message::{Fields, Method},
};
use httpool_blocking::{Body, Error};

use super::{Failed, class, options::Settings};

/// A request, independent of the driver.
pub(super) struct Ask<'c> {
    pub(super) method: Method,
    pub(super) url: &'c str,
    pub(super) fields: Vec<(&'c str, Vec<u8>)>,
    pub(super) basic_auth: Option<(&'c str, &'c str)>,
    pub(super) body: Option<Vec<u8>>,
    pub(super) chunked: bool,
    pub(super) expect_continue: bool,
    pub(super) policy: Policy,
    pub(super) decode: bool,
}

/// The result of a request: the head as far as it came, and the body, or the class and the message
/// of an error.
pub(super) struct Answer {
    pub(super) head: Option<(u16, Vec<(String, String)>)>,
    pub(super) body: Result<Vec<u8>, (&'static str, String)>,
}

pub(super) enum Driver {
    Blocking(httpool_blocking::Client),
    Mio(Box<httpool_mio::Driver>),
}

/// Sets up either driver's builder. Their methods have the same names.
macro_rules! set_up {
    ($builder:expr, $settings:expr) => {{
        let mut builder = $builder.dial($settings.dial).tls($settings.tls);
        if let Some(max) = $settings.body_bytes_max {
            builder = builder.body_bytes_max(max);
        }
        for (host, port, address) in $settings.resolve {
            builder = builder.resolve_to_socket(&host, port, address);
        }
        builder.build()
    }};
}

/// Builds a request of either driver. Their request builders and bodies have the same names.
macro_rules! put_together {
    ($client:expr, $ask:expr) => {{
        let ask = $ask;
        let mut request = $client.request(ask.method, ask.url).policy(ask.policy);
        for (name, value) in ask.fields {
            request = request.header_bytes(name, &value);
        }
        if let Some((user, password)) = ask.basic_auth {
            request = request.basic_auth(user, password);
        }
        if let Some(body) = ask.body {
            request = request.body(match ask.chunked {
                true => Body::reader(Cursor::new(body)),
                false => body.into(),
            });
        }
        request.expect_continue(ask.expect_continue).decode(ask.decode).send()
    }};
}

impl Driver {
    #[expect(clippy::unnecessary_wraps, reason = "another driver may fail")]
    pub(super) fn blocking(settings: Settings) -> Result<Self, Failed> {
        Ok(Self::Blocking(set_up!(httpool_blocking::Client::builder(), settings)))
    }

    pub(super) fn mio(settings: Settings) -> Result<Self, Failed> {
        Ok(Self::Mio(Box::new(set_up!(httpool_mio::Driver::builder(), settings)?)))
    }

    pub(super) fn send(&mut self, ask: Ask<'_>) -> Answer {
        match self {
            Self::Blocking(client) => blocking(client, ask),
            Self::Mio(driver) => mio(driver, ask),
        }
    }
}

fn blocking(client: &httpool_blocking::Client, ask: Ask<'_>) -> Answer {
    match put_together!(client, ask) {
        Ok(response) => Answer {
            head: Some((response.status().as_u16(), texts(response.headers()))),
            body: response.bytes().map_err(|error| problem(&error)),
        },
        Err(error) => Answer { head: None, body: Err(problem(&error)) },
    }
}

fn mio(driver: &mut httpool_mio::Driver, ask: Ask<'_>) -> Answer {
    let called = put_together!(driver.client(), ask);
    match called.and_then(|call| driver.fetch(call)) {
        Ok(response) => Answer {
            head: Some((response.status().as_u16(), texts(response.headers()))),
            body: Ok(response.bytes()),
        },
        Err(error) => Answer {
            head: error.head().map(|head| (head.status().as_u16(), texts(head.headers()))),
            body: Err(problem(&error)),
        },
    }
}

fn problem(error: &Error) -> (&'static str, String) {
    let class = match error.is_body_too_large() {
        true => "limit",
        false => class::of(error.as_request_error(), error.as_failure()),
    };
    (class, error.to_string())
}

/// Converts fields to the encoding of the cases: each byte is the character of that number.
fn texts(fields: Fields<'_>) -> Vec<(String, String)> {
    let chars = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect();
    fields.iter().map(|field| (field.name().into(), chars(field.value()))).collect()
}
