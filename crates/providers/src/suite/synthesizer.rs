//! What every [`Synthesizer`] does.

use super::within;
use crate::text::MAX_SPEECH_CHARS;
use crate::{ProviderError, SpeechContext, SpeechEvent, SpeechRequest, Synthesizer};
use futures_util::future::join_all;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Requests made at once; an implementation may refuse some of them, but it ends each.
const CROWD: usize = 48;

const SENTENCE: &str = "The harbour was quiet when the first boats came in.";

/// How to examine a voice.
#[derive(Clone, Copy, Debug)]
pub struct Examination {
    /// The longest that the speech of a few sentences may take.
    pub patience: Duration,
    /// Whether it can speak faster and slower.
    pub has_rates: bool,
}

/// Panics at the first promise that `voice` breaks.
pub async fn examine(voice: &dyn Synthesizer, examination: Examination) {
    let Examination { patience, has_rates } = examination;
    describes_itself(voice);
    speech_is_sound_of_plausible_length(voice, patience).await;
    anything_may_be_spoken(voice, patience).await;
    too_long_a_text_fails_without_sound(voice, patience).await;
    any_rate_is_spoken_at(voice, patience).await;
    if has_rates {
        the_rate_changes_the_length(voice, patience).await;
    }
    abandoned_speech_does_not_hold_up_the_next(voice, patience).await;
    speech_side_by_side_does_not_mix(voice, patience).await;
    a_crowd_is_answered_or_refused(voice, patience).await;
}

/// A request in the default voice at normal rate.
pub fn saying(text: &str) -> SpeechRequest {
    SpeechRequest { text: text.into(), voice: None, rate: 1.0, context: SpeechContext::default() }
}

/// Reads a stream to its end: the sound, and how it ended. Panics if it ends without saying how, goes on afterwards, or
/// has a sample that is no sound.
pub async fn listen(mut events: Receiver<SpeechEvent>) -> (Vec<f32>, Result<(), ProviderError>) {
    let mut audio = Vec::new();
    let ending = loop {
        match events.recv().await {
            Some(SpeechEvent::Audio(chunk)) => {
                assert!(!chunk.is_empty(), "an empty chunk of audio");
                assert!(chunk.iter().all(|x| x.is_finite() && x.abs() <= 1.0), "samples outside -1..1");
                audio.extend(chunk);
            }
            Some(SpeechEvent::Rate(_) | SpeechEvent::FellBack { .. }) => {
                assert!(audio.is_empty(), "another voice in the middle of the sound");
            }
            Some(SpeechEvent::Finished) => break Ok(()),
            Some(SpeechEvent::Failed(error)) => break Err(error),
            None => panic!("speech stopped after {} samples without an ending", audio.len()),
        }
    };
    assert!(events.recv().await.is_none(), "something came after the ending");
    (audio, ending)
}

fn describes_itself(voice: &dyn Synthesizer) {
    assert!((8_000..=48_000).contains(&voice.sample_rate()));
    let voices = voice.voices();
    assert!(!voices.is_empty(), "no voices");
    for (n, one) in voices.iter().enumerate() {
        assert!(!one.id.is_empty() && !one.name.is_empty() && one.language.len() >= 2, "{one:?}");
        assert!(voices[..n].iter().all(|other| other.id != one.id), "two voices are called {}", one.id);
    }
}

async fn speak(voice: &dyn Synthesizer, patience: Duration, request: SpeechRequest) -> Vec<f32> {
    let about = format!("{} characters at rate {}", request.text.chars().count(), request.rate);
    let (audio, ending) = within(patience, &about, listen(voice.synthesise(request))).await;
    assert!(ending.is_ok(), "{about}: {ending:?}");
    audio
}

fn seconds(voice: &dyn Synthesizer, audio: &[f32]) -> f64 {
    audio.len() as f64 / f64::from(voice.sample_rate())
}

async fn speech_is_sound_of_plausible_length(voice: &dyn Synthesizer, patience: Duration) {
    let audio = speak(voice, patience, saying(SENTENCE)).await;
    let per_char = seconds(voice, &audio) / SENTENCE.chars().count() as f64;
    assert!((0.03..0.15).contains(&per_char), "{per_char} s a character");
    let peak = audio.iter().fold(0.0f32, |peak, x| peak.max(x.abs()));
    assert!(peak > 0.05, "the loudest sample is {peak}");

    let other = SpeechRequest { voice: Some("nobody by this name".into()), ..saying(SENTENCE) };
    assert!(!speak(voice, patience, other).await.is_empty(), "an unknown voice is the default one");
    let paragraph = format!("{SENTENCE} ").repeat(8);
    let long = speak(voice, patience, saying(&paragraph)).await;
    assert!(long.len() > audio.len() * 6, "eight sentences have {} samples, one has {}", long.len(), audio.len());
}

async fn anything_may_be_spoken(voice: &dyn Synthesizer, patience: Duration) {
    for text in ["", " \n ", "...", "🎉", "—", "漢字かな", "<b>\u{0}\u{7}</b>", "a", "(((", "\u{301}\u{301}"] {
        let audio = speak(voice, patience, saying(text)).await;
        assert!(seconds(voice, &audio) < 5.0, "{text:?} takes {} s", seconds(voice, &audio));
    }
    let no_spaces = "x".repeat(1_000);
    speak(voice, patience, saying(&no_spaces)).await;
}

async fn too_long_a_text_fails_without_sound(voice: &dyn Synthesizer, patience: Duration) {
    for text in ["a ".repeat(MAX_SPEECH_CHARS), "é".repeat(MAX_SPEECH_CHARS + 1)] {
        let (audio, ending) = within(patience, "too long a text", listen(voice.synthesise(saying(&text)))).await;
        assert!(audio.is_empty(), "{} samples of a text that is too long", audio.len());
        assert!(ending.is_err_and(|error| !error.retryable), "a text that is too long stays too long");
    }
}

async fn the_rate_changes_the_length(voice: &dyn Synthesizer, patience: Duration) {
    let at = |rate| SpeechRequest { rate, ..saying(SENTENCE) };
    let normal = speak(voice, patience, at(1.0)).await.len();
    let fast = speak(voice, patience, at(1.6)).await.len();
    let slow = speak(voice, patience, at(0.6)).await.len();
    assert!(fast * 5 < normal * 4 && normal * 5 < slow * 4, "fast {fast}, normal {normal}, slow {slow}");
}

async fn any_rate_is_spoken_at(voice: &dyn Synthesizer, patience: Duration) {
    let normal = speak(voice, patience, saying(SENTENCE)).await.len();
    for rate in [0.0, -1.0, 1000.0, f64::NAN, f64::INFINITY] {
        let odd = speak(voice, patience, SpeechRequest { rate, ..saying(SENTENCE) }).await.len();
        assert!(odd > normal / 4 && odd < normal * 4, "rate {rate}: {odd} samples, normally {normal}");
    }
}

async fn abandoned_speech_does_not_hold_up_the_next(voice: &dyn Synthesizer, patience: Duration) {
    let paragraph = format!("{SENTENCE} ").repeat(40);
    drop(voice.synthesise(saying(&paragraph)));
    for _ in 0..5 {
        let mut events = voice.synthesise(saying(&paragraph));
        within(patience, "the start of speech", events.recv()).await;
        drop(events);
    }
    assert!(!speak(voice, patience, saying("Hello.")).await.is_empty());
}

async fn speech_side_by_side_does_not_mix(voice: &dyn Synthesizer, patience: Duration) {
    let texts = ["One and two.", "A different sentence altogether.", SENTENCE];
    let mut alone = Vec::new();
    for text in texts {
        alone.push(speak(voice, patience, saying(text)).await);
    }
    let together = join_all(texts.map(|text| listen(voice.synthesise(saying(text)))));
    let together = within(patience * 3, "speech side by side", together).await;
    for ((text, alone), (audio, ending)) in texts.iter().zip(&alone).zip(&together) {
        assert!(ending.is_ok(), "{ending:?}");
        assert!(audio == alone, "beside others {text:?} sounds different");
    }
}

async fn a_crowd_is_answered_or_refused(voice: &dyn Synthesizer, patience: Duration) {
    let crowd = (0..CROWD).map(|_| listen(voice.synthesise(saying("Hello."))));
    for (audio, ending) in within(patience * 4, "a crowd", join_all(crowd.collect::<Vec<_>>())).await {
        match ending {
            Ok(()) => assert!(!audio.is_empty()),
            Err(error) => assert!(error.retryable, "a refusal for lack of room is not final: {error}"),
        }
    }
    assert!(!speak(voice, patience, saying("Hello.")).await.is_empty());
}
