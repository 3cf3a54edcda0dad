//! The agent's own voice comes back from the user's loudspeaker.

mod support;

use ringline_conversation::{AgentState, Metrics};
use ringline_model::AgentConfig;
use support::{Call, at_once, config};

/// The agent answers aloud since 2.400 s; the first of two segments plays.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000).user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

#[test]
fn the_agents_own_voice_lowers_it_until_it_is_known_and_is_no_turn() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(2850).echo_since(2600).expect(&[
        "2.600s open u1 from 2.300s",
        "2.600s duck r1",
        "2.850s unduck r1",
        "2.850s record overlap r1 from 2.600s: Echo",
        "2.850s close u1",
    ]);
    // Its text comes too late to mean anything.
    call.transcript(1, 1, "One two three").at(3400).expect_nothing();
    assert_eq!(call.state(), AgentState::Speaking);
}

#[test]
fn an_answer_that_its_own_voice_has_stopped_is_taken_up_again() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(3300).stopped(1, 0, 520).skip();
    assert_eq!(call.state(), AgentState::Listening);
    call.at(3350).echo_since(2600).expect(&[
        "3.350s close u1",
        "3.350s record r2 resumes r1",
        "3.350s synthesise r2 s2: three four.",
        "3.350s synthesise r2 s3: Five six.",
    ]);
}

#[test]
fn what_was_said_before_the_echo_counts() {
    let mut call = speaking(at_once);
    call.at(2600).speech_starts().stopped(1, 0, 200).at(3300).skip();
    call.speech_pauses().transcript(1, 1, "").at(3400).speech_resumes().at(3600).echo_since(3400).skip();
    call.transcript(1, 2, "Wait.").at(4000);
    assert!(call.take_lines().contains(&"3.800s user #2 end: \"Wait.\"".to_owned()));
}

#[test]
fn echo_is_neither_an_interruption_nor_a_backchannel() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(2850).echo_since(2600).at(3300).skip();
    let metrics = Metrics::of(&call.journal().1, None);
    assert_eq!((metrics.interruptions, metrics.backchannels), (0, 0));
}

#[test]
fn in_push_to_talk_and_without_an_utterance_it_means_nothing() {
    let mut call = speaking(|_| ());
    call.at(2600).echo_since(2600).expect_nothing();
    let mut call = speaking(|config| config.push_to_talk = true);
    call.client(ringline_conversation::ClientCommand::StartPushToTalk).skip();
    call.at(2600).echo_since(2600).expect_nothing();
    call.client(ringline_conversation::ClientCommand::CancelPushToTalk).skip();
}
