//! Checks the page "Coming from urllib3" against urllib3's names and against the tables.

use std::fs;

use super::{all_rows, root};

/// The names of urllib3 that the page explains, each in its left column. From its documentation.
const NAMES: &str = "
    request connection_from_url proxy_from_url make_headers disable_warnings add_stderr_logger
    encode_multipart_formdata choose_boundary RequestField parse_url Url inject_into_urllib3
    HTTPConnectionPool HTTPSConnectionPool ConnectionPool scheme host port urlopen
    request_encode_url request_encode_body is_same_host close num_connections num_requests
    ConnectionCls ResponseCls QueueCls PoolManager ProxyManager SOCKSProxyManager
    connection_from_host pool_kwargs connection_from_context connection_from_pool_key
    key_fn_by_scheme pool_classes_by_scheme clear RecentlyUsedContainer HTTPResponse
    BaseHTTPResponse status reason headers version version_string data read read1 readinto stream
    read_chunked supports_chunked_reads chunked json drain_conn release_conn closed isclosed
    shutdown geturl url get_redirect_location retries history length_remaining tell connection
    getheader getheaders info fileno readable flush auto_close HTTPHeaderDict getlist itermerged
    items SKIP_HEADER Retry Retry.DEFAULT Retry.from_int new increment is_retry is_exhausted
    get_backoff_time parse_retry_after get_retry_after sleep sleep_for_retry RequestHistory Timeout
    Timeout.DEFAULT_TIMEOUT clone start_connect get_connect_duration connect_timeout read_timeout

    strict timeout maxsize block _proxy _proxy_headers _proxy_config source_address socket_options
    blocksize num_pools key_file cert_file key_password cert_reqs ca_certs ca_cert_dir ca_cert_data
    assert_hostname assert_fingerprint server_hostname ssl_minimum_version ssl_maximum_version
    ssl_version ssl_context proxy_url proxy_headers proxy_ssl_context proxy_assert_hostname
    proxy_assert_fingerprint use_forwarding_for_https username password method body fields
    encode_multipart multipart_boundary redirect assert_same_host pool_timeout body_pos
    preload_content decode_content enforce_content_length total connect other allowed_methods
    status_forcelist backoff_factor backoff_max backoff_jitter raise_on_redirect raise_on_status
    respect_retry_after_header retry_after_max remove_headers_on_redirect RETRY_AFTER_STATUS_CODES
    keep_alive accept_encoding user_agent basic_auth proxy_basic_auth basic_auth_encoding
    proxy_basic_auth_encoding disable_cache

    HTTPError PoolError RequestError MaxRetryError ResponseError HostChangedError EmptyPoolError
    FullPoolError ClosedPoolError TimeoutError ReadTimeoutError ConnectTimeoutError
    NewConnectionError NameResolutionError SSLError ProxyError ProtocolError ConnectionError
    IncompleteRead InvalidChunkLength InvalidHeader DecodeError ResponseNotChunked
    BodyNotHttplibCompatible UnrewindableBodyError TimeoutStateError LocationValueError
    LocationParseError URLSchemeUnknown ProxySchemeUnknown ProxySchemeUnsupported
    HeaderParsingError SecurityWarning InsecureRequestWarning InsecurePlatformWarning
    NotOpenSSLWarning DependencyWarning SystemTimeWarning FutureWarning";

fn part(name: &str) -> String {
    let path = format!("drivers/blocking/src/urllib3/coming/{name}.rs");
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the first columns of the tables, or the last ones.
fn column(page: &str, last: bool) -> String {
    let rows = page.lines().filter_map(|line| line.strip_prefix("//! | ")?.strip_suffix(" |"));
    let cell = |row: &str| {
        let mut cells = row.split(" | ");
        if last { cells.last() } else { cells.next() }.unwrap_or_default().to_owned()
    };
    rows.map(cell).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_name_of_urllib3_is_explained() {
    let pages = ["classes", "parameters", "exceptions"].map(|name| column(&part(name), false));
    let known: Vec<_> = pages.iter().flat_map(|page| page.split('`')).collect();
    let missing: Vec<_> = NAMES
        .split_whitespace()
        .filter(|name| !known.contains(name) && !known.contains(&&*format!("urllib3.{name}")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn each_deliberate_difference_is_explained() {
    let page = part("differences");
    for defect in 1..=22 {
        assert!(page.contains(&format!("\n//! | D{defect} | ")), "D{defect}");
    }
    let column = column(&page, true);
    let explained: Vec<_> = column.split([',', ' ', '\n']).filter(|id| !id.is_empty()).collect();
    for row in all_rows() {
        let listed = explained.contains(&&*row.id) || row.kind == "B";
        assert!(listed || !row.has("Differs"), "{}: no line of the page names it", row.id);
        assert!(
            row.has("Differs") || !explained.contains(&&*row.id),
            "{}: is no difference",
            row.id
        );
    }
}

#[test]
fn ten_tasks_are_shown_in_both_languages() {
    let page = part("tasks");
    assert_eq!(page.matches("\n//! ```python\n").count(), 10);
    for task in 1..=10 {
        assert!(page.contains(&format!("\n//! # {task}. ")), "{task}");
    }
}
