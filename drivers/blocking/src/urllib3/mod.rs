//! The names and meanings of [urllib3](https://urllib3.readthedocs.io), the HTTP client of Python,
//! as views on the client of this crate.
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPResponse` | [`HttpResponse`], with [`ResponseOptions`] |

mod response;

pub use response::{HttpResponse, ResponseOptions};
