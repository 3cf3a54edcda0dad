//! A human takes the call over (TakeoverAIAgentCall, server-api §4.11, client-sdk §6.6).
//!
//! From the start on the agent listens to nobody and asks the language model nothing, and nobody is idle. The client is
//! told with 1012, and with 1013 when the human is connected; a user who joins or returns meanwhile is told again. Typed
//! questions (1111, SendAIAgentText) are not taken. Spoken texts and clips (SendAIAgentSpeech) are taken only where the
//! human speaks with the agent's voice. While one takeover lasts, another is not begun. A takeover cannot be taken back once
//! the human is connected; its end is the end of the call (1010, reason 2002).

use crate::{
    AgentState, Conversation, EndReason, Event, InterruptReason, Notice, TakeoverMode, commands::LEAVES_AFTER_TAKEOVER,
};
use ringline_model::{CallTime, UserId};
use std::time::Duration;

/// How long the human may take to connect; then the agent goes on.
const HUMAN_WAIT: Duration = Duration::from_secs(60);

/// Longest a human stays in charge; then the call ends as if the human had left.
const LONGEST_TAKEOVER: Duration = Duration::from_secs(24 * 3600);

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
}

impl Conversation {
    pub(crate) fn on_takeover_started(&mut self, human: UserId, mode: TakeoverMode) {
        if self.is_leaving() || self.takeover.is_some() {
            return;
        }
        self.takeover = Some(Takeover { human, mode, is_connected: false, until: self.now + HUMAN_WAIT });
        self.clear_says();
        self.close_utterance();
        if self.presence.has_joined() {
            self.interrupt(InterruptReason::Unknown, None);
        } else if let Some(unheard) = self.response.take() {
            self.cancel(&unheard);
        }
        if self.user.said.is_empty() {
            if let Some(unused) = self.user.reset() {
                self.ids.return_sentence(unused);
            }
        } else {
            let question = self.take_question();
            self.record_user(question);
        }
        self.set_state(AgentState::Listening);
        self.announce_takeover();
    }

    pub(crate) fn on_takeover_connected(&mut self) {
        let now = self.now;
        let Some(takeover) = self.takeover.as_mut().filter(|takeover| !takeover.is_connected) else { return };
        takeover.is_connected = true;
        takeover.until = now + LONGEST_TAKEOVER;
        let human = takeover.human.clone();
        self.outbox.notify(Notice::TakeoverConnected { human });
    }

    /// Also when the human had not connected: who began it says that it is over.
    pub(crate) fn on_takeover_ended(&mut self) {
        if self.is_leaving() || self.takeover.is_none() {
            return;
        }
        let message = "the takeover has ended".to_owned();
        self.outbox.notify(Notice::WillLeave { reason: LEAVES_AFTER_TAKEOVER, message });
        self.end(EndReason::TakeoverEnded);
    }

    /// The agent listens again and goes on with what comes.
    pub(crate) fn on_takeover_cancelled(&mut self) {
        let Some(takeover) = self.takeover.take_if(|takeover| !takeover.is_connected) else { return };
        self.outbox.record(Event::TakeoverCancelled { human: takeover.human });
        self.presence.touch(self.now);
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
        let Some(Takeover { human, mode, is_connected, .. }) = &self.takeover else { return };
        if !self.presence.has_joined() {
            return;
        }
        self.outbox.notify(Notice::TakeoverWillStart { human: human.clone(), mode: *mode });
        if *is_connected {
            self.outbox.notify(Notice::TakeoverConnected { human: human.clone() });
        }
    }
}
