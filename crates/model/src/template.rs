//! The deprecated `TemplateConfig` as a layer of an `AIAgentConfig` (server-api §5.2, §6 step 2).

use crate::layer::{normalise, open};
use crate::merge::merge_into;
use crate::{AgentKind, ConfigError};
use serde_json::{Map, Value};

/// Where each flat field lives; the others have the same name in both, and unknown ones stay as they are.
const FIELDS: &[(&str, &str, &str)] = &[
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

/// Says nothing to us and is nobody else's.
const IGNORED: &str = "CharBreak";

const KINDS: [AgentKind; 4] =
    [AgentKind::VoiceChat, AgentKind::AvatarChat3D, AgentKind::VisionChat, AgentKind::VideoChat];

/// Longest greeting in a template, in characters (server-api §15).
const MAX_GREETING: usize = 128;

/// The normalised layer in a template: its part for the agent's kind, or else the only part it has.
pub fn template_to_agent(template: &Value, kind: AgentKind) -> Result<Value, ConfigError> {
    let parts = open(template, "TemplateConfig")?;
    let mut present = KINDS.iter().filter(|kind| parts.get(kind.as_str()).is_some_and(|part| !part.is_null()));
    let chosen = match (parts.contains_key(kind.as_str()), present.next(), present.next()) {
        (true, ..) => kind,
        (false, Some(only), None) => *only,
        (false, ..) => return Ok(Value::Object(Map::new())),
    };
    let place = |field: &str| format!("TemplateConfig.{}.{field}", chosen.as_str());
    let flat = parts.get(chosen.as_str()).unwrap_or(&Value::Null);
    let flat = open(flat, &format!("TemplateConfig.{}", chosen.as_str()))?;
    if let Some(Value::String(greeting)) = flat.get("Greeting")
        && greeting.chars().count() > MAX_GREETING
    {
        let reason = format!("has {} characters, at most {MAX_GREETING} are allowed", greeting.chars().count());
        return Err(ConfigError { field: place("Greeting"), reason });
    }
    let (mut same, mut moved) = (Map::new(), Map::new());
    for (key, value) in flat {
        match FIELDS.iter().find(|(flat, ..)| *flat == key) {
            Some((_, group, field)) => {
                let group = moved.entry(*group).or_insert_with(|| Value::Object(Map::new()));
                group[*field] = value;
            }
            None if key == IGNORED => {}
            None => {
                same.insert(key, value);
            }
        }
    }
    let mut layer = normalise(&Value::Object(same))?;
    merge_into(&mut layer, &normalise(&Value::Object(moved))?);
    Ok(layer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn voice(template: Value) -> Value {
        template_to_agent(&template, AgentKind::VoiceChat).expect("a template")
    }

    #[test]
    fn every_flat_field_finds_its_place() {
        for (flat, group, field) in FIELDS {
            assert_eq!(voice(json!({"VoiceChat": {*flat: "v"}})), json!({*group: {*field: "v"}}));
        }
        let same =
            json!({"Greeting": "Hi", "Volume": 7, "AvatarUrl": "u", "VcrConfig": {"LookAway": {"Enabled": true}}});
        assert_eq!(voice(json!({"VoiceChat": same})), same);
        assert_eq!(voice(json!({"VoiceChat": {"CharBreak": true}})), json!({}));
    }

    #[test]
    fn the_part_of_the_kind_counts_or_else_the_only_one() {
        let both = json!({"VoiceChat": {"Volume": 1}, "AvatarChat3D": {"Volume": 2}});
        let read = |template: &Value, kind| template_to_agent(template, kind).expect("a template");
        assert_eq!(read(&both, AgentKind::AvatarChat3D), json!({"Volume": 2}));
        assert_eq!(read(&both, AgentKind::VisionChat), json!({}), "two to choose from");
        let one = json!({"VideoChat": "{\"Volume\":3}", "VoiceChat": null, "Elsewhere": {"Volume": 4}});
        assert_eq!(read(&one, AgentKind::VisionChat), json!({"Volume": 3}));
        assert_eq!(read(&json!({"VoiceChat": {}, "VideoChat": {"Volume": 3}}), AgentKind::VoiceChat), json!({}));
        assert_eq!(read(&json!({"Greeting": "flat"}), AgentKind::VoiceChat), json!({}));
    }

    #[test]
    fn an_explicit_silence_is_a_greeting_and_a_long_one_is_named() {
        assert_eq!(voice(json!({"VoiceChat": {"Greeting": "", "VoiceId": ""}})), json!({"Greeting": ""}));
        let greeting = |length| json!({"VoiceChat": {"Greeting": "中".repeat(length)}});
        assert!(template_to_agent(&greeting(128), AgentKind::VoiceChat).is_ok());
        let error = template_to_agent(&greeting(129), AgentKind::VoiceChat).expect_err("too long");
        assert_eq!(error.field, "TemplateConfig.VoiceChat.Greeting");
    }

    #[test]
    fn a_flat_field_wins_over_a_group_beside_it() {
        let template = json!({"VoiceChat": {"EnableVoiceInterrupt": false, "VoiceId": "a",
            "InterruptConfig": {"EnableVoiceInterrupt": true, "NoInterruptMode": "discard"}, "TtsConfig": "{\"SpeechRate\":2}"}});
        let layer = json!({"InterruptConfig": {"EnableVoiceInterrupt": false, "NoInterruptMode": "discard"},
                           "TtsConfig": {"VoiceId": "a", "SpeechRate": 2}});
        assert_eq!(voice(template), layer);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for (template, field) in [
            (json!([1]), "TemplateConfig"),
            (json!({"VoiceChat": "{"}), "TemplateConfig.VoiceChat"),
            (json!({"VoiceChat": {"VcrConfig": 1}}), "VcrConfig"),
        ] {
            assert_eq!(template_to_agent(&template, AgentKind::VoiceChat).expect_err("wrong").field, field);
        }
    }
}
