//! Who may use which connection.
pub use crate::limits::PoolLimits as Limits;
