//! From speech probabilities to "speech started", "paused" and "resumed": hysteresis over VAD frames, as a value.

use ringline_model::CallTime;
use std::time::Duration;

/// A frame at or above this counts as speech …
const ENTER: f32 = 0.5;
/// … and below this as silence; between the two the state before goes on (Silero's own recommendation: enter − 0.15).
const LEAVE: f32 = 0.35;
/// So much speech in a row is a start. Shorter is a click or a breath.
const START: Duration = Duration::from_millis(64);
/// So much silence in a row is a pause; the conversation decides what the pause means.
const PAUSE: Duration = Duration::from_millis(96);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechEdge {
    /// Began at the given time (the first frame of the run that proved it).
    Began(CallTime),
    /// Ended at the given time (the first silent frame of the run that proved it).
    Ended(CallTime),
}

#[derive(Debug, Default)]
pub struct SpeechDetector {
    speaking: bool,
    /// Beginning and length of the run of frames against the present state.
    run: Option<(CallTime, Duration)>,
}

impl SpeechDetector {
    /// One VAD frame that begins at `at`.
    pub fn frame(&mut self, at: CallTime, length: Duration, probability: f32) -> Option<SpeechEdge> {
        let against = if self.speaking { probability < LEAVE } else { probability >= ENTER };
        if !against {
            // Between the thresholds a run of silence is neither confirmed nor refuted.
            if !self.speaking || probability >= ENTER {
                self.run = None;
            }
            return None;
        }
        let (began, so_far) = self.run.unwrap_or((at, Duration::ZERO));
        let so_far = so_far + length;
        let needed = if self.speaking { PAUSE } else { START };
        if so_far < needed {
            self.run = Some((began, so_far));
            return None;
        }
        self.run = None;
        self.speaking = !self.speaking;
        Some(if self.speaking { SpeechEdge::Began(began) } else { SpeechEdge::Ended(began) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(32);

    fn edges(probabilities: &[f32]) -> Vec<SpeechEdge> {
        let mut detector = SpeechDetector::default();
        let at = |i: usize| CallTime::from_millis(i as u64 * 32);
        probabilities.iter().enumerate().filter_map(|(i, p)| detector.frame(at(i), FRAME, *p)).collect()
    }

    #[test]
    fn a_click_is_not_speech() {
        assert_eq!(edges(&[0.0, 0.9, 0.0, 0.0]), []);
    }

    #[test]
    fn speech_begins_with_the_first_frame_of_its_run() {
        assert_eq!(edges(&[0.1, 0.6, 0.7, 0.8]), [SpeechEdge::Began(CallTime::from_millis(32))]);
    }

    #[test]
    fn a_short_gap_inside_speech_is_no_pause_and_a_longer_one_is() {
        let speech = [0.9, 0.9];
        assert_eq!(edges(&[&speech[..], &[0.1, 0.1], &speech].concat()).len(), 1);
        let paused = edges(&[&speech[..], &[0.1, 0.1, 0.1]].concat());
        assert_eq!(paused[1], SpeechEdge::Ended(CallTime::from_millis(64)));
    }

    #[test]
    fn doubtful_frames_do_not_break_a_run_of_silence() {
        assert_eq!(edges(&[0.9, 0.9, 0.1, 0.4, 0.1, 0.1]).len(), 2);
    }
}
