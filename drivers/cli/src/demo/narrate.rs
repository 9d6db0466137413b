//! The narrator: shows what the machines do, as they do it.

use std::sync::{Arc, Mutex};

use httpool::{
    time::Instant,
    trace::{Line, Sink, Who},
};

use super::{
    locked,
    screen::{Screen, Style},
    story::Story,
};

/// How wide the time and the name are, with the space behind each.
const INDENT: usize = 22;

/// Shows what the machines of one client do. A client's calls and connections are numbered from the
/// beginning, so that each scene is to have a client of its own.
pub(super) struct Narrator {
    screen: Arc<Screen>,
    story: Mutex<Story>,
}

impl Narrator {
    pub(super) fn new(screen: Arc<Screen>) -> Self {
        Self { screen, story: Mutex::default() }
    }

    /// Forgets all names.
    pub(super) fn begin_scene(&self) {
        *locked(&self.story) = Story::default();
    }

    /// Something that no machine of ours can know.
    pub(super) fn aside(&self, text: &str) {
        let text = format!("{:13} server  {text}", "");
        self.screen.line(&self.screen.paint(Style::Dim, &text));
    }

    fn say(&self, at: Instant, who: Who, sentence: &str) {
        let millis = at.as_nanos() as f64 / 1e6;
        let time = self.screen.paint(Style::Dim, &format!("{millis:10.2} ms"));
        let name = match who {
            Who::Pool => self.screen.paint(Style::Pool, "pool   "),
            Who::Dial(_) => self.screen.paint(Style::Dial, "dial   "),
            Who::Call(number) => format!("{:7}", format!("call {}", number + 1)),
            _ => format!("{who:7}"),
        };
        let sentence = sentence.replace('\n', &format!("\n{:INDENT$}", ""));
        self.screen.line(&format!("{time} {name} {sentence}"));
    }
}

impl Sink for Narrator {
    fn line(&self, line: &Line<'_>) {
        // Held until the sentences are out, so that they come in order.
        let mut story = locked(&self.story);
        for (at, sentence) in story.tell(line.at, line.who, line.kind, &line.text.to_string()) {
            self.say(at, line.who, &sentence);
        }
    }
}
