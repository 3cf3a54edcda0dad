//! Voice activity by earshot's built-in network: pure Rust, nothing to download, always available.
//!
//! It takes steady tones (ring tones, hold music) for speech, so it is the fallback for `SileroVad`, not its equal.

use crate::VoiceActivity;
use std::fmt;

/// 16 ms at 16 kHz.
const FRAME: usize = 256;

pub struct EarshotVad {
    detector: Box<earshot::Detector>,
    /// The frame with out-of-range samples put right, as the detector demands.
    frame: [f32; FRAME],
}

impl EarshotVad {
    pub fn new() -> EarshotVad {
        EarshotVad { detector: earshot::Detector::default_boxed(), frame: [0.0; FRAME] }
    }
}

impl Default for EarshotVad {
    fn default() -> Self {
        EarshotVad::new()
    }
}

impl fmt::Debug for EarshotVad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EarshotVad").finish_non_exhaustive()
    }
}

impl VoiceActivity for EarshotVad {
    fn frame_len(&self) -> usize {
        FRAME
    }

    /// # Panics
    /// When the frame has another length than [`VoiceActivity::frame_len`].
    fn predict(&mut self, frame: &[f32]) -> f32 {
        assert_eq!(frame.len(), FRAME, "a frame has {FRAME} samples");
        for (to, from) in self.frame.iter_mut().zip(frame) {
            *to = if from.is_finite() { from.clamp(-1.0, 1.0) } else { 0.0 };
        }
        self.detector.predict_f32(&self.frame).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}
