//! A provider's failure is an input; the conversation goes on as it can.

mod support;

use ringline_conversation::{AgentState, Input};
use ringline_model::UtteranceId;
use support::{Call, config};

fn asked() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip();
    call
}

#[test]
fn a_failed_transcript_is_reported_and_the_agent_goes_on_listening() {
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().at(1000).speech_pauses().skip();
    call.input(Input::TranscriptFailed { utterance: UtteranceId(0), revision: 1, error: "down".into() }).expect(&[
        "1.000s record Recognition failed: down",
        "1.000s error 4005: speech recognition failed",
        "1.000s close u0",
    ]);
    call.transcript(0, 1, "late").expect_nothing();
    assert_eq!(call.state(), AgentState::Listening);
    call.at(2000).user_says(1, "Hello.");
    assert!(call.take_lines().contains(&"3.400s user #1 end: \"Hello.\"".to_owned()));
}

#[test]
fn a_transcript_that_never_comes_counts_as_failed_after_five_seconds() {
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().at(1000).speech_pauses().skip().at(5999).expect_nothing();
    call.at(20_000).expect(&[
        "6.000s record Recognition failed: no transcript in time",
        "6.000s error 4005: speech recognition failed",
        "6.000s close u0",
    ]);
}

#[test]
fn a_failed_transcript_of_an_addition_asks_what_was_said_before() {
    let mut call = asked();
    call.at(2000).speech_starts().at(3000).speech_pauses().skip().at(8000).expect(&[
        "8.000s record Recognition failed: no transcript in time",
        "8.000s error 4005: speech recognition failed",
        "8.000s close u1",
        "8.000s user #1 end: \"Why?\"",
        "8.000s state Thinking",
        "8.000s generate r2 #1: S:P | U:Why?",
    ]);
}

#[test]
fn a_generation_that_fails_is_apologised_for() {
    let mut call = asked();
    call.at(2000).failed(1).expect(&[
        "2.000s record Generation failed: down",
        "2.000s cancel r1",
        "2.000s record User Normal #1 from 0.000s: \"Why?\"",
        "2.000s synthesise r2 s0: Sorry, I could not answer that.",
        "2.000s synthesise r2 s1: Please try again.",
    ]);
    assert_eq!(call.state(), AgentState::Thinking);
    call.speaks(0).after(1000).played(0).speaks(1).after(1000).skip().played(1).expect(&[
        "4.000s agent #1 end: \"\"",
        "4.000s state Listening",
        "4.000s record Assistant Normal #1 from 2.000s: \"Sorry, I could not answer that. Please try again.\"",
    ]);
}

#[test]
fn a_model_that_says_nothing_for_twenty_seconds_has_failed() {
    let mut call = asked();
    call.at(21_399).expect_nothing();
    call.at(21_400);
    assert_eq!(call.take_lines()[0], "21.400s record Generation failed: no text in time");
}

#[test]
fn an_answer_that_stops_short_is_said_as_far_as_it_goes() {
    let mut call = Call::joined(config(|config| config.llm.complete_reply = true));
    call.user_says(0, "Why?")
        .text(1, "One two. Three")
        .speaks(0)
        .after(1000)
        .played(0)
        .skip()
        .at(21_500)
        .expect(&["21.400s record Generation failed: no text in time", "21.400s synthesise r1 s1: Three"]);
    // The source has not ended, so it is cancelled; a broken-off text is no whole reply.
    call.speaks(1).after(500).skip().played(1).expect(&[
        "22.000s cancel r1",
        "22.000s agent #1 end: \"\"",
        "22.000s state Listening",
        "22.000s record Assistant Normal #1 from 1.400s: \"One two. Three\"",
    ]);
}

#[test]
fn three_failed_generations_in_a_row_end_the_call() {
    let mut call = asked();
    for response in [1, 3] {
        call.failed(response).after(100).segment_fails(response - 1).segment_fails(response).skip();
        assert_eq!(call.state(), AgentState::Listening);
        call.user_says(response.div_ceil(2), "Again?").skip();
    }
    call.failed(5).expect(&[
        "4.400s record Generation failed: down",
        "4.400s will leave 0: the language model does not answer",
        "4.400s cancel r5",
        "4.400s record User Normal #3 from 3.000s: \"Again?\"",
        "4.400s end ProviderFailed",
    ]);
}

#[test]
fn an_answer_in_between_makes_failures_count_anew() {
    let mut call = asked();
    for (utterance, response) in [(1, 1), (2, 3)] {
        call.failed(response).segment_fails(response - 1).segment_fails(response).user_says(utterance, "Again?");
    }
    call.finished(5).user_says(3, "And?").skip().failed(6);
    assert!(call.take_lines()[3].ends_with("synthesise r7 s4: Sorry, I could not answer that."));
}

#[test]
fn a_segment_that_fails_is_left_out() {
    let mut call = asked();
    call.text(1, "One. Two.").finished(1).skip().segment_fails(0).expect(&["1.400s record Synthesis failed: down"]);
    call.speaks(1).after(1000).skip().played(1).expect(&[
        "2.400s agent #1 end: \"\"",
        "2.400s state Listening",
        "2.400s record Assistant Normal #1 from 1.400s: \"Two.\"",
    ]);
}

#[test]
fn when_nothing_can_be_spoken_the_agent_listens_again() {
    let mut call = asked();
    call.text(1, "One. Two.").finished(1).skip().segment_fails(0).segment_fails(1).expect(&[
        "1.400s record Synthesis failed: down",
        "1.400s record Synthesis failed: down",
        "1.400s record User Normal #1 from 0.000s: \"Why?\"",
        "1.400s agent #1 end: \"\"",
        "1.400s state Listening",
    ]);
}

#[test]
fn a_synthesiser_that_answers_nothing_costs_twenty_seconds_once() {
    let mut call = asked();
    call.text(1, "One. Two. Three. Four. Five. Six. Seven.").finished(1).skip().at(100_000);
    let lines = call.take_lines();
    assert!(lines.iter().all(|line| line.starts_with("21.400s")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("21.400s state Listening"));
}
