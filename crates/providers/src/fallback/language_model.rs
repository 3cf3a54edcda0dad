//! Language models: an empty answer counts as failed, too.

use super::{Fallback, nobody, retryable};
use crate::giving::{give, pass_on};
use crate::{ChatEvent, ChatRequest, LanguageModel, ProviderError};
use std::time::Duration;
use tokio::sync::mpsc;

/// Events waiting for the reader; the answer waits when it is full.
const CAPACITY: usize = 64;

impl LanguageModel for Fallback<dyn LanguageModel> {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let this = self.clone();
        // Dropping the stream of the model that answers cancels its request.
        give(&self.runtime, CAPACITY, |events| async move { this.answer(request, events).await })
    }
}

impl Fallback<dyn LanguageModel> {
    /// A reader who has left is noticed by the caller, so what is sent in vain does not matter here.
    async fn answer(&self, request: ChatRequest, events: mpsc::Sender<ChatEvent>) {
        let mut error = nobody();
        for (index, next) in self.in_order() {
            let mut stream = self.list[index].provider.generate(request.clone());
            error = match begin(&mut stream, next.map(|_| self.patience)).await {
                Ok(first) => {
                    self.note(index, true);
                    tracing::debug!(model = self.list[index].name, "answers");
                    return pass_on(first, stream, &events).await;
                }
                Err(error) => error,
            };
            self.note(index, false);
            if let Some(next) = next {
                let (failed, next) = (self.name(index), self.name(next));
                events.send(ChatEvent::FellBack { failed, error: error.to_string(), next }).await.ok();
            }
        }
        events.send(ChatEvent::Failed(error)).await.ok();
    }
}

/// The first event of an answer, or why there is none.
async fn begin(stream: &mut mpsc::Receiver<ChatEvent>, patience: Option<Duration>) -> Result<ChatEvent, ProviderError> {
    let first = match patience {
        Some(patience) => {
            tokio::time::timeout(patience, stream.recv()).await.map_err(|_| retryable("no text in time"))?
        }
        None => stream.recv().await,
    };
    match first {
        Some(ChatEvent::Finished) => Err(retryable("the answer is empty")),
        Some(ChatEvent::Failed(error)) => Err(error),
        None => Err(retryable("the answer ended without a word")),
        Some(
            event @ (ChatEvent::Text(_)
            | ChatEvent::Reasoning(_)
            | ChatEvent::ToolCalls(_)
            | ChatEvent::FellBack { .. }),
        ) => Ok(event),
    }
}
