//! Prints text and JSON to standard output.

use std::io::{self, Write, stdout};

use serde_json::Value;

use crate::harmless::acts;

/// Prints a text.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}

/// Prints one JSON value, indented.
pub(crate) fn print_json(value: &Value) -> io::Result<()> {
    print(&escaped(&format!("{value:#}\n")))
}

/// Escapes characters that a terminal may act on. They only occur in JSON strings, where the escape
/// has the same meaning.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for char in json.chars() {
        if acts(char) {
            out.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            out.push(char);
        }
    }
    out
}
