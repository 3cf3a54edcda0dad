//! A human takes the call over (TakeoverAIAgentCall, server-api §4.11, client-sdk §6.6), and gives it back.
//!
//! From the start on the agent answers nobody and asks the language model nothing, and nobody is idle. The client is
//! told with 1012, and with 1013 when the human is connected; a user who joins or returns meanwhile is told again. Typed
//! questions (1111, SendAIAgentText) are not taken. Spoken texts and clips (SendAIAgentSpeech) are taken only where the
//! human speaks with the agent's voice. While one takeover lasts, another is not begun.
//!
//! What is said meanwhile is written down, without subtitles, interruptions or milestones: the user's words as the user's, the
//! human's ([`Input::HumanSaid`](crate::Input::HumanSaid)) as the agent's side. So the agent knows it all when the call is
//! given back. In [`TakeoverMode::AgentVoice`] the human's words are said by the agent, and what of them was heard is on record.
//!
//! A supervisor who speaks to both ([`TakeoverMode::SpeaksIn`]) does the same for a moment, without a word to the client: the agent
//! is stopped as by an interruption, since a sentence that goes on after somebody else has spoken fits no more, and two voices
//! at once are understood by nobody. It always ends with the call given back.

use crate::{
    AgentState, Conversation, DialogueKind, EndReason, Event, InterruptReason, Notice, Output, Role, TakeoverMode,
    commands::LEAVES_AFTER_TAKEOVER, latency::TurnEnd, text, user_turn::MAX_TURN_CHARS,
};
use ringline_model::{CallTime, UserId};
use std::time::Duration;

/// How long the human may take to connect; then the agent goes on.
const HUMAN_WAIT: Duration = Duration::from_secs(60);

/// Longest a human stays in charge; then the call ends as if the human had left.
const LONGEST_TAKEOVER: Duration = Duration::from_secs(24 * 3600);

/// Longest a supervisor speaks to both without a break; then the agent goes on. A button that is held by mistake must not keep
/// the agent silent for ever.
const LONGEST_SPEAKING: Duration = Duration::from_secs(10 * 60);

/// What the language model is told once the call is given back.
pub const GIVEN_BACK: &str = "A human colleague has just spoken with the user. Their words are the assistant's last lines above. \
The call is yours again: go on from what was said, and do not ask again for what the user has already answered.";

#[derive(Debug)]
pub(crate) struct Takeover {
    human: UserId,
    mode: TakeoverMode,
    is_connected: bool,
    until: CallTime,
}

impl Takeover {
    pub fn deadline(&self) -> CallTime {
        self.until
    }

    /// Whether the human speaks with the agent's voice.
    pub fn lends_voice(&self) -> bool {
        self.mode == TakeoverMode::AgentVoice
    }

    fn is_announced(&self) -> bool {
        self.mode != TakeoverMode::SpeaksIn
    }

    /// Whether a takeover may begin though there is this one: whoever speaks to both can take over.
    fn yields_to(&self, human: &UserId, mode: TakeoverMode) -> bool {
        !self.is_announced() && mode != TakeoverMode::SpeaksIn && self.human == *human
    }
}

impl Conversation {
    pub(crate) fn on_takeover_started(&mut self, human: UserId, mode: TakeoverMode) {
        if self.is_leaving() || self.takeover.as_ref().is_some_and(|takeover| !takeover.yields_to(&human, mode)) {
            return;
        }
        self.takeover = Some(Takeover { human, mode, is_connected: false, until: self.now + HUMAN_WAIT });
        self.clear_says();
        if self.presence.has_joined() {
            self.interrupt(InterruptReason::Unknown, None);
        } else if let Some(unheard) = self.response.take() {
            self.cancel(&unheard);
        }
        if !self.user.said.is_empty() {
            let question = self.take_question();
            self.record_user(question);
        }
        match &mut self.user.utterance {
            // What is being said is for the human, and is written down at its end.
            Some(utterance) => (utterance.contends, utterance.discard, utterance.by_word) = (false, false, false),
            None => {
                if let Some(unused) = self.user.reset() {
                    self.ids.return_sentence(unused);
                }
            }
        }
        self.set_state(AgentState::Listening);
        self.announce_takeover();
    }

    pub(crate) fn on_takeover_connected(&mut self) {
        let now = self.now;
        let Some(takeover) = self.takeover.as_mut().filter(|takeover| !takeover.is_connected) else { return };
        takeover.is_connected = true;
        takeover.until = now + if takeover.is_announced() { LONGEST_TAKEOVER } else { LONGEST_SPEAKING };
        let (human, mode, is_announced) = (takeover.human.clone(), takeover.mode, takeover.is_announced());
        self.human_mode = Some(mode);
        self.outbox.push(Output::HandOver { human: human.clone(), mode });
        if is_announced {
            self.outbox.notify(Notice::TakeoverConnected { human });
        }
    }

    /// Also when the human had not connected: who began it says that it is over.
    pub(crate) fn on_takeover_ended(&mut self) {
        if self.is_leaving() {
            return;
        }
        match &self.takeover {
            None => {}
            Some(takeover) if !takeover.is_announced() => self.on_handed_back(),
            Some(_) => {
                let message = "the takeover has ended".to_owned();
                self.outbox.notify(Notice::WillLeave { reason: LEAVES_AFTER_TAKEOVER, message });
                self.end(EndReason::TakeoverEnded);
            }
        }
    }

    /// The agent listens again and goes on with what comes.
    pub(crate) fn on_takeover_cancelled(&mut self) {
        let Some(takeover) = self.takeover.take_if(|takeover| !takeover.is_connected) else { return };
        self.outbox.record(Event::TakeoverCancelled { human: takeover.human });
        self.presence.touch(self.now);
        self.listen_as_before();
        self.begin_next();
    }

    /// In push-to-talk only a press is for the agent: what voice activity alone has begun is dropped.
    fn listen_as_before(&mut self) {
        if self.config.push_to_talk && self.close_utterance().is_some() {
            self.after_utterance();
        }
    }

    /// The agent is in charge again. What the human says with its voice is finished first; what the user is saying is the
    /// agent's to answer.
    pub(crate) fn on_handed_back(&mut self) {
        if self.is_leaving() {
            return;
        }
        let Some(takeover) = self.takeover.take_if(|takeover| takeover.is_connected) else {
            return self.on_takeover_cancelled();
        };
        self.history.push(Role::System, GIVEN_BACK.to_owned());
        self.outbox.push(Output::TakeBack);
        if takeover.is_announced() && self.presence.has_joined() {
            self.outbox.notify(Notice::TakeoverHandedBack { human: takeover.human.clone() });
        }
        self.outbox.record(Event::HandedBack { human: takeover.human });
        self.presence.touch(self.now);
        self.listen_as_before();
        self.begin_next();
    }

    pub(crate) fn on_takeover_due(&mut self) {
        match self.takeover.as_ref().is_some_and(|takeover| takeover.is_connected) {
            true => self.on_takeover_ended(),
            false => self.on_takeover_cancelled(),
        }
    }

    /// Tells a client that is there how far the takeover is.
    pub(crate) fn announce_takeover(&mut self) {
        let Some(Takeover { human, mode, is_connected, .. }) =
            self.takeover.as_ref().filter(|takeover| takeover.is_announced())
        else {
            return;
        };
        if !self.presence.has_joined() {
            return;
        }
        self.outbox.notify(Notice::TakeoverWillStart { human: human.clone(), mode: *mode });
        if *is_connected {
            self.outbox.notify(Notice::TakeoverConnected { human: human.clone() });
        }
    }

    /// What the human has said: with its own voice, so that it is known; or to be said by the agent.
    pub(crate) fn on_human_said(&mut self, said: &str, began: CallTime) {
        let said = text::trimmed(said, MAX_TURN_CHARS);
        let is_in_charge = self.takeover.as_ref().is_some_and(|takeover| takeover.is_connected);
        if self.is_leaving() || !text::is_speakable(&said) {
            return;
        }
        match self.human_mode {
            Some(TakeoverMode::AgentVoice) if is_in_charge => {
                if !self.says.is_full() {
                    self.says.push_text(&said, true);
                    self.begin_next();
                }
            }
            // Too late to be said.
            Some(TakeoverMode::AgentVoice) | None => {}
            Some(TakeoverMode::HumanVoice | TakeoverMode::SpeaksIn) => {
                self.outbox.record(Event::Dialogue {
                    role: Role::Assistant,
                    kind: DialogueKind::Speech,
                    text: said.clone(),
                    sentence: self.ids.sentence(),
                    begin: began.min(self.now),
                    interrupted: false,
                });
                self.history.push(Role::Assistant, said);
            }
        }
    }

    /// The user speaks, and a human answers: the words are written down.
    pub(crate) fn overhear(&mut self, at: CallTime) {
        match &mut self.user.utterance {
            Some(utterance) => {
                utterance.resume();
            }
            None => {
                let (utterance, from) = self.user.open(at, self.now, false, false);
                self.outbox.push(Output::OpenUtterance { utterance, from });
            }
        }
    }

    /// An utterance has ended that is not the agent's to answer.
    pub(crate) fn note_user(&mut self, text: &str, end: TurnEnd) {
        let Some(utterance) = self.close_utterance() else { return };
        if text::is_speakable(text) {
            self.user.add(text, utterance.began(), Some(end));
            let question = self.take_question();
            self.record_user(question);
        } else if let Some(unused) = self.user.reset() {
            self.ids.return_sentence(unused);
        }
    }
}
