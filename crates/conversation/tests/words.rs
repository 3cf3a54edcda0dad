//! Words that mean something to the turn-taking: `TurnEndWords`, `InterruptWords`, `KeepInterruptWordsForLLM`.

mod support;

use ringline_conversation::AgentState;
use ringline_model::{AgentConfig, NoInterruptMode, TurnDetectionMode};
use support::{Call, config};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn ended_by(end_words: &[&str]) -> Call {
    Call::joined(config(|config| {
        config.asr.max_silence = 1200;
        config.turn_detection.end_words = words(end_words);
    }))
}

/// The agent answers aloud since 2.400 s, and only words interrupt it.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(|config| {
        config.interrupt.enable_voice_interrupt = false;
        config.interrupt.words = words(&["stop", "hold on"]);
        change(config);
    }));
    call.at(1000).user_says(0, "Why?").text(1, "One two three four.").finished(1).speaks(0).skip();
    call
}

fn questions(call: &mut Call) -> Vec<String> {
    call.take_lines().into_iter().filter(|line| line.contains(" end: ") && line.contains(" user ")).collect()
}

#[test]
fn a_word_that_ends_the_turn_saves_the_wait_for_silence() {
    let mut call = ended_by(&["over"]);
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2150).transcript(0, 1, "What is the time? Over.");
    call.expect(&[
        "1.000s open u0 from 0.700s",
        "2.000s transcribe u0 rev 1",
        "2.150s close u0",
        "2.150s user #1 end: \"What is the time? Over.\"",
        "2.150s state Thinking",
        "2.150s generate r1 #1: S:P | U:What is the time? Over.",
    ]);
}

#[test]
fn such_a_word_counts_at_the_end_of_what_was_said_only() {
    let mut call = ended_by(&["over"]);
    call.at(1000).speech_starts().at(2000).speech_pauses().transcript(0, 1, "Over there is").at(3199);
    assert_eq!(questions(&mut call), [""; 0]);
    call.at(3200);
    assert_eq!(questions(&mut call), ["3.200s user #1 end: \"Over there is\""]);
}

#[test]
fn a_user_who_goes_on_before_the_text_is_there_has_not_ended_the_turn() {
    let mut call = ended_by(&["over"]);
    call.at(1000)
        .speech_starts()
        .at(2000)
        .speech_pauses()
        .at(2050)
        .speech_resumes()
        .transcript(0, 1, "Come over")
        .skip();
    call.at(3000).speech_pauses().transcript(0, 2, "Come over to me").at(3500);
    assert_eq!(questions(&mut call), [""; 0]);
    call.at(5000).skip();
}

#[test]
fn such_a_word_also_ends_a_turn_that_the_model_holds_open() {
    let mut call = Call::joined(config(|config| {
        config.turn_detection.mode = TurnDetectionMode::Semantic;
        config.turn_detection.semantic_wait = Some(6000);
        config.turn_detection.end_words = words(&["over"]);
    }));
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2200).score(0, 1, 0.1).at(2300);
    call.transcript(0, 1, "And then, over");
    assert_eq!(questions(&mut call), ["2.300s user #1 end: \"And then, over\""]);
}

#[test]
fn interrupt_words_are_kept_for_the_model_if_wanted() {
    let mut call = speaking(|config| config.interrupt.keep_words = true);
    call.at(2600).speech_starts().at(2900).interim(1, "stop");
    assert!(call.take_lines().contains(&"2.900s interrupted Words".to_owned()));
    call.stopped(1, 0, 500).at(3000).speech_pauses().transcript(1, 1, "Stop, what?").at(3400);
    assert_eq!(questions(&mut call), ["3.400s user #2 end: \"Stop, what?\""]);
}

#[test]
fn a_mere_interrupt_word_that_is_kept_is_a_question() {
    let mut call = speaking(|config| config.interrupt.keep_words = true);
    call.at(2600).speech_starts().at(2900).interim(1, "stop").stopped(1, 0, 500);
    call.at(3000).speech_pauses().transcript(1, 1, "Stop.").at(3400);
    assert_eq!(questions(&mut call), ["3.400s user #2 end: \"Stop.\""]);
}

#[test]
fn a_word_in_the_final_text_interrupts_as_one_in_an_interim_does() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(2900).speech_pauses().skip();
    call.transcript(1, 1, "Hold on, please").expect(&[
        "2.900s cancel r1",
        "2.900s stop playout r1",
        "2.900s interrupted Words",
        "2.900s state Listening",
        "2.900s record interrupted r1 Words, speech from 2.600s",
    ]);
    call.stopped(1, 0, 400).at(3300);
    assert_eq!(questions(&mut call), ["3.300s user #2 end: \"please\""]);
}

#[test]
fn words_interrupt_too_where_voice_does_but_has_not_lasted() {
    let mut call = speaking(|config| {
        config.interrupt.enable_voice_interrupt = true;
        config.asr.vad_duration = 2000;
    });
    call.at(2600).speech_starts().at(2800).interim(1, "stop");
    assert!(call.take_lines().contains(&"2.800s interrupted Words".to_owned()));
}

#[test]
fn a_word_while_the_agent_thinks_interrupts_nothing() {
    let mut call = Call::joined(config(|config| {
        config.interrupt.words = words(&["stop"]);
        config.asr.vad_duration = 1000;
    }));
    call.at(1000).user_says(0, "Why?").skip();
    call.at(2500).speech_starts().at(2800).interim(1, "stop").expect(&["2.500s open u1 from 2.200s"]);
    assert_eq!(call.state(), AgentState::Thinking);
}

#[test]
fn cached_speech_of_several_utterances_is_one_question() {
    let mut call = speaking(|config| config.interrupt.no_interrupt_mode = NoInterruptMode::Cache);
    call.at(2500).user_says(1, "And the second").at(4000).user_says(2, "of May?").at(6000).skip();
    call.played(0);
    assert_eq!(questions(&mut call), ["6.000s user #2 end: \"And the second of May?\""]);
}

#[test]
fn speech_that_begins_after_a_discarding_agent_has_finished_is_heard() {
    let mut call = speaking(|config| {
        config.interrupt.words = Vec::new();
        config.interrupt.no_interrupt_mode = NoInterruptMode::Discard;
    });
    call.at(2600).speech_starts().at(3000).speech_pauses().expect_nothing();
    call.at(3400).played(0).skip();
    call.at(3500).user_says(1, "Now?");
    assert_eq!(questions(&mut call), ["4.900s user #2 end: \"Now?\""]);
}
