//! Runs the load with one event loop over the mio driver.

use std::{collections::HashMap, ops::Range, sync::Arc};

use httpool_mio::{Client, Driver, Output, httpool::id::CallId};

use crate::{THREADS, ledger::Ledger, narrow, rounds, support::Server};

pub(crate) fn load(ledger: &Arc<Ledger>, server: &Server) {
    let builder = Driver::builder().pool(narrow()).trace(ledger.clone());
    let mut driver = builder.build().unwrap();
    for round in rounds() {
        let mut calls = Calls { server, running: HashMap::new(), left: round };
        for _ in 0..THREADS {
            calls.begin(driver.client());
        }
        let ran = driver.run(|client, output| match output {
            Output::Head(..) => {}
            Output::Data(call, data) => calls.body(call).extend_from_slice(data),
            Output::End(call, _) => {
                let (number, body) = calls.running.remove(&call).unwrap();
                ledger.got(number, &body, ledger.given_to(number));
                calls.begin(client);
            }
            other => panic!("{other:?}"),
        });
        ran.unwrap();
        ledger.interrupt();
    }
}

struct Calls<'s> {
    server: &'s Server,
    running: HashMap<CallId, (usize, Vec<u8>)>,
    left: Range<usize>,
}

impl Calls<'_> {
    /// Begins the next call. Its number is also its number in the trace.
    fn begin(&mut self, client: &mut Client) {
        if let Some(number) = self.left.next() {
            let call = client.get(&self.server.url(&format!("/{number}"))).send().unwrap();
            self.running.insert(call, (number, Vec::new()));
        }
    }

    fn body(&mut self, call: CallId) -> &mut Vec<u8> {
        &mut self.running.get_mut(&call).unwrap().1
    }
}
