//! The request that follows a redirect.

use url::Url;

use super::{
    BodyLength, Method, Request, RequestBuilder, encoded::TargetForm, parse_url::check_url,
    request::is_framing,
};
use crate::error::RequestError;

impl Request {
    /// Returns the request that follows a redirect to `url`. It leaves out the fields for which
    /// `drop` returns true. `get` turns it into a GET without a body; a HEAD stays a HEAD.
    pub(crate) fn redirected(
        &self,
        url: Url,
        get: bool,
        drop: impl Fn(&str) -> bool,
    ) -> Result<Self, RequestError> {
        let checked =
            check_url(url).map(|(url, origin)| (url, origin.on_the_link_of(&self.0.origin)));
        let same_origin = checked.as_ref().is_ok_and(|(_, origin)| *origin == self.0.origin);
        let method = match &self.0.method {
            kept if !get || *kept == Method::HEAD => kept.clone(),
            _ => Method::GET,
        };
        let mut builder = RequestBuilder::new(method, checked)
            .body(if get { BodyLength::Empty } else { self.0.body })
            .expect_continue(self.0.expects_continue)
            .decode(self.0.decodes);
        if self.0.form == TargetForm::Asterisk {
            builder = builder.asterisk();
        }
        for field in self.headers() {
            let framing = is_framing(field.name());
            let own_host = field.is("host") && self.0.own_host && same_origin;
            if framing && !own_host || drop(field.name()) {
                continue;
            }
            builder = builder.header_bytes(field.name(), field.value());
        }
        builder.build()
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, string::ToString, vec::Vec};

    use super::*;

    #[test]
    fn a_redirect_to_the_same_address_keeps_its_zone_id() {
        let request = Request::get("http://[fe80::1%25eth0]:81/a").build().unwrap();
        assert_eq!(request.url_with_zone(), "http://[fe80::1%25eth0]:81/a");
        let zone = |url: &str| {
            let url = request.url().join(url).unwrap();
            let next = request.redirected(url, false, |_| false).unwrap();
            next.origin().zone().map(String::from)
        };
        assert_eq!(zone("/b").as_deref(), Some("eth0"));
        assert_eq!(zone("http://[fe80::1]:82/").as_deref(), Some("eth0"));
        assert_eq!(zone("http://[fe80::2]:81/"), None);
        assert_eq!(zone("http://a/"), None);
    }

    #[test]
    fn a_redirect_rewrites_what_is_bound_to_the_old_target() {
        let request = Request::post("http://a/1")
            .header("Host", "virtual.test")
            .header("X-A", "1")
            .header("Content-Type", "text/plain")
            .body(BodyLength::Known { len: 3, replayable: true })
            .build()
            .unwrap();
        let to = |url: &str| Url::parse(url).unwrap();
        let same = request.redirected(to("http://a/2"), false, |_| false).unwrap();
        assert_eq!(same.headers().get("host"), Some(&b"virtual.test"[..]));
        assert_eq!(same.body(), request.body());
        let other = request
            .redirected(to("http://b/2"), true, |name| name.eq_ignore_ascii_case("content-type"))
            .unwrap();
        assert_eq!(
            other.headers().iter().map(|f| f.name().to_string()).collect::<Vec<_>>(),
            ["Host", "X-A"]
        );
        assert_eq!(other.method(), &Method::GET);
        assert_eq!(other.body(), BodyLength::Empty);
    }
}
