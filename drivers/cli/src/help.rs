//! What `--help` and `--version` print.

/// One line.
pub(crate) const VERSION: &str = concat!("httpool ", env!("CARGO_PKG_VERSION"), "\n");

/// The whole manual; a test holds it to the options and the exit codes that there are.
pub(crate) const TEXT: &str = "\
httpool - HTTP/1.1 requests over a pool of connections

Usage:  httpool get|head|post|put|delete [OPTIONS] URL
        httpool request METHOD [OPTIONS] URL
        httpool replay FILE       feed what --record wrote to the machines again
        httpool demo              show the pool at work; so does httpool alone
        httpool help              or -h, --help; and -V, --version

Request
  -H, --header 'NAME: VALUE'      add a field; may be given again
      --data TEXT                 send TEXT as the body
      --data-file FILE            send FILE as the body, streamed; - is standard input

Answer
  -i, --include                   show status line and fields before the body;
                                  with -o they go to standard output
  -o, --output FILE               write the body to FILE, which appears when it is whole: until then
                                  it is FILE.part, and one that was left behind is replaced.
                                  - is standard output, also if it is a terminal: without it
                                  controls are escaped there, and a binary body is refused
      --json                      answer, or the summary of -n, as one JSON object; a failure is one
                                  with an error, which is told on standard error as well
  -f, --fail                      a status of 400 or more is a failure, and its body is not shown

What is done on your behalf
  -L, --location                  follow redirects, after as long as Retry-After says but 30 s at
                                  most; credentials stay with their origin
      --max-redirects N           at most N of them (10)
      --retries N                 after a failed connection, and after 408, 429, 500, 502, 503 and
                                  504, try again up to N times: at once, then after 0.2 s, 0.4 s and
                                  so on, or when Retry-After says, which is told. A request that
                                  the server may have acted on is repeated only if its method is
                                  idempotent

Deadlines, in seconds; fractions allowed
      --connect-timeout SECONDS   for the name, and again for the connection
      --timeout SECONDS           for the head of an answer, and for each next byte of its body
      --max-time SECONDS          for everything together, of each request

Load
  -n, --count N                   send the request N times over one pool; print a summary
  -c, --concurrency N             by N threads (1)

  -t, --trace                     every event and decision, on standard error, as they happen:
                                  the time, the machine (pool, r a call, d a dial), < what it was
                                  told or > what it decided
      --record FILE               all of that to FILE, for httpool replay; without secrets, the
                                  values in queries, and bodies, of which the lengths stay
      --redact NAME               with --record: the value of the field NAME is a secret, too; may
                                  be given again

Exit codes
   0  an answer came, whatever its status; or nobody reads standard output any more
   1  something else; a scene of the demo went wrong
   2  the command line cannot be understood
   3  the request is invalid: URL, method or a field
   4  no address was found for the host's name
   5  no connection could be opened
   6  TLS is not available, or failed
   7  a deadline passed
   8  the server broke the protocol
   9  the connection was lost
  10  a redirect could not be followed
  11  the request would have to be sent again, and cannot be
  12  a limit was reached: the answer is too large, or too many wait
  13  reading or writing here failed: a file, standard input or output
  14  replay: the machines decided otherwise, or FILE is no recording
  22  with --fail: the status was 400 or more
 129  SIGHUP ended it; the partial file of -o is removed, and what came is told
 130  SIGINT did
 143  SIGTERM did
With -n it is the code of the most frequent kind of failure.

Examples
  httpool get -i http://example.com/
  httpool post --data-file photo.jpg -H 'Content-Type: image/jpeg' http://example.com/photos
  httpool get -L --retries 3 --max-time 30 -o release.tar.gz http://example.com/latest
  httpool get -n 10000 -c 16 http://127.0.0.1:8080/
  httpool get --trace http://example.com/
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
