//! What the agent does by itself: it answers a configured question first, and speaks up when the user is silent.

mod support;

use ringline_conversation::Input;
use ringline_model::{Phrase, UserIdleConfig};
use support::{Call, config};

fn silent(max_repeats: u32, messages: &[(&str, f64)], end_word: Option<&str>) -> Call {
    let messages = messages.iter().map(|&(text, probability)| Phrase { text: text.to_owned(), probability });
    let user_idle = UserIdleConfig {
        wait_time: 5000,
        max_repeats,
        messages: messages.collect(),
        hangup_end_word: end_word.map(str::to_owned),
    };
    Call::joined(config(|config| config.auto_speech.user_idle = Some(user_idle)))
}

#[test]
fn a_silent_user_is_prompted_and_then_left_with_a_farewell() {
    let mut call = silent(1, &[("Are you there?", 1.0)], Some("Bye."));
    call.at(4999).expect_nothing().at(5000).expect(&["5.000s synthesise r1 s0: Are you there?"]);
    call.speaks(0).at(6000).played(0).expect(&[
        "5.000s state Speaking",
        "5.000s agent #1: \"Are you there?\"",
        "6.000s agent #1 end: \"\"",
        "6.000s state Listening",
        "6.000s record Assistant Normal #1 from 5.000s: \"Are you there?\"",
    ]);
    call.at(10_999).expect_nothing().at(11_000).expect(&["11.000s synthesise r2 s1: Bye."]);
    call.speaks(1).skip().at(12_000).played(1).expect(&[
        "12.000s agent #2 end: \"\"",
        "12.000s state Listening",
        "12.000s record Assistant Normal #2 from 11.000s: \"Bye.\"",
        "12.000s will leave 2001: idle",
        "12.000s end UserIdle",
    ]);
}

#[test]
fn without_prompts_or_farewell_the_agent_just_leaves() {
    silent(0, &[], None).at(5000).expect(&["5.000s will leave 2001: idle", "5.000s end UserIdle"]);
    silent(2, &[], None).at(15_000).expect(&["15.000s will leave 2001: idle", "15.000s end UserIdle"]);
}

#[test]
fn a_user_who_speaks_gets_the_prompts_back_and_a_noise_does_not() {
    let mut call = silent(1, &[("Hello?", 1.0)], None);
    call.at(5000).speaks(0).at(6000).played(0).skip();
    call.at(8000).user_says(0, "Yes.").text(2, "Good.").finished(2).speaks(1).after(1000).played(1).skip();
    call.at(15_399).expect_nothing().at(15_400).expect(&["15.400s synthesise r3 s2: Hello?"]);
    call.speaks(2).at(16_400).played(2).skip().at(17_000).user_says(1, "").skip();
    call.at(21_400).expect(&["21.400s will leave 2001: idle", "21.400s end UserIdle"]);
}

#[test]
fn a_farewell_that_is_interrupted_is_taken_back() {
    let mut call = silent(0, &[], Some("Bye now."));
    call.at(5000).speaks(0).at(5200).speech_starts().at(5900).stopped(1, 0, 200).skip();
    call.at(6200).speech_pauses().transcript(0, 1, "Wait.").at(6600);
    assert!(call.take_lines().last().is_some_and(|line| line.ends_with("U:Wait.")));
}

#[test]
fn a_user_who_is_away_or_talks_to_a_human_is_not_prompted() {
    let mut call = silent(1, &[("Hello?", 1.0)], None);
    call.at(1000).input(Input::UserLeft).at(5500).expect_nothing();
    call.input(Input::UserJoined).skip().takeover(ringline_conversation::TakeoverMode::HumanVoice).skip();
    call.input(Input::TakeoverConnected).skip().at(50_000).expect_nothing();
}

#[test]
fn prompts_are_chosen_by_the_seed() {
    let mut call = silent(6, &[("One.", 0.5), ("Two.", 0.5)], None);
    for n in 0..6u64 {
        call.after(5000).speaks(n).after(1000).played(n);
    }
    let lines = call.take_lines();
    let said: Vec<_> = lines.iter().filter_map(|line| line.split_once("synthesise ")?.1.split_once(": ")).collect();
    assert!(said.iter().any(|(_, text)| *text == "One.") && said.iter().any(|(_, text)| *text == "Two."), "{said:?}");
}

#[test]
fn the_configured_question_is_answered_when_the_user_joins() {
    let mut call = Call::new(config(|config| config.wake_up_query = Some("Who are you?".into())));
    call.expect_nothing().at(500).input(Input::UserJoined).expect(&[
        "0.500s record session started",
        "0.500s state Listening",
        "0.500s user #1 end: \"Who are you?\"",
        "0.500s state Thinking",
        "0.500s generate r1 #1: S:P | U:Who are you?",
    ]);
    call.input(Input::UserLeft).input(Input::UserJoined).expect(&["0.500s state Thinking"]);
}

#[test]
fn the_configured_question_waits_for_what_is_heard_first() {
    let mut call = Call::new(config(|config| {
        config.wake_up_query = Some("Who are you?".into());
        config.greeting = Some("Hello.".into());
        config.pre_connect_audio_url = Some("http://jingle".into());
    }));
    call.input(Input::UserJoined).expect(&["0.000s load c0: http://jingle", "0.000s record session started"]);
    call.clip(0, 1000).plays(0).at(1000).played(0).speaks(1).skip().at(2000).played(1);
    let lines = call.take_lines();
    assert_eq!(lines.last().map(String::as_str), Some("2.000s generate r1 #1: S:P | A:Hello. | U:Who are you?"));
}
