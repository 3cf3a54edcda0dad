//! The user speaks over the agent.

mod support;

use ringline_conversation::{AgentState, Input, InterruptReason};
use ringline_model::{AgentConfig, NoInterruptMode, ResponseId};
use support::{Call, at_once, config};

/// The agent answers aloud since 2.400 s; the first of two segments plays.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000).user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

fn uninterruptible(mode: NoInterruptMode, words: &[&str]) -> Call {
    speaking(|config| {
        config.interrupt.enable_voice_interrupt = false;
        config.interrupt.no_interrupt_mode = mode;
        config.interrupt.words = words.iter().map(|word| (*word).to_owned()).collect();
    })
}

#[test]
fn with_the_anti_interference_off_speech_silences_the_agent_at_once() {
    let mut call = speaking(|config| config.asr.vad_level = 0);
    call.at(2920).input(Input::SpeechStarted { at: support::ms(2800) }).expect(&[
        "2.920s open u1 from 2.500s",
        "2.920s cancel r1",
        "2.920s stop playout r1",
        "2.920s interrupted Voice",
        "2.920s state Listening",
        "2.920s record interrupted r1 Voice, speech from 2.800s",
    ]);
    call.at(2930).stopped(1, 0, 520).expect(&["2.930s record Assistant Normal #1 from 2.400s cut: \"One two\""]);
    call.at(3800).speech_pauses().transcript(1, 1, "No, wait.").at(4200).expect(&[
        "3.800s transcribe u1 rev 1",
        "4.200s close u1",
        "4.200s user #2 end: \"No, wait.\"",
        "4.200s state Thinking",
        "4.200s generate r2 #2: S:P | U:Why? | A:One two | U:No, wait.",
    ]);
}

#[test]
fn with_a_shortest_duration_only_lasting_speech_interrupts() {
    let mut call = speaking(|config| config.asr.vad_duration = 300);
    call.at(2600).speech_starts().at(2700).interim(1, "wait").expect(&["2.600s open u1 from 2.300s", "2.600s duck r1"]);
    call.at(2800).speech_pauses().at(2850).speech_resumes().at(3000).speech_pauses().expect(&[
        "2.800s transcribe u1 rev 1",
        "2.800s unduck r1",
        "2.800s record overlap r1 from 2.600s: TooShort",
        "2.850s duck r1",
        "3.000s transcribe u1 rev 2",
        "3.000s unduck r1",
        "3.000s record overlap r1 from 2.850s: TooShort",
    ]);
    call.transcript(1, 2, "wait wait").at(3400).expect(&["3.400s close u1"]);
    assert_eq!(call.state(), AgentState::Speaking);
    call.at(3500).speech_starts().at(3799).expect(&["3.500s open u2 from 3.200s", "3.500s duck r1"]);
    call.at(3800);
    assert_eq!(call.take_lines()[2], "3.800s interrupted Voice");
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn short_speech_that_the_agent_finished_under_is_a_turn() {
    let mut call = speaking(|config| config.asr.vad_duration = 1500);
    call.at(3400).played(0).plays(1).at(4300).speech_starts().at(4400).played(1).skip();
    call.at(4600).speech_pauses().transcript(1, 1, "Yes.").at(5000);
    assert!(call.take_lines().contains(&"5.000s user #2 end: \"Yes.\"".to_owned()));
}

#[test]
fn late_events_of_an_interrupted_response_are_dropped() {
    let mut call = speaking(at_once);
    call.at(2900).speech_starts().stopped(1, 0, 500).skip();
    call.text(1, "More.").finished(1).audio(1).synthesised(1, 3).plays(1).played(1).stopped(1, 0, 900).failed(1);
    call.expect_nothing();
    assert_eq!(call.history(), ["U:Why?", "A:One two"]);
}

#[test]
fn without_resumption_an_interruption_without_words_leaves_the_agent_listening() {
    let mut call = speaking(at_once);
    call.at(2900).speech_starts().stopped(1, 0, 500).at(3000).speech_pauses().transcript(1, 1, "").skip();
    call.at(10_000).expect(&["3.400s close u1"]);
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn with_voice_interruption_off_speech_is_kept_for_the_next_turn() {
    let mut call = uninterruptible(NoInterruptMode::Cache, &[]);
    call.at(2500).speech_starts().at(2600).interim(1, "And").speech_pauses().transcript(1, 1, "And").at(3000).expect(
        &["2.500s open u1 from 2.200s", "2.600s user #2: \"And\"", "2.600s transcribe u1 rev 1", "3.000s close u1"],
    );
    call.user_says(2, "then?").played(0).plays(1).after(900).skip().played(1).expect(&[
        "5.300s agent #1 end: \"\"",
        "5.300s state Listening",
        "5.300s record Assistant Normal #1 from 2.400s: \"One two three four. Five six.\"",
        "5.300s user #2 end: \"And then?\"",
        "5.300s state Thinking",
        "5.300s generate r2 #2: S:P | U:Why? | A:One two three four. Five six. | U:And then?",
    ]);
    // It waited for the agent, so its latency says nothing.
    call.text(2, "So.").finished(2).skip().plays(2).expect(&[
        "5.300s record User Normal #2 from 2.500s: \"And then?\"",
        "5.300s state Speaking",
        "5.300s agent #2: \"So.\"",
    ]);
}

#[test]
fn with_voice_interruption_off_speech_can_be_dropped() {
    let mut call = uninterruptible(NoInterruptMode::Discard, &[]);
    call.at(2500).speech_starts().at(2600).speech_pauses().at(2700).speech_resumes().expect_nothing();
    call.at(3400).played(0).plays(1).at(4400).played(1).skip();
    call.at(4500).user_says(1, "Now?");
    assert!(call.take_lines().contains(&"5.900s user #2 end: \"Now?\"".to_owned()));
}

#[test]
fn discarded_speech_is_still_heard_for_interrupt_words() {
    let mut call = uninterruptible(NoInterruptMode::Discard, &["stop it"]);
    call.at(2500).user_says(1, "Nice weather.").expect(&[
        "2.500s open u1 from 2.200s",
        "3.500s transcribe u1 rev 1",
        "3.900s close u1",
    ]);
    call.speech_starts().after(500).interim(2, "please Stop it").expect(&[
        "3.900s open u2 from 3.600s",
        "4.400s cancel r1",
        "4.400s stop playout r1",
        "4.400s interrupted Words",
        "4.400s state Listening",
        "4.400s record interrupted r1 Words, speech from 3.900s",
    ]);
    call.stopped(1, 0, 1000).skip();
    call.after(100).speech_pauses().transcript(2, 1, "Stop it. What about Tuesday?").after(400);
    assert!(call.take_lines().contains(&"4.900s user #2 end: \"What about Tuesday?\"".to_owned()));
}

#[test]
fn a_mere_interrupt_word_asks_nothing() {
    let mut call = uninterruptible(NoInterruptMode::Cache, &["stop"]);
    call.at(2600).speech_starts().at(2800).speech_pauses().transcript(1, 1, "Stop!").stopped(1, 0, 300).skip();
    call.at(5000).expect(&["3.200s close u1"]);
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn without_an_answer_from_playout_the_finished_segments_count() {
    let mut call = speaking(at_once);
    call.at(3400).played(0).plays(1).at(3500).speech_starts().skip();
    call.at(5500).expect(&["5.500s record Assistant Normal #1 from 2.400s cut: \"One two three four.\""]);
    call.stopped(1, 1, 500).expect_nothing();
}

#[test]
fn a_question_waits_until_it_is_known_what_was_heard() {
    let mut call = speaking(at_once);
    call.at(2900).speech_starts().at(3000).speech_pauses().transcript(1, 1, "Stop.").skip();
    call.at(3800).expect(&["3.400s close u1"]);
    call.stopped(1, 0, 500);
    assert_eq!(call.take_lines()[3], "3.800s generate r2 #2: S:P | U:Why? | A:One two | U:Stop.");
}

#[test]
fn speech_before_a_spoken_text_does_not_cut_it() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(1500).input(Input::Say { text: "News.".into(), interrupt: true }).skip();
    call.speaks(0).at(1800).speech_pauses().transcript(0, 1, "What?").at(2200).expect(&[
        "1.500s state Speaking",
        "1.500s agent #1: \"News.\"",
        "1.800s transcribe u0 rev 1",
        "2.200s close u0",
    ]);
    call.at(2500).played(0);
    assert!(call.take_lines().contains(&"2.500s user #2 end: \"What?\"".to_owned()));
}

#[test]
fn speech_that_has_interrupted_does_not_cut_a_spoken_text_that_comes_after() {
    let mut call = speaking(at_once);
    call.at(2500).speech_starts().stopped(1, 0, 0).input(Input::Say { text: "News.".into(), interrupt: true }).skip();
    call.speaks(2).at(2800).speech_pauses().transcript(1, 1, "What?").skip().at(3200).expect(&["3.200s close u1"]);
    call.at(3300).speech_starts().skip();
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn speech_the_agent_finished_under_is_kept_beside_a_spoken_text_that_comes_after() {
    let mut call = speaking(|config| config.asr.vad_duration = 2000);
    call.at(3400).played(0).plays(1).at(4300).speech_starts().at(4400).played(1);
    call.input(Input::Say { text: "News.".into(), interrupt: true }).speaks(2).at(4600).speech_pauses();
    call.transcript(1, 1, "What?").at(5000).skip().at(5400).played(2);
    assert!(call.take_lines().contains(&"5.400s user #3 end: \"What?\"".to_owned()));
}

#[test]
fn an_interrupt_word_in_a_void_transcript_means_nothing() {
    let mut call = uninterruptible(NoInterruptMode::Cache, &["stop"]);
    call.at(2600).speech_starts().at(2800).speech_pauses().at(2900).speech_resumes().skip();
    call.transcript(1, 1, "Stop.").expect_nothing();
}

#[test]
fn there_is_no_barge_in_while_the_user_is_away() {
    let mut call = speaking(|config| config.user_offline_timeout = 60);
    call.at(2500).input(Input::UserLeft).speech_starts().at(3000).expect_nothing();
    call.at(3400).played(0).plays(1).at(4400).played(1).skip();
    call.at(5000).input(Input::UserJoined).expect(&["5.000s state Listening"]);
}

#[test]
fn reasons_travel_as_their_numbers() {
    assert_eq!((InterruptReason::Words as u32, InterruptReason::Voice as u32, InterruptReason::Text as u32), (1, 2, 5));
    let mut call = speaking(|_| ());
    call.input(Input::PlayoutStopped { response: ResponseId(1), segment: None, played_ms: 0 }).expect_nothing();
}
