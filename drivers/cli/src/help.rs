//! The texts of `--help` and `--version`.

use crate::{
    exit::{Failed, wrong},
    options,
};

/// The output of `--version`.
pub(crate) const VERSION: &str = concat!("httpool ", env!("CARGO_PKG_VERSION"), "\n");

/// Returns the text about everything, about a topic, or about an option.
pub(crate) fn text(topic: Option<&str>) -> Result<String, Failed> {
    match topic {
        None => Ok(format!("{USAGE}{}\n{EXIT}\n{EXAMPLES}", options::page())),
        Some("exit") => Ok(EXIT.to_owned()),
        Some("curl") => Ok(options::comparison()),
        Some(word) => options::topic(word).ok_or_else(|| {
            let topics = options::topics();
            wrong(format!("there is no help about {word:?}"))
                .hint(format!("the topics are {topics}, exit and curl"))
        }),
    }
}

const USAGE: &str = "\
httpool - HTTP/1.1 requests over a pool of connections

Usage:  httpool [OPTIONS] URL...  send a request, as curl does: GET, unless an option says otherwise
        httpool get|head|post|put|delete [OPTIONS] URL...
        httpool request METHOD [OPTIONS] URL...
        httpool replay FILE       check that a recording of --record leads to the same decisions
        httpool timeline TRACE    draw the calls and connections of a trace (of --events, --record
                                  or another program; - is standard input) over time, as one HTML
                                  page, or as SVG. -o, --output FILE.html or FILE.svg
        httpool demo              show the decisions of the pool; httpool alone does the same.
                                  With --events it prints the trace alone
        httpool completions SHELL print completions of options for bash, zsh or fish
        httpool help [TOPIC]      print this text, or a part of it: a topic (request, output,
                                  redirect, proxy, timeout, tls, address, socket, load, diagnosis,
                                  command, exit), an option, or curl: its options and ours
";

const EXIT: &str = "\
Exit codes; up to 100 they are curl's
   0  a response came, whatever its status; or the reader of standard output closed it
   1  another failure; the URL's scheme is neither http nor https; or a scene of the demo failed
   2  the command line, or a variable that names a proxy, is invalid
   3  the request is invalid: its URL, method or a field
   6  no address was found for the name of the host or of its proxy
   7  no connection could be opened
   8  the server violated the protocol
  18  the body ended before its length
  22  with --fail: the status was 400 or more
  23  a file or standard output could not be written
  26  a file or standard input could not be read
  28  a timeout passed, or the transfer was too slow
  33  a download could not be resumed
  35  the TLS handshake failed
  47  a redirect could not be followed, or there were too many
  52  the connection was closed before the first byte of a response
  55  the request could not be sent completely
  56  the connection was lost, or a proxy refused the tunnel
  58  the client's certificate or its key cannot be used, or the server demands or refuses one
  60  the server's certificate cannot be trusted
  61  with --compressed: the body could not be decoded
  63  the body is longer than --max-filesize, or than --as-json can hold
  65  the request had to be sent again, but could not be
  77  the certificates of --cacert or --capath cannot be used
  97  the proxy violated its protocol, or refused by SOCKS
 100  a limit was reached: a head is too large, or too many requests wait
 120  replay: the decisions differ, or FILE is not a recording
 129  ended by SIGHUP; the partial file of -o is removed, unless -C is given, and the bytes that
      came are reported
 130  ended by SIGINT, likewise
 143  ended by SIGTERM, likewise
With several URLs, the exit code is that of the last one. With --count, it is that of the most
frequent kind of failure.
";

const EXAMPLES: &str = "\
Examples
  httpool -i http://example.com/
  httpool -sSfL --retry 3 -o release.tar.gz https://example.com/latest
  httpool --json '{\"name\": 1}' http://example.com/things
  httpool post --data-file photo.jpg -H 'Content-Type: image/jpeg' http://example.com/photos
  httpool -F title=Figures -F table=@figures.csv http://example.com/upload
  httpool --count 10000 --concurrency 16 http://127.0.0.1:8080/
  httpool --events http://example.com/
  httpool -v --cacert company.pem https://intranet.example/
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Kind;

    #[test]
    fn every_exit_code_is_explained() {
        for kind in Kind::ALL {
            let line = format!("\n{:>4}  ", kind.code());
            assert!(EXIT.contains(&line), "{kind:?}");
        }
    }

    #[test]
    fn lines_fit_a_terminal() {
        assert_eq!(text(None).unwrap().lines().find(|line| line.len() > 100), None);
    }
}
