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

    /// Where recordings are told of: all of them, whichever events are named for other callbacks.
    pub fn recording_callbacks(&self) -> CallbackSettings {
        let (callbacks, recording) = (&self.callbacks, &self.recording);
        if recording.callback_url.is_empty() {
            return CallbackSettings { events: None, ..callbacks.clone() };
        }
        CallbackSettings {
            enabled: true,
            url: recording.callback_url.clone(),
            token: recording.callback_token.clone(),
            events: None,
        }
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
    /// The app server is told of the recording of a whole call.
    pub whole_call: bool,
    /// The app server is told of the recording of each thing said.
    pub sentences: bool,
    /// Where recordings are told of; empty: where all other events are.
    pub callback_url: String,
    /// As [`CallbackSettings::token`], for `callback_url`.
    pub callback_token: Secret,
    /// As SetNotifyConfig was given it; where the vendor would put its files.
    pub audio_path: String,
}

impl RecordingSettings {
    /// Whether the agent's calls are recorded, if the server records unless told (`default`). Who is to be told of recordings wants
    /// some.
    pub fn records(&self, default: bool) -> bool {
        self.enabled.unwrap_or(default || self.whole_call || self.sentences)
    }
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
    fn whoever_is_to_be_told_of_recordings_has_calls_recorded_unless_that_is_off() {
        let settings = |enabled, whole_call| RecordingSettings { enabled, whole_call, ..RecordingSettings::default() };
        assert!(settings(None, true).records(false) && settings(None, false).records(true));
        assert!(!settings(None, false).records(false) && !settings(Some(false), true).records(true));
    }

    #[test]
    fn recordings_are_told_of_at_their_own_address_or_where_everything_is() {
        let callbacks = CallbackSettings {
            enabled: true,
            url: "https://a".into(),
            token: "t".into(),
            events: Some(vec!["agent_stop".into()]),
        };
        let mut settings = AgentSettings { callbacks, ..AgentSettings::default() };
        let told = settings.recording_callbacks();
        assert_eq!((told.url.as_str(), told.events), ("https://a", None));
        settings.recording.callback_url = "https://b".into();
        let told = settings.recording_callbacks();
        assert_eq!((told.enabled, told.url.as_str(), told.token.is_empty()), (true, "https://b", true));
    }

    #[test]
    fn secrets_do_not_print() {
        let app = RtcApp { id: "app".into(), key: "hush".into() };
        assert!(!format!("{app:?}").contains("hush"));
    }
}
