//! `RequestMethods`: a request with fields, encoded in the URL or in the body.

use std::{sync::LazyLock, time::Duration};

use super::{PoolManager, Urlopen};

/// The methods that pools and managers have in common (urllib3: `RequestMethods`).
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/search", listener.local_addr()?);
/// # let server = thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     let mut buf = [0; 4096];
/// #     let read = tcp.read(&mut buf).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfound").unwrap();
/// #     String::from_utf8(buf[..read].to_vec()).unwrap()
/// # });
/// use httpool_blocking::urllib3::{PoolManager, RequestMethods};
///
/// let http = PoolManager::new();
/// let mut response = http.request("GET", &url).fields([("q", "a b"), ("lang", "en")]).send()?;
/// assert_eq!(response.data()?, b"found");
/// # assert!(server.join().unwrap().starts_with("GET /search?q=a+b&lang=en HTTP/1.1\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait RequestMethods {
    /// Starts a request. A pool takes a target, such as `/path?query`, which is sent byte for byte;
    /// see [`RequestBuilder::target`](crate::RequestBuilder::target) for those that are refused. It
    /// also takes an absolute URL, of its own host unless
    /// [`assert_same_host`](Urlopen::assert_same_host) is false. A manager takes an absolute URL.
    /// The method is sent in the case in which it is given.
    fn urlopen(&self, method: &str, url: &str) -> Urlopen;

    /// Starts a request with the method in upper case. [Fields](Urlopen::fields) go into the query
    /// for GET, HEAD, DELETE and OPTIONS, and into the body otherwise.
    fn request(&self, method: &str, url: &str) -> Urlopen {
        self.urlopen(&method.to_ascii_uppercase(), url)
    }

    /// Starts a request whose fields go into the query, whatever its method.
    fn request_encode_url(&self, method: &str, url: &str) -> Urlopen {
        self.urlopen(method, url).fields_in_query()
    }

    /// Starts a request whose fields go into the body, whatever its method.
    fn request_encode_body(&self, method: &str, url: &str) -> Urlopen {
        self.urlopen(method, url).fields_in_body()
    }
}

/// Starts a request with one manager that the whole program shares (urllib3: `urllib3.request`).
/// Unless it is given another [timeout](Urlopen::timeout), a connection may take three seconds to
/// open, and the server may be silent for three seconds. Everything else is as for
/// [`PoolManager::new`] and [`RequestMethods::request`].
///
/// ```
/// # use std::{io::{Read, Write}, net::TcpListener, thread};
/// # let listener = TcpListener::bind("127.0.0.1:0")?;
/// # let url = format!("http://{}/", listener.local_addr()?);
/// # thread::spawn(move || {
/// #     let (mut tcp, _) = listener.accept().unwrap();
/// #     tcp.read(&mut [0; 4096]).unwrap();
/// #     tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
/// # });
/// use httpool_blocking::urllib3;
///
/// let mut response = urllib3::request("GET", &url).send()?;
/// assert_eq!(response.data()?, b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn request(method: &str, url: &str) -> Urlopen {
    static SHARED: LazyLock<PoolManager> = LazyLock::new(PoolManager::new);
    SHARED.request(method, url).timeout(Duration::from_secs(3))
}
