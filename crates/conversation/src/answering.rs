//! The agent's turns: which one begins next, its text on the way to speech, its playout and its end.

use crate::{
    AgentState, Conversation, DialogueKind, EndReason, Event, Message, Milestone, Notice, Role, Stage,
    barge_in::Outcome,
    brackets::BracketFilter,
    conversation::Life,
    heard::Overdue,
    pending,
    response::{Due, Response},
    says::Say,
    user_turn::Question,
};
use ringline_model::{ResponseId, SegmentId};

/// Answers that may fail in a row, because there is no text or no speech, and utterances that are not recognised; at the last the
/// agent leaves.
pub(crate) const MAX_FAILURES: u32 = 3;

impl Conversation {
    /// Begins what waits for the agent: a text that must be said now, the user's question, a text that waits for its turn.
    pub(crate) fn begin_next(&mut self) {
        if self.is_leaving() || self.response.is_some() || self.cut.is_some() || self.opening.is_some() {
            return;
        }
        if let Some(say) = self.says.next_urgent() {
            self.begin_say(say);
        } else if self.user.is_ready() {
            self.begin_answer();
        } else if let Some(rest) = self.take_rest() {
            self.begin(rest);
        } else if self.user.utterance.is_none()
            && let Some(say) = self.says.next_patient()
        {
            self.begin_say(say);
        }
    }

    fn begin_say(&mut self, say: Say) {
        let (id, sentence) = (self.ids.response(), self.ids.sentence());
        self.begin(match say {
            Say::Text(text) => Response::spoken(id, sentence, DialogueKind::Speech, &self.aloud(&text)),
            Say::Clip { url, clip } => Response::clip(id, sentence, url, clip),
        });
    }

    /// The user's turn is over.
    fn begin_answer(&mut self) {
        let question = self.take_question();
        let sentence = question.sentence;
        self.show_user(question.text.clone(), true, sentence);
        let (requested, answered) = question.end.map_or((self.now, self.now), |end| (end.text_asked, end.decided));
        self.outbox.record(Event::Milestone { milestone: Milestone::IntentRecognised, sentence, requested, answered });
        self.set_state(AgentState::Thinking);
        if let Some(response) = self.take_guess(&question) {
            return self.begin(response);
        }
        let messages = self.prompt(&question.text);
        let (response, request) = Response::generated(self.ids.response(), question, messages, self.now);
        self.outbox.push(request);
        self.begin(response.reading(&self.config));
    }

    /// What of a text is spoken.
    pub(crate) fn aloud(&self, text: &str) -> String {
        BracketFilter::of(&self.config.tts.unspoken, text)
    }

    /// What the user has said so far, as a question; the user's next turn is a new one.
    pub(crate) fn take_question(&mut self) -> Question {
        let question = Question {
            text: std::mem::take(&mut self.user.said),
            sentence: self.user_sentence(),
            began: self.user.began.unwrap_or(self.now),
            end: self.user.end,
            disturbed: self.user.disturbed,
        };
        self.user.reset();
        question
    }

    pub(crate) fn begin(&mut self, response: Response) {
        self.unfinished = None;
        self.drop_guess();
        self.response = Some(response);
        self.go_on_speaking();
    }

    /// Hands on what there is room for, and ends the response if all of it is said.
    pub(crate) fn go_on_speaking(&mut self) {
        if self.is_leaving() {
            return;
        }
        let Some(response) = &mut self.response else { return };
        while let Some(output) = response.hand_over(|| self.ids.segment(), &self.config.tts, self.now) {
            self.outbox.push(output);
        }
        if response.is_done() {
            self.finish_response();
        }
    }

    fn finish_response(&mut self) {
        self.settle_overlap(Outcome::Moot);
        let Some(mut response) = self.response.take() else { return };
        self.record_question(&mut response);
        if response.has_strays() {
            self.cancel(&response);
        } else if response.needs_cancelling() {
            self.outbox.push(crate::Output::CancelResponse { response: response.id });
        }
        let sentence = response.sentence;
        if self.presence.has_joined() && !response.is_wordless {
            self.outbox.notify(Notice::AgentSubtitle { text: String::new(), end: true, sentence });
        }
        if self.config.llm.complete_reply && !response.reply().is_empty() {
            self.outbox.notify(Notice::ReplyCompleted { text: response.reply().to_owned(), sentence });
        }
        self.set_state(AgentState::Listening);
        self.give_user_floor();
        self.record_heard(&response, response.ledger.heard(), false);
        self.presence.touch(self.now);
        if let Some(reason) = response.ends_call {
            return self.leave(reason);
        }
        if response.ledger.is_unheard() {
            self.unheard += 1;
            if self.unheard >= MAX_FAILURES {
                let message = "speech synthesis does not answer".to_owned();
                self.outbox.notify(Notice::WillLeave { reason: 0, message });
                return self.end(EndReason::ProviderFailed);
            }
        } else if !response.ledger.is_empty() {
            self.unheard = 0;
        }
        self.begin_next();
    }

    /// The question can no longer change: it goes into the records and the history.
    pub(crate) fn record_question(&mut self, response: &mut Response) {
        if let Some(question) = response.question.take() {
            self.record_user(question);
        }
    }

    /// What the language model is asked: the history, what was whispered, and the question.
    pub(crate) fn prompt(&mut self, question: &str) -> Vec<Message> {
        let mut messages = self.history.prompt(&self.config, question);
        let last = messages.len() - 1;
        messages.splice(last..last, self.whispers.give());
        messages
    }

    pub(crate) fn record_user(&mut self, question: Question) {
        self.outbox.record(Event::Dialogue {
            role: Role::User,
            kind: DialogueKind::Normal,
            text: question.text.clone(),
            sentence: question.sentence,
            begin: question.began,
            interrupted: false,
        });
        self.history.push(Role::User, question.text);
    }

    pub(crate) fn current(&mut self, id: ResponseId) -> Option<&mut Response> {
        self.response.as_mut().filter(|response| response.id == id)
    }

    /// The response a segment belongs to: the current one, or one that was cut and is not settled.
    fn owner(&mut self, segment: SegmentId) -> Option<&mut Response> {
        if self.guess_of(segment).is_some() {
            return self.guess_of(segment);
        }
        let cut = self.cut.as_mut().map(|cut| &mut cut.response);
        self.response.as_mut().into_iter().chain(cut).find(|response| response.ledger.has(segment))
    }

    pub(crate) fn on_response_text(&mut self, id: ResponseId, text: &str) {
        if self.on_guess_text(id, text) {
            return;
        }
        let now = self.now;
        let Some(response) = self.current(id) else { return };
        let (sentence, asked) = (response.sentence, response.on_text(text, now));
        self.report_transfer();
        if let Some(requested) = asked {
            let milestone = Milestone::FirstText;
            self.outbox.record(Event::Milestone { milestone, sentence, requested, answered: now });
        }
        self.go_on_speaking();
    }

    /// Telephone calls are not offered, so neither is transferring one; what the answer has for that case is said.
    fn report_transfer(&mut self) {
        if self.response.as_mut().is_some_and(|response| std::mem::take(&mut response.failed_transfer)) {
            let error = "the answer wants to transfer the call, which is not offered".to_owned();
            self.outbox.record(Event::ProviderFailed { stage: Stage::Generation, error });
        }
    }

    pub(crate) fn on_response_finished(&mut self, id: ResponseId) {
        if self.on_guess_finished(id) {
            return;
        }
        if let Some(response) = self.current(id) {
            if response.tools.are_running() {
                return;
            }
            if response.tools.are_asked() && !response.is_text_complete() {
                return self.run_tools();
            }
            let was_complete = response.is_text_complete();
            response.complete(true);
            if !was_complete && response.is_mute() && response.ends_call.is_none() {
                return self.on_generation_failed("the answer is empty".to_owned());
            }
            self.failures = 0;
            self.report_transfer();
            self.go_on_speaking();
        }
    }

    pub(crate) fn on_response_failed(&mut self, id: ResponseId, error: String) {
        if self.on_guess_failed(id) {
            return;
        }
        let Some(response) = self.current(id) else { return };
        let was_complete = response.is_text_complete();
        response.complete(true);
        if !was_complete {
            self.on_generation_failed(error);
        }
    }

    /// The answer's text stops short. What there is of it is said; if that is nothing, an apology is.
    pub(crate) fn on_generation_failed(&mut self, error: String) {
        self.outbox.record(Event::ProviderFailed { stage: Stage::Generation, error });
        self.failures += 1;
        if self.failures >= MAX_FAILURES {
            let message = "the language model does not answer".to_owned();
            self.outbox.notify(Notice::WillLeave { reason: 0, message });
            return self.end(EndReason::ProviderFailed);
        }
        let Some(mut failed) = self.response.take() else { return };
        if !failed.is_mute() {
            failed.break_off();
            return self.begin(failed);
        }
        if failed.ledger.in_flight() > 0 {
            // A filler is not cut short for it.
            self.record_question(&mut failed);
            failed.say_instead(pending::apology(&self.config));
            return self.begin(failed);
        }
        self.cancel(&failed);
        self.record_question(&mut failed);
        let id = self.ids.response();
        self.begin(Response::spoken(id, failed.sentence, DialogueKind::Normal, pending::apology(&self.config)));
    }

    pub(crate) fn on_response_due(&mut self, due: Due) {
        let now = self.now;
        let Some(response) = &mut self.response else { return };
        match due {
            Due::ToolsLate => self.on_tools_late(),
            Due::TextSlow => {
                response.flush();
                self.go_on_speaking();
            }
            Due::TextStalled => {
                response.complete(false);
                self.on_generation_failed("no text in time".to_owned());
            }
            Due::Short => {
                response.release_short();
                self.go_on_speaking();
            }
            Due::Segment(overdue) => {
                // All that are overdue together, before the next ones are handed over.
                let filler = response.ledger.sounding_filler();
                let mut next = Some(overdue);
                while let Some(overdue) = next {
                    response.on_overdue(overdue, now);
                    let error = match overdue {
                        Overdue::Audio(segment) => format!("segment {segment} got no audio in time"),
                        Overdue::Start(segment) => format!("segment {segment} did not begin to play"),
                        Overdue::End(segment) => format!("segment {segment} did not end"),
                    };
                    self.outbox.record(Event::ProviderFailed { stage: Stage::Synthesis, error });
                    next = response.overdue_segment(now, self.presence.here_since());
                }
                self.after_filler(filler);
                self.go_on_speaking();
            }
        }
    }

    pub(crate) fn on_audio_ready(&mut self, segment: SegmentId) {
        let now = self.now;
        self.note_first_audio(segment);
        if let Some(response) = self.owner(segment) {
            response.ledger.audio_ready(segment, now);
        }
    }

    pub(crate) fn on_synthesised(&mut self, segment: SegmentId, duration_ms: u32) {
        let now = self.now;
        self.note_first_audio(segment);
        if let Some(response) = self.owner(segment) {
            response.ledger.synthesised(segment, duration_ms, now);
        }
    }

    fn note_first_audio(&mut self, segment: SegmentId) {
        let now = self.now;
        if let Some(response) = self.guess_of(segment) {
            response.moments.first_audio.get_or_insert(now);
        }
        let is_answer =
            |response: &&mut Response| response.ledger.has(segment) && response.ledger.filler(segment).is_none();
        let Some(response) = self.response.as_mut().filter(is_answer) else { return };
        if response.moments.first_audio.is_some() {
            return;
        }
        response.moments.first_audio = Some(now);
        if response.moments.asked.is_some() {
            let (milestone, sentence) = (Milestone::FirstAudio, response.sentence);
            let requested = response.moments.first_segment.unwrap_or(now);
            self.outbox.record(Event::Milestone { milestone, sentence, requested, answered: now });
        }
    }

    pub(crate) fn on_segment_failed(&mut self, segment: SegmentId, error: String) {
        let now = self.now;
        let Some(response) = self.owner(segment) else { return };
        response.ledger.failed(segment, now);
        self.outbox.record(Event::ProviderFailed { stage: Stage::Synthesis, error });
        self.go_on_speaking();
    }

    pub(crate) fn on_playout_started(&mut self, segment: SegmentId) {
        let (now, filler) = (self.now, self.sounding_filler());
        let Some(response) = self.response.as_mut().filter(|response| response.ledger.has(segment)) else { return };
        let Some(text) = response.ledger.started(segment, now) else { return };
        self.after_filler(filler);
        if let Some(sentence) = self.is_filler(segment) {
            return self.on_filler_started(text, sentence);
        }
        let Some(response) = &mut self.response else { return };
        let (sentence, first) = (response.sentence, response.spoken_from.is_none());
        let latency = if first { response.moments.breakdown(sentence, now) } else { None };
        response.spoken_from.get_or_insert(now);
        let emotion = response.new_emotion(segment);
        if let Some(question) = response.question.take() {
            self.whispers.heeded();
            self.record_user(question);
        }
        self.set_state(AgentState::Speaking);
        self.presence.touch(now);
        if let Some(emotion) = emotion {
            self.outbox.notify(Notice::Emotion { emotion, sentence });
        }
        if !text.is_empty() {
            self.outbox.notify(Notice::AgentSubtitle { text, end: false, sentence });
        }
        if let Some(latency) = latency {
            self.outbox.notify(Notice::Latency { latency });
            self.outbox.record(Event::Latency { latency });
        }
        // Earlier segments may have made room.
        self.go_on_speaking();
    }

    /// Of a segment without sound, because its synthesis failed or made none, playout reports the end alone; nothing was heard.
    pub(crate) fn on_playout_finished(&mut self, segment: SegmentId) {
        let now = self.now;
        let Some(response) = self.owner(segment) else { return };
        if response.ledger.is_soundless(segment) {
            response.ledger.skip(segment, now);
            return self.go_on_speaking();
        }
        self.on_playout_started(segment);
        let filler = self.sounding_filler();
        let Some(response) = self.owner(segment) else { return };
        response.ledger.finished(segment, now);
        self.after_filler(filler);
        self.presence.touch(now);
        if let Life::Stopping { reason, .. } = self.life
            && !self.response.as_ref().is_some_and(|response| response.ledger.is_playing())
        {
            return self.end(reason);
        }
        self.go_on_speaking();
    }
}
