//! What every [`Recognizer`] does.

use super::within;
use crate::{ProviderError, Recognition, RecognitionEvent, RecognitionParams, Recognizer};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

/// Utterances at once; an implementation may refuse some of their texts, but it answers each.
const CROWD: usize = 80;
/// 20 ms at 16 kHz, as audio comes from a call.
const CHUNK: usize = 320;

/// How to examine a recogniser.
#[derive(Clone, Copy, Debug)]
pub struct Examination<'a> {
    /// One utterance at 16 kHz, at least a second.
    pub speech: &'a [f32],
    /// The longest that one text may take.
    pub patience: Duration,
    /// Whether the same audio always gets the same text.
    pub repeats_itself: bool,
}

/// Panics at the first promise that `recognizer` breaks.
pub async fn examine(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    assert!(examination.speech.len() >= 16_000, "a second of speech is needed");
    speech_has_a_text(recognizer, examination).await;
    next_to_nothing_has_none(recognizer, examination).await;
    every_request_is_answered_once_and_in_order(recognizer, examination).await;
    an_abandoned_utterance_does_not_hold_up_the_next(recognizer, examination).await;
    a_full_channel_loses_interim_texts_only(recognizer, examination).await;
    utterances_side_by_side_do_not_mix(recognizer, examination).await;
    a_crowd_is_answered_or_refused(recognizer, examination).await;
    any_sound_has_an_answer(recognizer, examination).await;
}

/// An utterance with nothing pushed yet.
pub fn open(recognizer: &dyn Recognizer, capacity: usize) -> (Box<dyn Recognition>, Receiver<RecognitionEvent>) {
    let (events, receiver) = channel(capacity);
    (recognizer.open(RecognitionParams::default(), events), receiver)
}

/// Pushes audio in chunks as a call would, without its pauses.
pub fn push(utterance: &mut dyn Recognition, audio: &[f32]) {
    for chunk in audio.chunks(CHUNK) {
        utterance.push(chunk);
    }
}

/// The next answer to a request; interim texts are passed over.
pub async fn answer(events: &mut Receiver<RecognitionEvent>) -> (u32, Result<String, ProviderError>) {
    loop {
        match events.recv().await {
            Some(RecognitionEvent::Interim { text }) => assert!(!text.is_empty(), "an empty interim text"),
            Some(RecognitionEvent::FellBack { .. }) => {}
            Some(RecognitionEvent::Final { revision, text }) => return (revision, Ok(text)),
            Some(RecognitionEvent::Failed { revision, error }) => return (revision, Err(error)),
            None => panic!("the utterance was closed without an answer"),
        }
    }
}

/// The text of one whole utterance.
pub async fn recognise(recognizer: &dyn Recognizer, audio: &[f32], patience: Duration) -> String {
    let (mut utterance, mut events) = open(recognizer, 64);
    push(&mut *utterance, audio);
    utterance.transcribe(1);
    let (revision, text) = within(patience, "a text", answer(&mut events)).await;
    assert_eq!(revision, 1);
    text.unwrap_or_else(|error| panic!("recognition failed: {error}"))
}

async fn speech_has_a_text(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    let text = recognise(recognizer, examination.speech, examination.patience).await;
    assert!(!text.is_empty() && text == text.trim(), "{text:?}");
}

async fn next_to_nothing_has_none(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    for length in [0, 1, 1_600] {
        let text = recognise(recognizer, &examination.speech[..length], examination.patience).await;
        assert_eq!(text, "", "{length} samples");
    }
}

async fn every_request_is_answered_once_and_in_order(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    let (mut utterance, mut events) = open(recognizer, 64);
    let (first, second) = examination.speech.split_at(examination.speech.len() / 2);
    push(&mut *utterance, first);
    utterance.transcribe(1);
    utterance.transcribe(2);
    push(&mut *utterance, second);
    utterance.transcribe(7);
    for expected in [1, 2, 7] {
        let (revision, text) = within(examination.patience, "a revision", answer(&mut events)).await;
        assert_eq!(revision, expected);
        assert!(text.is_ok(), "{text:?}");
    }
    // Later audio is recognised too, after the channel has been quiet.
    push(&mut *utterance, second);
    utterance.transcribe(8);
    assert_eq!(within(examination.patience, "a revision", answer(&mut events)).await.0, 8);
    drop(utterance);
    while let Some(event) = within(examination.patience, "the end of events", events.recv()).await {
        let is_answer = matches!(event, RecognitionEvent::Final { .. } | RecognitionEvent::Failed { .. });
        assert!(!is_answer, "a further answer: {event:?}");
    }
}

async fn an_abandoned_utterance_does_not_hold_up_the_next(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    for _ in 0..20 {
        let (mut utterance, _events) = open(recognizer, 4);
        push(&mut *utterance, examination.speech);
        utterance.transcribe(1);
    }
    let text = recognise(recognizer, examination.speech, examination.patience).await;
    assert!(!text.is_empty());
}

async fn a_full_channel_loses_interim_texts_only(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    const CAPACITY: usize = 2;
    let (mut utterance, mut events) = open(recognizer, CAPACITY);
    // Audio, and time for interim texts that nobody takes, until no more of them fit or 5 s are over.
    for piece in examination.speech.chunks(8_000).cycle().take(20) {
        push(&mut *utterance, piece);
        tokio::time::sleep(Duration::from_millis(250)).await;
        if events.len() == CAPACITY {
            break;
        }
    }
    utterance.transcribe(3);
    let (revision, text) =
        within(examination.patience * 4, "the text through a full channel", answer(&mut events)).await;
    assert!(revision == 3 && text.is_ok_and(|text| !text.is_empty()));
}

async fn utterances_side_by_side_do_not_mix(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    let (whole, half) = (examination.speech, &examination.speech[..examination.speech.len() / 2]);
    let patience = examination.patience;
    let alone = [recognise(recognizer, whole, patience).await, recognise(recognizer, half, patience).await];
    let (mut a, mut a_events) = open(recognizer, 64);
    let (mut b, mut b_events) = open(recognizer, 64);
    for (n, chunk) in whole.chunks(CHUNK).enumerate() {
        a.push(chunk);
        b.push(half.chunks(CHUNK).nth(n).unwrap_or_default());
    }
    a.transcribe(1);
    b.transcribe(2);
    let a = within(patience * 2, "a text beside another", answer(&mut a_events)).await;
    let b = within(patience * 2, "a text beside another", answer(&mut b_events)).await;
    assert_eq!((a.0, b.0), (1, 2), "revisions changed hands");
    let together = [a.1, b.1].map(|text| text.unwrap_or_else(|error| panic!("beside another: {error}")));
    if examination.repeats_itself {
        assert_eq!(together, alone);
    }
}

async fn a_crowd_is_answered_or_refused(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    let second = &examination.speech[..16_000];
    let mut crowd: Vec<_> = (0..CROWD).map(|_| open(recognizer, 8)).collect();
    for (utterance, _) in &mut crowd {
        push(&mut **utterance, second);
        utterance.transcribe(1);
    }
    for (_, events) in &mut crowd {
        if let Err(error) = within(examination.patience * 20, "a crowd", answer(events)).await.1 {
            assert!(error.retryable, "a refusal for lack of room is not final: {error}");
        }
    }
    drop(crowd);
    assert!(!recognise(recognizer, examination.speech, examination.patience).await.is_empty());
}

async fn any_sound_has_an_answer(recognizer: &dyn Recognizer, examination: Examination<'_>) {
    let odd: Vec<f32> =
        [f32::NAN, f32::INFINITY, 1e30, -1.0, f32::MIN_POSITIVE].into_iter().cycle().take(32_000).collect();
    let text = recognise(recognizer, &odd, examination.patience).await;
    assert!(text.len() < 1_000, "{} bytes of text in two seconds", text.len());
    assert!(!recognise(recognizer, examination.speech, examination.patience).await.is_empty());
}
