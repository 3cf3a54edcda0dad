//! Voices: what follows `FellBack` has the rate it names.

use super::{Fallback, nobody, retryable};
use crate::giving::{give, pass_on};
use crate::{ProviderError, SpeechEvent, SpeechRequest, Synthesizer, Voice, text};
use std::time::Duration;
use tokio::sync::mpsc;

/// Events waiting for the reader; the sound waits when it is full.
const CAPACITY: usize = 16;

impl Synthesizer for Fallback<dyn Synthesizer> {
    /// Of the first; another one's is told when it is asked.
    fn sample_rate(&self) -> u32 {
        self.list.first().map_or(16_000, |first| first.provider.sample_rate())
    }

    /// Of the first: another one speaks in its own voice for an id it does not know.
    fn voices(&self) -> Vec<Voice> {
        self.list.first().map_or_else(Vec::new, |first| first.provider.voices())
    }

    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
        let this = self.clone();
        give(&self.runtime, CAPACITY, |events| async move { this.speak(request, events).await })
    }
}

impl Fallback<dyn Synthesizer> {
    async fn speak(&self, request: SpeechRequest, events: mpsc::Sender<SpeechEvent>) {
        let mut error = nobody();
        // The reader expects the first one's rate until it is told another.
        let mut rate = self.sample_rate();
        let silent = !text::has_words(&request.text);
        for (index, next) in self.in_order() {
            let voice = &self.list[index].provider;
            if voice.sample_rate() != rate {
                rate = voice.sample_rate();
                events.send(SpeechEvent::Rate(rate)).await.ok();
            }
            let mut stream = voice.synthesise(request.clone());
            // The last one's silence is passed on: whoever plays it knows what to do.
            error = match begin(&mut stream, next.map(|_| self.patience), silent || next.is_none()).await {
                Ok(first) => {
                    self.note(index, true);
                    return pass_on(first, stream, &events).await;
                }
                Err(error) => error,
            };
            // A text that cannot be spoken says nothing about the one who was to speak it.
            if error.retryable {
                self.note(index, false);
            }
            if let Some(next) = next {
                let (failed, next) = (self.name(index), self.name(next));
                events.send(SpeechEvent::FellBack { failed, error: error.to_string(), next }).await.ok();
            }
        }
        events.send(SpeechEvent::Failed(error)).await.ok();
    }
}

/// The first event of a speech, or why there is none. `silent`: the text has nothing that could be heard.
async fn begin(
    stream: &mut mpsc::Receiver<SpeechEvent>,
    patience: Option<Duration>,
    silent: bool,
) -> Result<SpeechEvent, ProviderError> {
    let first = match patience {
        Some(patience) => {
            tokio::time::timeout(patience, stream.recv()).await.map_err(|_| retryable("no sound in time"))?
        }
        None => stream.recv().await,
    };
    match first {
        Some(SpeechEvent::Finished) if !silent => Err(retryable("the speech is empty")),
        Some(SpeechEvent::Failed(error)) => Err(error),
        None => Err(retryable("the speech ended without a sound")),
        Some(
            event @ (SpeechEvent::Audio(_)
            | SpeechEvent::Finished
            | SpeechEvent::Rate(_)
            | SpeechEvent::FellBack { .. }),
        ) => Ok(event),
    }
}
