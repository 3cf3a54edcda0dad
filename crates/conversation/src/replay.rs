//! A call is a journal: every step of its conversation with what came out of it. Replaying runs the steps again and
//! compares.

use crate::{Conversation, Input, Output, Setup};
use ringline_model::CallTime;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Input(Input),
    /// The deadline of [`Conversation::poll_timeout`] was due.
    Timeout,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    pub at: CallTime,
    pub step: Step,
    /// Everything the step brought forth, in order.
    pub outputs: Vec<Output>,
}

impl JournalEntry {
    /// Takes one step of a conversation and drains what comes of it.
    pub fn record(conversation: &mut Conversation, at: CallTime, step: Step) -> Self {
        match &step {
            Step::Input(input) => conversation.handle_input(input.clone(), at),
            Step::Timeout => conversation.handle_timeout(at),
        }
        let outputs = std::iter::from_fn(|| conversation.poll_output()).collect();
        Self { at, step, outputs }
    }
}

/// The first step that brings forth something else than the journal says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("entry {index} at {at} gives {} outputs that differ from the journal's {}", got.len(), expected.len())]
pub struct Divergence {
    /// Position in the journal, from 0.
    pub index: usize,
    pub at: CallTime,
    pub expected: Vec<Output>,
    pub got: Vec<Output>,
}

/// Runs a journal again; returns how many entries it had. Entries after the first different one are not run.
pub fn replay(setup: Setup, journal: impl IntoIterator<Item = JournalEntry>) -> Result<usize, Divergence> {
    let mut conversation = Conversation::new(setup);
    let mut count = 0;
    for (index, JournalEntry { at, step, outputs: expected }) in journal.into_iter().enumerate() {
        let got = JournalEntry::record(&mut conversation, at, step).outputs;
        if got != expected {
            return Err(Divergence { index, at, expected, got });
        }
        count = index + 1;
    }
    Ok(count)
}
