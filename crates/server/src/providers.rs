//! The providers a configuration asks for, loaded once, and handed to each call.

mod lists;

pub use lists::{Lists, ProviderError, Reach, web_address};

use crate::config::{Config, Family};
use anyhow::Context;
use ringline_providers::models::{FileStatus, ModelStore, Tier};
use ringline_providers::scripted::{Script, ScriptedCall, ScriptedEmbedder, ScriptedFamily};
use ringline_providers::{Embedder, EndOfTurn, LanguageModel, Recognizer, Synthesizer, Voice, VoiceActivity};
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

/// What one call listens, thinks and speaks with.
pub struct CallProviders {
    pub voice_activity: Box<dyn VoiceActivity>,
    pub recognizer: Arc<dyn Recognizer>,
    pub end_of_turn: Arc<dyn EndOfTurn>,
    /// None: its model is not there.
    pub embedder: Option<Arc<dyn Embedder>>,
    pub language_model: Arc<dyn LanguageModel>,
    pub synthesizer: Arc<dyn Synthesizer>,
    pub families: Families,
}

/// Whose providers they are, as the metrics name them; of a list the first one's.
#[derive(Clone, Copy, Debug)]
pub struct Families {
    pub recognition: &'static str,
    pub language_model: &'static str,
    pub synthesis: &'static str,
}

const SCRIPTED: &str = Family::Scripted.as_str();

/// The process's providers.
pub struct Providers {
    family: Kind,
    script: ScriptedFamily,
    /// Of calls whose agent has none of its own.
    lists: Lists,
    patience: Patience,
    voices: Vec<Voice>,
}

/// How long the providers of a list are waited for, unless they are the last.
struct Patience {
    asr: Duration,
    llm: Duration,
    tts: Duration,
}

enum Kind {
    Scripted,
    #[cfg(feature = "local")]
    Local(Box<local::Local>),
}

impl Providers {
    /// Loads models (seconds) or the script. Call from a thread that may block, inside the runtime.
    pub fn load(config: &Config) -> anyhow::Result<Self> {
        let family = match config.models.family {
            Family::Scripted => Kind::Scripted,
            #[cfg(feature = "local")]
            Family::Local => Kind::Local(Box::new(local::Local::load(config)?)),
            #[cfg(not(feature = "local"))]
            Family::Local => anyhow::bail!("this build has no local models; use --models scripted"),
        };
        let lists = Lists::make(&config.providers(), &Reach::Anywhere)?;
        let patience = Patience {
            asr: Duration::from_millis(config.asr.fallback_after_ms),
            llm: Duration::from_millis(config.llm.fallback_after_ms),
            tts: Duration::from_millis(config.tts.fallback_after_ms),
        };
        let mut providers = Self { family, script: scripted(config)?, lists, patience, voices: Vec::new() };
        providers.voices = providers.for_call(None).synthesizer.voices();
        Ok(providers)
    }

    pub fn voices(&self) -> &[Voice] {
        &self.voices
    }

    /// Names of the language models, in the order in which they are asked; `models` is the family's own.
    pub fn language_models(&self) -> Vec<String> {
        self.lists.llm.names()
    }

    /// `own`: the lists of the call's agent. Call inside the runtime.
    pub fn for_call(&self, own: Option<&Lists>) -> CallProviders {
        let script = OnceCell::new();
        // One run through the script for all that a call has of it.
        let scripted = || -> &ScriptedCall { script.get_or_init(|| self.script.call()) };
        let providers = match &self.family {
            Kind::Scripted => CallProviders {
                voice_activity: Box::new(ringline_providers::earshot::EarshotVad::new()),
                recognizer: scripted().recognizer.clone(),
                end_of_turn: scripted().end_of_turn.clone(),
                embedder: Some(Arc::new(ScriptedEmbedder)),
                language_model: scripted().language_model.clone(),
                synthesizer: scripted().synthesizer.clone(),
                families: Families { recognition: SCRIPTED, language_model: SCRIPTED, synthesis: SCRIPTED },
            },
            #[cfg(feature = "local")]
            Kind::Local(local) => local.for_call(),
        };
        let asr = own.map(|own| &own.asr).filter(|asr| !asr.is_empty()).unwrap_or(&self.lists.asr);
        let llm = own.map(|own| &own.llm).filter(|llm| !llm.is_empty()).unwrap_or(&self.lists.llm);
        let tts = own.map(|own| &own.tts).filter(|tts| !tts.is_empty()).unwrap_or(&self.lists.tts);
        let Patience { asr: for_asr, llm: for_llm, tts: for_tts } = self.patience;
        let (ear, mind) = (&providers.recognizer, &providers.language_model);
        let recognizer = asr.for_call(ear, || scripted().recognizer.clone(), for_asr, |several| Arc::new(several));
        let language_model =
            llm.for_call(mind, || scripted().language_model.clone(), for_llm, |several| Arc::new(several));
        let voice = &providers.synthesizer;
        let synthesizer = tts.for_call(voice, || scripted().synthesizer.clone(), for_tts, |several| Arc::new(several));
        let of = providers.families;
        let families = Families {
            recognition: asr.family(of.recognition),
            language_model: llm.family(of.language_model),
            synthesis: tts.family(of.synthesis),
        };
        CallProviders { recognizer, language_model, synthesizer, families, ..providers }
    }
}

/// Where local models are kept.
pub fn model_store(config: &Config) -> anyhow::Result<ModelStore> {
    Ok(match config.models.dir.as_str() {
        "" => ModelStore::open_default()?,
        dir => ModelStore::open(dir)?,
    })
}

/// What the tier needs of model files, by name and size.
pub fn model_files(config: &Config) -> anyhow::Result<Vec<FileStatus>> {
    let tier: Tier = config.models.tier.parse()?;
    Ok(model_store(config)?.status()?.into_iter().filter(|file| tier.brings(file.tier)).collect())
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

#[cfg(feature = "local")]
mod local {
    use super::{CallProviders, Families};
    use crate::config::Config;
    use anyhow::Context as _;
    use ringline_providers::Embedder;
    use ringline_providers::local::hibari::Hibari;
    use ringline_providers::local::llama::{LlamaConfig, LlamaModel};
    use ringline_providers::local::{DVector, SileroVad, SmartTurn, Whisper, WhisperConfig};
    use ringline_providers::models::ModelStore;
    use std::sync::Arc;

    const LOCAL: &str = crate::config::Family::Local.as_str();

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
            let store = super::model_store(config)?;
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
                families: Families { recognition: LOCAL, language_model: LOCAL, synthesis: LOCAL },
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
}
