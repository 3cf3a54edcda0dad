//! The voice heard by the recogniser: what hibari says, Whisper understands.
#![cfg(feature = "local")]
#![allow(clippy::unwrap_used)]

use ringline_providers::local::hibari::{HIBARI_RATE, Hibari};
use ringline_providers::local::{Whisper, WhisperConfig};
use ringline_providers::suite::models_for_tests;
use ringline_providers::suite::recognizer::{answer, open, push};
use ringline_providers::suite::synthesizer::{listen, saying};
use ringline_providers::{EAR_RATE, SpeechRequest, Synthesizer};
use std::f32::consts::PI;

/// What is given to the voice, and what is to be heard. Each contains what the other stages could garble.
const SENTENCES: [(&str, &str); 7] = [
    ("The quick brown fox jumps over the lazy dog.", "the quick brown fox jumps over the lazy dog"),
    ("Thank you for calling, how may I help you today?", "thank you for calling how may i help you today"),
    (
        "Your table is booked for Friday evening & the garden is open.",
        "your table is booked for friday evening and the garden is open",
    ),
    (
        "Most people like the harbour best when the boats come in.",
        "most people like the harbor best when the boats come in",
    ),
    ("Write to help@example.com, please.", "write to help at example dot com please"),
    (
        "**Certainly!** The museum opens in the morning 🎉 and closes late.",
        "certainly the museum opens in the morning and closes late",
    ),
    (
        "The train goes at a speed of 80 km/h through the hills.",
        "the train goes at a speed of 80 kilometers per hour through the hills",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_voice_says_is_understood() {
    let names = ["onnxruntime", "hibari", "hibari-vocab", "hibari-oov", "hibari-oov-alphabet"];
    let ears = ["whisper-encoder", "whisper-decoder", "whisper-tokenizer"];
    let Some(store) = models_for_tests(&[names.as_slice(), ears.as_slice()].concat()) else { return };
    let (voice, whisper) = tokio::task::spawn_blocking(move || {
        let english = WhisperConfig { language: Some("en".into()), ..WhisperConfig::default() };
        (Hibari::load(&store).unwrap(), Whisper::load(&store, english).unwrap())
    })
    .await
    .unwrap();

    for rate in [1.0, 1.3, 0.8] {
        let (mut wrong, mut total) = (0, 0);
        for (given, expected) in SENTENCES {
            let request = SpeechRequest { rate, ..saying(given) };
            let (audio, ending) = listen(voice.synthesise(request)).await;
            assert!(ending.is_ok());
            let (mut utterance, mut events) = open(&whisper, 64);
            push(&mut *utterance, &at_ear_rate(&audio));
            utterance.transcribe(1);
            let heard = answer(&mut events).await.1.unwrap();
            let errors = distance(&words(&heard), &words(expected));
            println!("rate {rate}, {errors} wrong: {heard}");
            wrong += errors;
            total += words(expected).len();
        }
        assert!(wrong * 20 <= total, "at rate {rate} {wrong} of {total} words are not understood");
    }
}

/// From the voice's rate to the ear's, three samples to two, through a windowed sinc that ends below the new band's edge.
fn at_ear_rate(audio: &[f32]) -> Vec<f32> {
    assert_eq!((HIBARI_RATE * 2, EAR_RATE * 3), (48_000, 48_000));
    let cutoff = 0.94 * 2.0 / 3.0;
    let tap = |x: f32| {
        let sinc = if x == 0.0 { 1.0 } else { (PI * x * cutoff).sin() / (PI * x * cutoff) };
        cutoff * sinc * (0.5 + 0.5 * (PI * x / 24.0).cos())
    };
    let sample = |n: usize| {
        let centre = n as f32 * 1.5;
        let first = (centre as usize).saturating_sub(23);
        let near = audio.iter().enumerate().skip(first).take(47);
        near.map(|(k, x)| x * tap(k as f32 - centre)).sum()
    };
    (0..audio.len() * 2 / 3).map(sample).collect()
}

/// Lower case, without punctuation; signs that Whisper writes for words become the words.
fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase().replace("km/h", "kilometers per hour").replace('@', " at ");
    let text = text.replace("help at example.com", "help at example dot com").replace("harbour", "harbor");
    let plain = |word: &str| word.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    text.split_whitespace().map(plain).filter(|word| !word.is_empty()).collect()
}

/// Insertions, deletions and substitutions that make `a` into `b`.
fn distance(a: &[String], b: &[String]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, word) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let cost = if word == other { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}
