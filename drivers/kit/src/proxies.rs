//! The proxies that the environment names.

use std::{env, error, ffi::OsString, fmt};

use httpool::{
    call::{NoProxy, Route, Routes},
    message::{Hop, InvalidProxy},
};

/// Returns the routes that the variables of this process's environment describe:
/// [`proxies_from`] has the rules.
///
/// # Errors
/// A variable is not the URL of a proxy, or not Unicode.
pub fn proxies_from_env() -> Result<Routes, InvalidVariable> {
    proxies_from(|name| env::var_os(name))
}

/// Returns the routes that the variables of an environment describe. `look_up` returns the value of
/// a variable.
///
/// - `http_proxy` is for `http` URLs, `https_proxy` for `https` URLs, `all_proxy` for those without
///   a variable of their own.
/// - `no_proxy` lists the origins that are reached without a proxy ([`NoProxy`]).
/// - A name in lower case counts more than the same in upper case. An empty variable in lower case
///   means no proxy (or no exceptions), whatever the others say; one in upper case is ignored.
/// - `HTTP_PROXY` is ignored if there is a variable `REQUEST_METHOD`: in a CGI script, a client sets
///   it with the header field Proxy (CVE-2016-5385).
/// - An HTTP proxy forwards requests to `http` origins, and tunnels to `https` origins; a SOCKS
///   proxy tunnels both ([`Hop::parse`] has the URLs).
///
/// ```
/// use httpool_kit::proxies_from;
///
/// let variables = [("https_proxy", "http://proxy:3128"), ("no_proxy", ".internal")];
/// let routes = proxies_from(|name| {
///     Some(variables.iter().find(|(known, _)| *known == name)?.1.into())
/// })?;
/// assert_eq!(routes.https.hops()[0].proxy().port(), 3128);
/// # Ok::<(), httpool_kit::InvalidVariable>(())
/// ```
///
/// # Errors
/// A variable that counts is not the URL of a proxy, or not Unicode. So a mistake never leads to a
/// direct connection.
pub fn proxies_from(look_up: impl Fn(&str) -> Option<OsString>) -> Result<Routes, InvalidVariable> {
    let environment = Environment { look_up };
    let mut routes = Routes::default();
    if let Some(proxy) = environment.proxy(["http_proxy", "HTTP_PROXY"])? {
        routes.http = Route::usual_for_http(proxy);
    }
    if let Some(proxy) = environment.proxy(["https_proxy", "HTTPS_PROXY"])? {
        routes.https = Route::tunnel(proxy);
    }
    if let Some((_, list)) = environment.value(["no_proxy", "NO_PROXY"])? {
        routes.no_proxy = NoProxy::parse(&list);
    }
    Ok(routes)
}

struct Environment<F> {
    look_up: F,
}

impl<F: Fn(&str) -> Option<OsString>> Environment<F> {
    /// Returns the proxy of the variable with these names, or of `all_proxy`.
    fn proxy(&self, names: [&'static str; 2]) -> Result<Option<Hop>, InvalidVariable> {
        let value = match self.value(names)? {
            None => self.value(["all_proxy", "ALL_PROXY"])?,
            some => some,
        };
        match value {
            Some((name, url)) if !url.is_empty() => match Hop::parse(&url) {
                Ok(hop) => Ok(Some(hop)),
                Err(why) => Err(InvalidVariable { name, why: Some(why) }),
            },
            Some(_) | None => Ok(None),
        }
    }

    /// Returns the value of the variable with these names, in lower and upper case, and its name.
    fn value(
        &self,
        [lower, upper]: [&'static str; 2],
    ) -> Result<Option<(&'static str, String)>, InvalidVariable> {
        if let Some(value) = self.text(lower)? {
            return Ok(Some((lower, value)));
        }
        if upper == "HTTP_PROXY" && (self.look_up)("REQUEST_METHOD").is_some() {
            return Ok(None);
        }
        let value = self.text(upper)?.filter(|value| !value.is_empty());
        Ok(value.map(|value| (upper, value)))
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, InvalidVariable> {
        let Some(value) = (self.look_up)(name) else { return Ok(None) };
        let text = value.into_string().map_err(|_| InvalidVariable { name, why: None })?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// The error for a variable of the environment that names no proxy. It does not show the value,
/// which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidVariable {
    name: &'static str,
    /// The reason. `None`: the value is not Unicode.
    why: Option<InvalidProxy>,
}

impl InvalidVariable {
    /// Returns the name of the variable.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what is wrong with the URL. `None` if it is not even Unicode.
    pub fn proxy_error(&self) -> Option<InvalidProxy> {
        self.why
    }
}

impl fmt::Display for InvalidVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} cannot be used: ", self.name)?;
        match self.why {
            Some(why) => write!(f, "{why}"),
            None => f.write_str("its value is not Unicode"),
        }
    }
}

impl error::Error for InvalidVariable {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ways as text: `-` for a direct one, `>` before a proxy that forwards.
    fn shown(variables: &str) -> String {
        let variables: Vec<_> = variables.split(' ').filter_map(|it| it.split_once('=')).collect();
        let look_up = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let way = |route: &Route| match route.hops() {
            [] => "-".to_owned(),
            [hop] => {
                let forwards = matches!(route, Route::Forward(_));
                format!("{}{}", if forwards { ">" } else { "" }, hop.proxy().host())
            }
            _ => unreachable!(),
        };
        match proxies_from(look_up) {
            Ok(it) => format!("{} {} {}", way(&it.http), way(&it.https), it.no_proxy),
            Err(why) => {
                assert!(!format!("{why} {why:?}").contains("secret"), "{why:?}");
                format!("{} {:?}", why.name(), why.proxy_error())
            }
        }
    }

    #[test]
    fn variables_choose_the_ways() {
        for (variables, ways) in [
            ("", "- - "),
            ("http_proxy=h", ">h - "),
            ("https_proxy=s", "- s "),
            ("all_proxy=a", ">a a "),
            ("http_proxy=h all_proxy=a", ">h a "),
            ("https_proxy=s all_proxy=a", ">a s "),
            ("http_proxy=socks5h://k https_proxy=socks4://l", "k l "),
            ("all_proxy=socks5://k", "k k "),
            ("http_proxy=https://u:secret@h:1", ">h - "),
            // Names in upper case.
            ("HTTP_PROXY=H", ">h - "),
            ("HTTPS_PROXY=S ALL_PROXY=A", ">a s "),
            ("HTTP_PROXY=upper http_proxy=lower", ">lower - "),
            ("HTTPS_PROXY=upper https_proxy=lower", "- lower "),
            ("ALL_PROXY=upper all_proxy=lower", ">lower lower "),
            ("Http_Proxy=h Https_Proxy=s", "- - "),
            // Empty variables.
            ("http_proxy= HTTP_PROXY=h all_proxy=a", "- a "),
            ("https_proxy= HTTPS_PROXY=s all_proxy=a", ">a - "),
            ("all_proxy= ALL_PROXY=a", "- - "),
            ("http_proxy=\t all_proxy=a", "- a "),
            ("HTTP_PROXY= all_proxy=a", ">a a "),
            ("HTTPS_PROXY= ALL_PROXY=", "- - "),
            // A CGI script.
            ("HTTP_PROXY=evil REQUEST_METHOD=GET", "- - "),
            ("HTTP_PROXY=evil REQUEST_METHOD=", "- - "),
            ("HTTP_PROXY=evil REQUEST_METHOD=GET all_proxy=a", ">a a "),
            ("http_proxy=h HTTPS_PROXY=s REQUEST_METHOD=GET", ">h s "),
            // Exceptions.
            ("all_proxy=a no_proxy=x.test,10.0.0.0/8", ">a a x.test,10.0.0.0/8"),
            ("all_proxy=a NO_PROXY=x.test", ">a a x.test"),
            ("all_proxy=a NO_PROXY=upper no_proxy=lower", ">a a lower"),
            ("all_proxy=a NO_PROXY=upper no_proxy=", ">a a "),
            ("no_proxy=*", "- - *"),
        ] {
            assert_eq!(shown(variables), ways, "{variables}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error_and_no_direct_connection() {
        for (variables, error) in [
            ("http_proxy=ftp://u:secret@h", "http_proxy Some(Scheme)"),
            ("https_proxy=socks://h", "https_proxy Some(Scheme)"),
            ("http_proxy=http://u:secret@h:99999", "http_proxy Some(Port)"),
            ("HTTPS_PROXY=http://", "HTTPS_PROXY Some(Host)"),
            ("all_proxy=http://u:secret@h/x", "all_proxy Some(Path)"),
            ("http_proxy=h ALL_PROXY=%", "ALL_PROXY Some(Host)"),
            ("https_proxy=http://u:%ff@h", "https_proxy Some(Credentials)"),
            // One that does not count is not read.
            ("http_proxy=h https_proxy=s all_proxy=x://", ">h s "),
            ("http_proxy=h HTTP_PROXY=x://", ">h - "),
        ] {
            assert_eq!(shown(variables), error, "{variables}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_unicode_is_an_error() {
        use std::os::unix::ffi::OsStringExt;
        for name in ["https_proxy", "NO_PROXY"] {
            let look_up = |asked: &str| (asked == name).then(|| OsString::from_vec(vec![0xff]));
            let error = proxies_from(look_up).unwrap_err();
            assert_eq!((error.name(), error.proxy_error()), (name, None));
        }
    }
}
