//! Synthesised speech begins with some tenths of a second of near silence (measured: 0.25 to 0.3 s), which the user would
//! wait through. [`LeadTrim`] takes it off, as a stream.

use crate::{MOUTH_RATE, level_dbfs};

/// A 10 ms piece below this is still silence, in dBFS.
const SILENCE_DBFS: f32 = -50.0;
/// Pieces are judged one by one.
const PIECE: usize = MOUTH_RATE as usize / 100;
/// Kept of the silence, so that the first sound is not cut: 20 ms.
const KEPT: usize = 2 * PIECE;
/// More silence than that is meant, and stays: 1 s.
const MOST: usize = MOUTH_RATE as usize;

/// Trims the beginning of one stretch of speech at [`MOUTH_RATE`].
#[derive(Debug, Default)]
pub struct LeadTrim {
    /// Silence heard so far, and what is not yet a whole piece.
    held: Vec<f32>,
    /// Samples of `held` that were judged.
    judged: usize,
    passed: bool,
}

impl LeadTrim {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next samples; what goes on is appended to `out`.
    pub fn push(&mut self, pcm: &[f32], out: &mut Vec<f32>) {
        if self.passed {
            return out.extend_from_slice(pcm);
        }
        self.held.extend_from_slice(pcm);
        while let Some(piece) = self.held.get(self.judged..self.judged + PIECE) {
            if level_dbfs(piece) > SILENCE_DBFS {
                let from = self.judged.saturating_sub(KEPT);
                return self.pass(from, out);
            }
            self.judged += PIECE;
        }
        if self.judged >= MOST {
            self.pass(0, out);
        }
    }

    /// The stream has ended: silence alone passes as it is.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        self.pass(0, out);
    }

    fn pass(&mut self, from: usize, out: &mut Vec<f32>) {
        out.extend_from_slice(&self.held[from..]);
        self.held = Vec::new();
        self.passed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trimmed(pcm: &[f32], chunk: usize) -> Vec<f32> {
        let (mut trim, mut out) = (LeadTrim::new(), Vec::new());
        pcm.chunks(chunk).for_each(|part| trim.push(part, &mut out));
        trim.finish(&mut out);
        out
    }

    fn silence_then_speech(silence: usize) -> Vec<f32> {
        let speech = (0..4800).map(|n| (n as f32 * 0.1).sin() * 0.3);
        std::iter::repeat_n(0.0005, silence).chain(speech).collect()
    }

    #[test]
    fn twenty_milliseconds_of_leading_silence_are_kept_however_it_is_cut() {
        let pcm = silence_then_speech(30 * PIECE);
        for chunk in [1, 7, PIECE, 1000, pcm.len()] {
            assert_eq!(trimmed(&pcm, chunk), &pcm[28 * PIECE..], "in chunks of {chunk}");
        }
    }

    #[test]
    fn speech_that_begins_at_once_loses_nothing() {
        let pcm = silence_then_speech(0);
        assert_eq!(trimmed(&pcm, 480), pcm);
    }

    #[test]
    fn silence_inside_stays() {
        let mut pcm = silence_then_speech(0);
        pcm.extend(silence_then_speech(50 * PIECE));
        assert_eq!(trimmed(&pcm, 333), pcm);
    }

    #[test]
    fn a_long_silence_is_meant_and_silence_alone_passes() {
        let long = silence_then_speech(2 * MOST);
        assert_eq!(trimmed(&long, 480), long);
        let quiet = vec![0.0; 3000];
        assert_eq!(trimmed(&quiet, 480), quiet);
    }
}
