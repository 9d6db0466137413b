//! The texts of the help about options.

use super::{ALL, Spec, Topic};

/// The column of the descriptions.
const COLUMN: usize = 34;
const WIDTH: usize = 100;

/// Returns the help about all options.
pub(crate) fn page() -> String {
    Topic::ALL.into_iter().map(section).collect()
}

/// Returns the help about the options of a topic, or about those that have `word` in their names.
/// `None`: there are none.
pub(crate) fn topic(word: &str) -> Option<String> {
    if let Some(topic) = Topic::ALL.into_iter().find(|topic| topic.texts().0 == word) {
        return Some(section(topic));
    }
    let word = word.trim_start_matches('-');
    let fits = |spec: &&Spec| {
        let mut letter = [0; 4];
        spec.name == word || word == spec.letter.encode_utf8(&mut letter)
    };
    let exact: String = ALL.iter().filter(fits).map(entry).collect();
    let part = |spec: &&Spec| word.len() > 1 && spec.name.contains(word);
    let text = if exact.is_empty() { ALL.iter().filter(part).map(entry).collect() } else { exact };
    (!text.is_empty()).then_some(text)
}

/// Returns the words that name topics.
pub(crate) fn topics() -> String {
    Topic::ALL.map(|topic| topic.texts().0).join(", ")
}

fn section(topic: Topic) -> String {
    let entries = ALL.iter().filter(|spec| spec.topic == topic).map(entry);
    format!("\n{}\n{}", topic.texts().1, entries.collect::<String>())
}

fn entry(spec: &Spec) -> String {
    let letter = match spec.letter {
        '\0' => "      ".to_owned(),
        letter => format!("  -{letter}, "),
    };
    let value = if spec.has_value() { format!(" {}", spec.value) } else { String::new() };
    let mut text = format!("{letter}--{}{value}", spec.name);
    let mut at = text.len();
    if at + 1 >= COLUMN {
        text.push('\n');
        at = 0;
    }
    let mut first = true;
    for word in spec.help.split(' ') {
        if !first && at + 1 + word.len() > WIDTH {
            text.push('\n');
            (at, first) = (0, true);
        }
        if first {
            text.push_str(&" ".repeat(COLUMN - at));
            at = COLUMN;
        } else {
            text.push(' ');
            at += 1;
        }
        text.push_str(word);
        (at, first) = (at + word.len(), false);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_an_option_or_a_part_of_a_name() {
        let text = topic("tls").unwrap();
        assert!(text.contains("--cacert FILE") && !text.contains("--data"), "{text}");
        assert!(topic("-o").unwrap().starts_with("  -o, --output FILE"));
        assert!(topic("--output").unwrap().starts_with("  -o, --output FILE"));
        assert!(topic("retry").unwrap().starts_with("      --retry N"));
        assert!(topic("keepalive").unwrap().contains("--no-keepalive"));
        assert_eq!(topic("nonsense"), None);
    }

    #[test]
    fn every_option_has_a_topic_that_is_shown() {
        let text = page();
        for spec in ALL {
            assert!(text.contains(&format!("--{}", spec.name)), "{}", spec.name);
        }
    }
}
