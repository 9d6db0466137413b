//! The trace lines in which drivers must agree.

use std::sync::{Arc, Mutex};

/// Lines of calls and dials, without times.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

/// One trait for both drivers, since both use the same core.
impl httpool::trace::Sink for Lines {
    fn line(&self, line: &httpool::trace::Line<'_>) {
        let text = line.to_string();
        let (_, text) = text.split_once(' ').unwrap();
        if !text.starts_with("pool") {
            self.0.lock().unwrap().push(text.into());
        }
    }
}

impl Lines {
    /// Returns the lines since the last call. Ports are replaced by the names in `ports`, and
    /// permitted differences are removed.
    pub(crate) fn take(&self, ports: &[(u16, &str)]) -> Vec<String> {
        let mut agreed: Vec<String> = Vec::new();
        // The last `dialing` line of the call that stands in line.
        let mut dialing = String::new();
        for mut line in std::mem::take(&mut *self.0.lock().unwrap()) {
            if [" < bytes ", " < pause", " < resume"].iter().any(|what| line.contains(what)) {
                continue;
            }
            for (port, name) in ports {
                line = line.replace(&format!(":{port}"), &format!(":{name}"));
            }
            line = without_length(&line);
            if line.contains(" > checkout ") {
                dialing.clear();
            }
            match agreed.last_mut() {
                _ if line == dialing => {}
                Some(last) => match added_up(last, &line) {
                    Some(sum) => *last = sum,
                    None => agreed.push(line),
                },
                None => agreed.push(line),
            }
            if let Some(line) = agreed.last().filter(|line| line.contains(" < dialing ")) {
                dialing.clone_from(line);
            }
        }
        agreed
    }
}

/// Merges `r0 < written 3` and `r0 < written 4` into `r0 < written 7`, and lines about data
/// likewise.
fn added_up(one: &str, other: &str) -> Option<String> {
    for (before, after) in [(" < written ", ""), (" > data ", " B")] {
        let number = |line: &str| {
            let (who, rest) = line.split_once(before)?;
            Some((who.to_owned(), rest.strip_suffix(after)?.parse::<u64>().ok()?))
        };
        if let (Some((who, one)), Some((same, other))) = (number(one), number(other))
            && who == same
        {
            return Some(format!("{who}{before}{}{after}", one + other));
        }
    }
    None
}

/// Removes the length of the head from a request's line, since it depends on the digits of the
/// port.
fn without_length(line: &str) -> String {
    let cut = line.rfind(" (").filter(|_| line.contains(" < request "));
    cut.map_or(line, |cut| &line[..cut]).into()
}
