//! The names and meanings of [urllib3](https://urllib3.readthedocs.io), the HTTP client of Python,
//! as views on the client of this crate.
//!
//! | urllib3 | here |
//! |---|---|
//! | `HTTPResponse` | [`HttpResponse`], with [`ResponseOptions`] |
//! | `ResponseNotChunked` | [`ResponseNotChunked`] |
//! | `make_headers` | [`make_headers()`] |

mod headers;
mod response;

pub use headers::{MakeHeaders, make_headers};
pub use response::{HttpResponse, Pieces, ResponseNotChunked, ResponseOptions};
