//! The options of sockets: a Unix domain socket, an IP version, an interface, options of TCP.

use std::{ffi::OsString, net::IpAddr, time::Duration};

use httpool_blocking::{ClientBuilder, Families, Route, Routes, SocketOptions};

use crate::{
    exit::{Failed, wrong},
    options::Given,
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
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--unix-socket" => self.set_unix(given.value())?,
            "--abstract-unix-socket" => {
                let mut path = OsString::from("\0");
                path.push(given.value());
                self.set_unix(path)?;
            }
            "--ipv4" => self.families = Families::V4,
            "--ipv6" => self.families = Families::V6,
            "--interface" => self.interface = Some(given.text()?),
            "--keepalive-time" => self.keepalive = Some(given.seconds()?),
            "--no-keepalive" => self.no_keepalive = given.on,
            "--tcp-nodelay" => self.no_nodelay = !given.on,
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
