//! The greeting: made before the user is there, heard when the user is.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input};
use support::{Call, config};

fn greeted(text: &str) -> Call {
    Call::new(config(|config| config.greeting = Some(text.to_owned())))
}

#[test]
fn the_greeting_is_synthesised_before_the_user_joins_and_shown_when_it_plays() {
    let mut call = greeted("Hello there. How can I help?");
    call.expect(&["0.000s synthesise r0 s0: Hello there.", "0.000s synthesise r0 s1: How can I help?"]);
    call.at(300).audio(0).synthesised(0, 800).synthesised(1, 900).expect_nothing();
    assert_eq!(call.state(), AgentState::Idle);
    call.at(30_000).input(Input::UserJoined).expect(&["30.000s record session started"]);
    call.at(30_010).plays(0).expect(&["30.010s state Speaking", "30.010s agent #0: \"Hello there.\""]);
    call.at(30_810).played(0).plays(1).expect(&["30.810s agent #0: \" How can I help?\""]);
    call.at(31_700).played(1).expect(&[
        "31.700s agent #0 end: \"\"",
        "31.700s state Listening",
        "31.700s record Assistant Greeting #0 from 30.010s: \"Hello there. How can I help?\"",
    ]);
    assert_eq!(call.history(), ["A:Hello there. How can I help?"]);
}

#[test]
fn without_a_greeting_the_agent_listens_as_soon_as_the_user_is_there() {
    let mut call = Call::new(config(|_| ()));
    call.at(500).input(Input::UserJoined).expect(&["0.500s record session started", "0.500s state Listening"]);
}

#[test]
fn a_greeting_that_cannot_be_synthesised_holds_nothing_up() {
    let mut call = greeted("Hello.");
    call.expect(&["0.000s synthesise r0 s0: Hello."]);
    call.at(100).segment_fails(0).expect(&["0.100s record Synthesis failed: down"]);
    call.at(500).input(Input::UserJoined).expect(&["0.500s record session started", "0.500s state Listening"]);
}

#[test]
fn a_greeting_that_fails_after_the_user_joined_leaves_the_agent_listening() {
    let mut call = greeted("Hello.");
    call.at(500).input(Input::UserJoined).skip();
    call.at(20_000).expect(&[
        "5.500s record Synthesis failed: segment 0 got no audio in time",
        "5.500s cancel r0",
        "5.500s stop playout r0",
        "5.500s agent #0 end: \"\"",
        "5.500s state Listening",
    ]);
}

#[test]
fn a_greeting_without_anything_to_say_is_none() {
    let mut call = greeted("👋 ...");
    call.expect_nothing();
    call.input(Input::UserJoined).expect(&["0.000s record session started", "0.000s state Listening"]);
}

#[test]
fn what_the_user_says_before_the_greeting_is_answered_after_it() {
    let mut call = greeted("Hello.");
    call.input(Input::UserJoined).skip();
    call.at(1000).user_says(0, "Hi.").expect(&[
        "1.000s open u0 from 0.700s",
        "2.000s transcribe u0 rev 1",
        "2.400s close u0",
    ]);
    call.speaks(0).skip().after(1000).played(0).expect(&[
        "3.400s agent #0 end: \"\"",
        "3.400s state Listening",
        "3.400s record Assistant Greeting #0 from 2.400s: \"Hello.\"",
        "3.400s user #1 end: \"Hi.\"",
        "3.400s state Thinking",
        "3.400s generate r1 #1: S:P | A:Hello. | U:Hi.",
    ]);
}

#[test]
fn nothing_before_the_user_joined_interrupts_the_greeting() {
    let mut call = greeted("Hello.");
    call.skip().at(100).client(ClientCommand::InterruptSpeaking).speech_starts();
    call.client(ClientCommand::SendText { text: "x".into() })
        .input(Input::Say { text: "News.".into(), interrupt: true });
    call.expect_nothing();
    call.input(Input::UserJoined).expect(&["0.100s record session started"]);
    call.speaks(0).after(1000).played(0);
    assert!(call.take_lines().contains(&"1.100s synthesise r1 s1: News.".to_owned()));
}

fn changed_to(call: &Call, greeting: Option<&str>) -> Input {
    let (setup, _) = call.journal();
    let mut config = setup.config;
    config.greeting = greeting.map(str::to_owned);
    Input::ConfigChanged { config: Box::new(config) }
}

#[test]
fn a_greeting_changed_before_the_user_joins_is_the_one_that_is_heard() {
    let mut call = greeted("Hello.");
    call.skip().at(100).audio(0).synthesised(0, 800).expect_nothing();
    let changed = changed_to(&call, Some("Welcome."));
    call.at(500).input(changed).expect(&[
        "0.500s cancel r0",
        "0.500s stop playout r0",
        "0.500s synthesise r1 s1: Welcome.",
    ]);
    call.stopped(0, 0, 0).expect_nothing();
    call.at(1000).input(Input::UserJoined).skip();
    call.speaks(1).skip().after(800).played(1).skip();
    assert_eq!(call.history(), ["A:Welcome."]);
}

#[test]
fn a_greeting_taken_away_before_the_user_joins_is_not_heard() {
    let mut call = greeted("Hello.");
    call.skip();
    let changed = changed_to(&call, None);
    call.at(500).input(changed).expect(&["0.500s cancel r0", "0.500s stop playout r0"]);
    call.at(1000).input(Input::UserJoined).expect(&["1.000s record session started", "1.000s state Listening"]);
}

#[test]
fn a_greeting_changed_once_the_user_is_there_stays() {
    let mut call = greeted("Hello.");
    call.skip().at(1000).input(Input::UserJoined).skip();
    let changed = changed_to(&call, Some("Welcome."));
    call.input(changed).expect_nothing();
}
