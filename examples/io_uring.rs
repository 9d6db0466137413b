//! Embeds the core in a loop over io_uring that waits for completions only. It runs on Linux only.
//! If the kernel does not allow io_uring, it prints that and exits with 77.
//!
//!     cargo run --example io_uring -- http://127.0.0.1:8080/a http://127.0.0.1:8080/b
//!
//! Arguments that are not URLs are addresses to connect to, instead of those of the URLs' names.

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("SKIPPED: io_uring exists on Linux only");
    std::process::ExitCode::from(77)
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(target_os = "linux")]
mod linux {
    #![expect(unsafe_code, reason = "the kernel reads and writes buffers that are lent to it")]

    use std::{
        collections::BTreeMap,
        io,
        net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs},
        os::fd::AsRawFd,
        process::ExitCode,
        rc::Rc,
    };

    use httpool::{
        client::{Action, Client, Config, Inbox, Transmit},
        error::IoKind,
        id::SocketId,
        message::Request,
        time::Instant,
    };
    use io_uring::{IoUring, opcode, squeue, types};
    use rustix::net::{
        AddressFamily, SocketAddrAny, SocketType, addr::SocketAddrArg, ipproto, socket,
    };

    pub(super) fn main() -> ExitCode {
        let ring = match IoUring::new(64) {
            Ok(ring) => ring,
            Err(error) => {
                eprintln!("SKIPPED: the kernel does not allow io_uring: {error}");
                return ExitCode::from(77);
            }
        };
        match Loop::new(ring).run(std::env::args().skip(1).collect()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }

    /// An operation in the kernel. It owns the memory that the kernel uses until the completion
    /// comes.
    enum Op {
        Connect { id: SocketId, tcp: Rc<TcpStream>, _addr: Box<SocketAddrAny> },
        Send { id: SocketId, tcp: Rc<TcpStream>, out: Vec<u8>, sent: usize },
        Receive { id: SocketId, tcp: Rc<TcpStream>, buffer: Vec<u8> },
    }

    /// An open socket, and input that was not consumed.
    struct Link {
        tcp: Rc<TcpStream>,
        inbox: Inbox,
    }

    struct Loop {
        ring: IoUring,
        client: Client,
        /// Addresses to connect to, instead of those of names.
        given: Vec<String>,
        links: BTreeMap<SocketId, Link>,
        /// The operations, by the number that their completion carries.
        ops: BTreeMap<u64, Op>,
        last: u64,
        epoch: std::time::Instant,
    }

    impl Loop {
        fn new(ring: IoUring) -> Self {
            Self {
                ring,
                client: Client::new(Config::default()),
                given: Vec::new(),
                links: BTreeMap::new(),
                ops: BTreeMap::new(),
                last: 0,
                epoch: std::time::Instant::now(),
            }
        }

        fn run(mut self, args: Vec<String>) -> Result<(), Box<dyn std::error::Error>> {
            let (urls, given): (Vec<_>, Vec<_>) =
                args.into_iter().partition(|arg| arg.contains("://"));
            self.given = given;
            for url in urls {
                let now = self.now();
                self.client.request(Request::get(&url).build()?, Default::default(), now);
            }
            loop {
                while let Some(action) = self.client.poll_action() {
                    self.act(action)?;
                }
                if self.client.calls() == 0 {
                    // Waits for the kernel to complete all operations before their memory is freed.
                    self.links.values().for_each(|it| drop(it.tcp.shutdown(Shutdown::Both)));
                    self.links.clear();
                    if self.ops.is_empty() {
                        return Ok(());
                    }
                }
                self.wait()?;
                let done: Vec<_> =
                    self.ring.completion().map(|it| (it.user_data(), it.result())).collect();
                for (number, result) in done {
                    if let Some(op) = self.ops.remove(&number) {
                        self.completed(op, result)?;
                    }
                }
                self.client.handle_timeout(self.now());
            }
        }

        fn act(&mut self, action: Action) -> io::Result<()> {
            let now = self.now();
            match action {
                // Looks the name up in place, which blocks the loop. A real loop has a thread for
                // look-ups.
                Action::Resolve { conn, host, port } => {
                    let names = if self.given.is_empty() { vec![host] } else { self.given.clone() };
                    let found = names.into_iter().flat_map(|name| (name, port).to_socket_addrs());
                    self.client.handle_resolved(conn, &found.flatten().collect::<Vec<_>>(), now);
                }
                Action::Connect { socket: id, addr, .. } => {
                    let addr = addr.tcp().ok_or(io::ErrorKind::Unsupported)?;
                    let tcp = Rc::new(open(addr)?);
                    let addr = Box::new(addr.as_any());
                    let (fd, len) = (types::Fd(tcp.as_raw_fd()), addr.addr_len());
                    let entry = opcode::Connect::new(fd, addr.as_ptr().cast(), len).build();
                    self.links.insert(id, Link { tcp: tcp.clone(), inbox: Inbox::new() });
                    self.push(entry, Op::Connect { id, tcp, _addr: addr })?;
                }
                // These requests have no body, so the appended bytes are the whole output.
                Action::Transmit { socket: id, .. } => {
                    let mut out = Vec::new();
                    assert_eq!(self.client.poll_transmit(id, &mut out), Transmit::Nothing);
                    if let Some(tcp) = self.links.get(&id).map(|link| link.tcp.clone()) {
                        self.send(id, tcp, out, 0)?;
                    }
                }
                // Its operations then complete, and free their memory.
                Action::Close { socket, .. } => {
                    self.links.remove(&socket).map(|link| link.tcp.shutdown(Shutdown::Both));
                }
                // `End` and `Failed`. There is no TLS, no upgrade, and no cache of look-ups.
                other => eprintln!("{other}"),
            }
            Ok(())
        }

        fn completed(&mut self, op: Op, result: i32) -> io::Result<()> {
            let now = self.now();
            let kind = || match io::Error::from_raw_os_error(-result).kind() {
                io::ErrorKind::ConnectionRefused => IoKind::Refused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => IoKind::Reset,
                _ => IoKind::Other,
            };
            match op {
                Op::Connect { id, .. } if result < 0 => {
                    self.links.remove(&id);
                    self.client.handle_connected(id, Err(kind()), now);
                }
                // The client has closed the socket meanwhile.
                Op::Connect { id, .. } if !self.links.contains_key(&id) => {}
                Op::Connect { id, tcp, .. } => {
                    self.client.handle_connected(id, Ok(()), now);
                    self.receive(id, tcp, vec![0; 16 * 1024])?;
                }
                Op::Send { id, .. } if result < 0 => {
                    self.client.handle_write_failed(id, kind(), now);
                }
                Op::Send { id, tcp, out, sent } => {
                    let sent = sent + result as usize;
                    self.client.handle_written(id, result as usize, now);
                    if sent < out.len() && self.client.sends(id) {
                        self.send(id, tcp, out, sent)?;
                    }
                }
                Op::Receive { id, .. } if result <= 0 => {
                    if let Some(event) = self.client.handle_eof(id, (result == 0).into(), now) {
                        eprintln!("{event}");
                    }
                }
                Op::Receive { id, tcp, buffer } => {
                    let Some(link) = self.links.get_mut(&id) else { return Ok(()) };
                    let input = link.inbox.with(&buffer[..result as usize]);
                    while let Some(event) = self.client.read(id, &input, now) {
                        eprintln!("{event}");
                    }
                    drop(input);
                    self.receive(id, tcp, buffer)?;
                }
            }
            Ok(())
        }

        fn send(
            &mut self,
            id: SocketId,
            tcp: Rc<TcpStream>,
            out: Vec<u8>,
            sent: usize,
        ) -> io::Result<()> {
            let (left, fd) = (&out[sent..], types::Fd(tcp.as_raw_fd()));
            let entry = opcode::Send::new(fd, left.as_ptr(), left.len() as u32).build();
            self.push(entry, Op::Send { id, tcp, out, sent })
        }

        fn receive(
            &mut self,
            id: SocketId,
            tcp: Rc<TcpStream>,
            mut buffer: Vec<u8>,
        ) -> io::Result<()> {
            let (len, fd) = (buffer.len() as u32, types::Fd(tcp.as_raw_fd()));
            let entry = opcode::Recv::new(fd, buffer.as_mut_ptr(), len).build();
            self.push(entry, Op::Receive { id, tcp, buffer })
        }

        fn push(&mut self, entry: squeue::Entry, op: Op) -> io::Result<()> {
            self.last += 1;
            let entry = entry.user_data(self.last);
            self.ops.insert(self.last, op);
            // SAFETY: the socket, the address and the buffer live in `ops` until the completion has
            // come, and nothing touches them there. Their memory does not move with the entry.
            while unsafe { self.ring.submission().push(&entry) }.is_err() {
                self.ring.submit()?;
            }
            Ok(())
        }

        /// Submits the queued operations, and waits for a completion or the next deadline.
        fn wait(&self) -> io::Result<()> {
            let left = self.client.poll_timeout().map(|(at, _)| at.since(self.now()));
            let waited = match left {
                Some(left) => {
                    let left = types::Timespec::from(left);
                    let args = types::SubmitArgs::new().timespec(&left);
                    self.ring.submitter().submit_with_args(1, &args)
                }
                None => self.ring.submit_and_wait(1),
            };
            match waited {
                Err(error)
                    if error.raw_os_error() == Some(rustix::io::Errno::TIME.raw_os_error()) =>
                {
                    Ok(())
                }
                other => other.map(drop),
            }
        }

        fn now(&self) -> Instant {
            Instant::from_nanos(self.epoch.elapsed().as_nanos() as u64)
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            // An error has ended the loop early. The memory that the kernel may still use must not
            // be freed.
            std::mem::forget(std::mem::take(&mut self.ops));
        }
    }

    fn open(addr: SocketAddr) -> io::Result<TcpStream> {
        let family = if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        Ok(TcpStream::from(socket(family, SocketType::STREAM, Some(ipproto::TCP))?))
    }
}
