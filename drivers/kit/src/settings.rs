//! The settings of a client, and the methods that set them.

use std::{fmt, sync::Arc};

use httpool::{
    call::{Policy, Routes},
    dial,
    error::TlsKind,
    limits::{MessageLimits, PoolLimits},
    message::TlsId,
    trace::{Sink, Trace, Who},
};

use crate::{Hosts, LayerError, Layers, SocketOptions, Wire};

/// The settings of a client, of any driver. Each field is documented at the method that sets it:
/// [`settings_methods!`](crate::settings_methods) adds these methods to a driver's builder.
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Limits on the number of connections and on the time they are kept.
    pub pool: PoolLimits,
    /// Limits on what a server may send.
    pub messages: MessageLimits,
    /// Redirects, retries and deadlines of the calls that have no policy of their own.
    pub policy: Arc<Policy>,
    /// The policy for opening connections.
    pub dial: dial::DialPolicy,
    /// The names and values of the default header fields. Each is added to a request that has none
    /// of that name.
    pub default_headers: Vec<(String, String)>,
    /// The longest response body, in bytes, that is collected whole.
    pub body_bytes_max: u64,
    /// Whether the bodies of responses are decoded.
    pub decode: bool,
    /// Whether requests ask for the codings that are built in.
    pub ask_codings: bool,
    /// The sources of addresses of hosts.
    pub hosts: Hosts,
    /// The options of sockets.
    pub socket: SocketOptions,
    /// The sessions between the socket and HTTP. `None`: the driver was built without TLS.
    pub layers: Option<Arc<dyn Layers>>,
    /// The sink that the trace is written to.
    pub sink: Option<Arc<dyn Sink>>,
    /// The number of trace lines that each call keeps.
    pub recent_trace: usize,
    /// Whether each call collects its timings.
    pub timings: bool,
}

impl Settings {
    /// Returns the policy, to change it.
    pub fn policy_mut(&mut self) -> &mut Policy {
        Arc::make_mut(&mut self.policy)
    }

    /// Sets the ways to origins to those of `routes`. Their other settings stay.
    #[doc(hidden)]
    pub fn set_proxies(&mut self, routes: Routes) {
        let own = &mut self.policy_mut().routes;
        (own.http, own.https) = (routes.http, routes.https);
    }

    /// Derives the settings that follow from others: the policy for opening connections knows the
    /// limits on messages, and whether there is TLS. A driver calls it when it builds a client.
    pub fn derive(&mut self) {
        self.dial.limits = self.messages;
        self.dial.tls_available = self.layers.is_some();
    }

    /// Begins a layer of `wire` with the peer called `name`, by the configuration `tls`. `input` is
    /// its first input: see [`Wire::begin`].
    ///
    /// # Errors
    /// The layer cannot be begun, or has failed.
    pub fn begin_layer(
        &self,
        wire: &mut Wire,
        tls: TlsId,
        name: &str,
        input: &[u8],
    ) -> Result<(), LayerError> {
        match &self.layers {
            Some(layers) => wire.begin(layers.begin(tls, name)?, input),
            // Not reached: the dial refuses a key that needs TLS at once.
            None => Err(LayerError::new(TlsKind::Unavailable)),
        }
    }

    /// Returns the trace of `who`. It is written to the sink, and kept if each call keeps lines.
    #[inline]
    pub fn trace_of(&self, who: Who) -> Trace {
        Trace::keeping(self.recent_trace, who, self.sink.clone())
    }
}

impl Default for Settings {
    fn default() -> Self {
        let agent = concat!("httpool/", env!("CARGO_PKG_VERSION"));
        Self {
            pool: PoolLimits::default(),
            messages: MessageLimits::default(),
            policy: Arc::default(),
            dial: dial::DialPolicy::default(),
            default_headers: vec![
                ("User-Agent".into(), agent.into()),
                ("Accept".into(), "*/*".into()),
            ],
            body_bytes_max: 256 * 1024 * 1024,
            decode: true,
            ask_codings: true,
            hosts: Hosts::default(),
            socket: SocketOptions::default(),
            layers: None,
            sink: None,
            recent_trace: 0,
            timings: false,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("pool", &self.pool)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Adds the methods that change [`Settings`] to a driver's builder. Use it in an `impl` block of a
/// type that has a field `settings: Settings`. The driver's crate needs a `Response` with a method
/// `bytes`, and an `Error`, because the docs of the methods link to them.
#[macro_export]
macro_rules! settings_methods {
    () => {
        /// Limits the number of connections, and the time they are kept.
        pub fn pool(mut self, limits: $crate::httpool::limits::PoolLimits) -> Self {
            self.settings.pool = limits;
            self
        }

        /// Limits what a server may send.
        pub fn messages(mut self, limits: $crate::httpool::limits::MessageLimits) -> Self {
            self.settings.messages = limits;
            self
        }

        $crate::policy_methods!(settings, "of all calls that do not bring their own");

        /// Sets the policy for opening connections.
        pub fn dial(mut self, policy: $crate::httpool::dial::DialPolicy) -> Self {
            self.settings.dial = policy;
            self
        }

        /// Sets whether the bodies of responses are decoded, by their Content-Encoding (urllib3:
        /// `decode_content`). True by default.
        ///
        /// A request then asks for all codings that are built in: the features `gzip`, `deflate`,
        /// `br` and `zstd` of this crate, all on by default. It has an Accept-Encoding of its own
        /// instead if it is given one. It has none if it has a Range, because a range of an encoded
        /// body cannot be decoded, and after [`no_default_headers`](Self::no_default_headers). By
        /// whatever the request asked for, the body is decoded if all its codings are built in;
        /// otherwise, and with the status 206, it is handed over as it comes. More than five
        /// codings are an error. The header fields stay as they came, also Content-Encoding and
        /// Content-Length, which describe the encoded body.
        pub fn decode(mut self, yes: bool) -> Self {
            self.settings.decode = yes;
            self
        }

        /// Sends all requests through the proxy at `url`, such as `http://user:pw@proxy:3128`,
        /// except those of calls with a policy of their own.
        ///
        /// An HTTP proxy forwards the requests to `http` origins, and tunnels the connections to
        /// `https` origins; a SOCKS proxy tunnels both. Other ways are set with
        /// [`Policy::routes`](field@crate::httpool::call::Policy::routes). The forms of the URL are
        /// those of [`Hop::parse`](crate::httpool::message::Hop::parse).
        ///
        /// # Errors
        /// `url` is not the URL of a proxy.
        pub fn proxy(
            mut self,
            url: &str,
        ) -> ::std::result::Result<Self, $crate::httpool::message::InvalidProxy> {
            let hop = $crate::httpool::message::Hop::parse(url)?;
            self.settings.set_proxies($crate::httpool::call::Routes::through(hop));
            ::std::result::Result::Ok(self)
        }

        /// Takes the proxies, and the origins that are reached without one, from the variables
        /// `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` of the environment:
        /// [`proxies_from`](crate::proxies_from) has the rules. Without this call the environment
        /// is not read.
        ///
        /// # Errors
        /// A variable is not the URL of a proxy. The connections would otherwise be direct.
        pub fn proxies_from_env(mut self) -> ::std::result::Result<Self, $crate::InvalidVariable> {
            let routes = $crate::proxies_from_env()?;
            self.settings.policy_mut().routes.no_proxy = routes.no_proxy.clone();
            self.settings.set_proxies(routes);
            ::std::result::Result::Ok(self)
        }

        /// Sets the origins that are reached without a proxy, as in the variable `no_proxy`:
        /// `"localhost, .example.com, 10.0.0.0/8"`.
        /// [`NoProxy`](crate::httpool::call::NoProxy) has the forms.
        pub fn no_proxy(mut self, list: &str) -> Self {
            let list = $crate::httpool::call::NoProxy::parse(list);
            self.settings.policy_mut().routes.no_proxy = list;
            self
        }

        /// Sets the addresses that may not be dialed. By default every address may be. A program
        /// that fetches URLs of other people sets
        /// [`Guard::global`](crate::httpool::dial::Guard::global).
        pub fn guard(mut self, guard: $crate::httpool::dial::Guard) -> Self {
            self.settings.dial.guard = guard;
            self
        }

        /// Adds a header field to every request that has none of that name. By default there are
        /// two: User-Agent, and `Accept: */*`. Accept-Encoding follows from
        /// [`decode`](Self::decode).
        pub fn default_header(mut self, name: &str, value: &str) -> Self {
            let headers = &mut self.settings.default_headers;
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.into(), value.into()));
            self
        }

        /// Removes the default header fields. A request then has Host, the fields that frame its
        /// body, and its own.
        pub fn no_default_headers(mut self) -> Self {
            self.settings.default_headers.clear();
            self.settings.ask_codings = false;
            self
        }

        /// Limits the length, in bytes, of a response body that is collected whole, for example by
        /// [`Response::bytes`](crate::Response::bytes). 256 MiB by default. The decoded bytes
        /// count. A body that is read piece by piece has no limit.
        pub fn body_bytes_max(mut self, max: u64) -> Self {
            self.settings.body_bytes_max = max;
            self
        }

        /// Looks names up with `resolve` instead of the system's resolver.
        pub fn resolver(mut self, resolve: ::std::sync::Arc<dyn $crate::Resolve>) -> Self {
            self.settings.hosts.set_resolver(resolve);
            self
        }

        /// Connects to `address` for URLs with `host` and `port`, without asking a resolver.
        /// Several calls for one host add addresses, which are tried in that order.
        pub fn resolve_to(self, host: &str, port: u16, address: ::std::net::IpAddr) -> Self {
            self.resolve_to_socket(host, port, ::std::net::SocketAddr::new(address, port))
        }

        /// Connects to `address` as [`resolve_to`](Self::resolve_to) does. The address has a port
        /// of its own (0 stands for `port`). An IPv6 link-local address may have the scope id that
        /// it needs.
        pub fn resolve_to_socket(
            mut self,
            host: &str,
            port: u16,
            address: ::std::net::SocketAddr,
        ) -> Self {
            self.settings.hosts.add(host, port, address);
            self
        }

        /// Connects by IPv4 alone, or by IPv6 alone (curl: `--ipv4`, `--ipv6`):
        /// [`DialPolicy::families`](field@crate::httpool::dial::DialPolicy::families). By both by
        /// default.
        pub fn families(mut self, families: $crate::httpool::dial::Families) -> Self {
            self.settings.dial.families = families;
            self
        }

        /// Sets the options of sockets: TCP_NODELAY, keepalive, sizes of buffers, an interface, and
        /// a hook before the connect (urllib3: `socket_options`).
        pub fn socket_options(mut self, options: $crate::SocketOptions) -> Self {
            self.settings.socket = options;
            self
        }

        /// Sends all requests through the Unix domain socket at `path`, except those of calls with a
        /// policy of their own (curl: `--unix-socket`). URLs still name the host, for the Host field
        /// and for TLS. On Linux a path that begins with a zero byte is an abstract name. The rules
        /// are those of [`Route::Unix`](crate::httpool::call::Route::Unix). On systems without Unix
        /// domain sockets, requests fail with [`Unsupported`](::std::io::ErrorKind::Unsupported).
        ///
        /// This takes the place of every proxy. To use it for `http` or `https` URLs alone, set
        /// [`Policy::routes`](field@crate::httpool::call::Policy::routes).
        pub fn unix_socket(mut self, path: impl ::std::convert::AsRef<::std::path::Path>) -> Self {
            let path = path.as_ref().as_os_str().as_encoded_bytes();
            let route = $crate::httpool::call::Route::unix(path);
            let routes = &mut self.settings.policy_mut().routes;
            (routes.http, routes.https) = (route.clone(), route);
            self
        }

        /// Begins the sessions of `https` connections with `layers`, in place of the driver's own
        /// TLS. For a TLS implementation of your own.
        pub fn layers(mut self, layers: ::std::sync::Arc<dyn $crate::Layers>) -> Self {
            self.settings.layers = ::std::option::Option::Some(layers);
            self
        }

        /// Writes every event and action of the pool, the dials and the calls to `sink`.
        pub fn trace(mut self, sink: ::std::sync::Arc<dyn $crate::httpool::trace::Sink>) -> Self {
            self.settings.sink = ::std::option::Option::Some(sink);
            self
        }

        /// Keeps the last `lines` lines of each call's trace, and those of its dials, so that its
        /// error can show them: [`Error::trace`](crate::Error::trace). 0 by default, which has no
        /// cost.
        pub fn recent_trace(mut self, lines: usize) -> Self {
            self.settings.recent_trace = lines;
            self
        }

        /// Sets whether each call collects its timeline, for
        /// [`Response::timings`](crate::Response::timings) and
        /// [`Error::timings`](crate::Error::timings). False by default, which has no cost.
        pub fn timings(mut self, collect: bool) -> Self {
            self.settings.timings = collect;
            self
        }
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use httpool::{
        call::{NoProxy, Redirect, Retry},
        message::{Hop, InvalidProxy},
    };

    use super::*;

    #[derive(Default)]
    struct Builder {
        settings: Settings,
    }

    #[expect(dead_code, unreachable_pub, reason = "a driver has them on a public type")]
    impl Builder {
        settings_methods!();
    }

    #[test]
    fn timeout_redirect_and_retry_change_their_own_part_of_the_policy_and_policy_replaces_all() {
        let second = Duration::from_secs(1);
        let builder =
            Builder::default().timeout(second).redirect(Redirect::none()).retry(Retry::new(7));
        let policy = &builder.settings.policy;
        let defaults = Policy::default();
        assert_eq!(policy.timeout.total, Some(second));
        assert_eq!(policy.timeout.first_byte, defaults.timeout.first_byte);
        assert_eq!(format!("{:?}", policy.redirect), format!("{:?}", Redirect::none()));
        assert_eq!(format!("{:?}", policy.retry), format!("{:?}", Retry::new(7)));
        let replaced = builder.policy(defaults.clone());
        assert_eq!(format!("{:?}", replaced.settings.policy), format!("{defaults:?}"));
    }

    #[test]
    fn a_proxy_changes_the_ways_alone_and_no_proxy_the_exceptions() {
        let builder = Builder::default().no_proxy("in.test").proxy("http://proxy").unwrap();
        let routes = &builder.settings.policy.routes;
        let proxy = Hop::parse("http://proxy").unwrap();
        assert_eq!(*routes, Routes::through(proxy).no_proxy(NoProxy::parse("in.test")));
        assert_eq!(builder.proxy("ftp://proxy").err(), Some(InvalidProxy::Scheme));
    }

    #[test]
    fn a_default_header_replaces_the_one_of_its_name_in_upper_or_lower_case() {
        let builder = Builder::default().default_header("user-agent", "mine");
        let names = builder.settings.default_headers.iter().map(|(name, _)| name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["Accept", "user-agent"]);
        assert!(builder.no_default_headers().settings.default_headers.is_empty());
    }
}
