//! Runs the same calls with each driver.

use std::time::Duration;

use httpool_blocking::{Client, Policy, PoolLimits, Redirect, Retry};
use httpool_mio::{Driver, Output, mio::Events};

/// The facts of a call at its end.
pub(crate) struct End<'a> {
    pub(crate) call: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) status: Option<u16>,
    /// The kind and the text of its failure.
    pub(crate) error: Option<(&'a str, &'a str)>,
    /// The numbers of redirects and retries.
    pub(crate) counts: (u32, u32),
}

/// A driver with a client.
pub(crate) enum Subject {
    Blocking(Client),
    Mio(Box<Driver>),
}

/// Runs `test` with each driver. A call is retried once, and an idle connection is always probed.
pub(crate) fn with_each(limit: impl Fn(&mut PoolLimits), test: impl Fn(&mut Subject)) {
    let policy = Policy::default().retry(Retry::new(1)).redirect(Redirect::limited(3));
    let mut limits = PoolLimits::default();
    limits.probe_after = Duration::ZERO;
    limit(&mut limits);
    let client = Client::builder().pool(limits).policy(policy.clone()).build();
    test(&mut Subject::Blocking(client));
    let driver = Driver::builder().pool(limits).policy(policy).build().unwrap();
    test(&mut Subject::Mio(Box::new(driver)));
}

impl Subject {
    /// Sends a GET, reads the whole response, and returns its status. `None` if it failed.
    pub(crate) fn get(&mut self, url: &str) -> Option<u16> {
        self.get_with(url, &[], None)
    }

    /// Sends a GET with these fields, and a policy of its own.
    pub(crate) fn get_with(
        &mut self,
        url: &str,
        fields: &[(&str, &str)],
        policy: Option<Policy>,
    ) -> Option<u16> {
        macro_rules! request {
            ($client:expr) => {{
                let call = fields
                    .iter()
                    .fold($client.get(url), |it, (name, value)| it.header(name, value));
                match policy {
                    Some(policy) => call.policy(policy),
                    None => call,
                }
            }};
        }
        match self {
            Self::Blocking(client) => {
                let response = request!(client).send().ok()?;
                let status = response.status().as_u16();
                response.bytes().ok().map(|_| status)
            }
            Self::Mio(driver) => {
                let call = request!(driver.client()).send().unwrap();
                driver.fetch(call).ok().map(|response| response.status().as_u16())
            }
        }
    }

    /// Sends a GET, and gives the response up when its head has come.
    pub(crate) fn give_up(&mut self, url: &str) {
        match self {
            Self::Blocking(client) => drop(client.get(url).send().unwrap()),
            Self::Mio(driver) => {
                driver.client().get(url).send().unwrap();
                let cancels = |client: &mut httpool_mio::Client, output: Output<'_>| {
                    if let Output::Head(call, _) = output {
                        client.cancel(call);
                    }
                };
                driver.run(cancels).unwrap();
            }
        }
    }

    /// Asks for another protocol, and gets the connection.
    pub(crate) fn switch(&mut self, url: &str) {
        let fields = [("Connection", "upgrade"), ("Upgrade", "x")];
        macro_rules! request {
            ($client:expr) => {
                fields.iter().fold($client.get(url), |it, (name, value)| it.header(name, value))
            };
        }
        match self {
            Self::Blocking(client) => {
                let response = request!(client).send().unwrap();
                response.into_switched().unwrap();
            }
            Self::Mio(driver) => {
                request!(driver.client()).send().unwrap();
                driver.run(|_, _| {}).unwrap();
            }
        }
    }

    /// Closes the client, and has the driver act on it.
    pub(crate) fn close(&mut self) {
        match self {
            Self::Blocking(client) => client.close(),
            Self::Mio(driver) => {
                driver.client().close();
                self.look();
            }
        }
    }

    /// Has the driver see what has happened on its idle connections, if it watches them.
    pub(crate) fn look(&mut self) {
        if let Self::Mio(driver) = self {
            let mut events = Events::with_capacity(8);
            loop {
                let wait = (driver.client().stats().idle == 0).then_some(Duration::ZERO);
                driver.turn(&mut events, wait, |_, _| {}).unwrap();
                if wait.is_some() {
                    break;
                }
            }
        }
    }
}
