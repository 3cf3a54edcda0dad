//! How much of an utterance is speech, and where the speech ended.
//!
//! The conversation has a better detector than this one; it is needed here only to tell that there is nothing to
//! recognise, and that nothing has been said since the last run. So it errs towards speech.

use crate::VoiceActivity;
use crate::earshot::EarshotVad;

/// Lower than usual, for the reason above.
const SPEECH: f32 = 0.3;

/// Positions and lengths are samples since the utterance began.
pub(super) struct SpeechMeter {
    detector: EarshotVad,
    heard: u64,
    speech: u64,
    last_speech: u64,
}

impl SpeechMeter {
    pub(super) fn new() -> SpeechMeter {
        SpeechMeter { detector: EarshotVad::new(), heard: 0, speech: 0, last_speech: 0 }
    }

    /// Listens on, from `start`; an incomplete frame at the end is left for the next time.
    pub(super) fn listen(&mut self, start: u64, audio: &[f32]) {
        self.heard = start;
        for frame in audio.chunks_exact(self.detector.frame_len()) {
            self.heard += frame.len() as u64;
            if self.detector.predict(frame) > SPEECH {
                self.speech += frame.len() as u64;
                self.last_speech = self.heard;
            }
        }
    }

    /// Up to here it has listened.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Samples of speech so far.
    pub(super) fn speech(&self) -> u64 {
        self.speech
    }

    /// Where the last speech ended.
    pub(super) fn last_speech(&self) -> u64 {
        self.last_speech
    }
}
