//! Callbacks: what an app server is POSTed when something happens in a call (server-api §9.2–9.4).
//!
//! Every body has the same nine fields; [`Happened`] says what is in them. No source states the codes of the vendor, so
//! this is our table. Codes are texts:
//!
//! | event | code | message |
//! |---|---|---|
//! | `agent_stop` | see [`StopReason`]: 2001, 2002 as the client's leave reasons, then our own | why, in words |
//! | `error` | see [`Failure`]: 4005 as the client's error, then our own | what failed |
//! | every other | `200` | `Success` |
//!
//! `data` and `extendData` are JSON, not texts that hold JSON. Times of day are UTC as text: `timestamp` to the second, as
//! the vendor's samples have it; the times of a stage to the millisecond.

use crate::time_format::{utc_millis, utc_seconds};
use ringline_model::{AgentId, ChannelId, InstanceId};
use serde::Serialize;
use serde_json::{Value, json};

/// Most names in a list of events to deliver.
pub const MAX_NAMES: usize = 64;
/// Longest name of an event, in characters.
pub const MAX_NAME: usize = 64;

/// Who an event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    pub agent: AgentId,
    pub instance: InstanceId,
    pub channel: ChannelId,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// The task has started; the user isn't there yet.
    AgentStart,
    /// User and agent are connected.
    SessionStart,
    AgentStop(StopReason),
    Error(Failure),
    /// The user's speech began to make sense: utterance opened → first text.
    IntentDetected(StageTimes),
    /// The user's turn is over: last text asked for → decided.
    IntentRecognized(StageTimes),
    /// Language model asked → first text of the answer.
    LlmDataReceived(StageTimes),
    /// Synthesis asked → first audio of the answer.
    TtsDataReceived(StageTimes),
    ChatRecord(ChatRecord),
    /// The client app's message, as it came: JSON is handed on as JSON, anything else as a text.
    ClientDefinedData(String),
}

/// One stage of answering a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageTimes {
    /// The same for everything that belongs to one question.
    pub sentence: u64,
    /// Unix ms.
    pub requested_ms: i64,
    pub answered_ms: i64,
}

/// An entry of the dialogue, with the keys of ListAIAgentDialogues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatRecord {
    /// Of the report, unique.
    pub request_id: String,
    pub dialogue_id: String,
    pub round_id: String,
    /// `user` or `agent`
    pub producer: &'static str,
    /// `greeting`, `normal` or `speech`
    pub kind: &'static str,
    pub text: String,
    /// Unix ms.
    pub time_ms: i64,
}

/// Why an instance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// 2001: nobody said anything for MaxIdleTime.
    Idle,
    /// 2002: the human who took over is done.
    TakeoverEnded,
    /// 2003: UserOnlineTimeout passed.
    UserNeverJoined,
    /// 2004: the user left and did not come back within UserOfflineTimeout.
    UserLeft,
    /// 2005: StopAIAgentInstance.
    StoppedByApi,
    /// 2006: the client's StopAgent.
    StoppedByClient,
    /// 2007: the server shut down in an orderly way.
    Drained,
    /// 2008: a provider failed beyond what can be bridged.
    ProviderFailed,
    /// 2009: the server died in the middle of the call and has found it at its next start.
    Crashed,
    /// 2010: the instance was stored, but its call could not be set up.
    NotStarted,
    /// 2011: the language model hung up.
    HungUp,
    /// 2012: the user stayed silent through all prompts.
    UserIdle,
}

impl StopReason {
    pub const ALL: &[Self] = &[
        Self::Idle,
        Self::TakeoverEnded,
        Self::UserNeverJoined,
        Self::UserLeft,
        Self::StoppedByApi,
        Self::StoppedByClient,
        Self::Drained,
        Self::ProviderFailed,
        Self::Crashed,
        Self::NotStarted,
        Self::HungUp,
        Self::UserIdle,
    ];

    pub const fn code(self) -> u32 {
        match self {
            Self::Idle => 2001,
            Self::TakeoverEnded => 2002,
            Self::UserNeverJoined => 2003,
            Self::UserLeft => 2004,
            Self::StoppedByApi => 2005,
            Self::StoppedByClient => 2006,
            Self::Drained => 2007,
            Self::ProviderFailed => 2008,
            Self::Crashed => 2009,
            Self::NotStarted => 2010,
            Self::HungUp => 2011,
            Self::UserIdle => 2012,
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::Idle => "Nobody said anything for too long",
            Self::TakeoverEnded => "The human who took over has ended the call",
            Self::UserNeverJoined => "The user did not join in time",
            Self::UserLeft => "The user left and did not come back in time",
            Self::StoppedByApi => "The call was stopped by the API",
            Self::StoppedByClient => "The call was stopped by the client",
            Self::Drained => "The server shut down",
            Self::ProviderFailed => "A provider failed",
            Self::Crashed => "The server failed during the call",
            Self::NotStarted => "The call could not be set up",
            Self::HungUp => "The agent hung up",
            Self::UserIdle => "The user stayed silent",
        }
    }
}

/// A stage that failed while the call went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 4005
    Recognition,
    /// 4101
    Generation,
    /// 4102
    Synthesis,
    /// 4103: audio behind a URL could not be played.
    Audio,
}

impl Failure {
    pub const fn code(self) -> u32 {
        match self {
            Self::Recognition => 4005,
            Self::Generation => 4101,
            Self::Synthesis => 4102,
            Self::Audio => 4103,
        }
    }

    pub const fn message(self) -> &'static str {
        match self {
            Self::Recognition => "Speech recognition failed",
            Self::Generation => "The language model failed",
            Self::Synthesis => "Speech synthesis failed",
            Self::Audio => "The audio could not be played",
        }
    }
}

/// The body as it travels; the order of the fields is the vendor's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    ai_agent_id: &'a AgentId,
    instance_id: &'a InstanceId,
    event: &'a str,
    code: String,
    message: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extend_data: Option<Value>,
}

/// The body of an event that only shows whether the receiver is there: its name is `test`, and there is no instance.
pub fn test_body(agent: &AgentId, at_ms: i64) -> String {
    let body = json!({
        "aiAgentId": agent,
        "instanceId": "",
        "event": "test",
        "code": "200",
        "message": "This is a test of the callback address. Nothing has happened.",
        "timestamp": utc_seconds(at_ms.div_euclid(1000)),
    });
    body.to_string()
}

impl Happened {
    /// The event's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AgentStart => "agent_start",
            Self::SessionStart => "session_start",
            Self::AgentStop(_) => "agent_stop",
            Self::Error(_) => "error",
            Self::IntentDetected(_) => "intent_detected",
            Self::IntentRecognized(_) => "intent_recognized",
            Self::LlmDataReceived(_) => "llm_data_received",
            Self::TtsDataReceived(_) => "tts_data_received",
            Self::ChatRecord(_) => "chat_record",
            Self::ClientDefinedData(_) => "client_defined_data",
        }
    }

    /// The whole body. `at_ms` is when it happened (Unix ms), `user_data` the instance's.
    pub fn body(&self, subject: &Subject, user_data: Option<&str>, at_ms: i64) -> String {
        let (code, message) = self.status();
        let body = Body {
            ai_agent_id: &subject.agent,
            instance_id: &subject.instance,
            event: self.name(),
            code: code.to_string(),
            message,
            timestamp: utc_seconds(at_ms.div_euclid(1000)),
            user_data,
            data: self.data(),
            extend_data: self.extend_data(subject),
        };
        serde_json::to_string(&body).expect("texts and JSON values serialise")
    }

    const fn status(&self) -> (u32, &'static str) {
        match self {
            Self::AgentStop(reason) => (reason.code(), reason.message()),
            Self::Error(failure) => (failure.code(), failure.message()),
            Self::AgentStart
            | Self::SessionStart
            | Self::IntentDetected(_)
            | Self::IntentRecognized(_)
            | Self::LlmDataReceived(_)
            | Self::TtsDataReceived(_)
            | Self::ChatRecord(_)
            | Self::ClientDefinedData(_) => (200, "Success"),
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::ChatRecord(record) => Some(record.data()),
            Self::ClientDefinedData(message) => {
                Some(serde_json::from_str(message).unwrap_or_else(|_| Value::String(message.clone())))
            }
            Self::AgentStart
            | Self::SessionStart
            | Self::AgentStop(_)
            | Self::Error(_)
            | Self::IntentDetected(_)
            | Self::IntentRecognized(_)
            | Self::LlmDataReceived(_)
            | Self::TtsDataReceived(_) => None,
        }
    }

    fn extend_data(&self, subject: &Subject) -> Option<Value> {
        let channel = &subject.channel;
        match self {
            Self::AgentStart | Self::SessionStart | Self::AgentStop(_) | Self::Error(_) => {
                Some(json!({"channelId": channel}))
            }
            Self::IntentDetected(times)
            | Self::IntentRecognized(times)
            | Self::LlmDataReceived(times)
            | Self::TtsDataReceived(times) => Some(json!({
                "channelId": channel,
                "sentenceId": times.sentence,
                "requestTimestamp": utc_millis(times.requested_ms),
                "responseTimestamp": utc_millis(times.answered_ms),
            })),
            Self::ChatRecord(_) | Self::ClientDefinedData(_) => None,
        }
    }
}

impl ChatRecord {
    fn data(&self) -> Value {
        json!({
            "requestId": self.request_id,
            "code": "Success",
            "message": "Success",
            "dialogues": [{
                "roundId": self.round_id,
                "producer": self.producer,
                "text": self.text,
                // No model here tells its reasoning.
                "reasoningText": "",
                "time": self.time_ms,
                "source": "call",
                "dialogueId": self.dialogue_id,
                "type": self.kind,
            }],
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn subject() -> Subject {
        Subject {
            agent: AgentId::parse("39f8e0bc005e4f309379701645f4abcd").unwrap(),
            instance: InstanceId::parse("9f1c2b7e0d5a4b6c8e3f1a2b3c4d5e6f").unwrap(),
            channel: ChannelId::parse("4a7d1ed414474e4033ac29ccb8653d9b").unwrap(),
        }
    }

    /// 2026-01-02T03:04:05.678Z
    const AT_MS: i64 = 1_767_323_045_678;

    fn json_body(happened: &Happened) -> Value {
        serde_json::from_str(&happened.body(&subject(), None, AT_MS)).unwrap()
    }

    #[test]
    fn the_sample_is_written_letter_for_letter() {
        assert_eq!(
            Happened::SessionStart.body(&subject(), Some(r#"{"order":"A1"}"#), AT_MS),
            r#"{"aiAgentId":"39f8e0bc005e4f309379701645f4abcd","instanceId":"9f1c2b7e0d5a4b6c8e3f1a2b3c4d5e6f","event":"session_start","code":"200","message":"Success","timestamp":"2026-01-02T03:04:05Z","userData":"{\"order\":\"A1\"}","extendData":{"channelId":"4a7d1ed414474e4033ac29ccb8653d9b"}}"#
        );
    }

    #[test]
    fn what_there_is_not_is_not_written() {
        let body = json_body(&Happened::AgentStart);
        assert_eq!((body.get("userData"), body.get("data")), (None, None));
        assert_eq!(body["event"], "agent_start");
    }

    #[test]
    fn a_stage_has_channel_sentence_and_both_times() {
        let times = StageTimes { sentence: 3, requested_ms: AT_MS, answered_ms: AT_MS + 325 };
        for (happened, name) in [
            (Happened::IntentDetected(times), "intent_detected"),
            (Happened::IntentRecognized(times), "intent_recognized"),
            (Happened::LlmDataReceived(times), "llm_data_received"),
            (Happened::TtsDataReceived(times), "tts_data_received"),
        ] {
            let body = json_body(&happened);
            assert_eq!(body["event"], name);
            assert_eq!(
                body["extendData"],
                json!({"channelId": "4a7d1ed414474e4033ac29ccb8653d9b", "sentenceId": 3,
                       "requestTimestamp": "2026-01-02T03:04:05.678Z",
                       "responseTimestamp": "2026-01-02T03:04:06.003Z"})
            );
        }
    }

    #[test]
    fn a_chat_record_has_the_keys_of_a_listed_dialogue_in_camel_case() {
        let record = ChatRecord {
            request_id: "0F5E".into(),
            dialogue_id: "i-1".into(),
            round_id: "i-s1".into(),
            producer: "user",
            kind: "normal",
            text: "What \"day\" is it? 今天".into(),
            time_ms: AT_MS,
        };
        let body = json_body(&Happened::ChatRecord(record));
        assert_eq!((&body["event"], &body["code"]), (&json!("chat_record"), &json!("200")));
        assert_eq!(
            body["data"],
            json!({"requestId": "0F5E", "code": "Success", "message": "Success", "dialogues": [{
                "roundId": "i-s1", "producer": "user", "text": "What \"day\" is it? 今天", "reasoningText": "",
                "time": AT_MS, "source": "call", "dialogueId": "i-1", "type": "normal"}]})
        );
        assert_eq!(body.get("extendData"), None);
    }

    #[test]
    fn a_clients_message_is_handed_on_as_json_if_it_is_json() {
        let data = |message: &str| json_body(&Happened::ClientDefinedData(message.into()))["data"].clone();
        assert_eq!(data(r#"{"a":[1,"中"]}"#), json!({"a": [1, "中"]}));
        assert_eq!(data("begin"), json!("begin"));
        assert_eq!(data(r#"{"a":"#), json!(r#"{"a":"#));
        assert_eq!(data(&"[".repeat(5000)), json!("[".repeat(5000)), "too deep to be read");
    }

    #[test]
    fn the_end_has_its_reason_as_code_and_in_words() {
        let body = json_body(&Happened::AgentStop(StopReason::Idle));
        assert_eq!((&body["event"], &body["code"]), (&json!("agent_stop"), &json!("2001")));
        assert_eq!(body["message"], "Nobody said anything for too long");
        assert_eq!(StopReason::TakeoverEnded.code(), 2002);
        let mut codes: Vec<_> = StopReason::ALL.iter().map(|reason| reason.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), StopReason::ALL.len(), "a code of its own for each");
    }

    #[test]
    fn a_failed_recognition_has_the_code_that_clients_are_told() {
        let body = json_body(&Happened::Error(Failure::Recognition));
        assert_eq!((&body["event"], &body["code"]), (&json!("error"), &json!("4005")));
        assert_eq!(body["extendData"], json!({"channelId": "4a7d1ed414474e4033ac29ccb8653d9b"}));
    }
}
