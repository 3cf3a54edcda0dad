//! History is what was heard.

mod support;

use ringline_conversation::{ClientCommand, Input};
use ringline_model::{AgentConfig, ResponseId};
use support::{Call, config};

/// One segment of two plays, 1 s long.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.user_says(0, "Why?").text(1, "One two three four. Five six seven eight.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

fn heard_after(played_ms: u32) -> Vec<String> {
    let mut call = speaking(|_| ());
    call.client(ClientCommand::InterruptSpeaking).stopped(1, 0, played_ms).skip();
    call.history()
}

#[test]
fn an_interrupted_segment_counts_up_to_its_last_whole_word() {
    assert_eq!(heard_after(520), ["U:Why?", "A:One two"]);
    assert_eq!(heard_after(999), ["U:Why?", "A:One two three"]);
    assert_eq!(heard_after(1000), ["U:Why?", "A:One two three four."]);
}

#[test]
fn an_answer_of_which_nothing_was_heard_is_not_in_the_history() {
    assert_eq!(heard_after(90), ["U:Why?"]);
    let mut call = speaking(|_| ());
    call.client(ClientCommand::InterruptSpeaking).skip();
    call.input(Input::PlayoutStopped { response: ResponseId(1), segment: None, played_ms: 0 }).expect_nothing();
    assert_eq!(call.history(), ["U:Why?"]);
}

#[test]
fn the_cut_is_marked_for_the_model_if_wanted_but_not_in_the_record() {
    let mut call = speaking(|config| config.llm.history_sync_with_tts = true);
    call.after(1000).played(0).plays(1).client(ClientCommand::InterruptSpeaking).skip();
    call.stopped(1, 1, 550)
        .expect(&["2.400s record Assistant Normal #1 from 1.400s cut: \"One two three four. Five six\""]);
    assert_eq!(call.history()[1], "A:One two three four. Five six<ims_agent_interrupted>");
}

#[test]
fn a_segment_that_ended_before_playout_stopped_counts_whole() {
    let mut call = speaking(|_| ());
    call.after(1000).client(ClientCommand::InterruptSpeaking).played(0).skip();
    call.input(Input::PlayoutStopped { response: ResponseId(1), segment: None, played_ms: 0 }).skip();
    assert_eq!(call.history()[1], "A:One two three four.");
}

#[test]
fn a_segment_that_failed_was_not_heard() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One. Two. Three.").finished(1).segment_fails(1);
    call.speaks(0).after(1000).played(0).speaks(2).after(1000).played(2).skip();
    assert_eq!(call.history(), ["U:Why?", "A:One. Three."]);
}

#[test]
fn what_was_heard_by_the_end_of_the_call_is_recorded_before_it() {
    let mut call = speaking(|_| ());
    call.after(1000).played(0).plays(1).skip().client(ClientCommand::StopAgent).expect(&[
        "2.400s cancel r1",
        "2.400s stop playout r1",
        "2.400s record Assistant Normal #1 from 1.400s cut: \"One two three four.\"",
        "2.400s end StoppedByClient",
    ]);
}

/// Found by the simulation: playout reports the end of a segment even if its synthesis gave no sound.
#[test]
fn a_segment_that_ends_without_a_sound_was_not_heard() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One. Two. Three.").finished(1).skip();
    call.segment_fails(0).skip().played(0).expect_nothing();
    call.audio(1).synthesised(1, 0).skip().played(1).expect_nothing();
    call.speaks(2).after(1000).played(2).skip();
    assert_eq!(call.history(), ["U:Why?", "A:Three."]);
}
