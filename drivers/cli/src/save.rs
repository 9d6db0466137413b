//! The options that say where a response goes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use httpool_blocking::Response;

use crate::{
    exit::{Failed, Kind, wrong},
    globs::Expanded,
    options::Given,
};

/// The destination of a response's body.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) enum Output {
    /// Standard output. If that is a terminal, control characters are escaped.
    #[default]
    Shown,
    /// Standard output, unchanged.
    Stdout,
    File(PathBuf),
    /// A file with the name at the end of the URL.
    Remote,
}

/// The place at which a download goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum ContinueAt {
    /// The end of `FILE.part` or `FILE`.
    End,
    /// Behind so many bytes of `FILE`.
    Offset(u64),
}

impl ContinueAt {
    /// Parses the value of the option.
    pub(crate) fn parse(given: &Given) -> Result<Self, Failed> {
        match given.text()?.as_str() {
            "-" => Ok(Self::End),
            _ => given.number().map(Self::Offset),
        }
    }
}

/// The options that say where a response goes.
#[derive(Debug, Default)]
pub(crate) struct Save {
    /// Those given, in order.
    outputs: Vec<Output>,
    all_remote: bool,
    /// Whether the name of Content-Disposition is used.
    named_by_server: bool,
    directory: Option<PathBuf>,
    keeps_old: bool,
    /// Whether the file gets the time of Last-Modified.
    pub(crate) remote_time: bool,
    create: bool,
    /// The file of the heads; `-` is standard output.
    pub(crate) heads: Option<PathBuf>,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) resume: Option<ContinueAt>,
}

impl Save {
    /// Sets an option. Returns false if it is another one.
    pub(crate) fn set(&mut self, given: &Given) -> Result<bool, Failed> {
        match given.name.as_str() {
            "--output" => {
                let path = given.path();
                let stdout = path == Path::new("-");
                self.outputs.push(if stdout { Output::Stdout } else { Output::File(path) });
            }
            "--remote-name" => self.outputs.push(match given.on {
                true => Output::Remote,
                false => Output::Shown,
            }),
            "--remote-name-all" => self.all_remote = given.on,
            "--remote-header-name" => self.named_by_server = given.on,
            "--remote-time" => self.remote_time = given.on,
            "--no-clobber" => self.keeps_old = given.on,
            "--output-dir" => self.directory = Some(given.path()),
            "--create-dirs" => self.create = given.on,
            "--continue-at" => self.resume = Some(ContinueAt::parse(given)?),
            "--dump-header" => self.heads = Some(given.path()),
            "--max-filesize" => self.bytes_max = Some(given.bytes()?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks that the options are compatible with each other.
    pub(crate) fn check(&self) -> Result<(), Failed> {
        if self.outputs.contains(&Output::File(PathBuf::new())) {
            return Err(wrong("--output needs the name of a file, or - for standard output"));
        }
        if self.resume.is_some() && (self.outputs.is_empty() && !self.all_remote) {
            return Err(wrong("--continue-at needs a file: add -o FILE or -O"));
        }
        if self.named_by_server && self.resume.is_some() {
            return Err(wrong("--continue-at needs a name that is known before: omit -J"));
        }
        if self.named_by_server && !self.all_remote && !self.outputs.contains(&Output::Remote) {
            return Err(wrong("--remote-header-name needs --remote-name"));
        }
        Ok(())
    }

    /// Returns the output of the URL with a number, one of those that it is expanded to.
    pub(crate) fn output(&self, number: usize, expanded: &Expanded) -> Output {
        match self.outputs.get(number) {
            Some(Output::File(path)) => match path.to_str() {
                Some(name) => Output::File(expanded.fill(name).into()),
                None => Output::File(path.clone()),
            },
            Some(output) => output.clone(),
            None if self.all_remote => Output::Remote,
            None => Output::Shown,
        }
    }

    /// Whether the name of the file is known after the head of the response alone.
    pub(crate) fn waits_for_name(&self, output: &Output) -> bool {
        self.named_by_server && *output == Output::Remote
    }

    /// Returns the path of the file, and creates its directories if wanted. `None`: standard
    /// output.
    pub(crate) fn path(&self, output: &Output, url: &str) -> Result<Option<PathBuf>, Failed> {
        let name = match output {
            Output::Shown | Output::Stdout => return Ok(None),
            Output::File(path) => path.clone(),
            Output::Remote => remote_name(url)?.into(),
        };
        self.placed(name).map(Some)
    }

    /// Returns the path of the file of a response with a name of its own. The file must not exist.
    pub(crate) fn path_by_server(&self, url: &str, response: &Response) -> Result<PathBuf, Failed> {
        let field = response.headers().get("content-disposition").unwrap_or_default();
        let name = match disposition_name(&String::from_utf8_lossy(field)) {
            Some(name) => name,
            None => remote_name(url)?,
        };
        let path = self.placed(name.into())?;
        if path.exists() {
            let what =
                format!("{}: the file exists, and the server chose its name", path.display());
            return Err(Failed::new(Kind::Write, what).hint("-o FILE replaces a file"));
        }
        Ok(path)
    }

    fn placed(&self, name: PathBuf) -> Result<PathBuf, Failed> {
        let path = match &self.directory {
            Some(directory) => directory.join(name),
            None => name,
        };
        if let (true, Some(parent)) = (self.create, path.parent()) {
            fs::create_dir_all(parent).map_err(|why| Failed::local(parent.display(), &why))?;
        }
        if self.keeps_old && path.exists() { self.beside(&path) } else { Ok(path) }
    }

    /// Returns a path that does not exist: the one given with a number at its end.
    fn beside(&self, path: &Path) -> Result<PathBuf, Failed> {
        const NUMBERS: u32 = 100;
        let numbered = |number| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        (1..=NUMBERS).map(numbered).find(|path| !path.exists()).ok_or_else(|| {
            let what = format!("{0} to {0}.{NUMBERS} exist", path.display());
            Failed::new(Kind::Write, what)
        })
    }
}

/// Returns the part of a URL behind the last slash of its path.
fn remote_name(url: &str) -> Result<String, Failed> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let behind = path.split_once("://").map_or(path, |(_, rest)| rest);
    match behind.rsplit_once('/') {
        Some((_, name)) if is_name(name) => Ok(name.to_owned()),
        _ => {
            let what = format!("--remote-name: there is no name of a file at the end of {url}");
            Err(Failed::new(Kind::Write, what).hint("-o FILE names one"))
        }
    }
}

/// Returns the file name of a Content-Disposition field, without directories (RFC 6266 section
/// 4.3).
fn disposition_name(field: &str) -> Option<String> {
    let lower = field.to_ascii_lowercase();
    let at = lower.match_indices("filename").map(|(at, _)| at).find_map(|at| {
        let before = field[..at].trim_end();
        let behind = field[at + "filename".len()..].trim_start();
        (before.is_empty() || before.ends_with(';')).then(|| behind.strip_prefix('='))?
    })?;
    let value = at.trim_start();
    let name = match value.strip_prefix('"') {
        Some(quoted) => {
            let (mut name, mut chars) = (String::new(), quoted.chars());
            loop {
                match chars.next() {
                    None | Some('"') => break name,
                    Some('\\') => name.extend(chars.next()),
                    Some(char) => name.push(char),
                }
            }
        }
        None => value.split(';').next().unwrap_or_default().trim().to_owned(),
    };
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    is_name(name).then(|| name.to_owned())
}

/// Whether a text of a server or of a URL may name a file.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_at_the_end_of_the_url() {
        let name = |url| remote_name(url).ok();
        assert_eq!(name("http://h/a/b.txt?q=/x#f").as_deref(), Some("b.txt"));
        assert_eq!(name("http://h/a%20b").as_deref(), Some("a%20b"));
        for url in ["http://h", "http://h/", "http://h/a/", "http://h/a/..", "http://h/?a"] {
            assert_eq!(name(url), None, "{url}");
        }
    }

    #[test]
    fn the_servers_name_has_no_directory() {
        let name = disposition_name;
        assert_eq!(name("attachment; filename=a.txt").as_deref(), Some("a.txt"));
        assert_eq!(name("attachment; filename=\"a; b.txt\"; x=y").as_deref(), Some("a; b.txt"));
        assert_eq!(name("attachment; FileName = \"a\\\"b\"").as_deref(), Some("a\"b"));
        assert_eq!(name("attachment; filename=\"../../etc/passwd\"").as_deref(), Some("passwd"));
        assert_eq!(name("attachment; filename=\"c:\\\\x\\\\y\"").as_deref(), Some("y"));
        for field in
            ["", "inline", "attachment; filename=\"..\"", "x; filename=", "a; myfilename=b"]
        {
            assert_eq!(name(field), None, "{field}");
        }
    }
}
