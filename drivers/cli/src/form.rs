//! The fields of `--form`.

use std::{
    fs::File,
    io::{Read, stdin},
    path::Path,
};

use httpool_blocking::{Multipart, Part};

use crate::{
    exit::{Failed, wrong},
    pace::{body_of, body_of_file},
};

/// A field of a form.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    name: String,
    value: Value,
    media_type: Option<String>,
    file_name: Option<String>,
}

#[derive(Debug, PartialEq)]
enum Value {
    Text(String),
    /// A file; `-` is standard input.
    File(String),
    /// The content of a file, without its name; `-` is standard input.
    Content(String),
}

impl Field {
    /// Parses `NAME=TEXT`.
    pub(crate) fn text(text: &str) -> Result<Self, Failed> {
        let (name, value) = split(text)?;
        Ok(Self { name, value: Value::Text(value.to_owned()), media_type: None, file_name: None })
    }

    /// Parses `NAME=TEXT`, `NAME=@FILE` or `NAME=<FILE`, and what follows behind semicolons. A
    /// value in double quotes may hold semicolons.
    pub(crate) fn parse(text: &str) -> Result<Self, Failed> {
        let (name, rest) = split(text)?;
        let (kind, rest) = match rest.chars().next() {
            Some(kind @ ('@' | '<')) => (kind, &rest[1..]),
            _ => (' ', rest),
        };
        let (value, quoted, mut rest) = word(rest);
        if kind == '@' && !quoted && value.contains(',') {
            return Err(wrong("--form takes one file: repeat it for others, or quote the name"));
        }
        let value = match kind {
            '@' => Value::File(value),
            '<' => Value::Content(value),
            _ => Value::Text(value),
        };
        let mut field = Self { name, value, media_type: None, file_name: None };
        while let Some(behind) = rest.strip_prefix(';') {
            let (key, behind) = behind.trim_start().split_once('=').ok_or_else(|| {
                wrong(format!("--form: {behind:?} is none of type=TYPE and filename=NAME"))
            })?;
            let (value, _, behind) = word(behind);
            rest = behind;
            match key.trim() {
                "type" => field.media_type = Some(value),
                "filename" => field.file_name = Some(value),
                other => return Err(wrong(format!("--form: {other}= is not here"))),
            }
        }
        Ok(field)
    }

    /// Adds the field to a form. Opens its file, and sends it at most at `rate` bytes a second.
    pub(crate) fn add_to(&self, form: Multipart, rate: Option<u64>) -> Result<Multipart, Failed> {
        let (mut part, file) = match &self.value {
            Value::Text(text) => (Part::new(text.clone()), None),
            Value::File(path) if path != "-" => {
                (Part::new(body_of_file(Path::new(path), rate)?), Some(path))
            }
            Value::File(path) => (Part::new(body_of(content(path)?.into(), rate)), Some(path)),
            Value::Content(path) => (Part::new(body_of(content(path)?.into(), rate)), None),
        };
        let base = file.and_then(|path| Path::new(path).file_name());
        let base = base.map(|name| name.to_string_lossy().into_owned());
        let file_name = self.file_name.clone().or(base);
        let guessed = file.map(|path| media_type(file_name.as_ref().unwrap_or(path)).to_owned());
        if let Some(media_type) = self.media_type.clone().or(guessed) {
            part = part.content_type(media_type);
        }
        if let Some(name) = file_name {
            part = part.file_name(name);
        }
        Ok(form.part(&self.name, part))
    }
}

fn split(text: &str) -> Result<(String, &str), Failed> {
    let form = || wrong(format!("--form needs the form NAME=VALUE, not {text:?}"));
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    Ok((name.to_owned(), value))
}

/// Splits a value off that ends at a semicolon. Returns also whether it was quoted.
fn word(text: &str) -> (String, bool, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').filter(|&at| is_parameter(&text[at..])).unwrap_or(text.len());
        return (text[..end].to_owned(), false, &text[end..]);
    };
    let (mut value, mut chars) = (String::new(), quoted.char_indices());
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, true, quoted[at + 1..].trim_start()),
            '\\' => value.extend(chars.next().map(|(_, char)| char)),
            other => value.push(other),
        }
    }
    // Without its end, the mark is a part of the value.
    (text.to_owned(), false, "")
}

/// Whether the text behind a semicolon is a parameter and not a part of the value.
fn is_parameter(text: &str) -> bool {
    let text = text.trim_start_matches([';', ' ']);
    ["type=", "filename=", "headers=", "encoder="].iter().any(|key| text.starts_with(key))
        || text.is_empty()
}

fn content(path: &str) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let read = match path {
        "-" => stdin().read_to_end(&mut bytes),
        path => File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
    };
    read.map_err(|why| Failed::reading_file(path, &why))?;
    Ok(bytes)
}

/// Returns the media type of a file by its name, from curl's list.
fn media_type(name: &str) -> &'static str {
    let lower = name.to_ascii_lowercase();
    let types = [
        (".gif", "image/gif"),
        (".jpg", "image/jpeg"),
        (".jpeg", "image/jpeg"),
        (".png", "image/png"),
        (".svg", "image/svg+xml"),
        (".txt", "text/plain"),
        (".htm", "text/html"),
        (".html", "text/html"),
        (".pdf", "application/pdf"),
        (".xml", "application/xml"),
    ];
    let found = types.iter().find(|(end, _)| lower.ends_with(end));
    found.map_or("application/octet-stream", |(_, media_type)| media_type)
}

#[cfg(test)]
mod tests {
    use httpool::message::{BodyLeft, BodyLength};

    use super::*;

    #[test]
    fn fields_of_all_kinds() {
        let parsed = |text| Field::parse(text).unwrap();
        let field = |value| Field { name: "n".into(), value, media_type: None, file_name: None };
        let file = || field(Value::File("f.txt".into()));
        assert_eq!(parsed("n=a;b"), field(Value::Text("a;b".into())));
        assert_eq!(parsed("n=a=b"), field(Value::Text("a=b".into())));
        assert_eq!(parsed("n=@f.txt"), file());
        assert_eq!(parsed("n=<f.txt"), field(Value::Content("f.txt".into())));
        let typed = Field { media_type: Some("text/csv".into()), ..file() };
        assert_eq!(parsed("n=@f.txt;type=text/csv"), typed);
        let named = Field { file_name: Some("a;\"b".into()), ..typed };
        assert_eq!(parsed("n=@f.txt;type=text/csv;filename=\"a;\\\"b\""), named);
        assert_eq!(parsed("n=@\"a,b\""), field(Value::File("a,b".into())));
        assert_eq!(Field::text("n=@a;type=b").unwrap(), field(Value::Text("@a;type=b".into())));
        for wrong in ["n", "n=@a,b", "n=@a;headers=x"] {
            assert!(Field::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_of_a_form_keeps_the_rate() {
        let path = std::env::temp_dir().join(format!("httpool-form-{}", std::process::id()));
        std::fs::write(&path, [b'x'; 250]).unwrap();
        let field = Field::parse(&format!("n=@{}", path.display())).unwrap();
        let form = field.add_to(Multipart::with_boundary("b"), Some(1000)).unwrap();
        let (mut body, mut pieces, mut buffer) = (form.into_body(), Vec::new(), Vec::new());
        let BodyLength::Known { len, .. } = body.length() else { panic!("no length") };
        let mut left = len;
        while left > 0 {
            let max = BodyLeft::Bytes(left);
            let (piece, _) = body.next(max, &mut buffer).unwrap().extent(max);
            pieces.push(piece);
            left -= piece as u64;
        }
        std::fs::remove_file(path).unwrap();
        // A tenth of a second's bytes pass at a time.
        assert_eq!(pieces[1..pieces.len() - 1], [100, 100, 50]);
    }
}
