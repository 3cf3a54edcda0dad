//! The playout queue: order, gate, flush, pauses. Every tick is one frame of outgoing time.
#![allow(clippy::unwrap_used)]

use ringline_audio::{
    CAPACITY, DUCKED, KEEP_ALIVE_TICKS, MAX_SEGMENTS, MOUTH_FRAME, Playing, Playout, Pushed, Stopped, TAIL_TICKS, Tick,
};
use ringline_model::{ResponseId, SegmentId};

const FRAME: usize = MOUTH_FRAME;

fn r(n: u64) -> ResponseId {
    ResponseId(n)
}

fn s(n: u64) -> SegmentId {
    SegmentId(n)
}

/// One tick, owned and readable.
#[derive(Clone, Debug, PartialEq)]
enum Heard {
    /// First sample, and the events: started, finished.
    Frame(Vec<f32>, Option<u64>, Vec<u64>),
    Silence,
    KeepAlive,
    Idle,
}

fn tick(playout: &mut Playout) -> Heard {
    match playout.tick() {
        Tick::Frame { pcm, events } => {
            Heard::Frame(pcm.to_vec(), events.started.map(|s| s.0), events.finished().map(|s| s.0).collect())
        }
        Tick::Silence => Heard::Silence,
        Tick::KeepAlive => Heard::KeepAlive,
        Tick::Idle => Heard::Idle,
    }
}

fn ticks(playout: &mut Playout, n: usize) -> Vec<Heard> {
    (0..n).map(|_| tick(playout)).collect()
}

/// A frame of one value with its events.
fn frame(value: f32, started: Option<u64>, finished: &[u64]) -> Heard {
    Heard::Frame(vec![value; FRAME], started, finished.to_vec())
}

fn push(playout: &mut Playout, response: u64, segment: u64, value: f32, samples: usize) -> Pushed {
    playout.push(r(response), s(segment), &vec![value; samples])
}

/// The pattern of ticks when there is nothing to say, beginning with the one after the last sent packet.
fn idle(n: usize) -> Vec<Heard> {
    let period = KEEP_ALIVE_TICKS as usize;
    (1..=n).map(|k| if k % period == 0 { Heard::KeepAlive } else { Heard::Idle }).collect()
}

#[test]
fn a_segment_starts_once_and_finishes_with_its_last_frame() {
    let mut playout = Playout::new();
    assert_eq!(push(&mut playout, 1, 1, 0.1, 3 * FRAME), Pushed::Queued);
    playout.finish_segment(r(1), s(1));
    assert_eq!(playout.queued_ms(), 60);
    let heard = ticks(&mut playout, 3);
    assert_eq!(heard, [frame(0.1, Some(1), &[]), frame(0.1, None, &[]), frame(0.1, None, &[1])]);
    assert_eq!(playout.queued_ms(), 0);
    assert_eq!(ticks(&mut playout, TAIL_TICKS as usize), vec![Heard::Silence; 10]);
    assert_eq!(ticks(&mut playout, 30), idle(30));
}

#[test]
fn the_first_tick_of_a_call_opens_the_path_and_then_five_per_second_keep_it() {
    let mut playout = Playout::new();
    assert_eq!(tick(&mut playout), Heard::KeepAlive);
    let second = ticks(&mut playout, 50);
    assert_eq!(second, idle(50));
    assert_eq!(second.iter().filter(|t| **t == Heard::KeepAlive).count(), 5);
}

#[test]
fn pieces_of_odd_sizes_come_out_as_the_same_samples() {
    let samples: Vec<f32> = (0..10_007).map(|n| (n % 1000) as f32 / 1000.0).collect();
    let mut playout = Playout::new();
    let mut rest = samples.as_slice();
    for size in [1usize, 479, 480, 481, 7, 2, 1333].iter().cycle() {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        assert_eq!(playout.push(r(1), s(1), now), Pushed::Queued);
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    playout.finish_segment(r(1), s(1));
    let mut heard = Vec::new();
    let mut ends = 0;
    while ends == 0 {
        let Heard::Frame(pcm, started, finished) = tick(&mut playout) else { panic!("no frame") };
        assert_eq!(started, heard.is_empty().then_some(1));
        heard.extend(pcm);
        ends += finished.len();
    }
    assert_eq!(heard.len(), samples.len().div_ceil(FRAME) * FRAME);
    assert_eq!(heard[..samples.len()], samples);
    assert!(heard[samples.len()..].iter().all(|s| *s == 0.0), "the last frame is filled up with silence");
}

#[test]
fn segments_play_in_the_order_of_their_first_push_however_they_arrive() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 5, 0.5, FRAME);
    push(&mut playout, 1, 4, 0.4, FRAME);
    push(&mut playout, 2, 6, 0.6, 1);
    push(&mut playout, 1, 5, 0.5, FRAME);
    playout.finish_segment(r(1), s(4));
    playout.finish_segment(r(2), s(6));
    playout.finish_segment(r(1), s(5));
    let mut last = vec![0.0; FRAME];
    last[0] = 0.6;
    let expected = [
        frame(0.5, Some(5), &[]),
        frame(0.5, None, &[5]),
        frame(0.4, Some(4), &[4]),
        Heard::Frame(last, Some(6), vec![6]),
        Heard::Silence,
    ];
    assert_eq!(ticks(&mut playout, 5), expected);
}

#[test]
fn a_segment_without_audio_only_finishes() {
    let mut playout = Playout::new();
    playout.finish_segment(r(1), s(1));
    push(&mut playout, 1, 2, 0.2, FRAME);
    playout.finish_segment(r(1), s(2));
    playout.finish_segment(r(1), s(3));
    assert_eq!(tick(&mut playout), frame(0.2, Some(2), &[1, 2]));
    assert_eq!(tick(&mut playout), frame(0.0, None, &[3]));
    // The silent frame counts into the tail.
    assert_eq!(ticks(&mut playout, 9), vec![Heard::Silence; 9]);
    assert_eq!(tick(&mut playout), Heard::Idle);
}

#[test]
fn more_empty_segments_than_one_tick_reports_end_one_after_the_other_and_each_once() {
    let mut playout = Playout::new();
    for n in 0..8 {
        playout.finish_segment(r(1), s(n));
    }
    push(&mut playout, 1, 8, 0.8, FRAME);
    playout.finish_segment(r(1), s(8));
    let mut ends = Vec::new();
    for heard in ticks(&mut playout, 4) {
        let Heard::Frame(_, _, finished) = heard else { continue };
        ends.extend(finished);
    }
    assert_eq!(ends, (0..=8).collect::<Vec<_>>());
}

#[test]
fn a_segment_that_has_run_dry_keeps_its_place_and_goes_on() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.1, FRAME + 100);
    push(&mut playout, 1, 2, 0.2, FRAME);
    assert_eq!(tick(&mut playout), frame(0.1, Some(1), &[]));
    // Longer than the tail: synthesis is slow, but the segment is still being spoken.
    assert_eq!(ticks(&mut playout, 25), vec![Heard::Silence; 25]);
    assert_eq!(playout.stats().underruns, 25);
    push(&mut playout, 1, 1, 0.1, FRAME - 100);
    assert_eq!(tick(&mut playout), frame(0.1, None, &[]));
    assert_eq!(tick(&mut playout), Heard::Silence);
    playout.finish_segment(r(1), s(1));
    // It ends late, and the next one begins in the same tick.
    assert_eq!(tick(&mut playout), frame(0.2, Some(2), &[1]));
}

#[test]
fn an_end_that_comes_after_the_last_frame_is_still_reported_once() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.1, FRAME);
    ticks(&mut playout, 3);
    playout.finish_segment(r(1), s(1));
    assert_eq!(tick(&mut playout), frame(0.0, None, &[1]));
    assert!(ticks(&mut playout, 100).iter().all(|t| !matches!(t, Heard::Frame(..))));
}

#[test]
fn a_segment_that_has_not_a_whole_frame_yet_has_not_begun() {
    let mut playout = Playout::new();
    tick(&mut playout);
    push(&mut playout, 1, 1, 0.1, FRAME - 1);
    assert_eq!(ticks(&mut playout, 20), idle(20));
    assert_eq!((playout.playing(), playout.stats().underruns), (None, 0));
    assert_eq!(playout.stop(r(1)), Stopped::default());
    assert_eq!(ticks(&mut playout, 20), idle(20), "nothing sounded, nothing fades");
}

#[test]
fn a_stop_fades_one_frame_then_ten_of_silence_then_keeps_alive() {
    let mut playout = Playout::new();
    push(&mut playout, 7, 1, 0.8, 50 * FRAME);
    push(&mut playout, 7, 2, 0.9, 50 * FRAME);
    ticks(&mut playout, 5);
    assert_eq!(playout.playing(), Some(Playing { response: r(7), segment: s(1), played_ms: 100 }));
    assert_eq!(playout.stop(r(7)), Stopped { segment: Some(s(1)), played_ms: 100 });
    assert_eq!((playout.queued_ms(), playout.playing()), (0, None));
    let Heard::Frame(fade, None, finished) = tick(&mut playout) else { panic!("no fade") };
    assert!(finished.is_empty());
    for (n, sample) in fade.iter().enumerate() {
        let expected = if n < 240 { 0.8 * (240 - n) as f32 / 240.0 } else { 0.0 };
        assert!((sample - expected).abs() < 1e-6, "sample {n}: {sample}");
    }
    assert_eq!(ticks(&mut playout, 10), vec![Heard::Silence; 10]);
    assert_eq!(ticks(&mut playout, 40), idle(40));
    assert_eq!(playout.stop(r(7)), Stopped::default(), "stopping again changes nothing");
    assert_eq!(ticks(&mut playout, 10), idle(10));
}

#[test]
fn a_stop_while_synthesis_is_behind_needs_no_fade_and_is_silent_for_as_long() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.5, FRAME);
    ticks(&mut playout, 4);
    assert_eq!(playout.stop(r(1)), Stopped { segment: Some(s(1)), played_ms: 20 });
    assert_eq!(ticks(&mut playout, 10), vec![Heard::Silence; 10]);
    assert_eq!(ticks(&mut playout, 20), idle(20));
}

#[test]
fn late_audio_of_a_stopped_response_is_dropped_and_of_a_newer_one_plays() {
    let mut playout = Playout::new();
    push(&mut playout, 3, 1, 0.3, FRAME * 2);
    tick(&mut playout);
    playout.stop(r(3));
    for response in 0..=3 {
        assert_eq!(push(&mut playout, response, 1, 0.3, FRAME), Pushed::Stale);
        assert_eq!(playout.finish_segment(r(response), s(1)), Pushed::Stale);
    }
    assert_eq!(push(&mut playout, 2, 9, 0.3, CAPACITY + 1), Pushed::Stale, "not Full: it would be offered again");
    assert_eq!(playout.stats().stale, 9);
    assert_eq!(push(&mut playout, 4, 2, 0.4, FRAME), Pushed::Queued);
    let Heard::Frame(fade, None, _) = tick(&mut playout) else { panic!("no fade") };
    assert!((fade[0] - 0.3).abs() < 1e-6);
    assert_eq!(tick(&mut playout), frame(0.4, Some(2), &[]));
    // The gate never opens again for what is older.
    playout.stop(r(1));
    assert_eq!(push(&mut playout, 3, 5, 0.3, FRAME), Pushed::Stale);
}

#[test]
fn a_stop_leaves_newer_responses_alone() {
    let mut playout = Playout::new();
    push(&mut playout, 2, 1, 0.2, 2 * FRAME);
    push(&mut playout, 1, 2, 0.1, 2 * FRAME);
    tick(&mut playout);
    assert_eq!(playout.stop(r(1)), Stopped::default());
    assert_eq!(playout.queued_ms(), 20);
    assert_eq!(tick(&mut playout), frame(0.2, None, &[]));
}

#[test]
fn a_stop_between_segments_names_none() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.1, FRAME);
    playout.finish_segment(r(1), s(1));
    push(&mut playout, 1, 2, 0.2, 10 * FRAME);
    assert_eq!(tick(&mut playout), frame(0.1, Some(1), &[1]));
    assert_eq!(playout.stop(r(1)), Stopped::default());
    assert_eq!(ticks(&mut playout, 10), vec![Heard::Silence; 10]);
    assert_eq!(tick(&mut playout), Heard::Idle);
}

#[test]
fn while_held_nothing_is_sent_consumed_or_reported() {
    let mut playout = Playout::new();
    playout.hold(true);
    push(&mut playout, 1, 1, 0.1, 2 * FRAME);
    playout.finish_segment(r(1), s(0));
    assert_eq!(ticks(&mut playout, 100), vec![Heard::Idle; 100]);
    assert_eq!(playout.queued_ms(), 40);
    playout.hold(false);
    assert_eq!(tick(&mut playout), frame(0.1, Some(1), &[]));
    playout.hold(true);
    assert_eq!(tick(&mut playout), Heard::Idle);
    playout.hold(false);
    assert_eq!(tick(&mut playout), frame(0.1, None, &[]), "it goes on where it was");
}

#[test]
fn who_comes_back_does_not_hear_the_fade_of_what_was_stopped_meanwhile() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.1, 5 * FRAME);
    tick(&mut playout);
    playout.hold(true);
    assert_eq!(playout.stop(r(1)), Stopped { segment: Some(s(1)), played_ms: 20 });
    playout.hold(false);
    assert!(!matches!(tick(&mut playout), Heard::Frame(..)));
}

#[test]
fn a_piece_that_does_not_fit_is_refused_whole() {
    let mut playout = Playout::new();
    assert_eq!(push(&mut playout, 1, 1, 0.1, CAPACITY - 1), Pushed::Queued);
    assert_eq!(push(&mut playout, 1, 1, 0.1, 2), Pushed::Full);
    assert_eq!(push(&mut playout, 1, 2, 0.1, 2), Pushed::Full);
    assert_eq!(push(&mut playout, 1, 1, 0.1, 1), Pushed::Queued);
    assert_eq!(playout.queued_ms(), 120_000);
    tick(&mut playout);
    assert_eq!(push(&mut playout, 1, 1, 0.1, FRAME + 1), Pushed::Full);
    assert_eq!(push(&mut playout, 1, 1, 0.1, FRAME), Pushed::Queued);
    assert_eq!(playout.stats().full, 3);
}

#[test]
fn the_number_of_waiting_segments_is_limited() {
    let mut playout = Playout::new();
    for n in 0..MAX_SEGMENTS as u64 {
        assert_eq!(push(&mut playout, 1, n, 0.1, 1), Pushed::Queued);
    }
    assert_eq!(push(&mut playout, 1, 1000, 0.1, 1), Pushed::Full);
    assert_eq!(playout.finish_segment(r(1), s(1000)), Pushed::Full);
    assert_eq!(playout.finish_segment(r(1), s(0)), Pushed::Queued);
    assert_eq!(push(&mut playout, 1, 0, 0.1, 1), Pushed::Stale, "it was said to be complete");
    tick(&mut playout);
    assert_eq!(playout.finish_segment(r(1), s(1000)), Pushed::Queued);
}

#[test]
fn volume_glides_within_a_frame_and_clips_at_full_scale() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.4, 6 * FRAME);
    playout.volume(50);
    let Heard::Frame(glide, ..) = tick(&mut playout) else { panic!("no frame") };
    assert!(glide[0] > 0.39 && (glide[FRAME - 1] - 0.2).abs() < 1e-3, "{} {}", glide[0], glide[FRAME - 1]);
    assert!(glide.windows(2).all(|w| w[0] >= w[1] && w[0] - w[1] < 0.001), "a step");
    assert_eq!(tick(&mut playout), frame(0.2, None, &[]));
    playout.volume(1000);
    tick(&mut playout);
    assert_eq!(tick(&mut playout), frame(1.0, None, &[]), "400 % of 0.4, clipped");
    playout.volume(0);
    tick(&mut playout);
    assert_eq!(tick(&mut playout), frame(0.0, None, &[]));
}

/// A segment of `frames` frames whose samples all differ, queued; and its samples.
fn ramp(playout: &mut Playout, frames: usize) -> Vec<f32> {
    let pcm: Vec<f32> = (0..frames * FRAME).map(|n| 0.2 + n as f32 * 1e-5).collect();
    assert_eq!(playout.push(r(1), s(1), &pcm), Pushed::Queued);
    playout.finish_segment(r(1), s(1));
    pcm
}

fn samples(heard: Heard) -> Vec<f32> {
    match heard {
        Heard::Frame(pcm, ..) => pcm,
        other => panic!("no frame but {other:?}"),
    }
}

#[test]
fn ducked_speech_goes_on_quietly_and_comes_back_without_a_click_or_a_lost_sample() {
    let mut playout = Playout::new();
    let pcm = ramp(&mut playout, 7);
    let mut got = samples(tick(&mut playout));
    playout.duck();
    got.extend((0..3).flat_map(|_| samples(tick(&mut playout))));
    playout.unduck();
    got.extend((0..3).flat_map(|_| samples(tick(&mut playout))));
    let gains: Vec<f32> = got.iter().zip(&pcm).map(|(got, pcm)| got / pcm).collect();
    assert!(gains.windows(2).all(|w| (w[0] - w[1]).abs() < 0.002), "a step");
    let at = |frame: usize| gains[frame * FRAME + FRAME - 1];
    for (frame, gain) in [(0, 1.0), (1, DUCKED), (2, DUCKED), (3, DUCKED), (4, 1.0), (6, 1.0)] {
        assert!((at(frame) - gain).abs() < 1e-3, "frame {frame}: {}", at(frame));
    }
    assert_eq!(playout.playing(), None, "all of it has left");
}

#[test]
fn a_pause_keeps_every_sample_for_later() {
    let mut playout = Playout::new();
    let pcm = ramp(&mut playout, 6);
    let mut got = samples(tick(&mut playout));
    playout.duck();
    got.extend(samples(tick(&mut playout)));
    playout.pause();
    let faded = samples(tick(&mut playout));
    assert!(faded[0] > 0.0 && faded[FRAME - 1].abs() < 1e-3, "it does not fade: {}", faded[FRAME - 1]);
    assert_eq!(ticks(&mut playout, 50), vec![Heard::Silence; 50], "a pause is silence that is sent");
    assert_eq!(playout.playing().map(|playing| playing.played_ms), Some(40));
    playout.unduck();
    got.extend((0..4).flat_map(|_| samples(tick(&mut playout))));
    assert_eq!(got.len(), pcm.len());
    assert_eq!(got[3 * FRAME..], pcm[3 * FRAME..], "behind the pause all is as it was");
    let gains: Vec<f32> = got[2 * FRAME..3 * FRAME].iter().zip(&pcm[2 * FRAME..]).map(|(got, pcm)| got / pcm).collect();
    assert!(
        gains[0] < 0.01 && gains.windows(2).all(|w| w[1] >= w[0] - 1e-4 && w[1] - w[0] < 0.005),
        "it does not glide"
    );
}

#[test]
fn a_stop_ends_a_pause_and_what_comes_next_is_loud() {
    let mut playout = Playout::new();
    push(&mut playout, 1, 1, 0.4, 6 * FRAME);
    tick(&mut playout);
    playout.pause();
    ticks(&mut playout, 3);
    assert_eq!(playout.stop(r(1)), Stopped { segment: Some(s(1)), played_ms: 20 });
    push(&mut playout, 2, 2, 0.4, 3 * FRAME);
    let faded = samples(tick(&mut playout));
    assert!(faded.iter().all(|sample| *sample == 0.0), "something of the stopped one is heard");
    samples(tick(&mut playout));
    assert_eq!(tick(&mut playout), frame(0.4, None, &[]));
}

#[test]
fn a_pause_before_a_segment_keeps_it_from_beginning() {
    let mut playout = Playout::new();
    playout.pause();
    push(&mut playout, 1, 1, 0.4, 2 * FRAME);
    ticks(&mut playout, 5);
    assert_eq!(playout.playing(), None);
    playout.unduck();
    assert!(matches!(tick(&mut playout), Heard::Frame(_, Some(1), _)));
}

#[test]
fn speech_begins_with_a_whole_frame_of_a_segment_that_nothing_is_played_of() {
    let mut playout = Playout::new();
    assert!(!playout.begins(), "there is nothing");
    push(&mut playout, 1, 1, 0.5, FRAME - 1);
    assert!(!playout.begins(), "not a whole frame");
    push(&mut playout, 1, 1, 0.5, FRAME + 1);
    assert!(playout.begins());
    playout.hold(true);
    assert!(!playout.begins(), "nobody is there");
    playout.hold(false);
    tick(&mut playout);
    assert!(!playout.begins(), "it has begun");
    playout.pause();
    playout.stop(r(1));
    assert!(!playout.begins(), "a fade is on its way");
    tick(&mut playout);
    push(&mut playout, 2, 2, 0.5, 10);
    assert!(!playout.begins());
    playout.finish_segment(r(2), s(2));
    assert!(playout.begins(), "a short one that is whole");
}
