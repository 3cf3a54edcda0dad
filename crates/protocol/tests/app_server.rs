//! The app server's door: what it reads, and the quirks of what it answers.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringline_model::InstanceStatus;
use ringline_model::{AgentId, AgentKind, ChannelId, InstanceId, SessionId, UserId};
use ringline_protocol::app_server::{
    AgentChoice, DescribeAIAgent, DescribeAIAgentAnswer, DescribeAIAgentInstance, DescribeAIAgentInstanceAnswer,
    GenerateAIAgentCall, GenerateAIAgentCallAnswer, GetRtcAuthToken, GetRtcAuthTokenAnswer, MAX_BODY, Refusal,
    StartAIAgentInstanceWithChannel, StartRobot, StartRobotAnswer, StopAIAgentInstance, StopRobot,
    UpdateAIAgentInstance, UpdateRobot,
};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::{ListedInstance, RuntimeConfig};
use serde_json::{Value, json};

fn generate(body: Value) -> Result<GenerateAIAgentCall, Refusal> {
    GenerateAIAgentCall::parse(body.to_string().as_bytes())
}

fn token(body: Value) -> Result<GetRtcAuthToken, Refusal> {
    GetRtcAuthToken::parse(body.to_string().as_bytes())
}

#[test]
fn a_call_is_read_under_its_snake_case_names() {
    let call = generate(json!({
        "ai_agent_id": "39f8", "user_id": "alice", "expire": 86400, "template_config": "{}",
        "agent_config": "{\"Greeting\":\"Hi\"}", "region": "cn-shanghai", "user_data": "{\"k\":1}",
        "session_id": "s1", "chat_sync_config": "{\"ReceiverId\":\"r\"}",
    }))
    .unwrap();
    assert_eq!(call.agent, AgentChoice::Id(AgentId::parse("39f8").unwrap()));
    let options = call.options;
    assert_eq!((options.user.unwrap().as_str(), options.expire), ("alice", 86_400));
    assert_eq!((options.agent_config, options.template_config), (json!({"Greeting": "Hi"}), json!({})));
    assert_eq!((options.user_data.unwrap().as_str(), options.session.unwrap().as_str()), (r#"{"k":1}"#, "s1"));
    assert_eq!(options.chat_sync, Some(json!({"ReceiverId": "r"})));
}

#[test]
fn a_kind_chooses_the_agent_if_no_id_does() {
    let call = |body: Value| generate(body).unwrap().agent;
    assert_eq!(call(json!({"user_id": "u", "workflow_type": "VisionChat"})), AgentChoice::Kind(AgentKind::VisionChat));
    assert_eq!(
        call(json!({"user_id": "u", "workflow_type": "VoiceChat", "ai_agent_id": "a"})),
        AgentChoice::Id(AgentId::parse("a").unwrap())
    );
}

#[test]
fn names_of_the_openapi_do_not_count_here() {
    let call = generate(json!({"user_id": "u", "ai_agent_id": "a", "Expire": 1, "UserId": "other"})).unwrap();
    assert_eq!((call.options.user.unwrap().as_str(), call.options.expire), ("u", 3600));
}

#[test]
fn a_request_that_is_none_is_answered_with_code_500_and_msg() {
    for (body, word) in [
        (json!([]), "JSON object"),
        (json!({"ai_agent_id": "a"}), "user_id"),
        (json!({"ai_agent_id": "a", "user_id": " "}), "user_id"),
        (json!({"user_id": "u"}), "ai_agent_id or workflow_type"),
        (json!({"user_id": "u", "workflow_type": "Fax"}), "workflow_type"),
    ] {
        let answer = generate(body).unwrap_err().body("R");
        assert_eq!(answer["code"], 500);
        assert!(answer["msg"].as_str().unwrap().contains(word), "{answer}");
        assert_eq!(answer.get("message"), None);
    }
    let garbage = GenerateAIAgentCall::parse(b"\xff{").unwrap_err();
    assert!(matches!(garbage, Refusal::Validation(_)));
    let call = r#"{"user_id":"u","ai_agent_id":"a"}"#;
    let long = format!("{call}{}", " ".repeat(MAX_BODY + 1 - call.len()));
    assert!(matches!(GenerateAIAgentCall::parse(long.as_bytes()), Err(Refusal::Validation(_))));
    assert!(GenerateAIAgentCall::parse(&long.as_bytes()[..MAX_BODY]).is_ok());
}

#[test]
fn what_the_operation_refuses_keeps_its_code_and_status() {
    for (body, status, code) in [
        (json!({"ai_agent_id": "no id", "user_id": "u"}), 404, "AgentNotFound"),
        (json!({"ai_agent_id": "a", "user_id": "u".repeat(300)}), 400, "InvalidParameter"),
        (json!({"ai_agent_id": "a", "user_id": "u", "expire": -1}), 400, "InvalidParameter"),
        (json!({"ai_agent_id": "a", "user_id": "u", "agent_config": "{"}), 400, "InvalidParameter"),
    ] {
        let answer = generate(body).unwrap_err().body("R");
        assert_eq!(
            (&answer["code"], &answer["error_code"], &answer["request_id"]),
            (&json!(status), &json!(code), &json!("R"))
        );
        assert!(answer["message"].is_string());
    }
}

#[test]
fn a_token_needs_a_user_and_may_name_a_channel() {
    let request = token(json!({"user_id": "alice", "channel_id": "room-1"})).unwrap();
    assert_eq!((request.user.as_str(), request.channel.unwrap().as_str()), ("alice", "room-1"));
    assert_eq!(token(json!({"user_id": "alice"})).unwrap().channel, None);
    assert_eq!(token(json!({"user_id": "alice", "channel_id": null})).unwrap().channel, None);
    for body in [json!({}), json!({"user_id": "a b"}), json!({"user_id": "a", "channel_id": "c".repeat(65)})] {
        assert_eq!(token(body).unwrap_err().body("R")["code"], 500);
    }
}

#[test]
fn answers_have_their_names_and_leave_out_what_they_lack() {
    let mut answer = GenerateAIAgentCallAnswer {
        code: 200,
        rtc_auth_token: "eyJ".into(),
        ai_agent_id: AgentId::parse("a").unwrap(),
        ai_agent_instance_id: InstanceId::parse("i").unwrap(),
        ai_agent_user_id: UserId::parse("agent").unwrap(),
        channel_id: ChannelId::parse("c").unwrap(),
        workflow_type: Some(AgentKind::VoiceChat),
        request_id: "R".into(),
    };
    let mut json = json!({"code": 200, "rtc_auth_token": "eyJ", "ai_agent_id": "a", "ai_agent_instance_id": "i",
                          "ai_agent_user_id": "agent", "channel_id": "c", "workflow_type": "VoiceChat",
                          "request_id": "R"});
    assert_eq!(serde_json::to_value(&answer).unwrap(), json);
    answer.workflow_type = None;
    json.as_object_mut().unwrap().remove("workflow_type");
    assert_eq!(serde_json::to_value(&answer).unwrap(), json);
    assert_eq!(serde_json::from_value::<GenerateAIAgentCallAnswer>(json).unwrap(), answer);
    let token =
        GetRtcAuthTokenAnswer { code: 200, rtc_auth_token: "eyJ".into(), timestamp: 1_767_225_600, channel_id: None };
    assert_eq!(
        serde_json::to_value(&token).unwrap(),
        json!({"code": 200, "rtc_auth_token": "eyJ", "timestamp": 1_767_225_600})
    );
}

proptest! {
    #[test]
    fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _outcome = (GenerateAIAgentCall::parse(&body), GetRtcAuthToken::parse(&body));
    }
}

#[test]
fn an_instance_is_stopped_changed_and_described_under_its_snake_case_name() {
    let body = json!({"ai_agent_instance_id": "i1", "user_id": "u", "template_config": "{}",
                      "agent_config": "{\"Volume\":5}", "user_data": "d"})
    .to_string();
    assert_eq!(StopAIAgentInstance::parse(body.as_bytes()).unwrap().instance.as_str(), "i1");
    assert_eq!(DescribeAIAgentInstance::parse(body.as_bytes()).unwrap().instance.as_str(), "i1");
    let UpdateAIAgentInstance(update) = UpdateAIAgentInstance::parse(body.as_bytes()).unwrap();
    assert_eq!((update.instance.as_str(), update.agent_config), ("i1", json!({"Volume": 5})));
    assert_eq!(update.user_data.as_deref(), Some("d"));
}

#[test]
fn what_a_request_about_an_instance_lacks_is_named() {
    fn said<T: std::fmt::Debug>(outcome: Result<T, Refusal>) -> String {
        let answer = outcome.unwrap_err().body("R");
        assert_eq!(answer["code"], 500, "{answer}");
        answer["msg"].as_str().unwrap().to_owned()
    }
    assert_eq!(said(StopAIAgentInstance::parse(b"{}")), "ai_agent_instance_id is mandatory");
    let instance = br#"{"ai_agent_instance_id":"i"}"#;
    assert_eq!(said(DescribeAIAgentInstance::parse(instance)), "user_id is mandatory");
    assert!(said(UpdateAIAgentInstance::parse(instance)).contains("template_config"));
    assert_eq!(said(DescribeAIAgent::parse(b"{}")), "ai_agent_id is mandatory");
    let unknown = StopAIAgentInstance::parse(br#"{"ai_agent_instance_id":"no id"}"#).unwrap_err().body("R");
    assert_eq!((&unknown["code"], &unknown["error_code"]), (&json!(404), &json!("InstanceNotFound")));
}

#[test]
fn an_instance_is_described_in_texts_and_without_what_the_agent_was_told() {
    let listed = ListedInstance {
        instance_id: InstanceId::parse("i").unwrap(),
        status: InstanceStatus::Executing,
        agent_config: json!({"LlmConfig": {"LlmSystemPrompt": "secret", "LlmHistory": [1], "LlmHistoryLimit": 3},
                             "TtsConfig": {"VoiceIdList": ["a"]}}),
        template_config: json!({"VoiceChat": {}}),
        runtime_config: RuntimeConfig {
            channel_id: ChannelId::parse("c").unwrap(),
            agent_user_id: UserId::parse("agent").unwrap(),
        },
        call_log_url: "http://h/calllog/i".into(),
        user_data: "d".into(),
        session_id: SessionId::parse("s").unwrap(),
        gmt_create: 0,
        gmt_modified: 0,
    };
    let answer = serde_json::to_value(DescribeAIAgentInstanceAnswer::new(listed, "R".into())).unwrap();
    let text = |name: &str| serde_json::from_str::<Value>(answer[name].as_str().unwrap()).unwrap();
    assert_eq!(text("agent_config"), json!({"LlmConfig": {"LlmHistoryLimit": 3}, "TtsConfig": {"VoiceIdList": ["a"]}}));
    assert_eq!(text("template_config"), json!({"VoiceChat": {}}));
    assert_eq!(text("runtime_config"), json!({"ChannelId": "c", "AgentUserId": "agent"}));
    assert_eq!((&answer["code"], &answer["status"]), (&json!(200), &json!("Executing")));
    assert_eq!(answer["message"], "Success");
    assert_eq!((&answer["call_log_url"], &answer["user_data"]), (&json!("http://h/calllog/i"), &json!("d")));
}

/// server-api §3.3, client-relied: the apps look at `error_code` for these.
#[test]
fn a_code_that_clients_branch_on_passes_through_as_it_is() {
    for (status, code) in
        [(403, "Forbidden.SubscriptionRequired"), (404, "AgentNotFound"), (400, "InvalidAudioDuration")]
    {
        let refusal = Refusal::from(ApiError::new(status, code, "Why."));
        assert_eq!(
            refusal.body("R"),
            json!({"code": status, "error_code": code, "message": "Why.", "request_id": "R"})
        );
    }
}

#[test]
fn an_agent_is_described_as_a_text_with_its_telephone_numbers() {
    let agent = DescribeAIAgent::parse(br#"{"ai_agent_id":"a","user_id":"u"}"#).unwrap().agent;
    let answer = DescribeAIAgentAnswer::new(&agent, "Ada", AgentKind::VoiceChat, "R".into());
    let text: Value = serde_json::from_str(&answer.ai_agent).unwrap();
    assert_eq!(text, json!({"AIAgentId": "a", "Name": "Ada", "Type": "VoiceChat", "InboundPhoneNumbers": []}));
}

#[test]
fn a_call_on_the_clients_channel_needs_agent_channel_and_user() {
    let parse = |body: Value| StartAIAgentInstanceWithChannel::parse(body.to_string().as_bytes());
    let whole = json!({"user_id": "alice", "ai_agent_id": "a", "channel_id": "room-1", "region": "cn-shanghai",
                       "template_config": "{}", "session_id": "s"});
    let start = parse(whole.clone()).unwrap();
    assert_eq!((start.agent.as_str(), start.channel.as_str()), ("a", "room-1"));
    assert_eq!((start.options.user.unwrap().as_str(), start.options.session.unwrap().as_str()), ("alice", "s"));
    for name in ["user_id", "ai_agent_id", "channel_id"] {
        let mut body = whole.clone();
        body[name] = json!("");
        let answer = parse(body).unwrap_err().body("R");
        assert_eq!(answer["code"], 500);
        assert!(answer["msg"].as_str().unwrap().contains(name), "{answer}");
    }
}

#[test]
fn the_first_releases_names_mean_the_same_call() {
    let body = json!({"user_id": "u", "robot_id": "a", "config": r#"{"Greeting":"Hi","VoiceId":"v"}"#}).to_string();
    let start = StartRobot::parse(body.as_bytes()).unwrap().0;
    assert_eq!(start.agent, AgentChoice::Id(AgentId::parse("a").unwrap()));
    assert_eq!(start.options.agent_config, json!({"Greeting": "Hi", "TtsConfig": {"VoiceId": "v"}}));
    let any = StartRobot::parse(br#"{"user_id":"u"}"#).unwrap().0;
    assert_eq!(any.agent, AgentChoice::Kind(AgentKind::VoiceChat));
    assert!(matches!(StartRobot::parse(b"{}"), Err(Refusal::Validation(_))));

    let stop = StopRobot::parse(br#"{"robot_instance_id":"i"}"#).unwrap().0;
    assert_eq!(stop.instance.as_str(), "i");
    let update = br#"{"robot_instance_id":"i","config":"{\"EnableVoiceInterrupt\":false}"}"#;
    let update = UpdateRobot::parse(update).unwrap().0;
    assert_eq!(update.agent_config, json!({"InterruptConfig": {"EnableVoiceInterrupt": false}}));
    assert!(matches!(StopRobot::parse(b"{}"), Err(Refusal::Validation(_))));
}

#[test]
fn a_started_robot_is_answered_with_its_names() {
    let answer = StartRobotAnswer::from(GenerateAIAgentCallAnswer {
        code: 200,
        rtc_auth_token: "eyJ".into(),
        ai_agent_id: AgentId::parse("a").unwrap(),
        ai_agent_instance_id: InstanceId::parse("i").unwrap(),
        ai_agent_user_id: UserId::parse("r").unwrap(),
        channel_id: ChannelId::parse("c").unwrap(),
        workflow_type: None,
        request_id: "R".into(),
    });
    assert_eq!(
        serde_json::to_value(answer).unwrap(),
        json!({"code": 200, "robot_instance_id": "i", "rtc_auth_token": "eyJ", "robot_user_id": "r", "channel_id": "c",
               "request_id": "R"})
    );
}
