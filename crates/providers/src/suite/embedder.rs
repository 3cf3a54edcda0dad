//! What every [`Embedder`] does.

use super::within;
use crate::{Embedder, similarity};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::Duration;

/// Questions at once; an implementation may refuse some of them, but it answers each.
const CROWD: usize = 80;

/// Panics at the first promise that `model` breaks. `patience`: the longest that one question may take. `voices`: speech of
/// several persons at 16 kHz, at least 3 s of each.
pub async fn examine(model: &dyn Embedder, voices: &[Arc<[f32]>], patience: Duration) {
    any_audio_has_a_vector_of_length_one(model, &voices[0], patience).await;
    the_same_audio_has_the_same_vector(model, &voices[0], patience).await;
    a_voice_is_like_itself_and_unlike_others(model, voices, patience).await;
    a_crowd_is_answered_or_refused(model, &voices[0], patience).await;
}

/// Asks one question.
pub async fn ask(model: &dyn Embedder, audio: &Arc<[f32]>, patience: Duration) -> Vec<f32> {
    let vector = within(patience, "a question", model.embed(audio.clone())).await;
    let vector = vector.unwrap_or_else(|error| panic!("a question failed: {error}"));
    let length = similarity(&vector, &vector);
    assert!((length - 1.0).abs() < 1e-3, "its length is {length}");
    vector
}

async fn any_audio_has_a_vector_of_length_one(model: &dyn Embedder, audio: &Arc<[f32]>, patience: Duration) {
    let size = ask(model, audio, patience).await.len();
    let minute: Arc<[f32]> = audio.iter().copied().cycle().take(60 * 16_000).collect();
    let odd: Arc<[f32]> = [f32::NAN, f32::INFINITY, 1e30, -1.0].into_iter().cycle().take(16_000).collect();
    for audio in [Arc::from([]), Arc::from([0.1]), Arc::from([0.0; 16_000]), odd, minute] {
        assert_eq!(ask(model, &audio, patience).await.len(), size);
    }
}

async fn the_same_audio_has_the_same_vector(model: &dyn Embedder, audio: &Arc<[f32]>, patience: Duration) {
    let quieter: Arc<[f32]> = audio.iter().map(|sample| sample * 0.25).collect();
    let (alone, quiet) = (ask(model, audio, patience).await, ask(model, &quieter, patience).await);
    assert_eq!(alone, ask(model, audio, patience).await);
    let alike = similarity(&alone, &quiet);
    assert!(alike > 0.95, "a quieter voice is another one: {alike}");
}

async fn a_voice_is_like_itself_and_unlike_others(model: &dyn Embedder, voices: &[Arc<[f32]>], patience: Duration) {
    let mut halves = Vec::new();
    for voice in voices {
        let (first, second) = voice.split_at(voice.len() / 2);
        halves.push((ask(model, &first.into(), patience).await, ask(model, &second.into(), patience).await));
    }
    for (n, (first, second)) in halves.iter().enumerate() {
        let alike = similarity(first, second);
        assert!(alike >= model.same_from(), "voice {n} is not like itself: {alike}");
        for (other, (_, second)) in halves.iter().enumerate().filter(|(other, _)| *other != n) {
            let alike = similarity(first, second);
            assert!(alike < model.same_from(), "voice {n} is like voice {other}: {alike}");
        }
    }
}

async fn a_crowd_is_answered_or_refused(model: &dyn Embedder, audio: &Arc<[f32]>, patience: Duration) {
    let crowd: Vec<_> = (0..CROWD).map(|_| model.embed(audio.clone())).collect();
    for answer in within(patience * CROWD as u32, "a crowd", join_all(crowd)).await {
        if let Err(error) = answer {
            assert!(error.retryable, "a refusal for lack of room is not final: {error}");
        }
    }
    ask(model, audio, patience).await;
}
