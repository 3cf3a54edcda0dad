//! Configuration layers (server-api §6): any JSON, and JSON that looks like an agent's configuration. Merging never
//! fails on its own, leaves nothing unset behind, lets the later layer win, and says the same when done again.

#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use ringline_model::{AgentConfig, AgentKind, merge, merge_layers, normalise, template_to_agent};
use serde_json::{Map, Value, json};

#[derive(Debug)]
struct Input {
    kind: AgentKind,
    agent: Value,
    template: Value,
    request: Value,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let kinds = [AgentKind::VoiceChat, AgentKind::AvatarChat3D, AgentKind::VisionChat, AgentKind::VideoChat];
        let kind = *u.choose(&kinds)?;
        if u.ratio(1, 8)? {
            // Agent, template and request as three texts, an empty line between them.
            let text = std::str::from_utf8(u.bytes(u.len())?).unwrap_or_default();
            let mut layers = text.split("\n\n").map(|text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)));
            let mut layer = || layers.next().unwrap_or_else(|| json!({}));
            return Ok(Self { kind, agent: layer(), template: layer(), request: layer() });
        }
        let template = match u.int_in_range(0..=2)? {
            0 => json!({}),
            1 => json!({kind.as_str(): group(u, TEMPLATE)?}),
            _ => json!({"VisionChat": group(u, TEMPLATE)?, "VoiceChat": group(u, TEMPLATE)?.to_string()}),
        };
        Ok(Self { kind, agent: layer(u)?, template, request: layer(u)? })
    }
}

const GROUPS: &[(&str, &[&str])] = &[
    ("AsrConfig", &["AsrLanguageId", "AsrMaxSilence", "AsrHotWords", "VadLevel", "VadDuration", "CustomParams"]),
    ("TtsConfig", &["VoiceId", "VoiceIdList", "SpeechRate", "PronunciationRules", "LanguageId", "Emotion", "ModelId"]),
    (
        "LlmConfig",
        &[
            "LlmSystemPrompt",
            "LlmHistory",
            "LlmHistoryLimit",
            "LlmCompleteReply",
            "OpenAIExtraQuery",
            "HistorySyncWithTTS",
            "FunctionMap",
            "BailianAppParams",
            "OutputMinLength",
            "OutputMaxDelay",
        ],
    ),
    ("InterruptConfig", &["EnableVoiceInterrupt", "InterruptWords", "NoInterruptMode", "Eagerness"]),
    ("TurnDetectionConfig", &["Mode", "Eagerness", "SemanticWaitDuration", "TurnEndWords"]),
    ("VoiceprintConfig", &["UseVoiceprint", "VoiceprintId", "RegistrationMode"]),
    ("AvatarConfig", &["AvatarId"]),
    ("VcrConfig", &["Enabled", "Equipment", "HeadMotion"]),
    ("AutoSpeechConfig", &["LlmPending", "UserIdle", "Messages", "WaitTime", "MaxRepeats"]),
    ("AmbientSoundConfig", &["ResourceId", "Volume"]),
];
const FLAT: &[&str] = &[
    "Greeting",
    "MaxIdleTime",
    "UserOnlineTimeout",
    "UserOfflineTimeout",
    "GracefulShutdown",
    "Volume",
    "EnablePushToTalk",
    "EnableIntelligentSegment",
    "WorkflowOverrideParams",
    "ExperimentalConfig",
    "BackChannelingConfig",
    "BackChannelingConfigs",
    "PreConnectAudioUrl",
];
const TEMPLATE: &[&str] = &[
    "Greeting",
    "AvatarId",
    "AsrLanguageId",
    "AsrMaxSilence",
    "AsrHotWords",
    "VoiceId",
    "VoiceIdList",
    "LlmHistory",
    "LlmHistoryLimit",
    "LlmSystemPrompt",
    "BailianAppParams",
    "EnableVoiceInterrupt",
    "InterruptWords",
    "UseVoiceprint",
    "VoiceprintId",
    "MaxIdleTime",
    "Volume",
    "CharBreak",
];
const TEXTS: &[&str] =
    &["", " ", "a", "true", "False", "0", "500", "1.5", "-1", "Semantic", "discard", "High", "{}", "[]", "{"];

fn layer(u: &mut Unstructured<'_>) -> Result<Value> {
    let mut layer = Map::new();
    for _ in 0..u.int_in_range(0..=6)? {
        if u.arbitrary()? {
            layer.insert((*u.choose(FLAT)?).to_owned(), value(u, 3)?);
        } else {
            let (name, fields) = u.choose(GROUPS)?;
            let value = group(u, fields)?;
            let opened = u.ratio(3, 4)?;
            layer.insert((*name).to_owned(), if opened { value } else { Value::String(value.to_string()) });
        }
    }
    Ok(Value::Object(layer))
}

fn group(u: &mut Unstructured<'_>, fields: &[&str]) -> Result<Value> {
    let mut group = Map::new();
    for _ in 0..u.int_in_range(0..=5)? {
        group.insert((*u.choose(fields)?).to_owned(), value(u, 3)?);
    }
    Ok(Value::Object(group))
}

fn value(u: &mut Unstructured<'_>, depth: u32) -> Result<Value> {
    Ok(match u.int_in_range(0..=if depth == 0 { 6 } else { 9 })? {
        0 => Value::Null,
        1 => Value::Bool(u.arbitrary()?),
        2 => json!(u.int_in_range(-2..=2100)?),
        3 => json!(f64::from(u.arbitrary::<i16>()?) / 16.0),
        4 => json!(u.arbitrary::<i64>()?),
        5 => json!(u.choose(TEXTS)?),
        6 => json!(u.arbitrary::<&str>()?),
        7 => {
            json!({"Role": u.choose(&["user", "assistant", "system"])?, "Content": value(u, 0)?, "Enable": value(u, 0)?})
        }
        8 => {
            let mut items = Vec::new();
            for _ in 0..u.int_in_range(0..=4)? {
                items.push(value(u, depth - 1)?);
            }
            Value::Array(items)
        }
        _ => {
            let mut object = Map::new();
            for _ in 0..u.int_in_range(0..=3)? {
                object.insert(u.arbitrary::<&str>()?.chars().take(8).collect(), value(u, depth - 1)?);
            }
            Value::Object(object)
        }
    })
}

fuzz_target!(|input: Input| {
    let Ok(agent) = normalise(&input.agent) else { return };
    let Ok(request) = normalise(&input.request) else { return };
    let Ok(template) = template_to_agent(&input.template, input.kind) else { return };
    for layer in [&agent, &request, &template] {
        clean(layer, true);
        assert_eq!(normalise(layer).as_ref(), Ok(layer), "normalising twice is normalising once");
    }
    let merged = merge_layers([&agent, &template, &request]);
    clean(&merged, true);
    assert_eq!(merge_layers([&merged, &merged]), merged);
    assert_eq!(merge_layers([&merged, &request]), merged, "the last layer is in it already");
    assert_eq!(merge_layers([&merge_layers([&agent, &template]), &request]), merged, "layers may be merged in steps");
    within(&request, &merged);
    match AgentConfig::from_json(&merged) {
        Ok(config) => checked(&config),
        Err(error) => assert!(!error.field.is_empty() && !error.reason.is_empty()),
    }
    // The whole of it: a value that cannot be is the request's, or left out.
    let nothing = json!({});
    merge(&input.agent, &nothing, &nothing, input.kind).expect("what is stored is never an error of a caller's");
    let effective = match merge(&input.agent, &input.template, &input.request, input.kind) {
        Ok(effective) => effective,
        Err(error) => return assert!(!error.field.is_empty() && !error.reason.is_empty()),
    };
    let json = &effective.json;
    clean(json, true);
    within(&request, json);
    checked(&effective.config);
    assert_eq!(AgentConfig::from_json(json).as_ref(), Ok(&effective.config));
    // What was asked for once is in force, and asking for it again changes nothing.
    for (template, request) in [(&nothing, &nothing), (&nothing, &request), (&input.template, &request)] {
        assert_eq!(merge(json, template, request, input.kind).as_ref(), Ok(&effective));
    }
});

/// No null, no empty list, no empty text but the greeting's, at any object's own level.
fn clean(value: &Value, root: bool) {
    let Value::Object(object) = value else { return };
    for (key, value) in object {
        assert!(!value.is_null(), "{key} is null");
        assert!(value.as_array().is_none_or(|items| !items.is_empty()), "{key} is an empty list");
        assert!(value.as_object().is_none_or(|group| !group.is_empty()), "{key} is an empty group");
        assert!(value.as_str() != Some("") || (root && key == "Greeting"), "{key} is an empty text");
        clean(value, false);
    }
}

/// Everything the winning layer says stands in the result.
fn within(layer: &Value, merged: &Value) {
    match layer {
        Value::Object(object) if merged.is_object() => {
            object.iter().for_each(|(key, value)| within(value, &merged[key]))
        }
        Value::Object(object) => assert!(object.is_empty()),
        other => assert_eq!(other, merged),
    }
}

/// The ranges of server-api §5.1, and what is serialised reads back the same.
fn checked(config: &AgentConfig) {
    assert!((200..=1200).contains(&config.asr.max_silence));
    assert!(config.asr.vad_duration == 0 || (200..=2000).contains(&config.asr.vad_duration));
    assert!((0.5..=2.0).contains(&config.tts.speech_rate));
    assert!(config.llm.history_limit <= 30 && config.volume <= 400);
    assert!(config.max_idle_time >= 1 && config.user_online_timeout >= 1);
    let text = serde_json::to_string(config).expect("a configuration serialises");
    assert_eq!(&serde_json::from_str::<AgentConfig>(&text).expect("and reads back"), config);
}
