//! HTTP messages: requests, response heads, fields, and the origins and keys they are sent to.

mod basic;
mod builder;
mod checks;
mod encoded;
mod fields;
mod key;
mod left;
mod length;
mod lines;
mod method;
mod network;
mod origin;
mod parse_url;
mod peer;
mod proxy;
mod redirected;
mod request;
mod response;
mod secret;
mod status;
mod taken;
#[cfg(test)]
mod tests;

pub use builder::RequestBuilder;
pub use fields::{Field, FieldIter, Fields};
pub use key::{Credentials, Hop, HopKind, Key, KeyLimits, TlsId};
pub use left::BodyLeft;
pub use length::BodyLength;
pub use method::Method;
pub use network::{InvalidNetwork, Network};
pub use origin::{Origin, Scheme};
pub use peer::{PeerAddr, UnixPath};
pub use proxy::InvalidProxy;
pub use request::Request;
pub use response::{Head, OwnedFields, ResponseHead};
pub use status::{InvalidStatus, Status};
pub use taken::BodyTaken;
pub use url::Url;

pub(crate) use fields::{find, first_illegal_in_value, first_non_token, is_token_byte, trim_ows};
pub(crate) use secret::{is_secret, star_userinfo, star_userinfo_of};
