//! Converts a case's options to settings of the client and policies of its calls.

use std::{
    net::{IpAddr, SocketAddr},
    thread,
    time::Duration,
};

use httpool::{
    call::{Policy, Redirect, Retry, Route, Routes},
    dial,
    message::{Credentials, Hop, HopKind, Origin, Status, Url},
};
use httpool_blocking::TlsOptions;
use serde_json::Value;

use super::{Failed, text};

/// The `options` of one request.
#[derive(Clone, Copy)]
pub(super) struct Options<'c>(pub(super) &'c Value);

/// The settings of a client, which are the same for all requests of a case.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) dial: dial::DialPolicy,
    pub(super) body_bytes_max: Option<u64>,
    pub(super) resolve: Vec<(String, u16, SocketAddr)>,
    pub(super) tls: TlsOptions,
}

impl Settings {
    pub(super) fn of<'c>(requests: impl Iterator<Item = Options<'c>>) -> Result<Self, Failed> {
        let mut settings = Self::default();
        for options in requests {
            if let Some(connect) = options.millis("connect_timeout_ms") {
                settings.dial.connect_timeout = Some(connect);
            }
            if let Some(max) = options.0["max_body_bytes"].as_u64() {
                settings.body_bytes_max = Some(max);
            }
            for (name, address) in options.0["resolve"].as_object().into_iter().flatten() {
                let (host, port) = name.rsplit_once(':').ok_or("resolve names host:port")?;
                let address: IpAddr = text(address)?.parse()?;
                let port = port.parse()?;
                settings.resolve.push((host.into(), port, SocketAddr::new(address, port)));
            }
        }
        Ok(settings)
    }
}

impl<'c> Options<'c> {
    pub(super) fn policy(self) -> Result<Policy, Failed> {
        let mut policy = Policy::default();
        policy.redirect = self.redirect();
        policy.retry = self.retry()?;
        // A body that breaks off is read again, so it is read before the response is given out.
        policy.preload = self.is("retry_all_errors");
        policy.timeout.total = self.millis("timeout_ms");
        if let Some(read) = self.millis("read_timeout_ms") {
            policy.timeout.first_byte = Some(read);
            policy.timeout.stall = Some(read);
        }
        if let Some(proxy) = self.0["http_proxy"].as_str() {
            let proxy = Origin::of(&Url::parse(proxy)?).ok_or("the proxy's URL has no origin")?;
            let mut hop = Hop::new(HopKind::Connect, proxy);
            if let Some((user, password)) = self.credentials("proxy_auth") {
                hop = hop.with_credentials(Credentials::new(user, password));
            }
            policy.routes = Routes::through(hop.clone());
            if self.is("proxy_tunnel") {
                policy.routes.http = Route::tunnel(hop);
            }
        }
        Ok(policy)
    }

    pub(super) fn basic_auth(self) -> Option<(&'c str, &'c str)> {
        self.credentials("basic_auth")
    }

    pub(super) fn is_chunked(self) -> bool {
        self.0["body_mode"] == "chunked"
    }

    pub(super) fn decodes(self) -> bool {
        self.is("decompress")
    }

    pub(super) fn expects_continue(self) -> bool {
        self.is("expect_continue")
    }

    /// Waits before this request for as long as the case says.
    pub(super) fn delay(self) {
        if let Some(delay) = self.millis("delay_before_ms") {
            thread::sleep(delay);
        }
    }

    fn redirect(self) -> Redirect {
        if !self.is("follow_redirects") {
            return Redirect::none();
        }
        let mut redirect = Redirect::default();
        if let Some(max) = self.0["max_redirects"].as_u64() {
            redirect.max = Some(u32::try_from(max).unwrap_or(u32::MAX));
        }
        if self.is("redirect_keep_auth") {
            redirect.strip.clear();
        }
        redirect
    }

    fn retry(self) -> Result<Retry, Failed> {
        let Some(total) = self.0["retries"].as_u64() else {
            return Ok(Retry::default());
        };
        let mut retry = Retry::new(u32::try_from(total)?);
        let statuses = [408, 429, 500, 502, 503, 504];
        retry.statuses = statuses.into_iter().filter_map(Status::new).collect();
        retry.raise_on_status = false;
        Ok(retry)
    }

    fn is(self, name: &str) -> bool {
        self.0[name].as_bool() == Some(true)
    }

    fn millis(self, name: &str) -> Option<Duration> {
        self.0[name].as_u64().map(Duration::from_millis)
    }

    fn credentials(self, name: &str) -> Option<(&'c str, &'c str)> {
        let of = &self.0[name];
        Some((of["user"].as_str()?, of["password"].as_str()?))
    }
}
