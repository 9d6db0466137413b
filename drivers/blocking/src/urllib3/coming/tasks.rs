//! Ten usual tasks, first in Python and then with the names of [`urllib3`](crate::urllib3) here.
//! With [`Client`](crate::Client) each of them takes one line: see its methods.
//!
//! `http` is a manager, which is made once: `http = urllib3.PoolManager()`, or
//! `let http = PoolManager::new()`.
//!
//! # 1. Text
//!
//! ```python
//! print(http.request("GET", url).data.decode())
//! ```
//!
//! The charset is that of Content-Type.
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! println!("{}", http.request("GET", url).send()?.text()?);
//! # Ok(())
//! # }
//! ```
//!
//! # 2. JSON, sent and parsed
//!
//! ```python
//! names = http.request("POST", url, json={"name": "value"}).json()
//! ```
//!
#![cfg_attr(feature = "json", doc = "```")]
#![cfg_attr(not(feature = "json"), doc = "```ignore")]
//! # use std::collections::HashMap;
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! let value = HashMap::from([("name", "value")]);
//! let names: Vec<String> = http.request("POST", url).json(&value).send()?.json()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 3. A form
//!
//! ```python
//! http.request("POST", url, fields={"name": "a value"}, encode_multipart=False)
//! ```
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! http.request("POST", url).fields([("name", "a value")]).encode_multipart(false).send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 4. A file in a multipart form
//!
//! ```python
//! with open("table.csv", "rb") as file:
//!     http.request("POST", url, fields={"table": ("table.csv", file.read())})
//! ```
//!
//! The file is streamed, and sent again from its start if the request is retried.
//!
//! ```
//! # use httpool_blocking::{Multipart, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! http.request("POST", url).form(Multipart::new()?.file("table", "table.csv")?).send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 5. A query
//!
//! ```python
//! http.request("GET", url, fields={"q": "a b"})
//! ```
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! http.request("GET", url).fields([("q", "a b")]).send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 6. A download into a file
//!
//! ```python
//! with http.request("GET", url, preload_content=False) as response, open(path, "wb") as file:
//!     shutil.copyfileobj(response, file)
//! ```
//!
//! ```
//! # use httpool_blocking::urllib3::{PoolManager, RequestMethods};
//! # fn task(http: &PoolManager, url: &str, path: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let mut response = http.request("GET", url).preload_content(false).send()?;
//! std::io::copy(&mut response, &mut std::fs::File::create(path)?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # 7. A status as an error
//!
//! ```python
//! response = http.request("GET", url)
//! if response.status >= 400:
//!     raise RuntimeError(response.status)
//! ```
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! let response = http.request("GET", url).send()?.error_for_status()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 8. A timeout
//!
//! ```python
//! http.request("GET", url, timeout=urllib3.Timeout(connect=1.0, read=5.0, total=30.0))
//! ```
//!
//! ```
//! # use httpool_blocking::{Timeout, urllib3::{PoolManager, RequestMethods}};
//! # use std::time::Duration;
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let seconds = |seconds| Some(Duration::from_secs(seconds));
//! let timeout = Timeout::urllib3(seconds(1), seconds(5), seconds(30))?;
//! http.request("GET", url).timeouts(timeout).send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 9. Basic authentication
//!
//! ```python
//! http.request("GET", url, headers=urllib3.make_headers(basic_auth="user:password"))
//! ```
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods, make_headers}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! let headers = make_headers().basic_auth("user:password").build();
//! http.request("GET", url).headers(headers).send()?;
//! # Ok(())
//! # }
//! ```
//!
//! # 10. A compressed response
//!
//! ```python
//! http.request("GET", url, headers=urllib3.make_headers(accept_encoding=True)).data
//! ```
//!
//! ```
//! # use httpool_blocking::{Error, urllib3::{PoolManager, RequestMethods, make_headers}};
//! # fn task(http: &PoolManager, url: &str) -> Result<(), Error> {
//! let headers = make_headers().accept_encoding().build();
//! let mut response = http.request("GET", url).headers(headers).send()?;
//! println!("{} bytes, decoded", response.data()?.len());
//! # Ok(())
//! # }
//! ```
