//! The options that lead connections to other addresses.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use httpool_blocking::{ClientBuilder, Resolve, SystemResolver};

use crate::{
    exit::{Failed, wrong},
    options::Given,
};

/// The addresses and hosts to connect to in place of those of the URLs.
#[derive(Debug, Default)]
pub(crate) struct Way {
    resolved: Vec<(String, u16, IpAddr)>,
    elsewhere: Vec<Elsewhere>,
}

/// Another server for a host and port. `None` stands for any, or for the same.
#[derive(Debug, Clone, PartialEq)]
struct Elsewhere {
    from: (Option<String>, Option<u16>),
    to: (Option<String>, Option<u16>),
}

impl Way {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        let name = given.name.as_str();
        match name {
            "--resolve" => {
                let text = given.text()?;
                let text = text.trim_start_matches('+');
                let form = || wrong(format!("--resolve needs HOST:PORT:ADDR, not {text:?}"));
                let (host, port, addresses) = resolved(text).ok_or_else(form)?;
                is_a_name(name, &host)?;
                self.resolved.extend(addresses.into_iter().map(|at| (host.clone(), port, at)));
            }
            "--connect-to" => {
                let text = given.text()?;
                let form =
                    || wrong(format!("--connect-to needs HOST1:PORT1:HOST2:PORT2, not {text:?}"));
                let rule = elsewhere(&text).ok_or_else(form)?;
                is_a_name(name, rule.from.0.as_deref().unwrap_or_default())?;
                self.elsewhere.push(rule);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Sets a client up.
    pub(crate) fn set_up(&self, mut builder: ClientBuilder) -> ClientBuilder {
        for (host, port, address) in &self.resolved {
            builder = builder.resolve_to(host, *port, *address);
        }
        if self.elsewhere.is_empty() {
            return builder;
        }
        let system = SystemResolver::new();
        builder.resolver(Arc::new(Redirected { rules: self.elsewhere.clone(), system }))
    }
}

/// An address in a URL is not looked up, so no option leads it elsewhere.
fn is_a_name(option: &str, host: &str) -> Result<(), Failed> {
    match host.parse::<IpAddr>() {
        Ok(_) => Err(wrong(format!("{option} is for names; {host} is an address"))),
        Err(_) => Ok(()),
    }
}

/// Splits text at the colons that are not in brackets, and removes the brackets.
fn parts(text: &str) -> Vec<&str> {
    let mut inside = false;
    let cut = |char| {
        inside = char == '[' || inside && char != ']';
        char == ':' && !inside
    };
    text.split(cut).map(|part| part.trim_start_matches('[').trim_end_matches(']')).collect()
}

fn resolved(text: &str) -> Option<(String, u16, Vec<IpAddr>)> {
    let (host, rest) = text.split_once(':').filter(|(host, _)| !host.is_empty())?;
    let (port, addresses) = rest.split_once(':')?;
    let plain = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let addresses = addresses.split(',').map(plain).collect::<Option<Vec<IpAddr>>>()?;
    Some((host.to_owned(), port.parse().ok()?, addresses))
}

fn elsewhere(text: &str) -> Option<Elsewhere> {
    let [host, port, to_host, to_port] = parts(text)[..] else { return None };
    let name = |text: &str| (!text.is_empty()).then(|| text.to_ascii_lowercase());
    let number = |text: &str| match text {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some(Elsewhere { from: (name(host), number(port)?), to: (name(to_host), number(to_port)?) })
}

/// A resolver that looks up other names.
struct Redirected {
    rules: Vec<Elsewhere>,
    system: SystemResolver,
}

impl Redirected {
    /// Returns the host and port to look up. The first rule that fits counts.
    fn target<'h>(&'h self, host: &'h str, port: u16) -> (&'h str, u16) {
        let fits = |rule: &&Elsewhere| {
            rule.from.0.as_ref().is_none_or(|from| from == host)
                && rule.from.1.is_none_or(|from| from == port)
        };
        match self.rules.iter().find(fits) {
            Some(Elsewhere { to: (name, number), .. }) => {
                (name.as_deref().unwrap_or(host), number.unwrap_or(port))
            }
            None => (host, port),
        }
    }
}

impl Resolve for Redirected {
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let (host, port) = self.target(host, port);
        self.system.resolve(host, port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_may_be_left_out_and_addresses_may_have_brackets() {
        let rule = elsewhere("A.test:443:[::1]:8443").expect("a rule");
        assert_eq!(rule.from, (Some("a.test".into()), Some(443)));
        assert_eq!(rule.to, (Some("::1".into()), Some(8443)));
        let rule = elsewhere(":::8080").expect("a rule");
        assert_eq!((rule.from, rule.to), ((None, None), (None, Some(8080))));
        for wrong in ["", "a:1:b", "a:1:b:2:3", "a:x:b:2", "a:1:b:99999"] {
            assert_eq!(elsewhere(wrong), None, "{wrong}");
        }
        let (host, port, addresses) = resolved("a.test:443:127.0.0.1,[::1],::2").expect("one");
        assert_eq!((&*host, port, addresses.len()), ("a.test", 443, 3));
        for wrong in ["", "a.test", "a.test:443", "a.test:443:b.test", ":443:127.0.0.1"] {
            assert!(resolved(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_counts() {
        let rules = ["a.test:443:b.test:", ":443::8443", "c.test::d.test:1"];
        let rules = rules.into_iter().filter_map(elsewhere).collect();
        let redirected = Redirected { rules, system: SystemResolver::new() };
        assert_eq!(redirected.target("a.test", 443), ("b.test", 443));
        assert_eq!(redirected.target("c.test", 443), ("c.test", 8443));
        assert_eq!(redirected.target("c.test", 80), ("d.test", 1));
        assert_eq!(redirected.target("e.test", 80), ("e.test", 80));
    }
}
