//! The written form of an agent, one for reading and writing: what was read can be changed and written back.
//!
//! Secrets are written and never read: `…_set` says that there is one. A write that leaves a secret out keeps it, an
//! empty one removes it. Fields that only the server sets (`…_set`, `created`, `modified`) are ignored in a write.

use super::check;
use ringline_model::{
    AgentId, AgentKind, AgentSettings, AmbientSound, CallbackSettings, ConfigError, McpServer, ProviderKind,
    ProviderNode, ProviderSettings, RecordingSettings, RtcApp, Secret,
};
use ringline_protocol::time_format::gmt_millis;
use ringline_store::AgentRecord;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An agent: what calls of it start from.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// `AIAgentId` of the OpenAPI. The server makes one for a new agent without it; afterwards it stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 64)]
    pub id: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: AgentType,
    /// Default `AIAgentConfig` of the agent's calls, with the field names of the OpenAPI. Unknown fields are kept.
    #[serde(default = "empty")]
    #[schema(value_type = Object)]
    pub config: Value,
    #[serde(default)]
    pub settings: Settings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    pub modified: Option<String>,
}

/// Workflow type: which part of a `TemplateConfig` counts. Avatar and video are stored, calls are voice calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum AgentType {
    #[default]
    VoiceChat,
    AvatarChat3D,
    VisionChat,
    VideoChat,
}

/// What an agent has besides its configuration.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub callbacks: Callbacks,
    pub recording: Recording,
    pub providers: Providers,
    /// Voice ids offered to clients: `TtsConfig.VoiceIdList` where the configuration names none.
    #[schema(max_items = 100)]
    pub voices: Vec<String>,
    /// Sounds that `AmbientSoundConfig.ResourceId` can name. Each is fetched and decoded once while calls play it.
    #[schema(max_items = 100)]
    pub ambient_sounds: Vec<Sound>,
    /// Servers of the Model Context Protocol whose tools the language model may call.
    #[schema(max_items = 8)]
    pub mcp_servers: Vec<Mcp>,
    /// The application channel tokens of the agent's calls are made and checked with; none: the server's own.
    pub app: Option<App>,
}

/// Where an agent's events go.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Callbacks {
    pub enabled: bool,
    /// Events are POSTed here. Empty: nowhere.
    #[schema(max_length = 2048)]
    pub url: String,
    /// Sent as the `Authorization` header, letter for letter.
    #[serde(skip_serializing_if = "never_shown")]
    #[schema(write_only, max_length = 1024)]
    pub token: Option<String>,
    #[schema(read_only)]
    pub token_set: bool,
    /// Names of the events to deliver; none: all.
    #[schema(max_items = 64)]
    pub events: Option<Vec<String>>,
}

/// What is recorded.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// None: as the server is configured, or if somebody is to be told.
    pub enabled: Option<bool>,
    /// Tell of the recording of a whole call when it is over: `full_audio_record`.
    pub whole_call: bool,
    /// Tell of the recording of each thing that was said: `audio_record`.
    pub sentences: bool,
    /// Recordings are told of here. Empty: where the other events go.
    #[schema(max_length = 2048)]
    pub callback_url: String,
    /// Sent there as the `Authorization` header, letter for letter.
    #[serde(skip_serializing)]
    #[schema(write_only, max_length = 1024)]
    pub callback_token: Option<String>,
    #[schema(read_only)]
    pub callback_token_set: bool,
    /// Kept as SetNotifyConfig was given it; recordings lie in the server's data directory.
    #[schema(max_length = 1024)]
    pub audio_path: String,
}

/// Who does the work of the workflow's nodes: lists in the order they are asked; none: as the server is configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Providers {
    /// Who listens.
    #[schema(max_items = 4)]
    pub asr: Vec<Provider>,
    /// Who thinks: a service with OpenAI's protocol, which is sent the call's ids as well. It is asked first.
    pub llm: Option<Llm>,
    /// Who thinks when it fails, or there is none; with `llm` at most 4.
    #[schema(max_items = 4)]
    pub llm_fallback: Vec<Provider>,
    /// Who speaks.
    #[schema(max_items = 4)]
    pub tts: Vec<Provider>,
}

/// A language model behind an OpenAI-compatible server.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Llm {
    /// Requests go to `<base_url>/chat/completions`.
    #[schema(min_length = 1, max_length = 2048)]
    pub base_url: String,
    #[schema(min_length = 1, max_length = 256)]
    pub model: String,
    #[serde(default, skip_serializing_if = "never_shown")]
    #[schema(write_only, max_length = 1024)]
    pub api_key: Option<String>,
    #[serde(default)]
    #[schema(read_only)]
    pub api_key_set: bool,
}

/// One provider of a node. What it needs depends on its kind; what means nothing to it must be left out.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub provider: ProviderType,
    /// Where the service is. OpenAI's protocol appends `/chat/completions`, `/audio/transcriptions` or `/audio/speech`; a
    /// self-hosted recogniser has a `ws` or `wss` address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2048)]
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 256)]
    pub model: String,
    /// Voice ids that calls may ask for; the first is the default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub voices: Vec<String>,
    /// Of the speech that comes, in Hz: 8000, 16000, 24000 or 48000; none: 24000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// `k=v&k=v`, added to a self-hosted recogniser's address unless a call has `AsrConfig.CustomParams`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 1024)]
    pub params: String,
    /// A write that leaves it out keeps the one stored for the same node and `url`.
    #[serde(default, skip_serializing)]
    #[schema(write_only, max_length = 1024)]
    pub api_key: Option<String>,
    #[serde(default)]
    #[schema(read_only)]
    pub api_key_set: bool,
    /// Name of an environment variable of the server that holds the key; it ends in `_API_KEY`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 256)]
    pub api_key_env: String,
}

/// What a provider is: the server's own models or script, a service with OpenAI's protocol, or one with the protocol for
/// self-hosted services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProviderType {
    Models,
    Scripted,
    Openai,
    SelfHosted,
}

/// A sound for the background of calls.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sound {
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
    #[schema(min_length = 1, max_length = 2048)]
    pub url: String,
}

/// A tool server: one that answers at `url` by streamable HTTP, or the command of this name in the server's own configuration
/// (`[[mcp.commands]]`). Its tools are offered as `NAME__TOOL`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mcp {
    /// Letters, digits, `-` and `_`.
    #[schema(min_length = 1, max_length = 24)]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 2048)]
    pub url: String,
    /// Sent with every request. A write that leaves them out keeps those stored for the same name and `url`.
    #[serde(default, skip_serializing)]
    #[schema(write_only)]
    pub headers: Option<BTreeMap<String, String>>,
    /// Names of the headers that are set.
    #[serde(default)]
    #[schema(read_only)]
    pub headers_set: Vec<String>,
    /// Those of its tools that may be called, by its own names for them; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 64)]
    pub tools: Vec<String>,
}

/// Id and key of an application.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct App {
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
    /// Needed once; a later write may leave it out.
    #[serde(default, skip_serializing_if = "never_shown")]
    #[schema(write_only, max_length = 256)]
    pub key: Option<String>,
    #[serde(default)]
    #[schema(read_only)]
    pub key_set: bool,
}

/// Of secrets. (`skip_serializing` would take them out of the schema, too.)
fn never_shown(_: &Option<String>) -> bool {
    true
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// Structs of an agent. Serde would take lists for them, their fields in order.
const OBJECTS: [&str; 7] = [
    "",
    "/settings",
    "/settings/callbacks",
    "/settings/recording",
    "/settings/providers",
    "/settings/providers/llm",
    "/settings/app",
];

impl Agent {
    /// Reads what was written; what is wrong is named by its path, which for the agent itself is empty.
    pub fn read(written: Value) -> Result<Self, ConfigError> {
        if let Some(at) = OBJECTS.iter().find(|at| written.pointer(at).is_some_and(Value::is_array)) {
            let field = at.trim_start_matches('/').replace('/', ".");
            return Err(ConfigError { field, reason: "must be an object".into() });
        }
        serde_path_to_error::deserialize(written).map_err(|error| {
            let path = error.path().to_string();
            let field = if path == "." { String::new() } else { path };
            ConfigError { field, reason: error.into_inner().to_string() }
        })
    }

    /// As it is read: everything but the secrets.
    pub fn of(record: &AgentRecord) -> Self {
        Self {
            id: Some(record.id.to_string()),
            name: record.name.clone(),
            kind: record.kind.into(),
            config: record.config.clone(),
            settings: Settings::of(&record.settings),
            created: Some(gmt_millis(record.created_ms)),
            modified: Some(gmt_millis(record.modified_ms)),
        }
    }

    /// Checks what was written and makes it the agent with this id. `stored` is what it replaces, and has the secrets
    /// that were left out; if nothing differs from it, it comes back as it is.
    pub fn record(self, id: AgentId, stored: Option<&AgentRecord>, now_ms: i64) -> Result<AgentRecord, ConfigError> {
        let record = AgentRecord {
            id,
            name: check::name(self.name)?,
            kind: self.kind.into(),
            config: check::config(&self.config)?,
            settings: self.settings.stored(stored.map(|stored| &stored.settings)),
            created_ms: stored.map_or(now_ms, |stored| stored.created_ms),
            modified_ms: now_ms,
        };
        check::settings(&record.settings)?;
        match stored {
            Some(stored) if AgentRecord { modified_ms: stored.modified_ms, ..record.clone() } == *stored => {
                Ok(stored.clone())
            }
            _ => Ok(record),
        }
    }
}

impl Settings {
    fn of(settings: &AgentSettings) -> Self {
        let AgentSettings { callbacks, recording, providers, voices, ambient_sounds, mcp_servers, app } = settings;
        Self {
            callbacks: Callbacks {
                enabled: callbacks.enabled,
                url: callbacks.url.clone(),
                token: None,
                token_set: !callbacks.token.is_empty(),
                events: callbacks.events.clone(),
            },
            recording: Recording {
                enabled: recording.enabled,
                whole_call: recording.whole_call,
                sentences: recording.sentences,
                callback_url: recording.callback_url.clone(),
                callback_token: None,
                callback_token_set: !recording.callback_token.is_empty(),
                audio_path: recording.audio_path.clone(),
            },
            providers: Providers {
                asr: providers.asr.iter().map(Provider::of).collect(),
                llm: providers.first_llm().map(Llm::of),
                llm_fallback: providers.further_llms().iter().map(Provider::of).collect(),
                tts: providers.tts.iter().map(Provider::of).collect(),
            },
            voices: voices.clone(),
            ambient_sounds: ambient_sounds.iter().map(|s| Sound { id: s.id.clone(), url: s.url.clone() }).collect(),
            mcp_servers: mcp_servers.iter().map(Mcp::of).collect(),
            app: app.as_ref().map(|app| App { id: app.id.clone(), key: None, key_set: !app.key.is_empty() }),
        }
    }

    fn stored(self, before: Option<&AgentSettings>) -> AgentSettings {
        let before = before.cloned().unwrap_or_default();
        let app_key = before.app.map(|app| app.key);
        AgentSettings {
            callbacks: CallbackSettings {
                enabled: self.callbacks.enabled,
                url: self.callbacks.url,
                token: secret(self.callbacks.token, Some(before.callbacks.token)),
                events: self.callbacks.events,
            },
            recording: RecordingSettings {
                enabled: self.recording.enabled,
                whole_call: self.recording.whole_call,
                sentences: self.recording.sentences,
                callback_url: self.recording.callback_url,
                callback_token: secret(self.recording.callback_token, Some(before.recording.callback_token)),
                audio_path: self.recording.audio_path,
            },
            providers: ProviderSettings {
                asr: Provider::stored(self.providers.asr, &before.providers.asr),
                llm: {
                    let first = self.providers.llm.map(|llm| llm.stored(&before.providers.llm));
                    let further = Provider::stored(self.providers.llm_fallback, &before.providers.llm);
                    first.into_iter().chain(further).collect()
                },
                tts: Provider::stored(self.providers.tts, &before.providers.tts),
            },
            voices: self.voices,
            ambient_sounds: self.ambient_sounds.into_iter().map(|s| AmbientSound { id: s.id, url: s.url }).collect(),
            mcp_servers: Mcp::stored(self.mcp_servers, &before.mcp_servers),
            app: self.app.map(|app| RtcApp { id: app.id, key: secret(app.key, app_key) }),
        }
    }
}

impl Llm {
    fn of(node: &ProviderNode) -> Self {
        let (base_url, model) = (node.url.clone(), node.model.clone());
        Self { base_url, model, api_key: None, api_key_set: !node.api_key.is_empty() }
    }

    fn stored(self, before: &[ProviderNode]) -> ProviderNode {
        let known = before.iter().find(|node| node.url == self.base_url && !node.api_key.is_empty());
        let api_key = secret(self.api_key, known.map(|node| node.api_key.clone()));
        ProviderNode { url: self.base_url, model: self.model, api_key, ..ProviderNode::of(ProviderKind::SelfHosted) }
    }
}

impl Provider {
    fn of(node: &ProviderNode) -> Self {
        let ProviderNode { provider, url, model, voices, sample_rate, params, api_key, api_key_env } = node.clone();
        let (api_key, api_key_set) = (None, !api_key.is_empty());
        let provider = provider.into();
        Self { provider, url, model, voices, sample_rate, params, api_key, api_key_set, api_key_env }
    }

    /// A key that is left out is the one of the provider that was there; it goes to no other address.
    fn stored(written: Vec<Self>, before: &[ProviderNode]) -> Vec<ProviderNode> {
        let node = |written: Self| {
            let known = before.iter().find(|node| node.url == written.url && !node.api_key.is_empty());
            let known = known.filter(|_| written.api_key_env.is_empty());
            ProviderNode {
                provider: written.provider.into(),
                api_key: secret(written.api_key, known.map(|node| node.api_key.clone())),
                url: written.url,
                model: written.model,
                voices: written.voices,
                sample_rate: written.sample_rate,
                params: written.params,
                api_key_env: written.api_key_env,
            }
        };
        written.into_iter().map(node).collect()
    }
}

impl Mcp {
    fn of(server: &McpServer) -> Self {
        let McpServer { name, url, headers, tools } = server.clone();
        Self { name, url, headers: None, headers_set: headers.into_keys().collect(), tools }
    }

    /// Headers that are left out go to no other address.
    fn stored(written: Vec<Self>, before: &[McpServer]) -> Vec<McpServer> {
        let server = |written: Self| {
            let known = before.iter().find(|known| (&known.name, &known.url) == (&written.name, &written.url));
            let secret = |(name, value): (String, String)| (name, Secret::from(value));
            let headers = match written.headers {
                Some(headers) => headers.into_iter().map(secret).collect(),
                None => known.map(|known| known.headers.clone()).unwrap_or_default(),
            };
            McpServer { name: written.name, url: written.url, headers, tools: written.tools }
        };
        written.into_iter().map(server).collect()
    }
}

impl From<ProviderKind> for ProviderType {
    fn from(kind: ProviderKind) -> Self {
        match kind {
            ProviderKind::Models => Self::Models,
            ProviderKind::Scripted => Self::Scripted,
            ProviderKind::Openai => Self::Openai,
            ProviderKind::SelfHosted => Self::SelfHosted,
        }
    }
}

impl From<ProviderType> for ProviderKind {
    fn from(kind: ProviderType) -> Self {
        match kind {
            ProviderType::Models => Self::Models,
            ProviderType::Scripted => Self::Scripted,
            ProviderType::Openai => Self::Openai,
            ProviderType::SelfHosted => Self::SelfHosted,
        }
    }
}

fn secret(written: Option<String>, before: Option<Secret>) -> Secret {
    written.map_or_else(|| before.unwrap_or_default(), Secret::from)
}

impl From<AgentKind> for AgentType {
    fn from(kind: AgentKind) -> Self {
        match kind {
            AgentKind::VoiceChat => Self::VoiceChat,
            AgentKind::AvatarChat3D => Self::AvatarChat3D,
            AgentKind::VisionChat => Self::VisionChat,
            AgentKind::VideoChat => Self::VideoChat,
        }
    }
}

impl From<AgentType> for AgentKind {
    fn from(kind: AgentType) -> Self {
        match kind {
            AgentType::VoiceChat => Self::VoiceChat,
            AgentType::AvatarChat3D => Self::AvatarChat3D,
            AgentType::VisionChat => Self::VisionChat,
            AgentType::VideoChat => Self::VideoChat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn write(agent: Value, stored: Option<&AgentRecord>) -> Result<AgentRecord, ConfigError> {
        Agent::read(agent)?.record(AgentId::parse("a").expect("an id"), stored, 7)
    }

    fn full() -> Value {
        json!({"name": "Ava", "type": "AvatarChat3D", "config": {"Greeting": "Hi", "AsrConfig": []}, "settings": {
            "callbacks": {"enabled": true, "url": "https://a.example/events", "token": "t0ken", "events": ["agent_start"]},
            "recording": {"enabled": false, "whole_call": true, "sentences": true, "callback_url": "https://a.example/rec",
                          "callback_token": "r3c", "audio_path": "p"},
            "providers": {"llm": {"base_url": "http://llm.example/v1", "model": "m", "api_key": "k3y"},
                "llm_fallback": [{"provider": "openai", "url": "http://b.example/v1", "model": "m", "api_key": "k3y"}]},
            "mcp_servers": [{"name": "files", "url": "https://a.example/mcp", "headers": {"Authorization": "h3ad"}}],
            "voices": ["ava"], "ambient_sounds": [{"id": "rain", "url": "https://a.example/rain.wav"}],
            "app": {"id": "app", "key": "app-k3y"}}})
    }

    #[test]
    fn what_was_read_can_be_written_back_and_changes_nothing() {
        let stored = write(full(), None).expect("valid");
        assert_eq!(stored.config, json!({"Greeting": "Hi"}), "normalised");
        let read = serde_json::to_value(Agent::of(&stored)).expect("JSON");
        for secret in ["t0ken", "k3y", "r3c", "h3ad"] {
            assert!(!read.to_string().contains(secret), "{read}");
        }
        let settings = &read["settings"];
        assert_eq!(settings["callbacks"]["token_set"], true);
        assert_eq!(
            (&settings["providers"]["llm"]["api_key_set"], &settings["app"]["key_set"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(write(read, Some(&stored)).expect("valid"), stored);
    }

    #[test]
    fn an_empty_secret_is_removed_and_a_secret_goes_with_what_it_belongs_to() {
        let stored = write(full(), None).expect("valid");
        let mut agent = full();
        agent["settings"]["callbacks"]["token"] = json!("");
        agent["settings"]["app"] = json!(null);
        let changed = write(agent, Some(&stored)).expect("valid");
        assert!(changed.settings.callbacks.token.is_empty());
        assert_eq!(changed.settings.app, None);
        assert_eq!(changed.settings.providers, stored.settings.providers);
        assert_eq!(changed.created_ms, stored.created_ms);
    }

    #[test]
    fn a_key_that_is_left_out_goes_to_no_other_address() {
        let stored = write(full(), None).expect("valid");
        let mut agent = full();
        let llm = &mut agent["settings"]["providers"]["llm_fallback"][0];
        llm.as_object_mut().expect("an object").remove("api_key");
        let same = write(agent.clone(), Some(&stored)).expect("valid");
        assert_eq!(same.settings.providers, stored.settings.providers);
        agent["settings"]["providers"]["llm_fallback"][0]["url"] = json!("http://other.example/v1");
        let other = write(agent, Some(&stored)).expect("valid");
        assert!(other.settings.providers.llm[1].api_key.is_empty());
    }

    #[test]
    fn a_name_alone_is_an_agent() {
        let agent = write(json!({"name": "Ava"}), None).expect("valid");
        assert_eq!(
            (agent.kind, agent.config, agent.settings),
            (AgentKind::VoiceChat, json!({}), AgentSettings::default())
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_path() {
        for (agent, field) in [
            (json!([]), ""),
            (json!({}), ""),
            (json!({"name": "a", "nmae": "b"}), "nmae"),
            (json!({"name": 5}), "name"),
            (json!({"name": "a", "type": "VoiceCat"}), "type"),
            (json!({"name": "a", "settings": {"voice": []}}), "settings.voice"),
            (json!({"name": "a", "settings": {"callbacks": {"uri": ""}}}), "settings.callbacks.uri"),
            (json!({"name": "a", "settings": {"app": ["id", "key"]}}), "settings.app"),
        ] {
            assert_eq!(Agent::read(agent).expect_err("cannot be read").field, field);
        }
    }
}
