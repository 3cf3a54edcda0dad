//! The data channel between client and agent: one UTF-8 JSON object per message (client-sdk §4).
//!
//! [`ClientMessage`] goes to the server, [`ServerMessage`] to the client; both are parsed leniently (numbers and
//! booleans may be texts, unknown keys are ignored, `seqId`, `senderId` and `receiverId` are not required) and both can
//! be written. There are no acknowledgements and no retransmission at this level.

mod client;
mod fields;
mod server;

pub use client::{ClientMessage, VisionCapture};
pub use server::{AgentState, ByeReason, InterruptReason, Member, MemberRole, ServerMessage, TurnLatency, ready_resp};

use fields::Fields;
use serde_json::{Value, json};

/// Longest message, in bytes, in either direction.
pub const MAX_MESSAGE: usize = 64 * 1024;
/// `key` of the readiness handshake.
const READY_KEY: &str = "aliyun_aigc";

/// Why a message is not understood. The channel stays open: the message is dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error("the message has {bytes} bytes, at most {MAX_MESSAGE} are allowed")]
    TooLarge { bytes: usize },
    #[error("the message is not a JSON object")]
    NotJson,
    #[error("the message has no numeric type")]
    NoType,
    #[error("the message type {0} is unknown")]
    UnknownType(i64),
    #[error("message {message_type}: {field} {reason}")]
    BadData { message_type: i64, field: &'static str, reason: &'static str },
}

/// An envelope taken apart.
enum Opened {
    /// `ready_req` or `ready_resp`.
    Ready {
        request: bool,
    },
    Message(Fields),
}

fn open(text: &str) -> Result<Opened, MessageError> {
    if text.len() > MAX_MESSAGE {
        return Err(MessageError::TooLarge { bytes: text.len() });
    }
    let mut message: Value = serde_json::from_str(text).map_err(|_| MessageError::NotJson)?;
    if !message.is_object() {
        return Err(MessageError::NotJson);
    }
    if message["key"] == READY_KEY {
        match message["type"].as_str() {
            Some("ready_req") => return Ok(Opened::Ready { request: true }),
            Some("ready_resp") => return Ok(Opened::Ready { request: false }),
            _ => {}
        }
    }
    let message_type = match &message["type"] {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    let message_type = message_type.ok_or(MessageError::NoType)?;
    Ok(Opened::Message(Fields::new(message_type, message["data"].take())))
}

/// The envelope of client-sdk §4.1; `data` is always there, because Android drops messages without it.
fn envelope(message_type: i64, data: &Value, seq: u64, sender: &str, receiver: &str) -> String {
    json!({"type": message_type, "data": data, "seqId": seq, "senderId": sender, "receiverId": receiver}).to_string()
}

fn ready(kind: &str) -> String {
    json!({"key": READY_KEY, "version": "1.0", "type": kind, "data": {"ready": true}}).to_string()
}
