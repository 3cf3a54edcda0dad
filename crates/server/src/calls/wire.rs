//! What the conversation tells the client, in its wire form (client-sdk §4.3).

use ringline_conversation::{AgentState, InterruptReason, Notice, TakeoverMode};
use ringline_protocol::datachannel::{self as wire, ServerMessage};

/// A notice in its wire form.
pub fn wire(notice: Notice) -> ServerMessage {
    match notice {
        Notice::Error { code, message } => ServerMessage::Error { code, message },
        Notice::State { state } => ServerMessage::State {
            state: match state {
                AgentState::Idle | AgentState::Listening => wire::AgentState::Listening,
                AgentState::Thinking => wire::AgentState::Thinking,
                AgentState::Speaking => wire::AgentState::Speaking,
            },
        },
        Notice::AgentSubtitle { text, end, sentence } => ServerMessage::AgentSubtitle { text, end, sentence },
        Notice::UserSubtitle { text, end, sentence, voiceprint } => {
            ServerMessage::UserSubtitle { text, end, sentence, voiceprint }
        }
        Notice::VoiceInterruptChanged { enable } => ServerMessage::VoiceInterruptChanged { enable },
        Notice::PushToTalkChanged { enable } => ServerMessage::PushToTalkChanged { enable },
        Notice::VoiceprintChanged { enable } => ServerMessage::VoiceprintChanged { enable },
        Notice::VoiceprintCleared => ServerMessage::VoiceprintCleared,
        Notice::VoiceChanged { voice } => ServerMessage::VoiceChanged { voice },
        Notice::WillLeave { reason, message } => ServerMessage::WillLeave { reason, message },
        Notice::TakeoverWillStart { human, mode } => {
            ServerMessage::TakeoverWillStart { user: human.to_string(), human_voice: mode == TakeoverMode::HumanVoice }
        }
        Notice::TakeoverConnected { human } => ServerMessage::TakeoverConnected { user: human.to_string() },
        Notice::TakeoverHandedBack { human } => ServerMessage::TakeoverHandedBack { user: human.to_string() },
        Notice::Interrupted { reason } => ServerMessage::Interrupted {
            reason: match reason {
                InterruptReason::Unknown => wire::InterruptReason::Unknown,
                InterruptReason::Words => wire::InterruptReason::Words,
                InterruptReason::Voice => wire::InterruptReason::Voice,
                InterruptReason::Command => wire::InterruptReason::Command,
                InterruptReason::Speech => wire::InterruptReason::Speech,
                InterruptReason::Text => wire::InterruptReason::Text,
            },
        },
        Notice::Emotion { emotion, sentence } => {
            ServerMessage::Emotion { emotion: emotion.as_str().to_owned(), sentence }
        }
        Notice::ReplyCompleted { text, sentence } => ServerMessage::ReplyCompleted { text, sentence },
        Notice::Latency { latency } => ServerMessage::TurnLatency {
            latency: wire::TurnLatency {
                sentence: latency.sentence,
                endpointing: latency.endpointing,
                transcript: latency.transcript,
                first_text: latency.first_text,
                first_segment: latency.first_segment,
                first_audio: latency.first_audio,
                playout: latency.playout,
                total: latency.total,
            },
        },
    }
}
