//! Answers of operations. Field names are the vendor's; every answer carries its `RequestId` (upper-case UUID).

use crate::time_format;
use ringline_model::{ChannelId, InstanceId, InstanceStatus, UserId};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GenerateAIAgentCallAnswer {
    pub request_id: String,
    pub instance_id: InstanceId,
    pub channel_id: ChannelId,
    /// The agent's user id in the channel.
    #[serde(rename = "AIAgentUserId")]
    pub agent_user_id: UserId,
    /// The avatar's video stream; empty for an agent without one.
    #[serde(default)]
    pub avatar_user_id: String,
    pub user_id: UserId,
    /// The user's channel token ([`crate::token::ChannelToken::mint`]).
    pub token: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartAIAgentInstanceAnswer {
    pub request_id: String,
    pub instance_id: InstanceId,
}

/// The answer of an operation that has nothing to say but that it was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Done {
    pub request_id: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAIAgentInstanceAnswer {
    pub request_id: String,
    pub instance: InstanceDescription,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceDescription {
    pub status: InstanceStatus,
    /// The merged configuration, a JSON object: clients read `TtsConfig.VoiceIdList` from it.
    pub agent_config: Value,
    /// As the request gave it, a JSON object.
    pub template_config: Value,
    pub runtime_config: RuntimeConfig,
    /// Signed, and good for a day ([`crate::call_log`]).
    pub call_log_url: String,
    pub user_data: String,
    pub session_id: String,
    /// Unix milliseconds; written as `2026-01-02T03:04:05.000+00:00`.
    #[serde(serialize_with = "gmt")]
    pub gmt_create: i64,
    #[serde(serialize_with = "gmt")]
    pub gmt_modified: i64,
}

/// Where the agent is. Its token is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RuntimeConfig {
    pub channel_id: ChannelId,
    pub agent_user_id: UserId,
}

pub(super) fn gmt<S: Serializer>(unix_ms: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time_format::gmt_millis(*unix_ms))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_answer_to_generate_has_the_vendors_names() {
        let answer = GenerateAIAgentCallAnswer {
            request_id: "R".into(),
            instance_id: InstanceId::parse("i1").unwrap(),
            channel_id: ChannelId::parse("c1").unwrap(),
            agent_user_id: UserId::parse("agent").unwrap(),
            avatar_user_id: String::new(),
            user_id: UserId::parse("alice").unwrap(),
            token: "eyJ".into(),
        };
        let json = json!({"RequestId": "R", "InstanceId": "i1", "ChannelId": "c1", "AIAgentUserId": "agent",
                          "AvatarUserId": "", "UserId": "alice", "Token": "eyJ"});
        assert_eq!(serde_json::to_value(&answer).unwrap(), json);
        assert_eq!(serde_json::from_value::<GenerateAIAgentCallAnswer>(json).unwrap(), answer);
    }

    #[test]
    fn the_answer_to_start_is_the_instance() {
        let answer =
            StartAIAgentInstanceAnswer { request_id: "R".into(), instance_id: InstanceId::parse("i").unwrap() };
        assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"RequestId": "R", "InstanceId": "i"}));
    }

    #[test]
    fn the_answer_to_describe_has_objects_and_times_with_an_offset() {
        let answer = DescribeAIAgentInstanceAnswer {
            request_id: "R".into(),
            instance: InstanceDescription {
                status: InstanceStatus::Created,
                agent_config: json!({"Greeting": "Hi"}),
                template_config: json!({}),
                runtime_config: RuntimeConfig {
                    channel_id: ChannelId::parse("c1").unwrap(),
                    agent_user_id: UserId::parse("agent").unwrap(),
                },
                call_log_url: String::new(),
                user_data: "{}".into(),
                session_id: String::new(),
                gmt_create: 1_752_820_748_000,
                gmt_modified: 1_752_820_748_001,
            },
        };
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "Instance": {
                "Status": "Created", "AgentConfig": {"Greeting": "Hi"}, "TemplateConfig": {},
                "RuntimeConfig": {"ChannelId": "c1", "AgentUserId": "agent"}, "CallLogUrl": "", "UserData": "{}",
                "SessionId": "", "GmtCreate": "2025-07-18T06:39:08.000+00:00",
                "GmtModified": "2025-07-18T06:39:08.001+00:00"}})
        );
    }

    #[test]
    fn the_answer_to_stop_is_the_request_id_alone() {
        let answer = Done { request_id: "R".into() };
        assert_eq!(serde_json::to_value(&answer).unwrap(), json!({"RequestId": "R"}));
    }
}
