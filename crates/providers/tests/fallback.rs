//! Language models that stand in for each other, on a paused clock.
#![allow(clippy::unwrap_used)]

use ringline_providers::fallback::{Fallback, Named};
use ringline_providers::scripted::{How, Script, ScriptedFamily, Stage, Trouble};
use ringline_providers::suite::language_model::{self, Examination, question};
use ringline_providers::{ChatEvent, LanguageModel};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;

const PATIENCE: Duration = Duration::from_secs(3);

fn model(name: &str, how: Option<How>) -> Named {
    let mut script = Script::from_lines([("Hello!", name)]).unwrap();
    script.turns[0].trouble = how.map(|how| Trouble { stage: Stage::LanguageModel, how, times: None, retryable: true });
    Named { name: name.to_owned(), model: ScriptedFamily::new(script, Handle::current()).call().language_model }
}

async fn answer(models: Vec<Named>) -> Vec<String> {
    let fallback = Fallback::new(models, PATIENCE, Handle::current());
    let mut events = fallback.generate(question("Hello!"));
    let mut lines = Vec::new();
    while let Some(event) = events.recv().await {
        lines.push(match event {
            ChatEvent::Text(text) => text,
            ChatEvent::FellBack { failed, error, next } => format!("{failed} -> {next}: {error}"),
            ChatEvent::Failed(error) => format!("failed: {error}"),
            ChatEvent::Finished => "finished".to_owned(),
            ChatEvent::Reasoning(_) | ChatEvent::ToolCalls(_) => panic!("no script does that"),
        });
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn the_first_that_answers_is_the_only_one_asked() {
    assert_eq!(answer(vec![model("one", None), model("two", None)]).await, ["one", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_or_stalls_is_followed_by_the_next() {
    let models = vec![model("one", Some(How::Fail)), model("two", Some(How::Stall)), model("three", None)];
    let first = "one -> two: the script lets the answer fail here";
    let lines = [first, "two -> three: no text in time", "three", "finished"];
    assert_eq!(answer(models).await, lines);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_one_fails_the_answer_has_failed() {
    let models = vec![model("one", Some(How::Stall)), model("two", Some(How::Fail))];
    let lines = answer(models).await;
    assert_eq!(lines, ["one -> two: no text in time", "failed: the script lets the answer fail here"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_a_language_model_like_any_other() {
    let script = Script::default();
    let scripted = ScriptedFamily::new(script, Handle::current()).call().language_model;
    let named = |name: &str| Named { name: name.to_owned(), model: Arc::clone(&scripted) as Arc<dyn LanguageModel> };
    let fallback = Fallback::new(vec![named("one"), named("two")], PATIENCE, Handle::current());
    let examination = Examination { patience: Duration::from_secs(60), repeats_itself: true };
    language_model::examine(&fallback, examination).await;
}
