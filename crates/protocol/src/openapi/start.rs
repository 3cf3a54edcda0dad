//! StartAIAgentInstance (server-api §4.2): the caller owns the channel.

use super::CallOptions;
use super::request::{ANY, agent};
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{AgentId, ChannelId, IdError, Secret, UserId};
use serde_json::Value;

/// Where the older forms keep the runtime.
const KINDS: [&str; 4] = ["VoiceChat", "AvatarChat3D", "VisionChat", "VideoChat"];

/// Starts an agent on a channel of the caller's.
#[derive(Clone, Debug, PartialEq)]
pub struct StartAIAgentInstance {
    pub agent: AgentId,
    pub runtime: ChosenRuntime,
    /// Without a user, who is whoever joins first; the expiry does not count.
    pub options: CallOptions,
}

/// The `AIAgentRuntimeConfig` of a request (server-api §5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenRuntime {
    pub channel: ChannelId,
    /// The agent's id in the channel.
    pub agent_user: UserId,
    /// The agent's channel token, unchecked ([`crate::token::ChannelToken::open`]).
    pub auth_token: Secret,
}

impl StartAIAgentInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let agent = agent(params)?;
        let runtime = ChosenRuntime::parse(params)?;
        Ok(Self { agent, runtime, options: CallOptions { user: None, ..CallOptions::parse(params)? } })
    }
}

impl ChosenRuntime {
    /// Its three members stand in `RuntimeConfig` itself or in the object of a kind inside it, which may be a text.
    fn parse(params: &Params) -> Result<Self, ApiError> {
        let outer = params.object("RuntimeConfig")?.ok_or_else(|| ApiError::missing("RuntimeConfig"))?;
        let mut members = of(outer);
        if !["ChannelId", "AgentUserId", "AuthToken"].into_iter().any(|name| members.has(name)) {
            for kind in KINDS {
                if let Some(inner) = members.object(kind)? {
                    members = of(inner);
                    break;
                }
            }
        }
        Self::from_members(&members, "RuntimeConfig.", "AgentUserId")
    }

    /// From parameters that have the three; `prefix` is how the caller's are called, `agent_user` the name of the agent's id.
    pub(super) fn from_members(members: &Params, prefix: &str, agent_user: &str) -> Result<Self, ApiError> {
        let text = |name: &str| -> Result<String, ApiError> {
            let text = members.text(name, ANY)?;
            text.ok_or_else(|| match prefix {
                "" => ApiError::missing(name),
                _ => ApiError::invalid_parameter(&format!("{prefix}{name}"), "it is missing"),
            })
        };
        let wrong = |name: &str, e: IdError| ApiError::invalid_parameter(&format!("{prefix}{name}"), &e.to_string());
        Ok(Self {
            channel: ChannelId::parse(text("ChannelId")?).map_err(|e| wrong("ChannelId", e))?,
            agent_user: UserId::parse(text(agent_user)?).map_err(|e| wrong(agent_user, e))?,
            auth_token: text("AuthToken")?.into(),
        })
    }
}

fn of(object: Value) -> Params {
    match object {
        Value::Object(members) => Params::from_values(members),
        _ => Params::default(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn start(json: Value) -> Result<StartAIAgentInstance, ApiError> {
        StartAIAgentInstance::parse(&of(json))
    }

    fn runtime() -> Value {
        json!({"ChannelId": "room-1", "AgentUserId": "agent-9", "AuthToken": "eyJ"})
    }

    #[test]
    fn the_runtime_may_be_flat_or_nested_and_each_level_a_text() {
        let (flat, text) = (runtime(), runtime().to_string());
        for config in [
            flat.clone(),
            json!(text),
            json!({"VoiceChat": flat}),
            json!({"AvatarChat3D": text}),
            json!(json!({"VisionChat": text}).to_string()),
            json!({"VideoChat": flat, "ChannelId": "", "unknown": 1}),
        ] {
            let request = start(json!({"AIAgentId": "a", "RuntimeConfig": config})).unwrap();
            let runtime = request.runtime;
            assert_eq!((runtime.channel.as_str(), runtime.agent_user.as_str()), ("room-1", "agent-9"));
            assert_eq!(runtime.auth_token.reveal(), "eyJ");
        }
    }

    #[test]
    fn the_other_parameters_are_those_of_a_call_but_for_the_user() {
        let request = start(json!({
            "AIAgentId": "a", "RuntimeConfig": runtime(), "UserId": "nobody", "AgentConfig": r#"{"Greeting":"Hi"}"#,
            "TemplateConfig": "{}", "UserData": "u", "SessionId": "s", "ChatSyncConfig": r#"{"ReceiverId":"r"}"#,
        }))
        .unwrap();
        let options = request.options;
        assert_eq!((options.user, options.agent_config), (None, json!({"Greeting": "Hi"})));
        assert_eq!((options.user_data.as_deref(), options.session.unwrap().as_str()), (Some("u"), "s"));
        assert_eq!(options.chat_sync, Some(json!({"ReceiverId": "r"})));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let refused = |json: Value| {
            let error = start(json).unwrap_err();
            (error.code.into_owned(), error.message)
        };
        assert_eq!(refused(json!({"RuntimeConfig": runtime()})).0, "MissingAIAgentId");
        assert_eq!(refused(json!({"AIAgentId": "a"})).0, "MissingRuntimeConfig");
        for (name, value) in [
            ("ChannelId", json!("c".repeat(65))),
            ("AgentUserId", json!("a b")),
            ("AuthToken", json!("")),
            ("ChannelId", json!(null)),
        ] {
            let mut config = runtime();
            config[name] = value;
            let (code, message) = refused(json!({"AIAgentId": "a", "RuntimeConfig": config}));
            assert_eq!(code, "InvalidParameter");
            assert!(message.contains(&format!("RuntimeConfig.{name}")), "{message}");
        }
        let (code, message) = refused(json!({"AIAgentId": "a", "RuntimeConfig": {"VoiceChat": "{"}}));
        assert_eq!(code, "InvalidParameter");
        assert!(message.contains("VoiceChat"), "{message}");
    }

    #[test]
    fn the_token_does_not_print() {
        let request = start(json!({"AIAgentId": "a", "RuntimeConfig": runtime()})).unwrap();
        assert!(!format!("{request:?}").contains("eyJ"));
    }
}
