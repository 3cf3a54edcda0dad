//! A human takes the call over.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input, TakeoverMode};
use support::{Call, config};

fn speaking() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

/// A human is in charge since 1.500 s.
fn taken_over(mode: TakeoverMode) -> Call {
    let mut call = speaking();
    call.takeover(mode).stopped(1, 0, 520).at(1500).input(Input::TakeoverConnected).skip();
    call
}

fn typed(text: &str) -> ClientCommand {
    ClientCommand::SendText { text: text.to_owned() }
}

#[test]
fn the_agent_stops_and_the_client_is_told_who_comes() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Unknown",
        "1.400s state Listening",
        "1.400s record interrupted r1 Unknown",
        "1.400s takeover by human HumanVoice",
    ]);
    call.stopped(1, 0, 520).expect(&["1.400s record Assistant Normal #1 from 1.400s cut: \"One two\""]);
    call.at(9000).input(Input::TakeoverConnected).expect(&["9.000s takeover connected human"]);
    call.input(Input::TakeoverConnected).takeover(TakeoverMode::AgentVoice).expect_nothing();
}

#[test]
fn a_question_that_waits_is_recorded_and_not_answered() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip().takeover(TakeoverMode::HumanVoice).expect(&[
        "1.400s cancel r1",
        "1.400s interrupted Unknown",
        "1.400s state Listening",
        "1.400s record interrupted r1 Unknown",
        "1.400s record User Normal #1 from 0.000s: \"Why?\"",
        "1.400s takeover by human HumanVoice",
    ]);
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().interim(0, "What").skip();
    call.takeover(TakeoverMode::HumanVoice).expect(&["0.000s close u0", "0.000s takeover by human HumanVoice"]);
    call.speech_pauses().transcript(0, 1, "What?").after(1000).expect_nothing();
}

#[test]
fn the_agent_listens_to_nobody_and_asks_nobody() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.user_says(1, "Are you there?").client(typed("Hello?")).client(ClientCommand::InterruptSpeaking);
    call.say("News.", true).say("News.", false).say_audio("http://a", true).after(20_000).expect_nothing();
    call.client(ClientCommand::QueryState).expect(&["22.900s state Listening"]);
    call.client(ClientCommand::SwitchVoice { voice: "anna".into() }).expect(&["22.900s voice anna"]);
}

#[test]
fn with_the_agents_voice_spoken_texts_are_taken_and_the_user_does_not_interrupt_them() {
    let mut call = taken_over(TakeoverMode::AgentVoice);
    call.say("This is Ann.", false).expect(&["1.500s synthesise r2 s2: This is Ann."]);
    call.speaks(2).speech_starts().after(1000).played(2).expect(&[
        "1.500s state Speaking",
        "1.500s agent #2: \"This is Ann.\"",
        "2.500s agent #2 end: \"\"",
        "2.500s state Listening",
        "2.500s record Assistant Speech #2 from 1.500s: \"This is Ann.\"",
    ]);
}

#[test]
fn nobody_is_idle_while_a_human_is_in_charge() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.at(86_401_499).expect_nothing();
    call.at(86_401_500).expect(&["86401.500s will leave 2002: the takeover has ended", "86401.500s end TakeoverEnded"]);
}

#[test]
fn the_end_of_the_takeover_is_the_end_of_the_call() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.input(Input::TakeoverCancelled).expect_nothing();
    call.at(5000).input(Input::TakeoverEnded);
    call.expect(&["5.000s will leave 2002: the takeover has ended", "5.000s end TakeoverEnded"]);
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.client(ClientCommand::StopAgent).expect(&["1.500s end StoppedByClient"]);
    let mut call = speaking();
    call.input(Input::TakeoverEnded).input(Input::TakeoverConnected).input(Input::TakeoverCancelled).expect_nothing();
}

#[test]
fn when_the_user_leaves_for_good_the_call_ends() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.at(2000).input(Input::UserLeft).at(7000).expect(&["7.000s end UserLeft"]);
}

#[test]
fn a_takeover_that_is_called_off_gives_the_call_back() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520).skip();
    call.at(9000).input(Input::TakeoverCancelled).expect(&["9.000s record takeover by human cancelled"]);
    call.at(10_000).user_says(1, "Hello?");
    assert_eq!(
        call.take_lines().last().map(String::as_str),
        Some("11.400s generate r2 #2: S:P | U:Why? | A:One two | U:Hello?")
    );
}

#[test]
fn a_human_who_does_not_come_in_time_is_not_waited_for() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520).skip();
    call.at(61_399).expect_nothing().at(61_400).expect(&["61.400s record takeover by human cancelled"]);
    call.input(Input::TakeoverConnected).expect_nothing();
    call.at(661_400).expect(&["661.400s will leave 2001: idle", "661.400s end Idle"]);
}

#[test]
fn what_waited_to_be_said_is_forgotten() {
    let mut call = speaking();
    call.say("Later.", false).say_audio("http://a", true).expect(&["1.400s load c0: http://a"]);
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520);
    assert_eq!(call.take_lines().first().map(String::as_str), Some("1.400s forget c0"));
    call.input(Input::TakeoverCancelled).skip().clip(0, 500).expect_nothing();
}

#[test]
fn a_user_who_joins_or_returns_is_told_how_far_the_takeover_is() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".into())));
    call.audio(0).skip().takeover(TakeoverMode::AgentVoice).expect(&["0.000s cancel r0", "0.000s stop playout r0"]);
    call.at(500).input(Input::UserJoined).expect(&[
        "0.500s record session started",
        "0.500s state Listening",
        "0.500s takeover by human AgentVoice",
    ]);
    assert_eq!(call.state(), AgentState::Listening);
    call.input(Input::TakeoverConnected).skip().input(Input::UserLeft).input(Input::UserJoined).expect(&[
        "0.500s state Listening",
        "0.500s takeover by human AgentVoice",
        "0.500s takeover connected human",
    ]);
}
