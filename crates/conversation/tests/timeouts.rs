//! The timers of a call nobody takes part in.

mod support;

use ringline_conversation::{ClientCommand, Input};
use support::{Call, config};

#[test]
fn a_user_who_never_joins_ends_the_call() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".into())));
    call.audio(0).synthesised(0, 500).skip().at(59_999).expect_nothing();
    call.at(60_000).expect(&["60.000s cancel r0", "60.000s stop playout r0", "60.000s end UserNeverJoined"]);
}

#[test]
fn a_user_who_leaves_may_return_in_time() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).input(Input::UserLeft).at(5999).expect_nothing();
    call.input(Input::UserJoined).expect(&["5.999s state Listening"]);
    call.at(20_000).input(Input::UserLeft).at(25_000).expect(&["25.000s end UserLeft"]);
}

#[test]
fn leaving_ends_the_call_at_once_if_so_configured() {
    let mut call = Call::joined(config(|config| config.user_offline_timeout = 0));
    call.at(1000).input(Input::UserLeft).expect(&["1.000s end UserLeft"]);
}

#[test]
fn after_long_silence_the_agent_says_why_and_leaves() {
    let mut call = Call::joined(config(|_| ()));
    call.at(599_999).expect_nothing();
    call.at(600_000).expect(&["600.000s will leave 2001: idle", "600.000s end Idle"]);
}

#[test]
fn recognised_speech_text_and_agent_speech_put_idleness_off_and_noise_does_not() {
    let idle = |act: &dyn Fn(&mut Call)| {
        let mut call = Call::joined(config(|config| config.max_idle_time = 30));
        call.at(10_000);
        act(&mut call);
        call.at(200_000);
        let lines = call.take_lines();
        assert!(lines.last().is_some_and(|line| line.ends_with("end Idle")), "{lines:?}");
        lines.last().and_then(|line| line.split('s').next().map(str::to_owned)).expect("a time")
    };
    let noise = |call: &mut Call| {
        call.user_says(0, "");
    };
    let speech = |call: &mut Call| {
        call.speech_starts().after(500).interim(0, "hm").speech_pauses().transcript(0, 1, "");
    };
    let turn = |call: &mut Call| {
        call.turn(0, 1, 0);
    };
    let typed = |call: &mut Call| {
        call.client(ClientCommand::SendText { text: "Hi.".into() });
        call.text(1, "Yes.").finished(1).segment_fails(0);
    };
    let said = |call: &mut Call| {
        call.input(Input::Say { text: "News.".into(), interrupt: true }).speaks(0).after(2000).played(0);
    };
    assert_eq!(idle(&noise), "30.000");
    assert_eq!(idle(&speech), "40.500");
    assert_eq!(idle(&turn), "42.400");
    assert_eq!(idle(&typed), "40.000");
    assert_eq!(idle(&said), "42.000");
}

#[test]
fn the_agent_does_not_leave_in_the_middle_of_something() {
    let mut call = Call::joined(config(|config| config.max_idle_time = 2));
    call.at(1000).speech_starts().at(6000).speech_pauses().transcript(0, 1, "Long.").at(6400);
    let lines = call.take_lines();
    assert_eq!(lines.last().map(String::as_str), Some("6.400s generate r1 #1: S:P | U:Long."));
    call.at(10_000).text(1, "Yes.").finished(1).speaks(0).at(11_000).skip().played(0).at(13_000);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("13.000s end Idle"));
}

#[test]
fn audio_that_never_plays_does_not_hold_the_agent_for_ever() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One. Two.").finished(1).synthesised(0, 1000).synthesised(1, 1000).skip();
    call.at(60_000).expect(&[
        "11.400s record Synthesis failed: segment 0 did not begin to play",
        "11.400s record Synthesis failed: segment 1 did not begin to play",
        "11.400s record User Normal #1 from 0.000s: \"Why?\"",
        "11.400s cancel r1",
        "11.400s stop playout r1",
        "11.400s agent #1 end: \"\"",
        "11.400s state Listening",
    ]);
}

#[test]
fn playout_that_never_ends_is_taken_as_heard_after_its_length() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One.").finished(1).speaks(0).skip().at(60_000).expect(&[
        "7.400s record Synthesis failed: segment 0 did not end",
        "7.400s cancel r1",
        "7.400s stop playout r1",
        "7.400s agent #1 end: \"\"",
        "7.400s state Listening",
        "7.400s record Assistant Normal #1 from 1.400s: \"One.\"",
    ]);
}

/// Found by the simulation: the rest of a slow synthesis was cut off as soon as its length was known.
#[test]
fn speech_that_is_made_more_slowly_than_it_plays_is_heard_to_its_end() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One.").finished(1).audio(0).plays(0).skip();
    call.at(20_000).synthesised(0, 10_000).expect_nothing();
    call.at(22_000).played(0).expect(&[
        "22.000s agent #1 end: \"\"",
        "22.000s state Listening",
        "22.000s record Assistant Normal #1 from 1.400s: \"One.\"",
    ]);
}
