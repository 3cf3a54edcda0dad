//! Hearing: from a call's audio to what voice activity tells of it, as a value. What was sent to the user goes in as well,
//! so that the agent's own voice is not taken for a person's.
//!
//! While the echo guard knows that it hears the agent and nobody else, a frame is silence to the speech detector. Speech that was
//! told of before that was known is taken back ([`Heard::WasEcho`]), unless a person was in it or it is older than
//! [`TAKEN_BACK`]: then it ends.

use super::speech_detector::{SpeechDetector, SpeechEdge};
use ringline_audio::{EAR_RATE, EchoGuard, Voice, level_dbfs};
use ringline_model::CallTime;
use ringline_providers::VoiceActivity;
use std::time::Duration;

/// What has lasted longer has been acted on.
const TAKEN_BACK: Duration = Duration::from_millis(1500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Speech began at the given time.
    Began(CallTime),
    /// It ended at the given time.
    Ended(CallTime),
    /// What was told of last was the agent's own voice.
    WasEcho,
}

pub struct Hearing {
    voice_activity: Box<dyn VoiceActivity>,
    detector: SpeechDetector,
    guard: EchoGuard,
    heeds_guard: bool,
    /// A person is in the speech that goes on.
    has_person: bool,
    /// Audio that is not yet a whole frame.
    partial: Vec<f32>,
}

impl Hearing {
    /// With a `VadLevel`. At 0 any sound is speech, the agent's own as well.
    pub fn new(voice_activity: Box<dyn VoiceActivity>, vad_level: u32) -> Self {
        Self {
            voice_activity,
            detector: SpeechDetector::new(vad_level),
            guard: EchoGuard::new(),
            heeds_guard: vad_level > 0,
            has_person: false,
            partial: Vec::with_capacity(1024),
        }
    }

    /// Another `VadLevel`, from the next frame on.
    pub fn set_level(&mut self, vad_level: u32) {
        self.detector.set_level(vad_level);
        self.heeds_guard = vad_level > 0;
    }

    /// Listening starts anew after a gap.
    pub fn restart(&mut self) {
        self.voice_activity.reset();
        self.partial.clear();
    }

    /// What leaves for the user from `at` on, at 24 kHz.
    pub fn sent(&mut self, at: CallTime, pcm: &[f32]) {
        self.guard.sent(at, pcm);
    }

    /// What is heard from `at` on, at 16 kHz.
    pub fn take(&mut self, at: CallTime, audio: &[f32], mut tell: impl FnMut(Heard)) {
        self.guard.heard(at, audio);
        self.partial.extend_from_slice(audio);
        let frame = self.voice_activity.frame_len();
        // When the samples in `partial` began, counted back from the end of this audio.
        let mut began = (at + samples(audio.len())).saturating_sub(samples(self.partial.len()));
        let mut used = 0;
        while self.partial.len() - used >= frame {
            let pcm = &self.partial[used..used + frame];
            let probability = self.voice_activity.predict(pcm);
            let (probability, level) = (probability, level_dbfs(pcm));
            if let Some(heard) = self.judge(began, samples(frame), probability, level) {
                tell(heard);
            }
            used += frame;
            began = began + samples(frame);
        }
        self.partial.drain(..used);
    }

    fn judge(&mut self, began: CallTime, length: Duration, probability: f32, level: f32) -> Option<Heard> {
        let voice = if self.heeds_guard { self.guard.voice() } else { Voice::Person };
        if voice == Voice::Echo {
            let since = self.detector.forget()?;
            let is_echo = !self.has_person && began.since(since) <= TAKEN_BACK;
            return Some(if is_echo { Heard::WasEcho } else { Heard::Ended(began) });
        }
        let edge = self.detector.frame(began, length, probability, level);
        self.has_person = match edge {
            Some(SpeechEdge::Began(_)) => voice == Voice::Person,
            Some(SpeechEdge::Ended(_)) => false,
            None => self.has_person || voice == Voice::Person,
        };
        Some(match edge? {
            SpeechEdge::Began(at) => Heard::Began(at),
            SpeechEdge::Ended(at) => Heard::Ended(at),
        })
    }
}

/// How long so many samples at [`EAR_RATE`] last.
pub fn samples(count: usize) -> Duration {
    Duration::from_micros(count as u64 * 1_000_000 / u64::from(EAR_RATE))
}
