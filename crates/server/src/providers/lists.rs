//! Lists of providers, of the server's configuration and of agents, made ready for calls.
//!
//! An agent's addresses are an operator's choice, but go by the rules for addresses all the same ([`crate::outward`]): private
//! ones have to be allowed. What the server's own configuration names is trusted, like the rest of that file.

use crate::outward::{Outward, OutwardError};
use ringline_model::{Node, ProviderKind, ProviderNode, ProviderSettings, Secret};
use ringline_providers::fallback::{Fallback, Named};
use ringline_providers::http::{self, Patience, ServiceError};
use ringline_providers::openai::{
    OpenAiConfig, OpenAiLanguageModel, OpenAiRecognizer, OpenAiSynthesizer, SpeechConfig, TranscriptionConfig,
};
use ringline_providers::self_hosted::{self, SelfHostedRecognizer, SelfHostedSynthesizer};
use ringline_providers::{LanguageModel, Recognizer, Synthesizer};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// What the vendor's protocol asks of self-hosted speech unless it is told otherwise, in Hz.
const SELF_HOSTED_RATE: u32 = 24_000;

/// Why a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("{node}: the address of `{name}` may not be called: {error}")]
    Address { node: &'static str, name: String, error: OutwardError },
    #[error("{node}: `{name}` cannot be used: {error}")]
    Service { node: &'static str, name: String, error: ServiceError },
    #[error("{node}: the environment variable {variable} of `{name}` is not set")]
    Key { node: &'static str, name: String, variable: String },
}

/// Whom providers may connect to.
pub enum Reach<'o> {
    /// Wherever they are told.
    Anywhere,
    /// By the rules for addresses.
    Outward(&'o Outward),
}

/// Where a provider of a call comes from.
enum Source<T: ?Sized> {
    /// The family's.
    Models,
    Scripted,
    /// With its family, as the metrics name it.
    Made(&'static str, Arc<T>),
}

/// The providers of one node, in order.
pub struct List<T: ?Sized>(Vec<(String, Source<T>)>);

/// The providers of all nodes. An empty list: none of its own.
pub struct Lists {
    pub asr: List<dyn Recognizer>,
    pub llm: List<dyn LanguageModel>,
    pub tts: List<dyn Synthesizer>,
}

impl<T: ?Sized> List<T> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The family of the first; `models` is that of the server's own models.
    pub fn family(&self, models: &'static str) -> &'static str {
        match self.0.first() {
            None | Some((_, Source::Models)) => models,
            Some((_, Source::Scripted)) => "scripted",
            Some((_, Source::Made(family, _))) => family,
        }
    }

    /// One provider that stands for the list in a call.
    pub fn for_call(
        &self,
        models: &Arc<T>,
        scripted: impl Fn() -> Arc<T>,
        patience: Duration,
        as_one: impl FnOnce(Fallback<T>) -> Arc<T>,
    ) -> Arc<T> {
        let provider = |source: &Source<T>| match source {
            Source::Models => models.clone(),
            Source::Scripted => scripted(),
            Source::Made(_, provider) => provider.clone(),
        };
        match &self.0[..] {
            [] => models.clone(),
            [(_, only)] => provider(only),
            several => {
                let named =
                    |(name, source): &(String, Source<T>)| Named { name: name.clone(), provider: provider(source) };
                as_one(Fallback::new(several.iter().map(named).collect(), patience, Handle::current()))
            }
        }
    }
}

impl Lists {
    /// Makes the providers that are named; loads no models. Call inside the runtime.
    pub fn make(settings: &ProviderSettings, reach: &Reach<'_>) -> Result<Self, ProviderError> {
        let asr = |node: &ProviderNode, made: Making| {
            Ok::<_, ServiceError>(match node.provider {
                ProviderKind::SelfHosted => {
                    let params = (!node.params.is_empty()).then(|| node.params.clone());
                    let config = self_hosted::RecognitionConfig { url: node.url.clone(), api_key: made.key, params };
                    Arc::new(SelfHostedRecognizer::new(config, made.client, made.runtime)?) as Arc<dyn Recognizer>
                }
                _ => {
                    let (base_url, model) = (node.url.clone(), node.model.clone());
                    let config = TranscriptionConfig { base_url, api_key: made.key, model, patience: Patience::BRIEF };
                    Arc::new(OpenAiRecognizer::new(config, made.client, made.runtime)?)
                }
            })
        };
        let llm = |node: &ProviderNode, made: Making| {
            let extend_data = node.provider == ProviderKind::SelfHosted;
            let config = OpenAiConfig {
                api_key: made.key.map(|key| key.reveal().to_owned()),
                extend_data,
                ..OpenAiConfig::new(&node.url, &node.model)
            };
            Ok::<_, ServiceError>(Arc::new(OpenAiLanguageModel::with_client(config, made.client, made.runtime)?)
                as Arc<dyn LanguageModel>)
        };
        let tts = |node: &ProviderNode, made: Making| {
            let (voices, patience) = (node.voices.clone(), Patience::BRIEF);
            Ok::<_, ServiceError>(match node.provider {
                ProviderKind::SelfHosted => {
                    let sample_rate = node.sample_rate.unwrap_or(SELF_HOSTED_RATE);
                    let url = node.url.clone();
                    let config = self_hosted::SpeechConfig { url, token: made.key, voices, sample_rate, patience };
                    Arc::new(SelfHostedSynthesizer::new(config, made.client, made.runtime)?) as Arc<dyn Synthesizer>
                }
                _ => {
                    let (base_url, model, sample_rate) = (node.url.clone(), node.model.clone(), node.sample_rate);
                    let config = SpeechConfig { base_url, api_key: made.key, model, voices, sample_rate, patience };
                    Arc::new(OpenAiSynthesizer::new(config, made.client, made.runtime)?)
                }
            })
        };
        Ok(Self {
            asr: list(&settings.asr, Node::Asr, reach, asr)?,
            llm: list(&settings.llm, Node::Llm, reach, llm)?,
            tts: list(&settings.tts, Node::Tts, reach, tts)?,
        })
    }
}

/// What a remote provider is made with.
struct Making {
    key: Option<Secret>,
    client: reqwest::Client,
    runtime: Handle,
}

fn list<T: ?Sized>(
    nodes: &[ProviderNode],
    of: Node,
    reach: &Reach<'_>,
    make: impl Fn(&ProviderNode, Making) -> Result<Arc<T>, ServiceError>,
) -> Result<List<T>, ProviderError> {
    let source = |node: &ProviderNode| {
        let (name, of) = (node.name(), of.as_str());
        let source = match node.provider {
            ProviderKind::Models => Source::Models,
            ProviderKind::Scripted => Source::Scripted,
            ProviderKind::Openai | ProviderKind::SelfHosted => {
                let unusable = |error| ProviderError::Service { node: of, name: name.clone(), error };
                let client = match reach {
                    Reach::Anywhere => http::client().map_err(unusable)?,
                    Reach::Outward(outward) => outward
                        .client_for(&web_address(&node.url))
                        .map_err(|error| ProviderError::Address { node: of, name: name.clone(), error })?,
                };
                let key =
                    key(node).map_err(|variable| ProviderError::Key { node: of, name: name.clone(), variable })?;
                let family = if node.provider == ProviderKind::Openai { "openai" } else { "self_hosted" };
                let made = make(node, Making { key, client, runtime: Handle::current() }).map_err(unusable)?;
                Source::Made(family, made)
            }
        };
        Ok((name, source))
    };
    nodes.iter().map(source).collect::<Result<_, _>>().map(List)
}

/// The key that is stored or in the environment. An error is the variable that is not there.
fn key(node: &ProviderNode) -> Result<Option<Secret>, String> {
    if !node.api_key.is_empty() {
        return Ok(Some(node.api_key.clone()));
    }
    match node.api_key_env.as_str() {
        "" => Ok(None),
        variable => std::env::var(variable).map(|key| Some(key.into())).map_err(|_| variable.to_owned()),
    }
}

/// The address a WebSocket is opened by.
pub fn web_address(url: &str) -> String {
    url.strip_prefix("ws").map_or_else(|| url.to_owned(), |rest| format!("http{rest}"))
}
