//! The options of proxies, and those of the environment.

use std::env;

use httpool_blocking::{
    Credentials, Hop, HopKind, NoProxy, Route, Routes, httpool::error::RequestError, proxies_from,
};

use crate::{
    exit::{Failed, wrong},
    options::Given,
};

/// The options of proxies.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    /// The URL of the proxy; empty: none. It replaces those of the environment.
    proxy: Option<String>,
    /// The list that replaces the environment's `no_proxy`.
    no_proxy: Option<String>,
    /// Whether http URLs are tunnelled to, not forwarded.
    tunnels: bool,
    user: Option<Credentials>,
    fields: Vec<(String, String)>,
    /// The URL of the proxy before the others.
    before: Option<String>,
}

impl Proxies {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--proxy-header" => self.fields.push(given.field()?),
            "--proxytunnel" => self.tunnels = given.on,
            "--proxy" => self.proxy = Some(given.text()?),
            "--socks4" | "--socks4a" | "--socks5" => {
                self.proxy = Some(format!("{}://{}", &given.name[2..], given.text()?));
            }
            "--socks5-hostname" => self.proxy = Some(format!("socks5h://{}", given.text()?)),
            "--preproxy" => self.before = Some(given.text()?),
            "--noproxy" => self.no_proxy = Some(given.text()?),
            "--proxy-user" => {
                let text = given.text()?;
                let (user, password) = text.split_once(':').unwrap_or((&text, ""));
                self.user = Some(Credentials::new(user, password));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the ways to origins that the options and the environment describe.
    pub(crate) fn routes(&self) -> Result<Routes, Failed> {
        let from_env = |name: &str| {
            let is_list = name.eq_ignore_ascii_case("no_proxy");
            let replaced = if is_list { self.no_proxy.is_some() } else { self.proxy.is_some() };
            if replaced { None } else { env::var_os(name) }
        };
        let mut routes = proxies_from(from_env).map_err(|why| wrong(why.to_string()))?;
        if let Some(url) = self.proxy.as_deref().filter(|url| !url.is_empty()) {
            routes = Routes::through(parse("--proxy", url)?).no_proxy(routes.no_proxy);
        }
        if let Some(list) = &self.no_proxy {
            routes.no_proxy = NoProxy::parse(list);
        }
        if let (true, Route::Forward(hops)) = (self.tunnels, &mut routes.http) {
            routes.http = Route::Tunnel(hops.clone());
        }
        for route in [&mut routes.http, &mut routes.https] {
            *route = self.completed(std::mem::take(route))?;
        }
        let none = routes.http == Route::Direct && routes.https == Route::Direct;
        let needs = [
            (self.before.is_some(), "--preproxy"),
            (self.user.is_some(), "--proxy-user"),
            (!self.fields.is_empty(), "--proxy-header"),
        ];
        match needs.iter().find(|(given, _)| none && *given) {
            Some((_, option)) => Err(wrong(format!("{option} needs a proxy: add --proxy URL"))),
            None => Ok(routes),
        }
    }

    /// Returns the route with the credentials and fields for its proxy, behind the one before.
    fn completed(&self, route: Route) -> Result<Route, Failed> {
        let completed = |hop: &Hop| -> Result<Hop, Failed> {
            let mut hop = hop.clone();
            if let Some(user) = &self.user {
                hop = hop.with_credentials(user.clone());
            }
            if hop.kind() == HopKind::Connect {
                for (name, value) in &self.fields {
                    let refused = |why: RequestError| wrong(format!("--proxy-header: {why}"));
                    hop = hop.with_field(name, value).map_err(refused)?;
                }
            }
            Ok(hop)
        };
        let hops = route.hops().iter().map(completed).collect::<Result<_, _>>()?;
        let route = match route {
            Route::Tunnel(_) => Route::Tunnel(hops),
            Route::Forward(_) => Route::Forward(hops),
            direct => direct,
        };
        Ok(match &self.before {
            Some(url) => route.behind(parse("--preproxy", url)?),
            None => route,
        })
    }
}

fn parse(option: &str, url: &str) -> Result<Hop, Failed> {
    // The URL may hold a password, so the message does not show it.
    Hop::parse(url).map_err(|why| wrong(format!("{option}: {why}")))
}
