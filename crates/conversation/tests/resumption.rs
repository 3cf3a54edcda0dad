//! What was stopped for nothing is taken up again.

mod support;

use ringline_model::AgentConfig;
use support::{Call, config};

/// The agent was stopped at 3.200 s, `played` ms into the first of two segments.
fn stopped(played: u32, change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000)
        .user_says(0, "Why?")
        .text(1, "One two three four. Five six.")
        .finished(1)
        .speaks(0)
        .synthesised(1, 1000);
    call.at(2500).speech_starts().at(3200).stopped(1, 0, played).skip();
    call
}

#[test]
fn after_a_sound_the_rest_is_said_from_the_first_word_that_was_not_heard() {
    let mut call = stopped(520, |_| ());
    call.at(3900).speech_pauses().transcript(1, 1, "").at(4300).expect(&[
        "3.900s transcribe u1 rev 1",
        "4.300s close u1",
        "4.300s record r2 resumes r1",
        "4.300s synthesise r2 s2: three four.",
        "4.300s synthesise r2 s3: Five six.",
    ]);
    call.speaks(2).after(1000).played(2).speaks(3).skip().after(1000).played(3).expect(&[
        "6.300s agent #2 end: \"\"",
        "6.300s state Listening",
        "6.300s record Assistant Normal #2 from 4.300s: \"three four. Five six.\"",
    ]);
    assert_eq!(call.history(), ["U:Why?", "A:One two three four. Five six."]);
}

#[test]
fn a_lasting_backchannel_was_no_interruption() {
    let mut call = stopped(520, |config| config.llm.history_sync_with_tts = true);
    call.at(3900).speech_pauses().transcript(1, 1, "Yeah, yeah, right.").skip().at(4300);
    assert_eq!(call.take_lines()[1], "4.300s record r2 resumes r1");
    assert_eq!(call.history(), ["U:Why?", "A:One two<ims_agent_interrupted>"]);
    call.speaks(2).after(1000).played(2).speaks(3).after(1000).skip().played(3).skip();
    assert_eq!(call.history(), ["U:Why?", "A:One two three four. Five six."]);
}

#[test]
fn an_answer_is_taken_up_again_once() {
    let mut call = stopped(520, |_| ());
    call.at(3900).speech_pauses().transcript(1, 1, "").at(4300).speaks(2).at(4500).speech_starts().at(5200);
    call.stopped(2, 2, 300).at(5900).speech_pauses().transcript(2, 1, "").skip().at(7000).expect(&["6.300s close u2"]);
}

#[test]
fn words_are_answered_and_nothing_is_taken_up_again() {
    let mut call = stopped(520, |_| ());
    call.at(3900).speech_pauses().transcript(1, 1, "Wait.").skip().at(4300);
    assert_eq!(call.take_lines()[3], "4.300s generate r2 #2: S:P | U:Why? | A:One two | U:Wait.");
}

#[test]
fn the_rest_waits_for_playout_to_say_where_it_stopped() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).user_says(0, "Why?").text(1, "One two three four.").finished(1).speaks(0);
    call.at(2500).speech_starts().at(3200).speech_pauses().transcript(1, 1, "").skip().at(4000);
    call.expect(&["3.600s close u1"]).stopped(1, 0, 520);
    assert_eq!(call.take_lines()[1..], ["4.000s record r2 resumes r1", "4.000s synthesise r2 s1: three four."]);
}

#[test]
fn of_an_answer_that_was_still_being_made_whole_sentences_are_said() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000)
        .user_says(0, "Why?")
        .text(1, "One two three four five. Six seven eight nine ten. And then it")
        .speaks(0);
    call.at(2500).speech_starts().at(3200).stopped(1, 0, 1000).speech_pauses().transcript(1, 1, "").skip().at(3600);
    assert_eq!(call.take_lines()[2..], ["3.600s synthesise r2 s2: Six seven eight nine ten."]);
}

#[test]
fn it_can_be_switched_off() {
    let mut call = stopped(520, |config| config.interrupt.resume = false);
    call.at(3900)
        .speech_pauses()
        .transcript(1, 1, "")
        .at(9000)
        .expect(&["3.900s transcribe u1 rev 1", "4.300s close u1"]);
}
