//! The first release's endpoints (`/api/v1/imsRobot/…`): a call under older names. A robot is an agent; without one the
//! server's agent for voice calls is meant.

use super::{AgentChoice, GenerateAIAgentCall, GenerateAIAgentCallAnswer, Refusal, mandatory, read};
use crate::error::ApiError;
use crate::openapi::{self, CallOptions, robot_config};
use crate::params::Params;
use ringline_model::{AgentId, AgentKind, ChannelId, InstanceId, UserId};
use serde::Serialize;
use serde_json::Value;

/// Starts a call: `user_id` must be there; `robot_id` and `config` (a robot's configuration) may.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRobot(pub GenerateAIAgentCall);

/// Ends a call: `robot_instance_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopRobot(pub openapi::StopAIAgentInstance);

/// Changes a running call: `robot_instance_id` and `config`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRobot(pub openapi::UpdateAIAgentInstance);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StartRobotAnswer {
    /// 200
    pub code: u16,
    pub robot_instance_id: InstanceId,
    pub rtc_auth_token: String,
    pub robot_user_id: UserId,
    pub channel_id: ChannelId,
    pub request_id: String,
}

impl StartRobot {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = read(body)?;
        let user = mandatory(&params, "user_id")?;
        let agent = match params.text("robot_id", usize::MAX)? {
            Some(id) => AgentChoice::Id(AgentId::parse(id).map_err(|_| ApiError::agent_not_found())?),
            None => AgentChoice::Kind(AgentKind::VoiceChat),
        };
        let options = [("UserId".to_owned(), Value::String(user))].into_iter().chain(config(&params)?);
        Ok(Self(GenerateAIAgentCall { agent, options: CallOptions::parse(&Params::from_values(options))? }))
    }
}

impl StopRobot {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let instance = instance(&read(body)?)?;
        Ok(Self(openapi::StopAIAgentInstance::parse(&Params::from_values([instance]))?))
    }
}

impl UpdateRobot {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = read(body)?;
        let update = Params::from_values([instance(&params)?].into_iter().chain(config(&params)?));
        Ok(Self(openapi::UpdateAIAgentInstance::parse(&update)?))
    }
}

fn instance(params: &Params) -> Result<(String, Value), Refusal> {
    Ok(("InstanceId".to_owned(), Value::String(mandatory(params, "robot_instance_id")?)))
}

fn config(params: &Params) -> Result<Option<(String, Value)>, Refusal> {
    Ok(params.object("config")?.map(|config| ("AgentConfig".to_owned(), robot_config(&config))))
}

impl From<GenerateAIAgentCallAnswer> for StartRobotAnswer {
    fn from(answer: GenerateAIAgentCallAnswer) -> Self {
        Self {
            code: answer.code,
            robot_instance_id: answer.ai_agent_instance_id,
            rtc_auth_token: answer.rtc_auth_token,
            robot_user_id: answer.ai_agent_user_id,
            channel_id: answer.channel_id,
            request_id: answer.request_id,
        }
    }
}
