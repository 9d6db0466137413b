//! Responses that are wanted whole.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use httpool::{
    call::HistoryEntry,
    id::{CallId, ConnId},
    message::{BodyTaken, Fields, Head, OwnedFields, ResponseHead, Status, Url},
};

use crate::{
    Error,
    client::Client,
    output::{Output, Switched},
};

/// A response, whole.
pub struct Response {
    head: ResponseHead,
    interim: Vec<ResponseHead>,
    body: Vec<u8>,
    trailers: Option<OwnedFields>,
    url: Url,
    history: Vec<HistoryEntry>,
    connection: Option<(ConnId, bool)>,
    body_taken: Option<BodyTaken>,
    switched: Option<Switched>,
}

impl Response {
    /// The status code.
    pub fn status(&self) -> Status {
        self.head.status()
    }

    /// The x of HTTP/1.x, as the server said it.
    pub fn minor_version(&self) -> u8 {
        self.head.minor_version()
    }

    /// The reason phrase, which may be empty, and means nothing (RFC 9112 4).
    pub fn reason(&self) -> &[u8] {
        self.head.reason()
    }

    /// The field lines, in order.
    pub fn fields(&self) -> Fields<'_> {
        self.head.fields()
    }

    /// The value of the first field called `name`, in whatever case, where it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.fields().get_str(name)
    }

    /// Whose response it is: after redirects, the last one's URL. It has the fragment that was asked
    /// for, unless a redirect gave another (RFC 9110 10.2.2).
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The redirects and failed attempts before it, the first first.
    pub fn history(&self) -> &[HistoryEntry] {
        &self.history
    }

    /// 1xx responses that came before it, if [`Policy::show_interim`](httpool::call::Policy) is set.
    pub fn interim(&self) -> &[ResponseHead] {
        &self.interim
    }

    /// The trailer fields, if there were any (RFC 9110 6.5). They are not merged with the fields of
    /// the head.
    pub fn trailers(&self) -> Option<Fields<'_>> {
        self.trailers.as_ref().map(OwnedFields::fields)
    }

    /// The connection it came over; `None` is not possible for a response that came.
    pub fn connection(&self) -> Option<ConnId> {
        self.connection.map(|(conn, _)| conn)
    }

    /// Whether that connection had served another request before.
    pub fn reused(&self) -> bool {
        self.connection.is_some_and(|(_, reused)| reused)
    }

    /// How much of the request's body was taken, where the response ended the sending before the end
    /// of the body: by a status of 400 or more, or by `Connection: close`. `None` where the body was
    /// sent whole, and where there was none.
    pub fn body_taken(&self) -> Option<BodyTaken> {
        self.body_taken
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, to keep.
    pub fn bytes(self) -> Vec<u8> {
        self.body
    }

    /// The body as text: UTF-8, with U+FFFD in place of what is not.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// After 101 (Switching Protocols), or a 2xx to CONNECT: the connection, which is no longer
    /// HTTP. `None` for any other response.
    pub fn into_switched(self) -> Option<Switched> {
        self.switched
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} {}, {:?})", self.status(), self.url, self.fields())
    }
}

/// Collects outputs to whole responses: for a closure that wants some calls whole and others piece
/// by piece.
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
    body_bytes_max: u64,
    begun: BTreeMap<CallId, Begun>,
    done: BTreeMap<CallId, Result<Response, Error>>,
}

/// A response that is on its way.
#[derive(Debug, Default)]
struct Begun {
    head: Option<ResponseHead>,
    interim: Vec<ResponseHead>,
    body: Vec<u8>,
}

impl Responses {
    /// None yet. A call whose body is longer than `body_bytes_max` bytes is
    /// [discarded](Client::discard), and that is its error.
    pub const fn new(body_bytes_max: u64) -> Self {
        Self { body_bytes_max, begun: BTreeMap::new(), done: BTreeMap::new() }
    }

    /// Takes an output in.
    pub fn put(&mut self, client: &mut Client, output: Output<'_>) {
        match output {
            Output::Interim(call, head) => self.begun(call).interim.push(owned(&head)),
            Output::Head(call, head) => {
                self.begun(call).head = Some(owned(&head));
                // What says that it will be too long need not be read.
                let conn = client.connection(call).map(|(conn, _)| conn);
                let ahead = conn.map(|conn| client.core.body_ahead(conn));
                if ahead.is_some_and(|ahead| ahead.exceeds(self.body_bytes_max)) {
                    self.too_large(client, call);
                }
            }
            Output::Data(call, data) => {
                let max = self.body_bytes_max;
                let body = &mut self.begun(call).body;
                body.extend_from_slice(data);
                if body.len() as u64 > max {
                    self.too_large(client, call);
                }
            }
            Output::End(call, trailers) => {
                let kept = (!trailers.is_empty()).then(|| {
                    let mut kept = OwnedFields::default();
                    kept.set(&trailers);
                    kept
                });
                self.end(client, call, kept, None);
            }
            Output::Switched(call, switched) => self.end(client, call, None, Some(switched)),
            Output::Failed(call, error) => {
                let head = self.begun.remove(&call).and_then(|begun| begun.head);
                self.done.insert(call, Err(error.with_head(head)));
            }
        }
    }

    /// Takes a response out, if the call has ended.
    pub fn take(&mut self, call: CallId) -> Option<Result<Response, Error>> {
        self.done.remove(&call)
    }

    /// Lets go what has come of a call that was cancelled or discarded: no end comes that would.
    pub fn forget(&mut self, call: CallId) {
        self.begun.remove(&call);
        self.done.remove(&call);
    }

    /// How many have ended and not been taken out.
    pub fn len(&self) -> usize {
        self.done.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    fn begun(&mut self, call: CallId) -> &mut Begun {
        self.begun.entry(call).or_default()
    }

    fn too_large(&mut self, client: &mut Client, call: CallId) {
        let head = self.begun.remove(&call).and_then(|begun| begun.head);
        if let Some(request) = client.call(call).map(|call| call.request()) {
            let max = self.body_bytes_max;
            let error = Error::body_too_large(max, request.method(), request.url());
            self.done.insert(call, Err(error.with_head(head)));
        }
        client.discard(call);
    }

    fn end(
        &mut self,
        client: &Client,
        id: CallId,
        trailers: Option<OwnedFields>,
        switched: Option<Switched>,
    ) {
        let (Some(Begun { head: Some(head), interim, body }), Some(call)) =
            (self.begun.remove(&id), client.call(id))
        else {
            return;
        };
        let response = Response {
            head,
            interim,
            body,
            trailers,
            url: call.request().url().clone(),
            history: call.history().to_vec(),
            connection: client.connection(id),
            body_taken: call.body_taken(),
            switched,
        };
        self.done.insert(id, Ok(response));
    }
}

fn owned(head: &Head<'_>) -> ResponseHead {
    let mut owned = ResponseHead::new();
    owned.set(head);
    owned
}
