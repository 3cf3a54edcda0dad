//! Where an agent's events go, by API (server-api §4.23).

use super::request::agent;
use crate::callback::{MAX_NAME, MAX_NAMES};
use crate::error::ApiError;
use crate::params::Params;
use ringline_model::{AgentId, AgentSettings};
use serde::Serialize;

/// Longest `CallbackUrl`, in characters.
const MAX_URL: usize = 4096;
/// Longest `Token`, in characters.
const MAX_TOKEN: usize = 4096;
/// Longest `AudioOssPath`, in characters.
const MAX_PATH: usize = 1024;

/// Sets an agent's callbacks. What is left out keeps its value, but for `EventTypes`: absent means all events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetNotifyConfig {
    pub agent: AgentId,
    pub enable: bool,
    pub url: Option<String>,
    /// Names of events; none: all. Names of events that are never sent here are kept, and match nothing.
    pub events: Option<Vec<String>>,
    pub token: Option<String>,
    pub record_audio: Option<bool>,
    pub audio_path: Option<String>,
}

/// Asks for an agent's callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribeNotifyConfig {
    pub agent: AgentId,
}

/// The fields of [`SetNotifyConfig`] but for the agent; what is not set is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeNotifyConfigAnswer {
    pub request_id: String,
    pub enable_notify: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub callback_url: String,
    /// Joined by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_types: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_audio_recording: Option<bool>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub audio_oss_path: String,
}

impl SetNotifyConfig {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        let agent = agent(params)?;
        let enable = params.boolean("EnableNotify")?.ok_or_else(|| ApiError::missing("EnableNotify"))?;
        let token = params.text("Token", MAX_TOKEN)?;
        if token.as_ref().is_some_and(|token| token.chars().any(|c| c.is_control())) {
            return Err(ApiError::invalid_parameter("Token", "a header cannot hold it"));
        }
        Ok(Self {
            agent,
            enable,
            url: params.text("CallbackUrl", MAX_URL)?,
            events: events(params)?,
            token,
            record_audio: params.boolean("EnableAudioRecording")?,
            audio_path: params.text("AudioOssPath", MAX_PATH)?,
        })
    }

    /// Changes the settings. Callbacks that are enabled need somewhere to go.
    pub fn apply(self, settings: &mut AgentSettings) -> Result<(), ApiError> {
        let callbacks = &mut settings.callbacks;
        if self.enable && self.url.is_none() && callbacks.url.is_empty() {
            return Err(ApiError::missing("CallbackUrl"));
        }
        callbacks.enabled = self.enable;
        callbacks.events = self.events;
        if let Some(url) = self.url {
            callbacks.url = url;
        }
        if let Some(token) = self.token {
            callbacks.token = token.into();
        }
        if let Some(enabled) = self.record_audio {
            settings.recording.enabled = Some(enabled);
        }
        if let Some(path) = self.audio_path {
            settings.recording.audio_path = path;
        }
        Ok(())
    }
}

/// Names separated by commas, with blanks around them as people write them.
fn events(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = params.text("EventTypes", MAX_NAMES * (MAX_NAME + 2))? else { return Ok(None) };
    let wrong = |reason: &str| Err(ApiError::invalid_parameter("EventTypes", reason));
    let mut names: Vec<String> = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name.len() > MAX_NAME || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) {
            return wrong("it holds something that cannot be the name of an event");
        }
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    match names.len() {
        0 => Ok(None),
        n if n > MAX_NAMES => wrong("it names too many events"),
        _ => Ok(Some(names)),
    }
}

impl DescribeNotifyConfig {
    pub fn parse(params: &Params) -> Result<Self, ApiError> {
        Ok(Self { agent: agent(params)? })
    }
}

impl DescribeNotifyConfigAnswer {
    pub fn new(request_id: String, settings: &AgentSettings) -> Self {
        let AgentSettings { callbacks, recording, .. } = settings;
        Self {
            request_id,
            enable_notify: callbacks.enabled,
            callback_url: callbacks.url.clone(),
            event_types: callbacks.events.as_ref().map(|events| events.join(",")),
            token: callbacks.token.reveal().to_owned(),
            enable_audio_recording: recording.enabled,
            audio_oss_path: recording.audio_path.clone(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::testing::{named, params};
    use super::*;
    use serde_json::{Value, json};

    fn parse(json: Value) -> Result<SetNotifyConfig, ApiError> {
        SetNotifyConfig::parse(&params(json))
    }

    fn described(settings: &AgentSettings) -> Value {
        serde_json::to_value(DescribeNotifyConfigAnswer::new("R".into(), settings)).unwrap()
    }

    #[test]
    fn what_is_set_is_described() {
        let set = json!({"AIAgentId": "a", "EnableNotify": "true", "CallbackUrl": "https://a.example/x?y=1",
                         "EventTypes": "agent_start, agent_stop ,error,agent_stop", "Token": "Bearer  t",
                         "EnableAudioRecording": false, "AudioOssPath": "oss://b/p"});
        let mut settings = AgentSettings::default();
        parse(set).unwrap().apply(&mut settings).unwrap();
        assert_eq!(
            described(&settings),
            json!({"RequestId": "R", "EnableNotify": true,
                   "CallbackUrl": "https://a.example/x?y=1", "EventTypes": "agent_start,agent_stop,error",
                   "Token": "Bearer  t", "EnableAudioRecording": false, "AudioOssPath": "oss://b/p"})
        );
    }

    #[test]
    fn what_is_left_out_is_kept_but_for_the_events() {
        let mut settings = AgentSettings::default();
        let first = json!({"AIAgentId": "a", "EnableNotify": true, "CallbackUrl": "https://a.example", "Token": "t",
                           "EventTypes": "error", "EnableAudioRecording": true});
        parse(first).unwrap().apply(&mut settings).unwrap();
        parse(json!({"AIAgentId": "a", "EnableNotify": false})).unwrap().apply(&mut settings).unwrap();
        assert_eq!(
            described(&settings),
            json!({"RequestId": "R", "EnableNotify": false, "CallbackUrl": "https://a.example",
                   "Token": "t", "EnableAudioRecording": true})
        );
    }

    #[test]
    fn nothing_set_is_described_as_off() {
        let off = json!({"RequestId": "R", "EnableNotify": false});
        assert_eq!(described(&AgentSettings::default()), off);
    }

    #[test]
    fn what_is_mandatory_is_named() {
        assert_eq!(parse(json!({"EnableNotify": true})).unwrap_err().code, "MissingAIAgentId");
        assert_eq!(parse(json!({"AIAgentId": "a"})).unwrap_err().code, "MissingEnableNotify");
        let nowhere = parse(json!({"AIAgentId": "a", "EnableNotify": true})).unwrap();
        let mut settings = AgentSettings::default();
        assert_eq!(nowhere.apply(&mut settings).unwrap_err().code, "MissingCallbackUrl");
        assert_eq!(settings, AgentSettings::default());
    }

    #[test]
    fn what_cannot_be_is_named() {
        let many = (0..=MAX_NAMES).map(|n| format!("e{n}")).collect::<Vec<_>>().join(",");
        for (name, value) in [
            ("EventTypes", "agent start".to_owned()),
            ("EventTypes", "x".repeat(MAX_NAME + 1)),
            ("EventTypes", many),
            ("Token", "a\nb".into()),
            ("Token", "x".repeat(MAX_TOKEN + 1)),
            ("CallbackUrl", "x".repeat(MAX_URL + 1)),
            ("AudioOssPath", "x".repeat(MAX_PATH + 1)),
        ] {
            named(parse(json!({"AIAgentId": "a", "EnableNotify": true, name: value})), name);
        }
    }
}
