//! Tests downloads into files.

use std::{fs, path::PathBuf};

use httpool_blocking::{
    Client, DownloadFailed, Error, PartialFile, Response, Watch, httpool::download::DownloadError,
};

use crate::support::{Peer, Server};

/// A directory of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("httpool-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Sends the rest of `0123456789`, or all of it, and cuts it after `bytes`.
fn rest(peer: &mut Peer, tag: &str, bytes: usize) {
    let Some(request) = peer.request() else { return };
    let same = request.field("if-range").is_some_and(|it| it == tag);
    let from = request.field("range").map(|it| it[6..].trim_end_matches('-').parse().unwrap());
    let (status, from) = match from.filter(|_| same) {
        Some(from) => (format!("206 P\r\nContent-Range: bytes {from}-9/10"), from),
        None => ("200 OK".to_owned(), 0),
    };
    let body = &"0123456789"[from..];
    let len = body.len();
    let head = format!("HTTP/1.1 {status}\r\nETag: {tag}\r\nContent-Length: {len}\r\n\r\n");
    peer.send(head + &body[..bytes.min(body.len())]);
}

#[test]
fn a_download_that_is_cut_goes_on_where_it_was() {
    let (server, folder) = (Server::start(|peer| rest(peer, "\"a\"", 4)), Folder::new("go-on"));
    let path = folder.0.join("file");
    let bytes = Client::new().download(&server.url("/")).retries(2).to(&path).unwrap();
    assert_eq!((bytes, server.requests()), (10, 3));
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_download_that_failed_is_taken_up_by_the_next_and_the_old_file_stays_until_then() {
    let (server, folder) = (Server::start(|peer| rest(peer, "\"a\"", 6)), Folder::new("later"));
    let path = folder.0.join("file");
    fs::write(&path, "old").unwrap();
    let client = Client::new();
    let download = || client.download(&server.url("/")).retries(0).to(&path);
    assert!(matches!(download(), Err(DownloadFailed::Call(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(folder.names(), ["file", "file.part", "file.part.tag"]);
    assert_eq!(download().unwrap(), 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
    assert_eq!((folder.names(), server.requests()), (vec!["file".to_owned()], 2));
}

#[test]
fn a_response_without_the_content_is_an_error() {
    let server = Server::start(|peer| {
        peer.request();
        peer.send("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno");
    });
    let folder = Folder::new("no-content");
    let path = folder.0.join("file");
    let failed = Client::new().download(&server.url("/")).to(&path).unwrap_err();
    assert!(matches!(failed, DownloadFailed::Response(DownloadError::Status(404))), "{failed}");
    assert!(!path.exists());
}

/// No response has a validator, so the second download would begin the partial file anew.
#[test]
#[cfg(unix)]
fn a_file_that_another_download_writes_is_left_alone() {
    let folder = Folder::new("locked");
    let path = folder.0.join("file");
    let same = path.clone();
    let server = Server::start(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
        let second = Client::new().download("http://127.0.0.1/").to(&same);
        assert!(matches!(second, Err(DownloadFailed::File(_))), "{second:?}");
        peer.send("56789");
    });
    assert_eq!(Client::new().download(&server.url("/")).retries(0).to(&path).unwrap(), 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
    assert_eq!((folder.names(), server.requests()), (vec!["file".to_owned()], 1));
}

struct Once;

impl Watch for Once {
    fn again(&mut self, _: Option<&Response>, _: Option<&Error>) -> bool {
        false
    }
}

#[test]
fn the_bytes_behind_an_offset_stay_until_the_server_has_answered_with_others() {
    let server = Server::start(|peer| {
        for answer in [
            "404 No\r\nContent-Length: 0\r\n\r\n",
            "206 P\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789",
        ] {
            assert_eq!(peer.request().unwrap().field("range"), Some("bytes=4-"));
            peer.send(format!("HTTP/1.1 {answer}"));
        }
    });
    let folder = Folder::new("offset");
    let path = folder.0.join("file");
    fs::write(&path, "0123 and the rest of the old").unwrap();
    let client = Client::new();
    let fill = || {
        let mut partial = PartialFile::append(&path, Some(4), 0).unwrap();
        let request = || client.get(&server.url("/")).decode(false);
        let ask = |fields: &[(&'static str, String)]| request().headers(fields.to_vec()).send();
        partial.fill(ask, &mut Once).map(|()| partial.finish().unwrap())
    };
    assert!(matches!(fill(), Err(DownloadFailed::Response(DownloadError::Status(404)))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123 and the rest of the old");
    assert_eq!(fill().unwrap(), 10);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0123456789");
}
