//! Options of curl that are not here, each with the reason or the thing to use instead.

/// An option of curl that is not here.
pub(crate) struct Lacking {
    /// `\0`: none.
    pub(crate) letter: char,
    /// Without the dashes.
    pub(crate) name: &'static str,
    /// The reason, or what to use instead.
    pub(crate) instead: &'static str,
}

const FTP: &str = "it is for FTP, and here is HTTP alone: use curl";
const MAIL: &str = "it is for mail, and here is HTTP alone: use curl";
const SSH: &str = "it is for SSH, and here is HTTP alone: use curl";
const OTHERS: &str = "it is for another protocol, and here is HTTP alone: use curl";
const LOGIN: &str = "the Basic scheme and bearer tokens are here: use --user or --oauth2-bearer";
const PROXY_LOGIN: &str = "the Basic scheme is here for proxies: use --proxy-user";
const COOKIES: &str = "no cookies are kept: -b 'NAME=VALUE' sends some";
const HTTP2: &str = "HTTP/1.1 is here alone; omit it if the server speaks that, or use curl";
const PEM: &str =
    "certificates and keys are PEM files: convert them by openssl x509 or openssl pkey";
const CIPHERS: &str = "the cipher suites are those of rustls, which are safe: omit it";
const OLD_TLS: &str = "TLS 1.2 and 1.3 are here: use --tlsv1.2";
const REVOKED: &str = "revocation is not checked: omit it";
const SRP: &str = "logging in by TLS is not here: use --cert";
const DNS: &str = "the system looks names up: use --resolve";
const DOH: &str = "the system looks names up: use --resolve with the address";
const TRACE: &str =
    "--events prints each event and decision, -v the heads, and --record FILE a trace";
const WINDOWS: &str = "it is for Schannel, and TLS is by rustls here: omit it";
const RANDOM: &str = "the system gives randomness: omit it";

const fn lacking(letter: char, name: &'static str, instead: &'static str) -> Lacking {
    Lacking { letter, name, instead }
}

/// The letter of an option that has none.
const NO: char = '\0';

/// All of them, by name.
#[rustfmt::skip]
pub(crate) const LACKING: &[Lacking] = &[
    lacking(NO, "alt-svc", HTTP2),
    lacking(NO, "anyauth", LOGIN),
    lacking('a', "append", FTP),
    lacking(NO, "aws-sigv4", "requests are not signed: add the signature by -H"),
    lacking(NO, "ca-native", "the authorities of the system are the default: omit it"),
    lacking(NO, "cert-status", REVOKED),
    lacking(NO, "ciphers", CIPHERS),
    lacking(NO, "compressed-ssh", SSH),
    lacking('c', "cookie-jar", "no cookies are kept; for the number of threads use --concurrency"),
    lacking(NO, "create-file-mode", "files get the mode that umask allows: use chmod"),
    lacking(NO, "crlf", "a body is sent as it is: use unix2dos"),
    lacking(NO, "crlfile", REVOKED),
    lacking(NO, "curves", CIPHERS),
    lacking(NO, "delegation", LOGIN),
    lacking(NO, "digest", LOGIN),
    lacking(NO, "disable-eprt", FTP),
    lacking(NO, "disable-epsv", FTP),
    lacking(NO, "disallow-username-in-url", "check the URL before"),
    lacking(NO, "dns-interface", DNS),
    lacking(NO, "dns-ipv4-addr", DNS),
    lacking(NO, "dns-ipv6-addr", DNS),
    lacking(NO, "dns-servers", DNS),
    lacking(NO, "doh-cert-status", DOH),
    lacking(NO, "doh-insecure", DOH),
    lacking(NO, "doh-url", DOH),
    lacking(NO, "egd-file", RANDOM),
    lacking(NO, "engine", "keys are PEM files: use --key"),
    lacking(NO, "false-start", CIPHERS),
    lacking(NO, "form-escape", "names in forms are percent-encoded, as browsers do: omit it"),
    lacking(NO, "ftp-account", FTP),
    lacking(NO, "ftp-alternative-to-user", FTP),
    lacking(NO, "ftp-create-dirs", FTP),
    lacking(NO, "ftp-method", FTP),
    lacking(NO, "ftp-pasv", FTP),
    lacking('P', "ftp-port", FTP),
    lacking(NO, "ftp-pret", FTP),
    lacking(NO, "ftp-skip-pasv-ip", FTP),
    lacking(NO, "ftp-ssl-ccc", FTP),
    lacking(NO, "ftp-ssl-ccc-mode", FTP),
    lacking(NO, "ftp-ssl-control", FTP),
    lacking(NO, "haproxy-clientip", "the PROXY protocol is not spoken: use curl"),
    lacking(NO, "haproxy-protocol", "the PROXY protocol is not spoken: use curl"),
    lacking(NO, "hostpubmd5", SSH),
    lacking(NO, "hostpubsha256", SSH),
    lacking(NO, "hsts", "no list of hosts is kept: use https URLs"),
    lacking(NO, "http0.9", "HTTP/0.9 is not spoken: use curl"),
    lacking('0', "http1.0", "requests are HTTP/1.1; responses may be HTTP/1.0: omit it"),
    lacking(NO, "http2", HTTP2),
    lacking(NO, "http2-prior-knowledge", HTTP2),
    lacking(NO, "http3", HTTP2),
    lacking(NO, "http3-only", HTTP2),
    lacking(NO, "ignore-content-length", "a wrong Content-Length is an error: use curl"),
    lacking(NO, "ipfs-gateway", OTHERS),
    lacking('j', "junk-session-cookies", COOKIES),
    lacking(NO, "krb", FTP),
    lacking(NO, "libcurl", "the crate httpool-blocking is the library: see its docs"),
    lacking('l', "list-only", FTP),
    lacking(NO, "local-port", "the system chooses the local port: omit it"),
    lacking(NO, "login-options", MAIL),
    lacking(NO, "mail-auth", MAIL),
    lacking(NO, "mail-from", MAIL),
    lacking(NO, "mail-rcpt", MAIL),
    lacking(NO, "mail-rcpt-allowfails", MAIL),
    lacking('M', "manual", "httpool help prints all there is"),
    lacking(NO, "metalink", "curl has dropped it as well"),
    lacking(NO, "mptcp", "TCP is used: omit it"),
    lacking(NO, "negotiate", LOGIN),
    lacking(NO, "no-alpn", "ALPN offers http/1.1 alone: omit it"),
    lacking(NO, "no-npn", "NPN is not spoken: omit it"),
    lacking(NO, "no-sessionid", "sessions are resumed within a run alone: omit it"),
    lacking(NO, "ntlm", LOGIN),
    lacking(NO, "ntlm-wb", LOGIN),
    lacking(NO, "pinnedpubkey", "use --pinned-fingerprint with the certificate's fingerprint"),
    lacking(NO, "proxy-anyauth", PROXY_LOGIN),
    lacking(NO, "proxy-ca-native", "the authorities of the system are the default: omit it"),
    lacking(NO, "proxy-cert-type", PEM),
    lacking(NO, "proxy-ciphers", CIPHERS),
    lacking(NO, "proxy-crlfile", REVOKED),
    lacking(NO, "proxy-digest", PROXY_LOGIN),
    lacking(NO, "proxy-http2", HTTP2),
    lacking(NO, "proxy-key-type", PEM),
    lacking(NO, "proxy-negotiate", PROXY_LOGIN),
    lacking(NO, "proxy-ntlm", PROXY_LOGIN),
    lacking(NO, "proxy-pinnedpubkey", "use --proxy-cacert with the proxy's certificate"),
    lacking(NO, "proxy-service-name", PROXY_LOGIN),
    lacking(NO, "proxy-ssl-allow-beast", CIPHERS),
    lacking(NO, "proxy-ssl-auto-client-cert", WINDOWS),
    lacking(NO, "proxy-tls13-ciphers", CIPHERS),
    lacking(NO, "proxy-tlsauthtype", SRP),
    lacking(NO, "proxy-tlspassword", SRP),
    lacking(NO, "proxy-tlsuser", SRP),
    lacking(NO, "proxy-tlsv1", OLD_TLS),
    lacking(NO, "proxy1.0", "use --proxy"),
    lacking(NO, "pubkey", SSH),
    lacking('Q', "quote", FTP),
    lacking(NO, "random-file", RANDOM),
    lacking(NO, "rate", "use a loop of the shell with sleep"),
    lacking(NO, "raw", "transfer codings are always decoded: use curl"),
    lacking(NO, "sasl-authzid", MAIL),
    lacking(NO, "sasl-ir", MAIL),
    lacking(NO, "service-name", LOGIN),
    lacking(NO, "socks5-basic", PROXY_LOGIN),
    lacking(NO, "socks5-gssapi", PROXY_LOGIN),
    lacking(NO, "socks5-gssapi-nec", PROXY_LOGIN),
    lacking(NO, "socks5-gssapi-service", PROXY_LOGIN),
    lacking(NO, "ssl", OTHERS),
    lacking(NO, "ssl-allow-beast", CIPHERS),
    lacking(NO, "ssl-auto-client-cert", WINDOWS),
    lacking(NO, "ssl-no-revoke", WINDOWS),
    lacking(NO, "ssl-reqd", OTHERS),
    lacking(NO, "ssl-revoke-best-effort", WINDOWS),
    lacking('2', "sslv2", OLD_TLS),
    lacking('3', "sslv3", OLD_TLS),
    lacking(NO, "stderr", "use 2> of the shell"),
    lacking(NO, "styled-output", "heads are printed without styles: omit it"),
    lacking(NO, "tcp-fastopen", "TCP Fast Open is not used: omit it"),
    lacking('t', "telnet-option", "it is for Telnet; for the trace use --events"),
    lacking(NO, "tftp-blksize", OTHERS),
    lacking(NO, "tftp-no-options", OTHERS),
    lacking(NO, "tls13-ciphers", CIPHERS),
    lacking(NO, "tlsauthtype", SRP),
    lacking(NO, "tlspassword", SRP),
    lacking(NO, "tlsuser", SRP),
    lacking(NO, "tr-encoding", "transfer codings are not asked for: use --compressed"),
    lacking(NO, "trace", TRACE),
    lacking(NO, "trace-ascii", TRACE),
    lacking(NO, "trace-config", TRACE),
    lacking(NO, "trace-ids", TRACE),
    lacking(NO, "trace-time", TRACE),
    lacking('B', "use-ascii", FTP),
    lacking(NO, "variable", "use the variables of the shell"),
    lacking(NO, "xattr", "use -w '%{url}' and setfattr"),
];
