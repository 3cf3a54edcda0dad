//! What the dispatcher works on.

use super::schedule::Attempted;
use crate::app::App;
use crate::outward::Outward;
use ringline_model::CallbackSettings;
use ringline_store::Store;
use std::sync::Arc;
use std::time::Duration;

/// The store, the receivers and the clock; tests have receivers and a clock of their own.
pub trait World: Send + Sync + 'static {
    /// Unix ms.
    fn now_ms(&self) -> i64;

    /// Where the outbox is, and agents with their settings as they are now.
    fn store(&self) -> &dyn Store;

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

    fn store(&self) -> &dyn Store {
        &*self.store
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
