//! The echo guard in simulated rooms, with made-up voices. `ringline lab --rooms` does the same with real ones.
#![allow(clippy::unwrap_used)]

use ringline_audio::room::{Canceller, HEARD, Room};
use ringline_audio::{EAR_RATE, EchoGuard, MOUTH_FRAME, MOUTH_RATE, Voice, level_dbfs};
use ringline_model::{CallTime, SplitMix64};
use std::time::Duration;

const SECOND: usize = 50;

/// Syllables of changing pitch and colour with pauses between, by chance; never twice the same.
fn speech(seed: u64, seconds: usize, rate: u32) -> Vec<f32> {
    let mut chance = SplitMix64::new(seed);
    let mut between = |least: f64, most: f64| (least + (most - least) * chance.fraction()) as f32;
    let length = rate as usize * seconds;
    let mut out = Vec::with_capacity(length);
    while out.len() < length {
        let count = (between(0.09, 0.28) * rate as f32) as usize;
        let pitch = between(90.0, 220.0);
        let formants = [between(300.0, 800.0), between(900.0, 2200.0), between(2300.0, 3400.0)];
        let hiss = between(0.0, 0.1);
        let loud = between(0.3, 1.0);
        let colour = |hz: f32| formants.iter().map(|f| (-((hz - f) / 180.0).powi(2)).exp()).sum::<f32>() + 0.02;
        let partials: Vec<(f32, f32)> =
            (1..(4000.0 / pitch) as usize).map(|k| k as f32 * pitch).map(|hz| (hz, colour(hz))).collect();
        for n in 0..count {
            let t = n as f32 / rate as f32;
            let swell = (std::f32::consts::PI * n as f32 / count as f32).sin();
            let tone: f32 = partials.iter().map(|(hz, level)| (t * hz * std::f32::consts::TAU).sin() * level).sum();
            out.push((tone * 0.08 + hiss * between(-1.0, 1.0)) * swell * loud);
        }
        let pause = between(0.0, 0.12) * if between(0.0, 1.0) < 0.15 { 4.0 } else { 1.0 };
        out.extend(std::iter::repeat_n(0.0, (pause * rate as f32) as usize));
    }
    out.truncate(length);
    out
}

fn room(seed: u64) -> Room {
    Room { seed, rt60: 0.35, gain: -12.0, delay: 140, drift: 60.0, noise: -65.0, canceller: Canceller::None }
}

/// The guard's opinion after each 20 ms in which the agent says `sent` and a person `person`.
fn judge(room: Room, sent: &[f32], person: &[f32]) -> (Vec<Voice>, EchoGuard) {
    let (mut line, mut guard) = (room.line().unwrap(), EchoGuard::new());
    let frames = sent.len().div_ceil(MOUTH_FRAME).max(person.len().div_ceil(HEARD));
    let voices = (0..frames).map(|n| {
        let at = CallTime::from_millis(5000 + n as u64 * 20);
        let (mut frame, mut said) = ([0.0; MOUTH_FRAME], [0.0; HEARD]);
        for (to, from) in frame.iter_mut().zip(sent.iter().skip(n * MOUTH_FRAME)) {
            *to = *from;
        }
        for (to, from) in said.iter_mut().zip(person.iter().skip(n * HEARD)) {
            *to = *from;
        }
        if n * MOUTH_FRAME < sent.len() {
            guard.sent(at, &frame);
        }
        guard.heard(at, &line.hear(&frame, &said).unwrap());
        guard.voice()
    });
    (voices.collect(), guard)
}

fn share(voices: &[Voice], wanted: Voice) -> f32 {
    voices.iter().filter(|voice| **voice == wanted).count() as f32 / voices.len() as f32
}

fn quieter(audio: &[f32], db: f32) -> Vec<f32> {
    audio.iter().map(|sample| sample * 10_f32.powf(db / 20.0)).collect()
}

#[test]
fn the_agents_own_voice_is_known_within_half_a_second_and_its_delay_found() {
    for seed in 0..6 {
        let (voices, guard) = judge(room(seed), &speech(seed, 6, MOUTH_RATE), &[]);
        let known = voices.iter().position(|voice| *voice == Voice::Echo).expect("it is known");
        assert!(known < SECOND / 2, "known after {} ms", known * 20);
        assert!(share(&voices[SECOND..], Voice::Echo) > 0.85, "{:?}", &voices[SECOND..]);
        // What is not known for less than 320 ms does not even silence the agent.
        let doubts = voices[SECOND..].split(|voice| *voice == Voice::Echo).map(<[Voice]>::len);
        assert!(doubts.max() < Some(16), "{:?}", &voices[SECOND..]);
        // The codecs add 20 to 30 ms.
        let delay = guard.delay().unwrap();
        assert!((Duration::from_millis(130)..Duration::from_millis(200)).contains(&delay), "{delay:?}");
    }
}

#[test]
fn a_person_without_any_echo_is_never_taken_for_the_agent() {
    for seed in 0..6 {
        let silent = Room { gain: -90.0, ..room(seed) };
        let person = quieter(&speech(100 + seed, 8, EAR_RATE), -6.0);
        let (voices, _) = judge(silent, &speech(seed, 8, MOUTH_RATE), &person);
        assert!(!voices.contains(&Voice::Echo), "seed {seed}");
    }
}

#[test]
fn a_person_over_the_echo_is_noticed_and_the_echo_known_again_afterwards() {
    for seed in 0..6 {
        let said = speech(200 + seed, 1, EAR_RATE);
        let person: Vec<f32> = std::iter::repeat_n(0.0, 3 * EAR_RATE as usize).chain(said).collect();
        let (voices, _) = judge(room(seed), &speech(seed, 7, MOUTH_RATE), &person);
        let during = &voices[3 * SECOND + 5..4 * SECOND];
        assert!(share(during, Voice::Echo) < 0.3, "seed {seed}: {during:?}");
        assert!(share(&voices[5 * SECOND..], Voice::Echo) > 0.8, "seed {seed}: {:?}", &voices[5 * SECOND..]);
    }
}

#[test]
fn the_echo_is_known_again_at_once_after_somebody_much_louder_and_a_pause() {
    for seed in 0..6 {
        let faint = Room { gain: -18.0, noise: -75.0, ..room(seed) };
        let silence = |ms: usize, rate: u32| std::iter::repeat_n(0.0, ms * rate as usize / 1000);
        let mut person: Vec<f32> = silence(3000, EAR_RATE).collect();
        person.extend(speech(200 + seed, 1, EAR_RATE));
        // The agent falls silent for the person, and goes on half a second after.
        let mut sent = speech(seed, 4, MOUTH_RATE);
        sent[3300 * MOUTH_RATE as usize / 1000..].fill(0.0);
        sent.extend(silence(500, MOUTH_RATE));
        sent.extend(speech(50 + seed, 3, MOUTH_RATE));
        let (voices, _) = judge(faint, &sent, &person);
        let again = &voices[4 * SECOND + SECOND / 2..];
        let taken = again.iter().filter(|voice| **voice == Voice::Person).count();
        assert!(taken <= 5, "seed {seed}: {taken} frames of {again:?}");
        assert!(share(&again[SECOND / 2..], Voice::Echo) > 0.8, "seed {seed}: {again:?}");
    }
}

/// The longest time in ms for which something loud was not known to be the agent's voice, after the first second.
fn longest_doubt(room: Room, sent: &[f32]) -> usize {
    let mut line = room.line().unwrap();
    let mut guard = EchoGuard::new();
    let (mut doubt, mut longest) = (0, 0);
    for (n, frame) in sent.as_chunks::<MOUTH_FRAME>().0.iter().enumerate() {
        let at = CallTime::from_millis(n as u64 * 20);
        let heard = line.hear(frame, &[0.0; HEARD]).unwrap();
        guard.sent(at, frame);
        guard.heard(at, &heard);
        if guard.voice() == Voice::Echo || n < SECOND {
            doubt = 0;
        } else if level_dbfs(&heard) > -55.0 {
            doubt += 20;
        }
        longest = longest.max(doubt);
    }
    longest
}

#[test]
fn what_comes_through_a_canceller_that_opens_is_known_as_the_agents() {
    let leaky = |seed| Room { canceller: Canceller::Leaky, gain: -8.0, rt60: 0.6, ..room(seed) };
    let doubts: Vec<usize> = (0..6).map(|seed| longest_doubt(leaky(seed), &speech(seed, 12, MOUTH_RATE))).collect();
    assert!(doubts.iter().sum::<usize>() < 1300, "{doubts:?} ms");
    assert!(doubts.iter().filter(|doubt| **doubt <= 320).count() >= 5, "{doubts:?} ms");
}

#[test]
fn a_person_is_noticed_while_a_canceller_takes_the_agents_voice_away() {
    for seed in 0..6 {
        let leaky = Room { canceller: Canceller::Leaky, ..room(seed) };
        let said = speech(200 + seed, 1, EAR_RATE);
        let person: Vec<f32> = std::iter::repeat_n(0.0, 3 * EAR_RATE as usize).chain(said).collect();
        let (voices, _) = judge(leaky, &speech(seed, 6, MOUTH_RATE), &person);
        let during = &voices[3 * SECOND + 10..4 * SECOND];
        assert!(share(during, Voice::Echo) < 0.3, "seed {seed}: {during:?}");
    }
}

#[test]
fn an_echo_little_above_the_noise_is_found() {
    for seed in 0..6 {
        let faint = Room { gain: -22.0, noise: -52.0, delay: 250, ..room(seed) };
        let (_, guard) = judge(faint, &speech(seed, 4, MOUTH_RATE), &[]);
        let delay = guard.delay().expect("it is found");
        assert!((Duration::from_millis(230)..Duration::from_millis(310)).contains(&delay), "seed {seed}: {delay:?}");
    }
}

#[test]
fn an_echo_with_another_waveform_is_known_by_its_levels() {
    for seed in 0..6 {
        let (mut line, mut guard) = (room(seed).line().unwrap(), EchoGuard::new());
        let mut chance = SplitMix64::new(seed);
        let sent = speech(seed, 8, MOUTH_RATE);
        let (mut known, mut loud) = (0, 0);
        for (n, frame) in sent.as_chunks::<MOUTH_FRAME>().0.iter().enumerate() {
            let at = CallTime::from_millis(n as u64 * 20);
            let turned = if chance.fraction() < 0.5 { -1.0 } else { 1.0 };
            let heard = line.hear(frame, &[0.0; HEARD]).unwrap().map(|sample| sample * turned);
            guard.sent(at, frame);
            guard.heard(at, &heard);
            if n >= 3 * SECOND && level_dbfs(&heard) > -55.0 {
                known += usize::from(guard.voice() == Voice::Echo);
                loud += 1;
            }
        }
        assert!(known * 10 >= loud * 8, "seed {seed}: {known} of {loud}");
    }
}

#[test]
fn who_speaks_while_the_agent_is_silent_is_a_person_whatever_was_said_before() {
    let person: Vec<f32> = std::iter::repeat_n(0.0, 4 * EAR_RATE as usize).chain(speech(7, 2, EAR_RATE)).collect();
    let (voices, _) = judge(room(1), &speech(1, 2, MOUTH_RATE), &person);
    assert_eq!(share(&voices[4 * SECOND..], Voice::Person), 1.0);
}

#[test]
fn odd_samples_and_times_that_jump_do_no_harm() {
    let mut guard = EchoGuard::new();
    for at in [0, 20, 100_000, 50, 50, 3_600_000, 3_600_020] {
        guard.sent(CallTime::from_millis(at), &[f32::NAN; MOUTH_FRAME]);
        guard.sent(CallTime::from_millis(at), &[1e30; MOUTH_FRAME]);
        guard.heard(CallTime::from_millis(at), &[f32::INFINITY; HEARD]);
        guard.heard(CallTime::from_millis(at), &[-1.0; 7]);
    }
}
