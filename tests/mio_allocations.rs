//! Counts the allocations of a warm GET with the mio driver, on a plain connection and through a
//! layer that allocates nothing itself.

#[path = "support/allocations.rs"]
mod allocations;

use std::{
    io::{IoSlice, Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use allocations::counted;
use httpool_mio::{
    Driver, Output, Request,
    httpool::message::TlsId,
    layer::{Layer, LayerError, Layers, Opened, Session, State},
};

/// A layer whose records are the bytes themselves.
#[derive(Debug)]
struct Through;

impl Layers for Through {
    fn begin(&self, _: TlsId, _: &str) -> Result<Box<dyn Layer>, LayerError> {
        Ok(Box::new(Self))
    }
}

impl Layer for Through {
    fn open(
        &mut self,
        input: &mut [u8],
        _: &mut Vec<u8>,
        plain: &mut dyn FnMut(&[u8]),
    ) -> Result<Opened, LayerError> {
        if !input.is_empty() {
            plain(input);
        }
        Ok(Opened { taken: input.len(), more: !input.is_empty(), state: State::Open })
    }

    fn seal(&mut self, plain: &[IoSlice<'_>], out: &mut Vec<u8>) -> Result<(), LayerError> {
        plain.iter().for_each(|piece| out.extend_from_slice(piece));
        Ok(())
    }

    fn close(&mut self, _: &mut Vec<u8>) {}

    fn session(&self) -> Option<Arc<Session>> {
        None
    }
}

#[test]
fn a_warm_get_allocates_nothing_with_or_without_a_layer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut tcp = tcp;
                while tcp.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {
                    tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").unwrap();
                }
            });
        }
    });
    for scheme in ["http", "https"] {
        let mut driver = Driver::builder().layers(Arc::new(Through)).build().unwrap();
        let request = Request::get(&format!("{scheme}://{addr}/")).build().unwrap();
        let mut counts = [0; 10];
        for count in &mut counts {
            *count = counted(|| {
                let mut body = 0;
                driver.client().send(&request);
                driver
                    .run(|_, output| match output {
                        Output::Data(_, data) => body += data.len(),
                        Output::Failed(_, error) => panic!("{error}"),
                        _ => {}
                    })
                    .unwrap();
                assert_eq!(body, 5);
            });
        }
        assert_eq!(counts[5..], [0; 5], "{scheme}: {counts:?}");
        assert_eq!(driver.client().stats().idle, 1);
    }
}
