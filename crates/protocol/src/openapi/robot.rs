//! The operations of the first generation (server-api §4.24): the agent's under other names. A robot is an agent.

use super::request::{ANY, instance};
use super::start::{ChosenRuntime, StartAIAgentInstance};
use super::{CallOptions, StopAIAgentInstance, UpdateAIAgentInstance};
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{AgentId, ChannelId, InstanceId, InstanceStatus, UserId};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Members of a robot's `Config` and where an `AIAgentConfig` has them.
const MEMBERS: [(&str, &[&str]); 9] = [
    ("EnableVoiceInterrupt", &["InterruptConfig", "EnableVoiceInterrupt"]),
    ("Greeting", &["Greeting"]),
    ("VoiceId", &["TtsConfig", "VoiceId"]),
    ("AsrMaxSilence", &["AsrConfig", "AsrMaxSilence"]),
    ("UserOnlineTimeout", &["UserOnlineTimeout"]),
    ("UserOfflineTimeout", &["UserOfflineTimeout"]),
    ("VoiceprintId", &["VoiceprintConfig", "VoiceprintId"]),
    ("UseVoiceprint", &["VoiceprintConfig", "UseVoiceprint"]),
    ("Volume", &["Volume"]),
];

#[derive(Clone, Debug, PartialEq)]
pub struct StartRtcRobotInstance(pub StartAIAgentInstance);

#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRtcRobotInstance(pub UpdateAIAgentInstance);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRtcRobotInstance(pub StopAIAgentInstance);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeRtcRobotInstance {
    pub instance: InstanceId,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeRtcRobotInstanceAnswer {
    pub request_id: String,
    /// `Executing` until it is `Finished`: this generation knows no other state.
    pub status: InstanceStatus,
    pub channel_id: ChannelId,
    /// The robot's id in the channel.
    pub user_id: UserId,
    /// Always empty: a token is not given out again.
    pub auth_token: String,
    pub user_data: String,
    pub config: Value,
}

impl StartRtcRobotInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let robot = params.required_text("RobotId", ANY)?;
        let agent = AgentId::parse(robot).map_err(|_| ApiError::agent_not_found())?;
        let runtime = ChosenRuntime::from_members(params, "", "UserId")?;
        let user_data = params.text("UserData", ANY)?.map(|text| ("UserData".to_owned(), text.into()));
        let options = Params::from_values(config(params)?.into_iter().chain(user_data));
        Ok(Self(StartAIAgentInstance { agent, runtime, options: CallOptions::parse(&options)? }))
    }
}

impl UpdateRtcRobotInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let id = ("InstanceId".to_owned(), json!(instance(params)?));
        let update = Params::from_values(config(params)?.into_iter().chain([id]));
        Ok(Self(UpdateAIAgentInstance::parse(&update)?))
    }
}

impl StopRtcRobotInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        StopAIAgentInstance::parse(params).map(Self)
    }
}

impl DescribeRtcRobotInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { instance: instance(params)? })
    }
}

/// `Config` as an `AgentConfig` parameter.
fn config(params: &Params) -> Result<Option<(String, Value)>, ApiError> {
    Ok(params.object("Config")?.map(|config| ("AgentConfig".to_owned(), robot_config(&config))))
}

/// A robot's configuration as an agent's. Members a robot does not have are left out.
pub fn robot_config(robot: &Value) -> Value {
    let mut agent = Map::new();
    for (name, path) in MEMBERS {
        let Some(value) = robot.get(name) else { continue };
        match path {
            [group, member] => {
                let group = agent.entry(*group).or_insert_with(|| json!({}));
                group[*member] = value.clone();
            }
            _ => {
                agent.insert(name.to_owned(), value.clone());
            }
        }
    }
    Value::Object(agent)
}

impl DescribeRtcRobotInstanceAnswer {
    /// `config` is the merged `AIAgentConfig`.
    pub fn new(request_id: String, status: InstanceStatus, channel: ChannelId, robot: UserId, config: &Value) -> Self {
        let shown = MEMBERS.iter().filter(|(name, _)| ["EnableVoiceInterrupt", "Greeting", "VoiceId"].contains(name));
        let shown = shown.filter_map(|(name, path)| {
            let value = path.iter().try_fold(config, |value, member| value.get(member))?;
            Some(((*name).to_owned(), value.clone()))
        });
        Self {
            request_id,
            status: if status == InstanceStatus::Finished { status } else { InstanceStatus::Executing },
            channel_id: channel,
            user_id: robot,
            auth_token: String::new(),
            user_data: String::new(),
            config: Value::Object(shown.collect()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::params;
    use super::*;

    #[test]
    fn every_member_of_a_robots_configuration_finds_its_place() {
        let robot = json!({"EnableVoiceInterrupt": false, "Greeting": "Hi", "VoiceId": "v", "AsrMaxSilence": 500,
                           "UserOnlineTimeout": 1, "UserOfflineTimeout": 2, "VoiceprintId": "p", "UseVoiceprint": true,
                           "Volume": 50, "Unknown": 1});
        assert_eq!(
            robot_config(&robot),
            json!({"InterruptConfig": {"EnableVoiceInterrupt": false}, "Greeting": "Hi", "TtsConfig": {"VoiceId": "v"},
                   "AsrConfig": {"AsrMaxSilence": 500}, "UserOnlineTimeout": 1, "UserOfflineTimeout": 2,
                   "VoiceprintConfig": {"VoiceprintId": "p", "UseVoiceprint": true}, "Volume": 50})
        );
    }

    #[test]
    fn starting_a_robot_is_starting_an_agent() {
        let start = StartRtcRobotInstance::parse(&params(json!({
            "RobotId": "a", "ChannelId": "c", "UserId": "robot", "AuthToken": "t", "UserData": "u",
            "Config": r#"{"Greeting":"Hi","VoiceId":"v"}"#,
        })))
        .unwrap()
        .0;
        assert_eq!((start.agent.as_str(), start.runtime.channel.as_str()), ("a", "c"));
        assert_eq!((start.runtime.agent_user.as_str(), start.runtime.auth_token.reveal()), ("robot", "t"));
        assert_eq!(start.options.agent_config, json!({"Greeting": "Hi", "TtsConfig": {"VoiceId": "v"}}));
        assert_eq!((start.options.user, start.options.user_data.as_deref()), (None, Some("u")));
        for missing in ["RobotId", "ChannelId", "UserId", "AuthToken"] {
            let mut request = json!({"RobotId": "a", "ChannelId": "c", "UserId": "r", "AuthToken": "t"});
            request[missing] = json!("");
            let error = StartRtcRobotInstance::parse(&params(request)).unwrap_err();
            assert_eq!(error.code, format!("Missing{missing}"));
        }
    }

    #[test]
    fn updating_and_stopping_a_robot_need_its_instance() {
        let update = json!({"InstanceId": "i", "Config": {"EnableVoiceInterrupt": false}});
        let update = UpdateRtcRobotInstance::parse(&params(update)).unwrap().0;
        assert_eq!(update.agent_config, json!({"InterruptConfig": {"EnableVoiceInterrupt": false}}));
        let nothing = params(json!({}));
        assert_eq!(UpdateRtcRobotInstance::parse(&nothing).unwrap_err().code, "MissingInstanceId");
        assert_eq!(StopRtcRobotInstance::parse(&nothing).unwrap_err().code, "MissingInstanceId");
    }

    #[test]
    fn the_answer_to_describe_shows_what_a_robot_knows() {
        let config = json!({"Greeting": "Hi", "TtsConfig": {"VoiceId": "v", "VoiceIdList": ["v"]}, "Volume": 3});
        let (channel, robot) = (ChannelId::parse("c").unwrap(), UserId::parse("r").unwrap());
        let answer = DescribeRtcRobotInstanceAnswer::new("R".into(), InstanceStatus::Created, channel, robot, &config);
        assert_eq!(
            serde_json::to_value(&answer).unwrap(),
            json!({"RequestId": "R", "Status": "Executing", "ChannelId": "c", "UserId": "r", "AuthToken": "",
                   "UserData": "", "Config": {"Greeting": "Hi", "VoiceId": "v"}})
        );
    }
}
