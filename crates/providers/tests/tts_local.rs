//! The local voice with its real network: the suite, and what is its own.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used)]

use ringline_providers::local::hibari::Hibari;
use ringline_providers::suite::models_for_tests;
use ringline_providers::suite::synthesizer::{self, listen, saying};
use ringline_providers::{SpeechEvent, Synthesizer};
use std::time::Duration;

async fn voice() -> Option<Hibari> {
    let store = models_for_tests(&["onnxruntime", "hibari", "hibari-vocab", "hibari-oov", "hibari-oov-alphabet"])?;
    Some(tokio::task::spawn_blocking(move || Hibari::load(&store).unwrap()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_voice_passes_the_suite() {
    let Some(voice) = voice().await else { return };
    let examination = synthesizer::Examination { patience: Duration::from_secs(60), has_rates: true };
    synthesizer::examine(&voice, examination).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_who_does_not_read_holds_nobody_up() {
    let Some(voice) = voice().await else { return };
    let paragraph = "The harbour was quiet when the first boats came in. ".repeat(60);
    let idle: Vec<_> = (0..8).map(|_| voice.synthesise(saying(&paragraph))).collect();
    // The idle readers fill all places of texts spoken in turns, so the next one waits until one of them reads or leaves.
    let next = voice.synthesise(saying("Hello."));
    drop(idle);
    let (audio, ending) = tokio::time::timeout(Duration::from_secs(60), listen(next)).await.unwrap();
    assert!(ending.is_ok() && !audio.is_empty());

    let idle = voice.synthesise(saying(&paragraph));
    // Each of these gives the idle reader's text a turn, more than its channel holds.
    for _ in 0..25 {
        let hello = listen(voice.synthesise(saying("Hello.")));
        let (audio, ending) = tokio::time::timeout(Duration::from_secs(60), hello).await.unwrap();
        assert!(ending.is_ok() && !audio.is_empty());
    }
    let (audio, ending) = tokio::time::timeout(Duration::from_secs(120), listen(idle)).await.unwrap();
    assert!(ending.is_ok() && audio.len() > 100 * 24_000, "{} samples", audio.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_voice_fails_what_is_under_way() {
    let Some(voice) = voice().await else { return };
    let paragraph = "The harbour was quiet when the first boats came in. ".repeat(60);
    let mut events = voice.synthesise(saying(&paragraph));
    assert!(matches!(events.recv().await, Some(SpeechEvent::Audio(_))));
    tokio::task::spawn_blocking(move || drop(voice)).await.unwrap();
    assert!(!listen(events).await.1.unwrap_err().retryable);
}
