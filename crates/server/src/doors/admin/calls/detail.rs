//! One call in full: what was in force, what was said and how quickly, who interrupted, and how well turns were taken.
//!
//! What was said is the dialogues' (an entry that was deleted is gone here, too), all else is read out of the journal.
//! Limits: the first 1,000 turns, and the first 64 MB of a journal; beyond them the answer says that something is left out.

use super::call::{Call, known};
use crate::app::App;
use crate::doors::admin::Id;
use crate::doors::admin::refusal::Refusal;
use crate::journal::{self, JournalError};
use axum::Json;
use axum::extract::State;
use ringline_conversation::{Event, InterruptReason, JournalEntry, Metrics, Output, TurnLatency};
use ringline_store::{DialogueRecord, InstanceRecord, limits};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// Most that is read of a journal, in bytes: hours of talk.
const JOURNAL: usize = 64 << 20;

/// A call in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallDetail {
    #[serde(flatten)]
    call: Call,
    /// The `AIAgentConfig` in force (at the end, of a call that is over).
    #[schema(value_type = Object)]
    config: Value,
    /// The `TemplateConfig` as the caller gave it.
    #[schema(value_type = Object)]
    template_config: Value,
    user_data: Option<String>,
    /// The first 1,000.
    turns: Vec<Turn>,
    interruptions: Vec<Interruption>,
    metrics: TurnTaking,
    /// False: there are more turns than are shown, or the journal was too large or not readable to its end.
    complete: bool,
}

/// Something that was said.
#[derive(Debug, Serialize, ToSchema)]
pub struct Turn {
    /// A question and its answers share it.
    sentence_id: u64,
    /// `user` or `agent`.
    role: &'static str,
    /// `greeting`, `normal`, or `speech` (the app server had it said).
    kind: &'static str,
    /// Of the agent: what was heard.
    text: String,
    /// Since the call began (`created_ms`), in ms.
    begin_ms: i64,
    interrupted: bool,
    /// Of an answer to something spoken: from the user's last sample to the agent's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    latency: Option<Latency>,
}

/// Where an answer's time went, in ms. The parts add up to the total.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Latency {
    total: u32,
    /// End of speech → the silence sufficed.
    endpointing: u32,
    /// → the turn was decided to be over: what the transcript alone held it up.
    transcript: u32,
    /// → first text of the language model.
    first_text: u32,
    /// → first segment handed to synthesis.
    first_segment: u32,
    /// → its first audio.
    first_audio: u32,
    /// → first sample sent.
    playout: u32,
}

impl From<TurnLatency> for Latency {
    fn from(latency: TurnLatency) -> Self {
        Self {
            total: latency.total,
            endpointing: latency.endpointing,
            transcript: latency.transcript,
            first_text: latency.first_text,
            first_segment: latency.first_segment,
            first_audio: latency.first_audio,
            playout: latency.playout,
        }
    }
}

/// The agent was stopped.
#[derive(Debug, Serialize, ToSchema)]
pub struct Interruption {
    /// Since the call began, in ms.
    at_ms: u64,
    /// `voice`, `words`, `command`, `speech`, `text` or `unknown`.
    #[schema(value_type = String)]
    reason: InterruptReason,
}

/// How well turns were taken, by the call's journal. Rates are 0..1; null where there is nothing to judge.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnTaking {
    turns: usize,
    answered: usize,
    /// Of the user's turns, those that were answered aloud.
    response_rate: Option<f64>,
    /// Speech with words over the agent.
    interruptions: usize,
    yields: usize,
    /// Of the interruptions, those at which the agent fell silent within 2 s.
    yield_rate: Option<f64>,
    /// The median, in ms.
    yield_time_ms: Option<u64>,
    /// Sounds over the agent that want nothing of it.
    backchannels: usize,
    held: usize,
    /// Of the back-channels, those after which the agent went on.
    backchannel_selectivity: Option<f64>,
    /// Times the agent began to speak while the user was speaking.
    agent_interrupts: usize,
}

impl From<&Metrics> for TurnTaking {
    fn from(metrics: &Metrics) -> Self {
        Self {
            turns: metrics.turns,
            answered: metrics.answered,
            response_rate: metrics.response_rate(),
            interruptions: metrics.interruptions,
            yields: metrics.yields.len(),
            yield_rate: metrics.yield_rate(),
            yield_time_ms: metrics.yield_time().map(|time| time.as_millis() as u64),
            backchannels: metrics.backchannels,
            held: metrics.held,
            backchannel_selectivity: metrics.selectivity(),
            agent_interrupts: metrics.agent_interrupts,
        }
    }
}

/// Read a call
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", operation_id = "read_call",
    params(("id" = String, Path, description = "The call's instance id")), responses(
    (status = 200, description = "The call", body = CallDetail),
    (status = 401, description = "No or another token", body = Refusal),
    (status = 404, description = "There is none", body = Refusal),
))]
pub async fn read(State(app): State<Arc<App>>, Id(id): Id) -> Result<Json<CallDetail>, Refusal> {
    let record = known(&app, id).await?;
    let dialogues = app.store.instance_dialogues(&record.id, limits::LIST_ROWS).await?;
    let journal = match journal::read(&*app.store, &record.id, JOURNAL).await {
        Ok(journal) => journal,
        Err(JournalError::Store(error)) => return Err(error.into()),
        Err(error @ JournalError::Row { .. }) => {
            // Another version's, perhaps: the rest of the call is shown all the same.
            tracing::warn!(call.id = %record.id, %error, "a journal was not read");
            journal::Read::default()
        }
    };
    let language = record.config.pointer("/AsrConfig/AsrLanguageId").and_then(Value::as_str);
    let metrics = Metrics::of(&journal.entries, language);
    let (interruptions, mut latencies) = recorded(&journal.entries);
    let complete = journal.whole && dialogues.len() < limits::LIST_ROWS as usize;
    let turns = dialogues.into_iter().map(|dialogue| turn(dialogue, record.created_ms, &mut latencies)).collect();
    let listed = app.store.call(&record.id).await?.ok_or_else(Refusal::call_not_found)?;
    let InstanceRecord { config, template, user_data, .. } = record;
    Ok(Json(CallDetail {
        call: Call::of(&app, listed).await,
        config,
        template_config: template,
        user_data,
        turns,
        interruptions,
        metrics: TurnTaking::from(&metrics),
        complete,
    }))
}

fn recorded(journal: &[JournalEntry]) -> (Vec<Interruption>, BTreeMap<u64, Latency>) {
    let (mut interruptions, mut latencies) = (Vec::new(), BTreeMap::new());
    for entry in journal {
        for output in &entry.outputs {
            match output {
                Output::Record { event: Event::Interrupted { reason, .. } } => {
                    interruptions.push(Interruption { at_ms: entry.at.as_millis(), reason: *reason });
                }
                Output::Record { event: Event::Latency { latency } } => {
                    latencies.insert(latency.sentence.0, Latency::from(*latency));
                }
                _ => {}
            }
        }
    }
    (interruptions, latencies)
}

/// The first answer of a sentence has its latency.
fn turn(dialogue: DialogueRecord, began_ms: i64, latencies: &mut BTreeMap<u64, Latency>) -> Turn {
    let role = dialogue.producer.as_str();
    let sentence_id = dialogue.round.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    Turn {
        sentence_id,
        role,
        kind: dialogue.kind.as_str(),
        text: dialogue.text,
        begin_ms: dialogue.time_ms.saturating_sub(began_ms),
        interrupted: dialogue.interrupted,
        latency: if role == "agent" { latencies.remove(&sentence_id) } else { None },
    }
}
