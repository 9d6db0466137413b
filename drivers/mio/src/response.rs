//! Responses that are collected whole.

use std::{collections::BTreeMap, fmt, mem};

use httpool::{
    call::{HistoryEntry, Timings},
    id::{CallId, ConnId},
    message::{BodyLeft, BodyTaken, Method, Url},
};
use httpool_kit::{BodyLimit, Parts, Received, Sessions};

use crate::{
    Error,
    client::Client,
    output::{Output, Switched},
};

/// A whole response.
pub struct Response {
    received: Received,
    body: Vec<u8>,
    method: Method,
    url: Url,
    history: Vec<HistoryEntry>,
    timings: Option<Box<Timings>>,
    body_taken: Option<BodyTaken>,
    connection: ConnId,
    reused: bool,
    sessions: Sessions,
    switched: Option<Switched>,
}

impl Response {
    httpool_kit::response_methods!();

    fn parts(&self) -> Parts<'_> {
        Parts {
            received: &self.received,
            method: &self.method,
            url: &self.url,
            history: &self.history,
            timings: self.timings.as_deref(),
            body_taken: self.body_taken,
            connection: self.connection,
            reused: self.reused,
            sessions: &self.sessions,
        }
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as an owned buffer.
    pub fn bytes(self) -> Vec<u8> {
        self.body
    }

    /// Returns the body as text. A byte order mark names its encoding, and otherwise the charset of
    /// Content-Type, and otherwise it is UTF-8. Without the feature `charset` it is always UTF-8.
    /// Bytes that are invalid become U+FFFD.
    pub fn text(mut self) -> String {
        let body = mem::take(&mut self.body);
        httpool_kit::text(body, self.parts().content_type())
    }

    /// Parses the body as JSON, whatever its Content-Type says.
    ///
    /// # Errors
    /// The body is not JSON of the form of `T`: [`Error::is_json`].
    #[cfg(feature = "json")]
    pub fn json<T: httpool_kit::serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        httpool_kit::parse_json(&self.body, &self.parts())
    }

    /// Returns the connection after 101 (Switching Protocols) or a 2xx to CONNECT. It is no longer
    /// HTTP. `None` for any other response.
    pub fn into_switched(self) -> Option<Switched> {
        self.switched
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().fmt(f)
    }
}

/// Collects outputs into whole responses. Use it in a closure that handles other calls piece by
/// piece.
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use httpool_mio::{Driver, Responses};
///
/// let (mut driver, mut whole) = (Driver::new()?, Responses::new(1024 * 1024));
/// let call = driver.client().get(&url).send()?;
/// driver.run(|client, output| whole.put(client, output))?;
/// let response = whole.take(call).expect("the run is over")?;
/// assert_eq!(response.body(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Responses {
    limit: BodyLimit,
    begun: BTreeMap<CallId, Begun>,
    done: BTreeMap<CallId, Result<Response, Error>>,
}

/// A response that is not complete yet.
#[derive(Debug, Default)]
struct Begun {
    received: Received,
    body: Vec<u8>,
    sessions: Sessions,
}

impl Responses {
    /// Makes an empty collection. A call whose response body is longer than `body_bytes_max` bytes
    /// is [refused](Client::refuse_body), and [`take`](Self::take) returns an error for it. The
    /// decoded bytes count.
    pub const fn new(body_bytes_max: u64) -> Self {
        let limit = BodyLimit::new(body_bytes_max);
        Self { limit, begun: BTreeMap::new(), done: BTreeMap::new() }
    }

    /// Adds an output to the response of its call.
    pub fn put(&mut self, client: &mut Client, output: Output<'_>) {
        match output {
            Output::Interim(call, head) => self.begun(call).received.put_interim(&head),
            Output::Head(call, head) => {
                let begun = self.begun(call);
                begun.received.put_head(&head);
                begun.sessions = client.sessions(call);
                let socket = client.core.socket(call).filter(|_| !client.coded.has(call));
                let ahead = socket.map_or(BodyLeft::NONE, |socket| client.core.body_ahead(socket));
                if self.limit.is_exceeded(0, ahead) {
                    self.too_long(client, call);
                }
            }
            Output::Data(call, data) => {
                let body = &mut self.begun(call).body;
                body.extend_from_slice(data);
                let collected = body.len();
                if self.limit.is_exceeded(collected, BodyLeft::NONE) {
                    self.too_long(client, call);
                }
            }
            Output::Restart(call) => {
                self.begun.remove(&call);
            }
            Output::End(call, trailers) => {
                self.begun(call).received.put_trailers(&trailers);
                self.end(client, call, None);
            }
            Output::Switched(call, switched) => self.end(client, call, Some(switched)),
            Output::Failed(call, error) => {
                let begun = self.begun.remove(&call).unwrap_or_default();
                self.done.insert(call, Err(error.with_head(begun.received.head())));
            }
        }
    }

    /// Removes and returns the response or the error of a call that has ended.
    pub fn take(&mut self, call: CallId) -> Option<Result<Response, Error>> {
        self.done.remove(&call)
    }

    /// Drops the response of a call that was cancelled or discarded. No output ends such a call, so
    /// its memory would not be freed otherwise.
    pub fn forget(&mut self, call: CallId) {
        self.begun.remove(&call);
        self.done.remove(&call);
    }

    /// Returns the number of calls that have ended and were not taken.
    pub fn len(&self) -> usize {
        self.done.len()
    }

    /// Returns whether no call that has ended is left to take.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    fn begun(&mut self, call: CallId) -> &mut Begun {
        self.begun.entry(call).or_default()
    }

    /// Fails a call whose body exceeds the limit, and frees what was collected.
    fn too_long(&mut self, client: &mut Client, call: CallId) {
        self.begun(call).body = Vec::new();
        client.refuse_body(call, self.limit.bytes());
    }

    fn end(&mut self, client: &Client, id: CallId, switched: Option<Switched>) {
        let Some(Begun { received, body, sessions }) = self.begun.remove(&id) else { return };
        let (Some(_), Some(call), Some((connection, reused))) =
            (received.head(), client.call(id), client.connection(id))
        else {
            return;
        };
        let response = Response {
            method: call.request().method().clone(),
            url: call.request().url().clone(),
            history: call.history().to_vec(),
            timings: call.timings().cloned().map(Box::new),
            body_taken: call.body_taken(),
            received,
            body,
            connection,
            reused,
            sessions,
            switched,
        };
        self.done.insert(id, Ok(response));
    }
}
