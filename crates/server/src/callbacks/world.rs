//! What the dispatcher works on.

use super::schedule::Attempted;
use crate::app::App;
use crate::outward::Outward;
use ringline_model::{AgentId, CallbackSettings};
use ringline_store::{ClaimedEvent, EventClaim, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// The outbox, the receivers and the clock; tests have a world of their own, on virtual time.
pub trait World: Send + Sync + 'static {
    /// Unix ms.
    fn now_ms(&self) -> i64;

    /// See [`Store::claim_events`].
    fn claim(
        &self,
        now_ms: i64,
        until_ms: i64,
        limit: u32,
    ) -> impl Future<Output = Result<Vec<ClaimedEvent>, StoreError>> + Send;

    fn settle(&self, claim: &EventClaim) -> impl Future<Output = Result<bool, StoreError>> + Send;

    fn postpone(&self, claim: &EventClaim, due_ms: i64) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// An agent's settings as they are now; none if there is no such agent.
    fn settings(&self, agent: &AgentId) -> impl Future<Output = Result<Option<CallbackSettings>, StoreError>> + Send;

    fn post(
        &self,
        settings: &CallbackSettings,
        body: String,
        timeout: Duration,
    ) -> impl Future<Output = Attempted> + Send;
}

/// The store, and the app servers of our customers.
pub struct Customers {
    pub store: Arc<dyn Store>,
    pub outward: Outward,
}

impl World for Customers {
    fn now_ms(&self) -> i64 {
        App::now_ms()
    }

    async fn claim(&self, now_ms: i64, until_ms: i64, limit: u32) -> Result<Vec<ClaimedEvent>, StoreError> {
        self.store.claim_events(now_ms, until_ms, limit).await
    }

    async fn settle(&self, claim: &EventClaim) -> Result<bool, StoreError> {
        self.store.settle_event(claim).await
    }

    async fn postpone(&self, claim: &EventClaim, due_ms: i64) -> Result<bool, StoreError> {
        self.store.postpone_event(claim, due_ms).await
    }

    async fn settings(&self, agent: &AgentId) -> Result<Option<CallbackSettings>, StoreError> {
        Ok(self.store.agent(agent).await?.map(|agent| agent.settings.callbacks))
    }

    async fn post(&self, settings: &CallbackSettings, body: String, timeout: Duration) -> Attempted {
        let token = settings.token.reveal();
        let authorization = (!token.is_empty()).then_some(token);
        match self.outward.post_json(&settings.url, authorization, body.into_bytes(), timeout).await {
            Ok(status) => Attempted::Answered(status.as_u16()),
            Err(error) => Attempted::Failed(error.to_string()),
        }
    }
}
