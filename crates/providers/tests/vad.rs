//! Voice activity detectors: the suite, and how they compare on real speech and on what is none.
#![allow(clippy::unwrap_used)]

mod recordings;

use ringline_providers::VoiceActivity;
use ringline_providers::earshot::EarshotVad;
use ringline_providers::suite::voice_activity::{examine, run, share};

#[test]
fn earshot_passes_the_suite() {
    let Some(recordings) = recordings::librivox() else { return };
    examine(&mut || Box::new(EarshotVad::new()), &recordings[0].audio);
}

#[cfg(feature = "local")]
mod silero {
    use super::*;
    use ringline_providers::local::SileroVad;
    use ringline_providers::suite::models_for_tests;
    use std::time::Instant;

    fn load() -> Option<SileroVad> {
        let store = models_for_tests(&["silero-vad", "onnxruntime"])?;
        Some(SileroVad::load(&store).unwrap())
    }

    #[test]
    fn silero_passes_the_suite() {
        let (Some(recordings), Some(first)) = (recordings::librivox(), load()) else { return };
        examine(&mut || Box::new(first.another()), &recordings[0].audio);
    }

    #[test]
    fn both_detectors_agree_on_real_speech() {
        let (Some(recordings), Some(mut silero)) = (recordings::all(), load()) else { return };
        let (mut same, mut frames) = (0, 0);
        for recording in &recordings {
            let mut earshot = EarshotVad::new();
            silero.reset();
            let audio = recordings::followed_by_silence(&recording.audio, 500);
            let began = Instant::now();
            let a = run(&mut silero, &audio);
            let each = began.elapsed() / a.len() as u32;
            let b = run(&mut earshot, &audio);
            println!("{}: silero {:.2} ({each:?} a frame), earshot {:.2}", recording.name, share(&a), share(&b));
            // A frame of Silero's is two of earshot's.
            same +=
                b.iter().enumerate().filter(|(n, p)| a.get(n / 2).is_some_and(|q| (*q > 0.5) == (**p > 0.5))).count();
            frames += b.len();
        }
        let agreement = same as f32 / frames as f32;
        println!("agreement {agreement:.3}");
        assert!(agreement > 0.85, "{agreement}");
    }

    #[test]
    fn the_end_of_speech_is_heard_within_a_quarter_second() {
        let (Some(recordings), Some(mut silero)) = (recordings::librivox(), load()) else { return };
        for recording in &recordings {
            silero.reset();
            run(&mut silero, &recording.audio);
            let after = run(&mut silero, &[0.0; 16_000]);
            let quiet = after.iter().rposition(|p| *p > 0.35).map_or(0, |last| last + 1);
            assert!(quiet <= 8, "{}: still speech {} ms after the end", recording.name, quiet * 32);
        }
    }

    /// Hold music and ring tones are where the detectors differ most.
    #[test]
    fn silero_takes_a_chord_for_no_speech() {
        let Some(mut silero) = load() else { return };
        let tone = |hz: f32, i: usize| (i as f32 * hz * std::f32::consts::TAU / 16_000.0).sin() * 0.15;
        let chord: Vec<f32> =
            (0..80_000).map(|i| [261.6, 329.6, 392.0].iter().map(|hz| tone(*hz, i)).sum::<f32>()).collect();
        let found = share(&run(&mut silero, &chord));
        assert!(found < 0.05, "{found}");
    }
}
