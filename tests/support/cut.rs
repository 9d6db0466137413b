//! Responses whose bodies fail.

use super::{Server, coded, ok};

/// The parts of responses whose bodies are cut off or malformed, by name. After each the server
/// closes the connection, except for `stalled`, which stays open.
pub(crate) fn failing() -> [(&'static str, Vec<u8>); 5] {
    let gzip = coded::gzip(b"wrong bytes of a body that is cut");
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        gzip.len()
    );
    [
        ("short", b"HTTP/1.1 200 OK\r\nX-Try: 1\r\nContent-Length: 9\r\n\r\nwrong".to_vec()),
        ("cut chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nwro".to_vec()),
        ("bad chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nwro".to_vec()),
        ("short gzip", [head.as_bytes(), &gzip[..gzip.len() - 9]].concat()),
        ("stalled", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nwrong".to_vec()),
    ]
}

/// Starts a server whose first `times` responses are `bad`, each on a connection of its own. Later
/// ones have the body `whole`.
pub(crate) fn server(bad: Vec<u8>, times: usize, stalls: bool) -> Server {
    Server::start(move |peer| {
        while peer.request().is_some() {
            if peer.number >= times {
                peer.send(ok("whole"));
                continue;
            }
            peer.send(&bad);
            if !stalls {
                return;
            }
            // Ends when the client closes.
            peer.request();
        }
    })
}
