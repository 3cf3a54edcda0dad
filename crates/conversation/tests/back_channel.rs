//! Back-channelling: a short word at a pause inside the user's turn.

mod support;

use ringline_conversation::{AgentState, Input};
use ringline_model::{AgentConfig, BackChannel, Phrase};
use support::{Call, config};

fn listening(probability: f64, change: impl FnOnce(&mut AgentConfig)) -> Call {
    Call::joined(config(|config| {
        let words = vec![Phrase { text: "mm-hm".to_owned(), probability: 1.0 }];
        config.back_channels = vec![BackChannel { probability, words }];
        config.asr.max_silence = 1200;
        change(config);
    }))
}

/// The user has paused at 3.000 s, after 2 s of speech.
fn paused(call: &mut Call) -> &mut Call {
    call.at(1000).speech_starts().at(3000).skip().speech_pauses()
}

const SAID: &str = "3.000s synthesise r1 s0: mm-hm";

#[test]
fn at_a_pause_the_agent_says_a_short_word_without_taking_the_turn() {
    let mut call = listening(1.0, |_| ());
    paused(&mut call).expect(&["3.000s transcribe u0 rev 1", SAID]);
    call.audio(0).synthesised(0, 400).plays(0).at(3400).played(0).expect_nothing();
    assert_eq!(call.state(), AgentState::Listening);
    call.at(3500).speech_resumes().at(4000).speech_pauses().transcript(0, 2, "So I went home.").at(5200).expect(&[
        "4.000s transcribe u0 rev 2",
        "5.200s close u0",
        "5.200s user #1 end: \"So I went home.\"",
        "5.200s state Thinking",
        "5.200s generate r2 #1: S:P | U:So I went home.",
    ]);
}

#[test]
fn a_user_who_goes_on_silences_the_word() {
    let mut call = listening(1.0, |_| ());
    paused(&mut call).skip();
    call.audio(0).plays(0).at(3200).speech_resumes().expect(&["3.200s cancel r1", "3.200s stop playout r1"]);
    call.stopped(1, 0, 100).played(0).expect_nothing();
}

#[test]
fn the_probability_decides_whether_there_is_a_word() {
    let mut call = listening(0.0, |_| ());
    paused(&mut call).expect(&["3.000s transcribe u0 rev 1"]);
    let said = |seed: u64| {
        let mut call = Call::seeded(listening(0.5, |_| ()).journal().0.config, seed);
        call.input(Input::UserJoined);
        paused(&mut call);
        call.take_lines().contains(&SAID.to_owned())
    };
    let often = (0..200).filter(|seed| said(*seed)).count();
    assert!((70..130).contains(&often), "{often} of 200");
}

#[test]
fn a_short_beginning_is_not_answered_with_a_word() {
    let mut call = listening(1.0, |_| ());
    call.at(1000).speech_starts().at(2400).speech_pauses();
    call.expect(&["1.000s open u0 from 0.700s", "2.400s transcribe u0 rev 1"]);
}

#[test]
fn words_are_four_seconds_apart() {
    let mut call = listening(1.0, |_| ());
    paused(&mut call).audio(0).plays(0).at(3300).played(0).skip();
    call.at(3500).speech_resumes().at(6900).speech_pauses().expect(&["6.900s transcribe u0 rev 2"]);
    call.at(7000).speech_resumes().at(7100).speech_pauses();
    call.expect(&["7.100s transcribe u0 rev 3", "7.100s synthesise r2 s1: mm-hm"]);
}

#[test]
fn while_the_agent_has_something_to_say_it_says_no_such_word() {
    let mut call = listening(1.0, |config| {
        config.interrupt.enable_voice_interrupt = false;
        config.asr.max_silence = 400;
    });
    call.at(100).say("A long text.", false).speaks(0).at(1000).speech_starts().skip();
    call.at(3000).speech_pauses().expect(&["3.000s transcribe u0 rev 1"]);
}

#[test]
fn an_answer_plays_behind_the_word_and_the_word_is_in_no_history() {
    let mut call = listening(1.0, |config| config.asr.max_silence = 200);
    paused(&mut call).transcript(0, 1, "So I went home.").at(3200).skip();
    call.text(2, "I see.").finished(2).expect(&["3.200s synthesise r2 s1: I see."]);
    call.audio(0).plays(0).at(3600).played(0).speaks(1).at(4600).played(1).skip();
    assert_eq!(call.history(), ["U:So I went home.", "A:I see."]);
}

#[test]
fn a_word_that_is_never_heard_is_forgotten() {
    let mut call = listening(1.0, |_| ());
    paused(&mut call).skip();
    call.transcript(0, 1, "").at(8000).skip();
    call.speech_starts().expect(&["8.000s open u1 from 7.700s"]);
    call.at(9000).speech_pauses().transcript(1, 1, "").at(11_000).skip();
}

/// Found by the simulation: what has no letters is no word, and no voice can say it.
#[test]
fn signs_alone_are_not_said() {
    let mut call = listening(1.0, |config| config.back_channels[0].words[0].text = "...".to_owned());
    paused(&mut call).expect(&["3.000s transcribe u0 rev 1"]);
}
