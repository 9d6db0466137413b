//! The methods that write a mock's script.

use std::{sync::Arc, time::Duration};

use url::Url;

use crate::{
    Mock,
    received::Received,
    reply::{Fault, Reply},
    rule::{Body, Check, Rule},
    state::{Inner, Refusal, State},
};

impl Mock {
    /// Adds a rule for requests with this method and URL. The order of the query's parameters does
    /// not matter. Host and port are compared with the Host field of the request. User, password
    /// and fragment of the URL are ignored. Without a reply, the rule answers with an empty 200.
    ///
    /// # Panics
    /// `url` is not an absolute URL with a host.
    #[track_caller]
    pub fn on(&self, method: &str, url: &str) -> Condition {
        let rule = Rule::new(method, url);
        let mut inner = self.state.lock();
        inner.rules.push(rule);
        let at = inner.rules.len() - 1;
        drop(inner);
        Condition(Handle { state: self.state.clone(), at })
    }

    /// Refuses connections to the host and port of `url`. [`Refused::times`] limits how many.
    ///
    /// ```
    /// # let mock = httpool_mock::Mock::new();
    /// mock.refuse("http://api.example/");
    /// assert!(mock.client().get("http://api.example/").send().is_err());
    /// mock.verify();
    /// ```
    ///
    /// # Panics
    /// `url` is not an absolute URL with a host.
    #[track_caller]
    pub fn refuse(&self, url: &str) -> Refused {
        let url = Rule::new("", url).url;
        let host = url.host_str().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = Url::port_or_known_default(&url).unwrap_or(80);
        let mut inner = self.state.lock();
        inner.refusals.push(Refusal { host, port, times: None, used: 0 });
        let at = inner.refusals.len() - 1;
        drop(inner);
        Refused(Handle { state: self.state.clone(), at })
    }

    /// Answers look-ups of `host` with an error: there is no such name.
    pub fn unknown_host(&self, host: &str) {
        self.state.lock().unknown.insert(host.to_ascii_lowercase(), 0);
    }
}

/// An entry of the script, by its number.
#[derive(Debug)]
struct Handle {
    state: Arc<State>,
    at: usize,
}

impl Handle {
    fn change(&self, change: impl FnOnce(&mut Rule)) {
        if let Some(rule) = self.state.lock().rules.get_mut(self.at) {
            change(rule);
        }
    }
}

/// Connections that are refused: see [`Mock::refuse`].
#[derive(Debug)]
pub struct Refused(Handle);

impl Refused {
    /// Refuses only the next `times` connections. All of them must happen.
    pub fn times(self, times: u64) {
        let inner: &mut Inner = &mut self.0.state.lock();
        if let Some(refusal) = inner.refusals.get_mut(self.0.at) {
            refusal.times = Some(times);
        }
    }
}

/// The conditions of a rule: see [`Mock::on`].
#[derive(Debug)]
pub struct Condition(Handle);

impl Condition {
    fn with(self, change: impl FnOnce(&mut Rule)) -> Self {
        self.0.change(change);
        self
    }

    /// Demands a header field with this value. Several fields of that name: the first counts.
    pub fn with_header(self, name: &str, value: &str) -> Self {
        self.with(|rule| rule.headers.push((name.into(), Some(value.into()))))
    }

    /// Demands a header field with this name and any value.
    pub fn with_any_header(self, name: &str) -> Self {
        self.with(|rule| rule.headers.push((name.into(), None)))
    }

    /// Demands that there is no header field with this name.
    pub fn without_header(self, name: &str) -> Self {
        self.with(|rule| rule.absent.push(name.into()))
    }

    /// Demands exactly this body, after its transfer coding was removed.
    pub fn with_body(self, body: impl Into<Vec<u8>>) -> Self {
        self.with(|rule| rule.bodies.push(Body::Is(body.into())))
    }

    /// Demands a body that contains `part`.
    pub fn with_body_containing(self, part: impl Into<Vec<u8>>) -> Self {
        self.with(|rule| rule.bodies.push(Body::Contains(part.into())))
    }

    /// Accepts every path. [`matching`](Self::matching) can then look at it.
    pub fn any_path(self) -> Self {
        self.with(|rule| rule.any_path = true)
    }

    /// Demands that `holds` returns true. A report shows `what`, such as `"an even id"`. It is
    /// called while the mock is locked, so it must not use the mock.
    ///
    /// ```
    /// # let mock = httpool_mock::Mock::new();
    /// mock.on("GET", "http://api.example/")
    ///     .any_path()
    ///     .matching("a path below /users", |request| request.url.path().starts_with("/users/"))
    ///     .reply(200);
    /// mock.client().get("http://api.example/users/7").send()?;
    /// let error = mock.client().get("http://api.example/groups").send().unwrap_err();
    /// let differs = "condition: the rule has a path below /users, the request does not meet it";
    /// assert!(error.to_string().contains(differs));
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    pub fn matching(
        self,
        what: &str,
        holds: impl Fn(&Received) -> bool + Send + Sync + 'static,
    ) -> Self {
        let check = Check { what: what.to_owned(), holds: Arc::new(holds) };
        self.with(|rule| rule.checks.push(check))
    }

    /// Accepts every query.
    pub fn any_query(self) -> Self {
        self.with(|rule| rule.any_query = true)
    }

    /// Answers with this status, and an empty body.
    pub fn reply(self, status: u16) -> Replies {
        Replies(self.0).then_reply(status)
    }

    /// Closes the connection in place of an answer.
    pub fn close(self) -> Replies {
        Replies(self.0).then_close()
    }

    /// Never answers. The call ends by its deadline, without real waiting.
    pub fn never_answer(self) -> Replies {
        Replies(self.0).then_never_answer()
    }
}

/// The replies of a rule, in order. Methods such as [`header`](Self::header) change the last one.
#[derive(Debug)]
pub struct Replies(Handle);

impl Replies {
    fn push(self, reply: Reply) -> Self {
        self.0.change(|rule| rule.replies.push(reply));
        self
    }

    fn last(self, change: impl FnOnce(&mut Reply)) -> Self {
        self.0.change(|rule| {
            if let Some(reply) = rule.replies.last_mut() {
                change(reply);
            }
        });
        self
    }

    /// Adds a header field to the response, as it is. Content-Length is added by itself, unless it
    /// or Transfer-Encoding is given. With Transfer-Encoding, the body must be coded so.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.last(|reply| reply.headers.push((name.into(), value.into())))
    }

    /// Sets the body of the response.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.last(|reply| reply.body = body.into())
    }

    /// Delays the reply, on the mock's clock. There is no real wait.
    pub fn after(self, delay: Duration) -> Self {
        self.last(|reply| reply.after = delay)
    }

    /// Closes the connection after so many bytes of the body. Content-Length is that of the whole.
    pub fn cut_body_after(self, bytes: usize) -> Self {
        self.last(|reply| reply.fault = Fault::CutAfter(bytes))
    }

    /// Sends nothing after so many bytes of the body.
    pub fn stall_body_after(self, bytes: usize) -> Self {
        self.last(|reply| reply.fault = Fault::StallAfter(bytes))
    }

    /// Answers the next request with this status.
    ///
    /// ```
    /// use httpool_blocking::{Client, Retry};
    ///
    /// let mock = httpool_mock::Mock::new();
    /// mock.on("GET", "http://api.example/").reply(503).then_reply(200).body("up again");
    /// let client = mock.client_with(Client::builder().retry(Retry::new(1).on_statuses([503])));
    /// assert_eq!(client.get("http://api.example/").send()?.text()?, "up again");
    /// mock.verify();
    /// # Ok::<(), httpool_blocking::Error>(())
    /// ```
    pub fn then_reply(self, status: u16) -> Self {
        self.push(Reply { status, ..Reply::default() })
    }

    /// Closes the connection in place of an answer to the next request.
    pub fn then_close(self) -> Self {
        self.push(Reply::fault(Fault::Close))
    }

    /// Never answers the next request.
    pub fn then_never_answer(self) -> Self {
        self.push(Reply::fault(Fault::Silent))
    }

    /// Demands that the rule is used exactly `times`. After that it matches no request. If there
    /// are more uses than replies, the last reply is repeated. 0: no request may match the rule.
    pub fn times(self, times: u64) -> Self {
        self.0.change(|rule| rule.times = Some(times));
        self
    }
}
