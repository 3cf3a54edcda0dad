//! How configuration layers become one (server-api §6): agent, then template, then request, as a pure function on JSON.

use crate::ConfigError;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Workflow type of an agent; the names travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AgentKind {
    #[default]
    VoiceChat,
    AvatarChat3D,
    VisionChat,
    VideoChat,
}

impl AgentKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VoiceChat => "VoiceChat",
            Self::AvatarChat3D => "AvatarChat3D",
            Self::VisionChat => "VisionChat",
            Self::VideoChat => "VideoChat",
        }
    }
}

/// Struct positions that may arrive as a text holding JSON.
const STRUCTS: &[&str] = &[
    "AsrConfig",
    "TtsConfig",
    "LlmConfig",
    "AvatarConfig",
    "InterruptConfig",
    "VoiceprintConfig",
    "TurnDetectionConfig",
    "VcrConfig",
    "AmbientSoundConfig",
    "AutoSpeechConfig",
    "VoiceChat",
    "AvatarChat3D",
    "VisionChat",
    "VideoChat",
];

/// Makes one layer comparable: nulls, empty lists and empty texts mean "not set" (but an empty `Greeting` is an explicit
/// "no greeting"); nested JSON texts are opened; old spellings get their current name.
pub fn normalise(layer: &Value) -> Result<Value, ConfigError> {
    let Value::Object(object) = open(layer, "AgentConfig")? else {
        return Err(ConfigError { field: "AgentConfig".into(), reason: "must be a JSON object".into() });
    };
    let mut clean = Map::new();
    for (key, value) in &object {
        let value = if STRUCTS.contains(&key.as_str()) { open(value, key)? } else { value.clone() };
        let Some(value) = drop_unset(value, key == "Greeting") else { continue };
        match key.as_str() {
            "BackChannelingConfig" => {
                clean.entry("BackChannelingConfigs").or_insert_with(|| rename_enable(value));
            }
            "BackChannelingConfigs" => {
                clean.insert(key.clone(), rename_enable(value));
            }
            _ => {
                clean.insert(key.clone(), value);
            }
        }
    }
    Ok(Value::Object(clean))
}

fn open(value: &Value, field: &str) -> Result<Value, ConfigError> {
    match value {
        Value::String(text) if text.trim().is_empty() => Ok(Value::Object(Map::new())),
        Value::String(text) => serde_json::from_str(text)
            .map_err(|e| ConfigError { field: field.to_owned(), reason: format!("is not JSON: {e}") }),
        other => Ok(other.clone()),
    }
}

fn drop_unset(value: Value, keep_empty_text: bool) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) if items.is_empty() => None,
        Value::String(text) if text.is_empty() && !keep_empty_text => None,
        Value::Object(object) => {
            Some(Value::Object(object.into_iter().filter_map(|(k, v)| Some((k, drop_unset(v, false)?))).collect()))
        }
        other => Some(other),
    }
}

fn rename_enable(mut list: Value) -> Value {
    for item in list.as_array_mut().into_iter().flatten() {
        if let Some(object) = item.as_object_mut()
            && let Some(enable) = object.remove("Enable")
        {
            object.entry("Enabled").or_insert(enable);
        }
    }
    list
}

/// Where each flat `TemplateConfig` field lives in an `AIAgentConfig` (server-api §5.2).
const TEMPLATE_FIELDS: &[(&str, &str, &str)] = &[
    ("AvatarId", "AvatarConfig", "AvatarId"),
    ("AsrLanguageId", "AsrConfig", "AsrLanguageId"),
    ("AsrMaxSilence", "AsrConfig", "AsrMaxSilence"),
    ("AsrHotWords", "AsrConfig", "AsrHotWords"),
    ("VadLevel", "AsrConfig", "VadLevel"),
    ("VoiceId", "TtsConfig", "VoiceId"),
    ("VoiceIdList", "TtsConfig", "VoiceIdList"),
    ("LlmHistory", "LlmConfig", "LlmHistory"),
    ("LlmHistoryLimit", "LlmConfig", "LlmHistoryLimit"),
    ("LlmSystemPrompt", "LlmConfig", "LlmSystemPrompt"),
    ("BailianAppParams", "LlmConfig", "BailianAppParams"),
    ("EnableVoiceInterrupt", "InterruptConfig", "EnableVoiceInterrupt"),
    ("InterruptWords", "InterruptConfig", "InterruptWords"),
    ("UseVoiceprint", "VoiceprintConfig", "UseVoiceprint"),
    ("VoiceprintId", "VoiceprintConfig", "VoiceprintId"),
];

/// Turns a `TemplateConfig` into a normalised `AIAgentConfig` layer: the sub-object of the agent's kind, or the only one.
pub fn template_to_agent(template: &Value, kind: AgentKind) -> Result<Value, ConfigError> {
    let template = normalise(template).map_err(|e| ConfigError {
        field: if e.field == "AgentConfig" { "TemplateConfig".into() } else { e.field },
        reason: e.reason,
    })?;
    let object = template.as_object().cloned().unwrap_or_default();
    let chosen = match object.get(kind.as_str()) {
        Some(flat) => flat.clone(),
        None if object.len() == 1 => object.values().next().cloned().unwrap_or_default(),
        None => Value::Object(Map::new()),
    };
    let mut agent = Map::new();
    for (key, value) in chosen.as_object().into_iter().flatten() {
        match TEMPLATE_FIELDS.iter().find(|(flat, ..)| flat == key) {
            Some((_, group, field)) => {
                let group = agent.entry(*group).or_insert_with(|| Value::Object(Map::new()));
                if let Some(group) = group.as_object_mut() {
                    group.insert((*field).to_owned(), value.clone());
                }
            }
            None if key == "CharBreak" => {}
            None => {
                agent.insert(key.clone(), value.clone());
            }
        }
    }
    normalise(&Value::Object(agent))
}

/// Deep merge of normalised layers, later ones win; lists and scalars replace.
pub fn merge_layers<'a>(layers: impl IntoIterator<Item = &'a Value>) -> Value {
    let mut merged = Value::Object(Map::new());
    for layer in layers {
        merge_into(&mut merged, layer);
    }
    merged
}

fn merge_into(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge_into(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_empty_list_does_not_wipe_the_layer_below() {
        let base = json!({"InterruptConfig": {"InterruptWords": ["stop"]}});
        let over = normalise(&json!({"InterruptConfig": {"InterruptWords": []}, "Volume": null})).expect("object");
        assert_eq!(merge_layers([&base, &over]), base);
    }

    #[test]
    fn an_empty_greeting_is_kept_and_other_empty_texts_are_not() {
        let layer = normalise(&json!({"Greeting": "", "TtsConfig": {"VoiceId": ""}})).expect("object");
        assert_eq!(layer, json!({"Greeting": "", "TtsConfig": {}}));
    }

    #[test]
    fn nested_json_texts_are_opened() {
        let layer = normalise(&json!("{\"AsrConfig\":\"{\\\"AsrMaxSilence\\\":500}\"}")).expect("object");
        assert_eq!(layer, json!({"AsrConfig": {"AsrMaxSilence": 500}}));
        assert_eq!(normalise(&json!({"AsrConfig": "{"})).expect_err("not JSON").field, "AsrConfig");
        assert!(normalise(&json!([1])).is_err());
    }

    #[test]
    fn request_wins_over_template_wins_over_agent() {
        let agent = json!({"Greeting": "a", "MaxIdleTime": 1, "LlmConfig": {"LlmSystemPrompt": "p"}});
        let template = template_to_agent(
            &json!({"VoiceChat": "{\"Greeting\":\"t\",\"MaxIdleTime\":2,\"VoiceId\":\"v\",\"CharBreak\":true}"}),
            AgentKind::VoiceChat,
        )
        .expect("template");
        let request = normalise(&json!({"Greeting": "r"})).expect("object");
        assert_eq!(
            merge_layers([&agent, &template, &request]),
            json!({"Greeting": "r", "MaxIdleTime": 2, "LlmConfig": {"LlmSystemPrompt": "p"}, "TtsConfig": {"VoiceId": "v"}})
        );
    }

    #[test]
    fn old_back_channelling_spellings_get_their_current_names() {
        let layer =
            normalise(&json!({"BackChannelingConfig": [{"Enable": true, "Words": [{"Text": "mm"}]}]})).expect("object");
        assert_eq!(layer["BackChannelingConfigs"][0]["Enabled"], json!(true));
    }
}
