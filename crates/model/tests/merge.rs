//! Merging of configuration layers (server-api §6): examples, and what holds for any layers.

use proptest::prelude::*;
use ringline_model::{AgentConfig, AgentKind, ConfigError, EffectiveConfig, merge, merge_layers, normalise};
use serde_json::{Map, Value, json};

const KIND: AgentKind = AgentKind::VoiceChat;

fn merged(base: &Value, template: &Value, request: &Value) -> EffectiveConfig {
    merge(base, template, request, KIND).expect("layers that can be merged")
}

fn refused(base: &Value, template: &Value, request: &Value) -> ConfigError {
    merge(base, template, request, KIND).expect_err("a value that cannot be")
}

#[test]
fn request_wins_over_template_wins_over_agent() {
    let agent = json!({"Greeting": "a", "MaxIdleTime": 1, "LlmConfig": {"LlmSystemPrompt": "p"}});
    let template = json!({"VoiceChat": "{\"Greeting\":\"t\",\"MaxIdleTime\":2,\"VoiceId\":\"v\",\"CharBreak\":true}"});
    let effective = merged(&agent, &template, &json!("{\"Greeting\":\"r\"}"));
    let expected = json!({"Greeting": "r", "MaxIdleTime": 2, "LlmConfig": {"LlmSystemPrompt": "p"},
                          "TtsConfig": {"VoiceId": "v"}});
    assert_eq!(effective.json, expected);
    assert_eq!((effective.config.greeting.as_deref(), effective.config.max_idle_time), (Some("r"), 2));
}

#[test]
fn no_greeting_is_a_choice_that_each_layer_can_make() {
    let agent = json!({"Greeting": "Hi"});
    let silent = [
        merged(&agent, &json!({}), &json!({"Greeting": ""})),
        merged(&agent, &json!({"VoiceChat": {"Greeting": ""}}), &json!({})),
        merged(&json!({"Greeting": ""}), &json!({}), &json!({})),
    ];
    for effective in silent {
        assert_eq!((effective.json, effective.config.greeting), (json!({"Greeting": ""}), None));
    }
    let effective = merged(&agent, &json!({"VoiceChat": {"Greeting": ""}}), &json!({"Greeting": "Hello"}));
    assert_eq!(effective.config.greeting.as_deref(), Some("Hello"));
}

#[test]
fn a_value_that_cannot_be_is_named_if_the_request_set_it() {
    let wrong = json!({"AsrConfig": {"AsrMaxSilence": 50}});
    assert_eq!(refused(&json!({}), &json!({}), &wrong).field, "AsrConfig.AsrMaxSilence");
    let template = json!({"VoiceChat": {"AsrMaxSilence": 50}});
    assert_eq!(refused(&json!({}), &template, &json!({})).field, "AsrConfig.AsrMaxSilence");
    assert_eq!(refused(&json!({}), &json!({}), &json!({"AsrConfig": 1})).field, "AsrConfig");
}

#[test]
fn a_stored_value_that_cannot_be_is_left_out_and_is_not_the_callers_fault() {
    let stored = json!({"Volume": 401, "AsrConfig": {"AsrMaxSilence": 50, "VadDuration": 300, "AsrHotWords": "a"}});
    let effective = merged(&stored, &json!({}), &json!({"AsrConfig": {"AsrLanguageId": "en"}}));
    assert_eq!(effective.json, json!({"AsrConfig": {"AsrLanguageId": "en", "VadDuration": 300}}));
    assert_eq!(effective.config.volume, AgentConfig::default().volume);
    assert_eq!(effective.config.asr.max_silence, AgentConfig::default().asr.max_silence);
    let mended = merged(&stored, &json!({}), &json!({"Volume": 40}));
    assert_eq!(mended.config.volume, 40);
}

#[test]
fn a_group_that_held_only_what_was_left_out_is_left_out_too() {
    let base = json!({"TurnDetectionConfig": {"Mode": "Sometimes"}, "AsrConfig": {"AsrMaxSilence": 1, "VadLevel": 2}});
    let effective = merged(&base, &json!({}), &json!({}));
    assert_eq!(effective.json, json!({"AsrConfig": {"VadLevel": 2}}));
    assert_eq!(merged(&effective.json, &json!({}), &json!({})), effective);
}

#[test]
fn the_agents_kind_chooses_the_template() {
    let template = json!({"VoiceChat": {"Volume": 1}, "VideoChat": {"Volume": 2}});
    let volume = |kind| merge(&json!({}), &template, &json!({}), kind).expect("merged").json;
    assert_eq!(volume(AgentKind::VideoChat), json!({"Volume": 2}));
    assert_eq!(volume(AgentKind::VisionChat), json!({}));
}

/// Any JSON at all, with the configuration's own keys among the others.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
        Just(json!("")),
        Just(json!("{\"Volume\":\"5\",\"AsrConfig\":\"{}\"}")),
        Just(json!("[]")),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    const KEYS: &[&str] = &[
        "Greeting",
        "Volume",
        "AsrConfig",
        "AsrMaxSilence",
        "TtsConfig",
        "VoiceId",
        "LlmConfig",
        "LlmHistory",
        "Role",
        "BailianAppParams",
        "AutoSpeechConfig",
        "UserIdle",
        "BackChannelingConfig",
        "BackChannelingConfigs",
        "Enable",
        "Words",
        "InterruptConfig",
        "InterruptWords",
        "VoiceChat",
        "VideoChat",
        "TurnDetectionConfig",
        "Mode",
    ];
    prop_oneof![prop::sample::select(KEYS).prop_map(str::to_owned), "[A-Z]{1,3}"]
}

/// A configuration whose values can all be, with any of its fields absent.
fn valid() -> impl Strategy<Value = Value> {
    let opt = prop::option::of::<BoxedStrategy<Value>>;
    let words = || prop::collection::vec("[a-z]{1,5}", 1..3).prop_map(Value::from).boxed();
    let fields = (
        opt("[a-z]{0,6}".prop_map(Value::from).boxed()),
        opt((0..=400).prop_map(Value::from).boxed()),
        opt((200..=1200).prop_map(Value::from).boxed()),
        opt(words()),
        opt("[a-z]{1,6}".prop_map(Value::from).boxed()),
        opt(any::<bool>().prop_map(Value::from).boxed()),
        opt(words()),
        opt(any::<bool>()
            .prop_map(|on| json!([{"Enabled": on, "Probability": 0.5, "Words": [{"Text": "mm", "Probability": 1}]}]))
            .boxed()),
    );
    fields.prop_map(|(greeting, volume, silence, hot, voice, interrupt, words, back)| {
        let mut config = json!({});
        let mut put = |path: &[&str], value: Option<Value>| {
            if let (Some(value), [groups @ .., field]) = (value, path) {
                let group = groups.iter().fold(&mut config, |at, name| {
                    at.as_object_mut().expect("an object").entry(*name).or_insert_with(|| json!({}))
                });
                group[*field] = value;
            }
        };
        put(&["Greeting"], greeting);
        put(&["Volume"], volume);
        put(&["AsrConfig", "AsrMaxSilence"], silence);
        put(&["AsrConfig", "AsrHotWords"], hot);
        put(&["TtsConfig", "VoiceId"], voice);
        put(&["InterruptConfig", "EnableVoiceInterrupt"], interrupt);
        put(&["InterruptConfig", "InterruptWords"], words);
        put(&["BackChannelingConfigs"], back);
        config
    })
}

/// The values of a configuration by their paths; lists are values.
fn leaves(config: &Value) -> Vec<(Vec<String>, Value)> {
    let Value::Object(object) = config else { return vec![(Vec::new(), config.clone())] };
    let below = |(key, value): (&String, &Value)| {
        let key = key.clone();
        leaves(value)
            .into_iter()
            .map(move |(mut path, leaf)| {
                path.insert(0, key.clone());
                (path, leaf)
            })
            .collect::<Vec<_>>()
    };
    object.iter().flat_map(below).collect()
}

/// Puts a spelling of "not set" wherever a configuration has a value.
fn blank(config: &Value, unset: &Value) -> Value {
    let blanked = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Object(_) => blank(value, unset),
            _ if key == "Greeting" && *unset == "" => Value::Null,
            _ => unset.clone(),
        };
        (key.clone(), value)
    };
    Value::Object(config.as_object().expect("an object").iter().map(blanked).collect::<Map<_, _>>())
}

/// Every struct as a JSON text, and back-channelling under its old names.
fn respelt(config: &Value) -> Value {
    let respell = |(key, value): (&String, &Value)| match (key.as_str(), value) {
        ("BackChannelingConfigs", list) => {
            let text = list.to_string().replace("\"Enabled\"", "\"Enable\"");
            ("BackChannelingConfig".to_owned(), serde_json::from_str(&text).expect("JSON"))
        }
        (_, Value::Object(_)) => (key.clone(), Value::String(value.to_string())),
        _ => (key.clone(), value.clone()),
    };
    Value::Object(config.as_object().expect("an object").iter().map(respell).collect())
}

fn holds_something_unset(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty() || items.iter().any(holds_something_unset),
        Value::Object(object) => object.values().any(holds_something_unset),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_the_request_sets_is_so_and_what_it_does_not_set_stays(base in valid(), request in valid()) {
        let effective = merged(&base, &json!({}), &request).json;
        let asked = leaves(&request);
        for (path, value) in &asked {
            prop_assert!(leaves(&effective).contains(&(path.clone(), value.clone())), "{path:?}");
        }
        for (path, value) in leaves(&base) {
            if !asked.iter().any(|(other, _)| *other == path) {
                prop_assert!(leaves(&effective).contains(&(path.clone(), value)), "{path:?}");
            }
        }
        prop_assert!(leaves(&effective).len() <= leaves(&base).len() + asked.len(), "and nothing else is");
    }

    #[test]
    fn merging_twice_changes_nothing_more(base in valid(), template in valid(), request in valid()) {
        let template = json!({"VoiceChat": template});
        let once = merged(&base, &template, &request);
        prop_assert_eq!(merged(&once.json, &template, &request), once.clone());
        prop_assert_eq!(merged(&once.json, &json!({}), &json!({})), once);
    }

    #[test]
    fn layers_merge_in_any_grouping(a in valid(), b in valid(), c in valid()) {
        let left = merge_layers([&merge_layers([&a, &b]), &c]);
        prop_assert_eq!(merge_layers([&a, &merge_layers([&b, &c])]), left.clone());
        prop_assert_eq!(merge_layers([&a, &b, &c]), left);
    }

    #[test]
    fn an_update_is_as_if_the_call_had_started_with_it(base in valid(), start in valid(), update in valid()) {
        let none = json!({});
        let updated = merged(&merged(&base, &none, &start).json, &none, &update);
        prop_assert_eq!(updated, merged(&base, &none, &merge_layers([&start, &update])));
    }

    #[test]
    fn no_spelling_of_not_set_overrides(
        base in valid(),
        shape in valid(),
        unset in prop::sample::select(vec![json!(null), json!([]), json!(""), json!({}), json!([null]), json!([[]])]),
    ) {
        let alone = merged(&base, &json!({}), &json!({}));
        let request = blank(&shape, &unset);
        prop_assert_eq!(merged(&base, &json!({}), &request), alone.clone(), "{}", &request);
        prop_assert_eq!(merged(&base, &json!({"VoiceChat": request}), &json!({})), alone);
    }

    #[test]
    fn the_request_beats_its_template_and_leaves_it_the_rest(base in valid(), template in valid(), request in valid()) {
        let both = merged(&base, &json!({"VoiceChat": template}), &request);
        prop_assert_eq!(both, merged(&merge_layers([&base, &template]), &json!({}), &request));
    }

    #[test]
    fn a_layer_means_the_same_in_every_spelling(base in valid(), request in valid()) {
        let plain = merged(&base, &json!({}), &request);
        prop_assert_eq!(&merged(&base, &json!({}), &respelt(&request)), &plain);
        prop_assert_eq!(merged(&respelt(&base), &json!({}), &json!(respelt(&request).to_string())), plain);
    }

    #[test]
    fn any_json_is_merged_or_refused_and_the_result_is_normal(
        base in any_json(), template in any_json(), request in any_json(),
    ) {
        if let Ok(effective) = merge(&base, &template, &request, KIND) {
            prop_assert!(!holds_something_unset(&effective.json), "{}", &effective.json);
            let normal = normalise(&effective.json);
            prop_assert_eq!(normal.as_ref(), Ok(&effective.json));
            prop_assert_eq!(AgentConfig::from_json(&effective.json), Ok(effective.config));
        }
    }

    #[test]
    fn a_stored_configuration_never_fails_a_request_that_is_good(base in any_json(), request in valid()) {
        prop_assume!(normalise(&base).is_ok());
        let outcome = merge(&base, &json!({}), &request, KIND);
        prop_assert!(outcome.is_ok(), "{:?}", outcome);
    }
}
