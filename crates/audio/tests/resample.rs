//! Length, place and shape survive the change of rate, in pieces of any size.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use ringline_audio::{AudioError, Resampler};

fn convert(from: u32, to: u32, pcm: &[f32], pieces: &[usize]) -> Vec<f32> {
    let mut resampler = Resampler::new(from, to).unwrap();
    let (mut out, mut rest) = (Vec::new(), pcm);
    for piece in pieces.iter().cycle() {
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        resampler.push(now, &mut out);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    resampler.finish(&mut out);
    out
}

fn sine(rate: u32, hertz: f64, samples: usize) -> Vec<f32> {
    (0..samples).map(|n| (n as f64 * hertz * std::f64::consts::TAU / f64::from(rate)).sin() as f32 * 0.5).collect()
}

#[test]
fn a_tone_keeps_pitch_level_and_phase() {
    for (from, to) in
        [(22_050, 24_000), (16_000, 24_000), (24_000, 16_000), (44_100, 24_000), (48_000, 24_000), (8_000, 24_000)]
    {
        for hertz in [100.0, 440.0, 1_000.0, 3_000.0] {
            let out = convert(from, to, &sine(from, hertz, from as usize), &[777]);
            let expected = sine(to, hertz, to as usize);
            // Beginning and end are cut off sines and ring; in between it has to be the same wave.
            let middle = to as usize / 10..to as usize * 9 / 10;
            let error: f64 = middle.clone().map(|n| f64::from(out[n] - expected[n]).powi(2)).sum();
            let power: f64 = middle.map(|n| f64::from(expected[n]).powi(2)).sum();
            let decibels = 10.0 * (power / error).log10();
            assert!(decibels > 60.0, "{from} to {to}, {hertz} Hz: {decibels:.1} dB");
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_gone() {
    let out = convert(48_000, 16_000, &sine(48_000, 11_000.0, 48_000), &[480]);
    let loudest = out[1600..14_400].iter().fold(0.0f32, |m, s| m.max(s.abs()));
    assert!(loudest < 0.001, "{loudest}");
}

#[test]
fn a_click_stays_where_it_was() {
    for (from, to) in [(16_000u32, 24_000u32), (22_050, 24_000), (48_000, 24_000)] {
        let mut pcm = vec![0.0; from as usize];
        pcm[from as usize / 2] = 1.0;
        let out = convert(from, to, &pcm, &[from as usize]);
        let peak = (0..out.len()).max_by(|a, b| out[*a].abs().total_cmp(&out[*b].abs())).unwrap();
        assert!(peak.abs_diff(to as usize / 2) <= 1, "{from} to {to}: {peak}");
    }
}

#[test]
fn equal_rates_pass_through_at_once() {
    let mut resampler = Resampler::new(24_000, 24_000).unwrap();
    let mut out = vec![9.0];
    resampler.push(&[0.1, 0.2], &mut out);
    assert_eq!(out, [9.0, 0.1, 0.2]);
    resampler.finish(&mut out);
    assert_eq!(out, [9.0, 0.1, 0.2]);
}

#[test]
fn after_the_end_a_new_stream_begins_without_a_trace_of_the_old() {
    let mut resampler = Resampler::new(22_050, 24_000).unwrap();
    let (loud, quiet) = (sine(22_050, 440.0, 5_000), vec![0.0; 5_000]);
    let mut out = Vec::new();
    resampler.push(&loud, &mut out);
    resampler.finish(&mut out);
    assert_eq!(out.len(), 5_442);
    out.clear();
    resampler.push(&quiet, &mut out);
    resampler.finish(&mut out);
    assert_eq!(out, vec![0.0; 5_442]);
    resampler.finish(&mut out);
    assert_eq!(out.len(), 5_442);
}

#[test]
fn impossible_rates_are_refused() {
    for (from, to) in [(0, 24_000), (24_000, 0), (3_999, 24_000), (24_000, 192_001)] {
        assert!(matches!(Resampler::new(from, to), Err(AudioError::Rate { .. })), "{from} {to}");
    }
    assert!(Resampler::new(4_000, 192_000).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn length_is_the_ratio_and_pieces_make_no_difference(
        from in prop::sample::select(vec![8_000u32, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000]),
        to in prop::sample::select(vec![8_000u32, 16_000, 24_000, 48_000]),
        samples in 0usize..20_000,
        pieces in prop::collection::vec(1usize..3_000, 1..8),
    ) {
        let pcm = sine(from, 300.0, samples);
        let whole = convert(from, to, &pcm, &[samples.max(1)]);
        let exact = samples as f64 * f64::from(to) / f64::from(from);
        prop_assert!((whole.len() as f64 - exact).abs() <= 0.5, "{} for {exact}", whole.len());
        prop_assert_eq!(whole, convert(from, to, &pcm, &pieces));
    }
}
