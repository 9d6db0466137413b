//! The options of sockets: a Unix domain socket, an IP version, an interface, options of TCP.

use std::{ffi::OsString, net::IpAddr, time::Duration};

use httpool_blocking::{ClientBuilder, Families, Route, Routes, SocketOptions};
use lexopt::Parser;

use crate::{
    args::{seconds, text, usage, wrong},
    exit::Failed,
};

/// The time after which a silent connection is probed, as curl has it.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// The options of sockets.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    unix: Option<OsString>,
    families: Families,
    /// An interface, or a local address.
    interface: Option<String>,
    keepalive: Option<Duration>,
    no_keepalive: bool,
    no_nodelay: bool,
}

impl Sockets {
    /// Parses an option and its value. Returns false if `name` is another option.
    pub(crate) fn set(&mut self, name: &str, parser: &mut Parser) -> Result<bool, Failed> {
        match name {
            "--unix-socket" => self.set_unix(parser.value().map_err(usage)?)?,
            "--abstract-unix-socket" => {
                let mut path = OsString::from("\0");
                path.push(parser.value().map_err(usage)?);
                self.set_unix(path)?;
            }
            "-4" | "--ipv4" => self.families = Families::V4,
            "-6" | "--ipv6" => self.families = Families::V6,
            "--interface" => self.interface = Some(text(parser)?),
            "--keepalive-time" => self.keepalive = Some(seconds(name, parser)?),
            "--no-keepalive" => self.no_keepalive = true,
            "--tcp-nodelay" => self.no_nodelay = false,
            "--no-tcp-nodelay" => self.no_nodelay = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_unix(&mut self, path: OsString) -> Result<(), Failed> {
        match self.unix.replace(path) {
            None => Ok(()),
            Some(_) => Err(wrong("requests go to one Unix domain socket: give one such option")),
        }
    }

    /// Returns the routes through the Unix domain socket, or those given, from the local address.
    pub(crate) fn routes(&self, proxied: Routes) -> Routes {
        match &self.unix {
            Some(path) => {
                let route = Route::unix(path.as_encoded_bytes());
                Routes::default().http(route.clone()).https(route)
            }
            None => proxied.local(self.address()),
        }
    }

    /// Sets a client up.
    pub(crate) fn set_up(&self, builder: ClientBuilder) -> ClientBuilder {
        let device = self.interface.clone().filter(|_| self.address().is_none());
        let keepalive = self.keepalive.unwrap_or(KEEPALIVE);
        let options = SocketOptions::default()
            .nodelay(!self.no_nodelay)
            .keepalive((!self.no_keepalive).then_some(keepalive))
            .interface(device);
        builder.socket_options(options).families(self.families)
    }

    /// Returns the local address, if the interface is named by one.
    fn address(&self) -> Option<IpAddr> {
        self.interface.as_ref()?.parse().ok()
    }
}
