//! Makes the transfers and shows their responses.

use std::{
    panic::resume_unwind,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use httpool_blocking::{Client, Response};

use crate::{
    args::{Options, Transfer},
    client::{client, request},
    conditions::last_modified,
    exit::{Failed, answer, refused},
    interrupt::Interrupt,
    json,
    output::{self, Limits},
    record::Record,
    redo::Tries,
    resume, secure,
    target::Target,
    timed::{Heads, Seen},
};

/// Makes all transfers. As in curl, the last one decides the result, unless `--fail-early` is
/// given.
pub(crate) fn run(
    options: &Options,
    record: Option<&Record>,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let count = options.transfers.len();
    if count > 1 {
        interrupt.transfers(count);
    }
    let next = AtomicUsize::new(0);
    let work = || Worker::new(options, record, interrupt).and_then(|worker| worker.work(&next));
    let threads = options.at_once();
    if threads == 1 {
        return work();
    }
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let result = |worker: thread::ScopedJoinHandle<'_, _>| match worker.join() {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        };
        workers.into_iter().map(result).collect::<Vec<_>>()
    });
    // The last failure is reported by the caller, the others are here.
    let failed = results.iter().rposition(Result::is_err);
    let last = failed.map_or(Ok(()), |at| results.swap_remove(at));
    for failed in results.into_iter().filter_map(Result::err) {
        failed.report(options.json, options.is_mute());
    }
    last
}

/// Makes transfers over one client.
struct Worker<'o> {
    options: &'o Options,
    interrupt: &'o Interrupt,
    client: Client,
    /// The heads of the responses before the last, if they are shown.
    heads: Option<Arc<Heads>>,
}

/// The result of a try.
enum Tried {
    Done,
    /// The response is to be asked for again after this time.
    Again(String, Duration),
}

impl<'o> Worker<'o> {
    fn new(
        options: &'o Options,
        record: Option<&Record>,
        interrupt: &'o Interrupt,
    ) -> Result<Self, Failed> {
        let shown = options.include || options.save.heads.is_some();
        let heads = (options.location && shown).then(|| Arc::new(Heads::whole()));
        let client = client(options, record, heads.clone())?;
        Ok(Self { options, interrupt, client, heads })
    }

    /// Makes transfers until none is left.
    fn work(&self, next: &AtomicUsize) -> Result<(), Failed> {
        let mut last: Result<(), Failed> = Ok(());
        while !self.interrupt.came()
            && let Some(transfer) = self.options.transfers.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if let Err(failed) = last {
                failed.report(self.options.json, self.options.is_mute());
            }
            last = self.perform(transfer);
            self.interrupt.transferred();
            if last.is_err() && self.options.fail_early {
                next.store(self.options.transfers.len(), Ordering::Relaxed);
            }
        }
        last
    }

    /// Makes a transfer, with its retries.
    fn perform(&self, transfer: &Transfer) -> Result<(), Failed> {
        let options = self.options;
        let path = match options.save.waits_for_name(&transfer.output) {
            true => None,
            false => options.save.path(&transfer.output, &transfer.url)?,
        };
        let mut tries = options.redo.begin();
        loop {
            let mut seen = Seen::begin(transfer.number, path.as_deref());
            let tried = self.attempt(transfer, path.as_deref(), &mut seen, &mut tries);
            let (why, wait) = match tried {
                Ok(Tried::Again(why, wait)) => (why, wait),
                Ok(Tried::Done) => return options.timed.report(&seen, Ok(()), options.verbose),
                Err(failed) if self.interrupt.came() => return Err(failed),
                // A download has made its retries.
                Err(failed) if options.save.resume.is_some() => {
                    return options.timed.report(&seen, Err(failed), options.verbose);
                }
                Err(failed) => match tries.after_failure(&failed) {
                    Some(wait) => (failed.message().to_owned(), wait),
                    None => return options.timed.report(&seen, Err(failed), options.verbose),
                },
            };
            tries.wait(&why, wait, self.interrupt, options.is_silent());
            self.interrupt.check()?;
        }
    }

    fn attempt(
        &self,
        transfer: &Transfer,
        path: Option<&Path>,
        seen: &mut Seen,
        tries: &mut Tries<'_>,
    ) -> Result<Tried, Failed> {
        let (options, interrupt) = (self.options, self.interrupt);
        if let (Some(path), Some(from)) = (path, options.save.resume) {
            let what = (transfer, path, from);
            let done = resume::download(&self.client, options, interrupt, what, (seen, tries));
            return done.map(|()| Tried::Done);
        }
        let source = options.ask.source(transfer.upload.as_deref(), options.limit_rate);
        let upload = options.progress(transfer.upload.as_deref(), None);
        let request = source.fill(request(&self.client, options, &transfer.url), upload)?;
        // Opens the file before the request is sent. A request may have effects, and must not be
        // made in vain.
        let target = path.map(|path| Target::create(path, interrupt)).transpose()?;
        let sent = request.cancel(interrupt.cancel()).send();
        let earlier = self.heads.as_ref().map(|heads| heads.take_earlier()).unwrap_or_default();
        let mut response = sent.inspect_err(|error| seen.failed(error))?;
        seen.answered(&response);
        if options.verbose {
            secure::show(response.proxy_tls(), " of the proxy");
            secure::show(response.tls(), "");
        }
        interrupt.receives(response.content_length());
        if source.is_repeatable()
            && let Some(wait) = tries.after_response(&response)
        {
            return Ok(Tried::Again(answer(&response), wait));
        }
        let shown = self.show(transfer, target, seen, &mut response, &earlier);
        seen.answered(&response);
        shown.map(|()| Tried::Done)
    }

    fn show(
        &self,
        transfer: &Transfer,
        mut target: Option<Target<'o>>,
        seen: &mut Seen,
        response: &mut Response,
        earlier: &[Vec<u8>],
    ) -> Result<(), Failed> {
        let (options, interrupt) = (self.options, self.interrupt);
        if let Some(path) = options.save.heads.as_deref().filter(|path| *path != Path::new("-")) {
            let written = std::fs::write(path, output::heads(earlier, response, true));
            written.map_err(|why| Failed::local(path.display(), &why))?;
        }
        let bad = options.fail && response.status().as_u16() >= 400;
        if bad && !options.fail_with_body {
            return Err(refused(response));
        }
        options.conditions.save(response)?;
        let keeps = options.conditions.keeps_file(response);
        if keeps {
            // The file stays as it is, also where the server has sent the body in vain.
            target = None;
        }
        let limits = Limits { rate: options.limit_rate, bytes_max: options.save.bytes_max };
        limits.check(response.content_length().unwrap_or_default())?;
        if options.save.waits_for_name(&transfer.output) && !keeps {
            let path = options.save.path_by_server(&transfer.url, response)?;
            seen.goes_to(&path);
            target = Some(Target::create(&path, interrupt)?);
        }
        if let (true, Some(target), Some(at)) =
            (options.save.remote_time, &mut target, last_modified(response))
        {
            target.set_modified(at);
        }
        if options.json {
            json::show(response, target, limits, interrupt)?;
        } else {
            let how = (options, &transfer.output, limits, !keeps);
            output::show(response, target, earlier, how, interrupt)?;
        }
        if bad { Err(refused(response).already_in_json()) } else { Ok(()) }
    }
}
