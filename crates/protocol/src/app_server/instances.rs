//! The endpoints about an instance or an agent that exists: the OpenAPI's operations under other names.

use super::{Refusal, mandatory, read_object, renamed};
use crate::openapi;
use crate::params::Params;
use ringline_model::{AgentId, AgentKind, InstanceId};
use serde::Serialize;
use serde_json::{Value, json};

/// Ends an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopAIAgentInstance {
    pub instance: InstanceId,
}

/// Changes a running instance. `template_config` or `agent_config` must be there.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateAIAgentInstance(pub openapi::UpdateAIAgentInstance);

/// Asks for an instance's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeAIAgentInstance {
    pub instance: InstanceId,
}

/// Asks what an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeAIAgent {
    pub agent: AgentId,
}

/// What was asked for is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Done {
    /// 200
    pub code: u16,
    /// true
    pub result: bool,
    pub request_id: String,
}

/// Configurations are texts here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DescribeAIAgentInstanceAnswer {
    /// 200
    pub code: u16,
    pub message: &'static str,
    pub request_id: String,
    pub status: ringline_model::InstanceStatus,
    pub call_log_url: String,
    pub runtime_config: String,
    pub template_config: String,
    pub agent_config: String,
    pub user_data: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DescribeAIAgentAnswer {
    /// 200
    pub code: u16,
    /// Text of a JSON object.
    pub ai_agent: String,
    pub request_id: String,
}

impl StopAIAgentInstance {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let instance = openapi::StopAIAgentInstance::parse(&of_instance(body, &[])?)?.instance;
        Ok(Self { instance })
    }
}

impl UpdateAIAgentInstance {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = of_instance(body, &[])?;
        if params.object("TemplateConfig")?.or(params.object("AgentConfig")?).is_none() {
            return Err(Refusal::Validation("template_config or agent_config is mandatory".into()));
        }
        Ok(Self(openapi::UpdateAIAgentInstance::parse(&params)?))
    }
}

impl DescribeAIAgentInstance {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = of_instance(body, &[("UserId", "user_id")])?;
        Ok(Self { instance: openapi::DescribeAIAgentInstance::parse(&params)?.instance })
    }
}

impl DescribeAIAgent {
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let params = Params::from_values(read_object(body)?);
        let agent = mandatory(&params, "ai_agent_id")?;
        Ok(Self { agent: AgentId::parse(agent).map_err(|_| crate::error::ApiError::agent_not_found())? })
    }
}

/// The parameters of a request about an instance, which must be named.
fn of_instance(body: &[u8], also: &[(&str, &str)]) -> Result<Params, Refusal> {
    let (params, _) = renamed(read_object(body)?);
    for (api, name) in [("InstanceId", "ai_agent_instance_id")].iter().chain(also) {
        mandatory(&params, api).map_err(|_| Refusal::Validation(format!("{name} is mandatory")))?;
    }
    Ok(params)
}

impl Done {
    pub fn new(request_id: String) -> Self {
        Self { code: 200, result: true, request_id }
    }
}

impl DescribeAIAgentInstanceAnswer {
    /// This door asks for no credentials, so what the agent has been told (system prompt and seed) stays here; clients
    /// read the voices.
    pub fn new(instance: openapi::ListedInstance, request_id: String) -> Self {
        let mut agent_config = instance.agent_config;
        if let Some(llm) = agent_config.get_mut("LlmConfig").and_then(Value::as_object_mut) {
            llm.remove("LlmSystemPrompt");
            llm.remove("LlmHistory");
        }
        let runtime = &instance.runtime_config;
        Self {
            code: 200,
            message: super::SUCCESS,
            request_id,
            status: instance.status,
            call_log_url: instance.call_log_url,
            runtime_config: json!({"ChannelId": runtime.channel_id, "AgentUserId": runtime.agent_user_id}).to_string(),
            template_config: instance.template_config.to_string(),
            agent_config: agent_config.to_string(),
            user_data: instance.user_data,
        }
    }
}

impl DescribeAIAgentAnswer {
    /// There are no telephone numbers yet.
    pub fn new(agent: &AgentId, name: &str, kind: AgentKind, request_id: String) -> Self {
        let ai_agent = json!({"AIAgentId": agent, "Name": name, "Type": kind, "InboundPhoneNumbers": []}).to_string();
        Self { code: 200, ai_agent, request_id }
    }
}
