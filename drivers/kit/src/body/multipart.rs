//! The body of an HTML form with files: `multipart/form-data` (RFC 7578).

use std::{
    fmt::{self, Write},
    fs::File,
    io,
    path::Path,
};

use super::{Body, Watch};

/// A form whose fields may be files, sent as `multipart/form-data` (RFC 7578).
///
/// A file is read while it is sent, and never held in memory. The body has a known length, and can
/// be sent again, if all its parts have and can: text, bytes and regular files do.
///
/// ```
/// use httpool_kit::{Multipart, Part};
///
/// # let path = std::env::temp_dir().join(format!("httpool-multipart-{}", std::process::id()));
/// # std::fs::write(&path, "a,b\n")?;
/// let form = Multipart::new()?
///     .text("title", "Figures")
///     .file("table", &path)?
///     .part("note", Part::new("<p>").file_name("note.html").content_type("text/html"));
/// # std::fs::remove_file(path)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Multipart {
    boundary: String,
    parts: Vec<(String, Part)>,
    watch: Option<Watch>,
}

/// The value of a field of a [`Multipart`] form.
#[derive(Debug)]
pub struct Part {
    body: Body,
    file_name: Option<String>,
    content_type: Option<String>,
}

impl Multipart {
    /// Makes a form without fields. Its boundary is 128 bits of the system's source of randomness,
    /// so that nobody who provides a value can guess it.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new() -> io::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self::with_boundary(format!("{:032x}", u128::from_ne_bytes(random))))
    }

    /// Makes a form with a boundary of your own. It must not be in any value. A byte that is not
    /// allowed in an unquoted boundary (a letter, a digit, `-`, `_` or `.`) is left out, and so is
    /// everything behind the 70th (RFC 2046 section 5.1.1).
    pub fn with_boundary(boundary: impl Into<String>) -> Self {
        let mut boundary = boundary.into();
        boundary.retain(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        boundary.truncate(70);
        Self { boundary, parts: Vec::new(), watch: None }
    }

    /// Adds a field with a text.
    #[must_use]
    pub fn text(self, name: &str, value: impl Into<String>) -> Self {
        self.part(name, Part::new(value.into()))
    }

    /// Adds a field with the content of a file, with its name and the type
    /// `application/octet-stream`. For another type, make a [`Part`] of the [`File`].
    ///
    /// # Errors
    /// The file could not be opened.
    pub fn file(self, name: &str, path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let file = File::open(path)?;
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let part = Part::new(file).file_name(file_name).content_type("application/octet-stream");
        Ok(self.part(name, part))
    }

    /// Adds a field.
    #[must_use]
    pub fn part(mut self, name: &str, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// Watches the sending of the body, as [`Body::on_progress`] does.
    #[must_use]
    pub fn on_progress(self, watch: impl FnMut(u64, Option<u64>) + Send + 'static) -> Self {
        Self { watch: Some(Watch(Box::new(watch))), ..self }
    }

    /// Returns the value of the Content-Type field: the type and the boundary.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Returns the body. A driver's request builder sets it together with Content-Type:
    /// [`request_methods!`](crate::request_methods).
    pub fn into_body(self) -> Body {
        let mut bodies = Vec::with_capacity(2 * self.parts.len() + 1);
        let mut text = Vec::new();
        for (name, part) in self.parts {
            text.extend_from_slice(format!("--{}\r\n", self.boundary).as_bytes());
            text.extend_from_slice(part.head(&name).as_bytes());
            match part.body.as_bytes() {
                Some(bytes) => text.extend_from_slice(bytes),
                None => {
                    bodies.push(Body::from(std::mem::take(&mut text)));
                    bodies.push(part.body);
                }
            }
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        bodies.push(Body::from(text));
        let body = if bodies.len() == 1 { bodies.remove(0) } else { Body::chain(bodies) };
        Body { watch: self.watch, ..body }
    }
}

impl Part {
    /// Makes a value of text, bytes, a file, or any other [`Body`].
    pub fn new(body: impl Into<Body>) -> Self {
        Self { body: body.into(), file_name: None, content_type: None }
    }

    /// Sets the file name that the server is told.
    #[must_use]
    pub fn file_name(self, name: impl Into<String>) -> Self {
        Self { file_name: Some(name.into()), ..self }
    }

    /// Sets the type of the content, such as `text/csv`. Without it, a server takes the value for
    /// text. Control characters are left out.
    #[must_use]
    pub fn content_type(self, media_type: impl Into<String>) -> Self {
        let mut media_type = media_type.into();
        media_type.retain(|c| !c.is_control());
        Self { content_type: Some(media_type), ..self }
    }

    /// Returns the header of the part, with the empty line that ends it.
    fn head(&self, name: &str) -> String {
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", Quoted(name));
        // Writing to a string does not fail.
        if let Some(name) = &self.file_name {
            let _ = write!(head, "; filename=\"{}\"", Quoted(name));
        }
        if let Some(media_type) = &self.content_type {
            let _ = write!(head, "\r\nContent-Type: {media_type}");
        }
        head.push_str("\r\n\r\n");
        head
    }
}

/// Writes a name as browsers and urllib3 do: a line feed, a carriage return and a quotation mark are
/// percent-encoded, and all else is UTF-8 (HTML standard, multipart/form-data encoding algorithm).
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' => f.write_str("%0A"),
            '\r' => f.write_str("%0D"),
            '"' => f.write_str("%22"),
            c => f.write_char(c),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use httpool::message::{BodyLeft, BodyLength};

    use super::*;
    use crate::Piece;

    /// Reads all of a body of known length.
    fn all(mut body: Body) -> String {
        let BodyLength::Known { len, .. } = body.length() else { panic!("{body:?}") };
        let (mut text, mut buffer) = (Vec::new(), Vec::new());
        while (text.len() as u64) < len {
            match body.next(BodyLeft::Bytes(len - text.len() as u64), &mut buffer).unwrap() {
                Piece::Bytes(bytes, _) => text.extend_from_slice(&bytes),
                Piece::Read(read) => text.extend_from_slice(&buffer[..read]),
            }
        }
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn fields_are_written_in_order_with_their_heads() {
        let form = Multipart::with_boundary("XX")
            .text("a", "1")
            .part("b", Part::new(Body::sized_reader(Cursor::new("<p>"), 3)).file_name("b.html"))
            .part("c", Part::new(&b"{}"[..]).content_type("application/json"));
        assert_eq!(form.content_type(), "multipart/form-data; boundary=XX");
        assert_eq!(
            all(form.into_body()),
            "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
             --XX\r\nContent-Disposition: form-data; name=\"b\"; filename=\"b.html\"\r\n\r\n<p>\r\n\
             --XX\r\nContent-Disposition: form-data; name=\"c\"\r\n\
             Content-Type: application/json\r\n\r\n{}\r\n--XX--\r\n"
        );
    }

    #[test]
    fn names_and_types_cannot_break_out_of_their_place() {
        let part = Part::new("v").file_name("x\"\r\n.txt").content_type("a/b\r\nX: y");
        let text = all(Multipart::with_boundary("XX").part("n\"\r\nm\u{e9}", part).into_body());
        assert_eq!(
            text,
            "--XX\r\nContent-Disposition: form-data; name=\"n%22%0D%0Am\u{e9}\"; \
             filename=\"x%22%0D%0A.txt\"\r\nContent-Type: a/bX: y\r\n\r\nv\r\n--XX--\r\n"
        );
        let odd = Multipart::with_boundary("a b\r\n\"c\"".to_owned() + &"x".repeat(99));
        assert_eq!(odd.boundary, "abc".to_owned() + &"x".repeat(67));
    }

    #[test]
    fn length_and_replay_follow_from_the_parts() {
        let bytes = Multipart::new().unwrap().text("a", "1").into_body();
        assert!(matches!(bytes.length(), BodyLength::Known { replayable: true, .. }));
        let reader = Part::new(Body::reader(Cursor::new("x").chain(Cursor::new("y"))));
        let stream = Multipart::new().unwrap().part("a", reader).into_body();
        assert_eq!(stream.length(), BodyLength::Unknown { replayable: false });
        let none = Multipart::with_boundary("XX").into_body();
        assert_eq!(all(none), "--XX--\r\n");
    }

    #[test]
    fn boundaries_differ() {
        let boundary = || Multipart::new().unwrap().boundary;
        let (one, other) = (boundary(), boundary());
        assert_eq!((one.len(), other.len()), (32, 32));
        assert_ne!(one, other);
    }
}
