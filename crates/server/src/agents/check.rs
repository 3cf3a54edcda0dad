//! Whether an agent can be as it was written. Errors name the field by its path.
//!
//! Limits: names and ids 64 characters, URLs 2,048, tokens and keys 1,024 (an app's key 256), paths 1,024; 100 voices
//! and sounds, 64 events. At each of them the write is refused.

use axum::http::HeaderValue;
use ringline_model::{AgentConfig, AgentSettings, ConfigError, normalise};
use serde_json::Value;

const ID: usize = 64;
const URL: usize = 2048;
const SECRET: usize = 1024;
const APP_KEY: usize = 256;
const MODEL: usize = 256;
const PATH: usize = 1024;
const VOICES: usize = 100;
const SOUNDS: usize = 100;
const EVENTS: usize = 64;

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> ConfigError {
    ConfigError { field: field.into(), reason: reason.into() }
}

pub fn name(name: String) -> Result<String, ConfigError> {
    text("name", &name, 1, ID)?;
    if name.trim().is_empty() { Err(wrong("name", "is blank")) } else { Ok(name) }
}

/// The configuration as it is stored: normalised, and every value one that can be.
pub fn config(config: &Value) -> Result<Value, ConfigError> {
    let inside = |error: ConfigError| match error.field.as_str() {
        "" | "AgentConfig" => wrong("config", error.reason),
        field => wrong(format!("config.{field}"), error.reason),
    };
    let config = normalise(config).map_err(inside)?;
    AgentConfig::from_json(&config).map_err(inside)?;
    Ok(config)
}

pub fn settings(settings: &AgentSettings) -> Result<(), ConfigError> {
    let callbacks = &settings.callbacks;
    if !callbacks.url.is_empty() {
        url("settings.callbacks.url", &callbacks.url)?;
    } else if callbacks.enabled {
        return Err(wrong("settings.callbacks.url", "must be set where callbacks are enabled"));
    }
    header("settings.callbacks.token", callbacks.token.reveal())?;
    if let Some(events) = &callbacks.events {
        texts("settings.callbacks.events", events.iter().map(String::as_str), EVENTS)?;
    }
    let recording = &settings.recording;
    if !recording.callback_url.is_empty() {
        url("settings.recording.callback_url", &recording.callback_url)?;
    }
    header("settings.recording.callback_token", recording.callback_token.reveal())?;
    text("settings.recording.audio_path", &settings.recording.audio_path, 0, PATH)?;
    if let Some(llm) = &settings.providers.llm {
        url("settings.providers.llm.base_url", &llm.base_url)?;
        text("settings.providers.llm.model", &llm.model, 1, MODEL)?;
        header("settings.providers.llm.api_key", llm.api_key.reveal())?;
    }
    texts("settings.voices", settings.voices.iter().map(String::as_str), VOICES)?;
    texts("settings.ambient_sounds", settings.ambient_sounds.iter().map(|sound| sound.id.as_str()), SOUNDS)?;
    for (n, sound) in settings.ambient_sounds.iter().enumerate() {
        url(&format!("settings.ambient_sounds[{n}].url"), &sound.url)?;
    }
    if let Some(app) = &settings.app {
        text("settings.app.id", &app.id, 1, ID)?;
        text("settings.app.key", app.key.reveal(), 1, APP_KEY)?;
    }
    Ok(())
}

fn text(field: &str, text: &str, least: usize, most: usize) -> Result<(), ConfigError> {
    match text.chars().count() {
        n if n < least => Err(wrong(field, "must be set")),
        n if n > most => Err(wrong(field, format!("has {n} characters, at most {most} are allowed"))),
        _ if text.chars().any(char::is_control) => Err(wrong(field, "holds a control character")),
        _ => Ok(()),
    }
}

/// A list of different ids or names.
fn texts<'a>(field: &str, texts: impl ExactSizeIterator<Item = &'a str>, most: usize) -> Result<(), ConfigError> {
    if texts.len() > most {
        return Err(wrong(field, format!("has {} entries, at most {most} are allowed", texts.len())));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (n, entry) in texts.enumerate() {
        text(&format!("{field}[{n}]"), entry, 1, ID)?;
        if !seen.insert(entry) {
            return Err(wrong(format!("{field}[{n}]"), format!("`{entry}` is there already")));
        }
    }
    Ok(())
}

/// Something a header can carry.
fn header(field: &str, value: &str) -> Result<(), ConfigError> {
    text(field, value, 0, SECRET)?;
    HeaderValue::from_str(value).map(drop).map_err(|_| wrong(field, "cannot be sent in a header"))
}

fn url(field: &str, url: &str) -> Result<(), ConfigError> {
    text(field, url, 1, URL)?;
    match reqwest::Url::parse(url) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(wrong(field, "must begin with http:// or https://"))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err(wrong(field, "must not hold a user name or password"))
        }
        Ok(url) if url.host_str().is_some() => Ok(()),
        Ok(_) | Err(_) => Err(wrong(field, "is not a URL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringline_model::{AmbientSound, CallbackSettings, LlmNode, ProviderSettings, RtcApp};
    use serde_json::json;

    fn field(settings: &AgentSettings) -> String {
        super::settings(settings).expect_err("cannot be").field
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let of = AgentSettings::default;
        let callbacks = |callbacks| AgentSettings { callbacks, ..of() };
        for url in ["ftp://a.example", "a.example", "http://", "http://u:p@a.example", "http://a.example/\n"] {
            let settings = callbacks(CallbackSettings { url: url.into(), ..CallbackSettings::default() });
            assert_eq!(field(&settings), "settings.callbacks.url", "{url:?}");
        }
        let settings = callbacks(CallbackSettings { enabled: true, ..CallbackSettings::default() });
        assert_eq!(field(&settings), "settings.callbacks.url");
        let settings = callbacks(CallbackSettings { token: "中\u{1}".into(), ..CallbackSettings::default() });
        assert_eq!(field(&settings), "settings.callbacks.token");
        let llm = LlmNode { base_url: "http://a.example".into(), model: String::new(), api_key: "".into() };
        let settings = AgentSettings { providers: ProviderSettings { llm: Some(llm) }, ..of() };
        assert_eq!(field(&settings), "settings.providers.llm.model");
        let settings = AgentSettings { app: Some(RtcApp { id: "a".into(), key: "".into() }), ..of() };
        assert_eq!(field(&settings), "settings.app.key");
        let sound = |id: &str| AmbientSound { id: id.into(), url: "https://a.example".into() };
        let settings = AgentSettings { ambient_sounds: vec![sound("a"), sound("a")], ..of() };
        assert_eq!(field(&settings), "settings.ambient_sounds[1]");
    }

    #[test]
    fn lists_and_texts_have_limits() {
        let voices = |n: usize| AgentSettings { voices: (0..n).map(|n| n.to_string()).collect(), ..Default::default() };
        assert_eq!(settings(&voices(VOICES)), Ok(()));
        assert_eq!(field(&voices(VOICES + 1)), "settings.voices");
        let long = AgentSettings { voices: vec!["v".repeat(ID + 1)], ..AgentSettings::default() };
        assert_eq!(field(&long), "settings.voices[0]");
        assert!(name("n".repeat(ID)).is_ok());
        for wrong in ["", "  ", "a\0", &"n".repeat(ID + 1)] {
            assert_eq!(name(wrong.to_owned()).expect_err("no name").field, "name");
        }
    }

    #[test]
    fn a_configuration_is_normalised_and_its_faults_are_named() {
        let good = json!({"AsrConfig": "{\"AsrMaxSilence\":\"500\"}", "TtsConfig": {}, "Unknown": 1});
        assert_eq!(config(&good), Ok(json!({"AsrConfig": {"AsrMaxSilence": "500"}, "Unknown": 1})));
        let fault = |value| config(&value).expect_err("cannot be").field;
        assert_eq!(fault(json!({"AsrConfig": {"AsrMaxSilence": 5}})), "config.AsrConfig.AsrMaxSilence");
        assert_eq!(fault(json!({"AsrConfig": [1]})), "config.AsrConfig");
        assert_eq!(fault(json!([1])), "config");
    }
}
