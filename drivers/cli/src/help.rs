//! The texts of `--help` and `--version`.

/// The output of `--version`.
pub(crate) const VERSION: &str = concat!("httpool ", env!("CARGO_PKG_VERSION"), "\n");

/// The output of `--help`. Tests check that it explains all options and exit codes.
pub(crate) const TEXT: &str = "\
httpool - HTTP/1.1 requests over a pool of connections

Usage:  httpool get|head|post|put|delete [OPTIONS] URL
        httpool request METHOD [OPTIONS] URL
        httpool replay FILE       check that a recording of --record leads to the same decisions
        httpool timeline TRACE    draw the calls and connections of a trace (of --trace, --record
                                  or another program; - is standard input) over time, as one HTML
                                  page, or as SVG. -o, --output FILE.html or FILE.svg
        httpool demo              show the decisions of the pool; httpool alone does the same.
                                  With --trace it prints the trace alone
        httpool help              print this text, as -h and --help do; -V, --version: the version

Request
  -H, --header 'NAME: VALUE'      add a field; may be given more than once
      --data TEXT                 send TEXT as the body
      --data-file FILE            send FILE as the body, streamed; - is standard input

Response
  -i, --include                   print status line and fields before the body;
                                  with -o they go to standard output
  -o, --output FILE               write the body to FILE. It is written to FILE.part, which is
                                  renamed when the body is complete and removed after a failure;
                                  a FILE.part of a killed run is replaced. - is standard output,
                                  unchanged even on a terminal. Without -o - control characters
                                  are escaped on a terminal, and a binary body is refused
      --json                      print the response, or the summary of -n, as one JSON object.
                                  A failure prints an object with an error, and its message on
                                  standard error as well
      --compressed                ask for a compressed body (gzip, deflate, br, zstd), except of a
                                  range, and decode it. Without this the body is written as it
                                  comes
  -f, --fail                      treat a status of 400 or more as a failure, and print no body

Redirects and retries
  -L, --location                  follow redirects. Retry-After is respected up to 30 s; a longer
                                  one is a failure. Credentials are not sent to another origin
      --max-redirects N           follow at most N redirects (10)
      --retries N                 try again up to N times after a failed connection, and after 408,
                                  429, 500, 502, 503 and 504: at once, then after 0.2 s, 0.4 s and
                                  so on. Retry-After is respected, and the wait is reported on
                                  standard error. A request that the server may have processed is
                                  only repeated if its method is idempotent

Proxies
  -x, --proxy URL                 use the proxy at URL: http, https, socks4, socks4a, socks5 or
                                  socks5h://USER:PASSWORD@HOST:PORT. An HTTP proxy forwards http
                                  requests, and tunnels to https. '' uses none. Without it the
                                  variables http_proxy, https_proxy and all_proxy count
      --noproxy LIST              connect directly to the hosts of LIST, such as
                                  'localhost,.example.com,10.0.0.0/8'; '*' is all, '' is none.
                                  Without it the variable no_proxy counts
  -U, --proxy-user USER:PASSWORD  log in to the proxy
      --proxy-header 'NAME: VALUE'
                                  add a field for the proxy alone; may be given more than once
      --preproxy URL              connect to the proxy through this one
      --proxy-cacert FILE, --proxy-capath DIR, --proxy-cert FILE, --proxy-key FILE,
      --proxy-insecure            as the options of TLS below, for https proxies; those do not count
                                  for proxies

Timeouts, in seconds; fractions are allowed
      --connect-timeout SECONDS   for the name look-up, again for connecting, and again for the
                                  TLS handshake
      --timeout SECONDS           for the head of the response, and between bytes of its body
      --max-time SECONDS          for each request as a whole

TLS; https works by default, with the authorities of this system
      --cacert FILE               trust the certificates in FILE (PEM) instead of the system's; may
                                  be given more than once. A server's own certificate may be listed
      --capath DIR                likewise the files of DIR that openssl rehash has named
      --cert FILE                 the client's certificate (PEM), with its chain
      --key FILE                  its private key (PEM), if --cert has none
      --pass PASSWORD             the password of an encrypted key; other users of this computer
                                  may see it in the list of processes
  -k, --insecure                  accept any certificate, with a warning: anyone on the way can read
                                  and change everything
      --pinned-fingerprint DIGITS demand the certificate with this SHA-256 (or SHA-1) fingerprint,
                                  in place of the check of the name
      --tlsv1.2, --tlsv1.3        use this version or a later one (1.2)
      --tls-max VERSION           use no later version: 1.2, 1.3 or default

Addresses; the URL's name stays the one that is sent and checked
      --resolve HOST:PORT:ADDR    connect to ADDR, or several with commas between them, for HOST and
                                  PORT; may be given more than once
      --connect-to HOST1:PORT1:HOST2:PORT2
                                  connect to HOST2 and PORT2 for HOST1 and PORT1; an empty one of
                                  the first two stands for any, of the last two for the same
  -4, --ipv4                      connect by IPv4 alone
  -6, --ipv6                      connect by IPv6 alone
      --unix-socket PATH          connect to this Unix domain socket, for every URL and redirect,
                                  without a proxy
      --abstract-unix-socket NAME likewise, by an abstract name (Linux)

Sockets
      --interface NAME            connect through this network interface (Linux), or from this
                                  local address
      --keepalive-time SECONDS    probe a silent connection after so long (60)
      --no-keepalive              do not probe silent connections
      --tcp-nodelay, --no-tcp-nodelay
                                  send small segments at once, which is usual; or gather them

Load
  -n, --count N                   send the request N times over one pool; print a summary
  -c, --concurrency N             number of threads that send (1)

Diagnosis
  -v, --verbose                   show on standard error: > the head of each request, < that of each
                                  response, and * connections and TLS: version, key exchange,
                                  certificate, resumed, verified. Secrets are starred. A table of
                                  the phases of each attempt follows
  -w, --write-out FORMAT          print FORMAT after the transfer, with curl's variables, such as
                                  %{time_total}, %{http_code}, %header{NAME}, %{json}, %{stderr};
                                  @FILE reads it from FILE. local_ip and local_port are not known
      --har FILE                  write the transfer to FILE as HAR 1.2: an entry for each attempt,
                                  with its times. Secrets are starred; bodies are left out
  -t, --trace                     print every event and decision on standard error as it happens:
                                  the time, the machine (pool; r: a call; d: a dial), and < for an
                                  event or > for a decision
      --record FILE               write the trace to FILE, for httpool replay. Secrets and values in
                                  queries are hidden; bodies are replaced by their lengths
      --redact NAME               with --record: hide the value of the field NAME as well; may be
                                  given more than once

Exit codes
   0  a response came, whatever its status; or the reader of standard output closed it
   1  another failure; or a scene of the demo failed
   2  the command line, or a variable that names a proxy, is invalid
   3  the request is invalid: its URL, method or a field
   4  no address was found for the host's name
   5  no connection could be opened
   6  TLS failed: the certificate, the handshake, or an option of TLS
   7  a timeout passed
   8  the server violated the protocol
   9  the connection was lost
  10  a redirect could not be followed
  11  the request had to be sent again, but could not be
  12  a limit was reached: the response is too large, or too many requests wait
  13  a local file, standard input or standard output could not be read or written
  14  replay: the decisions differ, or FILE is not a recording
  15  with --compressed: the body could not be decoded
  22  with --fail: the status was 400 or more
 129  ended by SIGHUP; the partial file of -o is removed, and the bytes received are reported
 130  ended by SIGINT, likewise
 143  ended by SIGTERM, likewise
With -n, the exit code is that of the most frequent kind of failure.

Examples
  httpool get -i http://example.com/
  httpool post --data-file photo.jpg -H 'Content-Type: image/jpeg' http://example.com/photos
  httpool get -L --retries 3 --max-time 30 -o release.tar.gz http://example.com/latest
  httpool get -n 10000 -c 16 http://127.0.0.1:8080/
  httpool get --trace http://example.com/
  httpool get -v --cacert company.pem https://intranet.example/
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Kind;

    #[test]
    fn every_exit_code_is_explained() {
        for kind in Kind::ALL {
            let line = format!("\n{:>4}  ", kind.code());
            assert!(TEXT.contains(&line), "{kind:?}");
        }
    }

    #[test]
    fn lines_fit_a_terminal() {
        assert_eq!(TEXT.lines().find(|line| line.len() > 100), None);
    }
}
