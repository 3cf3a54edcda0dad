//! A sound behind the agent's voice: mixed under what is sent, over and over while the call runs.
//!
//! The samples are shared between calls and never copied; mixing allocates nothing. The playout queue knows nothing of it,
//! so it is in no segment, and stopping the agent does not stop it.

use crate::MOUTH_FRAME;
use std::sync::Arc;

/// A call's place in a sound, and how loud it is.
pub struct Ambience {
    /// At [`crate::MOUTH_RATE`].
    sound: Arc<dyn AsRef<[f32]> + Send + Sync>,
    at: usize,
    gain: f32,
    target_gain: f32,
}

impl std::fmt::Debug for Ambience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ambience").field("at", &self.at).field("gain", &self.gain).finish_non_exhaustive()
    }
}

impl Ambience {
    /// From the sound's beginning; `percent` of its own loudness, at most 100.
    pub fn new(sound: Arc<dyn AsRef<[f32]> + Send + Sync>, percent: u16) -> Self {
        let mut ambience = Self { sound, at: 0, gain: 0.0, target_gain: 0.0 };
        ambience.volume(percent);
        ambience
    }

    /// Reached within one frame, without a click.
    pub fn volume(&mut self, percent: u16) {
        self.target_gain = f32::from(percent.min(100)) / 100.0;
    }

    /// Whether there is anything to mix in.
    pub fn is_audible(&self) -> bool {
        (self.gain > 0.0 || self.target_gain > 0.0) && !(*self.sound).as_ref().is_empty()
    }

    /// Adds the sound's next 20 ms. Samples beyond full scale are clipped.
    pub fn mix(&mut self, frame: &mut [f32; MOUTH_FRAME]) {
        let sound = (*self.sound).as_ref();
        if sound.is_empty() {
            return;
        }
        let step = (self.target_gain - self.gain) / MOUTH_FRAME as f32;
        for sample in frame.iter_mut() {
            self.gain += step;
            *sample = (*sample + sound[self.at % sound.len()] * self.gain).clamp(-1.0, 1.0);
            self.at = (self.at + 1) % sound.len();
        }
        self.gain = self.target_gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ambience(sound: Vec<f32>, percent: u16) -> Ambience {
        Ambience::new(Arc::new(sound), percent)
    }

    fn mixed(ambience: &mut Ambience, level: f32) -> [f32; MOUTH_FRAME] {
        let mut frame = [level; MOUTH_FRAME];
        ambience.mix(&mut frame);
        frame
    }

    #[test]
    fn the_sound_goes_round_and_is_added_to_what_is_said() {
        let sound: Vec<f32> = (0..700).map(|n| n as f32 / 1000.0).collect();
        let mut ambience = ambience(sound, 50);
        mixed(&mut ambience, 0.0);
        let second = mixed(&mut ambience, 0.25);
        assert!((second[0] - (0.25 + 0.480 / 2.0)).abs() < 1e-4, "{}", second[0]);
        assert!((second[220] - 0.25).abs() < 1e-4, "the 700th sample is the first again: {}", second[220]);
    }

    #[test]
    fn the_volume_glides_within_a_frame() {
        let mut ambience = ambience(vec![0.5; 100], 100);
        let first = mixed(&mut ambience, 0.0);
        assert!(first[0] < 0.01 && (first[MOUTH_FRAME - 1] - 0.5).abs() < 1e-3);
        ambience.volume(0);
        let last = mixed(&mut ambience, 0.0);
        assert!(last[0] > 0.49 && last[MOUTH_FRAME - 1] < 0.01);
        assert!(!ambience.is_audible());
    }

    #[test]
    fn nothing_goes_beyond_full_scale_and_an_empty_sound_is_none() {
        let mut loud = ambience(vec![1.0; 10], 100);
        mixed(&mut loud, 0.0);
        assert_eq!(mixed(&mut loud, 0.9)[0], 1.0);
        let mut empty = ambience(Vec::new(), 100);
        assert!(!empty.is_audible());
        assert_eq!(mixed(&mut empty, 0.5), [0.5; MOUTH_FRAME]);
    }
}
