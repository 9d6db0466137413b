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
        client::{Action, Client, Config, Event, Transmit},
        error::IoKind,
        id::ConnId,
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
        Connect { attempt: Attempt, tcp: Rc<TcpStream>, _addr: Box<SocketAddrAny> },
        Send { conn: ConnId, tcp: Rc<TcpStream>, out: Vec<u8>, sent: usize },
        Receive { attempt: Attempt, tcp: Rc<TcpStream>, buffer: Vec<u8> },
    }

    /// A connection, and the number of the attempt: addresses race, and the losers are abandoned
    /// before any byte is sent.
    type Attempt = (ConnId, u8);

    /// An open socket, and input that was not taken.
    struct Link {
        tcp: Rc<TcpStream>,
        rest: Vec<u8>,
    }

    struct Loop {
        ring: IoUring,
        client: Client,
        /// Addresses to connect to, instead of those of names.
        given: Vec<String>,
        links: BTreeMap<Attempt, Link>,
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
                Action::Connect { conn, attempt, addr, .. } => {
                    let tcp = Rc::new(open(addr)?);
                    let addr = Box::new(addr.as_any());
                    let (fd, len) = (types::Fd(tcp.as_raw_fd()), addr.addr_len());
                    let entry = opcode::Connect::new(fd, addr.as_ptr().cast(), len).build();
                    let attempt = (conn, attempt);
                    self.links.insert(attempt, Link { tcp: tcp.clone(), rest: Vec::new() });
                    self.push(entry, Op::Connect { attempt, tcp, _addr: addr })?;
                }
                // These requests have no body, so the appended bytes are the whole output.
                Action::Transmit { conn, .. } => {
                    let mut out = Vec::new();
                    assert_eq!(self.client.poll_transmit(conn, &mut out), Transmit::Nothing);
                    let mut open = self.links.range((conn, 0)..=(conn, u8::MAX));
                    if let Some(tcp) = open.next().map(|(_, link)| link.tcp.clone()) {
                        self.send(conn, tcp, out, 0)?;
                    }
                }
                Action::Abandon { conn, attempt } => self.shut((conn, attempt)),
                Action::Close { conn, .. } => {
                    let open = self.links.range((conn, 0)..=(conn, u8::MAX));
                    let open: Vec<_> = open.map(|(attempt, _)| *attempt).collect();
                    open.into_iter().for_each(|attempt| self.shut(attempt));
                }
                // The response came before the whole request was written.
                Action::End { call, .. } => println!("{call} is complete"),
                // This loop caches no look-up.
                Action::Refresh { .. } => {}
                Action::Failed { call, failure } => println!("{call} failed: {failure}"),
                other => unreachable!("no upgrade, body or TLS was asked for: {other}"),
            }
            Ok(())
        }

        /// Shuts an attempt's socket down. Its operations then complete, and free their memory.
        fn shut(&mut self, attempt: Attempt) {
            if let Some(link) = self.links.remove(&attempt) {
                link.tcp.shutdown(Shutdown::Both).ok();
            }
        }

        fn completed(&mut self, op: Op, result: i32) -> io::Result<()> {
            let now = self.now();
            let kind = || match io::Error::from_raw_os_error(-result).kind() {
                io::ErrorKind::ConnectionRefused => IoKind::Refused,
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => IoKind::Reset,
                _ => IoKind::Other,
            };
            match op {
                // The attempt was abandoned meanwhile.
                Op::Connect { attempt, .. } if !self.links.contains_key(&attempt) => {}
                Op::Connect { attempt, .. } if result < 0 => {
                    self.links.remove(&attempt);
                    self.client.handle_connected(attempt.0, attempt.1, Err(kind()), now);
                }
                Op::Connect { attempt, tcp, .. } => {
                    self.client.handle_connected(attempt.0, attempt.1, Ok(()), now);
                    self.receive(attempt, tcp, vec![0; 16 * 1024])?;
                }
                Op::Send { conn, .. } if result < 0 => {
                    self.client.handle_write_failed(conn, kind(), now);
                }
                Op::Send { conn, tcp, out, sent } => {
                    let sent = sent + result as usize;
                    self.client.handle_written(conn, result as usize, now);
                    if sent < out.len() && self.client.sends(conn) {
                        self.send(conn, tcp, out, sent)?;
                    }
                }
                Op::Receive { attempt, .. } if !self.links.contains_key(&attempt) => {}
                Op::Receive { attempt: (conn, _), .. } if result <= 0 => {
                    if let Event::End(call, _) = self.client.handle_eof(conn, result == 0, now) {
                        println!("{call} is complete");
                    }
                }
                Op::Receive { attempt, tcp, buffer } => {
                    self.take(attempt, &buffer[..result as usize], now);
                    if self.links.contains_key(&attempt) {
                        self.receive(attempt, tcp, buffer)?;
                    }
                }
            }
            Ok(())
        }

        fn take(&mut self, attempt: Attempt, input: &[u8], now: Instant) {
            let Some(link) = self.links.get_mut(&attempt) else { return };
            link.rest.extend_from_slice(input);
            loop {
                let (taken, event) = self.client.receive(attempt.0, &link.rest, now);
                match event {
                    Event::NeedInput => break,
                    Event::Head(call, head) => println!("{call} {}", head.status()),
                    Event::Data(call, data) => println!("{call} {} bytes", data.len()),
                    Event::End(call, _) => println!("{call} is complete"),
                    Event::Skipped | Event::Interim(..) => {}
                }
                link.rest.drain(..taken);
            }
        }

        fn send(
            &mut self,
            conn: ConnId,
            tcp: Rc<TcpStream>,
            out: Vec<u8>,
            sent: usize,
        ) -> io::Result<()> {
            let (left, fd) = (&out[sent..], types::Fd(tcp.as_raw_fd()));
            let entry = opcode::Send::new(fd, left.as_ptr(), left.len() as u32).build();
            self.push(entry, Op::Send { conn, tcp, out, sent })
        }

        fn receive(
            &mut self,
            attempt: Attempt,
            tcp: Rc<TcpStream>,
            mut buffer: Vec<u8>,
        ) -> io::Result<()> {
            let (len, fd) = (buffer.len() as u32, types::Fd(tcp.as_raw_fd()));
            let entry = opcode::Recv::new(fd, buffer.as_mut_ptr(), len).build();
            self.push(entry, Op::Receive { attempt, tcp, buffer })
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
