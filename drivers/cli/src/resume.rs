//! Downloads that resume (`--continue-at`).

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use httpool::download::DownloadError;
use httpool_blocking::{Client, DownloadFailed, Error, PartialFile, Response, Watch, httpool};

use crate::{
    args::{Options, Transfer},
    client::request,
    conditions::last_modified,
    exit::{Failed, Kind, answer, refused, wrong},
    interrupt::Interrupt,
    output::{self, Limits},
    pace::Pace,
    progress::Progress,
    redo::Tries,
    save::ContinueAt,
    target::set_modified,
    timed::Seen,
};

/// Downloads into the file at `path`.
pub(crate) fn download(
    client: &Client,
    options: &Options,
    interrupt: &Interrupt,
    (transfer, path, from): (&Transfer, &Path, ContinueAt),
    (seen, tries): (&mut Seen, &mut Tries<'_>),
) -> Result<(), Failed> {
    if !options.ask.is_plain_get() || options.method() != httpool::message::Method::GET {
        return Err(wrong("--continue-at is for downloads by GET: omit the data and --range"));
    }
    let mut partial = open(path, from, tries).map_err(|why| Failed::local(path.display(), &why))?;
    let ask = |fields: &[(&'static str, String)]| {
        let request = request(client, options, &transfer.url).decode(false);
        let add = |request: httpool_blocking::RequestBuilder, field: &(&'static str, String)| {
            request.header(field.0, &field.1)
        };
        fields.iter().fold(request, add).cancel(interrupt.cancel()).send()
    };
    let have = partial.download().have();
    let mut shown = Shown {
        options,
        path,
        interrupt,
        tries,
        seen,
        have,
        progress: None,
        pace: options.limit_rate.map(Pace::new),
        modified: None,
        refused: None,
    };
    let filled = partial.fill(ask, &mut shown);
    if let Some(refused) = shown.refused.take() {
        return Err(refused);
    }
    match filled {
        Ok(()) => {}
        Err(DownloadFailed::Call(why)) => {
            shown.seen.failed(&why);
            return Err(why.into());
        }
        Err(DownloadFailed::File(why)) => return Err(Failed::local(path.display(), &why)),
        Err(DownloadFailed::Response(why @ DownloadError::Status(_))) => {
            return Err(Failed::new(Kind::Status, format!("{}: {why}", transfer.url)));
        }
        Err(why) => {
            let what = format!("{}: {why}", transfer.url);
            return Err(Failed::new(Kind::Resume, what).hint("without -C it begins anew"));
        }
    }
    let modified = shown.modified;
    let timed = |_| modified.map_or(Ok(()), |at| set_modified(path, at));
    partial.finish().and_then(timed).map_err(|why| Failed::local(path.display(), &why))
}

/// Opens `FILE.part`, or the file itself if there is one that is to be appended to.
fn open(path: &Path, from: ContinueAt, tries: &Tries<'_>) -> io::Result<PartialFile> {
    let retries = tries.left();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part: PathBuf = path.with_file_name(name);
    match from {
        ContinueAt::Offset(offset) if offset > 0 => {
            PartialFile::append(path, Some(offset), retries)
        }
        ContinueAt::End if !part.exists() && path.metadata().is_ok_and(|it| it.len() > 0) => {
            PartialFile::append(path, None, retries)
        }
        _ => PartialFile::open(path, retries),
    }
}

/// Shows the download, and waits before each retry.
struct Shown<'d, 't> {
    options: &'d Options,
    path: &'d Path,
    interrupt: &'d Interrupt,
    tries: &'d mut Tries<'t>,
    seen: &'d mut Seen,
    /// The bytes of the file.
    have: u64,
    progress: Option<Progress>,
    pace: Option<Pace>,
    /// The time that the file gets.
    modified: Option<SystemTime>,
    /// The failure of a response that is not wanted.
    refused: Option<Failed>,
}

impl Watch for Shown<'_, '_> {
    fn head(&mut self, response: &Response) -> Result<(), DownloadFailed> {
        self.seen.answered(response);
        self.modified = last_modified(response).filter(|_| self.options.save.remote_time);
        let total = response.content_length();
        self.interrupt.receives(total);
        let max = Limits { rate: None, bytes_max: self.options.save.bytes_max };
        let status = response.status().as_u16();
        let fails = self.options.fail && status >= 400 && status != 416 && self.tries.left() == 0;
        let wanted = match fails {
            true => Err(refused(response)),
            false => max.check(total.unwrap_or_default()),
        };
        let heads = self.options.save.heads.as_deref();
        let written = wanted.and_then(|()| match heads {
            Some(path) if path != Path::new("-") => {
                let written = std::fs::write(path, output::heads(&[], response, true));
                written.map_err(|why| Failed::local(path.display(), &why))
            }
            _ => Ok(()),
        });
        if let Err(failed) = written {
            self.refused = Some(failed);
            return Err(io::Error::other("refused").into());
        }
        self.progress = Some(self.options.progress(Some(self.path), total));
        Ok(())
    }

    fn wrote(&mut self, bytes: usize) {
        self.have += bytes as u64;
        self.interrupt.done(bytes);
        if let Some(progress) = &mut self.progress {
            progress.add(bytes);
        }
        if let Some(pace) = &mut self.pace {
            pace.wait(bytes);
        }
    }

    fn again(&mut self, response: Option<&Response>, failed: Option<&Error>) -> bool {
        self.progress = None;
        if self.interrupt.came() {
            return false;
        }
        let why = match (response, failed) {
            (Some(response), _) => answer(response),
            (None, Some(failed)) => failed.what().to_string(),
            (None, None) => String::new(),
        };
        let Some(wait) = self.tries.again(response) else { return false };
        self.tries.wait(&why, wait, self.interrupt, self.options.is_silent());
        !self.interrupt.came()
    }
}
