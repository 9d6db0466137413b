//! A scripted server at a Unix domain socket.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::SocketAddr,
    os::unix::net::{UnixListener, UnixStream},
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use httpool::error::{Cause, DialError, Unavailable};
use httpool_blocking::{Error, Resolve};

/// A server that runs its closure once for each connection, on a thread of its own. The closure
/// gets the connection and its number, counted from 0. The path is removed at the end.
pub(crate) struct LocalServer {
    pub(crate) path: PathBuf,
    accepted: Arc<AtomicUsize>,
}

pub(crate) type Link = BufReader<UnixStream>;

/// Returns a path at which nothing listens yet.
pub(crate) fn free_path() -> PathBuf {
    static PATHS: AtomicUsize = AtomicUsize::new(0);
    let name = format!("httpool-{}-{}.sock", process::id(), PATHS.fetch_add(1, SeqCst));
    env::temp_dir().join(name)
}

impl LocalServer {
    pub(crate) fn start(script: impl Fn(&mut Link, usize) + Send + Sync + 'static) -> Self {
        let path = free_path();
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, accepted: serve(listener, script) }
    }

    /// Starts a server that answers every request with its head.
    pub(crate) fn echoing() -> Self {
        Self::start(|link, _| echo(link))
    }

    /// Returns how many connections the server has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(SeqCst)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Accepts connections on a thread. Returns the number of those accepted so far.
pub(crate) fn serve(
    listener: UnixListener,
    script: impl Fn(&mut Link, usize) + Send + Sync + 'static,
) -> Arc<AtomicUsize> {
    let (script, accepted) = (Arc::new(script), Arc::new(AtomicUsize::new(0)));
    let connections = accepted.clone();
    thread::spawn(move || {
        for socket in listener.incoming().map_while(Result::ok) {
            let (script, number) = (script.clone(), connections.fetch_add(1, SeqCst));
            thread::spawn(move || script(&mut BufReader::new(socket), number));
        }
    });
    accepted
}

/// Answers every request with its head.
pub(crate) fn echo(link: &mut Link) {
    while let Some(head) = head(link) {
        answer(link, &head);
    }
}

/// Reads a request's head. Returns `None` at the end of the connection.
pub(crate) fn head(link: &mut Link) -> Option<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if link.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}

/// Answers with 200 and `body`.
pub(crate) fn answer(link: &mut Link, body: &str) {
    send(link, &format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

pub(crate) fn send(link: &mut Link, text: &str) {
    link.get_mut().write_all(text.as_bytes()).ok();
}

/// A resolver that must not be asked.
pub(crate) struct Unasked;

impl Resolve for Unasked {
    fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        panic!("{host} is looked up");
    }
}

/// Returns the reason why no connection was opened.
pub(crate) fn dial_error(error: &Error) -> DialError {
    match error.as_failure().map(|failure| failure.cause) {
        Some(Cause::Unavailable(Unavailable::Dial(why))) => why,
        other => panic!("{other:?}"),
    }
}
