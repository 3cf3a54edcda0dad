//! Whether an agent can be as it was written. Errors name the field by its path.
//!
//! Limits: names and ids 64 characters, URLs 2,048, tokens and keys 1,024 (an app's key 256), paths 1,024; 100 voices
//! and sounds, 64 events. At each of them the write is refused.

use crate::providers::web_address;
use axum::http::HeaderValue;
use ringline_model::{AgentConfig, AgentSettings, ConfigError, MAX_MCP_SERVERS, MAX_PROVIDERS, normalise};
use serde_json::Value;

const ID: usize = 64;
const URL: usize = 2048;
const SECRET: usize = 1024;
const APP_KEY: usize = 256;
/// What names of environment variables that hold keys end in.
const KEY_VARIABLE: &str = "_API_KEY";
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
    for (node, providers) in settings.providers.nodes() {
        let list = format!("settings.providers.{}", node.as_str());
        if providers.len() > MAX_PROVIDERS {
            return Err(wrong(list, format!("has {} entries, at most {MAX_PROVIDERS} are allowed", providers.len())));
        }
        for (n, provider) in providers.iter().enumerate() {
            let field = |field: &str| settings.providers.path(node, n, field);
            provider.check(node).map_err(|error| wrong(field(&error.field), error.reason))?;
            if provider.is_remote() {
                url(&field("url"), &web_address(&provider.url))?;
            }
            header(&field("api_key"), provider.api_key.reveal())?;
            // Whoever writes an agent must not get other secrets of the server sent to an address of theirs.
            if !provider.api_key_env.is_empty() && !provider.api_key_env.ends_with(KEY_VARIABLE) {
                return Err(wrong(field("api_key_env"), format!("must end in {KEY_VARIABLE}")));
            }
        }
    }
    if settings.mcp_servers.len() > MAX_MCP_SERVERS {
        let n = settings.mcp_servers.len();
        let reason = format!("has {n} entries, at most {MAX_MCP_SERVERS} are allowed");
        return Err(wrong("settings.mcp_servers", reason));
    }
    texts("settings.mcp_servers", settings.mcp_servers.iter().map(|server| server.name.as_str()), MAX_MCP_SERVERS)?;
    for (n, server) in settings.mcp_servers.iter().enumerate() {
        let field = |field: &str| format!("settings.mcp_servers[{n}].{field}");
        server.check().map_err(|error| wrong(field(&error.field), error.reason))?;
        if !server.url.is_empty() {
            url(&field("url"), &server.url)?;
        }
        for (name, value) in &server.headers {
            let named = field(&format!("headers.{name}"));
            name.parse::<axum::http::HeaderName>().map_err(|_| wrong(&named, "is no name of a header"))?;
            header(&named, value.reveal())?;
        }
        texts(&field("tools"), server.tools.iter().map(String::as_str), 64)?;
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
    use ringline_model::{AmbientSound, CallbackSettings, ProviderKind, ProviderNode, ProviderSettings, RtcApp};
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
        let node = || ProviderNode { url: "http://a.example".into(), ..ProviderNode::of(ProviderKind::Openai) };
        let providers = |providers| AgentSettings { providers, ..of() };
        let settings = providers(ProviderSettings { llm: vec![node()], ..ProviderSettings::default() });
        assert_eq!(field(&settings), "settings.providers.llm_fallback[0].model");
        let tts = ProviderNode { model: "m".into(), api_key_env: "RINGLINE_DATABASE".into(), ..node() };
        let settings = providers(ProviderSettings { tts: vec![tts], ..ProviderSettings::default() });
        assert_eq!(field(&settings), "settings.providers.tts[0].api_key_env");
        let many = vec![ProviderNode::of(ProviderKind::Models); MAX_PROVIDERS + 1];
        let settings = providers(ProviderSettings { asr: many, ..ProviderSettings::default() });
        assert_eq!(field(&settings), "settings.providers.asr");
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
