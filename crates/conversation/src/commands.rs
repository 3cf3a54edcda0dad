//! What the client and the server ask for, joining and leaving, and the end of the conversation.

use crate::{
    AgentState, ClientCommand, Conversation, EndReason, Event, InterruptReason, Notice, Output, StopCause,
    conversation::Life, says::Says, takeover::Takeover, text, user_turn::MAX_TURN_CHARS,
};
use ringline_model::AgentConfig;
use std::time::Duration;

/// 1010's reasons (client-sdk §4.3).
const LEAVES_IDLE: u32 = 2001;
pub(crate) const LEAVES_AFTER_TAKEOVER: u32 = 2002;
const LEAVES_OTHER: u32 = 0;

/// How long the segment that plays may take to finish on a graceful stop (server-api §15).
const GRACEFUL_STOP: Duration = Duration::from_secs(10);

/// Limits of what a client may set live (server-api §5.1, §15).
const SILENCE_MS: (u32, u32) = (200, 1200);
const SPEECH_RATE: (f64, f64) = (0.5, 2.0);
const MAX_PROMPT_CHARS: usize = 16_384;
const MAX_VOICE_CHARS: usize = 64;

impl Conversation {
    pub(crate) fn on_user_joined(&mut self) {
        if self.life == Life::Ended {
            return;
        }
        let is_first = self.presence.join(self.now);
        if is_first {
            self.outbox.record(Event::SessionStarted);
            self.hurry_opening();
            // A greeting on its way is heard next; that is the first state then.
            if self.response.is_none() && self.opening.is_none() {
                self.set_state(AgentState::Listening);
            }
        } else if self.state != AgentState::Idle {
            self.outbox.notify(Notice::State { state: self.state });
        }
        self.announce_takeover();
        if is_first {
            self.wake_up();
        }
    }

    /// Answers what the configuration asks in the user's place, behind the greeting.
    fn wake_up(&mut self) {
        let query = self.config.wake_up_query.clone().filter(|_| self.takeover.is_none());
        if let Some(query) = query {
            self.user.add(&query, self.now, None);
            self.begin_next();
        }
    }

    /// What was being said ends where the audio did.
    pub(crate) fn on_user_left(&mut self) {
        self.presence.leave(self.now);
        if !self.presence.is_here() {
            self.finish_talk();
            self.on_speech_paused(self.now);
        }
    }

    pub(crate) fn on_client_command(&mut self, command: ClientCommand) {
        if self.is_leaving() {
            return;
        }
        match command {
            ClientCommand::StopAgent => self.stop(EndReason::StoppedByClient),
            ClientCommand::InterruptSpeaking => {
                if matches!(self.state, AgentState::Thinking | AgentState::Speaking) && self.is_interruptible() {
                    self.interrupt(InterruptReason::Command, None);
                    self.begin_next();
                }
            }
            ClientCommand::EnableVoiceInterrupt { enable } => {
                self.config.interrupt.enable_voice_interrupt = enable;
                self.outbox.notify(Notice::VoiceInterruptChanged { enable });
            }
            ClientCommand::EnablePushToTalk { enable } => self.set_push_to_talk(enable),
            ClientCommand::UseVoiceprint { enable } => self.set_voiceprint(enable),
            ClientCommand::ClearVoiceprint => self.clear_voiceprint(),
            ClientCommand::StartPushToTalk => self.start_talk(),
            ClientCommand::FinishPushToTalk => self.finish_talk(),
            ClientCommand::CancelPushToTalk => self.cancel_talk(),
            ClientCommand::SendText { text } => self.on_text(&text),
            ClientCommand::QueryState => {
                // Joined and before the greeting: there is no number for Idle.
                let state = if self.state == AgentState::Idle { AgentState::Listening } else { self.state };
                self.outbox.notify(Notice::State { state });
            }
            ClientCommand::UpdateSystemPrompt { prompt } => {
                if prompt.chars().count() <= MAX_PROMPT_CHARS {
                    self.config.llm.system_prompt = Some(prompt);
                }
            }
            ClientCommand::UpdateMaxSilence { ms } => {
                self.config.asr.max_silence = ms.clamp(SILENCE_MS.0, SILENCE_MS.1);
            }
            ClientCommand::SwitchVoice { voice } => {
                if (1..=MAX_VOICE_CHARS).contains(&voice.chars().count()) {
                    self.config.tts.voice = Some(voice.clone());
                    self.outbox.notify(Notice::VoiceChanged { voice });
                }
            }
            ClientCommand::UpdateSpeechRate { rate } => {
                if rate.is_finite() {
                    self.config.tts.speech_rate = rate.clamp(SPEECH_RATE.0, SPEECH_RATE.1);
                }
            }
        }
    }

    /// A typed question. It takes the agent's floor, and the user's: an utterance in progress is dropped.
    fn on_text(&mut self, text: &str) {
        let text = text.trim();
        let acceptable = !text.is_empty() && text.chars().count() <= MAX_TURN_CHARS;
        if !acceptable || !self.presence.has_joined() || self.takeover.is_some() {
            return;
        }
        self.user_is_active();
        self.close_utterance();
        if matches!(self.state, AgentState::Thinking | AgentState::Speaking) && self.is_interruptible() {
            self.interrupt(InterruptReason::Text, None);
        }
        self.voices.forget_last();
        self.user.add(text, self.now, None);
        self.begin_next();
    }

    /// Whether one more text or clip is taken: not at the end, nor while the user hears a human.
    pub(crate) fn may_say(&self) -> bool {
        !self.is_leaving() && !self.says.is_full() && self.takeover.as_ref().is_none_or(Takeover::lends_voice)
    }

    /// Says a text. Before the user has joined nothing is cut: the text waits behind the greeting.
    pub(crate) fn on_say(&mut self, text: &str, interrupt: bool) {
        if !self.may_say() || !text::is_speakable(text) {
            return;
        }
        let now = interrupt && self.presence.has_joined();
        self.says.push_text(text, now);
        if now && self.is_interruptible() {
            self.interrupt(InterruptReason::Speech, None);
        }
        self.begin_next();
    }

    pub(crate) fn on_config_changed(&mut self, config: AgentConfig) {
        if self.is_leaving() {
            return;
        }
        let push_to_talk = config.push_to_talk;
        let old = std::mem::replace(&mut self.config, config);
        if push_to_talk != old.push_to_talk {
            self.config.push_to_talk = old.push_to_talk;
            self.set_push_to_talk(push_to_talk);
        }
        if self.config.voiceprint.enabled != old.voiceprint.enabled {
            self.set_voiceprint(self.config.voiceprint.enabled);
        }
        let enable = self.config.interrupt.enable_voice_interrupt;
        if enable != old.interrupt.enable_voice_interrupt {
            self.outbox.notify(Notice::VoiceInterruptChanged { enable });
        }
        if self.config.tts.voice != old.tts.voice
            && let Some(voice) = self.config.tts.voice.clone()
        {
            self.outbox.notify(Notice::VoiceChanged { voice });
        }
        if self.config.greeting != old.greeting {
            self.greet_anew();
        }
    }

    pub(crate) fn on_stop(&mut self, cause: StopCause) {
        if self.is_leaving() {
            return;
        }
        let (reason, message) = match cause {
            StopCause::Api => (EndReason::StoppedByApi, "the call was stopped"),
            StopCause::Drain => (EndReason::Drained, "the server shuts down"),
        };
        self.outbox.notify(Notice::WillLeave { reason: LEAVES_OTHER, message: message.to_owned() });
        self.stop(reason);
    }

    fn stop(&mut self, reason: EndReason) {
        let is_playing = self.response.as_ref().is_some_and(|response| response.ledger.is_playing());
        if !(self.config.graceful_shutdown && is_playing && self.presence.is_here()) {
            return self.end(reason);
        }
        self.life = Life::Stopping { reason, until: self.now + GRACEFUL_STOP };
        self.close_utterance();
    }

    /// The agent leaves by itself; where it has a reason to give, the client is told.
    pub(crate) fn leave(&mut self, reason: EndReason) {
        match reason {
            EndReason::Idle | EndReason::UserIdle => {
                self.outbox.notify(Notice::WillLeave { reason: LEAVES_IDLE, message: "idle".to_owned() });
            }
            EndReason::HungUp => {
                let message = "the agent hung up".to_owned();
                self.outbox.notify(Notice::WillLeave { reason: LEAVES_OTHER, message });
            }
            EndReason::UserNeverJoined
            | EndReason::UserLeft
            | EndReason::StoppedByClient
            | EndReason::StoppedByApi
            | EndReason::Drained
            | EndReason::TakeoverEnded
            | EndReason::ProviderFailed => {}
        }
        self.end(reason);
    }

    /// Ends everything that runs, writes down what was said, and is over. Of a segment that is cut here nothing counts
    /// as heard.
    pub(crate) fn end(&mut self, reason: EndReason) {
        if self.life == Life::Ended {
            return;
        }
        (self.overlap, self.unfinished) = (None, None);
        self.drop_guess();
        self.close_utterance();
        if let Some(cut) = self.cut.take() {
            self.record_heard(&cut.response, cut.response.ledger.heard(), true);
        }
        if let Some(mut response) = self.response.take() {
            self.cancel(&response);
            self.record_question(&mut response);
            self.record_heard(&response, response.ledger.heard(), true);
        }
        if !self.user.said.is_empty() {
            let question = self.take_question();
            self.record_user(question);
        }
        self.says = Says::default();
        (self.opening, self.takeover) = (None, None);
        self.outbox.push(Output::End { reason });
        self.life = Life::Ended;
    }
}
