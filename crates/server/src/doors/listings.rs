//! The operations that look things up, and the deletion of what was said.

use super::instances::listed;
use crate::app::{App, internal};
use ringline_model::AgentId;
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{
    DeleteAIAgentDialogue, DialogueDescription, GetAIAgentConcurrency, ListAIAgentDialogues, ListAIAgentInstance,
    ListSmartVoiceGroups, ListedInstance, VoiceDescription, VoiceGroup,
};
use ringline_store::{DialogueQuery, DialogueRecord, InstanceQuery, Order};

/// Newest first.
pub async fn instances(
    app: &App,
    request: ListAIAgentInstance,
    base_url: &str,
) -> Result<Vec<ListedInstance>, ApiError> {
    known(app, &request.agent).await?;
    let ListAIAgentInstance { agent, from_ms, to_ms, offset, limit } = request;
    let query = InstanceQuery { agent, from_ms, to_ms, offset, limit };
    let records = app.store.instances(&query).await.map_err(|e| internal(&e))?;
    Ok(records.into_iter().map(|record| listed(app, record, base_url)).collect())
}

pub async fn concurrency(app: &App, request: &GetAIAgentConcurrency) -> Result<u64, ApiError> {
    known(app, &request.agent).await?;
    app.store.count_active_of(&request.agent).await.map_err(|e| internal(&e))
}

async fn known(app: &App, agent: &AgentId) -> Result<(), ApiError> {
    let agent = app.store.agent(agent).await.map_err(|e| internal(&e))?;
    agent.map(drop).ok_or_else(ApiError::agent_not_found)
}

/// A session nobody has used is an empty one.
pub async fn dialogues(app: &App, request: ListAIAgentDialogues) -> Result<Vec<DialogueDescription>, ApiError> {
    let ListAIAgentDialogues { session, from_ms, to_ms, newest_first, offset, limit, rounds } = request;
    let order = if newest_first { Order::NewestFirst } else { Order::OldestFirst };
    let query = DialogueQuery { session, from_ms, to_ms, order, offset, limit, rounds };
    let records = app.store.dialogues(&query).await.map_err(|e| internal(&e))?;
    Ok(records.into_iter().map(described).collect())
}

fn described(record: DialogueRecord) -> DialogueDescription {
    DialogueDescription {
        dialogue_id: record.id,
        round_id: record.round,
        producer: record.producer.as_str(),
        text: record.text,
        source: "call",
        kind: record.kind.as_str(),
        time: record.time_ms,
    }
}

/// Entries of calls have no nodes, so one that is asked for by a node does not exist.
pub async fn delete_dialogue(app: &App, request: &DeleteAIAgentDialogue) -> Result<(), ApiError> {
    let deleted = request.node.is_none()
        && app.store.delete_dialogue(&request.session, &request.dialogue).await.map_err(|e| internal(&e))?;
    if deleted { Ok(()) } else { Err(ApiError::resource_not_found("dialogue")) }
}

pub fn voices(app: &App, request: &ListSmartVoiceGroups) -> Vec<VoiceGroup> {
    let voices = app.providers.voices().iter().filter(|_| !request.cosy_voice_only);
    VoiceGroup::by_language(voices.map(|voice| {
        let description = VoiceDescription { voice: voice.id.clone(), name: voice.name.clone() };
        (voice.language.clone(), description)
    }))
}
