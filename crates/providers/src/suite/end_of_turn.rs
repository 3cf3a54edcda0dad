//! What every [`EndOfTurn`] does.

use super::within;
use crate::EndOfTurn;
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Questions at once; an implementation may refuse some of them, but it answers each.
const CROWD: usize = 80;

/// Panics at the first promise that `model` breaks. `patience`: the longest that one question may take.
/// `audio`: an utterance at 16 kHz.
pub async fn examine(model: &dyn EndOfTurn, audio: Arc<[f32]>, patience: Duration) {
    any_audio_has_a_probability(model, &audio, patience).await;
    the_same_question_has_the_same_answer(model, &audio, patience).await;
    an_abandoned_question_does_not_hold_up_the_next(model, &audio, patience).await;
    a_crowd_is_answered_or_refused(model, &audio, patience).await;
}

/// Asks one question.
pub async fn ask(model: &dyn EndOfTurn, audio: &Arc<[f32]>, text: &str, patience: Duration) -> f32 {
    let answer = within(patience, "a question", model.probability(audio.clone(), text)).await;
    let p = answer.unwrap_or_else(|error| panic!("a question failed: {error}"));
    assert!((0.0..=1.0).contains(&p), "{p} is no probability");
    p
}

async fn any_audio_has_a_probability(model: &dyn EndOfTurn, audio: &Arc<[f32]>, patience: Duration) {
    let minute: Arc<[f32]> = audio.iter().copied().cycle().take(60 * 16_000).collect();
    let odd: Arc<[f32]> = [f32::NAN, f32::INFINITY, 1e30, -1.0].into_iter().cycle().take(16_000).collect();
    for audio in [Arc::from([]), Arc::from([0.1]), Arc::from([0.0; 16_000]), odd, minute] {
        for text in ["", "Yes.", "\u{0} 漢"] {
            ask(model, &audio, text, patience).await;
        }
    }
}

async fn the_same_question_has_the_same_answer(model: &dyn EndOfTurn, audio: &Arc<[f32]>, patience: Duration) {
    let half: Arc<[f32]> = audio[..audio.len() / 2].into();
    let alone = [ask(model, audio, "So", patience).await, ask(model, &half, "So", patience).await];
    let together = join_all([ask(model, audio, "So", patience * 2), ask(model, &half, "So", patience * 2)]).await;
    assert!(together == alone, "side by side {together:?}, alone {alone:?}");
}

async fn an_abandoned_question_does_not_hold_up_the_next(
    model: &dyn EndOfTurn,
    audio: &Arc<[f32]>,
    patience: Duration,
) {
    for _ in 0..16 {
        // The question is asked when the future is first polled, and given up at once.
        tokio::select! {
            biased;
            _ = model.probability(audio.clone(), "So") => {}
            () = std::future::ready(()) => {}
        }
    }
    ask(model, audio, "So", patience * 2).await;
}

async fn a_crowd_is_answered_or_refused(model: &dyn EndOfTurn, audio: &Arc<[f32]>, patience: Duration) {
    let crowd: Vec<_> = (0..CROWD).map(|_| model.probability(audio.clone(), "So")).collect();
    for answer in within(patience * CROWD as u32, "a crowd", join_all(crowd)).await {
        match answer {
            Ok(p) => assert!((0.0..=1.0).contains(&p)),
            Err(error) => assert!(error.retryable, "a refusal for lack of room is not final: {error}"),
        }
    }
    ask(model, audio, "So", patience).await;
}
