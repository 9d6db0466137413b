//! Runs the load with threads over the blocking driver.

use std::{io::Read, sync::Arc, thread};

use httpool_blocking::{Client, Response};

use crate::{THREADS, ledger::Ledger, narrow, rounds, support::Server};

pub(crate) fn load(ledger: &Arc<Ledger>, server: &Server) {
    let client = Client::builder().pool(narrow()).trace(ledger.clone()).build();
    for round in rounds() {
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (client, calls) = (&client, round.clone().skip(thread).step_by(THREADS));
                scope.spawn(move || {
                    for call in calls {
                        let response = client.get(&server.url(&format!("/{call}"))).send().unwrap();
                        let given = Ledger::given();
                        ledger.got(call, &read(response, call), given);
                    }
                });
            }
        });
        ledger.interrupt();
    }
}

/// Reads the body as a whole, or into a buffer of the caller's.
fn read(mut response: Response, call: usize) -> Vec<u8> {
    if call.is_multiple_of(3) {
        return response.bytes().unwrap();
    }
    let (mut body, mut buffer) = (Vec::new(), vec![0; 128 * 1024]);
    loop {
        match response.read(&mut buffer).unwrap() {
            0 => return body,
            read => body.extend_from_slice(&buffer[..read]),
        }
    }
}
