//! Who has the floor: stepping back while the user speaks over the agent, stopping the agent, and finding out how much of
//! it was heard.
//!
//! Stopping is immediate; what was heard is written down when playout has answered, or after [`STOP_WAIT`] from what is
//! known. What an interruption means that turns out to be none is in `resumption`.

use crate::{
    AgentState, Conversation, Event, InterruptReason, Notice, Output, Role,
    backchannel::{Meaning, meaning},
    barge_in::{BargeIn, Due, Outcome, Overlap},
    history::INTERRUPTED_MARK,
    response::Response,
};
use ringline_model::{CallTime, ResponseId, SegmentId};
use std::time::Duration;

/// How long playout may take to say where it stopped.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// A question is taken back for a mere sound once. After that a sound must last this long, or turn out to be words, so
/// that noise cannot keep an answer away.
const AFTER_NOISE: Duration = Duration::from_secs(1);

/// A stopped response whose heard part is not known yet.
#[derive(Debug)]
pub(crate) struct Cut {
    pub response: Response,
    pub until: CallTime,
}

impl Conversation {
    /// The agent speaks or thinks about a question, so that a voice would interrupt it. A greeting or spoken text that has
    /// not begun to play isn't cut by speech.
    pub(crate) fn agent_has_floor(&self) -> bool {
        let is_floor = |response: &Response| response.is_under_way() || response.question.is_some();
        self.response.as_ref().is_some_and(is_floor)
    }

    /// What the agent says now may be stopped; an answer marked `<No Interrupting>` may not, by any means but the end of
    /// the call and a takeover (server-api §8.2).
    pub(crate) fn is_interruptible(&self) -> bool {
        self.response.as_ref().is_none_or(|response| !response.is_uninterruptible)
    }

    /// Whether the user's voice stops the agent.
    pub(crate) fn voice_interrupts(&self) -> bool {
        self.config.interrupt.enable_voice_interrupt && self.is_interruptible()
    }

    /// How long speech that begins now must last to take the floor from an agent that thinks; none if it does not.
    pub(crate) fn shortest_interruption(&self) -> Option<Duration> {
        let response = self.response.as_ref().filter(|_| self.agent_has_floor() && !self.is_heard())?;
        let configured = Duration::from_millis(self.config.asr.vad_duration.into());
        let disturbed = response.question.as_ref().is_some_and(|question| question.disturbed);
        Some(if disturbed { configured.max(AFTER_NOISE) } else { configured })
    }

    /// An utterance that began while the agent had the floor has ended in words, without having lasted long enough to
    /// interrupt. Returns whether it counts.
    pub(crate) fn counts_beside_agent(&mut self, began: CallTime, text: &str) -> bool {
        let Some(response) = &self.response else { return true };
        if response.is_uninterruptible {
            return true;
        }
        if response.question.is_some() {
            self.go_on_with_question();
        } else if self.voice_interrupts() {
            let policy = BargeIn::new(&self.config);
            if !policy.heeds_words() {
                return false;
            }
            match self.meaning_over_agent(text, began) {
                _ if policy.is_immediate() => {}
                // "Yes" is an answer to what the agent is about to have asked.
                Meaning::Backchannel => return response.is_asking(),
                // It has its answer when the agent has finished.
                Meaning::Remark => return true,
                Meaning::Nothing | Meaning::Words => {}
            }
            self.interrupt(InterruptReason::Voice, Some(began));
        }
        true
    }

    pub(crate) fn meaning(&self, text: &str) -> Meaning {
        meaning(text, self.config.asr.language.as_deref())
    }

    /// The same of what is said since `began`. Who began no later than the agent makes no remark on it: the agent has interrupted
    /// them.
    fn meaning_over_agent(&self, text: &str, began: CallTime) -> Meaning {
        let heard_from = self.response.as_ref().and_then(|response| response.spoken_from);
        match self.meaning(text) {
            Meaning::Remark if heard_from.is_none_or(|from| began <= from) => Meaning::Words,
            meaning => meaning,
        }
    }

    /// The user hears the agent.
    fn is_heard(&self) -> bool {
        self.response.as_ref().is_some_and(|response| response.spoken_from.is_some())
    }

    /// Speech is heard, from `at` on: if the agent is, too, it steps back until it is known what the speech means.
    pub(crate) fn on_speech_over_agent(&mut self, at: CallTime) {
        let Some(response) = self.response.as_ref().filter(|_| self.is_heard() && self.voice_interrupts()) else {
            return;
        };
        let response = response.id;
        let is_known = !self.may_be_other();
        if is_known && BargeIn::new(&self.config).is_immediate() {
            return self.interrupt_by_voice();
        }
        match &mut self.overlap {
            Some(overlap) => overlap.resume(at),
            None => {
                self.overlap = Some(Overlap::new(response, at, is_known));
                self.outbox.push(Output::Duck { response });
            }
        }
    }

    pub(crate) fn on_overlap_paused(&mut self, at: CallTime) {
        let policy = BargeIn::new(&self.config);
        if self.overlap.as_mut().is_some_and(|overlap| overlap.pause(at, self.now, &policy)) {
            self.settle_overlap(Outcome::TooShort);
        }
    }

    /// Something is recognised of what is said over the agent.
    pub(crate) fn on_words_over_agent(&mut self, text: &str, is_final: bool) {
        let Some(utterance) = &self.user.utterance else { return };
        let (contends, began) = (utterance.contends, utterance.began());
        if !(self.is_heard() && self.voice_interrupts() && (contends || self.overlap.is_some())) {
            return;
        }
        let policy = BargeIn::new(&self.config);
        let (is_open, meaning) = (self.may_be_other(), self.meaning_over_agent(text, began));
        let Some(response) = &self.response else { return };
        // The agent may have gone on before the text came.
        let mut late = Overlap::new(response.id, self.now, true);
        let overlap = self.overlap.as_mut().unwrap_or(&mut late);
        match overlap.read(meaning, is_final, self.now, &policy) {
            Some(Outcome::Interrupted) if is_open => {
                self.keep_words(text, is_final);
                self.identify_unless_asked();
            }
            Some(Outcome::Interrupted) => self.interrupt_by_voice(),
            Some(outcome) => self.settle_overlap(outcome),
            None => {}
        }
    }

    pub(crate) fn on_overlap_due(&mut self, due: Due) {
        match due {
            Due::Pause => {
                let Some(overlap) = &mut self.overlap else { return };
                overlap.paused = Some(self.now);
                self.outbox.push(Output::PausePlayout { response: overlap.response });
            }
            Due::Identify => {
                let Some(overlap) = &mut self.overlap else { return };
                overlap.identify();
                self.identify_unless_asked();
            }
            Due::Known => self.on_known_voice(),
            Due::Stop if self.voice_interrupts() => self.interrupt_by_voice(),
            Due::Stop => self.settle_overlap(Outcome::Moot),
            Due::GoOn => self.settle_overlap(Outcome::TextLate),
        }
    }

    /// The agent keeps the floor, and what it says comes back up.
    pub(crate) fn settle_overlap(&mut self, outcome: Outcome) {
        if let Some(Overlap { response, began, paused, .. }) = self.overlap.take() {
            self.outbox.push(Output::Unduck { response });
            self.outbox.record(Event::Overlap { response, began, paused, outcome });
        }
    }

    fn interrupt_by_voice(&mut self) {
        let began = self.user.utterance.as_ref().map(|utterance| utterance.began());
        self.interrupt(InterruptReason::Voice, began);
    }

    /// The user's speech has lasted as long as an interruption must.
    pub(crate) fn on_lasting_speech(&mut self) {
        let began = self.user.utterance.as_ref().map(|utterance| utterance.began());
        self.take_floor(InterruptReason::Voice, began);
    }

    /// The user takes the floor, if it can be had.
    pub(crate) fn take_floor(&mut self, reason: InterruptReason, speech_began: Option<CallTime>) {
        let Some(response) = self.response.as_ref().filter(|_| self.is_interruptible()) else { return };
        if response.is_under_way() {
            if self.voice_interrupts() {
                self.interrupt(reason, speech_began);
            }
        } else if response.question.is_some() {
            self.go_on_with_question();
        }
    }

    /// The user goes on before anything of the answer was heard: the question is not complete, the answer is dropped.
    fn go_on_with_question(&mut self) {
        let Some(mut response) = self.response.take() else { return };
        self.cancel(&response);
        if response.ledger.sounding_filler().is_some() {
            self.outbox.notify(Notice::Interrupted { reason: InterruptReason::Voice });
        }
        if let Some(question) = response.question.take()
            && let Some(unused) = self.user.reopen(question)
        {
            self.ids.return_sentence(unused);
        }
        self.give_user_floor();
        self.set_state(AgentState::Listening);
    }

    /// Stops the agent's turn, if there is one.
    pub(crate) fn interrupt(&mut self, reason: InterruptReason, speech_began: Option<CallTime>) {
        let Some(mut response) = self.response.take() else { return };
        let stopped = self.cancel(&response);
        self.outbox.notify(Notice::Interrupted { reason });
        self.set_state(AgentState::Listening);
        self.outbox.record(Event::Interrupted { reason, response: response.id, speech_began });
        if let Some(Overlap { response, began, paused, .. }) = self.overlap.take() {
            let outcome = match reason {
                InterruptReason::Voice | InterruptReason::Words => Outcome::Interrupted,
                InterruptReason::Unknown
                | InterruptReason::Command
                | InterruptReason::Speech
                | InterruptReason::Text => Outcome::Moot,
            };
            self.outbox.record(Event::Overlap { response, began, paused, outcome });
        }
        self.record_question(&mut response);
        self.give_user_floor();
        self.presence.touch(self.now);
        self.keep_unfinished(&response, reason);
        if stopped {
            self.cut = Some(Cut { response, until: self.now + STOP_WAIT });
        }
    }

    /// Ends all work for a response. Returns whether playout was told to stop, and will answer.
    pub(crate) fn cancel(&mut self, response: &Response) -> bool {
        self.outbox.push(Output::CancelResponse { response: response.id });
        self.keep_round(response);
        let handed_over = !response.ledger.is_empty();
        if handed_over {
            self.outbox.push(Output::StopPlayout { response: response.id });
        }
        if let Some(sentence) = response.ledger.sounding_filler() {
            self.outbox.notify(Notice::AgentSubtitle { text: String::new(), end: true, sentence });
        }
        handed_over
    }

    /// What the user is saying was not said into the agent's speech any more.
    pub(crate) fn give_user_floor(&mut self) {
        if let Some(utterance) = &mut self.user.utterance {
            utterance.contends = false;
        }
    }

    pub(crate) fn on_playout_stopped(&mut self, response: ResponseId, stopped: Option<(SegmentId, u32)>) {
        if self.cut.as_ref().is_some_and(|cut| cut.response.id == response) {
            self.settle_cut(stopped);
        }
    }

    /// Writes down what was heard of the cut response, and goes on with what waited for it.
    pub(crate) fn settle_cut(&mut self, stopped: Option<(SegmentId, u32)>) {
        if let Some(cut) = self.cut.take() {
            self.note_rest(&cut.response, stopped);
            self.record_heard(&cut.response, cut.response.ledger.heard_until(stopped), true);
        }
        self.begin_next();
    }

    /// Puts what the user heard of a response into the records and the history. Of a clip the records get the URL, the
    /// history nothing: it has no words.
    pub(crate) fn record_heard(&mut self, response: &Response, text: String, interrupted: bool) {
        let url = response.audio_url.clone().filter(|_| response.spoken_from.is_some());
        let is_clip = url.is_some();
        let text = url.unwrap_or(text);
        if text.is_empty() {
            return;
        }
        self.outbox.record(Event::Dialogue {
            role: Role::Assistant,
            kind: response.kind,
            text: text.clone(),
            sentence: response.sentence,
            begin: response.spoken_from.unwrap_or(self.now),
            interrupted,
        });
        if is_clip {
            return;
        }
        let marked = interrupted && self.config.llm.history_sync_with_tts;
        let mark = if marked { INTERRUPTED_MARK } else { "" };
        let text = text + mark;
        match response.resumes {
            Some(_) => self.history.go_on(text),
            None => self.history.push(Role::Assistant, text),
        }
    }
}
