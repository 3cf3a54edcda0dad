//! Client → server (client-sdk §4.4).

use super::{Fields, MessageError, Opened, envelope, open, ready};
use serde_json::{Value, json};

/// Longest question typed to the agent, in characters.
const MAX_TEXT: usize = 8192;
/// Longest system prompt, as in an agent's configuration, in characters.
const MAX_PROMPT: usize = 16_384;
/// Longest id of a voice or user, in characters (server-api §15).
const MAX_ID: usize = 64;
/// Longest opaque text: the message's own limit bounds it.
const ANY: usize = usize::MAX;

#[derive(Clone, Debug, PartialEq)]
pub enum ClientMessage {
    /// The handshake of client-sdk §4.2; answered with [`super::ready_resp`].
    Ready,
    /// 1100
    StopAgent,
    /// 1101
    InterruptSpeaking,
    /// 1102
    EnableVoiceInterrupt { enable: bool },
    /// 1103
    SwitchVoice { voice: String },
    /// 1104
    RequestRtcToken { user: Option<String> },
    /// 1105
    EnablePushToTalk { enable: bool },
    /// 1106
    StartPushToTalk,
    /// 1107
    FinishPushToTalk,
    /// 1108
    CancelPushToTalk,
    /// 1109
    UseVoiceprint { enable: bool },
    /// 1110
    ClearVoiceprint,
    /// 1111
    SendText { text: String, interrupt: bool },
    /// 1112
    SendCustomMessage { message: String },
    /// 1113
    StartVisionCapture { capture: VisionCapture },
    /// 1114
    StopVisionCapture,
    /// 1115
    UpdateSystemPrompt { prompt: String },
    /// 1116: the `VcrConfig` object.
    UpdateVcrConfig { config: Value },
    /// 1117: an object; it travels as a text.
    UpdateBailianAppParams { params: Value },
    /// 1118: silence that ends a sentence, in ms, 200..1200.
    UpdateMaxSilence { ms: u32 },
    /// 1119
    QueryAgentState,
    /// 1120: 0.5..2.0.
    UpdateSpeechRate { rate: f64 },
}

/// What to look at and for how long. Durations in s.
#[derive(Clone, Debug, PartialEq)]
pub struct VisionCapture {
    pub text: String,
    /// One capture instead of a continuous series.
    pub single: bool,
    /// Length of one capture.
    pub each_duration: f64,
    /// Frames of one capture.
    pub frames: u32,
    /// Length of the series.
    pub duration: f64,
    pub user_data: String,
}

impl ClientMessage {
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let fields = match open(text)? {
            Opened::Ready { request: true } => return Ok(Self::Ready),
            Opened::Ready { request: false } => return Err(MessageError::NoType),
            Opened::Message(fields) => fields,
        };
        Ok(match fields.message_type {
            1100 => Self::StopAgent,
            1101 => Self::InterruptSpeaking,
            1102 => Self::EnableVoiceInterrupt { enable: fields.boolean("enable")? },
            1103 => Self::SwitchVoice { voice: fields.words("voiceId", MAX_ID)? },
            1104 => Self::RequestRtcToken { user: fields.optional_text("userId", MAX_ID)? },
            1105 => Self::EnablePushToTalk { enable: fields.boolean("enable")? },
            1106 => Self::StartPushToTalk,
            1107 => Self::FinishPushToTalk,
            1108 => Self::CancelPushToTalk,
            1109 => Self::UseVoiceprint { enable: fields.boolean("enable")? },
            1110 => Self::ClearVoiceprint,
            1111 => Self::SendText {
                text: fields.words("text", MAX_TEXT)?,
                interrupt: fields.optional_boolean("enableInterrupt")?.unwrap_or(true),
            },
            1112 => Self::SendCustomMessage { message: custom_message(&fields)? },
            1113 => Self::StartVisionCapture { capture: VisionCapture::read(&fields)? },
            1114 => Self::StopVisionCapture,
            1115 => Self::UpdateSystemPrompt { prompt: fields.text("prompt", MAX_PROMPT)? },
            1116 => Self::UpdateVcrConfig { config: fields.data() },
            1117 => Self::UpdateBailianAppParams { params: fields.object("params")? },
            1118 => Self::UpdateMaxSilence { ms: fields.whole("asrMaxSilence", 200, 1200)? },
            1119 => Self::QueryAgentState,
            1120 => Self::UpdateSpeechRate { rate: fields.number("speechRate", 0.5, 2.0)? },
            unknown => return Err(MessageError::UnknownType(unknown)),
        })
    }

    /// The wire form; the handshake has no number and no ids.
    pub fn to_json(&self, seq: u64, sender: &str, receiver: &str) -> String {
        let (message_type, data) = match self {
            Self::Ready => return ready("ready_req"),
            Self::StopAgent => (1100, json!({})),
            Self::InterruptSpeaking => (1101, json!({})),
            Self::EnableVoiceInterrupt { enable } => (1102, json!({"enable": enable})),
            Self::SwitchVoice { voice } => (1103, json!({"voiceId": voice})),
            Self::RequestRtcToken { user } => (1104, json!({"userId": user})),
            Self::EnablePushToTalk { enable } => (1105, json!({"enable": enable})),
            Self::StartPushToTalk => (1106, json!({})),
            Self::FinishPushToTalk => (1107, json!({})),
            Self::CancelPushToTalk => (1108, json!({})),
            Self::UseVoiceprint { enable } => (1109, json!({"enable": enable})),
            Self::ClearVoiceprint => (1110, json!({})),
            Self::SendText { text, interrupt } => {
                (1111, json!({"text": text, "enableInterrupt": u8::from(*interrupt)}))
            }
            Self::SendCustomMessage { message } => (1112, json!({"message": message})),
            Self::StartVisionCapture { capture } => (1113, capture.to_data()),
            Self::StopVisionCapture => (1114, json!({})),
            Self::UpdateSystemPrompt { prompt } => (1115, json!({"prompt": prompt})),
            Self::UpdateVcrConfig { config } => (1116, config.clone()),
            Self::UpdateBailianAppParams { params } => (1117, json!({"params": params.to_string()})),
            Self::UpdateMaxSilence { ms } => (1118, json!({"asrMaxSilence": ms})),
            Self::QueryAgentState => (1119, json!({})),
            Self::UpdateSpeechRate { rate } => (1120, json!({"speechRate": rate})),
        };
        envelope(message_type, &data, seq, sender, receiver)
    }
}

/// A text, or any JSON, which is handed on as its text.
fn custom_message(fields: &Fields) -> Result<String, MessageError> {
    match fields.get("message") {
        None => Err(fields.wrong("message", "is missing")),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
    }
}

impl VisionCapture {
    /// Defaults of the Web client's request (client-sdk §1.3).
    fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(Self {
            text: fields.optional_text("text", MAX_TEXT)?.unwrap_or_default(),
            single: match fields.optional_text("mode", 16)?.as_deref() {
                None | Some("continuous") => false,
                Some("single") => true,
                Some(_) => return Err(fields.wrong("mode", "must be `single` or `continuous`")),
            },
            each_duration: fields.optional_number("eachDuration", 0.0, 86_400.0)?.unwrap_or(5.0),
            frames: fields.optional_whole("num", 0, 1000)?.unwrap_or(2),
            duration: fields.optional_number("duration", 0.0, 86_400.0)?.unwrap_or(100.0),
            user_data: fields.optional_text("userData", ANY)?.unwrap_or_else(|| "{}".into()),
        })
    }

    fn to_data(&self) -> Value {
        json!({"text": self.text, "mode": if self.single { "single" } else { "continuous" },
               "eachDuration": self.each_duration, "num": self.frames, "duration": self.duration,
               "userData": self.user_data})
    }
}
