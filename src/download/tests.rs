use alloc::string::ToString;

use super::*;
use crate::message::{Head, Status};

/// Makes a head of a status with its reason and of lines with fields.
fn head(text: &str) -> ResponseHead {
    let (line, fields) = text.split_once('\n').unwrap_or((text, ""));
    let (status, reason) = line.split_once(' ').unwrap();
    let lines: String = fields.lines().map(|line| format!("{line}\r\n")).collect();
    let mut head = ResponseHead::new();
    head.set(&Head {
        status: Status::new(status.parse().unwrap()).unwrap(),
        minor_version: 1,
        reason: reason.as_bytes(),
        fields: Fields::from_validated(lines.as_bytes()),
        is_coded: false,
    });
    head
}

fn answers(download: &mut Download, text: &str) -> Result<Answer, DownloadError> {
    download.fields();
    download.answer(&head(text))
}

/// A download of 10 bytes, 4 of which are in the file.
fn four() -> Download {
    Download::new(2).resume(4, "\"a\"", Some(10))
}

#[test]
fn the_rest_is_asked_for_by_a_strong_validator_alone() {
    let fields = |text: &str| {
        let mut download = Download::new(1);
        assert_eq!(answers(&mut download, text), Ok(Answer::Begin));
        download.wrote(4).unwrap();
        assert!(download.cut());
        let fields = download.fields();
        fields.get(2).map(|(_, value)| value.clone())
    };
    let date = |at| format!("Date: Sun, 06 Nov 1994 08:49:{at} GMT");
    let modified = "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(fields("200 OK\nETag: \"a\"").as_deref(), Some("\"a\""));
    assert_eq!(fields("200 OK\nETag: W/\"a\""), None);
    assert_eq!(fields(&format!("200 OK\nETag: W/\"a\"\n{modified}\n{}", date(50))), None);
    let strong = fields(&format!("200 OK\n{modified}\n{}", date(38)));
    assert_eq!(strong.as_deref(), Some("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(fields(&format!("200 OK\n{modified}\n{}", date(37))), None);
    assert_eq!(fields(&format!("200 OK\n{modified}")), None);
    let all = four().fields();
    let expected = [("Accept-Encoding", "identity"), ("Range", "bytes=4-"), ("If-Range", "\"a\"")];
    assert_eq!(all, expected.map(|(name, value)| (name, value.to_string())));
}

#[test]
fn a_206_must_go_on_where_the_file_ends() {
    let ok = "206 P\nContent-Range: bytes 4-9/10\nContent-Length: 6";
    assert_eq!(answers(&mut four(), ok), Ok(Answer::Append));
    for (text, why) in [
        ("206 P\nContent-Range: bytes 5-9/10", DownloadError::Offset { wanted: 4, got: 5 }),
        ("206 P\nContent-Range: bytes 0-9/10", DownloadError::Offset { wanted: 4, got: 0 }),
        ("206 P\nContent-Range: bytes 4-9/11", DownloadError::Changed),
        ("206 P\nContent-Range: bytes 4-10/*", DownloadError::Changed),
        ("206 P\nContent-Range: bytes 4-9/10\nETag: \"b\"", DownloadError::Changed),
        ("206 P\nContent-Range: bytes 4-9/10\nContent-Length: 5", DownloadError::Range),
        ("206 P\nContent-Range: bytes 4-10/10", DownloadError::Range),
        ("206 P\nContent-Range: bytes 9-4/10", DownloadError::Range),
        ("206 P\nContent-Range: bytes */10", DownloadError::Range),
        ("206 P\nContent-Range: bytes 4-9/10\nContent-Range: bytes 4-9/10", DownloadError::Range),
        ("206 P\nContent-Range: lines 4-9/10", DownloadError::Range),
        ("206 P\nContent-Range: bytes +4-9/10", DownloadError::Range),
        ("206 P\nContent-Range: bytes 4-18446744073709551615/*", DownloadError::Range),
        ("206 P\nContent-Type: multipart/byteranges", DownloadError::Range),
        ("206 P\nContent-Range: bytes 4-9/10\nContent-Encoding: gzip", DownloadError::Encoded),
        ("204 N", DownloadError::Status(204)),
        ("404 N", DownloadError::Status(404)),
    ] {
        assert_eq!(answers(&mut four(), text), Err(why), "{text}");
    }
    let by_date = |modified: &str| {
        let mut download = Download::new(0).resume(4, "Sun, 06 Nov 1994 08:49:37 GMT", None);
        answers(&mut download, &format!("206 P\nContent-Range: bytes 4-9/10{modified}"))
    };
    assert_eq!(by_date(""), Ok(Answer::Append));
    assert_eq!(by_date("\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT"), Ok(Answer::Append));
    let later = by_date("\nLast-Modified: Sun, 06 Nov 1994 08:49:38 GMT");
    assert_eq!(later, Err(DownloadError::Changed));
    let weak = answers(&mut four(), &format!("{ok}\nETag: W/\"a\""));
    assert_eq!(weak, Err(DownloadError::Changed));
    let unasked = answers(&mut Download::new(0), "206 P\nContent-Range: bytes 0-9/10");
    assert_eq!(unasked, Err(DownloadError::Range));
}

#[test]
fn a_200_begins_anew_only_if_the_file_can_be_emptied() {
    let text = "200 OK\nContent-Length: 3";
    let mut download = four();
    assert_eq!(answers(&mut download, text), Ok(Answer::Begin));
    assert_eq!((download.have(), download.total(), download.validator()), (0, Some(3), None));
    assert_eq!(answers(&mut four().truncates(false), text), Err(DownloadError::NotResumable));
    let mut vouched = Download::new(0).resume_unchecked(4);
    assert_eq!(vouched.fields().len(), 2);
    assert_eq!(answers(&mut vouched, text), Err(DownloadError::NotResumable));
}

#[test]
fn a_416_is_the_end_only_if_the_whole_is_there() {
    let whole = || Download::new(0).resume(10, "\"a\"", Some(10));
    assert_eq!(answers(&mut whole(), "416 R\nContent-Range: bytes */10"), Ok(Answer::Done));
    let other = "416 R\nContent-Range: bytes */10\nETag: \"b\"";
    for text in
        ["416 R", "416 R\nContent-Range: bytes */9", "416 R\nContent-Range: bytes */*", other]
    {
        assert_eq!(answers(&mut whole(), text), Err(DownloadError::Changed), "{text}");
    }
    let short = answers(&mut four(), "416 R\nContent-Range: bytes */10");
    assert_eq!(short, Err(DownloadError::Changed));
}

#[test]
fn a_short_206_goes_on_and_one_without_a_byte_of_the_rest_has_an_end() {
    let mut download = Download::new(1).resume(4, "\"a\"", Some(10));
    assert_eq!(answers(&mut download, "206 P\nContent-Range: bytes 4-5/10"), Ok(Answer::Append));
    download.wrote(2).unwrap();
    assert_eq!(download.wrote(1), Err(DownloadError::TooLong));
    assert_eq!(download.ended(), Ok(Next::Again));
    assert_eq!(download.fields()[1].1, "bytes=6-");
    assert_eq!(answers(&mut download, "503 Busy"), Ok(Answer::Again));
    assert_eq!(answers(&mut download, "503 Busy"), Err(DownloadError::Status(503)));
}

/// A server that may cut, shorten, ignore ranges, change its content, or lack validators.
struct Origin {
    versions: Vec<Vec<u8>>,
    seed: u64,
    tags: bool,
}

impl Origin {
    fn below(&mut self, bound: u64) -> u64 {
        // Knuth's MMIX generator.
        self.seed = self.seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.seed >> 33) % bound
    }

    /// Returns a head, the bytes of the body that come, and whether the body is whole.
    fn reply(&mut self, fields: &[(&'static str, String)]) -> (String, Vec<u8>, bool) {
        if self.below(6) == 0 {
            let len = 1 + self.below(40);
            let version = self.versions.len() as u8 + 1;
            self.versions.push((0..len).map(|at| version.wrapping_mul(37) ^ at as u8).collect());
        }
        let version = self.versions.len();
        let content = self.versions[version - 1].clone();
        let tag = format!("\"{version}\"");
        let value = |name| fields.iter().find(|(it, _)| *it == name).map(|(_, value)| &**value);
        let from = value("Range").and_then(|it| it[6..].trim_end_matches('-').parse().ok());
        let same = value("If-Range").is_none_or(|it| it == tag);
        let shown = if self.tags { format!("\nETag: {tag}") } else { String::new() };
        if self.below(10) == 0 {
            return ("503 Busy\nContent-Length: 0".to_string(), Vec::new(), true);
        }
        let (text, body) = match from.filter(|_| same && self.below(5) > 0) {
            Some(from) if from >= content.len() => {
                return (
                    format!("416 R\nContent-Range: bytes */{}", content.len()),
                    Vec::new(),
                    true,
                );
            }
            Some(from) => {
                let end = from + 1 + self.below((content.len() - from) as u64) as usize;
                let range = format!("{from}-{}/{}", end - 1, content.len());
                (format!("206 P\nContent-Range: bytes {range}{shown}"), content[from..end].to_vec())
            }
            None => (format!("200 OK\nContent-Length: {}{shown}", content.len()), content),
        };
        let whole = self.below(3) > 0;
        let comes = if whole { body.len() } else { self.below(body.len() as u64) as usize };
        (text, body[..comes].to_vec(), whole)
    }
}

/// Downloads into `file`. Returns the version that it has to be.
fn run(origin: &mut Origin, download: &mut Download, file: &mut Vec<u8>) -> Result<(), ()> {
    loop {
        let fields = download.fields();
        let (text, body, whole) = origin.reply(&fields);
        match download.answer(&head(&text)).map_err(drop)? {
            Answer::Begin => file.clear(),
            Answer::Append => {}
            Answer::Done => return Ok(()),
            Answer::Again => continue,
        }
        file.extend_from_slice(&body);
        download.wrote(body.len() as u64).map_err(drop)?;
        assert_eq!(download.have(), file.len() as u64);
        match whole {
            true if download.ended().map_err(drop)? == Next::Done => return Ok(()),
            false if !download.cut() => return Err(()),
            _ => {}
        }
    }
}

#[test]
fn whatever_is_cut_the_file_is_exact_or_it_is_an_error() {
    let (mut done, mut failed) = (0, 0);
    for seed in 0..20_000 {
        let versions = vec![(0..30).collect()];
        let mut origin = Origin { versions, seed: seed * 7919, tags: seed % 4 > 0 };
        let mut file = Vec::new();
        let mut download = Download::new(1);
        let mut result = run(&mut origin, &mut download, &mut file);
        // A later run takes the file up, if it can.
        if let (Err(()), Some(validator)) = (result, download.validator().map(ToOwned::to_owned)) {
            let (have, total) = (file.len() as u64, download.total());
            let mut next = Download::new(1).resume(have, &validator, total);
            result = run(&mut origin, &mut next, &mut file);
        }
        match result {
            Ok(()) => {
                assert!(origin.versions.contains(&file), "{seed}: {file:?}");
                done += 1;
            }
            Err(()) => failed += 1,
        }
    }
    assert!(done > 10_000 && failed > 100, "{done} {failed}");
}
