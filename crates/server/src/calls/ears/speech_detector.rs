//! From speech probabilities to "speech started", "paused" and "resumed": hysteresis over VAD frames, as a value.
//!
//! `AsrConfig.VadLevel` (server-api §5.1) says how sure and how loud speech must be:
//!
//! | level | probability that starts it | least level of a frame |
//! |---|---|---|
//! | 0, off | 0.5 | none |
//! | 1..10 | 0.5 + 0.04 × level: 0.54..0.9 | −60 + 2 × level: −58..−40 dBFS |
//! | 11, against interference | 0.5 | −60 dBFS |
//!
//! A quieter frame is silence, whatever the detector makes of it. So the detector need not hear it: it is asked about the first
//! [`SETTLE`] of a silence, so that silence is what it remembers, and then not before there is a louder frame
//! ([`SpeechDetector::wants`]).

use ringline_model::CallTime;
use std::time::Duration;

/// A frame at or above this counts as speech, unless the level wants more …
pub const ENTER: f32 = 0.5;
/// … and so much below it as silence; between the two the state before goes on (Silero's own recommendation).
const LEAVE_BELOW: f32 = 0.15;
const ENTER_PER_LEVEL: f32 = 0.04;
/// In dBFS. People speak at −40 and above; what a quiet room leaves on the line lies below −60.
const QUIETEST: f32 = -60.0;
const DB_PER_LEVEL: f32 = 2.0;
/// Of a silence the voice activity detector hears this much.
const SETTLE: Duration = Duration::from_millis(320);
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

#[derive(Debug)]
pub struct SpeechDetector {
    enter: f32,
    /// Least level of speech in dBFS.
    quietest: f32,
    speaking: bool,
    /// Where the speech that goes on, or the last one, began.
    spoke_from: CallTime,
    /// Beginning and length of the run of frames against the present state.
    run: Option<(CallTime, Duration)>,
    /// How long frames have been too quiet to be speech.
    quiet: Duration,
}

impl SpeechDetector {
    /// With a `VadLevel`.
    pub fn new(level: u32) -> Self {
        let mut detector = Self {
            enter: ENTER,
            quietest: QUIETEST,
            speaking: false,
            spoke_from: CallTime::ZERO,
            run: None,
            quiet: Duration::ZERO,
        };
        detector.set_level(level);
        detector
    }

    /// Another `VadLevel`, from the next frame on.
    pub fn set_level(&mut self, level: u32) {
        (self.enter, self.quietest) = match level {
            0 => (ENTER, f32::NEG_INFINITY),
            harder @ 1..=10 => (ENTER + ENTER_PER_LEVEL * harder as f32, QUIETEST + DB_PER_LEVEL * harder as f32),
            _ => (ENTER, QUIETEST),
        };
    }

    /// Whether the voice activity detector has to hear the next frame; otherwise its probability is 0. To be asked once for each
    /// frame, with its length and its level in dBFS.
    pub fn wants(&mut self, length: Duration, level: f32) -> bool {
        if level >= self.quietest {
            self.quiet = Duration::ZERO;
            return true;
        }
        let heard = self.quiet >= SETTLE;
        self.quiet = self.quiet.saturating_add(length);
        !heard
    }

    /// What goes on is no speech. Returns where it had begun, if it was taken for some.
    pub fn forget(&mut self) -> Option<CallTime> {
        self.run = None;
        std::mem::take(&mut self.speaking).then_some(self.spoke_from)
    }

    /// One VAD frame that begins at `at`, with its level in dBFS.
    pub fn frame(&mut self, at: CallTime, length: Duration, probability: f32, level: f32) -> Option<SpeechEdge> {
        let probability = if level < self.quietest { 0.0 } else { probability };
        let against = if self.speaking { probability < self.enter - LEAVE_BELOW } else { probability >= self.enter };
        if !against {
            // Between the thresholds a run of silence is neither confirmed nor refuted.
            if !self.speaking || probability >= self.enter {
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
        if self.speaking {
            self.spoke_from = began;
        }
        Some(if self.speaking { SpeechEdge::Began(began) } else { SpeechEdge::Ended(began) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(32);

    fn edges(probabilities: &[f32]) -> Vec<SpeechEdge> {
        heard(11, -30.0, probabilities)
    }

    fn heard(vad_level: u32, dbfs: f32, probabilities: &[f32]) -> Vec<SpeechEdge> {
        let mut detector = SpeechDetector::new(vad_level);
        let at = |i: usize| CallTime::from_millis(i as u64 * 32);
        probabilities.iter().enumerate().filter_map(|(i, p)| detector.frame(at(i), FRAME, *p, dbfs)).collect()
    }

    #[test]
    fn a_higher_level_wants_surer_and_louder_speech() {
        let begins = |level, dbfs, probability| !heard(level, dbfs, &[probability; 3]).is_empty();
        assert!(begins(0, -90.0, 0.5) && !begins(11, -90.0, 0.5) && begins(11, -59.0, 0.5));
        assert!(begins(5, -45.0, 0.71) && !begins(5, -45.0, 0.69) && !begins(5, -51.0, 0.9));
        assert!(begins(10, -35.0, 0.91) && !begins(10, -35.0, 0.89) && !begins(10, -41.0, 1.0));
    }

    #[test]
    fn of_a_silence_only_the_beginning_is_heard() {
        let mut detector = SpeechDetector::new(11);
        assert!(detector.wants(FRAME, -30.0));
        let silence: Vec<bool> = (0..20).map(|_| detector.wants(FRAME, -70.0)).collect();
        assert_eq!(silence, [[true; 10], [false; 10]].concat());
        assert!(detector.wants(FRAME, -59.0), "a louder frame");
        assert!(detector.wants(FRAME, -70.0), "another silence begins");
        let mut any = SpeechDetector::new(0);
        assert!((0..50).all(|_| any.wants(FRAME, -96.0)), "where any level may be speech every frame is heard");
    }

    #[test]
    fn speech_that_fades_below_the_level_pauses() {
        let mut detector = SpeechDetector::new(11);
        let at = |i: u64| CallTime::from_millis(i * 32);
        let edges: Vec<_> =
            (0..10).filter_map(|i| detector.frame(at(i), FRAME, 0.9, if i < 5 { -30.0 } else { -70.0 })).collect();
        assert_eq!(edges, [SpeechEdge::Began(at(0)), SpeechEdge::Ended(at(5))]);
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
