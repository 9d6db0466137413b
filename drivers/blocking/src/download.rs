//! Downloads into files, which resume.

use std::{
    error, fmt,
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use httpool::{
    download::{self, Answer, Next},
    message::Method,
};

use crate::{Cancel, Client, Error, Response, file_lock::open_locked};

/// A download of a URL into a file. [`Client::download`] makes it.
///
/// The body is written to `FILE.part`, which is renamed to `FILE` when it is complete. If the
/// connection is lost, the rest is asked for, as often as [`retries`](Self::retries) allows. If
/// that is not enough, `FILE.part` stays, with the server's ETag in `FILE.part.tag`, and the next
/// download into `FILE` takes it up. The file is exact, or the download is an error: the rest is
/// asked for by If-Range with a strong validator alone (RFC 9110 section 13.1.5), and begins where
/// the file ends. The rules are those of [`httpool::download`].
///
/// ```no_run
/// use httpool_blocking::Client;
///
/// let download = Client::new().download("https://example.com/release.tar.gz").retries(5);
/// let bytes = download.to("release.tar.gz")?;
/// println!("{bytes} bytes");
/// # Ok::<(), httpool_blocking::DownloadFailed>(())
/// ```
#[must_use = "nothing is sent before `to`"]
#[derive(Debug)]
pub struct Download {
    client: Client,
    url: String,
    fields: Vec<(String, String)>,
    retries: u32,
    cancel: Option<Cancel>,
}

/// The reason why a download failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum DownloadFailed {
    /// The request failed, and no retry was left.
    Call(Error),
    /// The file could not be written.
    File(io::Error),
    /// The response has nothing that belongs to the file.
    Response(download::DownloadError),
}

impl fmt::Display for DownloadFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Call(why) => write!(f, "{why}"),
            Self::File(why) => write!(f, "the file could not be written: {why}"),
            Self::Response(why) => write!(f, "{why}"),
        }
    }
}

impl error::Error for DownloadFailed {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(match self {
            Self::Call(why) => why,
            Self::File(why) => why,
            Self::Response(why) => why,
        })
    }
}

impl From<Error> for DownloadFailed {
    fn from(why: Error) -> Self {
        Self::Call(why)
    }
}

impl From<io::Error> for DownloadFailed {
    fn from(why: io::Error) -> Self {
        match why.downcast::<Error>() {
            Ok(why) => Self::Call(why),
            Err(why) => Self::File(why),
        }
    }
}

impl From<download::DownloadError> for DownloadFailed {
    fn from(why: download::DownloadError) -> Self {
        Self::Response(why)
    }
}

impl Download {
    pub(crate) fn new(client: Client, url: &str) -> Self {
        Self { client, url: url.to_owned(), fields: Vec::new(), retries: 3, cancel: None }
    }

    /// Adds a header field to the requests.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets how often the server is asked again after a failure. 3 by default. A response that ends
    /// early, but has a part of the rest, is no failure. The wait before is 0.1 s, 0.2 s and so on up
    /// to 10 s, or what Retry-After says, up to
    /// [`retry_after_max`](field@crate::Retry::retry_after_max) of the client's policy.
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Registers the download with `cancel`, so that another thread can cancel it.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = Some(cancel.clone());
        self
    }

    /// Downloads into the file at `path`, which is replaced. Returns its length in bytes.
    ///
    /// # Errors
    /// The file is incomplete, and `path` has not been changed.
    pub fn to(self, path: impl AsRef<Path>) -> Result<u64, DownloadFailed> {
        let Self { client, url, fields, retries, cancel } = self;
        let mut partial = PartialFile::open(path.as_ref(), retries)?;
        let ask = |conditions: &[(&'static str, String)]| {
            let mut request = client.request(Method::GET, &url).decode(false);
            for (name, value) in &fields {
                request = request.header(name, value);
            }
            for (name, value) in conditions {
                request = request.header(name, value);
            }
            if let Some(cancel) = &cancel {
                request = request.cancel(cancel);
            }
            request.send()
        };
        let longest = client.shared().settings.policy.retry.retry_after_max;
        partial.fill(ask, &mut Patient { cancel: cancel.as_ref(), pause: FIRST_PAUSE, longest })?;
        Ok(partial.finish()?)
    }
}

/// The course of a download, for a program that shows it. See [`PartialFile::fill`].
pub trait Watch {
    /// Is told of each response. An error ends the download.
    ///
    /// # Errors
    /// The program does not want the response.
    fn head(&mut self, response: &Response) -> Result<(), DownloadFailed> {
        let _ = response;
        Ok(())
    }

    /// Is told of each piece that was written to the file.
    fn wrote(&mut self, bytes: usize) {
        let _ = bytes;
    }

    /// Waits before the server is asked again, after a response that is to be asked for again, or
    /// after a failure. Returns whether to go on.
    fn again(&mut self, response: Option<&Response>, failed: Option<&Error>) -> bool;
}

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Waits twice as long each time, or as long as the server asks, unless the download is cancelled.
struct Patient<'c> {
    cancel: Option<&'c Cancel>,
    pause: Duration,
    /// The longest wait that a server can ask for.
    longest: Duration,
}

impl Watch for Patient<'_> {
    fn again(&mut self, response: Option<&Response>, _: Option<&Error>) -> bool {
        const STEP: Duration = Duration::from_millis(50);
        let (begun, asked) = (Instant::now(), response.and_then(Response::retry_after));
        let wait = asked.map_or(self.pause, |asked| asked.min(self.longest));
        while !self.cancel.is_some_and(Cancel::is_cancelled) {
            let left = wait.saturating_sub(begun.elapsed());
            if left.is_zero() {
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                return true;
            }
            std::thread::sleep(left.min(STEP));
        }
        false
    }
}

/// The file of a download until it is complete.
#[derive(Debug)]
pub struct PartialFile {
    file: File,
    download: download::Download,
    /// The names of the partial and of the complete file. `None`: the file itself is written.
    names: Option<(PathBuf, PathBuf)>,
}

impl PartialFile {
    /// Opens `FILE.part`, and locks it where the system has locks. The bytes of an earlier download
    /// are kept and continued if their validator is in `FILE.part.tag`. Otherwise the download
    /// begins at offset 0.
    ///
    /// # Errors
    /// The file cannot be opened, or another program is writing it.
    pub fn open(path: &Path, retries: u32) -> io::Result<Self> {
        let part = with_end(path, ".part");
        let mut file = open_locked(&part)?;
        let tag = fs::read_to_string(with_end(path, ".part.tag")).unwrap_or_default();
        let mut lines = tag.lines();
        let have = file.seek(SeekFrom::End(0))?;
        let mut download = download::Download::new(retries);
        match (lines.next(), lines.next().map(str::parse)) {
            (Some(validator), Some(total)) if have > 0 && !validator.is_empty() => {
                // A line that is no number stands for an unknown length.
                let total = total.ok().filter(|total| *total >= have);
                download = download.resume(have, validator, total);
            }
            // The answer begins the file anew.
            _ => {}
        }
        Ok(Self { file, download, names: Some((part, path.to_owned())) })
    }

    /// Opens the file itself, to append to its first `offset` bytes, which the caller vouches for;
    /// `None`: to all of them. The bytes behind them stay until the server has answered with others.
    ///
    /// # Errors
    /// The file cannot be opened, is shorter, or another program is writing it.
    pub fn append(path: &Path, offset: Option<u64>, retries: u32) -> io::Result<Self> {
        let mut file = open_locked(path)?;
        let len = file.seek(SeekFrom::End(0))?;
        let offset = offset.unwrap_or(len);
        if offset > len {
            let what = format!("the file has {len} bytes, fewer than {offset}");
            return Err(io::Error::other(what));
        }
        let download = download::Download::new(retries).resume_unchecked(offset);
        Ok(Self { file, download, names: None })
    }

    /// Returns the decisions so far.
    pub const fn download(&self) -> &download::Download {
        &self.download
    }

    /// Downloads until the file is complete. `ask` sends a request with the fields given.
    ///
    /// # Errors
    /// The file is incomplete. What it has, and its validator, stay for a later download.
    pub fn fill(
        &mut self,
        mut ask: impl FnMut(&[(&'static str, String)]) -> Result<Response, Error>,
        watch: &mut impl Watch,
    ) -> Result<(), DownloadFailed> {
        loop {
            let mut response = match ask(&self.download.fields()) {
                Ok(response) => response,
                // Without a failure the request itself cannot be sent.
                Err(why) if why.as_failure().is_none() || !self.download.cut() => {
                    return Err(why.into());
                }
                Err(why) if watch.again(None, Some(&why)) => continue,
                Err(why) => return Err(why.into()),
            };
            watch.head(&response)?;
            match self.download.answer(response.head())? {
                Answer::Done => return Ok(self.cut_to(self.download.have())?),
                Answer::Again if watch.again(Some(&response), None) => continue,
                Answer::Again => {
                    let status = response.status().as_u16();
                    return Err(download::DownloadError::Status(status).into());
                }
                Answer::Begin => self.cut_to(0)?,
                Answer::Append => self.cut_to(self.download.have())?,
            }
            self.note()?;
            match self.receive(&mut response, watch) {
                Ok(()) if self.download.ended()? == Next::Done => return Ok(()),
                Ok(()) => {}
                Err(DownloadFailed::Call(why)) => {
                    if !self.download.cut() || !watch.again(None, Some(&why)) {
                        return Err(why.into());
                    }
                }
                Err(why) => return Err(why),
            }
        }
    }

    /// Cuts the file to `len` bytes, and goes on behind them.
    fn cut_to(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len)).map(drop)
    }

    fn receive(
        &mut self,
        response: &mut Response,
        watch: &mut impl Watch,
    ) -> Result<(), DownloadFailed> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = response.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            self.file.write_all(&buffer[..read])?;
            self.download.wrote(read as u64)?;
            watch.wrote(read);
        }
    }

    /// Writes the validator down, with which a later download takes the file up.
    fn note(&self) -> io::Result<()> {
        let Some((_, path)) = &self.names else { return Ok(()) };
        let tag = with_end(path, ".part.tag");
        match self.download.validator() {
            Some(validator) => {
                let total =
                    self.download.total().map_or_else(|| "?".to_owned(), |it| it.to_string());
                fs::write(tag, format!("{validator}\n{total}\n"))
            }
            None => remove(&tag),
        }
    }

    /// Gives the complete file its name. Returns its length in bytes.
    ///
    /// # Errors
    /// The file cannot be renamed.
    pub fn finish(self) -> io::Result<u64> {
        let Self { file, download, names } = self;
        drop(file);
        if let Some((part, path)) = names {
            fs::rename(part, &path)?;
            remove(&with_end(&path, ".part.tag"))?;
        }
        Ok(download.have())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Err(why),
        _ => Ok(()),
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(end);
    path.with_file_name(name)
}
