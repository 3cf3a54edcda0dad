//! What an agent has besides its default configuration (server-api §7): where its events go, what is recorded, who
//! listens, thinks and speaks, and the app its channel tokens are made with.
//!
//! A field that is absent has its default, so that a stored agent of an older version stays readable. Secrets (tokens,
//! keys) do not print.

use crate::mcp::McpServer;
use crate::merge_layers;
use crate::providers::ProviderSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;

/// An agent's settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentSettings {
    pub callbacks: CallbackSettings,
    pub recording: RecordingSettings,
    pub providers: ProviderSettings,
    /// Voice ids offered to clients (`TtsConfig.VoiceIdList` of calls that do not name their own). Empty: none.
    pub voices: Vec<String>,
    pub ambient_sounds: Vec<AmbientSound>,
    /// Whose tools its language model may call.
    pub mcp_servers: Vec<McpServer>,
    /// The app channel tokens are made with; none: the server's own.
    pub app: Option<RtcApp>,
}

impl AgentSettings {
    /// The lowest layer of the agent's calls: its configuration, with the voices of the settings where it names none.
    pub fn base(&self, config: &Value) -> Value {
        if self.voices.is_empty() {
            return config.clone();
        }
        merge_layers([&json!({"TtsConfig": {"VoiceIdList": self.voices}}), config])
    }
}

/// Where an agent's events go (server-api §4.23, §9).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallbackSettings {
    pub enabled: bool,
    /// Events are POSTed here; empty: nowhere.
    pub url: String,
    /// Sent as the `Authorization` header, letter for letter; empty: no header.
    pub token: Secret,
    /// Names of the events to deliver; none: all.
    pub events: Option<Vec<String>>,
}

/// What is recorded (server-api §10.3). Unset switches follow the server's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordingSettings {
    pub enabled: Option<bool>,
    /// As SetNotifyConfig was given it; where the vendor would put its files.
    pub audio_path: String,
}

/// A sound that can play behind the agent's voice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmbientSound {
    /// `AmbientSoundConfig.ResourceId`.
    pub id: String,
    pub url: String,
}

/// Id and key that channel tokens are made with (server-api §11.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtcApp {
    pub id: String,
    pub key: Secret,
}

/// A text that does not print.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_a_field_have_its_default() {
        let settings: AgentSettings =
            serde_json::from_str(r#"{"callbacks":{"url":"https://a.example"}}"#).expect("settings");
        assert_eq!(settings.callbacks.url, "https://a.example");
        assert_eq!(AgentSettings { callbacks: CallbackSettings::default(), ..settings }, AgentSettings::default());
    }

    #[test]
    fn voices_are_offered_where_the_configuration_offers_none() {
        let settings = AgentSettings { voices: vec!["a".into(), "b".into()], ..AgentSettings::default() };
        let offered = json!({"TtsConfig": {"VoiceId": "a", "VoiceIdList": ["a", "b"]}});
        assert_eq!(settings.base(&json!({"TtsConfig": {"VoiceId": "a"}})), offered);
        let own = json!({"TtsConfig": {"VoiceIdList": ["c"]}});
        assert_eq!(settings.base(&own), own);
        assert_eq!(AgentSettings::default().base(&own), own);
    }

    #[test]
    fn secrets_do_not_print() {
        let app = RtcApp { id: "app".into(), key: "hush".into() };
        assert!(!format!("{app:?}").contains("hush"));
    }
}
