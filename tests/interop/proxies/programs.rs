//! The proxies of others, started by a test on free ports of the loopback interface.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use httpool_tls_testing::certificates::Authority;

/// A folder for the files of proxies, with a certificate for `localhost` in `proxy.pem`, and that of
/// its authority in `root.pem`.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(name: &str, authority: &Authority) -> Self {
        let path = std::env::temp_dir().join(format!("httpool-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        let folder = Self(path);
        let issued = authority.issue(&["localhost"]);
        folder.write("proxy.pem", &(issued.chain_pem() + &issued.key_pem()));
        folder.write("root.pem", &authority.pem());
        folder
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }

    fn write(&self, file: &str, text: &str) -> String {
        fs::write(self.0.join(file), text).unwrap();
        self.path(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// A proxy that runs. It ends with the value.
pub(super) struct Running<const PORTS: usize> {
    child: Child,
    pub(super) ports: [u16; PORTS],
}

impl<const PORTS: usize> Drop for Running<PORTS> {
    fn drop(&mut self) {
        // On a signal that can be handled, a proxy of several processes ends them all.
        let id = self.child.id().to_string();
        let told = Command::new("kill").args(["-TERM", &id]).stderr(Stdio::null()).status();
        if told.is_err() {
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}

/// Starts a program whose command is made from its ports, and waits until it listens. `None` if it
/// is not installed; the test says so.
fn start<const PORTS: usize>(
    program: &str,
    command: impl Fn(&[u16; PORTS]) -> Vec<String>,
) -> Option<Running<PORTS>> {
    // A free port may be taken before the program uses it. Then tries other ones.
    for _ in 0..10 {
        let free = [(); PORTS].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = free.each_ref().map(|listener| listener.local_addr().unwrap().port());
        drop(free);
        let arguments = command(&ports);
        let started = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]
            .into_iter()
            .find_map(|folder| {
                Command::new(format!("{folder}/{program}"))
                    .args(&arguments)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .ok()
            });
        let Some(child) = started else {
            eprintln!("!! NOT RUN: there is no {program} here");
            return None;
        };
        let mut running = Running { child, ports };
        let listens = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
        while running.child.try_wait().unwrap().is_none() {
            if running.ports.iter().all(listens) {
                return Some(running);
            }
            thread::yield_now();
        }
    }
    panic!("{program} does not start");
}

/// Starts squid with four ports: open, with a password, and both behind TLS. It refuses port 1.
pub(super) fn squid(folder: &Folder) -> Option<Running<4>> {
    let check = "while read user password; do\n\
                 [ \"$user $password\" = 'me secret' ] && echo OK || echo ERR\ndone\n";
    let check = folder.write("check.sh", check);
    let (certificate, root) = (folder.path("proxy.pem"), folder.path("root.pem"));
    start("squid", |[open, closed, secure, both]| {
        let tls = format!("tls-cert={certificate}");
        let config = format!(
            "http_port 127.0.0.1:{open} name=open\n\
             http_port 127.0.0.1:{closed} name=closed\n\
             https_port 127.0.0.1:{secure} name=secure {tls}\n\
             https_port 127.0.0.1:{both} name=both {tls}\n\
             tls_outgoing_options cafile={root}\n\
             auth_param basic program /bin/sh {check}\n\
             acl open myportname open secure\n\
             acl known proxy_auth REQUIRED\n\
             acl denied port 1\n\
             http_access deny denied\n\
             http_access allow open\n\
             http_access allow known\n\
             http_access deny all\n\
             cache deny all\n\
             access_log none\n\
             cache_log /dev/null\n\
             pid_filename none\n\
             pinger_enable off\n\
             shutdown_lifetime 0 seconds\n"
        );
        let config = folder.write("squid.conf", &config);
        ["-N", "-f", &config].map(str::to_owned).to_vec()
    })
}

/// Starts tinyproxy, with a password if `knows`.
pub(super) fn tinyproxy(folder: &Folder, knows: bool) -> Option<Running<1>> {
    start("tinyproxy", |[port]| {
        let password = if knows { "BasicAuth me secret\n" } else { "" };
        let config = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Critical\n\
             {password}"
        );
        let config = folder.write(&format!("tinyproxy-{port}.conf"), &config);
        ["-d", "-c", &config].map(str::to_owned).to_vec()
    })
}

/// Starts HAProxy as the TLS in front of the proxy at `behind`.
pub(super) fn haproxy(folder: &Folder, behind: u16) -> Option<Running<1>> {
    let certificate = folder.path("proxy.pem");
    start("haproxy", |[port]| {
        let config = format!(
            "defaults\n mode tcp\n timeout connect 10s\n timeout client 60s\n timeout server 60s\n\
             listen front\n bind 127.0.0.1:{port} ssl crt {certificate}\n\
             \x20server behind 127.0.0.1:{behind}\n"
        );
        let config = folder.write("haproxy.cfg", &config);
        ["-db", "-q", "-f", &config].map(str::to_owned).to_vec()
    })
}

/// Starts microsocks, with a password if `knows`.
pub(super) fn microsocks(knows: bool) -> Option<Running<1>> {
    start("microsocks", |[port]| {
        let port = port.to_string();
        let known = if knows { &["-u", "me", "-P", "secret"][..] } else { &[] };
        let arguments = ["-i", "127.0.0.1", "-p", &port].into_iter().chain(known.iter().copied());
        arguments.map(str::to_owned).collect()
    })
}

/// Starts dante, which speaks SOCKS4, 4a and 5.
pub(super) fn dante(folder: &Folder) -> Option<Running<1>> {
    start("danted", |[port]| {
        let config = format!(
            "logoutput: /dev/null\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\n\
             clientmethod: none\nsocksmethod: none\n\
             client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
             socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
        );
        let config = folder.write("danted.conf", &config);
        let pid = folder.path("danted.pid");
        ["-f", &config, "-p", &pid].map(str::to_owned).to_vec()
    })
}
