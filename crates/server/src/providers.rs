//! The providers a configuration asks for, loaded once, and handed to each call.

use crate::config::{Config, FallbackLlm, Family, LlmProvider};
use anyhow::Context;
use ringline_providers::fallback::{Fallback, Named};
use ringline_providers::scripted::{Script, ScriptedFamily};
use ringline_providers::{Embedder, EndOfTurn, LanguageModel, Recognizer, Synthesizer, Voice, VoiceActivity};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

/// What one call listens, thinks and speaks with.
pub struct CallProviders {
    pub voice_activity: Box<dyn VoiceActivity>,
    pub recognizer: Arc<dyn Recognizer>,
    pub end_of_turn: Arc<dyn EndOfTurn>,
    /// None: its model is not there.
    pub embedder: Option<Arc<dyn Embedder>>,
    pub language_model: Arc<dyn LanguageModel>,
    pub synthesizer: Arc<dyn Synthesizer>,
}

/// The process's providers.
pub struct Providers {
    family: Kind,
    /// Who answers, in order.
    language_models: Vec<Thinker>,
    fallback_after: Duration,
    runtime: Handle,
    voices: Vec<Voice>,
}

struct Thinker {
    name: String,
    /// None: the family's own.
    model: Option<Arc<dyn LanguageModel>>,
}

enum Kind {
    Scripted(ScriptedFamily),
    #[cfg(feature = "local")]
    Local(Box<local::Local>),
}

impl Providers {
    /// Loads models (seconds) or the script. Call from a thread that may block, inside the runtime.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let family = match config.models.family {
            Family::Scripted => Kind::Scripted(scripted(config)?),
            #[cfg(feature = "local")]
            Family::Local => Kind::Local(Box::new(local::Local::load(config)?)),
            #[cfg(not(feature = "local"))]
            Family::Local => anyhow::bail!("this build has no local models; use --models scripted"),
        };
        let llm = &config.llm;
        let first = FallbackLlm {
            provider: llm.provider,
            base_url: llm.base_url.clone(),
            model: llm.model.clone(),
            api_key_env: llm.api_key_env.clone(),
        };
        let language_models = std::iter::once(&first).chain(&llm.fallback).map(thinker).collect::<Result<_, _>>()?;
        let fallback_after = Duration::from_millis(llm.fallback_after_ms);
        let mut providers =
            Self { family, language_models, fallback_after, runtime: Handle::current(), voices: Vec::new() };
        providers.voices = providers.for_call().synthesizer.voices();
        Ok(providers)
    }

    pub fn voices(&self) -> &[Voice] {
        &self.voices
    }

    pub fn for_call(&self) -> CallProviders {
        let mut providers = match &self.family {
            Kind::Scripted(family) => {
                let call = family.call();
                CallProviders {
                    voice_activity: Box::new(ringline_providers::earshot::EarshotVad::new()),
                    recognizer: call.recognizer,
                    end_of_turn: call.end_of_turn,
                    embedder: Some(Arc::new(ringline_providers::scripted::ScriptedEmbedder)),
                    language_model: call.language_model,
                    synthesizer: call.synthesizer,
                }
            }
            #[cfg(feature = "local")]
            Kind::Local(local) => local.for_call(),
        };
        let model = |thinker: &Thinker| thinker.model.clone().unwrap_or_else(|| providers.language_model.clone());
        providers.language_model = match &self.language_models[..] {
            [only] => model(only),
            several => {
                let named = |thinker: &Thinker| Named { name: thinker.name.clone(), model: model(thinker) };
                let models = several.iter().map(named).collect();
                Arc::new(Fallback::new(models, self.fallback_after, self.runtime.clone()))
            }
        };
        providers
    }
}

fn scripted(config: &Config) -> anyhow::Result<ScriptedFamily> {
    let script = match config.models.script.as_str() {
        "" => Script::default(),
        path => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the script {path}"))?;
            Script::from_toml(&text).with_context(|| format!("in the script {path}"))?
        }
    };
    Ok(ScriptedFamily::new(script, tokio::runtime::Handle::current()))
}

fn thinker(llm: &FallbackLlm) -> anyhow::Result<Thinker> {
    use ringline_providers::openai::{OpenAiConfig, OpenAiLanguageModel};
    if llm.provider == LlmProvider::Models {
        return Ok(Thinker { name: "models".to_owned(), model: None });
    }
    let name = &llm.api_key_env;
    let api_key = if name.is_empty() { None } else { std::env::var(name).ok() };
    let openai = OpenAiConfig { api_key, ..OpenAiConfig::new(&llm.base_url, &llm.model) };
    let model = Arc::new(OpenAiLanguageModel::new(openai, tokio::runtime::Handle::current())?);
    Ok(Thinker { name: llm.model.clone(), model: Some(model) })
}

#[cfg(feature = "local")]
mod local {
    use super::CallProviders;
    use crate::config::Config;
    use anyhow::Context;
    use ringline_providers::Embedder;
    use ringline_providers::local::hibari::Hibari;
    use ringline_providers::local::llama::{LlamaConfig, LlamaModel};
    use ringline_providers::local::{DVector, SileroVad, SmartTurn, Whisper, WhisperConfig};
    use ringline_providers::models::ModelStore;
    use std::sync::Arc;

    /// Models on this machine, loaded.
    pub struct Local {
        silero: SileroVad,
        whisper: Arc<Whisper>,
        smart_turn: Arc<SmartTurn>,
        embedder: Option<Arc<dyn Embedder>>,
        language_model: Arc<LlamaModel>,
        hibari: Arc<Hibari>,
    }

    impl Local {
        pub fn load(config: &Config) -> anyhow::Result<Self> {
            let store = open_store(config)?;
            let timed = |what: &'static str| {
                let began = std::time::Instant::now();
                move || tracing::info!(what, ms = began.elapsed().as_millis() as u64, "loaded")
            };
            let hint = || format!("run `ringline models pull {}` first", config.models.tier);
            let done = timed("voice activity detection");
            let silero = SileroVad::load(&store).with_context(hint)?;
            done();
            let done = timed("end-of-turn model");
            let smart_turn = Arc::new(SmartTurn::load(&store).with_context(hint)?);
            done();
            let done = timed("voiceprint model");
            let embedder = embedder(&store)?;
            done();
            let done = timed("speech recognition");
            let whisper = Arc::new(Whisper::load(&store, WhisperConfig::default()).with_context(hint)?);
            done();
            let done = timed("speech synthesis");
            let hibari = Arc::new(Hibari::load(&store).with_context(hint)?);
            done();
            let done = timed("language model");
            let model = match config.models.tier.as_str() {
                "tiny" => "smollm2-135m-instruct",
                "small" => "qwen2.5-coder-0.5b-instruct",
                _ => "qwen2.5-coder-1.5b-instruct",
            };
            let llama = LlamaConfig {
                threads: (config.models.llm_threads > 0).then_some(config.models.llm_threads),
                warm_up: Some(config.agent.system_prompt.clone()),
                ..LlamaConfig::default()
            };
            let language_model = Arc::new(LlamaModel::load(&store.path(model).with_context(hint)?, llama)?);
            done();
            Ok(Self { silero, whisper, smart_turn, embedder, language_model, hibari })
        }

        pub fn for_call(&self) -> CallProviders {
            CallProviders {
                voice_activity: Box::new(self.silero.another()),
                recognizer: self.whisper.clone(),
                end_of_turn: self.smart_turn.clone(),
                embedder: self.embedder.clone(),
                language_model: self.language_model.clone(),
                synthesizer: self.hibari.clone(),
            }
        }
    }

    /// A store from before there was one goes without.
    fn embedder(store: &ModelStore) -> anyhow::Result<Option<Arc<dyn Embedder>>> {
        if let Err(missing) = store.path("speaker-embedder") {
            tracing::warn!(%missing, "voiceprints are off: nobody is told from anybody");
            return Ok(None);
        }
        Ok(Some(Arc::new(DVector::load(store)?)))
    }

    fn open_store(config: &Config) -> anyhow::Result<ModelStore> {
        Ok(match config.models.dir.as_str() {
            "" => ModelStore::open_default()?,
            dir => ModelStore::open(dir)?,
        })
    }
}
