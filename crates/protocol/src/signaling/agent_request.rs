//! A client asks for its agent while it joins (client-sdk §1.7, server-api §4.25): GenerateAIAgentCall with channel and
//! user taken from the token.

use crate::error::ApiError;
use crate::openapi::CallOptions;
use crate::params::Params;
use ringline_model::{AgentId, ChannelId, InstanceId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The only action there is.
const ACTION: &str = "GenerateAIAgentCall";

/// What the client's application hands its RTC layer, as it is.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentRequest {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<String>,
    /// Not needed: there is one region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    pub action: String,
    /// The operation's parameters: a JSON object, usually as a text.
    pub params: Value,
}

/// An agent request, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOnJoin {
    pub agent: AgentId,
    /// The id the agent is to have in the channel; none: the server makes one.
    pub agent_user: Option<UserId>,
    /// Without a user: the token has it.
    pub options: CallOptions,
}

/// What became of it. The client reads `code` and `data`, both texts; `data` is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentReply {
    pub request_id: String,
    /// `200`, or the operation's error code: clients know `AgentNotFound` and `Forbidden.SubscriptionRequired`.
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Parameters may hold prompts: not printed.
impl std::fmt::Debug for AgentRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentRequest").field("agent_id", &self.agent_id).finish_non_exhaustive()
    }
}

impl AgentRequest {
    /// The agent stands in the parameters, or beside them; if in both, it is the same.
    pub fn understand(&self) -> Result<GenerateOnJoin, ApiError> {
        if self.action != ACTION {
            return Err(ApiError::api_not_found());
        }
        let outer = Params::from_values([("params".to_owned(), self.params.clone())]);
        let Some(Value::Object(mut params)) = outer.object("params")? else {
            return Err(ApiError::missing("params"));
        };
        params.remove("UserId");
        let params = Params::from_values(params);
        let inside = params.text("AIAgentId", usize::MAX)?;
        let beside = self.agent_id.clone().filter(|id| !id.is_empty());
        let agent = match (inside, beside) {
            (Some(inside), Some(beside)) if inside != beside => {
                return Err(ApiError::invalid_parameter("AIAgentId", "it is not the agent of the request"));
            }
            (Some(id), _) | (None, Some(id)) => id,
            (None, None) => return Err(ApiError::missing("AIAgentId")),
        };
        let agent_user = params.text("AIAgentUserId", usize::MAX)?.map(UserId::parse).transpose();
        Ok(GenerateOnJoin {
            agent: AgentId::parse(agent).map_err(|_| ApiError::agent_not_found())?,
            agent_user: agent_user.map_err(|e| ApiError::invalid_parameter("AIAgentUserId", &e.to_string()))?,
            options: CallOptions::parse(&params)?,
        })
    }
}

impl AgentReply {
    pub fn started(request_id: String, instance: &InstanceId, channel: &ChannelId, agent_user: &UserId) -> Self {
        let data = json!({"InstanceId": instance, "ChannelId": channel, "AIAgentUserId": agent_user}).to_string();
        Self { request_id, code: "200".into(), data: Some(data), message: None }
    }

    pub fn refused(request_id: String, error: &ApiError) -> Self {
        Self { request_id, code: error.code.to_string(), data: None, message: Some(error.message.clone()) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(agent_id: Option<&str>, params: Value) -> Result<GenerateOnJoin, ApiError> {
        let mut json = json!({"region": "cn-shanghai", "action": ACTION, "params": params});
        if let Some(id) = agent_id {
            json["agentId"] = json!(id);
        }
        serde_json::from_value::<AgentRequest>(json).unwrap().understand()
    }

    #[test]
    fn every_parameter_of_the_web_package_is_read() {
        let params = json!({
            "AIAgentId": "a1", "Expire": 86400, "AIAgentUserId": "agent-9",
            "TemplateConfig": r#"{"VoiceChat":{"AsrMaxSilence":500}}"#, "AgentConfig": r#"{"Greeting":"Hi"}"#,
            "UserData": r#"{"k":1}"#, "SessionId": "s1", "ChatSyncConfig": r#"{"ReceiverId":"r"}"#,
        });
        for params in [params.clone(), json!(params.to_string())] {
            let start = request(Some("a1"), params).unwrap();
            assert_eq!((start.agent.as_str(), start.agent_user.unwrap().as_str()), ("a1", "agent-9"));
            let options = start.options;
            assert_eq!((options.user, options.expire), (None, 86_400));
            assert_eq!(options.agent_config, json!({"Greeting": "Hi"}));
            assert_eq!(options.template_config, json!({"VoiceChat": {"AsrMaxSilence": 500}}));
            assert_eq!((options.user_data.unwrap().as_str(), options.session.unwrap().as_str()), (r#"{"k":1}"#, "s1"));
            assert_eq!(options.chat_sync, Some(json!({"ReceiverId": "r"})));
        }
    }

    #[test]
    fn a_user_in_the_parameters_does_not_count() {
        assert_eq!(request(None, json!({"AIAgentId": "a", "UserId": "somebody else"})).unwrap().options.user, None);
    }

    #[test]
    fn the_agent_stands_inside_or_beside_and_is_one() {
        let agent = |id, params| request(id, params).map(|start| start.agent.to_string());
        assert_eq!(agent(None, json!({"AIAgentId": "a"})), Ok("a".into()));
        assert_eq!(agent(Some("a"), json!("{}")), Ok("a".into()));
        assert_eq!(agent(Some(""), json!({})).unwrap_err().code, "MissingAIAgentId");
        assert_eq!(agent(Some("a"), json!({"AIAgentId": "b"})).unwrap_err().code, "InvalidParameter");
        assert_eq!(agent(Some("no id"), json!({})).unwrap_err().code, "AgentNotFound");
    }

    #[test]
    fn what_cannot_be_is_named() {
        for (params, word) in [
            (json!("{"), "params"),
            (json!([1]), "params"),
            (json!({"AIAgentId": "a", "AIAgentUserId": "u 1"}), "AIAgentUserId"),
            (json!({"AIAgentId": "a", "SessionId": "s".repeat(65)}), "SessionId"),
            (json!({"AIAgentId": "a", "AgentConfig": "[]"}), "AgentConfig"),
        ] {
            let error = request(None, params).unwrap_err();
            assert_eq!(error.code, "InvalidParameter");
            assert!(error.message.contains(word), "{error}");
        }
        let other = AgentRequest { agent_id: None, region: None, action: "Stop".into(), params: json!({}) };
        assert_eq!(other.understand().unwrap_err().code, "InvalidApi.NotFound");
    }

    #[test]
    fn a_reply_has_texts_where_the_client_reads_texts() {
        let (instance, channel) = (InstanceId::parse("i").unwrap(), ChannelId::parse("c").unwrap());
        let reply = AgentReply::started("R".into(), &instance, &channel, &UserId::parse("a").unwrap());
        let json = serde_json::to_value(&reply).unwrap();
        assert_eq!((&json["requestId"], &json["code"]), (&json!("R"), &json!("200")));
        let data: Value = serde_json::from_str(json["data"].as_str().unwrap()).unwrap();
        assert_eq!(data, json!({"InstanceId": "i", "ChannelId": "c", "AIAgentUserId": "a"}));
        let refused = serde_json::to_value(AgentReply::refused("R".into(), &ApiError::agent_not_found())).unwrap();
        let expected =
            json!({"requestId": "R", "code": "AgentNotFound", "message": "The specified agentId is not found."});
        assert_eq!(refused, expected);
    }

    proptest! {
        #[test]
        fn understanding_never_panics(action in "GenerateAIAgentCall|.{0,8}", params in ".{0,200}") {
            let _outcome = AgentRequest { agent_id: None, region: None, action, params: json!(params) }.understand();
        }
    }
}
