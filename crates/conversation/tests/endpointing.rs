//! When the user's turn ends.

mod support;

use ringline_conversation::{ClientCommand, Input};
use ringline_model::{TurnDetectionMode, UtteranceId};
use support::{Call, config, ms};

fn semantic(wait: Option<u32>) -> Call {
    Call::joined(config(|config| {
        config.turn_detection.mode = TurnDetectionMode::Semantic;
        config.turn_detection.semantic_wait = wait;
    }))
}

#[test]
fn the_turn_ends_when_the_silence_suffices_and_the_transcript_is_in() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().expect(&["1.000s open u0 from 0.700s"]);
    call.at(1500).interim(0, "what is").expect(&["1.500s user #1: \"what is\""]);
    call.at(1600).interim(0, "what is").expect_nothing();
    call.at(2100).input(Input::SpeechPaused { at: ms(2000) }).expect(&["2.100s transcribe u0 rev 1"]);
    call.at(2200).transcript(0, 1, " What is this? ").expect_nothing();
    call.at(2399).expect_nothing();
    call.at(3000).expect(&[
        "2.400s close u0",
        "2.400s user #1 end: \"What is this?\"",
        "2.400s state Thinking",
        "2.400s generate r1 #1: S:P | U:What is this?",
    ]);
}

#[test]
fn a_late_transcript_ends_the_turn_when_it_comes() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(2000).speech_pauses().skip();
    call.at(3000).expect_nothing();
    call.transcript(0, 1, "Yes.");
    assert_eq!(call.take_lines()[0], "3.000s close u0");
}

#[test]
fn speech_that_goes_on_voids_the_answers_asked_for_before() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2100).speech_resumes().skip();
    call.at(2200).transcript(0, 1, "What").at(2900).expect_nothing();
    call.at(3000).speech_pauses().expect(&["3.000s transcribe u0 rev 2"]);
    call.at(3050).transcript(0, 1, "What").at(3500).expect_nothing();
    call.transcript(0, 2, "What now?");
    assert_eq!(call.take_lines()[1], "3.500s user #1 end: \"What now?\"");
}

#[test]
fn an_empty_transcript_is_no_turn_and_uses_up_no_sentence_id() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(1100).interim(0, "hm").skip();
    call.at(1200)
        .speech_pauses()
        .transcript(0, 1, " ... ")
        .at(2000)
        .expect(&["1.200s transcribe u0 rev 1", "1.600s close u0"]);
    call.user_says(1, "Hello.");
    assert!(call.take_lines().contains(&"3.400s user #1 end: \"Hello.\"".to_owned()));
}

#[test]
fn semantic_mode_asks_once_after_200_ms_and_ends_a_complete_turn_at_the_silence() {
    let mut call = semantic(None);
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2100).transcript(0, 1, "I am done.").skip();
    call.at(2250).expect(&["2.200s score u0 rev 1"]);
    call.score(0, 1, 0.9).at(2399).expect_nothing();
    call.at(2400);
    assert_eq!(call.take_lines()[0], "2.400s close u0");
}

#[test]
fn semantic_mode_holds_an_incomplete_turn_but_not_for_ever() {
    for (wait, end) in [(None, "3.200s close u0"), (Some(2000), "4.000s close u0")] {
        let mut call = semantic(wait);
        call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "And then").skip();
        call.at(2250).score(0, 1, 0.3).expect(&["2.200s score u0 rev 1"]);
        call.at(10_000);
        assert_eq!(call.take_lines()[0], end);
    }
}

#[test]
fn semantic_mode_does_not_wait_for_a_model_that_says_nothing() {
    let mut call = semantic(None);
    call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "Yes.").skip();
    call.at(3300);
    assert_eq!(call.take_lines()[..2], ["2.200s score u0 rev 1", "3.200s close u0"]);
}

#[test]
fn a_late_step_does_all_that_has_become_due() {
    let mut call = semantic(None);
    call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "Yes.").skip().late(9000);
    assert_eq!(call.take_lines()[..2], ["9.000s score u0 rev 1", "9.000s close u0"]);
}

#[test]
fn a_score_of_an_earlier_pause_is_dropped() {
    let mut call = semantic(None);
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2300).speech_resumes().at(3000).speech_pauses();
    call.transcript(0, 2, "And then").score(0, 2, 0.9).skip();
    call.at(3250).score(0, 1, 0.9).expect(&["3.200s score u0 rev 2"]);
    call.at(4100).expect_nothing();
    call.at(4200);
    assert_eq!(call.take_lines()[0], "4.200s close u0");
}

#[test]
fn an_utterance_ends_at_thirty_seconds_without_a_pause() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().skip();
    call.at(31_100).expect(&["31.000s transcribe u0 rev 1"]);
    call.speech_pauses().speech_resumes().expect_nothing();
    call.transcript(0, 1, "Long.").expect(&[
        "31.100s close u0",
        "31.100s user #1 end: \"Long.\"",
        "31.100s state Thinking",
        "31.100s generate r1 #1: S:P | U:Long.",
    ]);
}

#[test]
fn the_silence_can_be_changed_during_the_call_within_its_limits() {
    for (asked, end) in [(900, "2.900s close u0"), (5, "2.200s close u0"), (9000, "3.200s close u0")] {
        let mut call = Call::joined(config(|_| ()));
        call.client(ClientCommand::UpdateMaxSilence { ms: asked }).expect_nothing();
        call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "Yes.").skip().at(4000);
        assert_eq!(call.take_lines()[0], end);
    }
}

#[test]
fn a_user_who_goes_on_before_the_answer_is_heard_has_asked_one_question() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).user_says(0, "What is the").text(1, "It is a very good thing.").skip();
    assert!(call.history().is_empty());
    call.at(3000).speech_starts().expect(&["3.000s open u1 from 2.700s", "3.000s cancel r1", "3.000s state Listening"]);
    call.at(3100).text(1, "And more. And more.").finished(1).expect_nothing();
    call.at(3200).interim(1, "weather").expect(&["3.200s user #1: \"What is the weather\""]);
    call.at(4000).speech_pauses().transcript(1, 1, "weather today?").at(4400).expect(&[
        "4.000s transcribe u1 rev 1",
        "4.400s close u1",
        "4.400s user #1 end: \"What is the weather today?\"",
        "4.400s state Thinking",
        "4.400s generate r2 #1: S:P | U:What is the weather today?",
    ]);
    call.text(1, "Late. Late.").failed(1).expect_nothing();
    call.text(2, "Dry.").finished(2).speaks(0).after(1000).played(0).skip();
    assert_eq!(call.history(), ["U:What is the weather today?", "A:Dry."]);
}

#[test]
fn noise_while_the_agent_thinks_asks_the_same_question_again() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).user_says(0, "What is it?").text(1, "It is a thing. It").skip();
    call.at(3000).speech_starts().expect(&[
        "3.000s open u1 from 2.700s",
        "3.000s cancel r1",
        "3.000s stop playout r1",
        "3.000s state Listening",
    ]);
    call.at(3100).input(Input::PlayoutStopped { response: ringline_model::ResponseId(1), segment: None, played_ms: 0 });
    call.at(3200).speech_pauses().transcript(1, 1, "").at(3600).expect(&[
        "3.200s transcribe u1 rev 1",
        "3.600s close u1",
        "3.600s user #1 end: \"What is it?\"",
        "3.600s state Thinking",
        "3.600s generate r2 #1: S:P | U:What is it?",
    ]);
}

/// The question is asked for the second time, at 3.600 s, because a noise took it back.
fn disturbed() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).user_says(0, "What is it?").at(3000).speech_starts().at(3200).speech_pauses().transcript(1, 1, "");
    call.at(3600).skip();
    call
}

#[test]
fn noise_takes_a_question_back_only_once() {
    let mut call = disturbed();
    call.at(3700).speech_starts().at(4500).speech_pauses().transcript(2, 1, "").at(5000).expect(&[
        "3.700s open u2 from 3.400s",
        "4.500s transcribe u2 rev 1",
        "4.900s close u2",
    ]);
    call.at(5000).speech_starts().at(6000).expect(&[
        "5.000s open u3 from 4.700s",
        "6.000s cancel r2",
        "6.000s state Listening",
    ]);
}

#[test]
fn words_after_noise_still_belong_to_the_question() {
    let mut call = disturbed();
    call.at(3700).speech_starts().at(4300).speech_pauses().transcript(2, 1, "In Paris.").at(5000).expect(&[
        "3.700s open u2 from 3.400s",
        "4.300s transcribe u2 rev 1",
        "4.700s close u2",
        "4.700s cancel r2",
        "4.700s state Listening",
        "4.700s user #1 end: \"What is it? In Paris.\"",
        "4.700s state Thinking",
        "4.700s generate r3 #1: S:P | U:What is it? In Paris.",
    ]);
}

#[test]
fn words_after_noise_interrupt_an_answer_that_has_begun_meanwhile() {
    let mut call = disturbed();
    call.at(3700).speech_starts().text(2, "So.").finished(2).speaks(0).at(4300).speech_pauses();
    call.skip().transcript(2, 1, "In Paris.").at(4700).expect(&[
        "4.300s cancel r2",
        "4.300s stop playout r2",
        "4.300s interrupted Voice",
        "4.300s state Listening",
        "4.300s record interrupted r2 Voice, speech from 3.700s",
        "4.700s close u2",
    ]);
    call.stopped(2, 0, 1000);
    assert_eq!(call.take_lines()[1], "4.700s user #2 end: \"In Paris.\"");
}

#[test]
fn a_pause_without_an_utterance_and_answers_for_unknown_ones_mean_nothing() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_pauses().transcript(7, 1, "x").interim(7, "x").score(7, 1, 1.0);
    call.input(Input::TranscriptFailed { utterance: UtteranceId(7), revision: 1, error: "x".into() }).expect_nothing();
    call.at(2000).speech_resumes().expect(&["2.000s open u0 from 1.700s"]);
}

#[test]
fn a_user_who_leaves_in_mid_speech_has_paused() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().skip().at(2000).input(Input::UserLeft).expect(&["2.000s transcribe u0 rev 1"]);
    call.at(2100).speech_resumes().expect_nothing();
    call.transcript(0, 1, "Wait.").at(2400);
    assert_eq!(call.take_lines()[1], "2.400s user #1 end: \"Wait.\"");
}
