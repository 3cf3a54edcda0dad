//! A provider's failure is an input; the conversation goes on as it can.

mod support;

use ringline_conversation::{AgentState, Input};
use ringline_model::UtteranceId;
use support::{Call, config};

fn unrecognised(utterance: u64) -> Input {
    Input::TranscriptFailed { utterance: UtteranceId(utterance), revision: 1, error: "down".into() }
}

fn asked() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip();
    call
}

#[test]
fn a_user_whose_words_are_not_recognised_is_asked_to_say_them_again() {
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().at(1000).speech_pauses().skip();
    call.input(unrecognised(0)).expect(&[
        "1.000s record Recognition failed: down",
        "1.000s error 4005: speech recognition failed",
        "1.000s close u0",
        "1.000s synthesise r1 s0: Sorry, I did not get that.",
        "1.000s synthesise r1 s1: Could you say it again?",
    ]);
    call.transcript(0, 1, "late").expect_nothing();
    assert_eq!(call.state(), AgentState::Listening);
    call.speaks(0).after(1000).played(0).speaks(1).after(1000).played(1).skip();
    call.at(4000).user_says(1, "Hello.");
    assert!(call.take_lines().contains(&"5.400s user #2 end: \"Hello.\"".to_owned()));
}

#[test]
fn what_is_said_for_words_that_are_not_recognised_can_be_configured() {
    let line = |change: fn(&mut ringline_model::AgentConfig)| {
        let mut call = Call::joined(config(change));
        call.speech_starts().at(1000).speech_pauses().input(unrecognised(0));
        call.take_lines().last().cloned().unwrap_or_default()
    };
    assert!(line(|config| config.auto_speech.asr_failed = Some("Pardon?".into())).ends_with("s0: Pardon?"));
    assert!(line(|config| config.asr.language = Some("zh_mandarin".into())).ends_with("请再说一遍。"));
}

#[test]
fn an_agent_that_speaks_does_not_ask_for_what_was_said_beside_it() {
    let mut call = asked();
    call.text(1, "A long story.").finished(1).speaks(0).after(500).speech_starts().after(200).speech_pauses().skip();
    call.input(unrecognised(1));
    assert!(!call.take_lines().iter().any(|line| line.contains("synthesise")));
}

#[test]
fn three_utterances_in_a_row_that_are_not_recognised_end_the_call() {
    let mut call = Call::joined(config(|_| ()));
    for utterance in 0..2 {
        call.after(100).speech_starts().after(1000).speech_pauses().input(unrecognised(utterance));
        let segment = 2 * utterance;
        call.speaks(segment).after(1000).played(segment).speaks(segment + 1).after(1000).played(segment + 1);
    }
    call.skip().after(100).speech_starts().after(1000).speech_pauses().skip().input(unrecognised(2));
    let lines = call.take_lines();
    assert!(lines.iter().any(|line| line.ends_with("will leave 0: speech recognition does not answer")), "{lines:?}");
    assert!(lines.last().is_some_and(|line| line.contains("end ProviderFailed")), "{lines:?}");
}

#[test]
fn a_transcript_that_never_comes_counts_as_failed_after_five_seconds() {
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().at(1000).speech_pauses().skip().at(5999).expect_nothing();
    call.at(20_000).expect(&[
        "6.000s record Recognition failed: no transcript in time",
        "6.000s error 4005: speech recognition failed",
        "6.000s close u0",
        "6.000s synthesise r1 s0: Sorry, I did not get that.",
        "6.000s synthesise r1 s1: Could you say it again?",
        "11.000s record Synthesis failed: segment 0 got no audio in time",
        "11.000s cancel r1",
        "11.000s stop playout r1",
        "11.000s agent #1 end: \"\"",
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
fn a_model_that_says_nothing_has_failed_after_fourteen_seconds_and_the_user_is_told_to_wait_meanwhile() {
    let mut call = asked();
    call.at(5400).expect(&["5.400s synthesise r1 s0: One moment, please."]);
    call.speaks(0).at(6400).played(0).skip();
    call.at(10_400).expect(&["10.400s synthesise r1 s1: I am still on it."]);
    call.speaks(1).at(11_400).played(1).skip();
    call.at(15_399).expect_nothing().at(15_400).expect(&[
        "15.400s record Generation failed: no text in time",
        "15.400s cancel r1",
        "15.400s stop playout r1",
        "15.400s record User Normal #1 from 0.000s: \"Why?\"",
        "15.400s synthesise r2 s2: Sorry, I could not answer that.",
        "15.400s synthesise r2 s3: Please try again.",
    ]);
}

#[test]
fn an_apology_does_not_cut_the_filler_that_plays() {
    let mut call = asked();
    call.at(5400).skip().speaks(0).after(500).skip().failed(1).expect(&[
        "5.900s record Generation failed: down",
        "5.900s record User Normal #1 from 0.000s: \"Why?\"",
        "5.900s synthesise r1 s1: Sorry, I could not answer that.",
        "5.900s synthesise r1 s2: Please try again.",
    ]);
    call.after(500).played(0).speaks(1).after(1000).played(1).speaks(2).after(1000).skip().played(2).expect(&[
        "8.400s agent #1 end: \"\"",
        "8.400s state Listening",
        "8.400s record Assistant Normal #1 from 6.400s: \"Sorry, I could not answer that. Please try again.\"",
    ]);
}

#[test]
fn what_is_said_for_a_failed_answer_can_be_configured() {
    let mut call = Call::joined(config(|config| config.auto_speech.llm_failed = Some("Ask me later.".into())));
    call.user_says(0, "Why?").failed(1);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("1.400s synthesise r2 s0: Ask me later."));
    let mut call = Call::joined(config(|config| config.asr.language = Some("zh_mandarin".into())));
    call.user_says(0, "Why?").failed(1);
    assert!(call.take_lines().last().is_some_and(|line| line.ends_with("请再试一次。")));
}

#[test]
fn an_empty_answer_has_failed() {
    let mut call = asked();
    call.text(1, " \u{1F600} ").finished(1);
    assert_eq!(call.take_lines()[0], "1.400s record Generation failed: the answer is empty");
}

#[test]
fn words_that_come_too_slowly_are_said_before_their_clause_ends() {
    let mut call = asked();
    call.text(1, "Well, it").expect_nothing().at(3000).text(1, " depends").at(5399).expect_nothing();
    call.at(5400).expect(&["5.400s synthesise r1 s0: Well, it"]);
    call.speaks(0).at(6400).played(0).skip().at(10_399).text(1, " on the").at(10_400);
    call.expect(&["10.400s synthesise r1 s1: depends on"]);
}

#[test]
fn a_provider_that_another_stands_in_for_is_in_the_records() {
    let mut call = asked();
    let (failed, error, next) = ("big".into(), "busy".into(), "small".into());
    call.input(Input::FellBack { stage: ringline_conversation::Stage::Generation, failed, error, next });
    call.expect(&["1.400s record Generation fell back from big to small: busy"]);
}

#[test]
fn speech_that_fails_three_times_ends_the_call() {
    let mut call = asked();
    for n in 1..3 {
        call.text(n, "Yes.").finished(n).segment_fails(n - 1).user_says(n, "What?").skip();
    }
    call.text(3, "Yes.").finished(3).skip().segment_fails(2);
    let lines = call.take_lines();
    assert!(lines.iter().any(|line| line.ends_with("will leave 0: speech synthesis does not answer")), "{lines:?}");
    assert!(lines.last().is_some_and(|line| line.ends_with("end ProviderFailed")));
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
        .at(6500)
        .expect(&["6.400s record Generation failed: no text in time", "6.400s synthesise r1 s1: Three"]);
    // The source has not ended, so it is cancelled; a broken-off text is no whole reply.
    call.speaks(1).after(500).skip().played(1).expect(&[
        "7.000s cancel r1",
        "7.000s agent #1 end: \"\"",
        "7.000s state Listening",
        "7.000s record Assistant Normal #1 from 1.400s: \"One two. Three\"",
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
    call.text(5, "Yes.").finished(5).speaks(4).after(1000).played(4).user_says(3, "And?").skip().failed(6);
    assert!(call.take_lines()[3].ends_with("synthesise r7 s5: Sorry, I could not answer that."));
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
fn a_synthesiser_that_answers_nothing_costs_five_seconds_once() {
    let mut call = asked();
    call.text(1, "One. Two. Three. Four. Five. Six. Seven.").finished(1).skip().at(100_000);
    let lines = call.take_lines();
    assert!(lines.iter().all(|line| line.starts_with("6.400s")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("6.400s state Listening"));
}

/// Found by the simulation: a synthesis that hangs kept the mouth from ever saying anything else.
#[test]
fn a_response_that_is_given_up_is_cancelled_at_the_edge() {
    let mut call = asked();
    call.text(1, "One.").finished(1).skip().at(6_400).expect(&[
        "6.400s record Synthesis failed: segment 0 got no audio in time",
        "6.400s record User Normal #1 from 0.000s: \"Why?\"",
        "6.400s cancel r1",
        "6.400s stop playout r1",
        "6.400s agent #1 end: \"\"",
        "6.400s state Listening",
    ]);
}
