//! A mock records exchanges with a real server, and replays them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    thread,
};

use httpool_blocking::{Client, Error};
use httpool_mock::{Mock, Recording, Redact};

/// Serves one response on each of several connections. Returns the URL.
fn server(responses: &'static [&'static [u8]]) -> String {
    telling_server(responses).0
}

/// Does the same, and tells the requests.
fn telling_server(responses: &'static [&'static [u8]]) -> (String, Receiver<Vec<u8>>) {
    let (tell, told) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for response in responses {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut read = Vec::new();
            while !read.windows(4).any(|it| it == b"\r\n\r\n") {
                let mut some = [0; 4096];
                let bytes = tcp.read(&mut some).unwrap();
                read.extend_from_slice(&some[..bytes]);
            }
            tcp.write_all(response).unwrap();
            // Most tests do not ask.
            tell.send(read).ok();
        }
    });
    (url, told)
}

const LOGIN: &[u8] = b"HTTP/1.1 302 Found\r\nSet-Cookie: sid=cookie-secret\r\n\
    Location: /home?token=location-secret&page=2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const HOME: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Tag: a\\b\r\n\
    Connection: close\r\n\r\n6\r\none\ntw\r\n3\r\no \xff\r\n0\r\n\r\n";

const JSON: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 44\r\n\
    Connection: close\r\n\r\n{ \"access_token\" : \"the-secret 12\", \"n\": 1 }";
const FORM: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-www-form-urlencoded\r\n\
    Content-Length: 20\r\nConnection: close\r\n\r\ntoken=the-secret&n=1";

/// The code under test.
fn home(client: &Client, url: &str) -> Result<Vec<u8>, Error> {
    let login = format!("{url}/login?api_key=query-secret&x=custom-secret&n=1");
    let sent = client.get(&login).bearer_auth("bearer-secret").header("Cookie", "own-secret");
    let sent = sent.header("X-Api-Key", "field-secret").header("X-Own", "other-secret");
    sent.send()?.bytes()
}

#[test]
fn a_recording_has_no_secrets_and_replays_as_it_was_recorded() {
    let url = server(&[LOGIN, HOME]);
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default().header("x-own").query("x"));
    assert_eq!(home(&mock.client(), &url).unwrap(), b"one\ntwo \xff");
    mock.verify();

    let text = mock.recording().to_string();
    assert!(!text.contains("secret"), "{text}");
    for line in [
        "?api_key=REDACTED&x=REDACTED&n=1\n",
        "> Authorization: REDACTED\n",
        "> Cookie: REDACTED\n",
        "< Set-Cookie: REDACTED\n",
        "/home?token=REDACTED&page=2\n",
        "< X-Tag: a\\\\b\n",
        "<< one\\n\n<< two \\xff\n",
    ] {
        assert!(text.to_ascii_lowercase().contains(&line.to_ascii_lowercase()), "{line} {text}");
    }

    let read: Recording = text.parse().unwrap();
    assert_eq!((read.to_string(), read.len()), (text, 2));
    let replayed = Mock::new();
    replayed.replay(&read);
    assert_eq!(home(&replayed.client(), &url).unwrap(), b"one\ntwo \xff");
    replayed.verify();
}

#[test]
fn a_recording_survives_a_file_and_its_unused_exchanges_are_reported() {
    let url = server(&[HOME]);
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default());
    mock.client().post(&url).body("line\nend ").send().unwrap().bytes().unwrap();
    let path = std::env::temp_dir().join(format!("httpool-mock-{}.txt", std::process::id()));
    mock.recording().save(&path).unwrap();
    let read = Recording::load(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let replayed = Mock::new();
    replayed.replay(&read);
    let report = replayed.check().unwrap_err();
    assert!(report.contains("used never, demanded once"), "{report}");
    replayed.client().post(&url).body("line\nend").send().unwrap_err();
    assert!(replayed.check().unwrap_err().contains(r#"body: the rule has "line\nend ""#));
    replayed.client().post(&url).body("line\nend ").send().unwrap();
}

#[test]
fn secrets_in_bodies_are_not_recorded_and_replay_with_other_values() {
    let url = server(&[JSON, FORM, FORM]);
    let (json, form) = ("application/json", "application/x-www-form-urlencoded");
    let call = |client: &Client, secret: &str| {
        let value = format!(r#"{{"user":"ada","password":"{secret}","pin":[1]}}"#);
        let sent = client.post(&url).header("Content-Type", json).body(value);
        let first = sent.send()?.text()?;
        let value = format!("user=ada&password={secret}&x=1");
        let sent = client.post(&url).header("Content-Type", form).body(value);
        let second = sent.send()?.text()?;
        client.post(&url).body(format!("My name is {secret}.")).send()?;
        Ok::<_, Error>((first, second))
    };
    let mock = Mock::new();
    let hook = |body: &[u8]| {
        String::from_utf8_lossy(body).replace("is the-secret", "is REDACTED").into_bytes()
    };
    mock.record(Client::builder(), Redact::default().json("PIN").body(hook));
    let (first, second) = call(&mock.client(), "the-secret").unwrap();
    assert!(first.contains("the-secret") && second.contains("the-secret"), "the caller gets all");

    let text = mock.recording().to_string();
    assert!(!text.contains("the-secret"), "{text}");
    for line in [
        r#">> {"user":"ada","password":"REDACTED","pin":"REDACTED"}"#,
        r#"<< { "access_token" : "REDACTED", "n": 1 }"#,
        ">> user=ada&password=REDACTED&x=1",
        "<< token=REDACTED&n=1",
        ">> My name is REDACTED.",
    ] {
        assert!(text.contains(line), "{line} is not in: {text}");
    }
    let replayed = Mock::new();
    replayed.replay(&mock.recording());
    let (first, second) = call(&replayed.client(), "another").unwrap();
    assert_eq!(first, r#"{ "access_token" : "REDACTED", "n": 1 }"#);
    assert_eq!(second, "token=REDACTED&n=1");
    replayed.verify();
}

#[test]
fn a_server_is_asked_for_a_body_that_can_be_redacted() {
    let (url, told) = telling_server(&[FORM]);
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default());
    mock.client().get(&url).header("Accept-Encoding", "gzip").send().unwrap();
    let request = String::from_utf8(told.recv().unwrap()).unwrap().to_ascii_lowercase();
    let asked: Vec<_> = request.lines().filter(|line| line.starts_with("accept-enc")).collect();
    assert_eq!(asked, ["accept-encoding: identity"]);
}

#[test]
fn the_length_in_a_response_to_head_is_recorded() {
    let url = server(&[b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\nConnection: close\r\n\r\n"]);
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default());
    assert_eq!(mock.client().head(&url).send().unwrap().content_length(), Some(42));
    let replayed = Mock::new();
    replayed.replay(&mock.recording());
    assert_eq!(replayed.client().head(&url).send().unwrap().content_length(), Some(42));
    replayed.verify();
}

#[test]
fn user_and_password_of_a_url_are_not_recorded() {
    let url = server(&[HOME]).replace("http://", "http://user-secret:password-secret@");
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default());
    mock.client().get(&url).send().unwrap();
    let text = mock.recording().to_string();
    assert_eq!(mock.recording().len(), 1);
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_server_that_is_not_there_fails_the_call_and_is_not_recorded() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let mock = Mock::new();
    mock.record(Client::builder(), Redact::default());
    let error = mock.client().get(&url).send().unwrap_err();
    assert!(format!("{error:?}").contains("was not answered by its server"), "{error:?}");
    assert!(mock.recording().is_empty());
}

#[test]
fn a_text_that_is_no_recording_is_refused_with_its_line() {
    let cases = [
        ("", "line 1 of the recording: it must be"),
        ("# httpool recording 2\n", "line 1 of the recording: it must be"),
        ("> GET nowhere\n< 200\n", "line 3 of the recording: the URL \"nowhere\""),
        ("> GET\n", "line 3 of the recording: a request has a method and a URL"),
        ("> GET http://a/\n", "line 3 of the recording: the last request has no response"),
        ("< 200\n", "line 3 of the recording: \"<\" is not expected here"),
        ("> GET http://a/\n< 99\n", "line 4 of the recording: \"99\" is no status"),
        ("> GET http://a/\n> A b\n", "line 4 of the recording: a header field has a colon"),
        ("> GET http://a/\n>> \\q\n", "line 4 of the recording: \\q is no escape"),
        ("> GET http://a/\n<< x\n", "line 4 of the recording: \"<<\" is not expected here"),
        ("x\n", "line 3 of the recording: \"x\" is not expected here"),
    ];
    for (text, expected) in cases {
        let title = if expected.contains("it must be") { "" } else { "# httpool recording 1\n\n" };
        let error = format!("{title}{text}").parse::<Recording>().unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?}: {error}");
    }
}
