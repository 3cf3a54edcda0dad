//! One agent instance's conversation, as a value.
//!
//! Contract: feed [`Conversation::handle_input`] and, when [`Conversation::poll_timeout`] is due,
//! [`Conversation::handle_timeout`]; after each, drain [`Conversation::poll_output`] until it is empty. Time is an
//! argument, never decreases, and after `handle_timeout(t)` the next deadline is later than `t`. The conversation
//! cannot fail: a provider's failure is an input. Audio never passes through it; it sees what audio means.
//! No clock, task, lock, randomness or I/O: the same inputs at the same times give the same outputs.
//!
//! A new conversation has a deadline at once ([`CallTime::ZERO`](ringline_model::CallTime::ZERO)): its first step, whatever
//! it is, has the greeting synthesised. That way every output belongs to a step, and a list of steps is the whole call
//! ([`JournalEntry`], [`replay`]).
//!
//! It is composed of small machines, a file each: `user_turn` with its policy `endpointing` (and `unfinished`), `response` with `markers`, `brackets`,
//! `clauses`, `gather`, `pronunciation` and `heard`, `history`, `presence`, `latency`, `says`. What connects them is in `conversation`
//! (inputs and deadlines), `listening` (speech and transcripts), `answering` (questions, responses, playout), `interruption` (who has
//! the floor, with its policy `barge_in`), `resumption` (what was stopped for nothing), `echo` (the agent's own voice), `voiceprint` (whose voice it is), `push_to_talk`, `back_channelling` (short words
//! while listening), `clips` (audio from URLs), `speculation` (an answer before the turn is over), `idle` (a silent user), `pending` (a slow model), `tools` (what the model calls), `takeover` (a human in charge) and `commands` (client and
//! server commands, the end).

mod answering;
mod api;
mod back_channelling;
mod backchannel;
mod barge_in;
mod brackets;
mod chance;
mod clauses;
mod clips;
mod commands;
mod conversation;
mod echo;
mod endpointing;
mod gather;
mod heard;
mod history;
mod idle;
mod ids;
mod interruption;
mod latency;
mod listening;
mod markers;
mod markup;
mod metrics;
mod outbox;
mod pending;
mod presence;
mod pronunciation;
mod push_to_talk;
mod replay;
mod response;
mod resumption;
mod says;
mod speculation;
mod takeover;
mod text;
mod tools;
mod unfinished;
mod user_turn;
mod voiceprint;
mod what_if;
mod whispers;
mod words;

pub use api::{
    AgentState, ClientCommand, DialogueKind, Emotion, EndReason, Event, Input, InterruptReason, Message, Milestone,
    Notice, Output, OverlapOutcome, Role, Setup, Stage, StopCause, TakeoverMode, TurnLatency,
};
pub use backchannel::said_over_agents;
pub use conversation::Conversation;
pub use metrics::{Metrics, MetricsReading};
pub use replay::{Divergence, JournalEntry, Step, replay};
pub use takeover::GIVEN_BACK;
pub use voiceprint::Speaker;
pub use what_if::{Change, ChangeError, Decision, Difference, WhatIf, what_if};
