//! One conversation in the engine: what of it is in the cache, and the answer being made.

use super::prompt::Prompt;
use super::utf8::Utf8Stream;
use super::{LlamaConfig, Purpose, fail};
use crate::ChatEvent;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;

#[derive(Debug)]
pub(super) struct Slot {
    /// llama.cpp's id of the sequence.
    pub(super) sequence: i32,
    /// The tokens in the cache, in order.
    pub(super) cached: Vec<LlamaToken>,
    /// This many of the first ones share their cells with a kept prefix and must not be moved.
    pub(super) shared: usize,
    /// Whose conversation it is.
    pub(super) instance: String,
    /// When it was last given work, in steps.
    pub(super) used: u64,
    pub(super) work: Option<Work>,
}

/// An answer, or a warm-up, under way.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) prompt: Prompt,
    /// The token that was chosen last and is not yet in the cache; none while the prompt is being read.
    pub(super) next: Option<LlamaToken>,
    purpose: Purpose,
    sampler: LlamaSampler,
    text: Utf8Stream,
    /// Whether anything but white space was sent.
    begun: bool,
    tokens_left: usize,
}

/// Tokens that the penalty for repetition looks back on.
const PENALTY_WINDOW: i32 = 64;

impl Slot {
    pub(super) fn new(sequence: i32) -> Self {
        Self { sequence, cached: Vec::new(), shared: 0, instance: String::new(), used: 0, work: None }
    }

    pub(super) fn is_free(&self) -> bool {
        self.work.is_none()
    }

    /// Tokens of the prompt not yet in the cache.
    pub(super) fn unread(&self) -> &[LlamaToken] {
        match &self.work {
            Some(work) if work.next.is_none() => &work.prompt.tokens[self.cached.len()..],
            _ => &[],
        }
    }

    /// Ends the work with a failure.
    pub(super) fn fail(&mut self, message: &str, retryable: bool) {
        if let Some(Work { purpose: Purpose::Answer(events), .. }) = self.work.take() {
            fail(&events, message, retryable);
        }
    }
}

impl Work {
    pub(super) fn new(prompt: Prompt, purpose: Purpose, model: &LlamaModel, config: &LlamaConfig) -> Self {
        let penalties = LlamaSampler::penalties(model.n_vocab(), PENALTY_WINDOW, config.repeat_penalty, 0.0, 0.0);
        let sampler = if config.temperature == 0.0 {
            LlamaSampler::chain_simple([penalties, LlamaSampler::greedy()])
        } else {
            LlamaSampler::chain_simple([
                penalties,
                LlamaSampler::top_k(40),
                LlamaSampler::top_p(0.9, 1),
                LlamaSampler::temp(config.temperature),
                LlamaSampler::dist(config.seed),
            ])
        };
        let tokens_left = config.max_answer_tokens;
        Self { prompt, next: None, purpose, sampler, text: Utf8Stream::default(), begun: false, tokens_left }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        matches!(&self.purpose, Purpose::Answer(events) if events.is_closed())
    }

    pub(super) fn is_warm_up(&self) -> bool {
        matches!(self.purpose, Purpose::WarmUp(_))
    }

    /// Chooses the next token from the logits at `index` of the last batch and sends its text. False: the answer is over.
    pub(super) fn advance(
        &mut self,
        model: &LlamaModel,
        context: &llama_cpp_2::context::LlamaContext<'_>,
        index: i32,
    ) -> bool {
        let events = match &self.purpose {
            Purpose::Answer(events) => events,
            Purpose::WarmUp(done) => {
                // Nobody may be waiting.
                done.try_send(()).ok();
                return false;
            }
        };
        let token = self.sampler.sample(context, index);
        let vocab = model.vocab();
        if vocab.is_eog(token) {
            events.try_send(ChatEvent::Finished).ok();
            return false;
        }
        let mut text = self.text.push(&vocab.token_to_piece(token, false, None));
        if !self.begun {
            text = text.trim_start().to_owned();
            self.begun = !text.is_empty();
        }
        // The channel has room for a whole answer; if this fails the reader has left, which the next step notices.
        if !text.is_empty() {
            events.try_send(ChatEvent::Text(text)).ok();
        }
        self.tokens_left -= 1;
        if self.tokens_left == 0 {
            events.try_send(ChatEvent::Finished).ok();
            return false;
        }
        self.next = Some(token);
        true
    }
}
