//! The programs of a world's threads: each makes calls one after the other over the blocking
//! driver.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
    time::Duration,
};

use httpool::message::Request;
use httpool_blocking::{
    Body, Cancel, Error,
    platform::{ClientOn, ResponseOn, Socket},
};

use super::{
    super::{
        Outcome, Plan, Reading,
        base::Base,
        marks::Mark,
        reply::{POISON, UPGRADED, request_byte},
    },
    platform::Sim,
    scheduler::{Scheduler, me},
};

/// The program of one thread.
pub(super) struct Program {
    pub(super) scheduler: Arc<Scheduler>,
    pub(super) client: ClientOn<Sim>,
    pub(super) plan: Arc<Plan>,
    /// The cancel handle of each call of the plan.
    pub(super) cancels: Arc<[Cancel]>,
}

impl Program {
    /// Makes these calls one after the other, each not before its time.
    pub(super) fn make(&self, calls: impl Iterator<Item = u32>) {
        for call in calls {
            self.scheduler.sleep_until(self.plan.calls[call as usize].at.as_nanos() as u64);
            self.call(call);
        }
    }

    /// Cancels calls and closes the client, each at its time.
    pub(super) fn disturb(&self) {
        let calls = self.plan.calls.iter().zip(0..);
        let cancels = calls.filter_map(|(it, call)| Some((it.at + it.cancel?, Some(call))));
        let close = self.plan.close.map(|(at, _)| (at, None));
        let mut all: Vec<(Duration, Option<usize>)> = cancels.chain(close).collect();
        all.sort();
        for (at, call) in all {
            self.scheduler.sleep_until(at.as_nanos() as u64);
            match call {
                Some(call) => {
                    self.with(|base| {
                        base.stage.mark(Mark::Cancel);
                        base.stage.tell(14, call as u64, format_args!("call {call} is cancelled"));
                    });
                    self.cancels[call].cancel();
                }
                None => {
                    self.with(|base| {
                        base.why.closed = true;
                        base.stage.mark(Mark::CloseGently);
                        base.stage.tell(12, 0, format_args!("close"));
                    });
                    self.client.close();
                }
            }
        }
    }

    fn call(&self, call: u32) {
        let script = &self.plan.calls[call as usize];
        self.with(|base| {
            let case = &mut base.cases[call as usize];
            (case.began, case.wrote, case.took) = (base.stage.now, base.stage.now, base.stage.now);
            let thread = me();
            base.stage.tell(
                13,
                call.into(),
                format_args!("thread {thread} makes call {call}: {}", script.method),
            );
        });
        self.scheduler.lock().threads[me()].call = call;
        let url = format!("{}/r/{call}/0", self.plan.origins[script.origin].url);
        let body = self.body(call);
        let mut request = Request::builder(script.method.clone(), &url)
            .expect_continue(script.expect)
            .body(body.length());
        if script.credentials {
            request = request.header("Authorization", &script.origin.to_string());
        }
        if script.upgrade {
            request = request.header("Upgrade", "x");
        }
        if script.closes {
            request = request.header("Connection", "close");
        }
        let cancel = &self.cancels[call as usize];
        match request.build() {
            Ok(request) => {
                match self.client.send(request, body, script.policy.clone(), Some(cancel)) {
                    Ok(response) => self.read(call, response),
                    Err(why) => self.failed(call, &why),
                }
            }
            Err(why) => self.with(|base| base.stage.wrong(|| format!("call {call}: {why}"))),
        }
        self.scheduler.lock().threads[me()].call = u32::MAX;
    }

    fn body(&self, call: u32) -> Body {
        let plan = self.plan.calls[call as usize].body;
        let Some(len) = plan.len else { return Body::empty() };
        let source =
            Source { scheduler: self.scheduler.clone(), plan: self.plan.clone(), call, at: 0 };
        match (plan.known, plan.replayable) {
            (true, true) => Body::seekable(source).unwrap_or_default(),
            (true, false) => Body::sized_reader(source, len.into()),
            (false, _) => Body::reader(source),
        }
    }

    fn read(&self, call: u32, mut response: ResponseOn<Sim>) {
        let number = |name| response.header(name)?.parse().ok();
        let (id, serial) = (number("x-id"), number("x-serial"));
        let status = response.status().as_u16();
        self.with(|base| {
            let Base { plan, stage, net, cases, .. } = base;
            let case = &mut cases[call as usize];
            let sock = net.get_mut(case.sock);
            // A client cannot recognise such a response. The check for a connection on which
            // unsolicited bytes had already been read is made when the request is written.
            let poisoned = sock.tainted || id == Some(POISON);
            sock.tainted |= poisoned;
            stage.out_of_step |= poisoned;
            case.took = stage.now;
            case.head(plan, stage, call, (status, (id, serial)), poisoned);
        });
        if status == 101 {
            return self.switched(call, response);
        }
        // The driver reads a long body straight into a large buffer, and a short one through its
        // own.
        let longest = self.plan.calls[call as usize].replies.iter().map(|it| it.len).max();
        let most = if longest.is_some_and(|len| len > 8_000) { 20_000 } else { 700 };
        let mut buffer = vec![0; 1 + self.plan.noise.read_max.min(most) as usize];
        loop {
            while let Some(what) =
                self.with(|base| base.cases[call as usize].next_reading(&base.plan, call))
            {
                match what {
                    Reading::Pause(time) => {
                        self.with(|base| {
                            base.stage.mark(Mark::Paused);
                            base.cases[call as usize].paused = true;
                        });
                        self.scheduler.sleep(time);
                    }
                    Reading::Discard | Reading::Cancel | Reading::Refuse => {
                        self.with(|base| base.stage.mark(Mark::Discard));
                        drop(response);
                        return self.end(call, Outcome::Discarded);
                    }
                }
            }
            let asked = self.with(|base| base.stage.now);
            let read = response.read(&mut buffer);
            self.with(|base| base.check_read(call, asked));
            match read {
                Ok(0) => break,
                Ok(some) => self.with(|base| {
                    let Base { plan, stage, cases, .. } = base;
                    cases[call as usize].took = stage.now;
                    cases[call as usize].data(plan, stage, call, &buffer[..some], false);
                }),
                Err(error) => {
                    match error.get_ref().and_then(|it| it.downcast_ref::<Error>()) {
                        Some(why) => self.failed(call, why),
                        None => self.with(|base| {
                            base.stage.wrong(|| format!("call {call}: a foreign error: {error}"));
                        }),
                    }
                    return;
                }
            }
        }
        self.with(|base| {
            let Base { plan, stage, net, cases, .. } = base;
            cases[call as usize].finish(plan, stage, call, false);
            cases[call as usize].check_end(plan, stage, net, call);
        });
    }

    /// Reads the bytes of the other protocol after an upgrade.
    fn switched(&self, call: u32, response: ResponseOn<Sim>) {
        self.with(|base| base.stage.mark(Mark::OutcomeHandOver));
        let Some(mut switched) = response.into_switched() else {
            return self.with(|base| {
                base.stage.wrong(|| format!("call {call}: 101 without a switch of protocols"))
            });
        };
        let (mut got, mut buffer) = (Vec::new(), [0; 64]);
        // The server may send nothing more, so the wait is bounded.
        let bounded = switched.socket.set_receive_timeout(Duration::from_secs(1));
        while bounded.is_ok() && got.len() < UPGRADED.len() {
            match switched.read(&mut buffer) {
                Ok(some @ 1..) => got.extend_from_slice(&buffer[..some]),
                Ok(_) | Err(_) => break,
            }
        }
        drop(switched);
        if !UPGRADED.starts_with(&got) {
            self.with(|base| {
                base.stage.wrong(|| format!("call {call}: wrong bytes of the other protocol"))
            });
        }
        self.end(call, Outcome::HandOver);
    }

    fn failed(&self, call: u32, why: &Error) {
        self.with(|base| {
            if let Some(failure) = why.as_failure() {
                base.check_preload(call, *failure, why.history().is_empty());
            }
            let Base { plan, stage, cases, why: world, .. } = base;
            match why.as_failure() {
                Some(failure) => {
                    cases[call as usize].fail(plan, stage, call, *failure, world);
                }
                None => stage.wrong(|| format!("call {call}: {why}")),
            }
        });
    }

    fn end(&self, call: u32, outcome: Outcome) {
        self.with(|base| base.cases[call as usize].end(&base.stage, outcome));
    }

    /// Runs `work` on the world. The calling thread must have the turn.
    fn with<R>(&self, work: impl FnOnce(&mut Base) -> R) -> R {
        work(&mut self.scheduler.lock().base)
    }
}

/// The source of a request's body.
struct Source {
    scheduler: Arc<Scheduler>,
    plan: Arc<Plan>,
    call: u32,
    at: u32,
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let body = self.plan.calls[self.call as usize].body;
        if body.fails_at.is_some_and(|at| self.at >= at) {
            self.scheduler.lock().base.stage.mark(Mark::FaultBody);
            return Err(io::Error::other("the source of the body fails"));
        }
        if let Some(gap) = body.gap {
            self.scheduler.lock().base.stage.mark(Mark::NotYet);
            self.scheduler.sleep(gap);
        }
        let left = body.len.unwrap_or(0) - self.at;
        let some = left.min(body.piece.max(1)).min(into.len() as u32);
        for (place, at) in into.iter_mut().zip(self.at..self.at + some) {
            *place = request_byte(self.call, at);
        }
        self.at += some;
        Ok(some as usize)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let body = self.plan.calls[self.call as usize].body;
        self.at = match to {
            // A seek to the start after a seek to the end only finds out the length, so it
            // succeeds.
            SeekFrom::Start(at) if body.rewinds || self.at == body.len.unwrap_or(0) && at == 0 => {
                at as u32
            }
            SeekFrom::Start(_) => {
                self.scheduler.lock().base.stage.mark(Mark::FaultRewind);
                return Err(io::Error::other("the source of the body cannot be rewound"));
            }
            SeekFrom::End(_) => body.len.unwrap_or(0),
            SeekFrom::Current(_) => self.at,
        };
        Ok(self.at.into())
    }
}
