//! Server → client (client-sdk §4.3), and our own: 9001 (latency), 9002 (goodbye), 9003 (members of the channel) and 9004 (the
//! agent is in charge again).

use super::{Fields, MessageError, Opened, envelope, open, ready};
use ringline_model::SentenceId;
use serde_json::{Value, json};

/// Longest text of a message: the message's own limit bounds it.
const ANY: usize = usize::MAX;

#[derive(Clone, Debug, PartialEq)]
pub enum ServerMessage {
    /// Answer to the handshake.
    Ready,
    /// 1000: e.g. 4005 when recognition fails.
    Error { code: u32, message: String },
    /// 1001
    State { state: AgentState },
    /// 1002: `text` is a piece to append.
    AgentSubtitle { text: String, end: bool, sentence: SentenceId },
    /// 1003: `text` replaces what was shown for the sentence. `voiceprint` 0..5, 0 = off.
    UserSubtitle { text: String, end: bool, sentence: SentenceId, voiceprint: u32 },
    /// 1004
    VoiceInterruptChanged { enable: bool },
    /// 1005
    VoiceChanged { voice: String },
    /// 1006: `expires` in Unix seconds.
    RtcToken { token: String, expires: u64 },
    /// 1007
    PushToTalkChanged { enable: bool },
    /// 1008
    VoiceprintChanged { enable: bool },
    /// 1009
    VoiceprintCleared,
    /// 1010: 2001 idle, 2002 takeover ended, 0 other.
    WillLeave { reason: u32, message: String },
    /// 1011: JSON text for Web.
    CustomMessage { message: String },
    /// 1012: `human_voice` tells whose voice the user will hear.
    TakeoverWillStart { user: String, human_voice: bool },
    /// 1013
    TakeoverConnected { user: String },
    /// 1014
    Emotion { emotion: String, sentence: SentenceId },
    /// 1015
    VisionCaptureChanged { enable: bool },
    /// 1016
    Interrupted { reason: InterruptReason },
    /// 1017, only with LlmCompleteReply.
    ReplyCompleted { text: String, sentence: SentenceId },
    /// 1018: an object with the blocks that client-sdk §4.3 names.
    VcrResult { result: Value },
    /// 9001, ours: a turn's voice-to-voice time.
    TurnLatency { latency: TurnLatency },
    /// 9002, ours: the last message of a connection, which the server closes.
    Bye { reason: ByeReason },
    /// 9003, ours: somebody else came to the channel, left it, or changed what they send.
    Member { member: Member },
    /// 9004, ours: the human has given the call back to the agent. Vendor clients leave unknown types alone.
    TakeoverHandedBack { user: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AgentState {
    Listening = 1,
    Thinking = 2,
    Speaking = 3,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InterruptReason {
    Unknown = 0,
    Words = 1,
    Voice = 2,
    Command = 3,
    Speech = 4,
    Text = 5,
}

/// Why the server closes a connection; the numbers are those of the vendor's `bye` event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByeReason {
    /// Put out by the server: the token ran out, or the client is no longer wanted.
    Kicked = 1,
    /// The call is over.
    ChannelTerminated = 2,
    /// The same user has joined from elsewhere.
    Replaced = 3,
}

/// Somebody in the channel, as the others see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub user: String,
    pub online: bool,
    /// What they send.
    pub audio: bool,
    pub video: bool,
    pub role: MemberRole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MemberRole {
    Agent,
    /// Who takes the call over.
    Human,
}

/// Last sample of the user's speech to first sample of the answer, in ms, and its parts in order, which add up to `total`:
/// `endpointing` (silence), `transcript` (waiting for the text alone), `first_text`, `first_segment`, `first_audio`, `playout`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnLatency {
    pub sentence: SentenceId,
    pub endpointing: u32,
    pub transcript: u32,
    pub first_text: u32,
    pub first_segment: u32,
    pub first_audio: u32,
    pub playout: u32,
    pub total: u32,
}

/// Answer to [`super::ClientMessage::Ready`].
pub fn ready_resp() -> String {
    ready("ready_resp")
}

impl ServerMessage {
    /// The wire form, with every field its type has; the handshake has no number and no ids.
    pub fn to_json(&self, seq: u64, sender: &str, receiver: &str) -> String {
        let (message_type, data) = match self {
            Self::Ready => return ready_resp(),
            Self::Error { code, message } => (1000, json!({"code": code, "message": message})),
            Self::State { state } => (1001, json!({"state": *state as u8})),
            Self::AgentSubtitle { text, end, sentence } => {
                (1002, json!({"text": text, "end": end, "sentenceId": sentence}))
            }
            Self::UserSubtitle { text, end, sentence, voiceprint } => {
                (1003, json!({"text": text, "end": end, "sentenceId": sentence, "voiceprint": voiceprint}))
            }
            Self::VoiceInterruptChanged { enable } => (1004, json!({"enable": enable})),
            Self::VoiceChanged { voice } => (1005, json!({"voiceId": voice})),
            Self::RtcToken { token, expires } => {
                (1006, json!({"token": token, "rtc_auth_token": token, "timestamp": expires}))
            }
            Self::PushToTalkChanged { enable } => (1007, json!({"enable": enable})),
            Self::VoiceprintChanged { enable } => (1008, json!({"enable": enable})),
            Self::VoiceprintCleared => (1009, json!({})),
            Self::WillLeave { reason, message } => (1010, json!({"reason": reason, "message": message})),
            Self::CustomMessage { message } => (1011, json!({"message": message})),
            Self::TakeoverWillStart { user, human_voice } => {
                (1012, json!({"takeoverUid": user, "takeoverMode": u8::from(*human_voice)}))
            }
            Self::TakeoverConnected { user } => (1013, json!({"takeoverUid": user})),
            Self::Emotion { emotion, sentence } => (1014, json!({"emotion": emotion, "sentenceId": sentence})),
            Self::VisionCaptureChanged { enable } => (1015, json!({"enable": enable})),
            Self::Interrupted { reason } => (1016, json!({"reason": *reason as u8})),
            Self::ReplyCompleted { text, sentence } => (1017, json!({"text": text, "sentenceId": sentence})),
            Self::VcrResult { result } => (1018, result.clone()),
            Self::TurnLatency { latency } => (9001, latency.to_data()),
            Self::Bye { reason } => (9002, json!({"reason": *reason as u8})),
            Self::Member { member } => (9003, member.to_data()),
            Self::TakeoverHandedBack { user } => (9004, json!({"takeoverUid": user})),
        };
        envelope(message_type, &data, seq, sender, receiver)
    }

    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let fields = match open(text)? {
            Opened::Ready { request: false } => return Ok(Self::Ready),
            Opened::Ready { request: true } => return Err(MessageError::NoType),
            Opened::Message(fields) => fields,
        };
        let sentence = || fields.long("sentenceId").map(SentenceId);
        let enable = || fields.boolean("enable");
        Ok(match fields.message_type {
            1000 => Self::Error { code: fields.whole("code", 0, u32::MAX)?, message: message(&fields)? },
            1001 => Self::State { state: AgentState::read(&fields)? },
            1002 => Self::AgentSubtitle {
                text: fields.text("text", ANY)?,
                end: fields.boolean("end")?,
                sentence: sentence()?,
            },
            1003 => Self::UserSubtitle {
                text: fields.text("text", ANY)?,
                end: fields.boolean("end")?,
                sentence: sentence()?,
                voiceprint: fields.optional_whole("voiceprint", 0, 100)?.unwrap_or(0),
            },
            1004 => Self::VoiceInterruptChanged { enable: enable()? },
            1005 => Self::VoiceChanged { voice: fields.text("voiceId", ANY)? },
            1006 => Self::RtcToken {
                token: fields.text(if fields.has("token") { "token" } else { "rtc_auth_token" }, ANY)?,
                expires: if fields.has("timestamp") { fields.long("timestamp")? } else { 0 },
            },
            1007 => Self::PushToTalkChanged { enable: enable()? },
            1008 => Self::VoiceprintChanged { enable: enable()? },
            1009 => Self::VoiceprintCleared,
            1010 => Self::WillLeave { reason: fields.whole("reason", 0, u32::MAX)?, message: message(&fields)? },
            1011 => Self::CustomMessage { message: fields.text("message", ANY)? },
            1012 => Self::TakeoverWillStart {
                user: fields.text("takeoverUid", ANY)?,
                human_voice: fields.boolean("takeoverMode")?,
            },
            1013 => Self::TakeoverConnected { user: fields.text("takeoverUid", ANY)? },
            1014 => Self::Emotion { emotion: fields.text("emotion", ANY)?, sentence: sentence()? },
            1015 => Self::VisionCaptureChanged { enable: enable()? },
            1016 => Self::Interrupted { reason: InterruptReason::read(&fields)? },
            1017 => Self::ReplyCompleted { text: fields.text("text", ANY)?, sentence: sentence()? },
            1018 => Self::VcrResult { result: fields.data() },
            9001 => Self::TurnLatency { latency: TurnLatency::read(&fields)? },
            9002 => Self::Bye { reason: ByeReason::read(&fields)? },
            9003 => Self::Member { member: Member::read(&fields)? },
            9004 => Self::TakeoverHandedBack { user: fields.text("takeoverUid", ANY)? },
            unknown => return Err(MessageError::UnknownType(unknown)),
        })
    }
}

fn message(fields: &Fields) -> Result<String, MessageError> {
    Ok(fields.optional_text("message", ANY)?.unwrap_or_default())
}

impl AgentState {
    fn read(fields: &Fields) -> Result<Self, MessageError> {
        match fields.whole("state", 1, 3)? {
            1 => Ok(Self::Listening),
            2 => Ok(Self::Thinking),
            _ => Ok(Self::Speaking),
        }
    }
}

impl InterruptReason {
    /// A reason newer than these is [`Self::Unknown`].
    fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(match fields.whole("reason", 0, u32::MAX)? {
            1 => Self::Words,
            2 => Self::Voice,
            3 => Self::Command,
            4 => Self::Speech,
            5 => Self::Text,
            _ => Self::Unknown,
        })
    }
}

impl ByeReason {
    fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(match fields.whole("reason", 1, 3)? {
            1 => Self::Kicked,
            2 => Self::ChannelTerminated,
            _ => Self::Replaced,
        })
    }
}

impl Member {
    fn to_data(&self) -> Value {
        json!({"userId": self.user, "online": self.online, "audio": self.audio, "video": self.video,
               "role": self.role.as_str()})
    }

    fn read(fields: &Fields) -> Result<Self, MessageError> {
        Ok(Self {
            user: fields.words("userId", ANY)?,
            online: fields.boolean("online")?,
            audio: fields.boolean("audio")?,
            video: fields.boolean("video")?,
            role: match fields.text("role", 16)?.as_str() {
                "agent" => MemberRole::Agent,
                "human" => MemberRole::Human,
                _ => return Err(fields.wrong("role", "must be `agent` or `human`")),
            },
        })
    }
}

impl MemberRole {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Human => "human",
        }
    }
}

impl TurnLatency {
    fn to_data(self) -> Value {
        json!({"sentenceId": self.sentence, "endpointing": self.endpointing, "transcript": self.transcript,
               "firstText": self.first_text, "firstSegment": self.first_segment, "firstAudio": self.first_audio,
               "playout": self.playout, "total": self.total})
    }

    fn read(fields: &Fields) -> Result<Self, MessageError> {
        let ms = |field| fields.whole(field, 0, u32::MAX);
        Ok(Self {
            sentence: SentenceId(fields.long("sentenceId")?),
            endpointing: ms("endpointing")?,
            transcript: ms("transcript")?,
            first_text: ms("firstText")?,
            first_segment: ms("firstSegment")?,
            first_audio: ms("firstAudio")?,
            playout: ms("playout")?,
            total: ms("total")?,
        })
    }
}
