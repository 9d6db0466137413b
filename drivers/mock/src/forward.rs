//! Sends requests to the real servers, to record their responses.

use httpool_blocking::{Client, ClientBuilder, Error, Method, Redirect, Retry};

use crate::{received::Received, reply::Reply};

/// A client of real servers.
#[derive(Debug, Clone)]
pub(crate) struct Forward(Client);

/// The fields about one connection (RFC 9110 7.6.1), and those that the client or the mock writes
/// itself.
const OWN_FIELDS: [&str; 6] =
    ["Connection", "Content-Length", "Expect", "Host", "Keep-Alive", "Transfer-Encoding"];

impl Forward {
    pub(crate) fn new(builder: ClientBuilder) -> Self {
        let builder = builder.redirect(Redirect::none()).retry(Retry::off());
        Self(builder.decode(false).no_default_headers().build())
    }

    pub(crate) fn send(&self, request: &Received) -> Result<Reply, String> {
        let method = Method::new(&request.method);
        let method = method.map_err(|error| format!("the method {}: {error}", request.method))?;
        self.exchange(method, request).map_err(|error| format!("{error:?}"))
    }

    fn exchange(&self, method: Method, request: &Received) -> Result<Reply, Error> {
        let is_head = method == Method::HEAD;
        let mut sent = self.0.request(method, request.url.as_str());
        // Secrets in a body that is coded would not be found.
        let coding = ("Accept-Encoding".to_owned(), "identity".to_owned());
        let accepted = |(name, _): &&(String, String)| !is(name, "Accept-Encoding");
        for (name, value) in kept(&request.headers).filter(accepted).chain([&coding]) {
            sent = sent.header(name, value);
        }
        if !request.body.is_empty() || request.header("Content-Length").is_some() {
            sent = sent.body(request.body.clone());
        }
        let mut response = sent.send()?;
        let body = response.read_all()?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = response.headers();
        let headers: Vec<_> =
            fields.iter().map(|field| (field.name().to_owned(), text(field.value()))).collect();
        let length = headers.iter().find(|(name, _)| is_head && is(name, "Content-Length"));
        let headers = kept(&headers).chain(length).cloned().collect();
        Ok(Reply { status: response.status().as_u16(), headers, body, ..Reply::default() })
    }
}

fn kept(headers: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    headers.iter().filter(|(name, _)| !OWN_FIELDS.iter().any(|own| is(own, name)))
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}
