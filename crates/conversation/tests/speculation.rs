//! An answer that begins before the turn is certainly over.

mod support;

use ringline_conversation::{AgentState, ClientCommand};
use ringline_model::{AgentConfig, TurnDetectionMode};
use support::{Call, config};

fn guessing(change: impl FnOnce(&mut AgentConfig)) -> Call {
    Call::joined(config(|config| {
        config.turn_detection.speculate = true;
        change(config);
    }))
}

/// The user has paused at 2 s; the text came at 2.1 s.
fn paused(text: &str) -> Call {
    let mut call = guessing(|_| ());
    call.at(1000).speech_starts().at(2000).speech_pauses().skip().at(2100).transcript(0, 1, text);
    call
}

#[test]
fn an_answer_is_made_during_the_silence_and_nothing_of_it_shows_before_the_turn_is_over() {
    let mut call = paused("What is it?").with_milestones();
    call.expect(&["2.100s pause r1", "2.100s generate r1 #1: S:P | U:What is it?"]);
    call.at(2350).text(1, "It is dry.").finished(1).audio(0).expect(&["2.350s synthesise r1 s0: It is dry."]);
    assert_eq!(call.state(), AgentState::Listening);
    call.at(2400).expect(
        &[
            "2.400s close u0",
            "2.400s user #1 end: \"What is it?\"",
            "2.400s IntentRecognised #1 2.000s..2.400s",
            "2.400s state Thinking",
            "2.400s unduck r1",
            "2.400s FirstText #1 2.100s..2.350s",
            "2.400s FirstAudio #1 2.350s..2.350s",
        ]
        .map(|line| if line.contains("..") { line.replacen("s ", "s record ", 1) } else { line.to_owned() })
        .each_ref()
        .map(String::as_str),
    );
    call.at(2410).plays(0).expect(&[
        "2.410s record User Normal #1 from 1.000s: \"What is it?\"",
        "2.410s state Speaking",
        "2.410s agent #1: \"It is dry.\"",
        "2.410s latency #1 total 410",
        "2.410s record latency #1: 400+0+0+0+0+10 = 410",
    ]);
}

#[test]
fn a_user_who_goes_on_leaves_no_trace_of_the_guess() {
    let mut call = paused("What is it");
    call.skip().text(1, "It is what it is.").skip().at(2300).speech_resumes();
    call.expect(&["2.300s cancel r1", "2.300s stop playout r1"]);
    call.text(1, "More.").finished(1).failed(1).plays(0).stopped(1, 0, 0).expect_nothing();
    call.at(3000).speech_pauses().skip().at(3100).transcript(0, 2, "What is the time?");
    call.expect(&["3.100s pause r2", "3.100s generate r2 #1: S:P | U:What is the time?"]);
    assert!(call.history().is_empty());
    call.at(3400).skip();
}

#[test]
fn another_text_than_guessed_is_asked_anew() {
    let mut call = guessing(|_| ());
    call.at(1000).speech_starts().skip().at(1900).interim(0, "What is it?").expect(&[
        "1.900s user #1: \"What is it?\"",
        "1.900s pause r1",
        "1.900s generate r1 #1: S:P | U:What is it?",
    ]);
    call.at(2000).speech_pauses().transcript(0, 1, "what is it").at(2399).expect(&["2.000s transcribe u0 rev 1"]);
    call.at(2400).skip();
    assert_eq!(call.state(), AgentState::Thinking);

    let mut call = guessing(|_| ());
    call.at(1000).speech_starts().at(1900).interim(0, "What is it.").skip().at(2000).speech_pauses();
    call.transcript(0, 1, "What is it worth?").expect(&[
        "2.000s transcribe u0 rev 1",
        "2.000s cancel r1",
        "2.000s stop playout r1",
        "2.000s pause r2",
        "2.000s generate r2 #1: S:P | U:What is it worth?",
    ]);
    call.at(2400).skip();
}

#[test]
fn a_pause_in_mid_sentence_is_no_reason_to_guess() {
    let mut call = paused("I would like a room and");
    call.expect_nothing().at(2400);
    assert_eq!(call.take_lines()[3], "2.400s generate r1 #1: S:P | U:I would like a room and");
}

#[test]
fn in_semantic_mode_the_model_must_hold_the_turn_for_complete() {
    let mut call = guessing(|config| config.turn_detection.mode = TurnDetectionMode::Semantic);
    call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "What is it?").skip().at(2250);
    call.expect(&["2.200s score u0 rev 1"]).score(0, 1, 0.9);
    call.expect(&["2.250s pause r1", "2.250s generate r1 #1: S:P | U:What is it?"]);
    call.at(2400).skip();
}

#[test]
fn a_guess_that_fails_is_asked_for_again_when_the_turn_is_over() {
    let mut call = paused("What is it?");
    call.skip().failed(1).expect(&["2.100s cancel r1", "2.100s stop playout r1"]).at(2400);
    assert_eq!(call.take_lines()[3], "2.400s generate r2 #1: S:P | U:What is it?");
}

#[test]
fn what_changes_the_answer_drops_the_guess() {
    let mut call = paused("What is it?");
    call.skip().client(ClientCommand::UpdateSystemPrompt { prompt: "Q".to_owned() });
    call.expect(&["2.100s cancel r1", "2.100s stop playout r1"]).at(2400);
    assert_eq!(call.take_lines()[3], "2.400s generate r2 #1: S:Q | U:What is it?");
}

#[test]
fn a_turn_gets_three_guesses() {
    let mut call = guessing(|_| ());
    call.at(1000).speech_starts();
    for text in ["One.", "One. Two.", "One. Two. Three.", "One. Two. Three. Four."] {
        call.interim(0, text);
    }
    let lines = call.take_lines();
    assert_eq!(lines.iter().filter(|line| line.contains("generate")).count(), 3);
    assert_eq!(lines.last().map(String::as_str), Some("1.000s stop playout r3"));
}

#[test]
fn without_the_setting_nothing_is_guessed() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(2000).speech_pauses().skip().transcript(0, 1, "What is it?").expect_nothing();
}

#[test]
fn a_guess_calls_no_tools() {
    let mut call = paused("What is it?");
    let calls = vec![];
    call.skip()
        .input(ringline_conversation::Input::ResponseToolCalls { response: ringline_model::ResponseId(1), calls });
    call.expect(&["2.100s cancel r1", "2.100s stop playout r1"]).at(2400);
    assert_eq!(call.take_lines()[3], "2.400s generate r2 #1: S:P | U:What is it?");
}
