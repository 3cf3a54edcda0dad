//! What the agent says while the language model lets it wait (`AutoSpeechConfig.LlmPending`, server-api §5.1), and when the model
//! or the recogniser has failed. Without a setting there are lines of our own, so that nobody waits in silence.
//!
//! A filler is a sentence of its own, spoken within the response it waits for: what there is of the answer by then plays
//! behind it, and the filler is not cut for it (it is short, and half a word is worse than the wait). It is shown but is no part
//! of the answer: neither history nor dialogues have it. The user may interrupt it as any speech; since nothing of the
//! answer was heard by then, the user goes on with the question.
//!
//! The first filler comes after the configured time, further ones after [`SILENCE`] without a sound; at most
//! [`MAX_FILLERS`] for one answer.

use crate::{AgentState, Conversation, Notice, Output, clauses::Clause, text};
use ringline_model::{AgentConfig, CallTime, LlmPendingConfig, PhraseOrder, SegmentId, SentenceId};
use std::time::Duration;

/// Silence between two fillers, unless the configured time is longer.
const SILENCE: Duration = Duration::from_secs(4);

/// Fillers within one answer, its rounds of tools included; then there is silence until its deadline.
const MAX_FILLERS: usize = 10;

/// How far the call has come with its fillers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    said: usize,
}

impl Conversation {
    pub(crate) fn pending_deadline(&self) -> Option<CallTime> {
        let configured = self.config.auto_speech.llm_pending.as_ref();
        let wait = configured.map_or(SILENCE, |pending| Duration::from_millis(pending.wait_time.into()));
        let response = self.response.as_ref().filter(|_| self.presence.is_here() && !self.is_leaving())?;
        let (since, fillers) = (response.waits_since()?, response.ledger.fillers());
        let due = match fillers {
            0 => since + wait,
            1..MAX_FILLERS => since + wait.max(SILENCE),
            _ => return None,
        };
        Some(response.word_is_due().map_or(due, |word| due.max(word)))
    }

    pub(crate) fn on_pending(&mut self) {
        let pending = self.config.auto_speech.llm_pending.as_ref().filter(|pending| !pending.messages.is_empty());
        let line = match pending {
            Some(pending) => self.pending.next(pending, &mut self.chance),
            None => self.pending.next_of(own_lines(&self.config).hold).to_owned(),
        };
        let Some(response) = &mut self.response else { return };
        let (segment, sentence) = (self.ids.segment(), self.ids.sentence());
        let tts = &self.config.tts;
        let (voice, rate) = (tts.voice.clone(), tts.speech_rate);
        let clause = Clause { text: line.clone(), ..Clause::default() };
        response.ledger.hand_over_filler(segment, clause, rate, sentence, self.now);
        // An empty phrase is a filler nobody hears.
        if !text::is_speakable(&line) {
            return response.ledger.skip(segment, self.now);
        }
        self.outbox.push(Output::Synthesise { response: response.id, segment, text: line, voice, rate, emotion: None });
    }

    /// A filler begins to play: the agent speaks, though it has not begun to answer.
    pub(crate) fn on_filler_started(&mut self, text: String, sentence: SentenceId) {
        self.set_state(AgentState::Speaking);
        self.presence.touch(self.now);
        self.outbox.notify(Notice::AgentSubtitle { text, end: false, sentence });
    }

    /// The filler that played before, if one did, is over unless it still plays.
    pub(crate) fn after_filler(&mut self, before: Option<SentenceId>) {
        let Some(response) = &self.response else { return };
        let Some(sentence) = before.filter(|_| response.ledger.sounding_filler() != before) else { return };
        let thinks = response.spoken_from.is_none() && response.ledger.in_flight() == 0;
        self.outbox.notify(Notice::AgentSubtitle { text: String::new(), end: true, sentence });
        if thinks {
            self.set_state(AgentState::Thinking);
        }
    }

    /// The filler that plays within the current response.
    pub(crate) fn sounding_filler(&self) -> Option<SentenceId> {
        self.response.as_ref().and_then(|response| response.ledger.sounding_filler())
    }

    pub(crate) fn is_filler(&self, segment: SegmentId) -> Option<SentenceId> {
        self.response.as_ref().and_then(|response| response.ledger.filler(segment))
    }
}

/// What the agent says where nothing is configured.
struct Lines {
    hold: [&'static str; 2],
    apology: &'static str,
    pardon: &'static str,
}

const ENGLISH: Lines = Lines {
    hold: ["One moment, please.", "I am still on it."],
    apology: "Sorry, I could not answer that. Please try again.",
    pardon: "Sorry, I did not get that. Could you say it again?",
};
const CHINESE: Lines = Lines {
    hold: ["请稍等。", "我还在处理。"],
    apology: "抱歉，我没能回答这个问题，请再试一次。",
    pardon: "抱歉，我没听清，请再说一遍。",
};

fn own_lines(config: &AgentConfig) -> &'static Lines {
    let language = config.asr.language.as_deref().unwrap_or_default();
    if language.starts_with("zh") || language.starts_with("yue") { &CHINESE } else { &ENGLISH }
}

/// Said in the agent's voice when the language model gives no answer.
pub(crate) fn apology(config: &AgentConfig) -> &str {
    let configured = config.auto_speech.llm_failed.as_deref().filter(|line| text::is_speakable(line));
    configured.unwrap_or(own_lines(config).apology)
}

/// Said when what the user said could not be recognised.
pub(crate) fn pardon(config: &AgentConfig) -> &str {
    let configured = config.auto_speech.asr_failed.as_deref().filter(|line| text::is_speakable(line));
    configured.unwrap_or(own_lines(config).pardon)
}

impl Pending {
    fn next_of<'a>(&mut self, lines: [&'a str; 2]) -> &'a str {
        let line = lines[self.said % lines.len()];
        self.said = self.said.wrapping_add(1);
        line
    }

    fn next(&mut self, config: &LlmPendingConfig, chance: &mut crate::chance::Chance) -> String {
        let phrase = match config.mode {
            PhraseOrder::Random => chance.pick(&config.messages),
            PhraseOrder::Sequence => config.messages.get(self.said % config.messages.len().max(1)),
        };
        self.said = self.said.wrapping_add(1);
        phrase.map_or(String::new(), |phrase| phrase.text.trim().to_owned())
    }
}
