//! The engine's thread: takes jobs, and evaluates one small batch for all slots at a time.

use super::prompt::Prompter;
use super::reuse::{self, Kept};
use super::slot::{Slot, Work};
use super::{Job, LlamaConfig, LlamaError, Purpose, backend, fail};
use crate::local::queue::JobQueue;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::model::{LlamaModel, RopeType};
use llama_cpp_2::token::LlamaToken;
use std::cmp::Reverse;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::mpsc::SyncSender;

/// Prompt tokens per step when no answer is under way: about a second of a 1.5-billion-weight model on two cores.
const PROMPT_STEP: usize = 64;
/// Prompt tokens per step beside answers under way, which wait that long for their next token.
const PROMPT_STEP_BESIDE_ANSWERS: usize = 24;
/// System prompts kept for calls to come.
const KEPT_PREFIXES: usize = 2;

const FAILED: &str = "the language model failed on this machine";

/// Loads the model, reports how that went, and works until the queue is closed.
pub(super) fn run(
    path: &Path,
    config: LlamaConfig,
    queue: &JobQueue<Job>,
    loaded: &SyncSender<Result<(), LlamaError>>,
) {
    // A panic must not leave requests waiting for a thread that is gone.
    let _closes_queue = CloseOnDrop(queue);
    let started = std::time::Instant::now();
    let loading = backend::get().and_then(|backend| Ok((backend, load(backend, path)?)));
    let (backend, model) = match loading {
        Ok(loading) => loading,
        Err(error) => return report(loaded, Err(error)),
    };
    match Engine::new(backend, &model, config) {
        Ok(mut engine) => {
            tracing::info!(seconds = started.elapsed().as_secs_f32(), "language model loaded");
            report(loaded, Ok(()));
            engine.work(queue);
        }
        Err(error) => report(loaded, Err(error)),
    }
}

fn report(loaded: &SyncSender<Result<(), LlamaError>>, result: Result<(), LlamaError>) {
    if loaded.send(result).is_err() {
        tracing::debug!("nobody waits for the language model any more");
    }
}

struct CloseOnDrop<'q>(&'q JobQueue<Job>);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        for job in self.0.close() {
            if let Purpose::Answer(events) = job.purpose {
                fail(&events, "the language model has stopped", false);
            }
        }
    }
}

fn load(backend: &LlamaBackend, path: &Path) -> Result<LlamaModel, LlamaError> {
    LlamaModel::load_from_file(backend, path, &LlamaModelParams::default())
        .map_err(|source| LlamaError::Model { path: path.to_owned(), source })
}

struct Engine<'m> {
    model: &'m LlamaModel,
    context: LlamaContext<'m>,
    batch: LlamaBatch<'static>,
    prompter: Prompter<'m>,
    config: LlamaConfig,
    slots: Vec<Slot>,
    /// Sequences that never work: each holds a system prompt that slots start from.
    prefixes: Vec<Slot>,
    /// Whether parts of a sequence can be removed and moved.
    movable: bool,
    steps: u64,
}

impl<'m> Engine<'m> {
    fn new(backend: &LlamaBackend, model: &'m LlamaModel, config: LlamaConfig) -> Result<Self, LlamaError> {
        let threads = i32::try_from(config.threads.unwrap_or(1)).unwrap_or(1);
        // One pool of cells for all: a slot takes at most its share, and a shared prefix takes its cells once.
        let cells = config.slots * config.context_tokens + KEPT_PREFIXES * config.context_tokens / 2;
        let largest_batch = PROMPT_STEP + config.slots;
        let params = LlamaContextParams::default()
            .with_n_ctx(u32::try_from(cells).ok().and_then(NonZeroU32::new))
            .with_n_seq_max((config.slots + KEPT_PREFIXES) as u32)
            .with_kv_unified(true)
            .with_n_batch(largest_batch as u32)
            .with_n_ubatch(largest_batch as u32)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let context = model
            .new_context(backend, params)
            .map_err(|source| LlamaError::Context { tokens: config.context_tokens, source })?;
        let slots = (0..config.slots).map(|n| Slot::new(n as i32)).collect();
        let prefixes = (0..KEPT_PREFIXES).map(|n| Slot::new((config.slots + n) as i32)).collect();
        let movable = !model.is_recurrent()
            && !model.is_hybrid()
            && matches!(model.rope_type(), Some(RopeType::Norm | RopeType::NeoX));
        let batch = LlamaBatch::new(largest_batch, 1);
        let prompter = Prompter::new(model);
        Ok(Self { model, context, batch, prompter, config, slots, prefixes, movable, steps: 0 })
    }

    fn work(&mut self, queue: &JobQueue<Job>) {
        while !queue.is_closed() {
            for slot in &mut self.slots {
                if slot.work.as_ref().is_some_and(Work::is_abandoned) {
                    slot.work = None;
                }
            }
            while self.slots.iter().any(Slot::is_free) {
                let idle = self.slots.iter().all(Slot::is_free);
                let Some(job) = (if idle { queue.pop() } else { queue.try_pop() }) else { break };
                self.start(job);
            }
            self.step();
        }
        for slot in &mut self.slots {
            slot.fail("the language model has stopped", false);
        }
    }

    /// Gives a job to a free slot and brings the slot's cache as near to the prompt as it can.
    fn start(&mut self, job: Job) {
        let budget = self.config.context_tokens - self.config.max_answer_tokens - 1;
        let warm_up = matches!(job.purpose, Purpose::WarmUp(_));
        let prompt = if warm_up {
            self.prompter.system(&job.messages, budget)
        } else {
            self.prompter.prompt(&job.messages, budget)
        };
        let Some(prompt) = prompt.filter(|prompt| !prompt.tokens.is_empty()) else {
            if let Purpose::Answer(events) = job.purpose {
                fail(&events, "these messages do not fit the model's chat template", false);
            }
            return;
        };
        if warm_up && self.prefixes.iter().any(|kept| kept.cached == prompt.tokens) {
            return;
        }
        let Some(chosen) = self.choose_slot(&job.instance, if warm_up { &[] } else { &prompt.tokens }) else {
            tracing::error!("a job was taken without a free slot");
            return;
        };
        self.steps += 1;
        self.prepare(chosen, &prompt.tokens);
        let slot = &mut self.slots[chosen];
        slot.instance = job.instance;
        slot.used = self.steps;
        slot.work = Some(Work::new(prompt, job.purpose, self.model, &self.config));
    }

    /// The slot that holds this instance's conversation; for unknown instances the most similar one; else the one unused for longest.
    fn choose_slot(&self, instance: &str, prompt: &[LlamaToken]) -> Option<usize> {
        let fitness = |n: &usize| {
            let slot = &self.slots[*n];
            let own = !instance.is_empty() && slot.instance == instance;
            let similar = if instance.is_empty() { reuse::common_prefix(&slot.cached, prompt) } else { 0 };
            (own, similar, Reverse(slot.used))
        };
        (0..self.slots.len()).filter(|n| self.slots[*n].is_free()).max_by_key(fitness)
    }

    fn prepare(&mut self, chosen: usize, prompt: &[LlamaToken]) {
        let slot = &self.slots[chosen];
        let own = reuse::plan(&slot.cached, prompt, self.movable.then_some(slot.shared));
        let usable = prompt.len() - 1;
        let prefix = (0..self.prefixes.len())
            .map(|n| (reuse::common_prefix(&self.prefixes[n].cached, &prompt[..usable]), n))
            .max()
            .filter(|(length, _)| *length > own.tokens());
        let reused = match prefix {
            Some((length, n)) => self.copy_prefix(chosen, n, length),
            None => self.keep(chosen, own),
        };
        let slot = &mut self.slots[chosen];
        if reused {
            let length = prefix.map_or(own.tokens(), |(length, _)| length);
            slot.shared = prefix.map_or(slot.shared.min(own.prefix), |(length, _)| length);
            slot.cached = prompt[..length].to_vec();
        } else {
            Self::forget(&mut self.context, slot);
        }
    }

    /// Makes a slot hold the first tokens of a kept prefix and nothing else. False: the cache refused.
    fn copy_prefix(&mut self, chosen: usize, prefix: usize, length: usize) -> bool {
        let slot = &mut self.slots[chosen];
        Self::forget(&mut self.context, slot);
        let prefix = &mut self.prefixes[prefix];
        prefix.used = self.steps;
        self.context.copy_kv_cache_seq(prefix.sequence, slot.sequence, None, Some(length as u32)).is_ok()
    }

    /// Removes what is not kept from a slot's sequence and closes the gap. False: the cache refused.
    fn keep(&mut self, chosen: usize, kept: Kept) -> bool {
        let sequence = self.slots[chosen].sequence;
        let mut remove = |from: usize, to: Option<usize>| {
            let to = to.map(|to| to as u32);
            self.context.clear_kv_cache_seq(Some(sequence as u32), Some(from as u32), to).unwrap_or(false)
        };
        match kept.moved {
            None => remove(kept.prefix, None),
            Some(run) => {
                let end = run.start + run.length;
                remove(end, None) && remove(kept.prefix, Some(run.start)) && {
                    let by = kept.prefix as i32 - run.start as i32;
                    let range = (Some(run.start as u32), Some(end as u32));
                    self.context.kv_cache_seq_add(sequence, range.0, range.1, by).is_ok()
                }
            }
        }
    }

    fn forget(context: &mut LlamaContext<'_>, slot: &mut Slot) {
        // Removing a whole sequence always succeeds.
        context.clear_kv_cache_seq(Some(slot.sequence as u32), None, None).ok();
        slot.cached.clear();
        slot.shared = 0;
    }

    /// One batch: the next token of every answer, and a piece of the prompts being read.
    fn step(&mut self) {
        self.batch.clear();
        let answering = self.slots.iter().any(|slot| slot.work.as_ref().is_some_and(|work| work.next.is_some()));
        let mut prompt_room = if answering { PROMPT_STEP_BESIDE_ANSWERS } else { PROMPT_STEP };
        // (slot, tokens of it in the batch, where its logits are)
        let mut parts: Vec<(usize, Vec<LlamaToken>, Option<i32>)> = Vec::new();
        for (n, slot) in self.slots.iter().enumerate() {
            let next = slot.work.as_ref().and_then(|work| work.next);
            let unread = slot.unread();
            let tokens = match next {
                Some(token) => vec![token],
                None => unread[..unread.len().min(prompt_room)].to_vec(),
            };
            if tokens.is_empty() {
                continue;
            }
            let complete = next.is_some() || tokens.len() == unread.len();
            if next.is_none() {
                prompt_room -= tokens.len();
            }
            for (k, token) in tokens.iter().enumerate() {
                let position = (slot.cached.len() + k) as i32;
                let logits = complete && k + 1 == tokens.len();
                self.batch
                    .add(*token, position, &[slot.sequence], logits)
                    .expect("the batch was made for the largest step");
            }
            parts.push((n, tokens, complete.then(|| self.batch.n_tokens() - 1)));
        }
        if parts.is_empty() {
            return;
        }
        self.steps += 1;
        if let Err(error) = self.context.decode(&mut self.batch) {
            tracing::error!(%error, "the language model cannot evaluate a batch");
            for (n, _, _) in parts {
                self.slots[n].fail(FAILED, true);
                Self::forget(&mut self.context, &mut self.slots[n]);
            }
            return;
        }
        for (n, tokens, logits) in parts {
            self.slots[n].cached.extend(tokens);
            if let Some(index) = logits {
                self.advance(n, index);
            }
        }
    }

    fn advance(&mut self, n: usize, index: i32) {
        let slot = &mut self.slots[n];
        let Some(work) = &mut slot.work else { return };
        let prompt_just_read = work.next.is_none();
        let (system, warm_up) = (work.prompt.system, work.is_warm_up());
        if !work.advance(self.model, &self.context, index) {
            slot.work = None;
        }
        if prompt_just_read {
            self.keep_prefix(n, system);
            if warm_up {
                // The prompt lives on as a prefix; the slot is as good as new for anybody.
                Self::forget(&mut self.context, &mut self.slots[n]);
                self.slots[n].used = 0;
            }
        }
    }

    /// Keeps the first tokens of a slot for later calls, instead of the prefix that was unused for longest.
    fn keep_prefix(&mut self, from: usize, length: usize) {
        let slot = &self.slots[from];
        let tokens = &slot.cached[..length.min(slot.cached.len())];
        let fits = tokens.len() <= self.config.context_tokens / 2;
        if tokens.is_empty() || !fits || self.prefixes.iter().any(|kept| kept.cached == tokens) {
            return;
        }
        let Some(prefix) = self.prefixes.iter_mut().min_by_key(|kept| kept.used) else { return };
        Self::forget(&mut self.context, prefix);
        if self.context.copy_kv_cache_seq(slot.sequence, prefix.sequence, None, Some(length as u32)).is_ok() {
            prefix.cached = tokens.to_vec();
            prefix.used = self.steps;
            let slot = &mut self.slots[from];
            slot.shared = slot.shared.max(length);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::models_for_tests;
    use crate::{ChatEvent, ChatMessage, ChatRole};
    use tokio::sync::mpsc;

    const TINY: &str = "smollm2-135m-instruct";
    const SYSTEM: &str = "You are the patient voice of a lighthouse, and you say little: a word or two for each ship.";

    fn with_engine(test: impl FnOnce(&mut Engine<'_>)) {
        let Some(store) = models_for_tests(&[TINY]) else { return };
        let backend = backend::get().expect("starts");
        let model = load(backend, &store.path(TINY).expect("just found")).expect("loads");
        let config = LlamaConfig { temperature: 0.0, max_answer_tokens: 8, threads: Some(1), ..LlamaConfig::default() };
        test(&mut Engine::new(backend, &model, config).expect("has room"));
    }

    fn history(words: impl IntoIterator<Item = u32>) -> Vec<ChatMessage> {
        let mut messages = vec![ChatMessage::new(ChatRole::System, SYSTEM)];
        for n in words {
            messages.push(ChatMessage::new(ChatRole::User, format!("Ship number {n} comes in. Say the word.")));
            messages.push(ChatMessage::new(ChatRole::Assistant, "Mango."));
        }
        messages.push(ChatMessage::new(ChatRole::User, "One more ship comes in. Say the word."));
        messages
    }

    /// Answers, and returns how many tokens of the prompt had to be read for it, of how many.
    fn ask(engine: &mut Engine<'_>, instance: &str, messages: Vec<ChatMessage>) -> (String, usize, usize) {
        let (events, mut receiver) = mpsc::channel(16);
        engine.start(Job { messages, instance: instance.into(), purpose: Purpose::Answer(events) });
        let slot = engine.slots.iter().find(|slot| !slot.is_free()).expect("works on it");
        let (unread, whole) = (slot.unread().len(), slot.unread().len() + slot.cached.len());
        while engine.slots.iter().any(|slot| !slot.is_free()) {
            engine.step();
        }
        let mut answer = String::new();
        while let Ok(ChatEvent::Text(text)) = receiver.try_recv() {
            answer.push_str(&text);
        }
        (answer, unread, whole)
    }

    #[test]
    fn the_next_turn_reads_only_what_is_new() {
        with_engine(|engine| {
            let (_, unread, whole) = ask(engine, "a", history(0..10));
            assert_eq!(unread, whole, "nothing is known at first");
            let (answer, unread, whole) = ask(engine, "a", history(0..11));
            assert!(unread < 60 && whole > 200, "{unread} of {whole}");
            assert!(answer.contains("Mango"), "{answer}");
        });
    }

    #[test]
    fn a_history_without_its_oldest_turns_is_not_read_again() {
        with_engine(|engine| {
            ask(engine, "a", history(0..12));
            for first in 1..4 {
                let (answer, unread, whole) = ask(engine, "a", history(first..12 + first));
                assert!(unread < 80 && whole > 200, "{unread} of {whole}");
                assert!(answer.contains("Mango"), "{answer}");
            }
        });
    }

    #[test]
    fn a_new_call_starts_from_the_kept_system_prompt_and_leaves_other_calls_alone() {
        with_engine(|engine| {
            ask(engine, "a", history(0..10));
            let (_, unread, whole) = ask(engine, "b", history([]));
            assert!(unread + 20 < whole, "{unread} of {whole}");
            let (_, unread, _) = ask(engine, "a", history(0..11));
            assert!(unread < 60, "{unread}");
            // A third call takes the slot that was unused for longest, which is b's.
            ask(engine, "c", history([]));
            let (_, unread, _) = ask(engine, "a", history(0..12));
            assert!(unread < 60, "{unread}");
        });
    }
}
