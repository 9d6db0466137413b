//! Reads the body of a response piece by piece.

use std::io::Read;

use httpool_blocking::Response;

use crate::{exit::Failed, pace::Pace};

/// Passes the body to `take` piece by piece, at most `rate` bytes a second. An error of `take`
/// stops the reading.
pub(crate) fn each_piece(
    response: &mut Response,
    rate: Option<u64>,
    mut take: impl FnMut(&[u8]) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut buffer = vec![0; 64 * 1024];
    let mut pace = rate.map(Pace::new);
    loop {
        let room = pace.as_ref().map_or(buffer.len(), |pace| pace.piece(buffer.len()));
        match response.read(&mut buffer[..room]) {
            Ok(0) => return Ok(()),
            Ok(read) => {
                take(&buffer[..read])?;
                if let Some(pace) = &mut pace {
                    pace.wait(read);
                }
            }
            Err(why) => return Err(Failed::reading(why)),
        }
    }
}
