//! The user speaks over the agent, which steps back until it is known what that means.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input};
use ringline_model::AgentConfig;
use support::{Call, config};

/// The agent answers aloud since 2.400 s, in two segments of 1 s; the first plays.
fn answering(answer: &str, change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000).user_says(0, "Why?").text(1, answer).finished(1).speaks(0).synthesised(1, 1000).skip();
    call
}

fn speaking() -> Call {
    answering("One two three four. Five six.", |_| ())
}

const INTERRUPTED: [&str; 4] = ["cancel r1", "stop playout r1", "interrupted Voice", "state Listening"];

/// What came are these lines at this time, and then the records of an interruption by speech since `began`.
#[track_caller]
fn is_interrupted(call: &mut Call, at: &str, began: &str, silent: &str) {
    let lines = INTERRUPTED.map(|line| format!("{at} {line}"));
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let interrupted = format!("{at} record interrupted r1 Voice, speech from {began}");
    let overlap = format!("{at} record overlap r1 from {began}{silent}: Interrupted");
    lines.extend([interrupted.as_str(), overlap.as_str()]);
    call.expect(&lines);
}

#[test]
fn lasting_speech_ducks_then_silences_then_interrupts_the_agent() {
    let mut call = speaking();
    call.at(2580).input(Input::SpeechStarted { at: support::ms(2500) });
    call.expect(&["2.580s open u1 from 2.200s", "2.580s duck r1"]);
    call.at(2819).expect_nothing().at(2820).expect(&["2.820s pause r1"]);
    call.at(3199).expect_nothing().at(3200);
    is_interrupted(&mut call, "3.200s", "2.500s", ", silent from 2.820s");
    call.stopped(1, 0, 420).expect(&["3.200s record Assistant Normal #1 from 2.400s cut: \"One two\""]);
    call.at(3900).speech_pauses().transcript(1, 1, "Stop talking now.").skip().at(4300);
    assert_eq!(call.take_lines()[3], "4.300s generate r2 #2: S:P | U:Why? | A:One two | U:Stop talking now.");
}

#[test]
fn a_backchannel_leaves_the_agent_the_floor_and_no_trace_in_the_talk() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(2900).speech_pauses().at(3000).transcript(1, 1, "Mm-hm.").at(3300).expect(
        &[
            "2.820s pause r1",
            "2.900s transcribe u1 rev 1",
            "3.000s unduck r1",
            "3.000s record overlap r1 from 2.500s, silent from 2.820s: Backchannel",
            "3.300s close u1",
        ],
    );
    assert_eq!(call.state(), AgentState::Speaking);
    call.at(3600).played(0).plays(1).after(1000).skip().played(1);
    assert_eq!(
        call.take_lines()[1..],
        ["4.600s state Listening", "4.600s record Assistant Normal #1 from 2.400s: \"One two three four. Five six.\""]
    );
    assert_eq!(call.history(), ["U:Why?", "A:One two three four. Five six."]);
}

#[test]
fn a_short_cough_is_only_ducked() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(2700).speech_pauses().at(2850).transcript(1, 1, "").expect(&[
        "2.700s transcribe u1 rev 1",
        "2.850s unduck r1",
        "2.850s record overlap r1 from 2.500s: NoWords",
    ]);
    call.at(3100).expect(&["3.100s close u1"]);
}

#[test]
fn short_words_interrupt_as_soon_as_they_are_recognised() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(2700).speech_pauses().skip().at(2850).transcript(1, 1, "No!");
    is_interrupted(&mut call, "2.850s", "2.500s", "");
    call.stopped(1, 0, 300).skip().at(3100);
    assert_eq!(call.take_lines()[1], "3.100s user #2 end: \"No!\"");
}

#[test]
fn interim_words_interrupt_before_the_time_is_up() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(2700).interim(1, "yeah").expect_nothing();
    call.interim(1, "yeah but");
    let lines = call.take_lines();
    assert_eq!((lines[0].as_str(), lines[6].as_str()), ("2.700s cancel r1", "2.700s user #2: \"yeah but\""));
    call.stopped(1, 0, 300).skip();
}

#[test]
fn a_row_of_backchannels_may_last_longer() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(3000).interim(1, "嗯嗯").skip().at(3999).expect_nothing();
    call.speech_pauses().transcript(1, 1, "嗯嗯，对").skip().at(4500).expect(&["4.399s close u1"]);
    assert_eq!(call.state(), AgentState::Speaking);
}

#[test]
fn without_a_text_in_time_the_agent_goes_on_and_words_that_come_late_still_interrupt() {
    let mut call = speaking();
    call.at(2500)
        .speech_starts()
        .at(2900)
        .speech_pauses()
        .skip()
        .at(3900)
        .expect(&["3.900s unduck r1", "3.900s record overlap r1 from 2.500s, silent from 2.820s: TextLate"]);
    call.transcript(1, 1, "What?").at(4000);
    let lines = call.take_lines();
    assert_eq!(lines[..3], ["3.900s cancel r1", "3.900s stop playout r1", "3.900s interrupted Voice"]);
    call.stopped(1, 0, 300).skip();
}

#[test]
fn failed_recognition_brings_the_agent_back() {
    let mut call = speaking();
    call.at(2500).speech_starts().at(2900).speech_pauses().skip();
    let (utterance, error) = (ringline_model::UtteranceId(1), "down".to_owned());
    call.input(Input::TranscriptFailed { utterance, revision: 1, error });
    assert_eq!(call.take_lines()[2], "2.900s unduck r1");
}

#[test]
fn a_yes_that_meets_a_question_is_its_answer() {
    let mut call = answering("It is full today. Tomorrow then, all right?", |_| ());
    call.at(3400).played(0).plays(1).at(3900).speech_starts().at(4200).speech_pauses().transcript(1, 1, "Yes.").skip();
    call.at(4500).played(1).skip().at(4700);
    let lines = call.take_lines();
    assert!(lines[1].ends_with("user #2 end: \"Yes.\""), "{lines:?}");
}

#[test]
fn the_level_says_how_long_speech_must_last() {
    for (level, stop) in [(1, "2.700s cancel r1"), (5, "3.100s cancel r1"), (10, "3.600s cancel r1")] {
        let mut call = answering("One two three four. Five six.", |config| config.asr.vad_level = level);
        call.at(2500).speech_starts().skip().at(5000);
        assert!(call.take_lines().contains(&stop.to_owned()), "level {level}");
    }
}

#[test]
fn what_ends_under_the_users_voice_leaves_nothing_ducked() {
    let mut call = speaking();
    call.at(3400).played(0).plays(1).at(4200).speech_starts().skip().at(4400).played(1);
    assert_eq!(call.take_lines()[..2], ["4.400s unduck r1", "4.400s record overlap r1 from 4.200s: Moot"]);
    call.at(4600).speech_pauses().transcript(1, 1, "Yes.").skip().at(5000);
    assert_eq!(call.take_lines()[1], "5.000s user #2 end: \"Yes.\"");
}

#[test]
fn voice_interruption_that_is_switched_off_meanwhile_brings_the_agent_back() {
    let mut call = speaking();
    call.at(2500).speech_starts().client(ClientCommand::EnableVoiceInterrupt { enable: false }).skip().at(3300).expect(
        &["2.820s pause r1", "3.200s unduck r1", "3.200s record overlap r1 from 2.500s, silent from 2.820s: Moot"],
    );
}

#[test]
fn speech_over_an_agent_that_may_not_be_interrupted_ducks_nothing() {
    let mut call = answering("One two three four. Five six.", |config| config.interrupt.enable_voice_interrupt = false);
    call.at(2500).speech_starts().at(3300).expect(&["2.500s open u1 from 2.200s"]);
}

#[test]
fn a_short_word_that_may_be_anything_leaves_the_agent_the_floor_and_is_answered_when_it_has_finished() {
    let mut call = speaking();
    call.at(2500).speech_starts().skip().at(2750).interim(1, "Tuesday").skip().at(2900).speech_pauses().skip();
    call.at(3000)
        .transcript(1, 1, "Tuesday.")
        .expect(&["3.000s unduck r1", "3.000s record overlap r1 from 2.500s, silent from 2.820s: TooShort"]);
    call.at(3600).played(0).plays(1).after(1000).skip().played(1);
    let lines = call.take_lines();
    assert!(lines.contains(&"4.600s user #2 end: \"Tuesday.\"".to_owned()), "{lines:?}");
    assert_eq!(call.history(), ["U:Why?", "A:One two three four. Five six."]);
}

#[test]
fn a_word_that_took_long_to_say_interrupts() {
    let mut call = answering("One two three four. Five six.", |config| config.asr.vad_level = 11);
    call.at(2500).speech_starts().skip().at(3300).interim(1, "Tuesday");
    assert_eq!(call.take_lines()[..2], ["2.820s pause r1", "3.300s cancel r1"]);
}
