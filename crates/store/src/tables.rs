//! The tables, once for every back end: one file each, over [`Database`].
//!
//! Statements name their columns, so that a newer version may add some while an older one still runs. Texts are ordered
//! by their bytes.

mod access_keys;
mod agents;
mod calls;
mod dialogues;
mod instances;
mod journal;
mod outbox;
mod row;
mod settings;
mod voiceprints;

use crate::database::Database;
use crate::{
    AccessKeyRecord, AgentChange, AgentRecord, CallQuery, ClaimedEvent, DialogueQuery, DialogueRecord, EventClaim,
    EventRecord, InstanceQuery, InstanceRecord, JournalRow, ListedCall, ListedVoiceprint, RegistrationMode, Store,
    StoreError, VoiceprintQuery, VoiceprintRecord,
};
use async_trait::async_trait;
use ringline_model::{AgentId, InstanceId, SessionId, UserId};
use serde_json::Value;

#[async_trait]
impl<D: Database> Store for D {
    async fn delete_agent(&self, id: &AgentId, at_ms: i64) -> Result<bool, StoreError> {
        agents::delete(self, id, at_ms).await
    }

    async fn put_agent(&self, agent: &AgentRecord) -> Result<(), StoreError> {
        agents::put(self, agent).await
    }

    async fn change_agent(&self, id: &AgentId, change: AgentChange<'_>) -> Result<Option<AgentRecord>, StoreError> {
        agents::change(self, id, change).await
    }

    async fn agent(&self, id: &AgentId) -> Result<Option<AgentRecord>, StoreError> {
        agents::one(self, id).await
    }

    async fn agents(&self, after: Option<&AgentId>, limit: u32) -> Result<Vec<AgentRecord>, StoreError> {
        agents::list(self, after, limit).await
    }

    async fn put_access_key(&self, key: &AccessKeyRecord) -> Result<(), StoreError> {
        access_keys::put(self, key).await
    }

    async fn access_key(&self, id: &str) -> Result<Option<AccessKeyRecord>, StoreError> {
        access_keys::one(self, id).await
    }

    async fn access_keys(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccessKeyRecord>, StoreError> {
        access_keys::list(self, after, limit).await
    }

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        settings::one(self, key).await
    }

    async fn put_setting_if_absent(&self, key: &str, value: &str) -> Result<String, StoreError> {
        settings::put_if_absent(self, key, value).await
    }

    async fn create_instance(&self, instance: &InstanceRecord, events: &[EventRecord]) -> Result<(), StoreError> {
        instances::create(self, instance, events).await
    }

    async fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRecord>, StoreError> {
        instances::one(self, id).await
    }

    async fn instances(&self, query: &InstanceQuery) -> Result<Vec<InstanceRecord>, StoreError> {
        instances::list(self, query).await
    }

    async fn call(&self, id: &InstanceId) -> Result<Option<ListedCall>, StoreError> {
        calls::one(self, id).await
    }

    async fn calls(&self, query: &CallQuery) -> Result<Vec<ListedCall>, StoreError> {
        calls::list(self, query).await
    }

    async fn clock_ms(&self) -> Result<i64, StoreError> {
        calls::clock_ms(self).await
    }

    async fn set_executing(
        &self,
        id: &InstanceId,
        user: &UserId,
        at_ms: i64,
        events: &[EventRecord],
    ) -> Result<bool, StoreError> {
        instances::execute(self, id, user, at_ms, events).await
    }

    async fn finish_instance(
        &self,
        id: &InstanceId,
        reason: &str,
        at_ms: i64,
        events: &[EventRecord],
    ) -> Result<bool, StoreError> {
        instances::finish(self, id, reason, at_ms, events).await
    }

    async fn set_recordings(&self, id: &InstanceId, recordings: &Value, at_ms: i64) -> Result<(), StoreError> {
        instances::note_recordings(self, id, recordings, at_ms).await
    }

    async fn update_instance(
        &self,
        id: &InstanceId,
        config: &Value,
        template: &Value,
        user_data: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        instances::update(self, id, config, template, user_data, at_ms).await
    }

    async fn count_active_of(&self, agent: &AgentId) -> Result<u64, StoreError> {
        instances::count_active_of(self, agent).await
    }

    async fn count_active(&self) -> Result<u64, StoreError> {
        instances::count_active(self).await
    }

    async fn unfinished(&self, limit: u32) -> Result<Vec<InstanceRecord>, StoreError> {
        instances::unfinished(self, limit).await
    }

    async fn append_journal(
        &self,
        id: &InstanceId,
        rows: &[JournalRow],
        events: &[EventRecord],
    ) -> Result<(), StoreError> {
        journal::append(self, id, rows, events).await
    }

    async fn journal(&self, id: &InstanceId, from_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreError> {
        journal::page(self, id, from_seq, limit).await
    }

    async fn append_dialogue(&self, dialogue: &DialogueRecord, events: &[EventRecord]) -> Result<(), StoreError> {
        dialogues::append(self, dialogue, events).await
    }

    async fn dialogues(&self, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::list(self, query).await
    }

    async fn instance_dialogues(&self, id: &InstanceId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::of_instance(self, id, limit).await
    }

    async fn session_turns(&self, session: &SessionId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError> {
        dialogues::newest_of_session(self, session, limit).await
    }

    async fn delete_dialogue(&self, session: &SessionId, id: &str) -> Result<bool, StoreError> {
        dialogues::delete(self, session, id).await
    }

    async fn put_voiceprint(&self, voiceprint: &VoiceprintRecord) -> Result<(), StoreError> {
        voiceprints::put(self, voiceprint).await
    }

    async fn voiceprint(&self, id: &str, mode: RegistrationMode) -> Result<Option<VoiceprintRecord>, StoreError> {
        voiceprints::one(self, id, mode).await
    }

    async fn delete_voiceprint(&self, id: &str, mode: RegistrationMode) -> Result<bool, StoreError> {
        voiceprints::delete(self, id, mode).await
    }

    async fn voiceprints(&self, query: &VoiceprintQuery) -> Result<(Vec<ListedVoiceprint>, u64), StoreError> {
        voiceprints::list(self, query).await
    }

    async fn claim_events(&self, now_ms: i64, until_ms: i64, limit: u32) -> Result<Vec<ClaimedEvent>, StoreError> {
        outbox::claim(self, now_ms, until_ms, limit).await
    }

    async fn settle_event(&self, claim: &EventClaim) -> Result<bool, StoreError> {
        outbox::settle(self, claim).await
    }

    async fn postpone_event(&self, claim: &EventClaim, due_ms: i64) -> Result<bool, StoreError> {
        outbox::postpone(self, claim, due_ms).await
    }

    async fn count_events(&self) -> Result<u64, StoreError> {
        outbox::count(self).await
    }

    async fn close(&self) {
        Database::close(self).await;
    }
}
