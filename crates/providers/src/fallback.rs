//! Several language models in their order: when one fails before it has given anything, the next one is asked.
//!
//! A model that is neither heard nor seen to think for [`Fallback::patience`] counts as failed, and so does an empty answer. The
//! last one has all the time its caller gives it. Once a model has begun, its answer stands or falls with it: half of one
//! answer and half of another make none.

use crate::{ChatEvent, ChatRequest, LanguageModel, ProviderError};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// Events waiting for the reader; the answer waits when it is full.
const CAPACITY: usize = 64;

/// A model, and its name for the records.
#[derive(Clone)]
pub struct Named {
    pub name: String,
    pub model: Arc<dyn LanguageModel>,
}

#[derive(Clone, Debug)]
pub struct Fallback {
    models: Arc<[Named]>,
    patience: Duration,
    runtime: Handle,
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Fallback {
    /// `patience`: from asking a model to its first sign of life, unless it is the last. `runtime` runs the requests.
    pub fn new(models: Vec<Named>, patience: Duration, runtime: Handle) -> Self {
        Self { models: models.into(), patience, runtime }
    }
}

impl LanguageModel for Fallback {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let (events, receiver) = mpsc::channel(CAPACITY);
        let this = self.clone();
        self.runtime.spawn(async move {
            let closed = events.clone();
            // Dropping the stream of the model that answers cancels its request.
            tokio::select! {
                () = closed.closed() => {}
                () = this.ask(request, events) => {}
            }
        });
        receiver
    }
}

impl Fallback {
    /// A reader who has left is noticed by the caller, so what is sent in vain does not matter here.
    async fn ask(&self, request: ChatRequest, events: mpsc::Sender<ChatEvent>) {
        let mut error = ProviderError { message: "no language model is configured".to_owned(), retryable: false };
        for (index, Named { model, .. }) in self.models.iter().enumerate() {
            let next = self.models.get(index + 1);
            let mut stream = model.generate(request.clone());
            error = match begin(&mut stream, next.map(|_| self.patience)).await {
                Ok(first) => {
                    tracing::debug!(model = self.models[index].name, "answers");
                    let mut event = Some(first);
                    while let Some(sent) = event {
                        if events.send(sent).await.is_err() {
                            return;
                        }
                        event = stream.recv().await;
                    }
                    return;
                }
                Err(error) => error,
            };
            if let Some(next) = next {
                let (failed, next) = (self.models[index].name.clone(), next.name.clone());
                events.send(ChatEvent::FellBack { failed, error: error.to_string(), next }).await.ok();
            }
        }
        events.send(ChatEvent::Failed(error)).await.ok();
    }
}

/// The first event of an answer, or why there is none.
async fn begin(stream: &mut mpsc::Receiver<ChatEvent>, patience: Option<Duration>) -> Result<ChatEvent, ProviderError> {
    let failed = |message: &str| ProviderError { message: message.to_owned(), retryable: true };
    let first = match patience {
        Some(patience) => tokio::time::timeout(patience, stream.recv()).await.map_err(|_| failed("no text in time"))?,
        None => stream.recv().await,
    };
    match first {
        Some(ChatEvent::Finished) => Err(failed("the answer is empty")),
        Some(ChatEvent::Failed(error)) => Err(error),
        None => Err(failed("the answer ended without a word")),
        Some(
            event @ (ChatEvent::Text(_)
            | ChatEvent::Reasoning(_)
            | ChatEvent::ToolCalls(_)
            | ChatEvent::FellBack { .. }),
        ) => Ok(event),
    }
}
