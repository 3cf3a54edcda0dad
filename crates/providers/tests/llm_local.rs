//! The local language model with real weights: the suite, and what its cache, limits and template promise.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used)]

use ringline_providers::local::llama::{LlamaConfig, LlamaError, LlamaModel};
use ringline_providers::suite::language_model::{self, Examination, conversation, question, read};
use ringline_providers::suite::models_for_tests;
use ringline_providers::{ChatEvent, ChatRequest, ChatRole, LanguageModel};
use std::path::{Path, PathBuf};
use std::time::Duration;

const TINY: &str = "smollm2-135m-instruct";

fn tiny() -> Option<PathBuf> {
    models_for_tests(&[TINY]).map(|store| store.path(TINY).unwrap())
}

/// Always the likeliest token, and short answers: quick, and as repeatable as floating point allows.
fn greedy() -> LlamaConfig {
    LlamaConfig { temperature: 0.0, max_answer_tokens: 24, ..LlamaConfig::default() }
}

async fn load(config: LlamaConfig) -> Option<LlamaModel> {
    let path = tiny()?;
    Some(tokio::task::spawn_blocking(move || LlamaModel::load(&path, config).unwrap()).await.unwrap())
}

fn of(instance: &str, mut request: ChatRequest) -> ChatRequest {
    request.context.instance_id = instance.into();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_model_passes_the_suite() {
    let Some(model) = load(LlamaConfig { context_tokens: 768, ..greedy() }).await else { return };
    // Batches of other sizes round differently, so answers side by side need not be the same to the letter.
    let examination = Examination { patience: Duration::from_secs(60), repeats_itself: false };
    language_model::examine(&model, examination).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_after_the_same_past_has_the_same_answer() {
    let Some(path) = tiny() else { return };
    let config = LlamaConfig { temperature: 0.8, seed: 7, ..greedy() };
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (path, config) = (path.clone(), config.clone());
        let model = tokio::task::spawn_blocking(move || LlamaModel::load(&path, config).unwrap()).await.unwrap();
        answers.push(read(model.generate(question("Tell me about the sea."))).await.0);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conversations_in_turn_keep_to_their_own_history() {
    let Some(model) = load(LlamaConfig { slots: 2, ..greedy() }).await else { return };
    // Even the smallest model goes on as the conversation went so far.
    let asked = |fruit: &str| {
        let round = [(ChatRole::User, "Say the word."), (ChatRole::Assistant, fruit)];
        let system = (ChatRole::System, "You are a helpful assistant.");
        let rounds = round.into_iter().cycle().take(8);
        conversation(std::iter::once(system).chain(rounds).chain([(ChatRole::User, "Say the word.")]))
    };
    for _ in 0..2 {
        for (instance, fruit) in [("a", "mango"), ("b", "cherry"), ("c", "banana")] {
            let (text, ending) = read(model.generate(of(instance, asked(fruit)))).await;
            assert!(ending.is_ok());
            assert!(text.to_lowercase().contains(fruit), "{instance} was told {fruit} and says: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_ends_at_its_longest() {
    let Some(model) = load(LlamaConfig { max_answer_tokens: 5, ..greedy() }).await else { return };
    let mut events = model.generate(question("Tell me a very long story about a ship."));
    let mut pieces = 0;
    while let Some(ChatEvent::Text(_)) = events.recv().await {
        pieces += 1;
    }
    assert!((1..=5).contains(&pieces), "{pieces}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_outgrows_the_context_goes_on() {
    let Some(model) = load(LlamaConfig { context_tokens: 512, ..greedy() }).await else { return };
    let mut turns = vec![(ChatRole::System, "You answer in a few words.".to_owned())];
    for n in 0..30 {
        turns.push((
            ChatRole::User,
            format!("This is remark number {n}, and it is here to fill up the memory of the model."),
        ));
        let request = conversation(turns.iter().map(|(role, text)| (*role, text.as_str())));
        let (text, ending) = read(model.generate(of("grows", request))).await;
        assert!(ending.is_ok() && !text.is_empty(), "turn {n}: {text:?} {ending:?}");
        turns.push((ChatRole::Assistant, text));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_model_fails_what_is_under_way() {
    let Some(model) = load(LlamaConfig { slots: 1, max_answer_tokens: 1_000, ..greedy() }).await else { return };
    let mut events: Vec<_> = (0..4).map(|_| model.generate(question("Tell me a very long story."))).collect();
    assert!(matches!(events[0].recv().await, Some(ChatEvent::Text(_))));
    tokio::task::spawn_blocking(move || drop(model)).await.unwrap();
    for events in events {
        let (_, ending) = read(events).await;
        assert!(!ending.unwrap_err().retryable);
    }
}

#[test]
fn a_file_that_is_no_model_is_refused_by_name() {
    let missing = LlamaModel::load(Path::new("no/such/model.gguf"), LlamaConfig::default());
    assert!(matches!(missing, Err(LlamaError::Missing(path)) if path.ends_with("model.gguf")));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), b"GGUF, but not really").unwrap();
    assert!(matches!(LlamaModel::load(file.path(), LlamaConfig::default()), Err(LlamaError::Model { .. })));
}
