//! Sends many requests by several threads over one pool, and prints a summary.

use std::{
    io::{Write, stdout},
    panic::resume_unwind,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Instant,
};

use httpool::message::Request;
use httpool_blocking::Client;

use crate::{
    args::Options,
    ask::BodySource,
    client::{client, request},
    exit::{Failed, Kind},
    interrupt::Interrupt,
    pieces::each_piece,
    print::print_json,
    progress::Progress,
    record::Record,
    tally::Tally,
};

/// Sends the request `--count` times and prints a summary.
pub(crate) fn run(
    options: &Options,
    record: Option<&Record>,
    interrupt: &Interrupt,
) -> Result<(), Failed> {
    let count = options.count.unwrap_or(1);
    interrupt.loads(count);
    let threads = options.concurrency.unwrap_or(1).min(count);
    let client = client(options, record, None)?;
    let transfer = &options.transfers[0];
    let source = options.ask.source(transfer.upload.as_deref(), options.limit_rate);
    // The request is built once, with the length of the body. Each sending gets a body of its own.
    let request = source
        .fill(request(&client, options, &transfer.url), Progress::new(None, true))?
        .build()?;
    let load = Load {
        client,
        request,
        source,
        count,
        begun: AtomicU64::new(0),
        fail: options.fail,
        interrupt,
    };

    let start = Instant::now();
    let total = load.run(threads)?;
    let time = start.elapsed();
    // After a signal, the signal is the reason of the end, not the failures of the requests.
    let ended = interrupt.check();
    if options.json {
        let error = ended.as_ref().err().or_else(|| total.worst());
        print_json(&total.to_json(time, threads, error)).map_err(Failed::stdout)?;
    } else {
        let mut out = stdout().lock();
        out.write_all(total.to_text(time, threads).as_bytes())
            .and_then(|()| out.flush())
            .map_err(Failed::stdout)?;
    }
    ended.and_then(|()| total.verdict()).map_err(Failed::already_in_json)
}

struct Load<'o> {
    client: Client,
    request: Request,
    source: BodySource<'o>,
    count: u64,
    begun: AtomicU64,
    fail: bool,
    interrupt: &'o Interrupt,
}

impl Load<'_> {
    fn run(&self, threads: u64) -> Result<Tally, Failed> {
        thread::scope(|scope| {
            let mut workers = Vec::new();
            for _ in 0..threads {
                match thread::Builder::new().spawn_scoped(scope, || self.work()) {
                    Ok(worker) => workers.push(worker),
                    Err(why) => {
                        self.begun.store(self.count, Ordering::Relaxed);
                        return Err(Failed::system("a thread could not be started", &why));
                    }
                }
            }
            let mut total = Tally::new();
            for worker in workers {
                match worker.join() {
                    Ok(tally) => total.merge(tally),
                    Err(panic) => resume_unwind(panic),
                }
            }
            Ok(total)
        })
    }

    /// Runs one thread: sends requests until all have begun or a signal has come.
    fn work(&self) -> Tally {
        let mut tally = Tally::new();
        while !self.interrupt.came() && self.begun.fetch_add(1, Ordering::Relaxed) < self.count {
            let start = Instant::now();
            match self.send(&mut tally) {
                Ok(()) => tally.succeeded(start.elapsed()),
                Err(failed) => tally.failed(failed),
            }
            self.interrupt.done(1);
        }
        tally
    }

    fn send(&self, tally: &mut Tally) -> Result<(), Failed> {
        let mut response = self.client.send_with(&self.request, self.source.body()?)?;
        tally.answered(&response);
        each_piece(&mut response, None, |piece| {
            tally.received(piece.len());
            Ok(())
        })?;
        let status = response.status();
        if self.fail && status.as_u16() >= 400 {
            let what = format!("the answer is {status}");
            return Err(Failed::new(Kind::Status, what).status(response.url(), status));
        }
        Ok(())
    }
}
