//! The language model: a stream of pieces of text after a while, and an end, or one of the ways in which it goes wrong. Some have
//! another that stands in for them, and some call tools on the way.

use crate::chance::Chance;
use crate::edge::{Edge, Happening};
use crate::mood::{Fate, Mood, fell_back};
use crate::words;
use ringline_conversation::{Input, Stage};
use ringline_model::{CallTime, ResponseId, ToolCall};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct LanguageModel {
    chance: Chance,
    mood: Mood,
    /// Another model is asked when this one fails.
    has_other: bool,
    /// How often it calls tools, in percent of its answers.
    calls_tools: u64,
    /// The newest response that was cancelled.
    cancelled: Option<ResponseId>,
    /// The generation that runs.
    running: Option<ResponseId>,
}

impl LanguageModel {
    pub fn new(mut chance: Chance) -> Self {
        let (has_other, calls_tools) = (chance.percent(30), chance.weighted(&[(70, 0), (20, 15), (10, 60)]));
        Self { mood: Mood::draw(&mut chance), has_other, calls_tools, chance, cancelled: None, running: None }
    }

    pub fn generate(&mut self, response: ResponseId, edge: &mut Edge) {
        self.running = Some(response);
        let mut fate = self.mood.fate(&mut self.chance);
        let mut at = edge.now + self.mood.latency(&mut self.chance, 80, 900);
        if self.has_other && matches!(fate, Fate::Empty | Fate::Fails | Fate::Silent) {
            edge.at(at, Happening::Arrives(fell_back(Stage::Generation)));
            fate = Mood::Well.fate(&mut self.chance);
            at = at + Mood::Well.latency(&mut self.chance, 80, 900);
        }
        if fate == Fate::Answers && self.chance.percent(self.calls_tools) {
            return self.calls(response, at, edge);
        }
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

    /// It wants tools run, perhaps with some words before.
    fn calls(&mut self, response: ResponseId, mut at: CallTime, edge: &mut Edge) {
        if self.chance.percent(40) {
            let text = "Let me see. ".to_owned();
            edge.at(at, Happening::Model { response, input: Input::ResponseText { response, text } });
            at = at + self.chance.fine_ms(0, 300);
        }
        let count = self.chance.weighted(&[(70, 1), (25, 3), (5, 12)]);
        let ends_call = self.chance.percent(5);
        let call = |n: u64| ToolCall {
            id: format!("call-{n}"),
            name: if ends_call { "end_call" } else { "weather" }.to_owned(),
            ..ToolCall::default()
        };
        let input = Input::ResponseToolCalls { response, calls: (0..count).map(call).collect() };
        edge.at(at, Happening::Model { response, input });
        edge.at(at, Happening::Model { response, input: Input::ResponseFinished { response } });
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
