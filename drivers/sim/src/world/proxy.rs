//! Simulates proxies.

use super::{
    Plan, Proxy,
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

    /// Handles a CONNECT. Once the tunnel stands, the connection acts as the target server.
    pub(super) fn pass_on(
        &mut self,
        plan: &Plan,
        stage: &mut Stage,
        net: &mut Net,
        sock: u32,
    ) -> Result<bool, String> {
        let Some((taken, target)) = parse::connect(&self.input[self.taken..])? else {
            return Ok(false);
        };
        let origin = plan.origins.iter().position(|it| it.has_authority(target));
        let origin = origin.ok_or_else(|| format!("no server is at {target}"))?;
        self.taken += taken;
        stage.tell(7, origin as u64, format_args!("s{sock} gets a CONNECT to server {origin}"));
        let (mark, answer): (_, &[u8]) = match self.proxy.take() {
            Some(Proxy::Passes) | None => (Mark::Tunnelled, b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"),
            Some(Proxy::Refuses(status)) => {
                self.out.extend_from_slice(format!("HTTP/1.1 {status} X\r\n").as_bytes());
                (Mark::FaultProxy, b"Content-Length: 0\r\n\r\n")
            }
            Some(Proxy::Garbage) => (Mark::FaultProxy, b"SSH-2.0-x\r\n\r\n"),
            Some(Proxy::Closes) => {
                stage.mark(Mark::FaultProxy);
                self.leave(stage, net, sock, false);
                return Ok(false);
            }
            Some(Proxy::Never) => (Mark::FaultProxyNever, b""),
        };
        stage.mark(mark);
        if mark == Mark::Tunnelled && plan.has_session(origin) {
            net.secure(stage, sock, plan.origins[origin].tls, answer);
        } else {
            self.out.extend_from_slice(answer);
        }
        (self.origin, net.get_mut(sock).origin) = (origin, origin);
        self.pump(plan, stage, net, sock);
        if mark == Mark::Tunnelled {
            self.rest(plan, stage, sock);
        }
        Ok(true)
    }
}
