//! The scribe writes down what a human in charge says: voice activity and recognition like the user's, and of each stretch of speech
//! one [`Input::HumanSaid`].
//!
//! [`Dictation`] decides when a stretch begins and ends; it is a value. The task around it has ears of its own on the pool. It ends
//! when the call is given back, after the last words: at most [`TEXT_WAIT`] later.

use crate::calls::clock::CallClock;
use crate::calls::ears::{EarPool, Ears, Senses};
use crate::calls::{CallEvent, CallEvents};
use crate::timer::sleep_until;
use ringline_conversation::Input;
use ringline_model::{CallTime, UtteranceId};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

/// Silence that ends a stretch. Longer than most people pause within a sentence: nobody waits for an answer to it.
const SILENCE: Duration = Duration::from_millis(600);
/// Longest stretch, below the recogniser's window; where speech goes on, another one begins there.
const LONGEST: Duration = Duration::from_secs(28);
/// From asking for a text to giving it up.
const TEXT_WAIT: Duration = Duration::from_secs(5);
/// Audio before the first speech that belongs to a stretch: voice activity is reported late.
const PREROLL: Duration = Duration::from_millis(300);
/// What the ears say and the scribe has not read; the ears' thread waits beyond.
const EVENTS: usize = 64;

/// A scribe at work. Dropping it ends the work once the last words are written down.
pub struct Scribe {
    ears: Ears,
    /// Never sent on: that it is gone is the message.
    _until: oneshot::Sender<()>,
}

impl Scribe {
    /// `events`: where the words go.
    pub fn start(pool: &EarPool, senses: Senses, clock: CallClock, events: CallEvents) -> Self {
        let (sender, heard) = mpsc::channel(EVENTS);
        let span = tracing::error_span!("scribe", call.id = %senses.instance);
        let ears = pool.open(senses, sender, clock);
        let (until, done) = oneshot::channel();
        tokio::spawn(write_down(ears.clone(), heard, done, clock, events).instrument(span));
        Self { ears, _until: until }
    }

    /// Where the human's audio goes.
    pub fn ears(&self) -> Ears {
        self.ears.clone()
    }
}

async fn write_down(
    ears: Ears,
    mut heard: mpsc::Receiver<CallEvent>,
    mut done: oneshot::Receiver<()>,
    clock: CallClock,
    events: CallEvents,
) {
    let mut dictation = Dictation::default();
    let mut is_ending = false;
    loop {
        let due = dictation.deadline().map(|at| tokio::time::Instant::from_std(clock.instant(at)));
        tokio::select! {
            event = heard.recv() => match event {
                Some(CallEvent::Input(input)) => dictation.hear(input, clock.now()),
                Some(_) => {}
                None => return,
            },
            () = sleep_until(due) => dictation.due(clock.now()),
            _ = &mut done, if !is_ending => {
                is_ending = true;
                dictation.end(clock.now());
            }
        }
        while let Some(deed) = dictation.next() {
            match deed {
                Deed::Open { utterance, from } => ears.open_utterance(utterance, from),
                Deed::Transcribe { utterance, revision } => ears.transcribe(utterance, revision),
                Deed::Close { utterance } => ears.close_utterance(utterance),
                Deed::Write { text, began } => {
                    if events.send(CallEvent::Input(Input::HumanSaid { text, began })).await.is_err() {
                        return;
                    }
                }
            }
        }
        if is_ending && dictation.is_idle() {
            return;
        }
    }
}

/// What the scribe does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Deed {
    Open { utterance: UtteranceId, from: CallTime },
    Transcribe { utterance: UtteranceId, revision: u32 },
    Close { utterance: UtteranceId },
    Write { text: String, began: CallTime },
}

/// Stretches of speech and their texts.
#[derive(Debug, Default)]
struct Dictation {
    next: UtteranceId,
    stretch: Option<Stretch>,
    /// The human is speaking.
    is_speaking: bool,
    /// The human is no longer in charge: no stretch begins.
    ended: bool,
    deeds: std::collections::VecDeque<Deed>,
}

#[derive(Debug)]
struct Stretch {
    id: UtteranceId,
    began: CallTime,
    revision: u32,
    /// The text was asked for, and when the stretch is over if nothing is said meanwhile.
    asked: Option<(CallTime, CallTime)>,
    text: Option<String>,
    /// It is over there, whatever is said.
    closed_at: Option<CallTime>,
}

impl Dictation {
    fn next(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }

    fn is_idle(&self) -> bool {
        self.stretch.is_none()
    }

    fn hear(&mut self, input: Input, now: CallTime) {
        match input {
            Input::SpeechStarted { at } | Input::SpeechResumed { at } => {
                self.is_speaking = true;
                self.speech(at, at.saturating_sub(PREROLL));
            }
            Input::SpeechPaused { at } => {
                self.is_speaking = false;
                self.ask(at + SILENCE, now);
            }
            Input::Transcript { utterance, revision, text } => self.text(utterance, revision, Some(text)),
            Input::TranscriptFailed { utterance, revision, error } => {
                tracing::warn!(%error, "what a human in charge said was not recognised");
                self.text(utterance, revision, None);
            }
            _ => {}
        }
        self.due(now);
    }

    fn speech(&mut self, at: CallTime, from: CallTime) {
        match &mut self.stretch {
            Some(stretch) if stretch.closed_at.is_some() => {}
            Some(stretch) => {
                if stretch.asked.take().is_some() {
                    stretch.revision += 1;
                    stretch.text = None;
                }
            }
            None if self.ended => {}
            None => {
                let id = self.next;
                self.next = id.next();
                self.stretch = Some(Stretch { id, began: at, revision: 1, asked: None, text: None, closed_at: None });
                self.deeds.push_back(Deed::Open { utterance: id, from });
            }
        }
    }

    /// The text is asked for; the stretch is over at `over`.
    fn ask(&mut self, over: CallTime, now: CallTime) {
        let Some(stretch) = self.stretch.as_mut().filter(|stretch| stretch.asked.is_none()) else { return };
        stretch.asked = Some((now, over));
        self.deeds.push_back(Deed::Transcribe { utterance: stretch.id, revision: stretch.revision });
    }

    fn text(&mut self, utterance: UtteranceId, revision: u32, text: Option<String>) {
        let is_asked =
            |stretch: &&mut Stretch| stretch.id == utterance && stretch.revision == revision && stretch.asked.is_some();
        if let Some(stretch) = self.stretch.as_mut().filter(is_asked) {
            stretch.text = Some(text.unwrap_or_default());
        }
    }

    fn end(&mut self, now: CallTime) {
        self.ended = true;
        self.close(now);
        self.due(now);
    }

    /// The stretch is over here.
    fn close(&mut self, now: CallTime) {
        self.ask(now, now);
        if let Some(stretch) = &mut self.stretch {
            stretch.closed_at = Some(now);
            stretch.asked = stretch.asked.map(|(asked, over)| (asked, over.min(now)));
        }
    }

    fn deadline(&self) -> Option<CallTime> {
        let stretch = self.stretch.as_ref()?;
        Some(match (stretch.asked, &stretch.text) {
            (None, _) => stretch.began + LONGEST,
            (Some((asked, _)), None) => asked + TEXT_WAIT,
            (Some((_, over)), Some(_)) => over,
        })
    }

    fn due(&mut self, now: CallTime) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        if self.stretch.as_ref().is_some_and(|stretch| stretch.asked.is_none()) {
            return self.close(now);
        }
        let Some(Stretch { id, began, text, closed_at, .. }) = self.stretch.take() else { return };
        self.deeds.push_back(Deed::Close { utterance: id });
        match text {
            Some(text) if !text.trim().is_empty() => self.deeds.push_back(Deed::Write { text, began }),
            Some(_) => {}
            None => tracing::warn!("what a human in charge said was not recognised in time"),
        }
        if let Some(at) = closed_at.filter(|_| self.is_speaking) {
            self.speech(at, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> CallTime {
        CallTime::from_millis(ms)
    }

    const FIRST: UtteranceId = UtteranceId(0);

    fn starts(at: u64) -> Input {
        Input::SpeechStarted { at: ms(at) }
    }

    fn pauses(at: u64) -> Input {
        Input::SpeechPaused { at: ms(at) }
    }

    fn text(revision: u32, text: &str) -> Input {
        Input::Transcript { utterance: FIRST, revision, text: text.to_owned() }
    }

    fn deeds(dictation: &mut Dictation) -> Vec<Deed> {
        std::iter::from_fn(|| dictation.next()).collect()
    }

    #[test]
    fn a_stretch_of_speech_is_written_down_when_the_silence_suffices() {
        let mut dictation = Dictation::default();
        dictation.hear(starts(1000), ms(1064));
        assert_eq!(deeds(&mut dictation), [Deed::Open { utterance: FIRST, from: ms(700) }]);
        dictation.hear(pauses(2000), ms(2100));
        assert_eq!(deeds(&mut dictation), [Deed::Transcribe { utterance: FIRST, revision: 1 }]);
        // A short pause is none.
        dictation.hear(Input::SpeechResumed { at: ms(2300) }, ms(2350));
        dictation.hear(text(1, "Your parcel"), ms(2400));
        dictation.hear(pauses(3000), ms(3100));
        assert_eq!(deeds(&mut dictation), [Deed::Transcribe { utterance: FIRST, revision: 2 }]);
        dictation.hear(text(2, "Your parcel is here."), ms(3200));
        assert_eq!((deeds(&mut dictation).len(), dictation.deadline()), (0, Some(ms(3600))));
        dictation.due(ms(3600));
        let written = Deed::Write { text: "Your parcel is here.".to_owned(), began: ms(1000) };
        assert_eq!(deeds(&mut dictation), [Deed::Close { utterance: FIRST }, written]);
        assert!(dictation.is_idle() && dictation.deadline().is_none());
    }

    #[test]
    fn the_last_words_are_waited_for_and_nothing_begins_behind_them() {
        let mut dictation = Dictation::default();
        dictation.hear(starts(0), ms(64));
        deeds(&mut dictation);
        dictation.end(ms(1000));
        assert_eq!(deeds(&mut dictation), [Deed::Transcribe { utterance: FIRST, revision: 1 }]);
        dictation.hear(Input::SpeechResumed { at: ms(1010) }, ms(1050));
        dictation.hear(text(1, "Bye."), ms(1200));
        assert_eq!(deeds(&mut dictation).len(), 2);
        dictation.hear(starts(2000), ms(2064));
        assert!(dictation.is_idle() && deeds(&mut dictation).is_empty());
    }

    #[test]
    fn a_text_that_does_not_come_and_a_sound_without_words_leave_nothing() {
        let mut dictation = Dictation::default();
        dictation.hear(starts(0), ms(0));
        dictation.hear(pauses(1000), ms(1000));
        deeds(&mut dictation);
        dictation.due(ms(5999));
        assert!(!dictation.is_idle());
        dictation.due(ms(6000));
        assert_eq!(deeds(&mut dictation), [Deed::Close { utterance: FIRST }]);
        dictation.hear(starts(7000), ms(7000));
        dictation.hear(pauses(8000), ms(8000));
        dictation.hear(Input::Transcript { utterance: UtteranceId(1), revision: 1, text: " ".into() }, ms(8700));
        assert!(!deeds(&mut dictation).iter().any(|deed| matches!(deed, Deed::Write { .. })));
        assert!(dictation.is_idle());
    }

    #[test]
    fn who_speaks_without_a_pause_is_written_down_piece_by_piece() {
        let mut dictation = Dictation::default();
        dictation.hear(starts(0), ms(0));
        deeds(&mut dictation);
        dictation.due(ms(28_000));
        assert_eq!(deeds(&mut dictation), [Deed::Transcribe { utterance: FIRST, revision: 1 }]);
        dictation.hear(text(1, "A long story."), ms(28_300));
        let on = Deed::Open { utterance: UtteranceId(1), from: ms(28_000) };
        assert_eq!(deeds(&mut dictation).last(), Some(&on));
        dictation.hear(pauses(40_000), ms(40_000));
        assert_eq!(deeds(&mut dictation), [Deed::Transcribe { utterance: UtteranceId(1), revision: 1 }]);
    }
}
