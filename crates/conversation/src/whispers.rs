//! What a supervisor whispers to the agent: system messages for its next answer, in front of the question.
//!
//! A whisper counts for one answer: the first that is asked for after it and begins to be said. If that answer is dropped before,
//! because the user goes on with the question, the next one is given it again. It is in no history, subtitle or dialogue; the
//! journal has it, as an input.

use crate::{Message, Role, text};

/// Longest whisper, in characters; the rest is cut off.
const MAX_WHISPER_CHARS: usize = 2000;

/// Whispers that wait for an answer; at one more the oldest is forgotten.
const MAX_WHISPERS: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Whispers {
    waiting: Vec<String>,
    /// How many of them, from the first on, the last request had.
    given: usize,
}

impl Whispers {
    pub fn add(&mut self, whisper: &str) {
        let whisper = text::trimmed(whisper, MAX_WHISPER_CHARS);
        if whisper.is_empty() {
            return;
        }
        if self.waiting.len() >= MAX_WHISPERS {
            self.waiting.remove(0);
            self.given = self.given.saturating_sub(1);
        }
        self.waiting.push(whisper);
    }

    /// For a request.
    pub fn give(&mut self) -> Vec<Message> {
        self.given = self.waiting.len();
        self.waiting.iter().map(|whisper| Message::new(Role::System, whisper.as_str())).collect()
    }

    /// The answer to the last request begins to be said.
    pub fn heeded(&mut self) {
        self.waiting.drain(..self.given);
        self.given = 0;
    }
}
