//! Hearing the user: voice activity opens, pauses and resumes utterances; transcripts make turns of them.

use crate::{
    AgentState, Conversation, DialogueKind, EndReason, Event, InterruptReason, Milestone, Notice, Output, Stage,
    answering::MAX_FAILURES,
    barge_in::Outcome,
    pending,
    response::Response,
    text,
    user_turn::{Due, MAX_TURN_CHARS},
    words,
};
use ringline_model::{CallTime, NoInterruptMode, SentenceId, UtteranceId};

/// 1000's code for failed recognition (client-sdk §4.3).
const RECOGNITION_FAILED: u32 = 4005;

impl Conversation {
    /// Speech began or went on at `at`. Without a running utterance both open one.
    pub(crate) fn on_speech(&mut self, at: CallTime) {
        if !self.presence.is_here() || self.is_leaving() {
            return;
        }
        let at = at.min(self.now);
        if self.takeover.is_some() {
            return self.overhear(at);
        }
        if self.config.push_to_talk {
            return;
        }
        self.hush_back_channel();
        match &mut self.user.utterance {
            Some(utterance) => {
                if !utterance.resume() {
                    return;
                }
                self.drop_guess();
            }
            None => {
                if !self.open_utterance(at) {
                    return;
                }
            }
        }
        self.on_speech_over_agent(at);
        let duration = self.shortest_interruption();
        if let (Some(utterance), Some(duration)) = (&mut self.user.utterance, duration) {
            utterance.decide_after(at, duration);
        }
    }

    /// Returns whether the speech is listened to at all: while the agent speaks and must not be interrupted, speech
    /// may be unwanted.
    pub(crate) fn open_utterance(&mut self, at: CallTime) -> bool {
        let interrupt = &self.config.interrupt;
        let discard = self.state == AgentState::Speaking
            && !self.voice_interrupts()
            && interrupt.no_interrupt_mode == NoInterruptMode::Discard;
        if discard && (interrupt.words.is_empty() || !self.is_interruptible()) {
            return false;
        }
        self.voices.forget_last();
        let (utterance, from) = self.user.open(at, self.now, self.agent_has_floor(), discard);
        self.outbox.push(Output::OpenUtterance { utterance, from });
        true
    }

    /// Voice activity says where an utterance begins and ends, and not a button.
    pub(crate) fn hears_by_voice(&self) -> bool {
        !self.config.push_to_talk || self.takeover.is_some()
    }

    pub(crate) fn on_speech_paused(&mut self, at: CallTime) {
        let by_voice = self.hears_by_voice();
        let Some(utterance) = self.user.utterance.as_mut().filter(|_| by_voice) else { return };
        let id = utterance.id;
        let at = at.min(self.now);
        if let Some(revision) = utterance.pause(at, self.now) {
            self.outbox.push(Output::Transcribe { utterance: id, revision });
            self.identify();
            self.on_overlap_paused(at);
            if self.takeover.is_none() {
                self.may_back_channel();
            }
        }
    }

    pub(crate) fn on_interim(&mut self, id: UtteranceId, text: &str) {
        if self.user.current(id).is_none() {
            return;
        }
        self.on_words(text);
        if self.takeover.is_some() {
            return;
        }
        self.interrupt_by_word(text);
        self.on_words_over_agent(text, false);
        self.show_interim(text);
        self.guess_from_interim(text);
    }

    /// Something is recognised of the running utterance.
    fn on_words(&mut self, text: &str) {
        if text::is_speakable(text) {
            self.user_is_active();
            if let Some(utterance) = &mut self.user.utterance {
                utterance.first_text.get_or_insert(self.now);
            }
        }
    }

    /// Whether what is recognised of the running utterance counts, as far as is known: it may still be dropped without an
    /// answer otherwise.
    fn is_heeded(&self) -> bool {
        let voice_interrupts = self.voice_interrupts();
        self.user.utterance.as_ref().is_some_and(|utterance| {
            let undecided = utterance.contends && voice_interrupts && self.response.is_some();
            !(utterance.discard || undecided || utterance.by_word)
        })
    }

    /// The user's speech makes sense, once it counts.
    fn note_intent(&mut self) {
        let moments = self.user.utterance.as_ref().map(|utterance| (utterance.opened, utterance.first_text));
        if let Some((opened, Some(answered))) = moments
            && self.is_heeded()
        {
            self.record_intent(opened, answered);
        }
    }

    /// Once per turn.
    fn record_intent(&mut self, requested: CallTime, answered: CallTime) {
        if !std::mem::replace(&mut self.user.is_detected, true) {
            let (milestone, sentence) = (Milestone::IntentDetected, self.user_sentence());
            self.outbox.record(Event::Milestone { milestone, sentence, requested, answered });
        }
    }

    fn show_interim(&mut self, text: &str) {
        if !self.is_heeded() {
            return;
        }
        self.note_intent();
        if self.keeps_apart() {
            // Whether these are a question of their own is known at their end.
            return;
        }
        if let Some(text) = self.user.subtitle(text) {
            let sentence = self.user_sentence();
            self.show_user(text, false, sentence);
        }
    }

    /// The user's subtitle, with whose voice it is as far as is known.
    pub(crate) fn show_user(&mut self, text: String, end: bool, sentence: SentenceId) {
        let voiceprint = self.voiceprint();
        self.outbox.notify(Notice::UserSubtitle { text, end, sentence, voiceprint });
    }

    pub(crate) fn on_transcript(&mut self, id: UtteranceId, revision: u32, text: &str) {
        let text = text::trimmed(text, MAX_TURN_CHARS);
        let Some(utterance) = self.user.current(id) else { return };
        if !utterance.transcribed(revision, text.clone()) {
            return;
        }
        self.unrecognised = 0;
        let Some(utterance) = self.user.current(id) else { return };
        if words::ends_with_one(&text, &self.config.turn_detection.end_words) {
            utterance.end_at_once();
        }
        self.on_words(&text);
        if self.takeover.is_some() {
            return;
        }
        self.interrupt_by_word(&text);
        self.on_words_over_agent(&text, true);
        self.note_intent();
        self.guess_from_pause();
    }

    pub(crate) fn on_transcript_failed(&mut self, id: UtteranceId, revision: u32, error: String) {
        if self.user.current(id).is_some_and(|utterance| utterance.is_awaiting(revision)) {
            self.give_utterance_up(error);
        }
    }

    pub(crate) fn on_end_of_turn(&mut self, id: UtteranceId, revision: u32, probability: f32) {
        let now = self.now;
        if let Some(utterance) = self.user.current(id) {
            utterance.scored(revision, probability, now);
            self.guess_from_pause();
        }
    }

    pub(crate) fn on_user_due(&mut self, due: Due) {
        match due {
            Due::Decide if self.takeover.is_some() => {}
            Due::Decide => self.on_lasting_speech(),
            Due::Force(utterance, revision) => {
                self.outbox.push(Output::Transcribe { utterance, revision });
                self.identify();
            }
            Due::AskScore(utterance, revision) => self.outbox.push(Output::ScoreEndOfTurn { utterance, revision }),
            Due::Ended(text, end) if self.takeover.is_some() => self.note_user(&text, end),
            Due::Ended(text, end) => {
                if self.is_lesson(&text)
                    && let Some(utterance) = self.user.utterance.as_ref().map(|utterance| utterance.id)
                {
                    self.outbox.push(Output::LearnVoice { utterance });
                }
                let Some(utterance) = self.close_utterance() else { return };
                if self.was_other() {
                    self.dismiss(&text);
                    return self.after_utterance();
                }
                let drops_words = utterance.by_word && !self.config.interrupt.keep_words;
                let text = if drops_words { words::without(&text, &self.config.interrupt.words) } else { text };
                let was_false = self.was_false_interruption(&text);
                let wanted = !utterance.discard && text::is_speakable(&text) && !was_false;
                if wanted && (!utterance.contends || self.counts_beside_agent(utterance.began(), &text)) {
                    self.settle_earlier();
                    self.user.add(&text, utterance.began(), Some(end));
                    self.record_intent(utterance.opened, utterance.first_text.unwrap_or(self.now));
                }
                self.after_utterance();
            }
            Due::TranscriptLate => self.give_utterance_up("no transcript in time".to_owned()),
        }
    }

    /// What was said before and waits is not to be joined with what is said now (`EnableIntelligentSegment` off).
    fn keeps_apart(&self) -> bool {
        !self.config.intelligent_segment && !self.user.said.is_empty()
    }

    /// What was said before becomes a question of its own, which no answer comes to.
    fn settle_earlier(&mut self) {
        if self.keeps_apart() {
            let earlier = self.take_question();
            self.show_user(earlier.text.clone(), true, earlier.sentence);
            self.record_user(earlier);
        }
    }

    /// There is no text. The user is asked to say it again, unless something else is said anyway.
    fn give_utterance_up(&mut self, error: String) {
        self.outbox.record(Event::ProviderFailed { stage: Stage::Recognition, error });
        // A human who is in charge has heard it all the same.
        if self.takeover.is_none() {
            let message = "speech recognition failed".to_owned();
            self.outbox.notify(Notice::Error { code: RECOGNITION_FAILED, message });
        }
        let was_wanted = self.close_utterance().is_some_and(|utterance| !utterance.discard);
        if self.takeover.is_some() {
            return self.after_utterance();
        }
        self.unrecognised += 1;
        if self.unrecognised >= MAX_FAILURES {
            let message = "speech recognition does not answer".to_owned();
            self.outbox.notify(Notice::WillLeave { reason: 0, message });
            return self.end(EndReason::ProviderFailed);
        }
        self.after_utterance();
        let is_free = self.response.is_none() && self.cut.is_none() && self.opening.is_none();
        if was_wanted && is_free && !self.is_leaving() {
            let (id, sentence) = (self.ids.response(), self.ids.sentence());
            let line = self.aloud(pending::pardon(&self.config));
            self.begin(Response::spoken(id, sentence, DialogueKind::Normal, &line));
        }
    }

    pub(crate) fn close_utterance(&mut self) -> Option<crate::user_turn::Utterance> {
        let utterance = self.user.close()?;
        self.settle_overlap(Outcome::TextLate);
        self.outbox.push(Output::CloseUtterance { utterance: utterance.id });
        Some(utterance)
    }

    /// An utterance is closed. What is said by now is the question; if that is nothing, there is no turn.
    pub(crate) fn after_utterance(&mut self) {
        if self.user.said.is_empty()
            && let Some(unused) = self.user.reset()
        {
            self.ids.return_sentence(unused);
        }
        self.begin_next();
        self.drop_guess();
    }

    /// The sentence id of the question that is being said.
    pub(crate) fn user_sentence(&mut self) -> ringline_model::SentenceId {
        *self.user.sentence.get_or_insert_with(|| self.ids.sentence())
    }

    pub(crate) fn interrupt_by_word(&mut self, text: &str) {
        if self.state != AgentState::Speaking
            || !self.is_interruptible()
            || !words::says_one(text, &self.config.interrupt.words)
        {
            return;
        }
        if self.may_be_other() {
            self.keep_words(text, false);
            return self.identify_unless_asked();
        }
        let Some(utterance) = &mut self.user.utterance else { return };
        (utterance.by_word, utterance.discard) = (true, false);
        let began = utterance.began();
        self.interrupt(InterruptReason::Words, Some(began));
    }
}
