//! The scripted family: its own rules, and the suites of its traits, on a paused clock.
#![allow(clippy::unwrap_used)]

use ringline_providers::scripted::{Script, ScriptTurn, ScriptedCall, ScriptedFamily};
use ringline_providers::suite::language_model::{self, Examination, conversation, question, read};
use ringline_providers::suite::synthesizer::{self, listen, saying};
use ringline_providers::{
    ChatEvent, ChatRole, LanguageModel, Recognition, RecognitionEvent, RecognitionParams, Recognizer, SpeechEvent,
    Synthesizer,
};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;

const LINES: [(&str, &str); 3] =
    [("First line.", "First answer, here you are."), ("Second line.", "Second answer."), ("Third line.", "Third.")];

fn call(troubles: &str) -> ScriptedCall {
    let mut script = Script::from_lines(LINES).unwrap();
    for (turn, trouble) in script.turns.iter_mut().zip(troubles.split('\n')) {
        let with: ScriptTurn = toml::from_str(&format!("hears='x'\nanswers='y'\n{trouble}")).unwrap();
        turn.trouble = with.trouble;
    }
    ScriptedFamily::new(script, Handle::current()).call()
}

fn open(call: &ScriptedCall) -> (Box<dyn Recognition>, mpsc::Receiver<RecognitionEvent>) {
    let (events, receiver) = mpsc::channel(64);
    (call.recognizer.open(RecognitionParams::default(), events), receiver)
}

async fn final_text(utterance: &mut dyn Recognition, events: &mut mpsc::Receiver<RecognitionEvent>) -> String {
    utterance.transcribe(1);
    loop {
        match events.recv().await.unwrap() {
            RecognitionEvent::Interim { .. } => {}
            RecognitionEvent::Final { revision: 1, text } => return text,
            other => panic!("{other:?}"),
        }
    }
}

/// One utterance of `ms` milliseconds.
async fn hear(call: &ScriptedCall, ms: usize) -> String {
    let (mut utterance, mut events) = open(call);
    utterance.push(&vec![0.1; ms * 16]);
    final_text(&mut *utterance, &mut events).await
}

#[tokio::test(start_paused = true)]
async fn the_family_passes_the_suites() {
    let call = ScriptedFamily::new(Script::default(), Handle::current()).call();
    let patience = Duration::from_secs(60);
    language_model::examine(&*call.language_model, Examination { patience, repeats_itself: true }).await;
    synthesizer::examine(&*call.synthesizer, synthesizer::Examination { patience, has_rates: true }).await;
}

#[tokio::test(start_paused = true)]
async fn each_utterance_is_the_next_line_and_the_script_starts_again_at_its_end() {
    let call = call("");
    for expected in ["First line.", "Second line.", "Third line.", "First line."] {
        assert_eq!(hear(&call, 1_000).await, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_starts_at_the_first_line() {
    let family = ScriptedFamily::new(Script::from_lines(LINES).unwrap(), Handle::current());
    let (one, other) = (family.call(), family.call());
    assert_eq!(hear(&one, 1_000).await, "First line.");
    assert_eq!(hear(&other, 1_000).await, "First line.");
    assert_eq!(hear(&one, 1_000).await, "Second line.");
}

#[tokio::test(start_paused = true)]
async fn a_short_noise_has_no_text_and_takes_no_line() {
    let call = call("");
    assert_eq!(hear(&call, 249).await, "");
    assert_eq!(hear(&call, 250).await, "First line.");
}

#[tokio::test(start_paused = true)]
async fn an_utterance_nobody_asked_about_takes_no_line() {
    let call = call("");
    let (mut utterance, _events) = open(&call);
    utterance.push(&[0.1; 16_000]);
    drop(utterance);
    assert_eq!(hear(&call, 1_000).await, "First line.");
}

#[tokio::test(start_paused = true)]
async fn interim_words_come_with_the_audio_and_the_final_text_after_its_delay() {
    let call = call("");
    let (mut utterance, mut events) = open(&call);
    let mut interim = Vec::new();
    for _ in 0..50 {
        utterance.push(&[0.1; 320]);
        while let Ok(event) = events.try_recv() {
            match event {
                RecognitionEvent::Interim { text } => interim.push(text),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(interim, ["First", "First line."]);
    let asked = Instant::now();
    assert_eq!(final_text(&mut *utterance, &mut events).await, "First line.");
    assert_eq!(asked.elapsed().as_millis(), 150);
}

#[tokio::test(start_paused = true)]
async fn more_audio_of_the_same_utterance_keeps_its_line() {
    let call = call("");
    let (mut utterance, mut events) = open(&call);
    utterance.push(&[0.1; 16_000]);
    utterance.transcribe(1);
    utterance.push(&[0.1; 16_000]);
    utterance.transcribe(2);
    let mut finals = Vec::new();
    while finals.len() < 2 {
        if let RecognitionEvent::Final { revision, text } = events.recv().await.unwrap() {
            finals.push((revision, text));
        }
    }
    assert_eq!(finals, [(1, "First line.".into()), (2, "First line.".to_owned())]);
    assert_eq!(hear(&call, 1_000).await, "Second line.");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_utterance_says_nothing_more() {
    let call = call("");
    let (mut utterance, mut events) = open(&call);
    utterance.push(&[0.1; 4_000]);
    utterance.transcribe(1);
    drop(utterance);
    while let Some(event) = events.recv().await {
        assert!(matches!(event, RecognitionEvent::Interim { .. }), "{event:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_follow_the_last_words_of_the_user() {
    let call = call("");
    let answer = async |text: &str| read(call.language_model.generate(question(text))).await.0;
    assert_eq!(answer("second line").await, "Second answer.");
    assert_eq!(answer("Something else").await, "You said: Something else");
    // An utterance in two parts is answered by the line it ends with.
    assert_eq!(answer("First line. Third line.").await, "Third.");
}

#[tokio::test(start_paused = true)]
async fn tokens_come_at_their_pace() {
    let call = call("");
    let asked = Instant::now();
    let mut events = call.language_model.generate(question("First line."));
    let mut times = Vec::new();
    while let Some(ChatEvent::Text(_)) = events.recv().await {
        times.push(asked.elapsed().as_millis());
    }
    assert_eq!(times.len(), 5);
    assert_eq!(times[0], 250);
    assert!((60..=70).contains(&(times[4] - times[0])), "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn speech_comes_at_its_pace_and_is_as_long_as_its_text() {
    let call = call("");
    let asked = Instant::now();
    let mut events = call.synthesizer.synthesise(saying("0123456789"));
    let mut got = Vec::new();
    while let Some(SpeechEvent::Audio(chunk)) = events.recv().await {
        got.push((asked.elapsed().as_millis(), chunk.len()));
    }
    // 600 ms of sound in chunks of 100 ms, each 10 ms after the one before.
    assert_eq!(got.iter().map(|(_, samples)| samples).sum::<usize>(), 14_400);
    assert_eq!(got.first().unwrap().0, 100);
    assert!((150..=156).contains(&got.last().unwrap().0), "{got:?}");
}

#[tokio::test(start_paused = true)]
async fn troubles_strike_their_stage_as_often_as_written() {
    let call = call(
        "trouble={stage='language_model',how='fail',times=1,retryable=true}\n\
         trouble={stage='synthesis',how='fail_midway'}\n\
         trouble={stage='recognition',how='fail'}",
    );
    let (text, ending) = read(call.language_model.generate(question("First line."))).await;
    assert_eq!(text, "");
    assert!(ending.unwrap_err().retryable);
    assert!(read(call.language_model.generate(question("First line."))).await.1.is_ok());

    for _ in 0..2 {
        let (audio, ending) = listen(call.synthesizer.synthesise(saying("Second answer."))).await;
        assert_eq!(audio.len(), 24 * 14 * 60 / 2);
        assert!(!ending.unwrap_err().retryable);
    }
    assert!(listen(call.synthesizer.synthesise(saying("Third."))).await.1.is_ok());

    hear(&call, 1_000).await;
    hear(&call, 1_000).await;
    let (mut utterance, mut events) = open(&call);
    utterance.push(&[0.1; 4_000]);
    utterance.transcribe(7);
    while let Some(event) = events.recv().await {
        if let RecognitionEvent::Failed { revision, .. } = event {
            assert_eq!(revision, 7);
            return;
        }
    }
    panic!("recognition did not fail");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_stage_is_silent_until_it_is_dropped() {
    let call = call(
        "trouble={stage='language_model',how='stall'}\n\
         trouble={stage='synthesis',how='stall'}\n\
         trouble={stage='recognition',how='stall'}",
    );
    let a_minute = Duration::from_secs(60);
    let mut answer = call.language_model.generate(question("First line."));
    assert!(tokio::time::timeout(a_minute, answer.recv()).await.is_err());
    let mut speech = call.synthesizer.synthesise(saying("Second answer."));
    assert!(tokio::time::timeout(a_minute, speech.recv()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn repeated_words_walk_through_their_lines() {
    let script = Script::from_lines([("Yes.", "One."), ("Yes.", "Two.")]).unwrap();
    let call = ScriptedFamily::new(script, Handle::current()).call();
    let once = conversation([(ChatRole::User, "Yes.")]);
    let twice = conversation([(ChatRole::User, "Yes."), (ChatRole::Assistant, "One."), (ChatRole::User, "Yes.")]);
    assert_eq!(read(call.language_model.generate(once)).await.0, "One.");
    assert_eq!(read(call.language_model.generate(twice)).await.0, "Two.");
}
