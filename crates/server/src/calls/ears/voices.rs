//! Whose voice a call's ears hear: the registered speaker's vector, and what an utterance's is compared with.
//!
//! Pauses are cut out first. Speech of less than [`BRIEF`] has too little voice to compare: then it counts as the registered
//! speaker's if it is about as loud as that speaker has been in this call ([`MUCH_QUIETER`]). Where the model fails or is not
//! there, nobody is taken for somebody else.

use crate::calls::{CallEvent, CallEvents};
use ringline_audio::{EAR_RATE, level_dbfs, pcm16};
use ringline_conversation::{Input, Speaker};
use ringline_model::UtteranceId;
use ringline_providers::{Embedder, similarity};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tracing::Instrument as _;

/// Speech that a voice can be told by: 0.5 s.
const BRIEF: usize = EAR_RATE as usize / 2;
/// Speech that a voice can be learnt from: 1.6 s.
const LESSON: usize = EAR_RATE as usize * 8 / 5;
/// Of an utterance that goes on, the last 4 s are compared.
const COMPARED: usize = 4 * EAR_RATE as usize;
/// In dB below the registered speaker: somebody further away.
const MUCH_QUIETER: f32 = 12.0;
/// Pauses are cut by stretches of 20 ms …
const PIECE: usize = EAR_RATE as usize / 50;
/// … that lie so many dB below the loudest.
const PAUSE_BELOW: f32 = 25.0;

#[derive(Clone)]
pub struct Voices {
    embedder: Option<Arc<dyn Embedder>>,
    registered: Arc<Mutex<Registered>>,
    events: CallEvents,
}

#[derive(Default)]
struct Registered {
    vector: Option<Arc<[f32]>>,
    /// How loud the speaker was last, in dBFS.
    level: Option<f32>,
    /// Counts what was forgotten: a voice that is being learnt meanwhile is not registered.
    epoch: u64,
}

impl Voices {
    pub fn new(embedder: Option<Arc<dyn Embedder>>, events: CallEvents) -> Self {
        Self { embedder, registered: Arc::default(), events }
    }

    fn registered(&self) -> MutexGuard<'_, Registered> {
        // Every change is one assignment.
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn forget(&self) {
        let mut registered = self.registered();
        *registered = Registered { epoch: registered.epoch + 1, ..Registered::default() };
    }

    /// Registers a recording of the speaker: 16 kHz, 16-bit little-endian.
    pub fn register(&self, recording: &[u8], runtime: &Handle) {
        let audio = pcm16::from_bytes(recording);
        let voices = self.clone();
        runtime.spawn(async move { voices.take_on(&audio).await }.in_current_span());
    }

    /// Registers the speaker of an utterance, if it is long enough.
    pub fn learn(&self, utterance: Vec<f32>, runtime: &Handle) {
        let voices = self.clone();
        let work = async move {
            if speech(&utterance).len() >= LESSON && voices.take_on(&utterance).await {
                let recording = pcm16::to_bytes(&utterance);
                voices.tell(CallEvent::VoiceLearnt { recording }).await;
            }
        };
        runtime.spawn(work.in_current_span());
    }

    async fn take_on(&self, audio: &[f32]) -> bool {
        let epoch = self.registered().epoch;
        let Some(vector) = self.vector(&speech(audio)).await else { return false };
        let mut registered = self.registered();
        let is_wanted = registered.epoch == epoch;
        if is_wanted {
            registered.vector = Some(vector.into());
        }
        is_wanted
    }

    async fn vector(&self, speech: &[f32]) -> Option<Vec<f32>> {
        match self.embedder.as_ref()?.embed(speech.into()).await {
            Ok(vector) => Some(vector),
            Err(error) => {
                tracing::warn!(%error, "a voice could not be compared");
                None
            }
        }
    }

    /// Says whose the utterance is.
    pub fn identify(&self, utterance: UtteranceId, asked: u32, audio: Vec<f32>, runtime: &Handle) {
        let voices = self.clone();
        let work = async move {
            let speaker = voices.speaker(&audio[audio.len().saturating_sub(COMPARED)..]).await;
            voices.tell(CallEvent::Input(Input::Identified { utterance, asked, speaker })).await;
        };
        runtime.spawn(work.in_current_span());
    }

    async fn speaker(&self, audio: &[f32]) -> Speaker {
        let (vector, usual) = {
            let registered = self.registered();
            (registered.vector.clone(), registered.level)
        };
        let (Some(vector), Some(embedder)) = (vector, &self.embedder) else { return Speaker::Unregistered };
        let speech = speech(audio);
        let level = level_dbfs(&speech);
        if speech.len() >= BRIEF
            && let Some(heard) = self.vector(&speech).await
        {
            if similarity(&heard, &vector) < embedder.same_from() {
                return Speaker::Other;
            }
            self.registered().level = Some(level);
            return Speaker::Registered;
        }
        match usual {
            Some(usual) if level < usual - MUCH_QUIETER => Speaker::Far,
            Some(_) | None => Speaker::Near,
        }
    }

    async fn tell(&self, event: CallEvent) {
        if self.events.send(event).await.is_err() {
            tracing::debug!("a voice was told for a call that has ended");
        }
    }
}

/// What is loud enough to be speech.
fn speech(audio: &[f32]) -> Vec<f32> {
    let levels: Vec<f32> = audio.chunks(PIECE).map(level_dbfs).collect();
    let least = levels.iter().copied().fold(f32::MIN, f32::max) - PAUSE_BELOW;
    let loud = audio.chunks(PIECE).zip(&levels).filter(|(_, level)| **level >= least);
    loud.flat_map(|(piece, _)| piece).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringline_providers::scripted::ScriptedEmbedder;
    use tokio::sync::mpsc;

    fn hum(hz: f32, level: f32, seconds: f32) -> Vec<f32> {
        let count = (seconds * 16_000.0) as usize;
        (0..count).map(|n| (n as f32 * hz * std::f32::consts::TAU / 16_000.0).sin() * level).collect()
    }

    fn voices() -> (Voices, mpsc::Receiver<CallEvent>) {
        let (events, inbox) = mpsc::channel(8);
        (Voices::new(Some(Arc::new(ScriptedEmbedder)), events), inbox)
    }

    #[tokio::test]
    async fn the_registered_speaker_is_told_from_others() {
        let (voices, _inbox) = voices();
        assert_eq!(voices.speaker(&hum(120.0, 0.3, 2.0)).await, Speaker::Unregistered);
        assert!(voices.take_on(&hum(120.0, 0.3, 5.0)).await);
        assert_eq!(voices.speaker(&hum(122.0, 0.1, 2.0)).await, Speaker::Registered);
        assert_eq!(voices.speaker(&hum(240.0, 0.3, 2.0)).await, Speaker::Other);
        voices.forget();
        assert_eq!(voices.speaker(&hum(120.0, 0.3, 2.0)).await, Speaker::Unregistered);
    }

    #[tokio::test]
    async fn what_is_too_short_to_tell_is_judged_by_its_loudness() {
        let (voices, _inbox) = voices();
        voices.take_on(&hum(120.0, 0.3, 5.0)).await;
        assert_eq!(voices.speaker(&hum(240.0, 0.01, 0.3)).await, Speaker::Near, "nothing is known of loudness");
        voices.speaker(&hum(120.0, 0.3, 2.0)).await;
        assert_eq!(voices.speaker(&hum(240.0, 0.2, 0.3)).await, Speaker::Near);
        assert_eq!(voices.speaker(&hum(120.0, 0.01, 0.3)).await, Speaker::Far);
    }

    #[tokio::test]
    async fn a_voice_is_learnt_from_enough_speech_and_not_after_it_was_forgotten() {
        let (voices, mut inbox) = voices();
        let runtime = Handle::current();
        voices.learn([hum(120.0, 0.3, 1.0), vec![0.0; 32_000]].concat(), &runtime);
        voices.identify(UtteranceId(0), 1, hum(120.0, 0.3, 2.0), &runtime);
        let speaker = |event: Option<CallEvent>| match event {
            Some(CallEvent::Input(Input::Identified { speaker, .. })) => Some(speaker),
            _ => None,
        };
        assert_eq!(speaker(inbox.recv().await), Some(Speaker::Unregistered), "1 s is too little");
        voices.learn(hum(120.0, 0.3, 2.0), &runtime);
        let Some(CallEvent::VoiceLearnt { recording }) = inbox.recv().await else { panic!("nothing was learnt") };
        assert_eq!(recording.len(), 64_000);
        voices.forget();
        voices.register(&recording, &runtime);
        while voices.registered().vector.is_none() {
            tokio::task::yield_now().await;
        }
        voices.identify(UtteranceId(0), 1, hum(120.0, 0.3, 2.0), &runtime);
        assert_eq!(speaker(inbox.recv().await), Some(Speaker::Registered));
    }

    #[tokio::test]
    async fn without_a_model_nobody_is_registered() {
        let voices = Voices::new(None, mpsc::channel(1).0);
        assert!(!voices.take_on(&hum(120.0, 0.3, 5.0)).await);
        assert_eq!(voices.speaker(&hum(240.0, 0.3, 2.0)).await, Speaker::Unregistered);
    }
}
