//! One layer of a configuration as it came, made comparable (server-api §1.3, §6 step 4).
//!
//! After [`normalise`] a layer holds nothing that means "not set": no null, no empty list, text or object (but an empty
//! `Greeting` is an explicit "no greeting"). Structs that arrived as JSON texts are open, what is a JSON text by
//! contract is one, and every field has its current name. Normalising again changes nothing.

use crate::ConfigError;
use serde_json::{Map, Value};

/// Positions that hold an object or a text that parses to one, and such positions inside them.
const STRUCTS: &[(&str, &[&str])] = &[
    ("AsrConfig", &[]),
    ("TtsConfig", &[]),
    ("LlmConfig", &[]),
    ("AvatarConfig", &[]),
    ("InterruptConfig", &[]),
    ("VoiceprintConfig", &[]),
    ("TurnDetectionConfig", &[]),
    ("VcrConfig", &["StillFrameMotion", "InvalidFrameMotion", "PeopleCount", "Equipment", "HeadMotion", "LookAway"]),
    ("AmbientSoundConfig", &[]),
    ("AutoSpeechConfig", &["LlmPending", "UserIdle", "LlmFailed"]),
];

/// Texts with JSON in them. A raw value there is written as text: it is one setting, not a branch to be merged.
const JSON_TEXTS: &[&str] = &["WorkflowOverrideParams", "BailianAppParams", "ExperimentalConfig"];

/// The parts of `BackChannelingConfigs` are the same under both names.
const BACK_CHANNELLING: [&str; 2] = ["BackChannelingConfig", "BackChannelingConfigs"];

/// Makes one layer comparable; what is not an object where one belongs is an error that names it.
pub fn normalise(layer: &Value) -> Result<Value, ConfigError> {
    let mut clean = Map::new();
    for (key, value) in open(layer, "AgentConfig")? {
        let value = match STRUCTS.iter().find(|(name, _)| *name == key) {
            Some((name, inner)) => Some(open_all(&value, name, inner)?),
            None if key == "Greeting" && value == "" => Some(value),
            None => set(as_text(&key, value), false),
        };
        let Some(value) = value.filter(|value| *value != Value::Object(Map::new())) else { continue };
        if key == BACK_CHANNELLING[0] {
            clean.entry(BACK_CHANNELLING[1]).or_insert(back_channelling(value));
        } else if key == BACK_CHANNELLING[1] {
            clean.insert(key, back_channelling(value));
        } else {
            clean.insert(key, value);
        }
    }
    Ok(Value::Object(clean))
}

/// The members of a struct position. Nothing, in any spelling, has none.
pub(crate) fn open(value: &Value, name: &str) -> Result<Map<String, Value>, ConfigError> {
    let wrong = |reason: String| ConfigError { field: name.to_owned(), reason };
    match value {
        Value::Object(object) => Ok(object.clone()),
        Value::Null => Ok(Map::new()),
        Value::Array(items) if items.is_empty() => Ok(Map::new()),
        Value::String(text) if text.trim().is_empty() => Ok(Map::new()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::String(_)) => Err(wrong("must be a JSON object".into())),
            Ok(opened) => open(&opened, name),
            Err(error) => Err(wrong(format!("is not JSON: {error}"))),
        },
        _ => Err(wrong("must be a JSON object".into())),
    }
}

/// A struct with the structs inside it open and what is not set left out.
fn open_all(value: &Value, name: &str, inner: &[&str]) -> Result<Value, ConfigError> {
    let mut clean = Map::new();
    for (key, value) in open(value, name)? {
        let value = if inner.contains(&key.as_str()) {
            Value::Object(open(&value, &format!("{name}.{key}"))?)
        } else {
            as_text(&key, value)
        };
        if let Some(value) = set(value, false) {
            clean.insert(key, value);
        }
    }
    Ok(Value::Object(clean))
}

fn as_text(key: &str, value: Value) -> Value {
    if JSON_TEXTS.contains(&key) && !matches!(value, Value::String(_) | Value::Null) {
        return Value::String(value.to_string());
    }
    value
}

/// What is left of a value without what is not set; nothing, if all of it is not. In lists empty texts stay: an element
/// is replaced with its list, there is nothing it could leave standing.
fn set(value: Value, in_list: bool) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() && !in_list => None,
        Value::Array(items) => {
            let items: Vec<_> = items.into_iter().filter_map(|item| set(item, true)).collect();
            (!items.is_empty()).then_some(Value::Array(items))
        }
        Value::Object(object) => {
            let set = |(key, value)| Some((key, set(value, in_list)?));
            let object: Map<_, _> = object.into_iter().filter_map(set).collect();
            (!object.is_empty()).then_some(Value::Object(object))
        }
        other => Some(other),
    }
}

/// `BackChannelingConfigs` from any of its forms: a list or one object (with `Words` a list or one object), `Enabled` or
/// `Enable` (server-api §5.1, §5.4).
fn back_channelling(value: Value) -> Value {
    let mut items = listed(value);
    for object in items.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(enable) = object.remove("Enable") {
            object.entry("Enabled").or_insert(enable);
        }
        if let Some(words) = object.remove("Words") {
            object.insert("Words".into(), Value::Array(listed(words)));
        }
    }
    Value::Array(items)
}

fn listed(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        one => vec![one],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn clean(layer: Value) -> Value {
        normalise(&layer).expect("a layer")
    }

    #[test]
    fn what_is_not_set_is_left_out_in_every_spelling() {
        // As the official Python SDK writes a configuration of which a greeting is set.
        let layer = json!({
            "Greeting": "Hi", "BackChannelingConfig": [], "BackChannelingConfigs": [], "Volume": null, "AvatarUrl": "",
            "LlmConfig": {"FunctionMap": [], "LlmHistory": []}, "TtsConfig": {"VoiceId": "", "PronunciationRules": []},
            "AutoSpeechConfig": {"LlmPending": {"Messages": []}, "UserIdle": null}, "AsrConfig": [], "AvatarConfig": "",
            "VcrConfig": "null", "InterruptConfig": "{}", "Unknown": {"Deep": [[], {"A": null}]},
        });
        assert_eq!(clean(layer), json!({"Greeting": "Hi"}));
    }

    #[test]
    fn an_empty_greeting_is_kept_and_other_empty_texts_are_not() {
        assert_eq!(clean(json!({"Greeting": "", "TtsConfig": {"VoiceId": ""}})), json!({"Greeting": ""}));
        let history = json!({"LlmConfig": {"LlmHistory": [{"Role": "user", "Content": ""}]}});
        assert_eq!(clean(history.clone()), history, "nor in the elements of a list");
    }

    #[test]
    fn structs_may_be_json_texts_at_every_depth() {
        let layer = json!("{\"AsrConfig\":\"{\\\"AsrMaxSilence\\\":500}\"}");
        assert_eq!(clean(layer), json!({"AsrConfig": {"AsrMaxSilence": 500}}));
        let layer = json!({"AutoSpeechConfig": "{\"UserIdle\":\"{\\\"WaitTime\\\":5000}\"}",
                           "VcrConfig": {"LookAway": "{\"Enabled\":true}"}});
        let opened = json!({"AutoSpeechConfig": {"UserIdle": {"WaitTime": 5000}},
                            "VcrConfig": {"LookAway": {"Enabled": true}}});
        assert_eq!(clean(layer), opened);
    }

    #[test]
    fn what_is_no_struct_where_one_belongs_is_named() {
        for (layer, field) in [
            (json!([1]), "AgentConfig"),
            (json!("3"), "AgentConfig"),
            (json!("\"{}\""), "AgentConfig"),
            (json!({"AsrConfig": "{"}), "AsrConfig"),
            (json!({"AvatarConfig": ["a"]}), "AvatarConfig"),
            (json!({"AutoSpeechConfig": {"UserIdle": 5}}), "AutoSpeechConfig.UserIdle"),
        ] {
            assert_eq!(normalise(&layer).expect_err("no struct").field, field);
        }
    }

    #[test]
    fn json_texts_are_texts_however_they_came() {
        let layer = json!({"WorkflowOverrideParams": {"a": []}, "ExperimentalConfig": "{ }",
                           "LlmConfig": {"BailianAppParams": {"biz_params": {}}}});
        let texts = json!({"WorkflowOverrideParams": "{\"a\":[]}", "ExperimentalConfig": "{ }",
                           "LlmConfig": {"BailianAppParams": "{\"biz_params\":{}}"}});
        assert_eq!(clean(layer), texts);
    }

    #[test]
    fn all_forms_of_back_channelling_become_one() {
        let current = json!([{"Enabled": true, "Words": [{"Text": "mm"}]}]);
        for form in [
            json!({"BackChannelingConfigs": current}),
            json!({"BackChannelingConfig": [{"Enable": true, "Words": [{"Text": "mm"}]}]}),
            json!({"BackChannelingConfig": {"Enabled": true, "Words": {"Text": "mm"}}}),
            json!({"BackChannelingConfig": {"Enabled": true, "Enable": false, "Words": {"Text": "mm"}}}),
            json!({"BackChannelingConfig": [{"Enabled": false}], "BackChannelingConfigs": current}),
        ] {
            assert_eq!(clean(form), json!({"BackChannelingConfigs": current}));
        }
        let old = json!({"BackChannelingConfigs": [], "BackChannelingConfig": current});
        assert_eq!(clean(old), json!({"BackChannelingConfigs": current}), "an empty list is not set under either name");
    }
}
