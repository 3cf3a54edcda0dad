//! Fillers: what the agent says while the language model lets it wait.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input};
use ringline_model::{LlmPendingConfig, Phrase, PhraseOrder};
use support::{Call, config};

/// A question is asked at 1.4 s; fillers come after 1 s.
fn asked(phrases: &[&str]) -> Call {
    let probability = 1.0 / phrases.len() as f64;
    let phrase = |text: &&str| Phrase { text: (*text).to_owned(), probability };
    let messages = phrases.iter().map(phrase).collect();
    let pending = LlmPendingConfig { wait_time: 1000, mode: PhraseOrder::Sequence, messages };
    let mut call = Call::joined(config(|config| config.auto_speech.llm_pending = Some(pending)));
    call.user_says(0, "Why?").skip();
    call
}

#[test]
fn a_filler_holds_the_floor_and_the_answer_plays_behind_it() {
    let mut call = asked(&["One moment."]);
    call.at(2399).expect_nothing().at(2400).expect(&["2.400s synthesise r1 s0: One moment."]);
    call.speaks(0).expect(&["2.400s state Speaking", "2.400s agent #2: \"One moment.\""]);
    call.at(3000).text(1, "Because. It is.").finished(1);
    call.expect(&["3.000s synthesise r1 s1: Because.", "3.000s synthesise r1 s2: It is."]);
    call.audio(1).at(3400).played(0).expect(&["3.400s agent #2 end: \"\""]);
    call.plays(1).expect(&[
        "3.400s record User Normal #1 from 0.000s: \"Why?\"",
        "3.400s agent #1: \"Because.\"",
        "3.400s latency #1 total 2400",
        "3.400s record latency #1: 400+0+1600+0+0+400 = 2400",
    ]);
    call.synthesised(1, 500).at(3900).played(1).speaks(2).skip().at(4900).played(2).expect(&[
        "4.900s agent #1 end: \"\"",
        "4.900s state Listening",
        "4.900s record Assistant Normal #1 from 3.400s: \"Because. It is.\"",
    ]);
    assert_eq!(call.history(), ["U:Why?", "A:Because. It is."]);
}

#[test]
fn an_answer_in_time_needs_no_filler() {
    let mut call = asked(&["One moment."]);
    call.at(2399).text(1, "Because").expect_nothing().at(2500).expect_nothing();
}

#[test]
fn half_a_word_holds_a_filler_back_for_half_a_second_only() {
    let mut call = asked(&["One moment."]);
    call.at(2399).text(1, "Be").expect_nothing().at(2898).expect_nothing();
    call.at(2899).expect(&["2.899s synthesise r1 s0: One moment."]);
}

#[test]
fn fillers_come_again_after_four_seconds_of_silence_until_the_answer_has_failed() {
    let mut call = asked(&["One.", "Two."]);
    call.at(2400).speaks(0).at(3400).played(0).skip().at(7399).expect_nothing();
    assert_eq!(call.state(), AgentState::Thinking);
    call.at(7400).expect(&["7.400s synthesise r1 s1: Two."]).speaks(1).at(8400).played(1).skip();
    call.at(12_400).expect(&["12.400s synthesise r1 s2: One."]).speaks(2).at(13_400).played(2).skip();
    call.at(15_399).expect_nothing().at(15_400);
    assert_eq!(call.take_lines()[0], "15.400s record Generation failed: no text in time");
}

#[test]
fn words_that_stall_behind_a_filler_do_not_double_the_silence() {
    let mut call = asked(&["One moment."]);
    call.at(2400).speaks(0).at(3400).played(0).skip();
    // Silent since 3.4 s: first words shortly before four seconds of it, and then no more.
    call.at(7300).text(1, "It depends on ").at(7799).expect_nothing();
    call.at(7800).expect(&["7.800s synthesise r1 s1: It depends on"]);
}

#[test]
fn text_that_nobody_would_hear_is_waited_for_with_fillers() {
    let mut call = asked(&["One.", "Two."]);
    call.at(2400).speaks(0).at(3400).played(0).skip();
    for at in [4000, 5000, 6000, 7000] {
        call.at(at).text(1, "\u{1F914} ").expect_nothing();
    }
    call.at(7400).expect(&["7.400s synthesise r1 s1: Two."]);
}

#[test]
fn a_user_who_speaks_over_a_filler_goes_on_with_the_question() {
    let mut call = asked(&["One moment."]);
    call.at(2400).speaks(0).skip().at(2600).speech_starts().expect(&[
        "2.600s open u1 from 2.300s",
        "2.600s cancel r1",
        "2.600s stop playout r1",
        "2.600s agent #2 end: \"\"",
        "2.600s interrupted Voice",
        "2.600s state Listening",
    ]);
    call.stopped(1, 0, 200).at(3600).speech_pauses().transcript(1, 1, "And how?").at(4000);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("4.000s generate r2 #1: S:P | U:Why? And how?"));
}

#[test]
fn a_filler_that_is_stopped_by_command_leaves_the_question_in_the_history() {
    let mut call = asked(&["One moment."]);
    call.at(2400).speaks(0).skip().client(ClientCommand::InterruptSpeaking).stopped(1, 0, 100).skip();
    assert_eq!(call.history(), ["U:Why?"]);
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn a_filler_that_cannot_be_spoken_is_left_out() {
    let mut call = asked(&["One moment."]);
    call.at(2400).skip().segment_fails(0).expect(&["2.400s record Synthesis failed: down"]);
    call.at(3000).text(1, "Because.").finished(1).skip().speaks(1).skip().at(4000).played(1).skip();
    assert_eq!(call.history(), ["U:Why?", "A:Because."]);
}

#[test]
fn nobody_is_told_to_wait_who_is_not_there() {
    let mut call = asked(&["One moment."]);
    call.input(Input::UserLeft).at(3000).expect_nothing();
}
