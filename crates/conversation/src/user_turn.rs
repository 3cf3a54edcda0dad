//! The user's turn: utterances until one ends, and the text said so far.
//!
//! A turn can span several utterances (the user goes on before the agent has answered, or speaks while the agent must
//! not be interrupted), so its text gathers in `said` and its sentence id is kept until a question comes of it.
//! Answers of the recogniser and the end-of-turn model count only for the running utterance's current revision.

use crate::{endpointing::Endpointing, latency::TurnEnd, text, voiceprint::Identity};
use ringline_model::{CallTime, SentenceId, UtteranceId};
use std::time::Duration;

/// Audio before the first speech that belongs to an utterance: voice activity is reported late and clips onsets.
pub(crate) const PREROLL: Duration = Duration::from_millis(300);

/// Longest utterance: the window of the recogniser. At it the turn ends without a pause; what the user says from there
/// to the next pause is lost.
pub(crate) const MAX_UTTERANCE: Duration = Duration::from_secs(30);

/// From asking for a transcript to giving the utterance up.
pub(crate) const TRANSCRIPT_WAIT: Duration = Duration::from_secs(5);

/// Longest text of a turn, in characters; the rest is cut off.
pub(crate) const MAX_TURN_CHARS: usize = 4096;

/// What the user asked, once the turn is over.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub text: String,
    pub sentence: SentenceId,
    pub began: CallTime,
    pub end: Option<TurnEnd>,
    /// It was taken back for a sound without words, and is asked again.
    pub disturbed: bool,
}

#[derive(Debug)]
pub(crate) struct Utterance {
    pub id: UtteranceId,
    began: CallTime,
    longest: Duration,
    /// When recognition was asked for.
    pub opened: CallTime,
    /// When its first words were recognised.
    pub first_text: Option<CallTime>,
    revision: u32,
    speech: Speech,
    transcript: Option<String>,
    /// The text says that the turn is over: no more silence is waited for.
    said_end: bool,
    /// When continuous speech has lasted long enough to interrupt.
    decide_at: Option<CallTime>,
    /// Began while the agent had the floor, and has not taken it.
    pub contends: bool,
    /// Heard only for interrupt words.
    pub discard: bool,
    /// It interrupted by a word, which is not part of the question.
    pub by_word: bool,
    /// Whose it is.
    pub identity: Identity,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Speech {
    Going,
    Paused {
        silence_from: CallTime,
        asked_at: CallTime,
        asked_score: bool,
        score: Option<(f32, CallTime)>,
    },
    /// Ended at its longest length, or by the user's command.
    Forced {
        asked_at: CallTime,
    },
}

/// What became due in the user's turn.
#[derive(Debug, PartialEq)]
pub(crate) enum Due {
    /// Speech has lasted long enough to interrupt.
    Decide,
    /// Ask for the text; the utterance has reached its longest length.
    Force(UtteranceId, u32),
    AskScore(UtteranceId, u32),
    /// Over, with its text.
    Ended(String, TurnEnd),
    TranscriptLate,
}

#[derive(Debug, Default)]
pub(crate) struct UserTurn {
    next: UtteranceId,
    pub utterance: Option<Utterance>,
    pub said: String,
    pub began: Option<CallTime>,
    pub sentence: Option<SentenceId>,
    pub end: Option<TurnEnd>,
    pub disturbed: bool,
    /// What was said has begun to make sense, and the records know.
    pub is_detected: bool,
    /// Answers begun before the turn was over.
    pub guesses: u32,
    /// The subtitle as last shown.
    shown: String,
    /// Where the last utterance's speech ended; its audio is not given to the next.
    spoken_until: CallTime,
}

impl UserTurn {
    /// Opens an utterance whose speech began at `at`; returns its id and where its audio begins.
    pub fn open(&mut self, at: CallTime, now: CallTime, contends: bool, discard: bool) -> (UtteranceId, CallTime) {
        let id = self.next;
        self.next = id.next();
        self.utterance = Some(Utterance {
            id,
            began: at,
            longest: MAX_UTTERANCE,
            opened: now,
            first_text: None,
            revision: 1,
            speech: Speech::Going,
            transcript: None,
            said_end: false,
            decide_at: None,
            contends,
            discard,
            by_word: false,
            identity: Identity::default(),
        });
        (id, at.saturating_sub(PREROLL).max(self.spoken_until).min(at))
    }

    /// Ends the running utterance, whatever it was doing.
    pub fn close(&mut self) -> Option<Utterance> {
        let utterance = self.utterance.take()?;
        match utterance.speech {
            Speech::Going => {}
            Speech::Paused { silence_from: end, .. } | Speech::Forced { asked_at: end } => self.spoken_until = end,
        }
        Some(utterance)
    }

    /// Audio before `at` belongs to no utterance that opens from now on.
    pub fn forget_audio_before(&mut self, at: CallTime) {
        self.spoken_until = self.spoken_until.max(at);
    }

    /// Nobody is in the middle of saying something and nothing waits for an answer.
    pub fn is_quiet(&self) -> bool {
        self.utterance.is_none() && self.said.is_empty()
    }

    /// Whether the whole turn is there and waits for the agent.
    pub fn is_ready(&self) -> bool {
        self.utterance.is_none() && !self.said.is_empty()
    }

    /// The question if `text` is all that is said more.
    pub fn with(&self, text: &str) -> String {
        text::trimmed(&text::join(&self.said, text), MAX_TURN_CHARS)
    }

    /// Adds what was said from `began` on.
    pub fn add(&mut self, text: &str, began: CallTime, end: Option<TurnEnd>) {
        self.said = self.with(text);
        self.began.get_or_insert(began);
        self.end = end;
        self.disturbed = false;
    }

    /// Takes a question back that has not been answered yet: the user goes on with it. Returns the sentence id that is
    /// no longer needed.
    pub fn reopen(&mut self, question: Question) -> Option<SentenceId> {
        self.said = text::trimmed(&text::join(&question.text, &self.said), MAX_TURN_CHARS);
        self.began = Some(question.began);
        self.end = question.end;
        self.disturbed = true;
        self.is_detected = true;
        self.shown = question.text;
        self.sentence.replace(question.sentence)
    }

    /// Forgets the turn: nothing came of it. Returns the sentence id that is no longer needed.
    pub fn reset(&mut self) -> Option<SentenceId> {
        self.said.clear();
        self.shown.clear();
        self.began = None;
        self.end = None;
        self.disturbed = false;
        self.is_detected = false;
        self.guesses = 0;
        self.sentence.take()
    }

    /// The subtitle for what is said so far plus `interim`, if it differs from what is shown.
    pub fn subtitle(&mut self, interim: &str) -> Option<String> {
        let text = text::trimmed(&text::join(&self.said, interim.trim()), MAX_TURN_CHARS);
        if text.is_empty() || text == self.shown {
            return None;
        }
        self.shown.clone_from(&text);
        Some(text)
    }

    /// The running utterance if an answer for `id` concerns it.
    pub fn current(&mut self, id: UtteranceId) -> Option<&mut Utterance> {
        self.utterance.as_mut().filter(|utterance| utterance.id == id)
    }

    pub fn deadline(&self, policy: &Endpointing) -> Option<CallTime> {
        self.utterance.as_ref().map(|utterance| utterance.deadline(policy))
    }

    /// The next thing that is due at `now`; each is given once.
    pub fn due(&mut self, now: CallTime, policy: &Endpointing) -> Option<Due> {
        self.utterance.as_mut()?.due(now, policy)
    }
}

impl Utterance {
    pub fn began(&self) -> CallTime {
        self.began
    }

    /// Continuous speech since `from` may interrupt once it has lasted `duration`.
    pub fn decide_after(&mut self, from: CallTime, duration: Duration) {
        self.decide_at = Some(from + duration);
    }

    /// Speech paused. Returns the revision to transcribe, unless it was not going on.
    pub fn pause(&mut self, silence_from: CallTime, now: CallTime) -> Option<u32> {
        if self.speech != Speech::Going {
            return None;
        }
        let silence_from = silence_from.max(self.began);
        self.speech = Speech::Paused { silence_from, asked_at: now, asked_score: false, score: None };
        self.decide_at = None;
        Some(self.revision)
    }

    /// Speech goes on. Returns whether it had paused; answers asked for in that pause are void.
    pub fn resume(&mut self) -> bool {
        let paused = matches!(self.speech, Speech::Paused { .. });
        if paused {
            self.revision += 1;
            self.transcript = None;
            self.said_end = false;
            self.speech = Speech::Going;
            self.identity.reopen();
        }
        paused
    }

    /// It goes on until it is released, or has lasted `longest`; answers asked for before are void.
    pub fn hold(&mut self, longest: Duration) {
        if self.speech != Speech::Going {
            self.revision += 1;
            self.transcript = None;
            self.said_end = false;
            self.speech = Speech::Going;
            self.identity.reopen();
        }
        self.longest = longest;
    }

    /// It ends here. Returns the revision to transcribe, unless it has ended before.
    pub fn release(&mut self, now: CallTime) -> Option<u32> {
        let goes_on = self.speech == Speech::Going;
        goes_on.then(|| {
            self.speech = Speech::Forced { asked_at: now };
            self.revision
        })
    }

    /// Takes the text if it answers the current question.
    pub fn transcribed(&mut self, revision: u32, text: String) -> bool {
        let wanted = self.is_awaiting(revision);
        if wanted {
            self.transcript = Some(text);
        }
        wanted
    }

    /// Whether a transcript of this revision is being waited for.
    pub fn is_awaiting(&self, revision: u32) -> bool {
        self.revision == revision && self.speech != Speech::Going && self.transcript.is_none()
    }

    /// The text that was taken ends the turn, without more silence.
    pub fn end_at_once(&mut self) {
        self.said_end = true;
    }

    pub fn scored(&mut self, revision: u32, probability: f32, now: CallTime) {
        if let Speech::Paused { asked_score: true, score: score @ None, .. } = &mut self.speech
            && self.revision == revision
        {
            *score = Some((probability, now));
        }
    }

    /// The text of a pause that looks like the end of the turn, before the silence suffices.
    pub fn likely_text(&self, policy: &Endpointing) -> Option<&str> {
        let Speech::Paused { score, .. } = self.speech else { return None };
        let text = self.transcript.as_deref()?;
        policy.is_likely_end(score.map(|(probability, _)| probability), text).then_some(text)
    }

    fn deadline(&self, policy: &Endpointing) -> CallTime {
        let policy = if self.said_end { &Endpointing::AT_ONCE } else { policy };
        let longest = self.began + self.longest;
        match self.speech {
            Speech::Going => self.decide_at.map_or(longest, |at| at.min(longest)),
            Speech::Forced { asked_at } => match self.transcript {
                Some(_) => self.known_at(asked_at),
                None => asked_at + TRANSCRIPT_WAIT,
            },
            Speech::Paused { silence_from, asked_at, asked_score, score } => {
                let next = match &self.transcript {
                    Some(text) => {
                        let score = score.map(|(probability, _)| probability);
                        self.known_at(policy.enough_at(silence_from, score, text).min(longest))
                    }
                    None => asked_at + TRANSCRIPT_WAIT,
                };
                policy.score_at(silence_from).filter(|_| !asked_score).map_or(next, |at| at.min(next))
            }
        }
    }

    fn due(&mut self, now: CallTime, policy: &Endpointing) -> Option<Due> {
        let policy = if self.said_end { &Endpointing::AT_ONCE } else { policy };
        if self.decide_at.is_some_and(|at| at <= now) {
            self.decide_at = None;
            return Some(Due::Decide);
        }
        let longest = self.began + self.longest;
        match &mut self.speech {
            Speech::Going if longest <= now => {
                self.speech = Speech::Forced { asked_at: now };
                Some(Due::Force(self.id, self.revision))
            }
            Speech::Going => None,
            Speech::Paused { silence_from, asked_score, .. }
                if !*asked_score && policy.score_at(*silence_from).is_some_and(|at| at <= now) =>
            {
                *asked_score = true;
                Some(Due::AskScore(self.id, self.revision))
            }
            Speech::Paused { silence_from, asked_at, score, .. } => {
                let text = self.transcript.as_deref().unwrap_or_default();
                let enough =
                    policy.enough_at(*silence_from, score.map(|(probability, _)| probability), text).min(longest);
                let known = score.map_or(enough, |(_, at)| enough.max(at));
                let (asked_at, speech_ended) = (*asked_at, *silence_from);
                self.end(now, asked_at, known, speech_ended)
            }
            Speech::Forced { asked_at } => {
                let asked_at = *asked_at;
                self.end(now, asked_at, asked_at, asked_at)
            }
        }
    }

    /// Not before it is known whose it is, or given up.
    fn known_at(&self, enough: CallTime) -> CallTime {
        self.identity.open_until().map_or(enough, |until| enough.max(until))
    }

    fn end(&mut self, now: CallTime, asked: CallTime, enough: CallTime, speech_ended: CallTime) -> Option<Due> {
        let known_at = self.known_at(enough);
        match self.transcript.take_if(|_| known_at <= now) {
            Some(text) => {
                let silence_sufficed = enough.max(speech_ended);
                Some(Due::Ended(text, TurnEnd { speech_ended, text_asked: asked, silence_sufficed, decided: now }))
            }
            None if self.transcript.is_none() && asked + TRANSCRIPT_WAIT <= now => Some(Due::TranscriptLate),
            None => None,
        }
    }
}
