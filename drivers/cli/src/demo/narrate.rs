//! Prints the actions of the machines as they happen.

use std::sync::{Arc, Mutex};

use httpool::{
    time::Instant,
    trace::{Line, Sink, Who},
};

use super::{
    locked::locked,
    screen::{Screen, Style},
    story::Story,
};

/// The width of the time and the name, with the space after each.
const INDENT: usize = 22;

/// Prints the actions of one client's machines. Each client numbers its calls and connections from
/// the beginning, so each scene needs a client of its own.
pub(super) struct Narrator {
    screen: Arc<Screen>,
    story: Mutex<Story>,
}

impl Narrator {
    pub(super) fn new(screen: Arc<Screen>) -> Self {
        Self { screen, story: Mutex::default() }
    }

    /// Forgets the calls and connections of the previous scene.
    pub(super) fn begin_scene(&self) {
        *locked(&self.story) = Story::default();
    }

    /// Prints an event of the server, which the client's trace does not contain.
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
        if self.screen.raw {
            return self.screen.print(&line.to_string());
        }
        // Holds the lock while printing, so that the sentences stay in order.
        let mut story = locked(&self.story);
        for (at, sentence) in story.tell(line.at, line.who, line.kind, &line.text.to_string()) {
            self.say(at, line.who, &sentence);
        }
    }
}
