//! Questions about audio to a model on a thread of its own, which serves all calls in order.

use super::ort_env::LoadError;
use crate::ProviderError;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// Where questions are asked. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Questions<A> {
    waiting: SyncSender<Question<A>>,
    about: About,
}

/// What is said of one model's questions.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    /// Of the model, and of its thread: "the … model failed".
    pub name: &'static str,
    /// Why one too many is refused.
    pub too_many: &'static str,
}

#[derive(Debug)]
struct Question<A> {
    audio: Arc<[f32]>,
    /// Of the asker: log lines about it belong there.
    span: tracing::Span,
    answer: oneshot::Sender<Result<A, ProviderError>>,
}

impl<A: Send + 'static> Questions<A> {
    /// Starts the thread. At most `most` questions wait; more are refused, retryable.
    pub fn start(
        about: About,
        most: usize,
        infer: impl FnMut(&[f32]) -> ort::Result<A> + Send + 'static,
    ) -> Result<Self, LoadError> {
        let (waiting, questions) = sync_channel(most);
        let thread = std::thread::Builder::new().name(about.name.to_owned());
        thread.spawn(move || serve(about, &questions, infer)).map_err(LoadError::Thread)?;
        Ok(Self { waiting, about })
    }

    pub async fn ask(&self, audio: Arc<[f32]>) -> Result<A, ProviderError> {
        let refuse = |message: String| ProviderError { message, retryable: true };
        let ended = || refuse(format!("the {} thread has ended", self.about.name));
        let (answer, result) = oneshot::channel();
        match self.waiting.try_send(Question { audio, span: tracing::Span::current(), answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(refuse(self.about.too_many.to_owned())),
            Err(TrySendError::Disconnected(_)) => return Err(ended()),
        }
        result.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn serve<A>(about: About, questions: &Receiver<Question<A>>, mut infer: impl FnMut(&[f32]) -> ort::Result<A>) {
    while let Ok(Question { audio, span, answer }) = questions.recv() {
        if answer.is_closed() {
            continue;
        }
        let result = infer(&audio).map_err(|error| {
            let message = format!("the {} model failed", about.name);
            tracing::error!(parent: &span, %error, "{message}");
            ProviderError { message: format!("{message}: {error}"), retryable: false }
        });
        // The asker may have left meanwhile.
        answer.send(result).ok();
    }
}
