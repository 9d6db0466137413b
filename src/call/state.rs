//! The states of a call. The [module](super) draws them.

use super::attempt::Then;
use crate::error::Failure;

#[derive(Debug)]
pub(super) enum State {
    Rewind,
    Checkout,
    /// No connection was opened in time.
    Leave,
    Exchange,
    Release(Then),
    Wait,
    HandOver,
    Done,
    Failed(Failure),
}
