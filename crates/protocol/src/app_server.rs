//! The app server's door, which the vendor's demo apps talk to (server-api §13): JSON with snake_case names.
//!
//! Its answers are all HTTP 200. Success has `code: 200`; a failure of the operation has the operation's status as
//! `code` with `error_code`, `message` and `request_id` ([`failure`]); a request it cannot even pass on has `code: 500`
//! and `msg` ([`validation_failure`]). Members without a value are left out.

mod instances;
mod robot;

pub use robot::{StartRobot, StartRobotAnswer, StopRobot, UpdateRobot};
mod voiceprints;

pub use instances::{
    DescribeAIAgent, DescribeAIAgentAnswer, DescribeAIAgentInstance, DescribeAIAgentInstanceAnswer, Done,
    StopAIAgentInstance, UpdateAIAgentInstance,
};
pub use voiceprints::{
    ClearAIAgentVoiceprint, ClearAIAgentVoiceprintAnswer, SetAIAgentVoiceprint, SetAIAgentVoiceprintAnswer,
};

use crate::error::ApiError;
use crate::openapi::CallOptions;
use crate::params::Params;
use ringline_model::{AgentId, AgentKind, ChannelId, InstanceId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The same operations stand under both.
pub const PREFIXES: [&str; 2] = ["/api/v2/aiagent", "/api/v1/aiagent"];
/// Life of a token of `getRtcAuthToken`, in s.
pub const TOKEN_LIFE: i64 = 24 * 3600;
/// `message` of the answers that have one.
const SUCCESS: &str = "Success";
/// Longest body, in bytes.
pub const MAX_BODY: usize = crate::params::MAX_BODY;

/// Why a request is not carried out; [`Self::body`] is the answer, with HTTP 200.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The app server's own check failed.
    #[error("{0}")]
    Validation(String),
    /// The operation behind it refuses.
    #[error(transparent)]
    Operation(#[from] ApiError),
}

impl Refusal {
    pub fn body(&self, request_id: &str) -> Value {
        match self {
            Self::Validation(message) => validation_failure(message),
            Self::Operation(error) => failure(error, request_id),
        }
    }
}

/// The operation failed.
pub fn failure(error: &ApiError, request_id: &str) -> Value {
    json!({"code": error.status, "message": error.message, "error_code": error.code, "request_id": request_id})
}

/// The request is not one.
pub fn validation_failure(message: &str) -> Value {
    json!({"code": 500, "msg": message})
}

/// Asks for a channel token, without a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetRtcAuthToken {
    pub user: UserId,
    /// None: the server invents a channel, which then stands only in the token.
    pub channel: Option<ChannelId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetRtcAuthTokenAnswer {
    /// 200
    pub code: u16,
    pub rtc_auth_token: String,
    /// Expiry, Unix seconds.
    pub timestamp: i64,
    /// What the request said; missing if it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel_id: Option<ChannelId>,
}

/// Starts a call: [`crate::openapi::GenerateAIAgentCall`] under other names.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateAIAgentCall {
    pub agent: AgentChoice,
    pub options: CallOptions,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentChoice {
    Id(AgentId),
    /// The server's agent for this kind (`workflow_type`).
    Kind(AgentKind),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerateAIAgentCallAnswer {
    /// 200
    pub code: u16,
    pub rtc_auth_token: String,
    pub ai_agent_id: AgentId,
    pub ai_agent_instance_id: InstanceId,
    pub ai_agent_user_id: UserId,
    pub channel_id: ChannelId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_type: Option<AgentKind>,
    pub request_id: String,
}

/// Starts a call on the client's channel (`channel_id`): [`GenerateAIAgentCall`] otherwise, but for the kind, which cannot
/// stand for the agent.
#[derive(Clone, Debug, PartialEq)]
pub struct StartAIAgentInstanceWithChannel {
    pub agent: AgentId,
    pub channel: ChannelId,
    pub options: CallOptions,
}

/// The client has channel and token already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartAIAgentInstanceWithChannelAnswer {
    /// 200
    pub code: u16,
    pub ai_agent_instance_id: InstanceId,
    pub ai_agent_user_id: UserId,
    pub request_id: String,
}

impl StartAIAgentInstanceWithChannel {
    /// `user_id`, `ai_agent_id` and `channel_id` must be there. (The vendor's needs `region`, too; there is one here.)
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let (options, rest) = renamed(read_object(body)?);
        mandatory(&options, "UserId").map_err(|_| Refusal::Validation("user_id is mandatory".into()))?;
        let agent = AgentId::parse(mandatory(&rest, "ai_agent_id")?).map_err(|_| ApiError::agent_not_found())?;
        let channel = ChannelId::parse(mandatory(&rest, "channel_id")?);
        let channel = channel.map_err(|e| Refusal::Validation(format!("channel_id: {e}")))?;
        Ok(Self { agent, channel, options: CallOptions::parse(&options)? })
    }
}

impl GetRtcAuthToken {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = read(body)?;
        let user = mandatory(&params, "user_id")?;
        let user = UserId::parse(user).map_err(|e| Refusal::Validation(format!("user_id: {e}")))?;
        let channel = params.text("channel_id", usize::MAX)?.map(ChannelId::parse).transpose();
        Ok(Self { user, channel: channel.map_err(|e| Refusal::Validation(format!("channel_id: {e}")))? })
    }
}

/// Names and what they are called in the OpenAPI.
const NAMES: [(&str, &str); 11] = [
    ("ai_agent_instance_id", "InstanceId"),
    ("user_id", "UserId"),
    ("expire", "Expire"),
    ("agent_config", "AgentConfig"),
    ("template_config", "TemplateConfig"),
    ("user_data", "UserData"),
    ("session_id", "SessionId"),
    ("chat_sync_config", "ChatSyncConfig"),
    ("voiceprint_id", "VoiceprintId"),
    ("input", "Input"),
    ("registration_mode", "RegistrationMode"),
];

impl GenerateAIAgentCall {
    /// `user_id` must be there, and `ai_agent_id` or `workflow_type`; the id wins.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let (options, rest) = renamed(read_object(body)?);
        mandatory(&options, "UserId").map_err(|_| Refusal::Validation("user_id is mandatory".into()))?;
        let agent = match rest.text("ai_agent_id", usize::MAX)? {
            Some(id) => AgentChoice::Id(AgentId::parse(id).map_err(|_| ApiError::agent_not_found())?),
            None => AgentChoice::Kind(kind(
                &mandatory(&rest, "workflow_type")
                    .map_err(|_| Refusal::Validation("ai_agent_id or workflow_type is mandatory".into()))?,
            )?),
        };
        Ok(Self { agent, options: CallOptions::parse(&options)? })
    }
}

/// What has a name in the OpenAPI under that name, and the rest.
fn renamed(mut object: Map<String, Value>) -> (Params, Params) {
    let known = NAMES.into_iter().filter_map(|(name, api)| Some((api.to_owned(), object.remove(name)?)));
    let known = Params::from_values(known.collect::<Vec<_>>());
    (known, Params::from_values(object))
}

fn kind(name: &str) -> Result<AgentKind, Refusal> {
    let kinds = [AgentKind::VoiceChat, AgentKind::AvatarChat3D, AgentKind::VisionChat, AgentKind::VideoChat];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == name);
    kind.ok_or_else(|| Refusal::Validation("workflow_type is unknown".into()))
}

fn read(body: &[u8]) -> Result<Params, Refusal> {
    read_object(body).map(Params::from_values)
}

fn read_object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    if body.len() > MAX_BODY {
        return Err(Refusal::Validation(format!("the body has more than {MAX_BODY} bytes")));
    }
    serde_json::from_slice(body).map_err(|_| Refusal::Validation("the body must be a JSON object".into()))
}

fn mandatory(params: &Params, name: &str) -> Result<String, Refusal> {
    let text = params.text(name, usize::MAX)?.filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| Refusal::Validation(format!("{name} is mandatory")))
}
