//! A language model in this process: any GGUF file through llama.cpp.
//!
//! One thread owns the engine. It works on up to [`LlamaConfig::slots`] answers at once, a token of each per step, and
//! reads prompts in small pieces in between, so that an answer under way never waits long for somebody else's prompt and
//! a dropped receiver is noticed within one step. Each slot keeps the attention state (K/V cache) of its conversation:
//! the next turn of the same instance evaluates only what is new.
//!
//! **Threads.** With more than one thread, OpenMP's idle threads spin by default, and on a machine that does anything else
//! beside they slow everything down several times. Waiting passively must be asked for in the environment before the
//! process starts: see [`wait_policy_ok`]. Without it the default is one thread.

mod backend;
mod engine;
mod prompt;
mod reuse;
mod slot;
mod utf8;

use super::queue::{Abandonable, JobQueue, Refused};
use crate::{ChatEvent, ChatMessage, ChatRequest, ChatRole, LanguageModel, ProviderError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

pub use backend::{WAIT_POLICY, wait_policy_ok};

/// Longest history taken, in bytes; more is a mistake and fails. Histories that only exceed the context are shortened.
const MAX_PROMPT_BYTES: usize = 1 << 20;

/// How to run a model. Values out of range are brought into it.
#[derive(Clone, Debug, PartialEq)]
pub struct LlamaConfig {
    /// Answers generated at the same time, 1 to 16. Each holds a K/V cache for `context_tokens` (28 KB a token for a model of 1.5 billion weights).
    pub slots: usize,
    /// Tokens of prompt and answer together, 512 to 32,768. Longer histories lose their oldest turns.
    pub context_tokens: usize,
    /// None: see [`default_threads`].
    pub threads: Option<usize>,
    /// The longest answer in tokens, 1 to 1,024.
    pub max_answer_tokens: usize,
    /// 0 = always the likeliest token.
    pub temperature: f32,
    /// 1 = none.
    pub repeat_penalty: f32,
    pub seed: u32,
    /// Requests waiting for a slot; more fail at once.
    pub queue: usize,
    /// A system prompt to be read before [`LlamaModel::load`] returns, so that the first turn need not.
    pub warm_up: Option<String>,
}

impl Default for LlamaConfig {
    fn default() -> Self {
        Self {
            slots: 2,
            context_tokens: 2_048,
            threads: None,
            max_answer_tokens: 200,
            temperature: 0.3,
            repeat_penalty: 1.1,
            seed: 1,
            queue: 32,
            warm_up: None,
        }
    }
}

impl LlamaConfig {
    fn in_range(self) -> Self {
        let context_tokens = self.context_tokens.clamp(512, 32_768);
        Self {
            slots: self.slots.clamp(1, 16),
            context_tokens,
            threads: Some(self.threads.unwrap_or_else(default_threads).clamp(1, 64)),
            max_answer_tokens: self.max_answer_tokens.clamp(1, 1_024.min(context_tokens / 2)),
            temperature: if self.temperature.is_finite() { self.temperature.clamp(0.0, 2.0) } else { 0.0 },
            repeat_penalty: if self.repeat_penalty.is_finite() { self.repeat_penalty.clamp(1.0, 2.0) } else { 1.0 },
            queue: self.queue.clamp(1, 1_024),
            ..self
        }
    }
}

/// One thread if idle threads would spin, otherwise the machine's parallelism up to four.
pub fn default_threads() -> usize {
    if !wait_policy_ok() {
        return 1;
    }
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4))
}

#[derive(Debug, thiserror::Error)]
pub enum LlamaError {
    #[error("there is no model file at {0}")]
    Missing(PathBuf),
    #[error("llama.cpp does not start")]
    Backend(#[source] llama_cpp_2::LlamaCppError),
    #[error("{path} is not a model that llama.cpp can load")]
    Model { path: PathBuf, source: llama_cpp_2::LlamaModelLoadError },
    #[error("no context of {tokens} tokens can be made")]
    Context { tokens: usize, source: llama_cpp_2::LlamaContextLoadError },
    #[error("the thread of the language model cannot be started")]
    Thread(#[source] std::io::Error),
    #[error("the language model stopped while it was being loaded")]
    Stopped,
}

/// A loaded model. Dropping it ends the answers under way with a failure and waits for the engine's current step.
#[derive(Debug)]
pub struct LlamaModel {
    queue: Arc<JobQueue<Job>>,
    answer_events: usize,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Job {
    messages: Vec<ChatMessage>,
    /// Requests of one instance continue each other; empty: unknown.
    instance: String,
    purpose: Purpose,
}

#[derive(Debug)]
enum Purpose {
    /// Has room for every event of one answer, so the engine never waits for a reader.
    Answer(mpsc::Sender<ChatEvent>),
    /// Only to have the prompt in the cache; told when it is.
    WarmUp(std_mpsc::SyncSender<()>),
}

impl Abandonable for Job {
    fn is_abandoned(&self) -> bool {
        matches!(&self.purpose, Purpose::Answer(events) if events.is_closed())
    }
}

impl LlamaModel {
    /// Loads a GGUF file. Blocks for as long as that takes (seconds), so async callers use `spawn_blocking`.
    pub fn load(path: &Path, config: LlamaConfig) -> Result<Self, LlamaError> {
        if !path.is_file() {
            return Err(LlamaError::Missing(path.to_owned()));
        }
        let config = config.in_range();
        let queue = Arc::new(JobQueue::new(config.queue));
        let answer_events = config.max_answer_tokens + 2;
        let warm_up = config.warm_up.clone();
        let (loaded, wait) = std_mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("llama".into())
            .spawn({
                let (path, queue) = (path.to_owned(), queue.clone());
                move || engine::run(&path, config, &queue, &loaded)
            })
            .map_err(LlamaError::Thread)?;
        let model = Self { queue, answer_events, thread: Some(thread) };
        wait.recv().map_err(|_| LlamaError::Stopped)??;
        if let Some(system) = warm_up {
            // Ends when the prompt is read; if the engine refuses it, the first turn will read it instead.
            if let Some(done) = model.start_warm_up(&system) {
                done.recv().ok();
            }
        }
        Ok(model)
    }

    /// Reads a system prompt into the cache when the engine gets to it. For calls that will start with it.
    pub fn warm_up(&self, system: &str) {
        self.start_warm_up(system);
    }

    fn start_warm_up(&self, system: &str) -> Option<std_mpsc::Receiver<()>> {
        if system.len() > MAX_PROMPT_BYTES {
            return None;
        }
        let (done, wait) = std_mpsc::sync_channel(1);
        let messages = vec![ChatMessage::new(ChatRole::System, system.to_owned())];
        let job = Job { messages, instance: String::new(), purpose: Purpose::WarmUp(done) };
        self.queue.push(job).ok().map(|()| wait)
    }
}

impl LanguageModel for LlamaModel {
    fn generate(&self, request: ChatRequest) -> mpsc::Receiver<ChatEvent> {
        let (events, receiver) = mpsc::channel(self.answer_events);
        if request.messages.iter().map(|message| message.text.len()).sum::<usize>() > MAX_PROMPT_BYTES {
            fail(&events, "the conversation is too long", false);
            return receiver;
        }
        let instance = request.context.instance_id;
        // These models are offered no tools; what another has called says nothing to them.
        let messages = request.messages.into_iter().filter(|message| message.calls.is_empty()).collect();
        let job = Job { messages, instance, purpose: Purpose::Answer(events.clone()) };
        match self.queue.push(job) {
            Ok(()) => {}
            Err(Refused::Full(_)) => fail(&events, "too many requests wait for the language model", true),
            Err(Refused::Closed(_)) => fail(&events, "the language model has stopped", false),
        }
        receiver
    }
}

impl Drop for LlamaModel {
    fn drop(&mut self) {
        for job in self.queue.close() {
            if let Purpose::Answer(events) = job.purpose {
                fail(&events, "the language model has stopped", false);
            }
        }
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the language model had panicked");
        }
    }
}

/// The last event of an answer. There is room for it by construction, or the reader is gone.
fn fail(events: &mpsc::Sender<ChatEvent>, message: &str, retryable: bool) {
    events.try_send(ChatEvent::Failed(ProviderError { message: message.into(), retryable })).ok();
}
