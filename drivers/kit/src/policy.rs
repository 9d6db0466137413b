//! The methods that set a policy, for all calls of a client or for one call.

/// Adds the methods that set redirects, retries and deadlines to a builder. Its field `$part` has a
/// field `policy: Arc<Policy>` and a method `policy_mut`. `$of` is the text in the docs that names
/// the calls concerned. [`settings_methods!`](crate::settings_methods) and
/// [`request_methods!`](crate::request_methods) use it.
#[macro_export]
macro_rules! policy_methods {
    ($part:ident, $of:literal) => {
        #[doc = concat!("Sets redirects, retries and deadlines ", $of, ".")]
        ///
        /// It replaces the settings made before with [`timeout`](Self::timeout),
        /// [`timeouts`](Self::timeouts), [`redirect`](Self::redirect) and [`retry`](Self::retry).
        pub fn policy(mut self, policy: $crate::httpool::call::Policy) -> Self {
            self.$part.policy = ::std::sync::Arc::new(policy);
            self
        }

        #[doc = concat!("Sets the total deadline ", $of, ".")]
        ///
        /// It limits the time that a whole call may take: the wait for a connection, dials,
        /// attempts, pauses between them, and the response's body. There is no such limit by
        /// default.
        pub fn timeout(mut self, total: ::std::time::Duration) -> Self {
            self.$part.policy_mut().timeout.total = ::std::option::Option::Some(total);
            self
        }

        #[doc = concat!("Sets all deadlines ", $of, ".")]
        pub fn timeouts(mut self, timeout: $crate::httpool::call::Timeout) -> Self {
            self.$part.policy_mut().timeout = timeout;
            self
        }

        #[doc = concat!("Sets the rules for redirects ", $of, ".")]
        ///
        /// At most 10 are followed by default.
        pub fn redirect(mut self, redirect: $crate::httpool::call::Redirect) -> Self {
            self.$part.policy_mut().redirect = redirect;
            self
        }

        #[doc = concat!("Sets the rules for retries ", $of, ".")]
        ///
        /// By default a request is sent again only if it met a dead idle connection, and only if
        /// that is safe.
        pub fn retry(mut self, retry: $crate::httpool::call::Retry) -> Self {
            self.$part.policy_mut().retry = retry;
            self
        }

        #[doc = concat!("Sets whether the response's body is a part of its attempt, ", $of, ".")]
        ///
        /// Then a body that is cut, malformed or too slow is retried as the rules for retries allow
        /// (urllib3: `preload_content`). It is the field
        /// [`Policy::preload`]($crate::httpool::call::Policy::preload). False by default.
        pub fn preload(mut self, yes: bool) -> Self {
            self.$part.policy_mut().preload = yes;
            self
        }
    };
}
