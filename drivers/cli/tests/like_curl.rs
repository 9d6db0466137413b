//! Runs everyday command lines by curl and by the program against the same server: both must print
//! the same, exit with the same code, and write the same files; and the server must see the same
//! request, but for the User-Agent. Skipped where curl is not installed.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use support::{Directory, Reply, Seen, Server, response, without_proxies};

/// The command lines. `URL` is the server's URL without a slash at the end. Words are split at
/// spaces; a word may stand in single quotes.
const LINES: &[&str] = &[
    "URL/hello",
    "-i URL/hello",
    "-s URL/hello",
    "-sS URL/hello",
    "-I URL/hello",
    "-sI URL/hello",
    "--head URL/hello",
    "-o out URL/hello",
    "-i -o out URL/hello",
    "-O URL/dir/name.txt",
    "-O URL/dir/name.txt?query=1",
    "-OJ URL/attachment",
    "-sO --output-dir new --create-dirs URL/dir/name.txt",
    "-o a/b/c --create-dirs URL/hello",
    "--remote-name-all URL/one URL/two",
    "-o first URL/one -o second URL/two",
    "-s URL/one URL/two",
    "-o - URL/hello",
    "-D heads -o out URL/hello",
    "-s -D - URL/hello",
    "-d a=b URL/echo",
    "-d a=b -d c=d URL/echo",
    "-d @lines URL/echo",
    "--data-ascii @lines URL/echo",
    "--data-binary @lines URL/echo",
    "--data-raw @lines URL/echo",
    "--data-urlencode 'a=b c&d' URL/echo",
    "--data-urlencode '=x y' --data-urlencode 'z@lines' URL/echo",
    "--json '{\"a\": 1}' URL/echo",
    "--json '{\"a\": ' --json '1}' URL/echo",
    "-X PUT -d new URL/echo",
    "-X DELETE URL/echo",
    "-XPATCH -d x -H 'Content-Type: text/plain' URL/echo",
    "-d '' URL/echo",
    "-G -d a=b -d c=d URL/echo",
    "-G --data-urlencode 'q=x y' URL/echo?z=1",
    "-G -I -d a=b URL/hello",
    "-H 'X-A: 1' -H 'X-B: 2' URL/echo",
    "-H 'Accept:' URL/echo",
    "-H 'X-Empty;' URL/echo",
    "-H @headers URL/echo",
    "-H 'Host: other.test' URL/echo",
    "-A me/1.0 URL/echo",
    "-A '' URL/echo",
    "-e http://from.test/ URL/echo",
    "-b 'a=1; b=2' URL/echo",
    "-u me:secret URL/echo",
    "--oauth2-bearer token URL/echo",
    "-r 0-3 URL/echo",
    "-T lines URL/echo",
    "-T lines URL/up/",
    "-L URL/moved",
    "-sL -i URL/moved",
    "URL/moved",
    "-L -d a=b URL/moved",
    "-L -d a=b --post302 URL/moved",
    "-L -d a=b URL/see-other",
    "-L --max-redirs 2 -s URL/loop",
    "-L -o out -w '%{http_code} %{num_redirects} %{url_effective}' URL/moved",
    "-s -o /dev/null -w '%{http_code}\\n' URL/missing",
    "-f -s URL/missing",
    "-sf -o out URL/missing",
    "--fail-with-body -s URL/missing",
    "-s --compressed URL/gzip",
    "-s URL/gzip",
    "-s --max-filesize 3 URL/hello",
    "-s -m 0.2 URL/hang",
    "-s URL/close",
    "-s URL/cut",
    "-s http://127.0.0.1:1/",
    "-s ftpx://127.0.0.1/",
    "-s -x URL http://a.test/proxied",
    "-s --noproxy '*' -x http://127.0.0.1:1 URL/hello",
    "-s --connect-to a.test:80:127.0.0.1:PORT http://a.test/echo",
    "-s --resolve a.test:PORT:127.0.0.1 http://a.test:PORT/echo",
    "-s --path-as-is URL/a/../b",
    "-s URL/a/../b",
    "-s --request-target /other URL/hello",
    "-g -s URL/{x}",
    "-s --retry 2 --retry-delay 1 -o out URL/busy-once",
    "-K config",
    "--url URL/hello -s",
    "-Z -s -o one URL/one -o two URL/two",
    "-s --limit-rate 100k URL/hello",
    "-4 -s URL/hello",
    "-q -s --http1.1 --no-progress-meter --no-buffer URL/hello",
    "-F a=b -F file=@lines URL/form",
    "-F 'a=<lines;type=text/x' -F 'b=@lines;filename=other.html' URL/form",
    "--form-string 'a=@b;c' URL/form",
    "-s URL/{one,two}",
    "URL/[1-2]",
    "-s -o '#1-#2' URL/{a,b}/[08-09]",
    "-s -O URL/file[1-2]",
    "-s 'URL/[b-'",
    "-s --proto '=http' URL/hello",
    "-s --proto '=https' URL/hello",
    "-s --proto -all,https URL/hello",
    "-s -L --proto-redir =http,https URL/moved",
    "-s -z '1 Jan 2020' URL/echo",
    "-s -z '-1 Jan 2020' URL/echo",
    "-s -z '1 Jan 2020' -o out URL/dated",
    "-s -z '1 Jan 2020' URL/dated",
    "-s -z '1 Nov 1994' -o out URL/dated",
    "-s -z none -o out URL/dated",
    "-s -R -o out URL/dated",
    "-s -o lines URL/not-modified",
    "-s --etag-save tag URL/tagged",
    "-s --etag-compare lines URL/tagged",
    "-s --etag-compare tag --etag-save tag URL/tagged",
    "-s --etag-compare none URL/tagged",
    "-s --netrc-file netrc URL/echo",
    "-s --netrc-file netrc -u x:y URL/echo",
    "-s --netrc-file netrc -H 'Authorization: own' URL/echo",
    "-s http://me:pw@127.0.0.1:PORT/echo",
    "-s --no-clobber -o lines URL/hello",
    "-s URL/one --next -d a=b URL/echo",
    "-s -d a=b URL/echo -: -I URL/hello",
    "-s -f URL/missing --next URL/hello",
    "-s -f URL/hello --next -f URL/missing",
    "-s --fail-early -f URL/missing --next URL/hello",
    "-s --tlsv1 URL/hello",
    "-s -1 --cert-type PEM URL/hello",
    "-Z --parallel-immediate -s -o one URL/one -o two URL/two",
    "-s -T - URL/up/x",
    "-s -d @- URL/echo",
    "-so out -w '%header{x-a} %{size_download} %{content_type}' URL/hello",
    "-s -m 5 --connect-timeout 2 URL/hello",
    "-s -X POST -H 'Content-Type: application/json' -d '{\"a\": [1]}' URL/echo",
    "-s -r -5 URL/echo",
    "-s --suppress-connect-headers -i URL/hello",
];

/// The files that are there before each command.
fn files(url: &str) -> BTreeMap<&'static str, String> {
    let config =
        format!("# options\nurl = \"{url}/echo\"\n-s\ndata: \"a\\\"b\"\nheader = \"X-A: 1\"\n");
    [
        ("lines", "one\r\ntwo &\n".to_owned()),
        ("headers", "X-C: 3\nX-D: 4\n".to_owned()),
        ("config", config),
        ("netrc", "machine 127.0.0.1\n  login me\n  password secret\n".to_owned()),
    ]
    .into()
}

fn answer(seen: &Seen, busy: bool) -> Reply {
    let path = seen.line.split(' ').nth(1).unwrap_or_default();
    let is_head = seen.line.starts_with("HEAD ");
    let body = format!("{}: {}", path, String::from_utf8_lossy(&seen.body));
    let ok = |fields: &str, body: &str| {
        let text = response("200 OK", fields, body);
        match is_head {
            true => text[..text.len() - body.len()].to_owned(),
            false => text,
        }
    };
    let moved =
        |status: &str, to: &str| response(status, &format!("Location: {to}\r\n"), "moved\n");
    match path.split('?').next().unwrap_or_default() {
        "/hello" => ok("X-A: b\r\nContent-Type: text/plain\r\n", "hello\n").into(),
        "/attachment" => {
            ok("Content-Disposition: attachment; filename=\"x/named.txt\"\r\n", "attached").into()
        }
        "/moved" => moved("302 Found", "/echo?from=moved").into(),
        "/see-other" => moved("303 See Other", "/echo?from=other").into(),
        "/loop" => moved("301 Moved Permanently", "/loop").into(),
        "/missing" => response("404 Not Found", "", "nothing here\n").into(),
        "/busy-once" if busy => response("503 Service Unavailable", "", "busy\n").into(),
        "/gzip" => {
            let body =
                b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0";
            let head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n";
            Reply::Send([&head[..], body].concat())
        }
        "/dated" => ok("Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "old").into(),
        "/tagged" => ok("ETag: \"a\"\r\n", "tagged").into(),
        "/not-modified" => "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_owned().into(),
        // The body has a boundary.
        "/form" => ok("", "got it").into(),
        "/hang" => Reply::Hang,
        "/close" => Reply::Close,
        "/cut" => Reply::SendLast(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut".to_vec()),
        _ => ok("", &body).into(),
    }
}

/// The outcome of a command.
#[derive(Debug, PartialEq)]
struct Outcome {
    code: Option<i32>,
    stdout: String,
    files: BTreeMap<String, String>,
    requests: Vec<String>,
}

/// Runs a command line by a program, with a server and a directory of its own.
fn outcome(program: &str, line: &str) -> Outcome {
    let directory =
        Directory::new(&format!("like-{}", Path::new(program).file_name().unwrap().display()));
    let server = Server::start(|seen| answer(seen, seen.before == 0));
    let url = server.url("");
    let port = url.rsplit_once(':').unwrap().1.to_owned();
    let before = files(&url);
    for (name, content) in &before {
        fs::write(directory.path(name), content).unwrap();
    }
    let line = line.replace("URL", &url).replace("PORT", &port);
    let mut command = Command::new(program);
    without_proxies(&mut command);
    command.args(words(&line)).current_dir(directory.path(".")).stdin(Stdio::null());
    command.env("CURL_HOME", directory.path("."));
    let output = command.output().unwrap();
    let named = |text: &str| text.replace(&port, "PORT");
    let mut written = BTreeMap::new();
    read_all(Path::new(&directory.path(".")), "", &mut written);
    written.retain(|name, content| before.get(name.as_str()) != Some(content));
    written.values_mut().for_each(|content| *content = named(content));
    let requests = server.seen().into_iter().map(|seen| shown(&seen)).map(|it| named(&it));
    let mut requests: Vec<_> = requests.collect();
    if line.starts_with("-Z") {
        requests.sort();
    }
    Outcome {
        code: output.status.code(),
        stdout: named(&String::from_utf8_lossy(&output.stdout)),
        files: written,
        requests,
    }
}

/// Returns a request as it is compared: its line, its fields in order of their names, and its body,
/// without the names of programs and without the boundary of a form.
fn shown(seen: &Seen) -> String {
    // Some versions of curl wait for consent to send a short file, and say so to proxies.
    let left_out =
        ["user-agent: curl/", "user-agent: httpool/", "expect: 100-continue", "proxy-connection: "];
    let same = |field: &&String| !left_out.iter().any(|it| field.starts_with(it));
    let mut fields: Vec<_> = seen.fields.iter().filter(same).cloned().collect();
    fields.sort();
    let mut body = String::from_utf8_lossy(&seen.body).into_owned();
    let boundary = fields.iter().find_map(|field| field.split_once("boundary=")).map(|it| it.1);
    if let Some(boundary) = boundary.map(str::to_owned) {
        body = body.replace(&boundary, "BOUNDARY");
        fields.retain(|field| !field.starts_with("content-length"));
        for field in &mut fields {
            *field = field.replace(&boundary, "BOUNDARY");
        }
    }
    // Programs may list the codings in another way.
    for field in fields.iter_mut().filter(|it| it.starts_with("accept-encoding")) {
        *field = "accept-encoding".to_owned();
    }
    format!("{}\n{}\n\n{body}", seen.line, fields.join("\n"))
}

fn read_all(directory: &Path, prefix: &str, into: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.file_type().unwrap().is_dir() {
            read_all(&entry.path(), &format!("{name}/"), into);
        } else {
            let content = fs::read(entry.path()).unwrap();
            into.insert(name, String::from_utf8_lossy(&content).into_owned());
        }
    }
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut some) = (Vec::new(), String::new(), false, false);
    for char in line.chars() {
        match char {
            '\'' => (quoted, some) = (!quoted, true),
            ' ' if !quoted => {
                if some {
                    words.push(std::mem::take(&mut word));
                }
                some = false;
            }
            char => {
                word.push(char);
                some = true;
            }
        }
    }
    words.extend(some.then_some(word));
    words
}

#[test]
fn command_lines_of_curl_do_the_same_here() {
    if Command::new("curl").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: curl is not installed");
    }
    assert!(LINES.len() >= 60);
    let mut differ = Vec::new();
    for line in LINES {
        let [theirs, ours] = ["curl", env!("CARGO_BIN_EXE_httpool")].map(|it| outcome(it, line));
        if theirs != ours {
            differ.push(format!("{line}\n  curl    {theirs:?}\n  httpool {ours:?}"));
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ.join("\n"));
}
