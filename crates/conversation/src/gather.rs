//! Holds short pieces of a response back until they are long enough together (`LlmConfig.OutputMinLength`,
//! `OutputMaxDelay`, server-api §5.1): one synthesis of a longer text sounds better than several of short ones.
//!
//! Without a longest delay short pieces wait for more text, or the end of it.

use crate::clauses::Clause;
use ringline_model::{CallTime, LlmConfig};
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// In characters; 0: nothing is held back.
    min_length: usize,
    max_delay: Option<Duration>,
    held: Option<(Clause, CallTime)>,
}

impl Gather {
    pub fn new(llm: &LlmConfig) -> Self {
        let max_delay = (llm.output_max_delay > 0).then(|| Duration::from_millis(llm.output_max_delay.into()));
        Self { min_length: llm.output_min_length as usize, max_delay, held: None }
    }

    /// Takes one more piece; what is long enough with it.
    pub fn push(&mut self, clause: Clause, now: CallTime) -> Option<Clause> {
        let (whole, since) = match self.held.take() {
            Some((held, since)) => (Clause { text: held.text + &clause.appended(), ..held }, since),
            None => (clause, now),
        };
        if whole.text.chars().count() >= self.min_length {
            return Some(whole);
        }
        self.held = Some((whole, since));
        None
    }

    /// What is held, however short.
    pub fn release(&mut self) -> Option<Clause> {
        self.held.take().map(|(clause, _)| clause)
    }

    pub fn is_empty(&self) -> bool {
        self.held.is_none()
    }

    pub fn deadline(&self) -> Option<CallTime> {
        let (_, since) = self.held.as_ref()?;
        self.max_delay.map(|delay| *since + delay)
    }
}
