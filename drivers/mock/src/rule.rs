//! Rules: the requests they match, and the differences of those they do not.

use std::{fmt, sync::Arc};

use url::Url;

use crate::{
    received::{Received, header},
    redact::{REDACTED, is_like},
    reply::Reply,
};

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) any_path: bool,
    pub(crate) any_query: bool,
    /// The names of header fields, and the values that they must have. `None`: any value.
    pub(crate) headers: Vec<(String, Option<String>)>,
    /// The names of header fields that a request must not have.
    pub(crate) absent: Vec<String>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) checks: Vec<Check>,
    pub(crate) times: Option<u64>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) used: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Is(Vec<u8>),
    /// It was recorded without its secrets.
    Like(Vec<u8>),
    Contains(Vec<u8>),
}

/// A condition of the test's own.
#[derive(Clone)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) holds: Arc<dyn Fn(&Received) -> bool + Send + Sync>,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.what).finish()
    }
}

/// One difference between a request and a rule. Heavier ones make a rule less near.
struct Difference {
    weight: u32,
    text: String,
}

impl Rule {
    /// # Panics
    /// `url` is no absolute URL.
    pub(crate) fn new(method: &str, url: &str) -> Self {
        let parsed = Url::parse(url);
        let mut url = match parsed {
            Ok(parsed) if parsed.has_host() => parsed,
            Ok(_) => panic!("the rule's URL {url:?} has no host: write it as http://host/path"),
            Err(error) => panic!("the rule's URL {url:?} is not valid: {error}"),
        };
        url.set_fragment(None);
        Self::of(method.to_owned(), url)
    }

    pub(crate) const fn of(method: String, url: Url) -> Self {
        Self {
            method,
            url,
            any_path: false,
            any_query: false,
            headers: Vec::new(),
            absent: Vec::new(),
            bodies: Vec::new(),
            checks: Vec::new(),
            times: None,
            replies: Vec::new(),
            used: 0,
        }
    }

    /// Returns how often the rule must be used, exactly. `None`: at least once.
    pub(crate) fn demanded(&self) -> Option<u64> {
        let several = self.replies.len() > 1;
        self.times.or_else(|| several.then_some(self.replies.len() as u64))
    }

    pub(crate) fn is_used_up(&self) -> bool {
        self.demanded().is_some_and(|times| self.used >= times)
    }

    /// Counts a use, and returns its reply.
    pub(crate) fn take(&mut self) -> Reply {
        let at = usize::try_from(self.used).unwrap_or(usize::MAX);
        self.used += 1;
        let reply = self.replies.get(at).or_else(|| self.replies.last());
        reply.cloned().unwrap_or_default()
    }

    pub(crate) fn matches(&self, request: &Received) -> bool {
        !self.is_used_up() && self.differences(request).is_empty()
    }

    fn differences(&self, request: &Received) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differ = |weight, what: &str, rule: &str, request: &str| {
            let text = format!("{what}: the rule has {rule}, the request {request}");
            found.push(Difference { weight, text });
        };
        if self.method != request.method {
            differ(2, "method", &self.method, &request.method);
        }
        let origins = [&self.url, &request.url].map(|url| url.origin().ascii_serialization());
        if origins[0] != origins[1] {
            differ(4, "origin", &origins[0], &origins[1]);
        }
        if !self.any_path && self.url.path() != request.url.path() {
            differ(3, "path", self.url.path(), request.url.path());
        }
        if !self.any_query {
            query_differences(&self.url, &request.url, &mut differ);
        }
        for (name, value) in &self.headers {
            let what = format!("header {name}");
            match (value, request.header(name)) {
                (_, None) => differ(1, &what, value.as_deref().unwrap_or("any value"), "has none"),
                (Some(value), Some(other)) if value != other && value != REDACTED => {
                    differ(1, &what, &format!("{value:?}"), &format!("{other:?}"));
                }
                _ => {}
            }
        }
        for name in &self.absent {
            if let Some(value) = header(&request.headers, name) {
                differ(1, &format!("header {name}"), "none", &format!("{value:?}"));
            }
        }
        for body in &self.bodies {
            body.differences(&request.body, &mut differ);
        }
        for check in self.checks.iter().filter(|check| !(check.holds)(request)) {
            differ(1, "condition", &check.what, "does not meet it");
        }
        found
    }

    /// Returns how far the request is from the rule, and the differences.
    pub(crate) fn distance(&self, request: &Received) -> (u32, Vec<String>) {
        let found = self.differences(request);
        let mut weight = found.iter().map(|it| it.weight).sum();
        let mut texts: Vec<_> = found.into_iter().map(|it| it.text).collect();
        if self.is_used_up() {
            weight += 1;
            texts.push(format!("uses: the rule may be used {} and was", times(self.used)));
        }
        (weight, texts)
    }
}

/// Finds the parameters that only one of the queries has. Their order does not matter.
fn query_differences(rule: &Url, request: &Url, differ: &mut impl FnMut(u32, &str, &str, &str)) {
    let pairs = |url: &Url| url.query_pairs().into_owned().collect::<Vec<_>>();
    let mut left = pairs(request);
    for (name, value) in pairs(rule) {
        let same =
            |(other, is): &(String, String)| *other == name && (*is == value || value == REDACTED);
        let named = |(other, _): &(String, String)| *other == name;
        if let Some(at) = left.iter().position(same) {
            left.remove(at);
        } else if let Some(at) = left.iter().position(named) {
            let (_, other) = left.remove(at);
            differ(1, &format!("query {name}"), &format!("{value:?}"), &format!("{other:?}"));
        } else {
            differ(1, &format!("query {name}"), &format!("{value:?}"), "has none");
        }
    }
    for (name, value) in left {
        differ(1, &format!("query {name}"), "none", &format!("{value:?}"));
    }
}

impl Body {
    fn differences(&self, body: &[u8], differ: &mut impl FnMut(u32, &str, &str, &str)) {
        match self {
            Self::Like(recorded) if !is_like(recorded, body) => {
                differ(1, "body", &shown(recorded), &shown(body));
            }
            Self::Is(wanted) if wanted != body => differ(1, "body", &shown(wanted), &shown(body)),
            Self::Contains(part)
                if !part.is_empty() && !body.windows(part.len()).any(|it| it == part) =>
            {
                differ(1, "body", &format!("a part {}", shown(part)), &shown(body));
            }
            _ => {}
        }
    }
}

/// The most bytes of a body that a report shows.
const SHOWN_MAX: usize = 200;

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]);
    let rest = body.len().saturating_sub(SHOWN_MAX);
    if rest == 0 { format!("{text:?}") } else { format!("{text:?} and {rest} bytes more") }
}

pub(crate) fn times(number: u64) -> String {
    if number == 1 { "once".into() } else { format!("{number} times") }
}

/// Writes the method, the URL and the other conditions.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)?;
        if self.any_path {
            f.write_str(" with any path")?;
        }
        if self.any_query {
            f.write_str(" with any query")?;
        }
        for (name, value) in &self.headers {
            write!(f, " with {name}")?;
            if let Some(value) = value {
                write!(f, ": {value}")?;
            }
        }
        for name in &self.absent {
            write!(f, " without {name}")?;
        }
        for body in &self.bodies {
            match body {
                Body::Is(body) | Body::Like(body) => write!(f, " with the body {}", shown(body))?,
                Body::Contains(part) => write!(f, " with {} in its body", shown(part))?,
            }
        }
        for check in &self.checks {
            write!(f, " with {}", check.what)?;
        }
        Ok(())
    }
}
