//! The three closed sets a conversation speaks: what happens to it ([`Input`]), what it asks for
//! ([`Output`]), and inside the outputs what the client ([`Notice`]) and the records ([`Event`]) are told.
//!
//! All of them serialise: the journal is a list of inputs with their time.

mod emotion;
mod event;
mod input;
mod output;

pub use emotion::Emotion;
pub use event::{DialogueKind, Event, Milestone, OverlapOutcome, Stage, TurnLatency};
pub use input::{ClientCommand, Input, StopCause, TakeoverMode};
pub use output::{AgentState, EndReason, InterruptReason, Notice, Output};

use ringline_model::{AgentConfig, ToolCall};
use serde::{Deserialize, Serialize};

/// What a conversation starts from. Part of the journal's head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    pub config: AgentConfig,
    /// Earlier turns of the same session, oldest first.
    pub history: Vec<Message>,
    /// What chance comes from: which phrases are chosen.
    #[serde(default)]
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    System,
    User,
    Assistant,
}

/// One entry of what the language model is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub role: Role,
    pub text: String,
    /// Tools that the model called here, with their results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
}

impl Message {
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into(), calls: Vec::new() }
    }
}
