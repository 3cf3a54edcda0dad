//! Providers that stand in for each other, on a paused clock.
#![allow(clippy::unwrap_used)]

use ringline_providers::fallback::{Fallback, Named, REST};
use ringline_providers::scripted::{How, Script, ScriptedCall, ScriptedFamily, Stage, Trouble, speech_like};
use ringline_providers::suite::language_model::{self, question};
use ringline_providers::suite::recognizer::{self, push};
use ringline_providers::suite::synthesizer::{self, saying};
use ringline_providers::{
    ChatEvent, LanguageModel, RecognitionEvent, RecognitionParams, Recognizer, SpeechEvent, SpeechRequest, Synthesizer,
    Voice,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(3);

/// The providers of one script that hears "Hello!" and answers with `name`, with trouble in this stage.
fn call(name: &str, stage: Stage, how: Option<How>) -> ScriptedCall {
    let mut script = Script::from_lines([("Hello!", name)]).unwrap();
    script.turns[0].trouble = how.map(|how| Trouble { stage, how, times: None, retryable: true });
    ScriptedFamily::new(script, Handle::current()).call()
}

fn model(name: &str, how: Option<How>) -> Named<dyn LanguageModel> {
    Named { name: name.to_owned(), provider: call(name, Stage::LanguageModel, how).language_model }
}

fn ear(name: &str, how: Option<How>) -> Named<dyn Recognizer> {
    Named { name: name.to_owned(), provider: call(name, Stage::Recognition, how).recognizer }
}

fn voice(name: &str, how: Option<How>) -> Named<dyn Synthesizer> {
    Named { name: name.to_owned(), provider: call("Hello!", Stage::Synthesis, how).synthesizer }
}

fn list<T: ?Sized>(list: Vec<Named<T>>) -> Fallback<T> {
    Fallback::new(list, PATIENCE, Handle::current())
}

async fn answer(models: &Fallback<dyn LanguageModel>) -> Vec<String> {
    let mut events = models.generate(question("Hello!"));
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

/// What becomes of one utterance.
async fn hear(ears: &Fallback<dyn Recognizer>) -> Vec<String> {
    let (events, mut receiver) = mpsc::channel(64);
    let mut utterance = ears.open(RecognitionParams::default(), events);
    push(&mut *utterance, &[0.1; 16_000]);
    utterance.transcribe(4);
    let mut lines = Vec::new();
    loop {
        lines.push(match receiver.recv().await.unwrap() {
            RecognitionEvent::Interim { .. } => continue,
            RecognitionEvent::FellBack { failed, error, next } => format!("{failed} -> {next}: {error}"),
            RecognitionEvent::Final { revision, text } => format!("{revision}: {text}"),
            RecognitionEvent::Failed { revision, error } => format!("{revision} failed: {error}"),
        });
        if lines.last().unwrap().starts_with('4') {
            return lines;
        }
    }
}

async fn speak(voices: &Fallback<dyn Synthesizer>) -> Vec<String> {
    let mut events = voices.synthesise(saying("Hello!"));
    let mut lines = Vec::new();
    while let Some(event) = events.recv().await {
        let line = match event {
            SpeechEvent::Audio(_) => "sound".to_owned(),
            SpeechEvent::Rate(rate) => rate.to_string(),
            SpeechEvent::FellBack { failed, error, next } => format!("{failed} -> {next}: {error}"),
            SpeechEvent::Failed(error) => format!("failed: {error}"),
            SpeechEvent::Finished => "finished".to_owned(),
        };
        if lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn the_first_that_answers_is_the_only_one_asked() {
    assert_eq!(answer(&list(vec![model("one", None), model("two", None)])).await, ["one", "finished"]);
    assert_eq!(hear(&list(vec![ear("one", None), ear("two", None)])).await, ["4: Hello!"]);
    assert_eq!(speak(&list(vec![voice("one", None), voice("two", None)])).await, ["sound", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_fails_or_stalls_is_followed_by_the_next() {
    let three = [Some(How::Fail), Some(How::Stall), None];
    let names = ["one", "two", "three"];
    let models = names.into_iter().zip(three).map(|(name, how)| model(name, how)).collect();
    let first = "one -> two: the script lets the answer fail here";
    assert_eq!(answer(&list(models)).await, [first, "two -> three: no text in time", "three", "finished"]);

    let ears = names.into_iter().zip(three).map(|(name, how)| ear(name, how)).collect();
    let first = "one -> two: the script lets recognition fail here";
    assert_eq!(hear(&list(ears)).await, [first, "two -> three: no text in time", "4: Hello!"]);

    let voices = names.into_iter().zip(three).map(|(name, how)| voice(name, how)).collect();
    let first = "one -> two: the script lets the speech fail here";
    assert_eq!(speak(&list(voices)).await, [first, "two -> three: no sound in time", "sound", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn when_the_last_one_fails_the_answer_has_failed() {
    let lines = answer(&list(vec![model("one", Some(How::Stall)), model("two", Some(How::Fail))])).await;
    assert_eq!(lines, ["one -> two: no text in time", "failed: the script lets the answer fail here"]);
    let lines = hear(&list(vec![ear("one", Some(How::Stall)), ear("two", Some(How::Fail))])).await;
    assert_eq!(lines, ["one -> two: no text in time", "4 failed: the script lets recognition fail here"]);
    let lines = speak(&list(vec![voice("one", Some(How::Stall)), voice("two", Some(How::Fail))])).await;
    assert_eq!(lines, ["one -> two: no sound in time", "failed: the script lets the speech fail here"]);
}

#[tokio::test(start_paused = true)]
async fn sound_that_breaks_off_is_not_begun_again_by_another_voice() {
    let lines = speak(&list(vec![voice("one", Some(How::FailMidway)), voice("two", None)])).await;
    assert_eq!(lines, ["sound", "failed: the script lets the speech fail here"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_failed_is_asked_last_for_a_while() {
    let models = list(vec![model("one", Some(How::Fail)), model("two", None)]);
    assert_eq!(answer(&models).await.len(), 3);
    assert_eq!(answer(&models).await, ["two", "finished"]);
    tokio::time::advance(REST).await;
    assert_eq!(answer(&models).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn another_voice_may_have_another_rate() {
    struct Low(Arc<dyn Synthesizer>);
    impl Synthesizer for Low {
        fn sample_rate(&self) -> u32 {
            8_000
        }
        fn voices(&self) -> Vec<Voice> {
            self.0.voices()
        }
        fn synthesise(&self, request: SpeechRequest) -> mpsc::Receiver<SpeechEvent> {
            self.0.synthesise(request)
        }
    }
    let low = Low(voice("two", None).provider);
    let voices = list(vec![voice("one", Some(How::Fail)), Named { name: "two".to_owned(), provider: Arc::new(low) }]);
    let lines = speak(&voices).await;
    assert_eq!(lines[1..], ["8000", "sound", "finished"]);
    // While the first one rests it is the second that begins, and says so.
    assert_eq!(speak(&voices).await, ["8000", "sound", "finished"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_a_provider_like_any_other() {
    let scripted = ScriptedFamily::new(Script::default(), Handle::current()).call();
    let patience = Duration::from_secs(60);
    let twice = |provider: Arc<dyn LanguageModel>| {
        ["one", "two"].map(|name| Named { name: name.to_owned(), provider: provider.clone() }).to_vec()
    };
    let examination = language_model::Examination { patience, repeats_itself: true };
    language_model::examine(&list(twice(scripted.language_model)), examination).await;

    let twice = |provider: Arc<dyn Synthesizer>| {
        ["one", "two"].map(|name| Named { name: name.to_owned(), provider: provider.clone() }).to_vec()
    };
    let examination = synthesizer::Examination { patience, has_rates: true };
    synthesizer::examine(&list(twice(scripted.synthesizer)), examination).await;

    let script = Script::from_lines([("First line.", "ok")]).unwrap();
    let provider =
        || -> Arc<dyn Recognizer> { ScriptedFamily::new(script.clone(), Handle::current()).call().recognizer };
    let ears = ["one", "two"].map(|name| Named { name: name.to_owned(), provider: provider() }).to_vec();
    let speech = speech_like("First line.", 2_000, 16_000);
    let examination = recognizer::Examination { speech: &speech, patience, repeats_itself: true };
    recognizer::examine(&list(ears), examination).await;
}
