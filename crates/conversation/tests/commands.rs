//! What the client and the server ask for.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input, StopCause};
use ringline_model::AgentConfig;
use support::{Call, config};

/// The agent answers since 1.400 s; the first of two segments plays.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

fn text(text: &str) -> ClientCommand {
    ClientCommand::SendText { text: text.to_owned() }
}

fn say(text: &str, interrupt: bool) -> Input {
    Input::Say { text: text.to_owned(), interrupt }
}

#[test]
fn the_client_interrupts_the_speaking_agent() {
    let mut call = speaking(|_| ());
    call.client(ClientCommand::InterruptSpeaking).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Command",
        "1.400s state Listening",
        "1.400s record interrupted r1 Command",
    ]);
    call.client(ClientCommand::InterruptSpeaking).expect_nothing();
    call.stopped(1, 0, 0).expect_nothing();
}

#[test]
fn interrupted_in_thinking_the_question_stays_in_the_history() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip().client(ClientCommand::InterruptSpeaking).expect(&[
        "1.400s cancel r1",
        "1.400s interrupted Command",
        "1.400s state Listening",
        "1.400s record interrupted r1 Command",
        "1.400s record User Normal #1 from 0.000s: \"Why?\"",
    ]);
    call.text(1, "Late. Late.").expect_nothing();
    assert_eq!(call.history(), ["U:Why?"]);
}

#[test]
fn a_typed_question_is_answered_like_a_spoken_one() {
    let mut call = Call::joined(config(|_| ()));
    call.at(500).client(text(" Hello? ")).expect(&[
        "0.500s user #1 end: \"Hello?\"",
        "0.500s state Thinking",
        "0.500s generate r1 #1: S:P | U:Hello?",
    ]);
    call.text(1, "Yes.").finished(1).skip().plays(0).expect(&[
        "0.500s record User Normal #1 from 0.500s: \"Hello?\"",
        "0.500s state Speaking",
        "0.500s agent #1: \"Yes.\"",
    ]);
}

#[test]
fn a_typed_question_cuts_the_agent_and_waits_for_what_was_heard() {
    let mut call = speaking(|_| ());
    call.client(text("And?")).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Text",
        "1.400s state Listening",
        "1.400s record interrupted r1 Text",
    ]);
    call.stopped(1, 0, 520).expect(&[
        "1.400s record Assistant Normal #1 from 1.400s cut: \"One two\"",
        "1.400s user #2 end: \"And?\"",
        "1.400s state Thinking",
        "1.400s generate r2 #2: S:P | U:Why? | A:One two | U:And?",
    ]);
}

#[test]
fn empty_and_too_long_texts_are_ignored() {
    let mut call = Call::joined(config(|_| ()));
    call.client(text("  ")).client(text(&"x".repeat(4097))).expect_nothing();
    call.client(text(&"x".repeat(4096))).skip();
    assert_eq!(call.state(), AgentState::Thinking);
}

#[test]
fn a_typed_question_drops_the_utterance_in_progress() {
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().interim(0, "and").skip().at(500).client(text("Hello?")).expect(&[
        "0.500s close u0",
        "0.500s user #1 end: \"Hello?\"",
        "0.500s state Thinking",
        "0.500s generate r1 #1: S:P | U:Hello?",
    ]);
    call.speech_pauses().transcript(0, 1, "and").expect_nothing();
}

#[test]
fn a_spoken_text_that_interrupts_is_said_at_once_with_its_own_sentence() {
    let mut call = speaking(|_| ());
    call.input(say("News.", true)).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Speech",
        "1.400s state Listening",
        "1.400s record interrupted r1 Speech",
    ]);
    call.stopped(1, 0, 520)
        .expect(&["1.400s record Assistant Normal #1 from 1.400s cut: \"One two\"", "1.400s synthesise r2 s2: News."]);
    call.speaks(2).after(1000).played(2).expect(&[
        "1.400s state Speaking",
        "1.400s agent #2: \"News.\"",
        "2.400s agent #2 end: \"\"",
        "2.400s state Listening",
        "2.400s record Assistant Speech #2 from 1.400s: \"News.\"",
    ]);
    assert_eq!(call.history(), ["U:Why?", "A:One two", "A:News."]);
}

#[test]
fn other_spoken_texts_wait_for_the_agent_and_the_user() {
    let mut call = speaking(support::at_once);
    call.input(say("First.", false)).input(say("Second.", false)).expect_nothing();
    call.at(2400).played(0).plays(1).at(3400).skip().played(1);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("3.400s synthesise r2 s2: First."));
    call.speaks(2).at(4000).speech_starts().stopped(2, 2, 600).skip();
    call.at(4100).speech_pauses().transcript(1, 1, "").at(4500).expect(&[
        "4.100s transcribe u1 rev 1",
        "4.500s close u1",
        "4.500s synthesise r3 s3: Second.",
    ]);
}

#[test]
fn at_most_sixteen_texts_wait() {
    let mut call = speaking(|_| ());
    for n in 0..20 {
        call.input(say(&format!("Text {n}."), false));
    }
    call.input(say("...", false)).client(ClientCommand::InterruptSpeaking).stopped(1, 0, 0);
    for segment in 2..18 {
        call.speaks(segment).after(1000).played(segment);
    }
    let lines = call.take_lines();
    assert!(
        lines.iter().any(|line| line.ends_with("s17: Text 15.")) && !lines.iter().any(|line| line.contains("Text 16"))
    );
}

#[test]
fn the_state_is_told_when_asked_and_is_never_idle() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".into())));
    call.skip().input(Input::UserJoined).skip();
    call.client(ClientCommand::QueryState).expect(&["0.000s state Listening"]);
    call.speaks(0).skip().client(ClientCommand::QueryState).expect(&["0.000s state Speaking"]);
}

#[test]
fn switches_are_confirmed_and_wrong_values_ignored() {
    let mut call = speaking(|_| ());
    call.client(ClientCommand::EnableVoiceInterrupt { enable: false }).expect(&["1.400s voice interrupt false"]);
    call.speech_starts().expect(&["1.400s open u1 from 1.100s"]);
    call.client(ClientCommand::SwitchVoice { voice: String::new() });
    call.client(ClientCommand::SwitchVoice { voice: "x".repeat(65) });
    call.client(ClientCommand::UpdateSpeechRate { rate: f64::INFINITY }).expect_nothing();
}

#[test]
fn a_changed_configuration_holds_from_now_on() {
    let mut call = speaking(|_| ());
    let changed = config(|config| {
        config.interrupt.enable_voice_interrupt = false;
        config.tts.voice = Some("anna".into());
    });
    call.input(Input::ConfigChanged { config: Box::new(changed) });
    call.expect(&["1.400s voice interrupt false", "1.400s voice anna"]);
    call.speech_starts().expect(&["1.400s open u1 from 1.100s"]);
}

#[test]
fn stopping_ends_everything_at_once() {
    let mut call = speaking(|_| ());
    call.at(1500).client(ClientCommand::EnableVoiceInterrupt { enable: false }).speech_starts().skip();
    call.input(Input::Stop { cause: StopCause::Api }).expect(&[
        "1.500s will leave 0: the call was stopped",
        "1.500s close u1",
        "1.500s cancel r1",
        "1.500s stop playout r1",
        "1.500s end StoppedByApi",
    ]);
    call.at(1600).input(Input::UserLeft).input(Input::UserJoined).speech_starts().client(text("x")).played(0);
    call.input(say("x", true)).input(Input::Stop { cause: StopCause::Drain }).at(9_000_000).expect_nothing();
}

#[test]
fn a_question_that_was_not_answered_is_recorded_before_the_end() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip().input(Input::Stop { cause: StopCause::Drain }).expect(&[
        "1.400s will leave 0: the server shuts down",
        "1.400s cancel r1",
        "1.400s record User Normal #1 from 0.000s: \"Why?\"",
        "1.400s end Drained",
    ]);
    let mut call = speaking(|_| ());
    call.client(text("And?"))
        .skip()
        .client(ClientCommand::StopAgent)
        .expect(&["1.400s record User Normal #2 from 1.400s: \"And?\"", "1.400s end StoppedByClient"]);
}

#[test]
fn a_graceful_stop_lets_the_segment_finish() {
    let mut call = speaking(|config| config.graceful_shutdown = true);
    call.at(1500).input(Input::Stop { cause: StopCause::Api }).expect(&["1.500s will leave 0: the call was stopped"]);
    call.client(text("x")).speech_starts().input(say("x", true)).client(ClientCommand::StopAgent).expect_nothing();
    call.at(2400).played(0).expect(&[
        "2.400s cancel r1",
        "2.400s stop playout r1",
        "2.400s record Assistant Normal #1 from 1.400s cut: \"One two three four.\"",
        "2.400s end StoppedByApi",
    ]);
}

#[test]
fn a_graceful_stop_takes_ten_seconds_at_most() {
    let mut call = Call::joined(config(|config| config.graceful_shutdown = true));
    call.user_says(0, "Why?").text(1, "One.").finished(1).audio(0).synthesised(0, 60_000).plays(0).skip();
    call.client(ClientCommand::StopAgent).at(11_399).expect_nothing();
    call.at(11_400).expect(&["11.400s cancel r1", "11.400s stop playout r1", "11.400s end StoppedByClient"]);
}

#[test]
fn a_graceful_stop_of_a_silent_agent_is_immediate() {
    let mut call = Call::joined(config(|config| config.graceful_shutdown = true));
    call.client(ClientCommand::StopAgent).expect(&["0.000s end StoppedByClient"]);
}
