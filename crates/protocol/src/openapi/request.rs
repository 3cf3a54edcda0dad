//! Typed requests.

use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{AgentId, AgentKind, EffectiveConfig, IdError, InstanceId, SessionId, UserId, merge, normalise};
use serde_json::Value;

/// Life of a token in s if the request names none, or 0.
pub const DEFAULT_EXPIRE: u32 = 3600;
/// Longest life of a token in s.
pub const MAX_EXPIRE: u32 = 604_800;
/// Longest `UserData`, in characters.
pub(super) const MAX_USER_DATA: usize = 64 * 1024;
/// Read far past the limit of an id, so that the id's own check says what is wrong.
pub(super) const ANY: usize = usize::MAX;

/// Starts a call (server-api §4.1).
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateAIAgentCall {
    pub agent: AgentId,
    pub options: CallOptions,
}

/// What a call may be given, whichever door it comes through.
#[derive(Clone, Debug, PartialEq)]
pub struct CallOptions {
    /// The end user; the server makes an id if none is given.
    pub user: Option<UserId>,
    /// Life of the token in s, 1..604800.
    pub expire: u32,
    /// A layer over the agent's own configuration, normalised.
    pub agent_config: Value,
    /// The deprecated form of the same, as it came; which part counts depends on the agent's kind.
    pub template_config: Value,
    /// Opaque; given to providers and callbacks.
    pub user_data: Option<String>,
    pub session: Option<SessionId>,
    /// Kept as it came.
    pub chat_sync: Option<Value>,
}

/// Ends an instance (server-api §4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopAIAgentInstance {
    pub instance: InstanceId,
}

/// Asks for an instance's state (server-api §4.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeAIAgentInstance {
    pub instance: InstanceId,
}

impl GenerateAIAgentCall {
    /// An `AIAgentId` that cannot be an id names no agent: `AgentNotFound`.
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { agent: agent(params)?, options: CallOptions::parse(params)? })
    }
}

impl CallOptions {
    /// Reads everything but the agent. Values inside the configurations are checked by [`Self::effective`].
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let expire = params.integer("Expire", 0..=i64::from(MAX_EXPIRE))?.unwrap_or(0);
        Ok(Self {
            user: optional_id(params, "UserId", UserId::parse)?,
            expire: match u32::try_from(expire).expect("checked against its range") {
                0 => DEFAULT_EXPIRE,
                seconds => seconds,
            },
            agent_config: normalise(&layer(params, "AgentConfig")?)?,
            template_config: layer(params, "TemplateConfig")?,
            user_data: params.text("UserData", MAX_USER_DATA)?,
            session: optional_id(params, "SessionId", SessionId::parse)?,
            chat_sync: params.object("ChatSyncConfig")?,
        })
    }

    /// Lays the request over the agent's configuration (server-api §6) and checks the result. A value that cannot be is
    /// `InvalidParameter` and named.
    pub fn effective(&self, agent: &Value, kind: AgentKind) -> Result<EffectiveConfig, ApiError> {
        Ok(merge(agent, &self.template_config, &self.agent_config, kind)?)
    }
}

impl StopAIAgentInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { instance: instance(params)? })
    }
}

impl DescribeAIAgentInstance {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { instance: instance(params)? })
    }
}

/// A text that cannot be an id names no agent.
pub(super) fn agent(params: &Params) -> Result<AgentId, ApiError> {
    let text = params.required_text("AIAgentId", ANY)?;
    AgentId::parse(text).map_err(|_| ApiError::agent_not_found())
}

/// A configuration, empty if there is none.
pub(super) fn layer(params: &Params, name: &str) -> Result<Value, ApiError> {
    Ok(params.object(name)?.unwrap_or_else(|| Value::Object(serde_json::Map::new())))
}

/// A text that cannot be an id names no instance.
pub(super) fn instance(params: &Params) -> Result<InstanceId, ApiError> {
    let text = params.required_text("InstanceId", ANY)?;
    InstanceId::parse(text).map_err(|_| ApiError::instance_not_found())
}

fn optional_id<T>(
    params: &Params,
    name: &str,
    parse: impl FnOnce(String) -> Result<T, IdError>,
) -> Result<Option<T>, ApiError> {
    let text = params.text(name, ANY)?;
    text.map(parse).transpose().map_err(|e| ApiError::invalid_parameter(name, &e.to_string()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::params;
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(json: Value) -> (String, String) {
        let error = GenerateAIAgentCall::parse(&params(json)).unwrap_err();
        (error.code.into_owned(), error.message)
    }

    #[test]
    fn an_agent_alone_is_a_request() {
        let request = GenerateAIAgentCall::parse(&params(json!({"AIAgentId": "a1"}))).unwrap();
        assert_eq!(request.agent.as_str(), "a1");
        let options = request.options;
        assert_eq!((options.expire, options.user, options.session), (3600, None, None));
        assert_eq!((options.agent_config, options.template_config), (json!({}), json!({})));
    }

    #[test]
    fn expiry_zero_means_the_default() {
        let expire = |value: &str| CallOptions::parse(&params(json!({"Expire": value}))).map(|options| options.expire);
        assert_eq!((expire("0"), expire("1"), expire("604800")), (Ok(3600), Ok(1), Ok(604_800)));
        for wrong in ["-1", "604801", "soon"] {
            let error = expire(wrong).unwrap_err();
            assert_eq!(error.code, "InvalidParameter");
            assert!(error.message.contains("Expire"), "{}", error.message);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert_eq!(refused(json!({})).0, "MissingAIAgentId");
        assert_eq!(refused(json!({"AIAgentId": "not an id"})).0, "AgentNotFound");
        for (name, value) in [
            ("UserId", json!("u".repeat(300))),
            ("UserId", json!("u 1")),
            ("SessionId", json!("s".repeat(65))),
            ("AgentConfig", json!("[]")),
            ("AgentConfig", json!("{")),
            ("TemplateConfig", json!("3")),
            ("ChatSyncConfig", json!("x")),
            ("UserData", json!("x".repeat(MAX_USER_DATA + 1))),
        ] {
            let (code, message) = refused(json!({"AIAgentId": "a1", name: value}));
            assert_eq!(code, "InvalidParameter");
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_request_wins_over_its_template_and_both_over_the_agent() {
        let options = CallOptions::parse(&params(json!({
            "AgentConfig": r#"{"Greeting":"Hi","BackChannelingConfig":[],"AsrConfig":{"AsrHotWords":[]}}"#,
            "TemplateConfig": r#"{"VoiceChat":{"Greeting":"lost","AsrMaxSilence":500}}"#,
        })))
        .unwrap();
        let agent = json!({"Greeting": "lost too", "AsrConfig": {"AsrHotWords": ["kept"]}, "MaxIdleTime": 30});
        let effective = options.effective(&agent, AgentKind::VoiceChat).unwrap();
        assert_eq!(
            effective.json,
            json!({"Greeting": "Hi", "AsrConfig": {"AsrHotWords": ["kept"], "AsrMaxSilence": 500}, "MaxIdleTime": 30})
        );
        assert_eq!((effective.config.greeting.as_deref(), effective.config.asr.max_silence), (Some("Hi"), 500));
    }

    #[test]
    fn a_field_of_the_wrong_type_inside_a_configuration_is_named() {
        let options =
            CallOptions::parse(&params(json!({"AgentConfig": {"AsrConfig": {"AsrMaxSilence": "x"}}}))).unwrap();
        let error = options.effective(&json!({}), AgentKind::VoiceChat).unwrap_err();
        assert_eq!((error.status, &*error.code), (400, "InvalidParameter"));
        assert!(error.message.contains("AsrConfig.AsrMaxSilence"), "{}", error.message);
    }

    #[test]
    fn stop_and_describe_need_an_instance() {
        let parse = |json: Value| StopAIAgentInstance::parse(&params(json)).map(|request| request.instance.to_string());
        assert_eq!(parse(json!({"InstanceId": "i1"})), Ok("i1".into()));
        assert_eq!(parse(json!({})).unwrap_err().code, "MissingInstanceId");
        assert_eq!(parse(json!({"InstanceId": "i 1"})), Err(ApiError::instance_not_found()));
        let describe = DescribeAIAgentInstance::parse(&params(json!({"InstanceId": ""})));
        assert_eq!(describe.unwrap_err().code, "MissingInstanceId");
    }

    proptest! {
        #[test]
        fn any_configuration_is_read_or_refused(text in ".*", field in "[A-Z][A-Za-z]{0,12}") {
            for value in [json!(text), json!({field: text})] {
                let values = json!({"AgentConfig": value, "TemplateConfig": value});
                if let Ok(options) = CallOptions::parse(&params(values)) {
                    let _outcome = options.effective(&json!({}), AgentKind::VoiceChat);
                }
            }
        }
    }
}
