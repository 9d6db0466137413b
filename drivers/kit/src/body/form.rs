//! The body of an HTML form without files.

use form_urlencoded::Serializer;

/// Encodes names and values as `application/x-www-form-urlencoded` (URL standard, section 5).
///
/// ```
/// let text = httpool_kit::form_urlencoded([("q", "a b&c"), ("lang", "en")]);
/// assert_eq!(text, "q=a+b%26c&lang=en");
/// ```
pub fn form_urlencoded<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> String
where
    N: AsRef<str>,
    V: AsRef<str>,
{
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}
