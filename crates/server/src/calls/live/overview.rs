//! All calls at a glance: when they start, change and end.

use super::event::CallSummary;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use utoipa::ToSchema;

/// Events a listener may be behind; at one more it loses the oldest, and is given the list anew.
const BEHIND: usize = 1024;
/// Listeners at once; one more is refused.
const LISTENERS: usize = 64;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OverviewEvent {
    /// A call has begun, or something of it is different: this is how it stands.
    Call { call: CallSummary },
    /// A call is over.
    Ended { instance_id: String },
}

impl OverviewEvent {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Call { .. } => "call",
            Self::Ended { .. } => "ended",
        }
    }
}

pub struct Overview(Mutex<Option<broadcast::Sender<Arc<OverviewEvent>>>>);

impl Default for Overview {
    fn default() -> Self {
        Self(Mutex::new(Some(broadcast::channel(BEHIND).0)))
    }
}

impl Overview {
    /// A place from which nothing is missed that happens from now on. None: too many listen, or the server shuts down.
    pub fn follow(&self) -> Option<broadcast::Receiver<Arc<OverviewEvent>>> {
        let feed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feed.as_ref().filter(|feed| feed.receiver_count() < LISTENERS).map(broadcast::Sender::subscribe)
    }

    /// No more events: listeners are let go.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn tell(&self, event: OverviewEvent) {
        let feed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feed.as_ref().filter(|feed| feed.receiver_count() > 0) {
            // Between the two lines the last one may have gone: then nobody misses it.
            feed.send(Arc::new(event)).ok();
        }
    }
}
