//! One agent instance's conversation, as a value.
//!
//! Contract: feed [`Conversation::handle_input`] and, when [`Conversation::poll_timeout`] is due,
//! [`Conversation::handle_timeout`]; after each, drain [`Conversation::poll_output`] until it is empty. Time is an
//! argument, never decreases, and after `handle_timeout(t)` the next deadline is later than `t`. The conversation
//! cannot fail: a provider's failure is an input. Audio never passes through it; it sees what audio means.
//! No clock, task, lock, randomness or I/O: the same inputs at the same times give the same outputs.

mod api;

pub use api::{
    AgentState, ClientCommand, DialogueKind, EndReason, Event, Input, InterruptReason, Message, Notice, Output, Role,
    Setup, Stage, StopCause, TurnLatency,
};
