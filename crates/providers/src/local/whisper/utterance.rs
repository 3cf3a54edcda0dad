//! One utterance: its audio as it grows, what is already decoded, and what the caller was told.
//!
//! Positions are samples since the utterance began. The pushing side only appends; everything else happens on worker
//! threads.

use super::language::Language;
use super::prompt::Prompt;
use super::speech::SpeechMeter;
use crate::agreement::{Agreement, join};
use crate::{EAR_RATE, RecognitionEvent};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

const SECOND: usize = EAR_RATE as usize;
/// New audio between two interim runs.
const INTERIM_EVERY: u64 = SECOND as u64 / 2;
/// Less speech than this is none.
const LEAST_SPEECH: u64 = SECOND as u64 / 4;
/// A run knows the last word only if it heard so much behind it.
const WORD_MARGIN: u64 = SECOND as u64 / 10;
/// Audio that is decoded at once; of more, the beginning is decoded for good.
const LONGEST_PIECE: usize = 25 * SECOND;
/// The beginning ends at the quietest place in this much of its end…
const CUT_SEARCH: usize = 8 * SECOND;
/// …where a place is so long, in steps of half its length.
const CUT_PLACE: usize = SECOND / 5;
/// Undecoded audio; of more the oldest is lost.
const LONGEST_WAIT: usize = 60 * SECOND;

pub(super) struct Utterance {
    pub(super) language: Language,
    pub(super) prompt: Prompt,
    pub(super) events: mpsc::Sender<RecognitionEvent>,
    /// Where it was opened: log lines about it belong there.
    pub(super) span: tracing::Span,
    abandoned: AtomicBool,
    state: Mutex<State>,
    meter: Mutex<SpeechMeter>,
}

#[derive(Default)]
struct State {
    /// Position of the first sample in `audio`.
    start: u64,
    audio: Vec<f32>,
    /// Text of what came before `start`.
    settled: String,
    interim_waits: bool,
    /// Where the audio of the last interim run ended.
    interim_end: u64,
    last_run: Option<Run>,
    agreement: Agreement,
    /// The last interim text sent.
    shown: String,
}

struct Run {
    end: u64,
    text: String,
}

/// Audio to decode in one go.
pub(super) struct Piece {
    pub(super) audio: Vec<f32>,
    range: Range<u64>,
    /// Nothing remains behind it.
    pub(super) is_last: bool,
}

impl State {
    fn end(&self) -> u64 {
        self.start + self.audio.len() as u64
    }

    fn forget_to(&mut self, position: u64) {
        let count = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX).min(self.audio.len());
        self.audio.drain(..count);
        self.start += count as u64;
    }
}

impl Utterance {
    pub(super) fn new(language: Language, prompt: Prompt, events: mpsc::Sender<RecognitionEvent>) -> Utterance {
        Utterance {
            language,
            prompt,
            events,
            span: tracing::Span::current(),
            abandoned: AtomicBool::new(false),
            state: Mutex::default(),
            meter: Mutex::new(SpeechMeter::new()),
        }
    }

    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || self.events.is_closed()
    }

    /// Appends audio; whether an interim run is due, which then counts as waiting.
    pub(super) fn push(&self, audio: &[f32]) -> bool {
        let mut state = self.state();
        state.audio.extend(audio.iter().map(|x| if x.is_finite() { x.clamp(-1.0, 1.0) } else { 0.0 }));
        if state.audio.len() > LONGEST_WAIT {
            let lost = state.audio.len() - LONGEST_WAIT;
            let position = state.start + lost as u64;
            state.forget_to(position);
            tracing::warn!(samples = lost, "recognition is too far behind; the oldest audio of an utterance is lost");
        }
        let due = !state.interim_waits && state.end() >= state.interim_end + INTERIM_EVERY;
        state.interim_waits |= due;
        due
    }

    /// The end of the audio so far.
    pub(super) fn end(&self) -> u64 {
        self.state().end()
    }

    /// An interim run begins; the position it is to reach.
    pub(super) fn begin_interim(&self) -> u64 {
        let mut state = self.state();
        state.interim_waits = false;
        state.interim_end = state.end();
        state.interim_end
    }

    /// What to decode next on the way to `end`.
    pub(super) fn next_piece(&self, end: u64) -> Piece {
        let state = self.state();
        let wanted = usize::try_from(end.saturating_sub(state.start)).unwrap_or(usize::MAX).min(state.audio.len());
        let is_last = wanted <= LONGEST_PIECE;
        let length = if is_last { wanted } else { quiet_place(&state.audio[..LONGEST_PIECE]) };
        let range = state.start..state.start + length as u64;
        let audio = state.audio[..length].to_vec();
        drop(state);
        drop(self.listen_to(range.end));
        Piece { audio, range, is_last }
    }

    /// Whether the piece holds speech at all.
    pub(super) fn has_speech(&self, piece: &Piece) -> bool {
        let meter = self.meter();
        meter.speech() >= LEAST_SPEECH && meter.last_speech() > piece.range.start
    }

    /// The piece is decoded for good.
    pub(super) fn settle(&self, piece: &Piece, text: &str) {
        let mut state = self.state();
        // Another worker may have been quicker.
        if state.start == piece.range.start {
            state.forget_to(piece.range.end);
            join(&mut state.settled, text);
        }
    }

    /// The last piece is decoded; the whole text.
    pub(super) fn complete(&self, piece: &Piece, text: &str) -> String {
        let mut state = self.state();
        let mut whole = state.settled.clone();
        join(&mut whole, text);
        if state.last_run.as_ref().is_none_or(|run| run.end <= piece.range.end) {
            state.last_run = Some(Run { end: piece.range.end, text: whole.clone() });
        }
        whole
    }

    /// The text up to `end`, if a run has already found it.
    pub(super) fn known_text(&self, end: u64) -> Option<String> {
        let (run_end, text) = {
            let state = self.state();
            let run = state.last_run.as_ref()?;
            (run.end, run.text.clone())
        };
        self.would_answer(run_end, end).then_some(text)
    }

    /// Whether a run over the audio up to `run_end` gives the text up to `end`: it is the same audio, or nothing is said
    /// in between and the run heard the silence behind the last word.
    pub(super) fn would_answer(&self, run_end: u64, end: u64) -> bool {
        run_end == end || self.listen_to(end).last_speech() + WORD_MARGIN <= run_end
    }

    /// The meter, having heard everything up to `end`.
    fn listen_to(&self, end: u64) -> MutexGuard<'_, SpeechMeter> {
        let mut meter = self.meter();
        let (start, audio) = {
            let state = self.state();
            let start = meter.heard().max(state.start);
            let index = |position: u64| (position.saturating_sub(state.start) as usize).min(state.audio.len());
            (start, state.audio[index(start)..index(end.max(start))].to_vec())
        };
        meter.listen(start, &audio);
        meter
    }

    /// Takes the text of an interim run; what to show, if that is new.
    pub(super) fn interim(&self, whole: &str) -> Option<String> {
        let mut state = self.state();
        let agreed = state.agreement.update(whole);
        if agreed.is_empty() || agreed == state.shown {
            return None;
        }
        state.shown = agreed.to_owned();
        Some(state.shown.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meter(&self) -> MutexGuard<'_, SpeechMeter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The middle of the quietest place near the end of `audio`.
fn quiet_place(audio: &[f32]) -> usize {
    let first = audio.len().saturating_sub(CUT_SEARCH);
    let energy = |at: usize| audio[at..at + CUT_PLACE].iter().map(|x| x * x).sum::<f32>();
    let places = (first..=audio.len().saturating_sub(CUT_PLACE)).step_by(CUT_PLACE / 2);
    let quietest = places.min_by(|a, b| energy(*a).total_cmp(&energy(*b)));
    quietest.map_or(audio.len(), |at| at + CUT_PLACE / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utterance() -> Utterance {
        Utterance::new(Language::Only(0), Prompt::default(), mpsc::channel(1).0)
    }

    fn noise(samples: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 24) as f32 - 0.5
        };
        (0..samples).map(|_| next()).collect()
    }

    #[test]
    fn an_interim_run_is_due_every_half_second_and_only_once() {
        let utterance = utterance();
        assert!(!utterance.push(&[0.0; 7_999]));
        assert!(utterance.push(&[0.0; 1]));
        assert!(!utterance.push(&[0.0; 16_000]), "one is waiting already");
        assert_eq!(utterance.begin_interim(), 24_000);
        assert!(!utterance.push(&[0.0; 7_999]));
        assert!(utterance.push(&[0.0; 1]));
    }

    #[test]
    fn a_long_utterance_is_cut_where_it_is_quiet() {
        let mut audio = noise(40 * SECOND);
        audio[20 * SECOND..20 * SECOND + SECOND / 2].fill(0.0);
        let utterance = utterance();
        utterance.push(&audio);
        let piece = utterance.next_piece(utterance.end());
        let cut = piece.audio.len();
        assert!(!piece.is_last && (20 * SECOND..20 * SECOND + SECOND / 2).contains(&cut), "cut at {cut}");
        utterance.settle(&piece, "The beginning.");
        utterance.settle(&piece, "The beginning, found twice.");
        let rest = utterance.next_piece(utterance.end());
        assert!(rest.is_last);
        assert_eq!(rest.audio.len(), audio.len() - cut);
        assert_eq!(utterance.complete(&rest, "The end."), "The beginning. The end.");
    }

    #[test]
    fn the_oldest_audio_is_lost_when_a_minute_waits() {
        let utterance = utterance();
        let audio = noise(LONGEST_WAIT + SECOND);
        for chunk in audio.chunks(SECOND / 50) {
            utterance.push(chunk);
        }
        let end = utterance.end();
        assert_eq!(end, audio.len() as u64, "positions go on");
        let piece = utterance.next_piece(end);
        assert_eq!(piece.audio[..100], audio[SECOND..SECOND + 100]);
    }

    #[test]
    fn a_final_text_covers_the_audio_so_far_and_not_what_comes_later() {
        let utterance = utterance();
        utterance.push(&noise(SECOND));
        let end = utterance.end();
        utterance.push(&noise(SECOND));
        assert_eq!(utterance.next_piece(end).audio.len(), SECOND);
    }

    /// Hold music, which the meter takes for speech.
    fn chord(samples: usize) -> Vec<f32> {
        let tone = |hz: f32, i: usize| (i as f32 * hz * std::f32::consts::TAU / EAR_RATE as f32).sin() * 0.15;
        (0..samples).map(|i| tone(261.6, i) + tone(329.6, i) + tone(392.0, i)).collect()
    }

    #[test]
    fn less_than_a_quarter_second_of_speech_is_none() {
        for (ms, enough) in [(60, false), (500, true)] {
            let utterance = utterance();
            utterance.push(&vec![0.0; SECOND / 2]);
            utterance.push(&chord(SECOND * ms / 1000));
            utterance.push(&vec![0.0; SECOND / 2]);
            let piece = utterance.next_piece(utterance.end());
            assert_eq!(utterance.has_speech(&piece), enough, "{ms} ms");
        }
    }

    #[test]
    fn a_run_answers_for_later_audio_only_while_nothing_more_is_said() {
        let utterance = utterance();
        utterance.push(&chord(2 * SECOND));
        utterance.push(&vec![0.0; SECOND]);
        let run = utterance.next_piece(utterance.end());
        assert!(utterance.has_speech(&run));
        utterance.complete(&run, "so far");
        utterance.push(&vec![0.0; SECOND]);
        assert_eq!(utterance.known_text(utterance.end()).as_deref(), Some("so far"));
        utterance.push(&chord(SECOND));
        assert_eq!(utterance.known_text(utterance.end()), None);
        assert_eq!(utterance.known_text(4 * SECOND as u64), None, "later speech makes a run doubtful, never wrong");
    }

    #[test]
    fn a_run_that_ends_within_a_word_answers_for_its_own_audio_only() {
        let utterance = utterance();
        utterance.push(&chord(2 * SECOND));
        let run = utterance.next_piece(utterance.end());
        utterance.complete(&run, "so f");
        assert_eq!(utterance.known_text(utterance.end()).as_deref(), Some("so f"));
        utterance.push(&vec![0.0; SECOND]);
        assert_eq!(utterance.known_text(utterance.end()), None);
    }

    #[test]
    fn asking_about_later_audio_loses_none_of_the_speech_before() {
        let utterance = utterance();
        utterance.push(&chord(30 * SECOND));
        assert!(!utterance.would_answer(29 * SECOND as u64, 30 * SECOND as u64));
        let first = utterance.next_piece(utterance.end());
        utterance.settle(&first, "");
        let second = utterance.next_piece(utterance.end());
        assert!(utterance.has_speech(&first) && utterance.has_speech(&second));
    }

    #[test]
    fn silence_holds_no_speech_and_a_sample_that_is_no_number_is_silence() {
        let utterance = utterance();
        utterance.push(&[f32::NAN; 2 * SECOND]);
        let piece = utterance.next_piece(utterance.end());
        assert!(!utterance.has_speech(&piece) && piece.audio.iter().all(|x| *x == 0.0));
        utterance.complete(&piece, "nothing");
        utterance.push(&[0.0; SECOND]);
        assert_eq!(utterance.known_text(utterance.end()).as_deref(), Some("nothing"), "silence changes no text");
    }
}
