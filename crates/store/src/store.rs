use crate::{
    AccessKeyRecord, AgentRecord, CallQuery, ClaimedEvent, DialogueQuery, DialogueRecord, EventClaim, EventRecord,
    InstanceQuery, InstanceRecord, JournalRow, ListedCall, ListedVoiceprint, RegistrationMode, StoreError,
    VoiceprintQuery, VoiceprintRecord,
};
use async_trait::async_trait;
use ringline_model::{AgentId, InstanceId, SessionId, UserId};
use serde_json::Value;

/// What becomes of an agent: is shown it as it is stored and may change it; false leaves it as it is. Its id and
/// `created_ms` stay whatever the change does. Nobody else can write while it runs, so it must be short.
pub type AgentChange<'c> = Box<dyn FnOnce(&mut AgentRecord) -> bool + Send + 'c>;

/// Everything that outlives a process. See the crate's contract for durability, limits and times.
///
/// What is reported to the app server goes into the outbox in the same transaction as what it reports: methods that store
/// something worth reporting take the events that go with it, and store them in their order behind the instance's earlier
/// ones. Where the method changes nothing, it stores no events either.
///
/// Any method may fail with [`StoreError::Busy`] or [`StoreError::Backend`]; other errors are named where they arise.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Stores the agent, or replaces the one with its id (which keeps its `created_ms`).
    async fn put_agent(&self, agent: &AgentRecord) -> Result<(), StoreError>;
    async fn agent(&self, id: &AgentId) -> Result<Option<AgentRecord>, StoreError>;
    /// Reads the agent, has it changed and stores it, as one step: of two changes at once each sees the other's, whichever
    /// node they come from. Answers the agent as it is stored then; none if there is no such agent.
    async fn change_agent(&self, id: &AgentId, change: AgentChange<'_>) -> Result<Option<AgentRecord>, StoreError>;
    /// Hides the agent from every other method; its instances stay. Putting it again brings it back. False if there is
    /// no such agent.
    async fn delete_agent(&self, id: &AgentId, at_ms: i64) -> Result<bool, StoreError>;
    /// The first `limit` agents by id, of those behind `after`; at most [`crate::limits::LIST_ROWS`].
    async fn agents(&self, after: Option<&AgentId>, limit: u32) -> Result<Vec<AgentRecord>, StoreError>;

    /// Stores the key, or replaces the one with its id (which keeps its `created_ms`).
    async fn put_access_key(&self, key: &AccessKeyRecord) -> Result<(), StoreError>;
    async fn access_key(&self, id: &str) -> Result<Option<AccessKeyRecord>, StoreError>;
    /// The first `limit` keys by age, of those behind the key `after` (behind an unknown one there are none); at most
    /// [`crate::limits::LIST_ROWS`].
    async fn access_keys(&self, after: Option<&str>, limit: u32) -> Result<Vec<AccessKeyRecord>, StoreError>;

    async fn setting(&self, key: &str) -> Result<Option<String>, StoreError>;
    /// Stores `value` unless the key has one, and answers what is stored. Of several callers at once one wins, and
    /// all get its value.
    async fn put_setting_if_absent(&self, key: &str, value: &str) -> Result<String, StoreError>;

    /// Fails with [`StoreError::Exists`], or with [`StoreError::NotFound`] if there is no such agent.
    async fn create_instance(&self, instance: &InstanceRecord, events: &[EventRecord]) -> Result<(), StoreError>;
    async fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRecord>, StoreError>;
    async fn instances(&self, query: &InstanceQuery) -> Result<Vec<InstanceRecord>, StoreError>;
    /// An instance as [`Self::calls`] lists it.
    async fn call(&self, id: &InstanceId) -> Result<Option<ListedCall>, StoreError>;
    async fn calls(&self, query: &CallQuery) -> Result<Vec<ListedCall>, StoreError>;
    /// What the database's clock says, in Unix ms; answers if the database does.
    async fn clock_ms(&self) -> Result<i64, StoreError>;
    /// `Created` becomes `Executing`, with `user` on the line. False if it was past that. Fails with
    /// [`StoreError::NotFound`].
    async fn set_executing(
        &self,
        id: &InstanceId,
        user: &UserId,
        at_ms: i64,
        events: &[EventRecord],
    ) -> Result<bool, StoreError>;
    /// Ends the instance. Only the first call counts and answers true; later ones change nothing and answer false.
    /// Fails with [`StoreError::NotFound`].
    async fn finish_instance(
        &self,
        id: &InstanceId,
        reason: &str,
        at_ms: i64,
        events: &[EventRecord],
    ) -> Result<bool, StoreError>;
    /// Notes where the tracks lie; replaces an earlier note. Fails with [`StoreError::NotFound`].
    async fn set_recordings(&self, id: &InstanceId, recordings: &Value, at_ms: i64) -> Result<(), StoreError>;
    /// Replaces configuration and template, and the user data if there is any in the call. Fails with
    /// [`StoreError::NotFound`].
    async fn update_instance(
        &self,
        id: &InstanceId,
        config: &Value,
        template: &Value,
        user_data: Option<&str>,
        at_ms: i64,
    ) -> Result<(), StoreError>;
    /// How many instances are not finished.
    async fn count_active(&self) -> Result<u64, StoreError>;
    /// How many instances of this agent are not finished.
    async fn count_active_of(&self, agent: &AgentId) -> Result<u64, StoreError>;
    /// Instances that are not finished, oldest first, at most [`crate::limits::LIST_INSTANCES`]. At start these are
    /// what a crash left behind; the caller finishes them and asks again until none is left.
    async fn unfinished(&self, limit: u32) -> Result<Vec<InstanceRecord>, StoreError>;

    /// Appends rows, all or none, in one transaction. The first must follow the last stored row (the first of all
    /// has `seq` 0), or the call fails with [`StoreError::JournalGap`]: a journal with a hole would replay to
    /// something that never happened. Fails with [`StoreError::NotFound`] if there is no such instance.
    async fn append_journal(
        &self,
        id: &InstanceId,
        rows: &[JournalRow],
        events: &[EventRecord],
    ) -> Result<(), StoreError>;
    /// Rows from `from_seq` on, in order. A page may be shorter than `limit` (it is bounded in bytes, too); the
    /// journal has ended when a page is empty. An unknown instance has an empty journal.
    async fn journal(&self, id: &InstanceId, from_seq: u64, limit: u32) -> Result<Vec<JournalRow>, StoreError>;

    /// Fails with [`StoreError::Exists`], or with [`StoreError::NotFound`] if there is no such instance.
    async fn append_dialogue(&self, dialogue: &DialogueRecord, events: &[EventRecord]) -> Result<(), StoreError>;
    async fn dialogues(&self, query: &DialogueQuery) -> Result<Vec<DialogueRecord>, StoreError>;
    /// The first `limit` entries of an instance, oldest first, at most [`crate::limits::LIST_ROWS`].
    async fn instance_dialogues(&self, id: &InstanceId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError>;
    /// The newest `limit` entries of a session, oldest first, at most [`crate::limits::LIST_ROWS`]: what a later call
    /// of the session goes on from.
    async fn session_turns(&self, session: &SessionId, limit: u32) -> Result<Vec<DialogueRecord>, StoreError>;
    /// False if the session has no such entry.
    async fn delete_dialogue(&self, session: &SessionId, id: &str) -> Result<bool, StoreError>;

    /// Stores the voiceprint, or replaces the one with its id and mode (which keeps its `created_ms`).
    async fn put_voiceprint(&self, voiceprint: &VoiceprintRecord) -> Result<(), StoreError>;
    async fn voiceprint(&self, id: &str, mode: RegistrationMode) -> Result<Option<VoiceprintRecord>, StoreError>;
    /// False if there is no such voiceprint.
    async fn delete_voiceprint(&self, id: &str, mode: RegistrationMode) -> Result<bool, StoreError>;
    /// A page, and how many there are in all.
    async fn voiceprints(&self, query: &VoiceprintQuery) -> Result<(Vec<ListedVoiceprint>, u64), StoreError>;

    /// Claims events for an attempt to deliver each, those due longest first, at most [`crate::limits::CLAIM_EVENTS`]: of each instance
    /// only the oldest there is, and that only once it is due, so that nothing overtakes it. A claim is a lease until
    /// `until_ms`: whoever hasn't settled or postponed the event by then has lost it, and it may be claimed again.
    async fn claim_events(&self, now_ms: i64, until_ms: i64, limit: u32) -> Result<Vec<ClaimedEvent>, StoreError>;
    /// Removes an event that is delivered or given up. The instance's next one may be claimed then. False if the claim is
    /// lost.
    async fn settle_event(&self, claim: &EventClaim) -> Result<bool, StoreError>;
    /// Makes an event that could not be delivered due at `due_ms`. False if the claim is lost.
    async fn postpone_event(&self, claim: &EventClaim, due_ms: i64) -> Result<bool, StoreError>;
    /// How many events wait to be delivered, claimed ones included.
    async fn count_events(&self) -> Result<u64, StoreError>;

    /// Waits for what is running and makes everything durable; afterwards every other method fails.
    async fn close(&self);
}
