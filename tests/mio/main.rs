//! Tests the mio driver over real sockets, against a scripted server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod again;
mod bodies;
mod cancel;
mod close;
mod content;
mod dialing;
mod early;
mod embed;
mod ends;
mod errors;
mod files;
mod layers;
mod many;
mod messages;
mod methods;
mod moving;
mod pause;
mod pending;
mod preload;
mod proxies;
mod reuse;
mod slow;
mod slow_reader;
mod switch;
mod timings;
#[cfg(unix)]
mod unix;

use std::time::Duration;

use httpool_mio::{
    Client, Driver, DriverBuilder, Error, Output, PoolLimits, Response, Switched,
    httpool::{error::Cause, id::CallId, pool},
    mio::Events,
};

/// A driver, and the events of its calls.
struct World {
    driver: Driver,
    events: Events,
    /// The events in their order: `head 200`, `data 5`, `end`, `switched`, `failed`.
    told: Vec<String>,
    body: Vec<u8>,
    errors: Vec<Error>,
    switched: Option<Switched>,
}

impl World {
    fn new() -> Self {
        Self::with(Driver::builder())
    }

    fn with(builder: DriverBuilder) -> Self {
        Self {
            driver: builder.build().unwrap(),
            events: Events::with_capacity(64),
            told: Vec::new(),
            body: Vec::new(),
            errors: Vec::new(),
            switched: None,
        }
    }

    /// Creates a driver with one connection per origin.
    fn narrow() -> Self {
        Self::with(Driver::builder().pool(limits(|pool| pool.open_per_key_max = 1)))
    }

    fn client(&mut self) -> &mut Client {
        self.driver.client()
    }

    fn get(&mut self, url: &str) -> CallId {
        self.client().get(url).send().unwrap()
    }

    fn fetch(&mut self, url: &str) -> Result<Response, Error> {
        let call = self.get(url);
        self.driver.fetch(call)
    }

    /// Makes one turn of the loop, and lets other threads run.
    fn turn(&mut self) {
        let Self { driver, events, told, body, errors, switched } = self;
        let moment = Some(Duration::from_millis(1));
        let turned = driver.turn(events, moment, |_, output| match output {
            Output::Interim(_, head) => told.push(format!("interim {}", head.status())),
            Output::Head(_, head) => told.push(format!("head {}", head.status())),
            Output::Data(_, data) => body.extend_from_slice(data),
            Output::Restart(_) => {
                told.push("restart".into());
                body.clear();
            }
            Output::End(..) => told.push("end".into()),
            Output::Switched(_, connection) => {
                told.push("switched".into());
                *switched = Some(connection);
            }
            Output::Failed(_, error) => {
                told.push("failed".into());
                errors.push(error);
            }
        });
        turned.unwrap();
    }

    fn until(&mut self, mut holds: impl FnMut(&mut Self) -> bool) {
        while !holds(self) {
            self.turn();
        }
    }

    fn until_told(&mut self, last: &str) {
        self.until(|world| world.told.last().is_some_and(|told| told == last));
    }

    fn stats(&mut self) -> pool::Stats {
        self.client().stats()
    }
}

fn limits(change: impl FnOnce(&mut PoolLimits)) -> PoolLimits {
    let mut limits = PoolLimits::default();
    change(&mut limits);
    limits
}

fn cause(error: &Error) -> Cause {
    error.as_failure().unwrap().cause
}
