//! Makes calls with either driver.

use std::{net::IpAddr, sync::Arc};

use httpool::{
    call::{Policy, Route, Routes},
    message::{Hop, HopKind, Method, Origin, Scheme, TlsId},
    trace::Sink,
};
use httpool_blocking::{DialPolicy, Error, PoolLimits, Session, TlsConfigError, TlsOptions};

/// Runs each test with every driver.
macro_rules! with_each_driver {
    ($($test:ident),+ $(,)?) => {
        with_each_driver!(blocking: crate::calls::Blocking => $($test),+);
        with_each_driver!(mio: crate::calls::Mio => $($test),+);
    };
    ($driver:ident: $client:path => $($test:ident),+) => {
        mod $driver {
            $(
                #[test]
                fn $test() {
                    super::$test::<$client>();
                }
            )+
        }
    };
}

/// The name of the servers. Every driver connects to the loopback interface for it.
pub(crate) const HOST: &str = "a.test";

/// The settings of a client.
#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) tls: TlsOptions,
    pub(crate) proxy_tls: Option<TlsOptions>,
    pub(crate) policy: Policy,
    pub(crate) dial: DialPolicy,
    pub(crate) trace: Option<Arc<dyn Sink>>,
    /// The ports for which `a.test`, `b.test`, `x.b.test` and `proxy.test` are the loopback interface.
    pub(crate) ports: Vec<u16>,
}

impl Setup {
    pub(crate) fn new(tls: TlsOptions, port: u16) -> Self {
        Self { tls, ports: vec![port], ..Self::default() }
    }
}

/// Returns a policy for `https` through a tunnel of a proxy, which is reached by `scheme`.
pub(crate) fn tunnel(scheme: Scheme, host: &str, port: u16, tls: TlsId) -> Policy {
    let hop = Hop::new(HopKind::Connect, Origin::new(scheme, host, port)).with_tls(tls);
    Policy::default().routes(Routes::default().https(Route::Tunnel([hop].into())))
}

/// One call.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) fields: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
    pub(crate) tls: Option<TlsId>,
    pub(crate) policy: Option<Policy>,
}

impl Ask {
    pub(crate) fn get(url: impl Into<String>) -> Self {
        let url = url.into();
        let (method, fields, body) = (Method::GET, Vec::new(), Vec::new());
        Self { method, url, fields, body, tls: None, policy: None }
    }

    pub(crate) fn tls(self, tls: TlsId) -> Self {
        Self { tls: Some(tls), ..self }
    }
}

/// A whole response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    pub(crate) reused: bool,
    pub(crate) tls: Option<Session>,
    pub(crate) proxy_tls: Option<Session>,
}

/// A client of a driver.
pub(crate) trait Calls: Sized {
    fn new(setup: Setup) -> Self;
    fn tls_config(&mut self, options: &TlsOptions) -> Result<TlsId, TlsConfigError>;
    fn call(&mut self, ask: Ask) -> Result<Answer, Error>;

    fn get(&mut self, url: &str) -> Result<Answer, Error> {
        self.call(Ask::get(url))
    }
}

/// Sets a builder of either driver up.
macro_rules! set_up {
    ($builder:expr, $setup:expr) => {{
        let setup = $setup;
        let mut limits = PoolLimits::default();
        limits.open_per_key_max = 1;
        let mut builder =
            $builder.tls(setup.tls).pool(limits).policy(setup.policy).dial(setup.dial);
        if let Some(tls) = setup.proxy_tls {
            builder = builder.proxy_tls(tls);
        }
        for port in setup.ports {
            for host in [HOST, "b.test", "x.b.test", "proxy.test"] {
                builder = builder.resolve_to(host, port, IpAddr::from([127, 0, 0, 1]));
            }
        }
        match setup.trace {
            Some(sink) => builder.trace(sink),
            None => builder,
        }
    }};
}

/// Builds a request of either driver.
macro_rules! request {
    ($client:expr, $ask:expr) => {{
        let ask = $ask;
        let mut request = $client.request(ask.method, &ask.url);
        for (name, value) in ask.fields {
            request = request.header(name, value);
        }
        if !ask.body.is_empty() {
            request = request.body(ask.body);
        }
        if let Some(policy) = ask.policy {
            request = request.policy(policy);
        }
        match ask.tls {
            Some(tls) => request.tls(tls),
            None => request,
        }
    }};
}

pub(crate) struct Blocking(httpool_blocking::Client);

impl Calls for Blocking {
    fn new(setup: Setup) -> Self {
        Self(set_up!(httpool_blocking::Client::builder(), setup).build())
    }

    fn tls_config(&mut self, options: &TlsOptions) -> Result<TlsId, TlsConfigError> {
        self.0.tls_config(options)
    }

    fn call(&mut self, ask: Ask) -> Result<Answer, Error> {
        let response = request!(self.0, ask).send()?;
        let (status, reused) = (response.status().as_u16(), response.reused());
        let (tls, proxy_tls) = (response.tls().cloned(), response.proxy_tls().cloned());
        Ok(Answer { status, reused, tls, proxy_tls, body: response.bytes()? })
    }
}

pub(crate) struct Mio(httpool_mio::Driver);

impl Calls for Mio {
    fn new(setup: Setup) -> Self {
        Self(set_up!(httpool_mio::Driver::builder(), setup).build().unwrap())
    }

    fn tls_config(&mut self, options: &TlsOptions) -> Result<TlsId, TlsConfigError> {
        self.0.client().tls_config(options)
    }

    fn call(&mut self, ask: Ask) -> Result<Answer, Error> {
        let call = request!(self.0.client(), ask).send()?;
        let response = self.0.fetch(call)?;
        let (status, reused) = (response.status().as_u16(), response.reused());
        let (tls, proxy_tls) = (response.tls().cloned(), response.proxy_tls().cloned());
        Ok(Answer { status, reused, tls, proxy_tls, body: response.bytes() })
    }
}
