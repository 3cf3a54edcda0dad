//! Voice activity by Silero VAD v6.
//!
//! The network sees 576 samples at a time: the last 64 of the frame before, then the frame of 512 (32 ms at 16 kHz). Its
//! recurrent state goes in and comes out. A call costs about 0.12 ms.

use super::ort_env::{LoadError, session};
use crate::VoiceActivity;
use crate::models::ModelStore;
use ort::session::Session;
use ort::value::TensorRef;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

const FRAME: usize = 512;
const CONTEXT: usize = 64;
const STATE_SHAPE: [usize; 3] = [2, 1, 128];
const STATE: usize = 2 * 128;
const RATE: [i64; 1] = [crate::EAR_RATE as i64];

/// The state of one call. The network (2 MB, 40 ms to load) is shared by all that come of one [`SileroVad::load`];
/// a frame holds it for about 0.12 ms.
pub struct SileroVad {
    session: Arc<Mutex<Session>>,
    input: [f32; CONTEXT + FRAME],
    state: [f32; STATE],
}

impl SileroVad {
    pub fn load(store: &ModelStore) -> Result<SileroVad, LoadError> {
        let session = session(store, "silero-vad")?;
        Ok(Self::with(Arc::new(Mutex::new(session))))
    }

    /// The state of another call on the same network.
    pub fn another(&self) -> SileroVad {
        Self::with(self.session.clone())
    }

    fn with(session: Arc<Mutex<Session>>) -> SileroVad {
        SileroVad { session, input: [0.0; CONTEXT + FRAME], state: [0.0; STATE] }
    }

    fn infer(&mut self) -> ort::Result<f32> {
        // A panic inside a run leaves nothing half done: the session keeps no state between runs.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(ort::inputs![
            "input" => TensorRef::from_array_view(([1, CONTEXT + FRAME], &self.input[..]))?,
            "state" => TensorRef::from_array_view((STATE_SHAPE, &self.state[..]))?,
            "sr" => TensorRef::from_array_view(([0usize; 0], &RATE[..]))?,
        ])?;
        let (_, state) = outputs["stateN"].try_extract_tensor::<f32>()?;
        let (_, probability) = outputs["output"].try_extract_tensor::<f32>()?;
        match (<[f32; STATE]>::try_from(state), probability) {
            (Ok(state), [probability]) => {
                self.state = state;
                Ok(*probability)
            }
            _ => Err(ort::Error::new("the model's outputs have another shape than Silero v6 gives")),
        }
    }
}

impl fmt::Debug for SileroVad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SileroVad").finish_non_exhaustive()
    }
}

impl VoiceActivity for SileroVad {
    fn frame_len(&self) -> usize {
        FRAME
    }

    /// A failing model hears no speech; the log says so.
    ///
    /// # Panics
    /// When the frame has another length than [`VoiceActivity::frame_len`].
    fn predict(&mut self, frame: &[f32]) -> f32 {
        assert_eq!(frame.len(), FRAME, "a frame has {FRAME} samples");
        slide(&mut self.input, frame);
        self.infer().unwrap_or_else(|error| {
            tracing::error!(%error, "voice activity detection failed");
            self.reset();
            0.0
        })
    }

    fn reset(&mut self) {
        self.input.fill(0.0);
        self.state.fill(0.0);
    }
}

/// The end of the frame before becomes the context of this one.
fn slide(input: &mut [f32; CONTEXT + FRAME], frame: &[f32]) {
    input.copy_within(FRAME.., 0);
    for (to, from) in input[CONTEXT..].iter_mut().zip(frame) {
        // One sample that is not a number would stay in the state for ever.
        *to = if from.is_finite() { from.clamp(-1.0, 1.0) } else { 0.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_frame_is_preceded_by_the_end_of_the_one_before() {
        let audio: Vec<f32> = (0..3 * FRAME).map(|i| i as f32 / 10_000.0).collect();
        let mut input = [0.0; CONTEXT + FRAME];
        for (n, frame) in audio.chunks_exact(FRAME).enumerate() {
            slide(&mut input, frame);
            if n == 0 {
                assert_eq!(input[..CONTEXT], [0.0; CONTEXT]);
            } else {
                assert_eq!(input[..], audio[n * FRAME - CONTEXT..(n + 1) * FRAME]);
            }
        }
    }
}
