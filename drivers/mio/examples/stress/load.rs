//! Generates the load and counts the results.

use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use httpool_mio::{
    Client, Driver, Output,
    httpool::{call::Policy, id::CallId, limits::PoolLimits, message::Request},
};

/// The results of a load.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) ended: usize,
    pub(crate) failed: usize,
    /// The number of wrong results: a response that is incomplete or belongs to another call, or a
    /// call that ended more than once or never.
    pub(crate) wrong: usize,
    pub(crate) elapsed: Duration,
}

/// Makes a driver that may open `connections` connections, spread over `addresses` addresses.
pub(crate) fn driver(connections: usize, addresses: usize) -> io::Result<Driver> {
    let mut pool = PoolLimits::default();
    pool.open_max = connections;
    pool.open_per_key_max = connections / addresses;
    pool.idle_per_key_max = pool.open_per_key_max;
    pool.waiting_max = usize::MAX;
    let mut policy = Policy::default();
    policy.timeout.queue = None;
    Driver::builder().pool(pool).policy(policy).build()
}

/// Opens connections to one address after another. Each has a request that the server answers only
/// when all connections to that address are open. So few calls run at a time, and the memory in use
/// afterwards belongs to the connections.
pub(crate) fn open_all(
    driver: &mut Driver,
    addresses: &[SocketAddr],
    connections: usize,
) -> io::Result<Report> {
    let each = connections / addresses.len();
    let mut all = Report::default();
    for address in addresses {
        let targets = Targets::new(driver.client(), &[*address], &["/hold".into()]);
        let report = targets.run(driver, each, each)?;
        all.ended += report.ended;
        all.failed += report.failed;
        all.wrong += report.wrong;
        all.elapsed += report.elapsed;
    }
    Ok(all)
}

/// Sends requests, with `together` of them running at any time.
pub(crate) fn send(
    driver: &mut Driver,
    addresses: &[SocketAddr],
    requests: usize,
    together: usize,
) -> io::Result<Report> {
    let paths: Vec<_> = (0..97).map(|n| format!("/{n}/{}", "x".repeat(n))).collect();
    Targets::new(driver.client(), addresses, &paths).run(driver, requests, together)
}

/// Prebuilt requests, sent in turn.
struct Targets {
    requests: Vec<(Request, Vec<u8>)>,
}

/// A call that has started.
struct Begun {
    call: CallId,
    target: usize,
    got: usize,
    told: Told,
}

#[derive(PartialEq, Eq)]
enum Told {
    Nothing,
    Head,
    Over,
}

impl Targets {
    fn new(client: &mut Client, addresses: &[SocketAddr], paths: &[String]) -> Self {
        let mut requests = Vec::new();
        for path in paths {
            for address in addresses {
                let request = client.get(&format!("http://{address}{path}")).build();
                let request = request.expect("an address and a path make a URL");
                requests.push((request, path.clone().into_bytes()));
            }
        }
        Self { requests }
    }

    fn run(&self, driver: &mut Driver, requests: usize, together: usize) -> io::Result<Report> {
        let (mut report, mut begun, mut sent) = (Report::default(), Vec::new(), 0);
        let start = Instant::now();
        while sent < together.min(requests) {
            self.begin(driver.client(), &mut begun, sent);
            sent += 1;
        }
        driver.run(|client, output| {
            let call = output.call();
            let at = begun.get_mut(call.index()).and_then(Option::as_mut);
            let Some(at) = at.filter(|at| at.call == call && at.told != Told::Over) else {
                report.wrong += 1;
                return;
            };
            match output {
                Output::Head(_, head) if at.told == Told::Nothing && head.status() == 200 => {
                    at.told = Told::Head;
                    return;
                }
                Output::Data(_, data) if at.told == Told::Head => {
                    let wanted = self.requests[at.target].1.get(at.got..at.got + data.len());
                    report.wrong += usize::from(wanted != Some(data));
                    at.got += data.len();
                    return;
                }
                Output::End(..) => {
                    let whole = at.got == self.requests[at.target].1.len();
                    report.wrong += usize::from(!whole || at.told != Told::Head);
                    report.ended += 1;
                }
                Output::Failed(..) => report.failed += 1,
                Output::Head(..)
                | Output::Data(..)
                | Output::Interim(..)
                | Output::Restart(..)
                | Output::Switched(..) => {
                    report.wrong += 1;
                    return;
                }
            }
            at.told = Told::Over;
            if sent < requests {
                self.begin(client, &mut begun, sent);
                sent += 1;
            }
        })?;
        report.elapsed = start.elapsed();
        let over = begun.iter().flatten().filter(|at| at.told != Told::Over).count();
        report.wrong += over + report.ended.abs_diff(requests - report.failed);
        Ok(report)
    }

    fn begin(&self, client: &mut Client, begun: &mut Vec<Option<Begun>>, number: usize) {
        let target = number % self.requests.len();
        let call = client.send(&self.requests[target].0);
        if begun.len() <= call.index() {
            begun.resize_with(call.index() + 1, || None);
        }
        begun[call.index()] = Some(Begun { call, target, got: 0, told: Told::Nothing });
    }
}
