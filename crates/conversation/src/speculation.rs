//! An answer that begins before the user's turn is certainly over (`TurnDetectionConfig.SpeculativeGeneration`, a key of our own, off by
//! default: a turn that goes on costs a request for nothing).
//!
//! When a pause looks like the end (its text is there, and the endpointing policy takes it for likely, or an interim text is a whole
//! sentence), the language model is asked, and what it says is synthesised. Nothing of it is played (its playout is paused from the
//! start), shown, recorded or reported. If the turn ends with the same words, the guess is the answer, as far as it is; otherwise it is dropped
//! without a trace but the journal's. At most [`MOST_GUESSES`] for one turn.

use crate::{
    Conversation, Event, Milestone, Output,
    endpointing::Endpointing,
    response::Response,
    text,
    user_turn::{Question, UserTurn},
};
use ringline_model::{ResponseId, SegmentId};

/// Guesses for one turn; after them the turn's end is waited for.
const MOST_GUESSES: u32 = 3;

/// Marks at the end of an interim text that is a whole sentence.
const SENTENCE_ENDS: [char; 6] = ['.', '!', '?', '。', '！', '？'];

#[derive(Debug)]
pub(crate) struct Guess {
    response: Response,
    /// The question it answers, as it is compared.
    words: String,
}

impl Conversation {
    /// An interim text may already be the whole turn.
    pub(crate) fn guess_from_interim(&mut self, text: &str) {
        if text.trim_end().ends_with(SENTENCE_ENDS) && !text.trim_end().ends_with("..") {
            self.guess(text.trim());
        }
    }

    /// Something has become known of a pause.
    pub(crate) fn guess_from_pause(&mut self) {
        let policy = Endpointing::new(&self.config);
        let text = self.user.utterance.as_ref().and_then(|utterance| utterance.likely_text(&policy));
        if let Some(text) = text.map(str::to_owned) {
            self.guess(&text);
        }
    }

    /// Asks for the answer to what is said so far, if the agent could begin it as soon as the turn ends.
    fn guess(&mut self, text: &str) {
        let is_heeded = |turn: &UserTurn| {
            turn.utterance
                .as_ref()
                .is_some_and(|utterance| !(utterance.contends || utterance.discard || utterance.by_word))
        };
        let is_free =
            self.response.is_none() && self.cut.is_none() && self.opening.is_none() && self.takeover.is_none();
        if !self.config.turn_detection.speculate
            || self.back_channels.is_saying()
            || !is_free
            || self.is_leaving()
            || self.says.is_waiting()
            || !is_heeded(&self.user)
        {
            return;
        }
        let text = self.user.with(text);
        let words = bare(&text);
        if !text::is_speakable(&text) || self.guess.as_ref().is_some_and(|guess| guess.words == words) {
            return;
        }
        self.drop_guess();
        if self.user.guesses >= MOST_GUESSES {
            return;
        }
        self.user.guesses += 1;
        let messages = self.prompt(&text);
        let question = Question { text, sentence: self.user_sentence(), began: self.now, end: None, disturbed: false };
        let (response, request) = Response::generated(self.ids.response(), question, messages, self.now);
        self.outbox.push(Output::PausePlayout { response: response.id });
        self.outbox.push(request);
        self.guess = Some(Guess { response: response.reading(&self.config), words });
    }

    /// The guess, if it answers this question and is worth anything; otherwise it is gone.
    pub(crate) fn take_guess(&mut self, question: &Question) -> Option<Response> {
        let fits = |guess: &Guess| {
            guess.words == bare(&question.text) && !(guess.response.is_text_complete() && guess.response.is_mute())
        };
        if !self.guess.as_ref().is_some_and(fits) {
            self.drop_guess();
        }
        let mut response = self.guess.take()?.response;
        response.moments.turn_end = question.end.filter(|end| end.decided == self.now);
        response.question = Some(question.clone());
        self.outbox.push(Output::Unduck { response: response.id });
        self.report_guess(&response);
        Some(response)
    }

    /// What was not told while it was a guess.
    fn report_guess(&mut self, response: &Response) {
        let (moments, sentence) = (response.moments, response.sentence);
        let pairs = [
            (Milestone::FirstText, moments.asked, moments.first_text),
            (Milestone::FirstAudio, moments.first_segment, moments.first_audio),
        ];
        for (milestone, requested, answered) in pairs {
            if let (Some(requested), Some(answered)) = (requested, answered) {
                self.outbox.record(Event::Milestone { milestone, sentence, requested, answered });
            }
        }
    }

    pub(crate) fn drop_guess(&mut self) {
        if let Some(guess) = self.guess.take() {
            self.outbox.push(Output::CancelResponse { response: guess.response.id });
            self.outbox.push(Output::StopPlayout { response: guess.response.id });
        }
    }

    fn guessed(&mut self, id: ResponseId) -> Option<&mut Response> {
        self.guess.as_mut().map(|guess| &mut guess.response).filter(|response| response.id == id)
    }

    /// Text of a guess; returns whether it was one.
    pub(crate) fn on_guess_text(&mut self, id: ResponseId, text: &str) -> bool {
        let now = self.now;
        let Some(response) = self.guessed(id) else { return false };
        response.on_text(text, now);
        self.synthesise_guess();
        true
    }

    pub(crate) fn on_guess_finished(&mut self, id: ResponseId) -> bool {
        let Some(response) = self.guessed(id) else { return false };
        response.complete(true);
        self.synthesise_guess();
        true
    }

    /// A guess that fails was none.
    pub(crate) fn on_guess_failed(&mut self, id: ResponseId) -> bool {
        let is_guess = self.guessed(id).is_some();
        if is_guess {
            self.drop_guess();
        }
        is_guess
    }

    fn synthesise_guess(&mut self) {
        let Some(guess) = &mut self.guess else { return };
        while let Some(output) = guess.response.hand_over(|| self.ids.segment(), &self.config.tts, self.now) {
            self.outbox.push(output);
        }
    }

    /// The response a segment belongs to, if that is a guess.
    pub(crate) fn guess_of(&mut self, segment: SegmentId) -> Option<&mut Response> {
        self.guess.as_mut().map(|guess| &mut guess.response).filter(|response| response.ledger.has(segment))
    }
}

/// The letters and digits of a text: what two transcripts of the same words have in common.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
