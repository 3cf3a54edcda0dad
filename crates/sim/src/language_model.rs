//! The language model: a stream of pieces of text after a while, and an end, or one of the ways in which it goes wrong.

use crate::chance::Chance;
use crate::edge::{Edge, Happening};
use crate::mood::{Fate, Mood};
use crate::words;
use ringline_conversation::Input;
use ringline_model::ResponseId;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct LanguageModel {
    chance: Chance,
    mood: Mood,
    /// The newest response that was cancelled.
    cancelled: Option<ResponseId>,
    /// The generation that runs.
    running: Option<ResponseId>,
}

impl LanguageModel {
    pub fn new(mut chance: Chance) -> Self {
        Self { mood: Mood::draw(&mut chance), chance, cancelled: None, running: None }
    }

    pub fn generate(&mut self, response: ResponseId, edge: &mut Edge) {
        self.running = Some(response);
        let fate = self.mood.fate(&mut self.chance);
        let first = self.mood.latency(&mut self.chance, 80, 900);
        let mut at = edge.now + first;
        let failed = Input::ResponseFailed { response, error: "the model failed".to_owned() };
        let end = match fate {
            Fate::Answers => Some(Input::ResponseFinished { response }),
            Fate::Empty => {
                return edge.at(at, Happening::Model { response, input: Input::ResponseFinished { response } });
            }
            Fate::Fails => return edge.at(at, Happening::Model { response, input: failed }),
            Fate::Silent => return,
            Fate::Breaks => Some(failed),
            Fate::Stalls => None,
        };
        let text = words::answer(&mut self.chance);
        let mut chunks = words::chunks(&mut self.chance, &text);
        if fate != Fate::Answers {
            chunks.truncate(self.chance.between(1, 4) as usize);
        }
        let pace = self.chance.between(0, 40);
        for text in chunks {
            edge.at(at, Happening::Model { response, input: Input::ResponseText { response, text } });
            at = at + self.pause(pace);
        }
        if let Some(input) = end {
            edge.at(at, Happening::Model { response, input });
        }
    }

    fn pause(&mut self, pace: u64) -> Duration {
        match self.chance.between(0, 999) {
            0 => self.chance.fine_ms(1000, 25_000),
            _ => self.chance.fine_ms(0, pace),
        }
    }

    /// Its request is dropped; what it had sent before is in the channel.
    pub fn cancel(&mut self, response: ResponseId) {
        self.cancelled = self.cancelled.max(Some(response));
        self.running = self.running.filter(|running| *running > response);
    }

    pub fn sends(&mut self, response: ResponseId, input: Input, edge: &mut Edge) {
        if self.cancelled.is_some_and(|cancelled| response <= cancelled) {
            return;
        }
        if matches!(input, Input::ResponseFinished { .. } | Input::ResponseFailed { .. }) {
            self.running = None;
        }
        edge.tell(input);
    }

    /// The response it is asked about and has not finished.
    pub fn works_for(&self) -> Option<ResponseId> {
        self.running
    }
}
