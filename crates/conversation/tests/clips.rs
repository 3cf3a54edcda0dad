//! Audio from URLs: on the server's behalf, and before the greeting.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input};
use support::{Call, config};

fn speaking() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

#[test]
fn a_clip_is_loaded_then_played_and_recorded_by_its_url_without_subtitles() {
    let mut call = Call::joined(config(|_| ()));
    call.at(500).say_audio("http://a/b.mp3", true).expect(&["0.500s load c0: http://a/b.mp3"]);
    call.at(900).clip(0, 3000).expect(&["0.900s play r1 s0 c0"]);
    call.at(920).plays(0).expect(&["0.920s state Speaking"]);
    call.at(3920)
        .played(0)
        .expect(&["3.920s state Listening", "3.920s record Assistant Speech #1 from 0.920s: \"http://a/b.mp3\""]);
    assert!(call.history().is_empty(), "a URL is nothing the language model need read");
}

#[test]
fn an_interrupting_clip_cuts_the_agent_once_it_is_there() {
    let mut call = speaking();
    call.say_audio("http://a", true).expect(&["1.400s load c0: http://a"]);
    call.at(1920).clip(0, 500).expect(&[
        "1.920s cancel r1",
        "1.920s stop playout r1",
        "1.920s interrupted Speech",
        "1.920s state Listening",
        "1.920s record interrupted r1 Speech",
    ]);
    call.stopped(1, 0, 520);
    call.expect(&["1.920s record Assistant Normal #1 from 1.400s cut: \"One two\"", "1.920s play r2 s2 c0"]);
    call.plays(2).after(500).played(2).skip();
}

#[test]
fn a_clip_that_cannot_be_had_cuts_nothing() {
    let mut call = speaking();
    call.say_audio("http://a", true)
        .clip_fails(0)
        .expect(&["1.400s load c0: http://a", "1.400s record Clip failed: 404"]);
    assert_eq!(call.state(), AgentState::Speaking);
    call.clip(0, 500).clip_fails(0).expect_nothing();
}

#[test]
fn other_clips_and_texts_keep_their_order() {
    let mut call = Call::joined(config(|_| ()));
    call.say_audio("http://a", false).say("Second.", false).expect(&["0.000s load c0: http://a"]);
    call.at(100).clip(0, 500).expect(&["0.100s play r1 s0 c0"]);
    call.plays(0).at(600).played(0).skip().expect_nothing();
    call.say_audio("http://b", false).skip();
    call.speaks(1).after(1000).played(1).skip().at(5000).clip(1, 100).expect(&["5.000s play r3 s2 c1"]);
    call.plays(2).skip();
}

#[test]
fn a_clip_that_is_late_lets_the_next_one_go() {
    let mut call = Call::joined(config(|_| ()));
    call.say_audio("http://a", false).say("Second.", false).skip().at(9999).expect_nothing();
    call.at(10_000).expect(&[
        "10.000s forget c0",
        "10.000s record Clip failed: clip 0 was not there in time",
        "10.000s synthesise r1 s0: Second.",
    ]);
    call.clip(0, 500).expect_nothing();
}

#[test]
fn a_clip_that_is_too_long_is_not_played() {
    let mut call = Call::joined(config(|_| ()));
    call.say_audio("http://a", true).skip();
    call.clip(0, 300_001).expect(&["0.000s forget c0", "0.000s record Clip failed: clip 0 lasts 300001 ms"]);
    call.say_audio("http://b", true).skip().clip(1, 300_000).expect(&["0.000s play r1 s0 c1"]);
    call.plays(0).skip().at(304_999).expect_nothing();
    call.at(305_000);
    assert_eq!(
        call.take_lines().first().map(String::as_str),
        Some("305.000s record Synthesis failed: segment 0 did not end")
    );
}

#[test]
fn a_url_that_is_empty_or_too_long_is_not_loaded() {
    let mut call = Call::joined(config(|_| ()));
    call.say_audio("", true).say_audio(&"x".repeat(1025), true).expect_nothing();
}

#[test]
fn the_user_interrupts_a_clip_like_speech() {
    let mut call = Call::joined(config(support::at_once));
    call.say_audio("http://a", true).clip(0, 3000).plays(0).skip().at(1000).speech_starts().expect(&[
        "1.000s open u0 from 0.700s",
        "1.000s cancel r1",
        "1.000s stop playout r1",
        "1.000s interrupted Voice",
        "1.000s state Listening",
        "1.000s record interrupted r1 Voice, speech from 1.000s",
    ]);
    call.stopped(1, 0, 1000).expect(&["1.000s record Assistant Speech #1 from 0.000s cut: \"http://a\""]);
}

fn opened(greeting: Option<&str>) -> Call {
    let mut call = Call::new(config(|config| {
        config.pre_connect_audio_url = Some("http://jingle".into());
        config.greeting = greeting.map(str::to_owned);
    }));
    call.expect(&["0.000s load c0: http://jingle"]);
    call
}

#[test]
fn the_audio_before_the_greeting_is_played_in_front_of_it() {
    let mut call = opened(Some("Hello."));
    call.at(300).clip(0, 2000).expect(&["0.300s play r0 s0 c0", "0.300s synthesise r0 s1: Hello."]);
    call.synthesised(1, 600).at(5000).input(Input::UserJoined).expect(&["5.000s record session started"]);
    call.plays(0).expect(&["5.000s state Speaking"]);
    call.at(7000).played(0).plays(1).expect(&["7.000s agent #0: \"Hello.\""]);
    call.at(7600).played(1).expect(&[
        "7.600s agent #0 end: \"\"",
        "7.600s state Listening",
        "7.600s record Assistant Greeting #0 from 5.000s: \"Hello.\"",
    ]);
}

#[test]
fn without_a_greeting_the_audio_is_played_and_recorded_nowhere() {
    let mut call = opened(None);
    call.clip(0, 2000).input(Input::UserJoined).plays(0).skip();
    call.at(2000).played(0).expect(&["2.000s state Listening"]);
    assert!(call.history().is_empty());
}

#[test]
fn if_the_audio_fails_the_greeting_comes_without_it() {
    let mut call = opened(Some("Hello."));
    call.at(300).clip_fails(0).expect(&["0.300s record Clip failed: 404", "0.300s synthesise r0 s0: Hello."]);
    let mut call = opened(Some("Hello."));
    call.at(10_000).expect(&[
        "10.000s forget c0",
        "10.000s record Clip failed: clip 0 was not there in time",
        "10.000s synthesise r0 s0: Hello.",
    ]);
}

#[test]
fn a_user_who_is_there_waits_two_seconds_for_it_at_most() {
    let mut call = opened(Some("Hello."));
    call.at(1000).input(Input::UserJoined).expect(&["1.000s record session started"]);
    call.client(ClientCommand::SendText { text: "Hi?".into() }).at(2999).expect_nothing();
    call.at(3000);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("3.000s synthesise r0 s0: Hello."));
    let mut call = opened(None);
    call.at(1000).input(Input::UserJoined).skip().at(3000).expect(&[
        "3.000s forget c0",
        "3.000s record Clip failed: clip 0 was not there in time",
        "3.000s state Listening",
    ]);
}
