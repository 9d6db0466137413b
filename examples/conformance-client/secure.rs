//! Puts relays that end TLS between the client and the servers of a case.

use std::{sync::Arc, time::Duration};

use httpool_blocking::TlsOptions;
use httpool_tls_testing::{
    certificates::Authority,
    relay::{End, Relay},
    server::{BOTH, config},
};
use serde_json::Value;

use super::options::Settings;

/// A bound on the wait for the last bytes of the client.
const PATIENCE: Duration = Duration::from_secs(2);

/// The relays of a case, one for each name and port that it resolves.
#[derive(Debug, Default)]
pub(super) struct Relays(Vec<Relay>);

impl Relays {
    /// Starts relays for the names of a case, and lets the client connect to these instead.
    pub(super) fn start(settings: &mut Settings, end: End) -> Self {
        let authority = Authority::new("conformance");
        let names: Vec<_> = settings.resolve.iter().map(|(name, ..)| name.as_str()).collect();
        let config = Arc::new(config(&authority.issue(&names), BOTH));
        settings.tls = TlsOptions::new().ca_cert_data(authority.pem());
        let mut relays = Vec::new();
        for (_, _, address) in &mut settings.resolve {
            let relay = Relay::start(config.clone(), *address, end);
            *address = relay.address();
            relays.push(relay);
        }
        Self(relays)
    }

    /// Waits until the servers have what the client sent.
    pub(super) fn settle(&self) {
        for relay in &self.0 {
            // In a case whose server reads nothing, bytes of the client never leave the relay.
            relay.settle(PATIENCE);
        }
    }
}

/// Makes the URL of a request `https`, or that of its proxy.
pub(super) fn secure(request: &mut Value) {
    let url = match request["options"]["http_proxy"].is_string() {
        true => &mut request["options"]["http_proxy"],
        false => &mut request["url"],
    };
    if let Some(rest) = url.as_str().and_then(|url| url.strip_prefix("http:")) {
        *url = format!("https:{rest}").into();
    }
}
