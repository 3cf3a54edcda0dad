//! What other settings would have made of a recorded call.

mod support;

use ringline_conversation::{Change, Decision, WhatIf, what_if};
use ringline_model::CallTime;
use support::{Call, config, ms};

fn what_if_of(call: &Call, change: &str) -> WhatIf {
    let (setup, journal) = call.journal();
    let change: Change = change.parse().expect("a change");
    what_if(setup, &journal, &[change])
}

fn turns(what_if: &WhatIf) -> Vec<(Option<CallTime>, Option<CallTime>)> {
    let is_turn = |decision: &Decision| matches!(decision, Decision::Turn { .. });
    what_if.decisions.iter().filter(|d| is_turn(&d.decision)).map(|d| (d.recorded, d.changed)).collect()
}

#[test]
fn longer_silence_decides_the_same_turns_later_and_the_answers_move_with_them() {
    let mut call = Call::joined(config(|_| ()));
    call.turn(0, 1, 0).after(3000).turn(1, 2, 1).after(3000).skip();
    let what_if = what_if_of(&call, "endpointing.silence=600ms");
    assert_eq!(turns(&what_if), [(Some(ms(1400)), Some(ms(1600))), (Some(ms(6800)), Some(ms(7000)))]);
    assert_eq!(what_if.until, None);
}

#[test]
fn a_turn_that_would_have_gone_on_ends_what_the_recording_can_tell() {
    let mut call = Call::joined(config(|_| ()));
    // Decided at 1.4 s; the user goes on at 1.5 s.
    call.user_says(0, "I want").after(100).speech_starts().after(500).speech_pauses().after(100);
    call.transcript(1, 1, "a taxi").after(1000).skip();
    let what_if = what_if_of(&call, "endpointing.silence=600ms");
    assert_eq!(turns(&what_if), [(Some(ms(1400)), None)]);
    let (at, why) = what_if.until.expect("it ends");
    assert_eq!(at, ms(2000));
    assert!(why.contains("other pieces"), "{why}");
}

#[test]
fn an_interruption_that_needs_longer_speech_would_not_have_happened() {
    let mut call = Call::joined(config(|config| config.asr.vad_level = 0));
    call.user_says(0, "Why?").text(1, "One two three.").finished(1).audio(0).synthesised(0, 3000).plays(0);
    call.at(2000).speech_starts().stopped(1, 0, 600).after(200).speech_pauses().after(50).transcript(1, 1, "").skip();
    call.after(5000).skip();
    let what_if = what_if_of(&call, "interruption.duration=500ms");
    let interruption = what_if.decisions.iter().find(|d| matches!(d.decision, Decision::Interrupted { .. }));
    assert_eq!(interruption.map(|d| (d.recorded, d.changed)), Some((Some(ms(2000)), None)));
}

#[test]
fn without_a_difference_everything_is_as_it_was() {
    let mut call = Call::joined(config(|_| ()));
    call.turn(0, 1, 0).skip();
    let what_if = what_if_of(&call, "endpointing.silence=400ms");
    assert!(what_if.decisions.iter().all(|difference| difference.recorded == difference.changed));
    assert_eq!(what_if.until, None);
}
