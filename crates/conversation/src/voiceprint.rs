//! Whose voice it is (`VoiceprintConfig`; 1003's `voiceprint`, 1008, 1009, 1109, 1110; client-sdk §6.5).
//!
//! While it is on, the ears are asked whose an utterance is ([`Output::Identify`]): at every pause, and when speech over the agent has
//! lasted long enough to tell. What somebody else than the registered speaker says is shown with its number, and is neither
//! answered nor recorded; nor does it stop the agent, which is lowered for it and no more. As long as nobody is registered, everybody
//! is answered. In implicit mode the speaker of the first turn that is long enough is learnt ([`Output::LearnVoice`]).
//!
//! Ears that don't answer within [`PATIENCE`] count as having heard the registered speaker: a failure leaves nobody unheard.

use crate::{Conversation, Notice, Output, barge_in::Outcome, text};
use ringline_model::{CallTime, RegistrationMode, UtteranceId};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the ears may take to say whose voice it is.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whose voice an utterance is. The numbers travel (client-sdk §1.2); 0 is voiceprints being off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Nobody is registered.
    Unregistered = 1,
    /// The registered speaker.
    Registered = 2,
    Other = 3,
    /// It was too short for the voiceprint, and is as loud as the registered speaker has been: taken for that speaker.
    Near = 4,
    /// It was too short, and much quieter than the registered speaker: taken for somebody else.
    Far = 5,
}

impl Speaker {
    pub(crate) fn is_other(self) -> bool {
        matches!(self, Self::Other | Self::Far)
    }
}

/// What is known of whose an utterance is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// Questions so far; the last one's answer counts.
    asked: u32,
    since: Option<CallTime>,
    speaker: Option<Speaker>,
    /// What was recognised last, and whether more may come; it is read again once the voice is known.
    words: (String, bool),
}

impl Identity {
    fn ask(&mut self, now: CallTime) -> u32 {
        self.asked += 1;
        self.since = Some(now);
        self.asked
    }

    /// Speech goes on: what is asked about is not the whole of it.
    pub fn reopen(&mut self) {
        (self.since, self.speaker) = (None, None);
    }

    fn answer(&mut self, asked: u32, speaker: Speaker) -> bool {
        let is_wanted = self.asked == asked && self.since.take().is_some();
        if is_wanted {
            self.speaker = Some(speaker);
        }
        is_wanted
    }

    /// Until when the answer to a question is waited for.
    pub fn open_until(&self) -> Option<CallTime> {
        self.since.map(|since| since + PATIENCE)
    }
}

/// What the call knows of voices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Voices {
    /// Whether a speaker is registered; none: not known yet.
    registered: Option<bool>,
    /// Whose the last utterance was.
    last: Option<Speaker>,
}

impl Voices {
    fn heard(&mut self, speaker: Speaker) {
        self.last = Some(speaker);
        self.registered = Some(speaker != Speaker::Unregistered);
    }

    /// Another utterance begins, or a question that nobody spoke.
    pub fn forget_last(&mut self) {
        self.last = None;
    }
}

impl Conversation {
    /// 1003's number for what is being said, or was said last.
    pub(crate) fn voiceprint(&self) -> u32 {
        match (self.config.voiceprint.enabled, self.voices.last, self.voices.registered) {
            (false, ..) => 0,
            (true, Some(speaker), _) => speaker as u32,
            (true, None, Some(true)) => Speaker::Registered as u32,
            (true, None, _) => Speaker::Unregistered as u32,
        }
    }

    /// Asks whose the running utterance is.
    pub(crate) fn identify(&mut self) {
        let now = self.now;
        if let Some(utterance) = self.user.utterance.as_mut().filter(|_| self.config.voiceprint.enabled) {
            let (asked, utterance) = (utterance.identity.ask(now), utterance.id);
            self.outbox.push(Output::Identify { utterance, asked });
        }
    }

    /// The same, if it is neither known nor asked.
    pub(crate) fn identify_unless_asked(&mut self) {
        let is_asked = |identity: &Identity| identity.since.is_some() || identity.speaker.is_some();
        if !self.user.utterance.as_ref().is_some_and(|utterance| is_asked(&utterance.identity)) {
            self.identify();
        }
    }

    /// Whether the running utterance may be somebody else's, as far as is known.
    pub(crate) fn may_be_other(&self) -> bool {
        if !self.config.voiceprint.enabled || self.voices.registered == Some(false) {
            return false;
        }
        let Some(utterance) = &self.user.utterance else { return false };
        let Identity { asked, since, speaker, .. } = &utterance.identity;
        // A question that was not answered in time is none any more.
        let is_given_up = *asked > 0 && since.is_some_and(|since| since + PATIENCE <= self.now);
        !is_given_up && speaker.is_none_or(Speaker::is_other)
    }

    /// The words so far of a voice that may be somebody else's are kept until it is known.
    pub(crate) fn keep_words(&mut self, words: &str, is_final: bool) {
        let is_open = self.may_be_other();
        if let Some(utterance) = self.user.utterance.as_mut().filter(|_| is_open) {
            utterance.identity.words = (words.to_owned(), is_final);
        }
    }

    pub(crate) fn on_speaker(&mut self, id: UtteranceId, asked: u32, speaker: Speaker) {
        let Some(utterance) = self.user.current(id) else { return };
        if !utterance.identity.answer(asked, speaker) {
            return;
        }
        self.voices.heard(speaker);
        if speaker.is_other() {
            return self.settle_overlap(Outcome::OtherSpeaker);
        }
        self.on_known_voice();
    }

    /// The voice that speaks over the agent may stop it.
    pub(crate) fn on_known_voice(&mut self) {
        if let Some(overlap) = &mut self.overlap {
            overlap.voice_is_known();
        }
        let Some(utterance) = &mut self.user.utterance else { return };
        let (words, is_final) = std::mem::take(&mut utterance.identity.words);
        if !words.is_empty() {
            self.interrupt_by_word(&words);
            self.on_words_over_agent(&words, is_final);
        }
    }

    /// Whether the utterance that ends with this text is to teach the ears its voice.
    pub(crate) fn is_lesson(&self, text: &str) -> bool {
        let config = &self.config.voiceprint;
        let is_first = self.voices.last == Some(Speaker::Unregistered);
        config.enabled && config.mode == RegistrationMode::Implicit && is_first && text::is_speakable(text)
    }

    /// Whether the utterance that ends was somebody else's.
    pub(crate) fn was_other(&self) -> bool {
        self.config.voiceprint.enabled && self.voices.last.is_some_and(Speaker::is_other)
    }

    /// Shows what somebody else has said, under an id of its own, and forgets it. Nothing comes of it.
    pub(crate) fn dismiss(&mut self, words: &str) {
        self.was_false_interruption("");
        if !text::is_speakable(words) {
            return;
        }
        let text = words.trim().to_owned();
        if self.user.said.is_empty() {
            let sentence = self.user_sentence();
            self.user.reset();
            return self.show_user(text, true, sentence);
        }
        let sentence = self.ids.sentence();
        self.show_user(text, true, sentence);
        self.voices.forget_last();
        if let Some(text) = self.user.subtitle("") {
            let sentence = self.user_sentence();
            self.show_user(text, false, sentence);
        }
    }

    pub(crate) fn set_voiceprint(&mut self, enable: bool) {
        self.config.voiceprint.enabled = enable;
        self.outbox.notify(Notice::VoiceprintChanged { enable });
        if !enable && let Some(overlap) = &mut self.overlap {
            overlap.voice_is_known();
        }
    }

    /// Nobody is registered any more.
    pub(crate) fn clear_voiceprint(&mut self) {
        self.outbox.push(Output::ForgetVoice);
        self.voices = Voices { registered: Some(false), last: None };
        if let Some(utterance) = &mut self.user.utterance {
            utterance.identity.reopen();
        }
        self.outbox.notify(Notice::VoiceprintCleared);
    }
}
