//! The data channel's messages: the spec's samples, both directions, and garbage.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringline_model::SentenceId;
use ringline_protocol::datachannel::{
    AgentState, ByeReason, ClientMessage, InterruptReason, MAX_MESSAGE, Member, MemberRole, MessageError,
    ServerMessage, TurnLatency, VisionCapture, ready_resp,
};
use serde_json::{Value, json};

fn parsed(json: Value) -> Result<ClientMessage, MessageError> {
    ClientMessage::parse(&json.to_string())
}

fn client(message_type: u32, data: Value) -> Result<ClientMessage, MessageError> {
    parsed(json!({"type": message_type, "data": data}))
}

fn client_messages() -> Vec<(i64, ClientMessage)> {
    let capture = VisionCapture {
        text: "what is this".into(),
        single: true,
        each_duration: 2.5,
        frames: 3,
        duration: 60.0,
        user_data: "{}".into(),
    };
    let (enable, text) = (true, || "text".to_owned());
    vec![
        (1100, ClientMessage::StopAgent),
        (1101, ClientMessage::InterruptSpeaking),
        (1102, ClientMessage::EnableVoiceInterrupt { enable }),
        (1103, ClientMessage::SwitchVoice { voice: text() }),
        (1104, ClientMessage::RequestRtcToken { user: Some(text()) }),
        (1105, ClientMessage::EnablePushToTalk { enable }),
        (1106, ClientMessage::StartPushToTalk),
        (1107, ClientMessage::FinishPushToTalk),
        (1108, ClientMessage::CancelPushToTalk),
        (1109, ClientMessage::UseVoiceprint { enable: false }),
        (1110, ClientMessage::ClearVoiceprint),
        (1111, ClientMessage::SendText { text: text(), interrupt: false }),
        (1112, ClientMessage::SendCustomMessage { message: text() }),
        (1113, ClientMessage::StartVisionCapture { capture }),
        (1114, ClientMessage::StopVisionCapture),
        (1115, ClientMessage::UpdateSystemPrompt { prompt: text() }),
        (1116, ClientMessage::UpdateVcrConfig { config: json!({"LookAway": {"Enabled": true}}) }),
        (1117, ClientMessage::UpdateBailianAppParams { params: json!({"memory_id": "m"}) }),
        (1118, ClientMessage::UpdateMaxSilence { ms: 500 }),
        (1119, ClientMessage::QueryAgentState),
        (1120, ClientMessage::UpdateSpeechRate { rate: 1.5 }),
    ]
}

fn member(role: MemberRole) -> Member {
    Member { user: "agent-9".into(), online: true, audio: true, video: false, role }
}

fn server_messages() -> Vec<(i64, ServerMessage)> {
    let (enable, text, sentence) = (true, || "text".to_owned(), SentenceId(3));
    let latency = TurnLatency {
        sentence,
        endpointing: 1,
        transcript: 2,
        first_text: 3,
        first_segment: 4,
        first_audio: 5,
        playout: 6,
        total: 19,
    };
    vec![
        (1000, ServerMessage::Error { code: 4005, message: text() }),
        (1001, ServerMessage::State { state: AgentState::Thinking }),
        (1002, ServerMessage::AgentSubtitle { text: text(), end: true, sentence }),
        (1003, ServerMessage::UserSubtitle { text: text(), end: false, sentence, voiceprint: 2 }),
        (1004, ServerMessage::VoiceInterruptChanged { enable }),
        (1005, ServerMessage::VoiceChanged { voice: text() }),
        (1006, ServerMessage::RtcToken { token: text(), expires: 1_767_225_600 }),
        (1007, ServerMessage::PushToTalkChanged { enable }),
        (1008, ServerMessage::VoiceprintChanged { enable: false }),
        (1009, ServerMessage::VoiceprintCleared),
        (1010, ServerMessage::WillLeave { reason: 2001, message: text() }),
        (1011, ServerMessage::CustomMessage { message: text() }),
        (1012, ServerMessage::TakeoverWillStart { user: text(), human_voice: true }),
        (1013, ServerMessage::TakeoverConnected { user: text() }),
        (1014, ServerMessage::Emotion { emotion: "happy".into(), sentence }),
        (1015, ServerMessage::VisionCaptureChanged { enable }),
        (1016, ServerMessage::Interrupted { reason: InterruptReason::Voice }),
        (1017, ServerMessage::ReplyCompleted { text: text(), sentence }),
        (1018, ServerMessage::VcrResult { result: json!({"peopleCount": {"count": 1}}) }),
        (9001, ServerMessage::TurnLatency { latency }),
        (9002, ServerMessage::Bye { reason: ByeReason::Kicked }),
        (9002, ServerMessage::Bye { reason: ByeReason::ChannelTerminated }),
        (9002, ServerMessage::Bye { reason: ByeReason::Replaced }),
        (9003, ServerMessage::Member { member: member(MemberRole::Agent) }),
        (9003, ServerMessage::Member { member: member(MemberRole::Human) }),
        (9004, ServerMessage::TakeoverHandedBack { user: text() }),
    ]
}

#[test]
fn every_client_message_has_its_number_and_survives_the_round_trip() {
    for (number, message) in client_messages() {
        let text = message.to_json(4, "user-1", "agent-9");
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["type"], number);
        assert!(json["data"].is_object(), "{text}");
        assert_eq!(ClientMessage::parse(&text), Ok(message));
    }
}

#[test]
fn every_server_message_has_its_number_data_and_ids_and_survives_the_round_trip() {
    for (number, message) in server_messages() {
        let text = message.to_json(41, "agent-9", "user-1");
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["type"], number);
        assert!(json["data"].is_object(), "{text}");
        assert_eq!(
            (&json["seqId"], &json["senderId"], &json["receiverId"]),
            (&json!(41), &json!("agent-9"), &json!("user-1"))
        );
        assert_eq!(ServerMessage::parse(&text), Ok(message));
    }
}

#[test]
fn our_own_notices_are_written_as_documented() {
    let data = |message: ServerMessage| -> Value {
        serde_json::from_str::<Value>(&message.to_json(1, "agent-9", "user-1")).unwrap()["data"].take()
    };
    for (reason, number) in [(ByeReason::Kicked, 1), (ByeReason::ChannelTerminated, 2), (ByeReason::Replaced, 3)] {
        assert_eq!(data(ServerMessage::Bye { reason }), json!({"reason": number}));
    }
    assert_eq!(
        data(ServerMessage::Member { member: member(MemberRole::Agent) }),
        json!({"userId": "agent-9", "online": true, "audio": true, "video": false, "role": "agent"})
    );
    for wrong in [
        json!({"type": 9002, "data": {"reason": 4}}),
        json!({"type": 9003, "data": {"userId": "u", "online": true, "audio": true, "video": true, "role": "cat"}}),
    ] {
        assert!(matches!(ServerMessage::parse(&wrong.to_string()), Err(MessageError::BadData { .. })), "{wrong}");
    }
}

#[test]
fn the_samples_of_the_spec_are_written_exactly() {
    let written = |message: ServerMessage, seq| -> Value {
        serde_json::from_str(&message.to_json(seq, "agent-9", "user-1")).unwrap()
    };
    let sentence = SentenceId(3);
    let user = ServerMessage::UserSubtitle { text: "how warm is it".into(), end: false, sentence, voiceprint: 0 };
    assert_eq!(
        written(user, 41),
        json!({"type":1003,"data":{"text":"how warm is it","end":false,"sentenceId":3,"voiceprint":0},
               "seqId":41,"senderId":"agent-9","receiverId":"user-1"})
    );
    assert_eq!(
        written(ServerMessage::AgentSubtitle { text: String::new(), end: true, sentence }, 46),
        json!({"type":1002,"data":{"text":"","end":true,"sentenceId":3},
               "seqId":46,"senderId":"agent-9","receiverId":"user-1"})
    );
    assert_eq!(
        written(ServerMessage::WillLeave { reason: 2001, message: "idle".into() }, 50),
        json!({"type":1010,"data":{"reason":2001,"message":"idle"},
               "seqId":50,"senderId":"agent-9","receiverId":"user-1"})
    );
    let latency = server_messages().into_iter().find(|(kind, _)| *kind == 9001).unwrap().1;
    assert_eq!(
        written(latency, 1)["data"],
        json!({"sentenceId":3,"endpointing":1,"transcript":2,"firstText":3,"firstSegment":4,"firstAudio":5,
               "playout":6,"total":19})
    );
}

#[test]
fn the_handshake_is_understood_and_answered() {
    let request = r#"{"key":"aliyun_aigc","version":"1.0","type":"ready_req","data":{"ready":true}}"#;
    assert_eq!(ClientMessage::parse(request), Ok(ClientMessage::Ready));
    assert_eq!(ClientMessage::parse(&ClientMessage::Ready.to_json(1, "u", "a")), Ok(ClientMessage::Ready));
    let answer: Value = serde_json::from_str(&ready_resp()).unwrap();
    assert_eq!(answer, json!({"key":"aliyun_aigc","version":"1.0","type":"ready_resp","data":{"ready":true}}));
    assert_eq!(ServerMessage::parse(&ready_resp()), Ok(ServerMessage::Ready));
    assert_eq!(ClientMessage::parse(&ready_resp()), Err(MessageError::NoType));
    assert_eq!(ServerMessage::parse(request), Err(MessageError::NoType));
    assert_eq!(parsed(json!({"key": "other", "type": "ready_req"})), Err(MessageError::NoType));
}

#[test]
fn ids_numbers_and_data_are_read_leniently() {
    assert_eq!(parsed(json!({"type": 1101})), Ok(ClientMessage::InterruptSpeaking));
    assert_eq!(parsed(json!({"type": "1101", "data": null, "seqId": "x"})), Ok(ClientMessage::InterruptSpeaking));
    assert_eq!(client(1118, json!({"asrMaxSilence": "500"})), Ok(ClientMessage::UpdateMaxSilence { ms: 500 }));
    assert_eq!(client(1118, json!(r#"{"asrMaxSilence":500}"#)), Ok(ClientMessage::UpdateMaxSilence { ms: 500 }));
    for enable in [json!(true), json!(1), json!("true"), json!("True"), json!("1")] {
        let expected = ClientMessage::EnableVoiceInterrupt { enable: true };
        assert_eq!(client(1102, json!({"enable": enable, "unknown": 1})), Ok(expected));
    }
    let question = ClientMessage::SendText { text: "hi".into(), interrupt: true };
    assert_eq!(client(1111, json!({"text": "hi"})), Ok(question));
    let custom = ClientMessage::SendCustomMessage { message: r#"{"a":1}"#.into() };
    assert_eq!(client(1112, json!({"message": {"a": 1}})), Ok(custom));
}

#[test]
fn data_that_cannot_be_is_named() {
    let wrong = |message_type: u32, data: Value| match client(message_type, data) {
        Err(MessageError::BadData { message_type: number, field, .. }) => (number, field),
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(1102, json!({})), (1102, "enable"));
    assert_eq!(wrong(1102, json!({"enable": 2})), (1102, "enable"));
    assert_eq!(wrong(1103, json!({"voiceId": ""})), (1103, "voiceId"));
    assert_eq!(wrong(1103, json!({"voiceId": "v".repeat(65)})), (1103, "voiceId"));
    assert_eq!(wrong(1111, json!({"text": "  "})), (1111, "text"));
    assert_eq!(wrong(1111, json!({"text": "x".repeat(8193)})), (1111, "text"));
    assert_eq!(wrong(1111, json!("not an object")), (1111, "text"));
    assert_eq!(wrong(1112, json!({})), (1112, "message"));
    assert_eq!(wrong(1113, json!({"mode": "both"})), (1113, "mode"));
    assert_eq!(wrong(1115, json!({"prompt": "x".repeat(16_385)})), (1115, "prompt"));
    assert_eq!(wrong(1117, json!({"params": "{"})), (1117, "params"));
    assert_eq!(wrong(1118, json!({"asrMaxSilence": 199})), (1118, "asrMaxSilence"));
    assert_eq!(wrong(1118, json!({"asrMaxSilence": 500.5})), (1118, "asrMaxSilence"));
    assert_eq!(wrong(1118, json!({"asrMaxSilence": "NaN"})), (1118, "asrMaxSilence"));
    assert_eq!(wrong(1120, json!({"speechRate": 2.1})), (1120, "speechRate"));
    assert_eq!(wrong(1120, json!({"speechRate": []})), (1120, "speechRate"));
}

#[test]
fn garbage_is_told_apart() {
    assert_eq!(ClientMessage::parse("{oops"), Err(MessageError::NotJson));
    assert_eq!(ClientMessage::parse("[1101]"), Err(MessageError::NotJson));
    assert_eq!(ClientMessage::parse(""), Err(MessageError::NotJson));
    assert_eq!(ClientMessage::parse(&"[".repeat(60_000)), Err(MessageError::NotJson));
    assert_eq!(parsed(json!({})), Err(MessageError::NoType));
    assert_eq!(parsed(json!({"type": 11.5})), Err(MessageError::NoType));
    assert_eq!(parsed(json!({"type": 1121})), Err(MessageError::UnknownType(1121)));
    assert_eq!(parsed(json!({"type": -1})), Err(MessageError::UnknownType(-1)));
    assert_eq!(parsed(json!({"type": 1001, "data": {"state": 1}})), Err(MessageError::UnknownType(1001)));
    let unknown = ServerMessage::parse(r#"{"type":1100,"data":{}}"#);
    assert_eq!(unknown, Err(MessageError::UnknownType(1100)));
}

#[test]
fn the_byte_past_the_limit_is_too_much() {
    let message = r#"{"type":1101}"#;
    let padded = |bytes: usize| format!("{message}{}", " ".repeat(bytes - message.len()));
    assert_eq!(ClientMessage::parse(&padded(MAX_MESSAGE)), Ok(ClientMessage::InterruptSpeaking));
    let bytes = MAX_MESSAGE + 1;
    assert_eq!(ClientMessage::parse(&padded(bytes)), Err(MessageError::TooLarge { bytes }));
}

#[test]
fn a_client_reads_an_older_or_newer_server() {
    let read =
        |message_type: u32, data: Value| ServerMessage::parse(&json!({"type": message_type, "data": data}).to_string());
    let newer = ServerMessage::Interrupted { reason: InterruptReason::Unknown };
    assert_eq!(read(1016, json!({"reason": 17})), Ok(newer));
    let token = ServerMessage::RtcToken { token: "t".into(), expires: 0 };
    assert_eq!(read(1006, json!({"rtc_auth_token": "t"})), Ok(token));
    let subtitle = ServerMessage::UserSubtitle { text: "a".into(), end: true, sentence: SentenceId(1), voiceprint: 0 };
    assert_eq!(read(1003, json!({"text": "a", "end": true, "sentenceId": "1"})), Ok(subtitle));
    assert!(matches!(read(1001, json!({"state": 4})), Err(MessageError::BadData { field: "state", .. })));
    assert!(matches!(read(1002, json!({"text": "a"})), Err(MessageError::BadData { field: "end", .. })));
}

proptest! {
    #[test]
    fn parsing_never_panics(text in ".*") {
        let _outcome = (ClientMessage::parse(&text), ServerMessage::parse(&text));
    }

    #[test]
    fn any_value_in_any_field_is_read_or_refused(
        message_type in prop_oneof![1000..1020_i64, 1100..1125_i64, 9001..9005_i64],
        field in prop_oneof![
            Just("enable"), Just("text"), Just("voiceId"), Just("params"), Just("asrMaxSilence"), Just("speechRate"),
            Just("message"), Just("num"), Just("sentenceId"), Just("state"), Just("reason"), Just("timestamp"),
        ],
        value in prop_oneof![
            any::<i64>().prop_map(Value::from), any::<f64>().prop_map(Value::from), ".*".prop_map(Value::from),
            any::<bool>().prop_map(Value::from), Just(json!([])), Just(json!({})), Just(Value::Null),
        ],
    ) {
        let text = json!({"type": message_type, "data": {field: value}}).to_string();
        let _outcome = (ClientMessage::parse(&text), ServerMessage::parse(&text));
    }
}
