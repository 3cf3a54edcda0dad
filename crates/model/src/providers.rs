//! Who listens, thinks and speaks: the providers of an agent's nodes (server-api §7), each a list in the order they are asked.
//!
//! An agent has such lists in its settings; the server's configuration has the same for agents without. What a provider needs
//! depends on its kind and node, and [`ProviderNode::check`] says in words what is missing.

use crate::{ConfigError, Secret};
use serde::{Deserialize, Deserializer, Serialize};

/// Providers of one node. With more, the last one would be asked when the caller has given up.
pub const MAX_PROVIDERS: usize = 4;

const MAX_URL: usize = 2048;
const MAX_TEXT: usize = 256;
const MAX_KEY: usize = 1024;
const MAX_PARAMS: usize = 1024;
const MAX_VOICES: usize = 100;

/// A step of the way from the user's voice to the agent's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Asr,
    Llm,
    Tts,
}

/// An agent's own providers. A node without any has the server's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderSettings {
    pub asr: Vec<ProviderNode>,
    /// Of an agent stored before there were lists it is one node, or none.
    #[serde(deserialize_with = "one_or_more")]
    pub llm: Vec<ProviderNode>,
    pub tts: Vec<ProviderNode>,
}

impl ProviderSettings {
    pub fn is_empty(&self) -> bool {
        self.nodes().iter().all(|(_, nodes)| nodes.is_empty())
    }

    /// The language model that is asked first, where the form that agents are written in has a place of its own for it.
    pub fn first_llm(&self) -> Option<&ProviderNode> {
        self.llm.first().filter(|first| first.provider == ProviderKind::SelfHosted && first.api_key_env.is_empty())
    }

    /// The language models behind that one.
    pub fn further_llms(&self) -> &[ProviderNode] {
        &self.llm[usize::from(self.first_llm().is_some())..]
    }

    /// Where an agent's settings have the field of a provider.
    pub fn path(&self, node: Node, n: usize, field: &str) -> String {
        match (node, self.first_llm().is_some()) {
            (Node::Llm, true) if n == 0 => {
                format!("settings.providers.llm.{}", if field == "url" { "base_url" } else { field })
            }
            (Node::Llm, first) => format!("settings.providers.llm_fallback[{}].{field}", n - usize::from(first)),
            (Node::Asr | Node::Tts, _) => format!("settings.providers.{}[{n}].{field}", node.as_str()),
        }
    }

    pub fn nodes(&self) -> [(Node, &[ProviderNode]); 3] {
        [(Node::Asr, &self.asr), (Node::Llm, &self.llm), (Node::Tts, &self.tts)]
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// The server's own models, whichever it has loaded.
    Models,
    /// The server's script.
    Scripted,
    /// A service that speaks OpenAI's protocol.
    Openai,
    /// A service that speaks the vendor's protocol for this node (server-api §12).
    #[default]
    SelfHosted,
}

/// One provider of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderNode {
    pub provider: ProviderKind,
    /// Where the service is. OpenAI's protocol appends its path.
    #[serde(alias = "base_url", skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// Voice ids that calls may ask for; the first is the default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub voices: Vec<String>,
    /// Of the speech that comes, in Hz.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// `k=v&k=v`, added to the address.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub params: String,
    pub api_key: Secret,
    /// Name of an environment variable that holds the key.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_key_env: String,
}

impl Node {
    pub const ALL: [Self; 3] = [Self::Asr, Self::Llm, Self::Tts];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asr => "asr",
            Self::Llm => "llm",
            Self::Tts => "tts",
        }
    }
}

impl ProviderNode {
    pub fn of(provider: ProviderKind) -> Self {
        Self { provider, ..Self::default() }
    }

    /// Its name in the records: what it is, and of several the model or the host.
    pub fn name(&self) -> String {
        let kind = match self.provider {
            ProviderKind::Models => return "models".to_owned(),
            ProviderKind::Scripted => return "scripted".to_owned(),
            ProviderKind::Openai => "openai",
            ProviderKind::SelfHosted => "self_hosted",
        };
        let host = || self.url.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
        format!("{kind} {}", if self.model.is_empty() { host() } else { &self.model })
    }

    /// Whether it is reached over the network.
    pub fn is_remote(&self) -> bool {
        matches!(self.provider, ProviderKind::Openai | ProviderKind::SelfHosted)
    }

    /// Whether it can be a provider of this node; the error's field is the node's own, e.g. `model`.
    pub fn check(&self, node: Node) -> Result<(), ConfigError> {
        let wrong = |field: &str, reason: String| Err(ConfigError { field: field.to_owned(), reason });
        let kind = match self.provider {
            ProviderKind::Models => "models",
            ProviderKind::Scripted => "scripted",
            ProviderKind::Openai => "openai",
            ProviderKind::SelfHosted => "self_hosted",
        };
        let needs_model = self.provider == ProviderKind::Openai || self.is_remote() && node == Node::Llm;
        let may_have_voices = self.is_remote() && node == Node::Tts;
        let may_have_params = self.provider == ProviderKind::SelfHosted && node == Node::Asr;
        for (field, is_set, is_taken) in [
            ("url", !self.url.is_empty(), self.is_remote()),
            ("model", !self.model.is_empty(), needs_model),
            ("voices", !self.voices.is_empty(), may_have_voices),
            ("sample_rate", self.sample_rate.is_some(), may_have_voices),
            ("params", !self.params.is_empty(), may_have_params),
            ("api_key", !self.api_key.is_empty(), self.is_remote()),
            ("api_key_env", !self.api_key_env.is_empty(), self.is_remote()),
        ] {
            if is_set && !is_taken {
                return wrong(field, format!("means nothing to the {} provider `{kind}`; leave it out", node.as_str()));
            }
        }
        for (field, text, most, needed) in [
            ("url", self.url.as_str(), MAX_URL, self.is_remote()),
            ("model", &self.model, MAX_TEXT, needs_model),
            ("params", &self.params, MAX_PARAMS, false),
            ("api_key", self.api_key.reveal(), MAX_KEY, false),
            ("api_key_env", &self.api_key_env, MAX_TEXT, false),
        ] {
            check_text(field, text, most)?;
            if needed && text.is_empty() {
                return wrong(field, format!("must be set for the {} provider `{kind}`", node.as_str()));
            }
        }
        if self.voices.len() > MAX_VOICES {
            return wrong("voices", format!("lists {} voices, at most {MAX_VOICES} are allowed", self.voices.len()));
        }
        for voice in &self.voices {
            check_text("voices", voice, 64)?;
        }
        if let Some(rate) = self.sample_rate.filter(|rate| !matches!(rate, 8000 | 16_000 | 24_000 | 48_000)) {
            return wrong("sample_rate", format!("is {rate}; it must be 8000, 16000, 24000 or 48000"));
        }
        let is_socket = node == Node::Asr && self.provider == ProviderKind::SelfHosted;
        let schemes = if is_socket { ["ws://", "wss://"] } else { ["http://", "https://"] };
        if self.is_remote() && !schemes.iter().any(|scheme| self.url.starts_with(scheme)) {
            return wrong("url", format!("must begin with {} or {}", schemes[0], schemes[1]));
        }
        if !self.api_key.is_empty() && !self.api_key_env.is_empty() {
            return wrong("api_key_env", "is set beside api_key; leave one of them out".to_owned());
        }
        Ok(())
    }
}

fn check_text(field: &str, text: &str, most: usize) -> Result<(), ConfigError> {
    let reason = match text.chars().count() {
        n if n > most => format!("has {n} characters, at most {most} are allowed"),
        _ if text.chars().any(char::is_control) => "holds a control character".to_owned(),
        _ => return Ok(()),
    };
    Err(ConfigError { field: field.to_owned(), reason })
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ProviderNode>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        None(()),
        // Before the one node: a list can be read as its fields in order.
        More(Vec<ProviderNode>),
        One(Box<ProviderNode>),
    }
    Ok(match OneOrMore::deserialize(deserializer)? {
        OneOrMore::None(()) => Vec::new(),
        OneOrMore::One(node) => vec![*node],
        OneOrMore::More(nodes) => nodes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(json: serde_json::Value) -> ProviderNode {
        serde_json::from_value(json).expect("a node")
    }

    #[test]
    fn an_agent_stored_before_there_were_lists_stays_readable() {
        let read = |json| serde_json::from_value::<ProviderSettings>(json).expect("readable");
        let old = read(json!({"llm": {"base_url": "http://a.example/v1", "model": "m", "api_key": "k"}}));
        assert_eq!(old.llm.len(), 1);
        let node = &old.llm[0];
        assert_eq!((node.provider, node.url.as_str()), (ProviderKind::SelfHosted, "http://a.example/v1"));
        assert_eq!(node.api_key.reveal(), "k");
        assert!(read(json!({"llm": null})).is_empty() && read(json!({})).is_empty());
        let stored = serde_json::to_value(&old).expect("JSON");
        assert_eq!(read(stored), old);
    }

    #[test]
    fn each_kind_says_what_it_needs_and_what_means_nothing_to_it() {
        let url = "https://a.example/v1";
        for (of, json, field) in [
            (Node::Llm, json!({"provider": "openai", "model": "m"}), "url"),
            (Node::Llm, json!({"provider": "openai", "url": url}), "model"),
            (Node::Llm, json!({"provider": "self_hosted", "url": url}), "model"),
            (Node::Llm, json!({"provider": "models", "url": url}), "url"),
            (Node::Llm, json!({"provider": "openai", "url": url, "model": "m", "voices": ["a"]}), "voices"),
            (Node::Asr, json!({"provider": "self_hosted", "url": url}), "url"),
            (Node::Asr, json!({"provider": "self_hosted", "url": "wss://a.example", "model": "m"}), "model"),
            (Node::Asr, json!({"provider": "openai", "url": url, "model": "m", "params": "a=b"}), "params"),
            (Node::Tts, json!({"provider": "self_hosted", "url": url, "sample_rate": 22_050}), "sample_rate"),
            (Node::Tts, json!({"provider": "openai", "url": "ftp://a.example", "model": "m"}), "url"),
            (Node::Tts, json!({"provider": "openai", "url": url, "model": "m\n"}), "model"),
            (Node::Tts, json!({"provider": "scripted", "api_key": "k"}), "api_key"),
            (
                Node::Tts,
                json!({"provider": "self_hosted", "url": url, "api_key": "k", "api_key_env": "K"}),
                "api_key_env",
            ),
        ] {
            let error = node(json.clone()).check(of).expect_err("wrong");
            assert_eq!(error.field, field, "{json}: {error}");
        }
        for (of, json) in [
            (Node::Asr, json!({"provider": "models"})),
            (Node::Asr, json!({"provider": "openai", "url": url, "model": "whisper-1"})),
            (Node::Asr, json!({"provider": "self_hosted", "url": "wss://a.example/asr", "params": "domain=x"})),
            (Node::Llm, json!({"provider": "openai", "url": url, "model": "m", "api_key_env": "LLM_API_KEY"})),
            (Node::Tts, json!({"provider": "self_hosted", "url": url, "sample_rate": 16_000, "voices": ["a", "b"]})),
            (Node::Tts, json!({"provider": "scripted"})),
        ] {
            node(json).check(of).expect("can be");
        }
    }

    #[test]
    fn a_name_tells_providers_apart_and_shows_no_key() {
        let shown = |json| node(json).name();
        assert_eq!(shown(json!({"provider": "models"})), "models");
        assert_eq!(shown(json!({"provider": "openai", "url": "https://a.example/v1?k=s", "model": "m"})), "openai m");
        assert_eq!(shown(json!({"url": "wss://a.example:9/x?token=s"})), "self_hosted a.example:9");
    }
}
