//! Voices as vectors: the suite, and how well real speakers are told apart.
#![allow(clippy::unwrap_used)]

mod recordings;

use ringline_providers::scripted::ScriptedEmbedder;
use ringline_providers::suite::embedder::examine;
use std::sync::Arc;
use std::time::Duration;

/// A voice of one pitch.
fn hum(hz: f32) -> Arc<[f32]> {
    let sample = |n: usize| {
        let t = n as f32 / 16_000.0;
        (1..6).map(|k| (t * hz * k as f32 * std::f32::consts::TAU).sin() / k as f32).sum::<f32>() * 0.2
    };
    (0..64_000).map(sample).collect()
}

#[tokio::test(start_paused = true)]
async fn the_scripted_embedder_passes_the_suite() {
    let voices = [hum(100.0), hum(160.0), hum(240.0)];
    examine(&ScriptedEmbedder, &voices, Duration::from_secs(10)).await;
}

#[cfg(feature = "local")]
mod d_vector {
    use super::*;
    use ringline_providers::local::DVector;
    use ringline_providers::similarity;
    use ringline_providers::suite::embedder::ask;
    use ringline_providers::suite::models_for_tests;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn load() -> Option<DVector> {
        let store = models_for_tests(&["speaker-embedder", "onnxruntime"])?;
        Some(DVector::load(&store).unwrap())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_d_vector_network_passes_the_suite() {
        let (Some(recordings), Some(model)) = (recordings::all(), load()) else { return };
        let joined = |name: &str| -> Arc<[f32]> {
            let audio = recordings.iter().filter(|r| r.name.starts_with(name)).flat_map(|r| r.audio.clone());
            audio.collect()
        };
        examine(&model, &[joined("sense"), joined("00")], PATIENCE).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn sentences_of_one_reader_are_more_alike_than_any_of_two() {
        let (Some(recordings), Some(model)) = (recordings::all(), load()) else { return };
        let (mut same, mut other) = (Vec::new(), Vec::new());
        let mut vectors = Vec::new();
        for recording in &recordings {
            vectors.push((
                recording.name.starts_with("sense"),
                ask(&model, &recording.audio.clone().into(), PATIENCE).await,
            ));
        }
        for (n, (reads, a)) in vectors.iter().enumerate() {
            for (also, b) in &vectors[n + 1..] {
                let alike = similarity(a, b);
                if reads == also { same.push(alike) } else { other.push(alike) }
            }
        }
        same.sort_by(f32::total_cmp);
        other.sort_by(f32::total_cmp);
        println!("one speaker {same:.2?}\ntwo speakers {other:.2?}");
        assert!(other[other.len() - 1] < same[same.len() / 10], "one speaker {same:?}, two {other:?}");
    }
}
