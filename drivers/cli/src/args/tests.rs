use super::*;
use crate::{exit::Kind, options::ALL};

fn parsed(line: &str) -> Result<Command, Failed> {
    parse(line.split_whitespace().map(OsString::from))
}

fn sent(line: &str) -> Options {
    match parsed(line) {
        Ok(Command::Send(mut sets)) if sets.len() == 1 => sets.remove(0),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn commands() {
    assert!(matches!(parsed(""), Ok(Command::Demo { trace: false })));
    assert!(matches!(parsed("demo"), Ok(Command::Demo { trace: false })));
    assert!(matches!(parsed("demo --events"), Ok(Command::Demo { trace: true })));
    assert!(matches!(parsed("timeline t -o t.html"), Ok(Command::Timeline(_))));
    assert!(matches!(parsed("help"), Ok(Command::Help(None))));
    assert!(matches!(parsed("help tls"), Ok(Command::Help(Some(topic))) if topic == "tls"));
    assert!(matches!(parsed("get --help"), Ok(Command::Help(None))));
    assert!(matches!(parsed("completions zsh"), Ok(Command::Completions(it)) if it == "zsh"));
    assert!(matches!(parsed("-V"), Ok(Command::Version)));
    assert!(matches!(parsed("replay x"), Ok(Command::Replay(path)) if path == Path::new("x")));
    for (words, method) in [
        ("get http://a/", Method::GET),
        ("head http://a/", Method::HEAD),
        ("post http://a/", Method::POST),
        ("put http://a/", Method::PUT),
        ("delete http://a/", Method::DELETE),
        ("request PATCH http://a/", Method::PATCH),
        ("http://a/", Method::GET),
        ("-I http://a/", Method::HEAD),
        ("-d x http://a/", Method::POST),
        ("--json {} http://a/", Method::POST),
        ("-F a=b http://a/", Method::POST),
        ("-G -d x http://a/", Method::GET),
        ("-G -I -d x http://a/", Method::HEAD),
        ("-T file http://a/", Method::PUT),
        ("-X PATCH -d x http://a/", Method::PATCH),
        ("put -d x http://a/", Method::PUT),
    ] {
        assert_eq!(sent(words).method(), method, "{words}");
    }
}

#[test]
fn options_in_any_place_and_form() {
    let options = sent("-i get --retries=3 -HX-A:1 http://a/ -H Y: -Lo out --max-time 0.25");
    assert!(options.include && options.location);
    assert_eq!(options.transfers[0].url, "http://a/");
    assert_eq!(options.retries, 3);
    assert_eq!(options.transfers[0].output, Output::File("out".into()));
    assert_eq!(options.max_time, Some(Duration::from_millis(250)));
    assert_eq!(sent("get --count 9 --concurrency 3 http://a/").concurrency, Some(3));
    assert_eq!(sent("get -o - http://a/").transfers[0].output, Output::Stdout);
    let options = sent("get --record r --redact X-A --redact=x-b http://a/");
    assert_eq!(options.redact, ["X-A", "x-b"]);
    let options = sent("-sSfL --no-location http://a/");
    assert!(options.fail && !options.location && options.is_silent() && !options.is_mute());
    assert_eq!(sent("-L --max-redirs -1 http://a/").max_redirects(), None);
    assert_eq!(sent("-L http://a/").max_redirects(), Some(50));
}

#[test]
fn each_url_has_its_output() {
    let options = sent("-o one a.test/1 -O https://a.test/2 --url localhost:80/3");
    let all: Vec<_> = options.transfers.iter().map(|it| (&*it.url, &it.output)).collect();
    let one = Output::File("one".into());
    let expected = [
        ("http://a.test/1", &one),
        ("https://a.test/2", &Output::Remote),
        ("http://localhost:80/3", &Output::Shown),
    ];
    assert_eq!(all, expected);
    assert_eq!(sent("--proto-default https a.test").transfers[0].url, "https://a.test");
    assert_eq!(sent("http://[::1]:80/x").transfers[0].url, "http://[::1]:80/x");
    assert_eq!(sent("-g http://a/{x}").transfers[0].url, "http://a/{x}");
    assert_eq!(sent("-Z http://a/ http://b/").at_once(), 2);
    assert_eq!(sent("http://a/ http://b/").at_once(), 1);
}

#[test]
fn what_cannot_be_understood_is_refused() {
    for line in [
        "get",
        "request GET",
        "fetch http://a/",
        "demo -i",
        "demo -i --events",
        "timeline",
        "timeline t --events",
        "demo twice",
        "replay",
        "replay a b",
        "replay a -i",
        "completions",
        "get --no-such-thing http://a/",
        "get --no-data http://a/",
        "get http://a/ -H novalue",
        "get http://a/ --max-time",
        "get http://a/ --max-time -1",
        "get http://a/ --timeout 0",
        "get http://a/ --timeout inf",
        "get http://a/ --timeout soon",
        "get http://a/ --retries many",
        "get http://a/ --include=yes",
        "get http://a/ --max-redirects 3",
        "get http://a/ --concurrency 2",
        "get http://a/ --count 0",
        "get http://a/ --count 1 --concurrency 0",
        "get http://a/ --count 1 -i",
        "get http://a/ --count 1 -o out",
        "get http://a/ --count 1 -w x",
        "get http://a/ --count 1 --har x",
        "get http://a/ http://b/ --count 1",
        "get http://a/ http://b/ --har x",
        "get http://a/ -w @",
        "get http://a/ --as-json -i",
        "get http://a/ --as-json -o -",
        "get http://a/ --output=",
        "get http://a/ -J",
        "get http://a/ --retry-delay 1",
        "get http://a/ --proto ht/tp",
        "get -L http://a/ --proto-redir =https",
        "get -L https://a/ --proto-redir =http",
        "get http://a/ http://b/ --etag-save x",
        "get http://a/ -C - -o x -z 20200101",
        "get http://a/ --cert-type DER",
        "get http://a/ --next",
        "--next http://a/",
        "http://a/ --next --count 2 http://b/",
        "http://a/ --next demo",
        "get http://a/ --redact X-A",
        "get http://a/ --record r --redact X-A:",
        "get http://a/ --record r --redact Content-Length",
        "get https://a/ --cacert",
        "get https://a/ --tls-max 1.1",
        "get https://a/ --resolve a.test:443",
        "get https://a/ --resolve 127.0.0.1:443:127.0.0.2",
        "get https://a/ --connect-to a:1:b",
        "post http://a/ --data a --data-file b",
        "http://a/ -d a -F a=b",
        "http://a/ -I -d a",
        "http://a/ -F a",
        "http://a/ -u me",
        "http://a/ -b cookies.txt",
        "post http://a/ --count 2 --data-file -",
        "post http://a/ http://b/ --data-file -",
        "http://a/ --proto-default ftp",
    ] {
        let failed = parsed(line).expect_err(line);
        assert_eq!(failed.kind, Kind::Usage, "{line}");
    }
    assert_eq!(parsed("request G@T http://a/").expect_err("a bad method").kind, Kind::Request);
}

#[test]
fn failures_have_the_codes_of_curl() {
    for (line, kind) in [
        ("http://a/{b,c", Kind::Request),
        ("http://a/[3-1]", Kind::Request),
        ("http://a/ --proto =https", Kind::Scheme),
        ("http://a/ --etag-compare /nowhere/x", Kind::Read),
        ("http://a/ --netrc-file /nowhere/x", Kind::Read),
    ] {
        assert_eq!(parsed(line).map(drop).map_err(|why| why.kind), Err(kind), "{line}");
    }
}

#[test]
fn sets_of_options_have_urls_of_their_own() {
    let Ok(Command::Send(sets)) = parsed("-s -d x http://a/ --next -I http://b/ http://c/") else {
        panic!("no sets")
    };
    let urls = |at: usize| sets[at].transfers.iter().map(|it| it.url.as_str()).collect::<Vec<_>>();
    assert_eq!((urls(0), urls(1)), (vec!["http://a/"], vec!["http://b/", "http://c/"]));
    assert_eq!((sets[0].method(), sets[1].method()), (Method::POST, Method::HEAD));
    assert!(sets[1].is_silent());
}

#[test]
fn a_pattern_is_several_transfers_of_one_url() {
    let options = sent("-o #1.txt http://a/{b,c} -o d http://d/");
    let transfers: Vec<_> =
        options.transfers.iter().map(|it| (it.number, it.url.as_str(), &it.output)).collect();
    let file = |name: &str| Output::File(name.into());
    assert_eq!(
        transfers,
        [
            (0, "http://a/b", &file("b.txt")),
            (0, "http://a/c", &file("c.txt")),
            (1, "http://d/", &file("d")),
        ]
    );
    assert_eq!(sent("-g http://a/{b,c}").transfers.len(), 1);
}

#[test]
fn every_option_of_the_table_is_set() {
    for spec in
        ALL.iter().filter(|it| !matches!(it.name, "help" | "version" | "config" | "url" | "next"))
    {
        let values =
            ["1", "a=b", "a: b", "a.test:1:127.0.0.1", "a:1:b:1", "1.2", "x:y", "00", "PEM"];
        let mut set = values.iter().map(|value| {
            let given = Given::new(spec, OsString::from(value), true);
            Options::default().set(&given).map_err(|failed| failed.message().to_owned())
        });
        assert!(set.any(|set| set.is_ok()), "--{}", spec.name);
    }
}
