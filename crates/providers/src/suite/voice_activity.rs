//! What every [`VoiceActivity`] does.

use crate::VoiceActivity;

/// From here on a frame counts as speech.
const SPEECH: f32 = 0.5;

/// Panics at the first promise that the detectors given by `make` break. `speech`: a recording at 16 kHz, at least a
/// second, in which somebody speaks most of the time.
pub fn examine(make: &mut dyn FnMut() -> Box<dyn VoiceActivity>, speech: &[f32]) {
    assert!(speech.len() >= 16_000, "a second of speech is needed");
    silence_is_no_speech(&mut *make());
    speech_is_speech(&mut *make(), speech);
    any_sound_has_a_probability(&mut *make(), speech);
    after_a_reset_it_begins_anew(&mut *make(), speech);
    detectors_do_not_share_state(make, speech);
}

/// The probability of each whole frame.
pub fn run(detector: &mut dyn VoiceActivity, audio: &[f32]) -> Vec<f32> {
    let length = detector.frame_len();
    audio.chunks_exact(length).map(|frame| detector.predict(frame)).collect()
}

/// The share of frames that are speech.
pub fn share(probabilities: &[f32]) -> f32 {
    probabilities.iter().filter(|p| **p > SPEECH).count() as f32 / probabilities.len() as f32
}

fn silence_is_no_speech(detector: &mut dyn VoiceActivity) {
    assert!((80..=1_600).contains(&detector.frame_len()), "5 to 100 ms, not {} samples", detector.frame_len());
    let probabilities = run(detector, &[0.0; 32_000]);
    assert!(share(&probabilities) == 0.0, "{probabilities:?}");
}

fn speech_is_speech(detector: &mut dyn VoiceActivity, speech: &[f32]) {
    let found = share(&run(detector, speech));
    assert!(found > 0.5, "only {found} of the speech was found");
}

fn any_sound_has_a_probability(detector: &mut dyn VoiceActivity, speech: &[f32]) {
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e30, -1e30, f32::MIN_POSITIVE, 1.0, -1.0];
    let odd: Vec<f32> = odd.iter().copied().cycle().take(8_000).collect();
    for p in run(detector, &odd) {
        assert!((0.0..=1.0).contains(&p), "{p} is no probability");
    }
    run(detector, &[0.0; 16_000]);
    let found = share(&run(detector, speech));
    assert!(found > 0.5, "after odd samples only {found} of the speech was found");
}

fn after_a_reset_it_begins_anew(detector: &mut dyn VoiceActivity, speech: &[f32]) {
    let first = run(detector, speech);
    detector.reset();
    assert!(run(detector, speech) == first, "something was left from before the reset");
}

fn detectors_do_not_share_state(make: &mut dyn FnMut() -> Box<dyn VoiceActivity>, speech: &[f32]) {
    let (mut a, mut b, mut alone) = (make(), make(), make());
    let length = a.frame_len();
    let alone = run(&mut *alone, speech);
    for (frame, expected) in speech.chunks_exact(length).zip(alone) {
        assert!(a.predict(frame) == expected, "another call's audio changed this one's result");
        b.predict(&vec![0.0; length]);
    }
}
