//! One event loop.

use std::{collections::HashMap, sync::Arc};

use httpool_mio::{Client, Driver, Output, httpool::id::CallId};

use crate::{BUSY, CALLS, FEW, THREADS, ledger::Ledger, narrow, support::Server};

pub(crate) fn load(ledger: &Arc<Ledger>, server: &Server) {
    let builder = Driver::builder().pool(narrow()).trace(ledger.clone());
    let mut driver = builder.build().unwrap();
    let mut calls = Calls { server, running: HashMap::new(), begun: 0 };
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
}

struct Calls<'s> {
    server: &'s Server,
    running: HashMap<CallId, (usize, Vec<u8>)>,
    begun: usize,
}

impl Calls<'_> {
    /// The next call, whose number is that of its trace.
    fn begin(&mut self, client: &mut Client) {
        let most = if self.begun < BUSY { THREADS } else { FEW };
        if self.begun < CALLS && self.running.len() < most {
            let call = client.get(&self.server.url(&format!("/{}", self.begun))).send().unwrap();
            self.running.insert(call, (self.begun, Vec::new()));
            self.begun += 1;
        }
    }

    fn body(&mut self, call: CallId) -> &mut Vec<u8> {
        &mut self.running.get_mut(&call).unwrap().1
    }
}
