//! Simulates proxies.

use std::time::Duration;

use httpool::{
    error::TlsKind,
    message::{Credentials, Hop, HopKind, Origin, Scheme},
};

use super::{
    Plan, Proxy, Random, Tls,
    marks::Mark,
    net::Net,
    parse::{self, Asked},
    server::Peer,
    stage::Stage,
};

impl Peer {
    /// Checks that a request is in the form for this server. A proxy then acts as the server that
    /// it forwards the request to.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        asked: &Asked,
    ) -> Result<(), String> {
        let call = asked.call;
        let Some(to) = asked.forward_to.as_deref().filter(|_| self.proxy.is_some()) else {
            let known = asked.forward_to.is_some() || asked.has_proxy_credentials;
            return match (self.proxy, known) {
                (None, false) => Ok(()),
                (None, true) => Err(format!("call {call}: with the fields of a proxy")),
                (Some(_), _) => Err(format!("call {call}: not in the form for a proxy")),
            };
        };
        if !asked.has_proxy_credentials {
            return Err(format!("call {call}: without the credentials of its proxy"));
        }
        let origin = plan.origins.iter().position(|it| it.url == to);
        let origin = origin.ok_or_else(|| format!("no server is at {to}"))?;
        let host = to.split("://").nth(1).unwrap_or_default();
        let guard = &plan.config.dial.guard;
        let names = guard.is_open() || *guard == guard.clone().allow_proxied_names(true);
        if !host.parse().map_or(names, |addr| guard.permits(addr)) {
            return Err(format!("call {call}: to {host}, which the guard denies"));
        }
        stage.mark(Mark::Forwarded);
        self.origin = origin;
        Ok(())
    }

    /// Checks that the tunnels to this server were opened with the credentials of the call.
    pub(super) fn check_tunnels(&self, plan: &Plan, call: u32) -> Result<(), String> {
        let Some(script) = plan.calls.get(call as usize).filter(|_| !self.shown.is_empty()) else {
            return Ok(());
        };
        let routes = &script.policy.routes;
        let secure = plan.origins[self.origin].url.starts_with("https:");
        let hops = if secure { &routes.https } else { &routes.http }.hops();
        let known = hops.iter().map(|hop| hop.credentials().map(Credentials::user));
        let shown = self.shown.iter().map(|user| user.map(|user| if user { "u" } else { "v" }));
        if known.take(self.shown.len()).eq(shown) {
            return Ok(());
        }
        Err(format!("call {call}: through a tunnel that other credentials opened"))
    }

    /// Handles a CONNECT. Once the tunnel stands, the connection acts as the target server.
    pub(super) fn pass_on(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
    ) -> Result<bool, String> {
        let Some((taken, target, shown)) = parse::connect(&self.input[self.taken..])? else {
            return Ok(false);
        };
        let origin = plan.origins.iter().position(|it| it.has_authority(target));
        let origin = origin.ok_or_else(|| format!("no server is at {target}"))?;
        let user = shown.map(user).transpose()?;
        self.shown.push(user);
        self.taken += taken;
        stage.tell(7, origin as u64, format_args!("s{sock} gets a CONNECT to server {origin}"));
        let Some((mark, answer)) = answer(self.proxy.take(), user) else {
            stage.mark(Mark::FaultProxy);
            self.leave(stage, net, sock, false);
            return Ok(false);
        };
        stage.mark(mark);
        let opens = matches!(mark, Mark::Tunnelled | Mark::FaultProxySpeaks);
        if opens && plan.has_session(origin) {
            net.secure(stage, sock, plan.origins[origin].tls, &answer);
        } else {
            self.out.extend_from_slice(&answer);
        }
        if mark == Mark::Tunnelled {
            self.proxy = plan.origins[origin].proxy;
        }
        if self.proxy.is_some() {
            stage.mark(Mark::Chained);
        }
        (self.origin, net.get_mut(sock).origin) = (origin, origin);
        self.pump(plan, stage, net, sock);
        if mark == Mark::Tunnelled {
            self.rest(plan, stage, sock);
        }
        Ok(true)
    }
}

const OPEN: &[u8] = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n";

/// Returns the answer of a proxy to a user, or `None` if it closes the connection.
fn answer(proxy: Option<Proxy>, user: Option<bool>) -> Option<(Mark, Vec<u8>)> {
    let refused = |status: u16, rest: &str, page: usize| {
        let head = format!("HTTP/1.1 {status} X\r\n{rest}\r\n").into_bytes();
        (Mark::FaultProxy, [head, vec![b'p'; page]].concat())
    };
    Some(match proxy {
        Some(Proxy::Passes) | None => (Mark::Tunnelled, OPEN.to_vec()),
        Some(Proxy::Demands) if user == Some(true) => (Mark::Tunnelled, OPEN.to_vec()),
        Some(Proxy::Demands) => {
            refused(407, "Proxy-Authenticate: Basic\r\nContent-Length: 0\r\n", 0)
        }
        Some(Proxy::Refuses(status)) => refused(status, "Content-Length: 0\r\n", 0),
        Some(Proxy::Explains { status, len, framed }) => {
            let length = if framed { format!("Content-Length: {len}\r\n") } else { String::new() };
            (Mark::FaultProxyPage, refused(status, &length, len as usize).1)
        }
        Some(Proxy::Endless) => {
            let line = b"X:\r\n";
            (Mark::FaultProxyHead, [&OPEN[..OPEN.len() - 2], &line.repeat(400)].concat())
        }
        Some(Proxy::Speaks) => (Mark::FaultProxySpeaks, [OPEN, b"hello"].concat()),
        Some(Proxy::Garbage) => (Mark::FaultProxy, b"SSH-2.0-x\r\n\r\n".to_vec()),
        Some(Proxy::Closes) => return None,
        Some(Proxy::Never) => (Mark::FaultProxyNever, Vec::new()),
    })
}

/// Returns whether the credentials are those of the user `u`; `v` is the other one.
fn user(shown: &str) -> Result<bool, String> {
    match shown {
        "Basic dTpw" => Ok(true),
        "Basic djpw" => Ok(false),
        other => Err(format!("nobody has the credentials {other}")),
    }
}

/// Changes a way through a proxy into one with other credentials, or through another proxy before
/// it. `draw` decides.
pub(super) fn varied(hop: Hop, first: Option<&Origin>, draw: &mut Random) -> Vec<Hop> {
    let hop = match draw.below(4) {
        0 | 1 => hop,
        2 => hop.with_credentials(Credentials::new("u", "p")),
        _ => hop.with_credentials(Credentials::new("v", "p")),
    };
    let first = first.map(|proxy| Hop::new(HopKind::Connect, proxy.clone()));
    first.into_iter().chain([hop]).collect()
}

/// Makes half of the proxies `https` ones, and with them half of the other servers: most of these
/// are `http` ones. `draw` decides. `faults`: whether there may be faults, and some that last.
pub(super) fn maybe_secure(
    plan: &mut Plan,
    proxy: Origin,
    draw: &mut Random,
    faults: (bool, bool),
) -> Origin {
    let Some(it) = plan.origins.last_mut().filter(|_| draw.once_in(2)) else { return proxy };
    it.url = it.url.replace("http:", "https:");
    let after = Duration::from_micros(draw.pick(&[0, 0, 500, 10_000]));
    it.tls = match draw.below(16) {
        0 if faults.0 => Tls::Fails { why: TlsKind::Issuer, after },
        1 if faults.1 => Tls::Never,
        _ => Tls::Up { after },
    };
    for it in plan.origins.iter_mut().filter(|it| it.proxy.is_none()) {
        if draw.once_in(2) {
            it.url = it.url.replace("http:", "https:");
        }
    }
    Origin::new(Scheme::Https, proxy.host(), 443)
}

/// Returns another fault of a proxy in the place of one that passes. `draw` decides.
pub(super) fn misbehaving(draw: &mut Random) -> Proxy {
    match draw.below(16) {
        0 => Proxy::Explains { status: 403, len: 300, framed: true },
        1 => Proxy::Explains { status: 503, len: 2_000, framed: draw.once_in(2) },
        2 => Proxy::Explains { status: 407, len: 300, framed: false },
        3 => Proxy::Endless,
        4 => Proxy::Speaks,
        5..=8 => Proxy::Demands,
        _ => Proxy::Passes,
    }
}
