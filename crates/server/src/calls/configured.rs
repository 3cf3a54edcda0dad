//! The configuration a call runs with, in the two forms it has: the merged JSON that Describe echoes and updates are laid
//! over, and what it means to the conversation.
//!
//! The client changes the second by itself (1102 to 1105, 1109, 1115 to 1120). Before an update is laid over the first, those changes are
//! taken into it, so that an update changes what it names and nothing else.

use ringline_model::{AgentConfig, AgentKind, merge_layers};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::UpdateAIAgentInstance;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Configured {
    pub kind: AgentKind,
    /// The merged `AIAgentConfig`.
    pub json: Value,
    /// The `AIAgentTemplateConfig` as it was given.
    pub template: Value,
}

impl Configured {
    /// Lays an update over what is in force, `live` being the conversation's. Nothing changes if it is refused.
    pub fn update(&mut self, request: &UpdateAIAgentInstance, live: &AgentConfig) -> Result<AgentConfig, ApiError> {
        let current = merge_layers([&self.json, &client_changes(&AgentConfig::from_json(&self.json)?, live)]);
        let updated = request.over(&current, &self.template, self.kind)?;
        self.json = updated.effective.json;
        self.template = updated.template;
        Ok(updated.effective.config)
    }
}

/// What a client can change, where it differs from what is known, as a layer.
fn client_changes(known: &AgentConfig, live: &AgentConfig) -> Value {
    let mut changes = Map::new();
    if live.push_to_talk != known.push_to_talk {
        changes.insert("EnablePushToTalk".to_owned(), json!(live.push_to_talk));
    }
    let mut change = |group: &str, field: &str, value: Value| {
        if let Some(group) = changes.entry(group).or_insert_with(|| json!({})).as_object_mut() {
            group.insert(field.to_owned(), value);
        }
    };
    if live.interrupt.enable_voice_interrupt != known.interrupt.enable_voice_interrupt {
        change("InterruptConfig", "EnableVoiceInterrupt", json!(live.interrupt.enable_voice_interrupt));
    }
    if live.voiceprint.enabled != known.voiceprint.enabled {
        change("VoiceprintConfig", "UseVoiceprint", json!(live.voiceprint.enabled));
    }
    if live.llm.system_prompt != known.llm.system_prompt {
        change("LlmConfig", "LlmSystemPrompt", json!(live.llm.system_prompt));
    }
    if live.asr.max_silence != known.asr.max_silence {
        change("AsrConfig", "AsrMaxSilence", json!(live.asr.max_silence));
    }
    if live.tts.voice != known.tts.voice {
        change("TtsConfig", "VoiceId", json!(live.tts.voice));
    }
    if (live.tts.speech_rate - known.tts.speech_rate).abs() > f64::EPSILON {
        change("TtsConfig", "SpeechRate", json!(live.tts.speech_rate));
    }
    Value::Object(changes)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ringline_protocol::params::Params;

    fn update(config: Value) -> UpdateAIAgentInstance {
        let params = [("InstanceId".to_owned(), json!("i")), ("AgentConfig".to_owned(), config)];
        UpdateAIAgentInstance::parse(&Params::from_values(params)).unwrap()
    }

    fn configured() -> Configured {
        Configured {
            kind: AgentKind::VoiceChat,
            json: json!({"Greeting": "Hi", "TtsConfig": {"VoiceId": "a"}}),
            template: json!({}),
        }
    }

    #[test]
    fn what_the_client_changed_survives_an_update_of_something_else() {
        let mut configured = configured();
        let mut live = AgentConfig::from_json(&configured.json).unwrap();
        live.interrupt.enable_voice_interrupt = false;
        live.tts.voice = Some("b".into());
        live.tts.speech_rate = 1.5;
        live.push_to_talk = true;
        live.asr.max_silence = 800;
        live.llm.system_prompt = Some("Be brief.".into());
        let config = configured.update(&update(json!({"Volume": 50})), &live).unwrap();
        assert_eq!(config, AgentConfig { volume: 50, ..live });
        assert_eq!(
            configured.json,
            json!({"Greeting": "Hi", "Volume": 50, "EnablePushToTalk": true, "InterruptConfig": {"EnableVoiceInterrupt": false},
                   "LlmConfig": {"LlmSystemPrompt": "Be brief."}, "AsrConfig": {"AsrMaxSilence": 800},
                   "TtsConfig": {"VoiceId": "b", "SpeechRate": 1.5}})
        );
    }

    #[test]
    fn an_update_wins_over_the_client() {
        let mut configured = configured();
        let mut live = AgentConfig::from_json(&configured.json).unwrap();
        live.tts.voice = Some("b".into());
        let config = configured.update(&update(json!({"TtsConfig": {"VoiceId": "c"}})), &live).unwrap();
        assert_eq!(config.tts.voice.as_deref(), Some("c"));
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let mut changed = configured();
        let live = AgentConfig::from_json(&changed.json).unwrap();
        assert!(changed.update(&update(json!({"Volume": 401, "Greeting": "no"})), &live).is_err());
        assert_eq!(changed, configured());
    }
}
