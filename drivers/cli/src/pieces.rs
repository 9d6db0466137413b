//! Reads the body of a response piece by piece.

use std::io::Read;

use httpool_blocking::Response;

use crate::exit::Failed;

/// Passes the body to `take` piece by piece. An error of `take` stops the reading.
pub(crate) fn each_piece(
    response: &mut Response,
    mut take: impl FnMut(&[u8]) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match response.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => take(&buffer[..read])?,
            Err(why) => return Err(Failed::reading(why)),
        }
    }
}
