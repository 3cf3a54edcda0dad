//! A voice without words: speech-like sound, as long as the text and delivered at the script's pace.

use super::{How, Performance, Stage, speech_like};
use crate::giving::give;
use crate::text::MAX_SPEECH_CHARS;
use crate::{ProviderError, SpeechEvent, SpeechRequest, Synthesizer, Voice};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Rate of the sound in Hz, that of the local voice.
pub const SCRIPTED_RATE: u32 = 24_000;
/// 100 ms of sound per event.
const CHUNK: usize = SCRIPTED_RATE as usize / 10;
/// Events waiting for the reader; the sound waits when it is full.
const CAPACITY: usize = 16;

#[derive(Debug)]
pub struct ScriptedSynthesizer {
    performance: Arc<Performance>,
    runtime: Handle,
}

impl ScriptedSynthesizer {
    pub(super) fn new(performance: Arc<Performance>, runtime: Handle) -> Self {
        Self { performance, runtime }
    }
}

impl Synthesizer for ScriptedSynthesizer {
    fn sample_rate(&self) -> u32 {
        SCRIPTED_RATE
    }

    fn voices(&self) -> Vec<Voice> {
        vec![Voice { id: "scripted".into(), name: "Scripted".into(), language: "en-US".into() }]
    }

    /// The speech lasts `ms_per_char` for each character, divided by the rate (taken as 0.5 to 2). Text over
    /// [`MAX_SPEECH_CHARS`] fails.
    fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
        let performance = self.performance.clone();
        give(&self.runtime, CAPACITY, |events| async move { perform(&performance, request, events).await })
    }
}

async fn perform(performance: &Performance, request: SpeechRequest, events: mpsc::Sender<SpeechEvent>) {
    let timing = performance.script.timing;
    let text = request.text.trim();
    let chars = text.chars().count();
    let trouble = performance.script.turn_saying(text).and_then(|turn| performance.trouble(turn, Stage::Synthesis));

    let rate = if request.rate.is_finite() { request.rate.clamp(0.5, 2.0) } else { 1.0 };
    let whole_ms = (chars.min(MAX_SPEECH_CHARS) as f64 * timing.ms_per_char as f64 / rate) as u64;
    let (ms, ending) = match trouble.map(|trouble| (trouble.how, trouble.retryable)) {
        _ if chars > MAX_SPEECH_CHARS => (0, Some(failure("the text is too long to be spoken at once", false))),
        None => (whole_ms, Some(SpeechEvent::Finished)),
        Some((How::Fail, retryable)) => (0, Some(failure("the script lets the speech fail here", retryable))),
        Some((How::FailMidway, retryable)) => {
            (whole_ms / 2, Some(failure("the script lets the speech fail here", retryable)))
        }
        Some((How::Stall, _)) => (0, None),
    };

    let mut due = Instant::now() + Duration::from_millis(timing.tts_first_audio_ms);
    for chunk in speech_like(text, ms, SCRIPTED_RATE).chunks(CHUNK) {
        sleep_until(due).await;
        due += Duration::from_secs_f64(chunk.len() as f64 / f64::from(SCRIPTED_RATE) * timing.tts_real_time_factor);
        if events.send(SpeechEvent::Audio(chunk.to_vec())).await.is_err() {
            return;
        }
    }
    match ending {
        // The reader may have left just now; then nobody misses the ending.
        Some(ending) => drop(events.send(ending).await),
        None => std::future::pending().await,
    }
}

fn failure(message: &str, retryable: bool) -> SpeechEvent {
    SpeechEvent::Failed(ProviderError { message: message.into(), retryable })
}
