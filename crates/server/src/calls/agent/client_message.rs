//! What the client says on the data channel (client-sdk §4.4): a command for the conversation, or something the task answers
//! by itself. What is not understood is dropped and counted, as the contract allows.

use super::Task;
use crate::calls::media::MediaCommand;
use crate::metrics::METRICS;
use ringline_conversation::{ClientCommand, Input, Step};
use ringline_protocol::app_server::TOKEN_LIFE;
use ringline_protocol::callback::Happened;
use ringline_protocol::datachannel::{ClientMessage, MessageError, ServerMessage};

/// Asked for a token more often than that, in s, a client gets the same one again.
const TOKEN_PAUSE: i64 = 60;

impl Task {
    pub(super) async fn client_text(&mut self, text: &str) {
        let command = match ClientMessage::parse(text) {
            Ok(message) => message,
            Err(error) => return self.bad_message(&error),
        };
        let command = match command {
            ClientMessage::Ready => {
                let ready = ServerMessage::Ready.to_json(0, "", "");
                return self.media(MediaCommand::SendText(ready)).await;
            }
            ClientMessage::StopAgent => ClientCommand::StopAgent,
            ClientMessage::InterruptSpeaking => ClientCommand::InterruptSpeaking,
            ClientMessage::EnableVoiceInterrupt { enable } => ClientCommand::EnableVoiceInterrupt { enable },
            ClientMessage::SendText { text, .. } => ClientCommand::SendText { text },
            ClientMessage::QueryAgentState => ClientCommand::QueryState,
            ClientMessage::UpdateSystemPrompt { prompt } => ClientCommand::UpdateSystemPrompt { prompt },
            ClientMessage::UpdateMaxSilence { ms } => ClientCommand::UpdateMaxSilence { ms },
            ClientMessage::SwitchVoice { voice } => ClientCommand::SwitchVoice { voice },
            ClientMessage::UpdateSpeechRate { rate } => ClientCommand::UpdateSpeechRate { rate },
            ClientMessage::RequestRtcToken { .. } => return self.renew_token().await,
            ClientMessage::SendCustomMessage { message } => return self.tell(message).await,
            ClientMessage::EnablePushToTalk { enable } => ClientCommand::EnablePushToTalk { enable },
            ClientMessage::StartPushToTalk => ClientCommand::StartPushToTalk,
            ClientMessage::FinishPushToTalk => ClientCommand::FinishPushToTalk,
            ClientMessage::CancelPushToTalk => ClientCommand::CancelPushToTalk,
            ClientMessage::UseVoiceprint { enable } => ClientCommand::UseVoiceprint { enable },
            ClientMessage::ClearVoiceprint => ClientCommand::ClearVoiceprint,
            ClientMessage::StartVisionCapture { .. }
            | ClientMessage::StopVisionCapture
            | ClientMessage::UpdateVcrConfig { .. }
            | ClientMessage::UpdateBailianAppParams { .. } => {
                tracing::debug!(call.id = %self.agent.handle.instance, "a command this version does not carry out was ignored");
                return;
            }
        };
        self.step(Step::Input(Input::Client { command })).await;
    }

    /// Hands the client's message to the app server.
    async fn tell(&mut self, message: String) {
        let now = self.agent.clock.now();
        if !self.custom.take(now) {
            self.custom_dropped += 1;
            METRICS.dropped_client_messages.inc();
            if self.custom_dropped.is_power_of_two() {
                let (call, count) = (&self.agent.handle.instance, self.custom_dropped);
                tracing::warn!(call.id = %call, count, "too many messages to the app server at once: they are dropped");
            }
            return;
        }
        if let Some(event) = self.report(&Happened::ClientDefinedData(message), self.unix_ms(now)) {
            self.agent.writer.event(&self.agent.handle.instance, event).await;
        }
    }

    /// A token for the same channel and user, whichever user the client names.
    async fn renew_token(&mut self) {
        let Some(user) = self.agent.handle.user() else { return };
        let now = self.unix_ms(self.agent.clock.now()) / 1000;
        let made = match self.token.take() {
            Some(last) if now - last.0 < TOKEN_PAUSE => last,
            _ => {
                let (token, expires) = self.agent.handle.token(user, TOKEN_LIFE as u32, now);
                (now, token, expires)
            }
        };
        let (token, expires) = (made.1.clone(), made.2.unsigned_abs());
        self.token = Some(made);
        self.send(&ServerMessage::RtcToken { token, expires }).await;
    }

    /// The spec lets a server ignore what it does not understand; the log says so without repeating it.
    fn bad_message(&mut self, error: &MessageError) {
        self.bad_messages += 1;
        if self.bad_messages.is_power_of_two() {
            let (call, count) = (&self.agent.handle.instance, self.bad_messages);
            tracing::warn!(call.id = %call, count, %error, "a data-channel message was ignored");
        }
    }
}
