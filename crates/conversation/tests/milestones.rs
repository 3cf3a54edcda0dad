//! What callbacks are told of a turn's stages, with the times of request and answer.

mod support;

use ringline_conversation::ClientCommand;
use support::{Call, config};

fn milestones(call: &mut Call) -> Vec<String> {
    let lines = call.take_lines();
    let is_one = |line: &&String| ["Intent", "First"].iter().any(|name| line.contains(&format!("record {name}")));
    lines.iter().filter(is_one).cloned().collect()
}

fn joined() -> Call {
    Call::joined(config(|_| ())).with_milestones()
}

#[test]
fn a_spoken_turn_reaches_four_milestones_in_order() {
    let mut call = joined();
    call.at(1000).speech_starts().at(1200).interim(0, "...").at(1500).interim(0, "what").at(1600).interim(0, "what is");
    assert_eq!(milestones(&mut call), ["1.500s record IntentDetected #1 1.000s..1.500s"]);
    call.at(2000).speech_pauses().at(2100).transcript(0, 1, "What is it?").at(2400);
    assert_eq!(milestones(&mut call), ["2.400s record IntentRecognised #1 2.000s..2.400s"]);
    call.at(2600).text(1, "").text(1, "Because").at(2700).text(1, " it is. So.");
    assert_eq!(milestones(&mut call), ["2.600s record FirstText #1 2.400s..2.600s"]);
    call.finished(1).at(2900).audio(0).synthesised(0, 800).at(3000).audio(1);
    assert_eq!(milestones(&mut call), ["2.900s record FirstAudio #1 2.700s..2.900s"]);
}

#[test]
fn a_turn_whose_first_words_are_its_transcript_is_detected_with_it() {
    let mut call = joined();
    call.user_says(0, "Why?");
    assert_eq!(
        milestones(&mut call),
        ["1.100s record IntentDetected #1 0.000s..1.100s", "1.400s record IntentRecognised #1 1.000s..1.400s"]
    );
}

#[test]
fn sounds_without_words_reach_none() {
    let mut call = joined();
    call.user_says(0, "");
    assert!(milestones(&mut call).is_empty());
}

#[test]
fn speech_over_the_agent_is_detected_when_it_takes_the_floor() {
    let mut call = Call::joined(config(|config| config.asr.vad_duration = 300)).with_milestones();
    call.user_says(0, "Why?").text(1, "One two three.").finished(1).speaks(0).skip();
    call.at(1500).speech_starts().at(1700).interim(1, "wait");
    assert!(milestones(&mut call).is_empty());
    call.at(1800).stopped(1, 0, 400).interim(1, "wait a");
    assert_eq!(milestones(&mut call), ["1.800s record IntentDetected #2 1.500s..1.700s"]);
}

#[test]
fn a_question_that_is_taken_up_again_is_detected_once_and_recognised_again() {
    let mut call = joined();
    call.user_says(0, "What is").speech_starts().after(500).interim(1, "the").speech_pauses().transcript(
        1,
        1,
        "the time?",
    );
    call.after(400);
    assert_eq!(
        milestones(&mut call),
        [
            "1.100s record IntentDetected #1 0.000s..1.100s",
            "1.400s record IntentRecognised #1 1.000s..1.400s",
            "2.300s record IntentRecognised #1 1.900s..2.300s",
        ]
    );
}

#[test]
fn a_typed_question_is_recognised_when_it_comes() {
    let mut call = joined();
    call.at(700).client(ClientCommand::SendText { text: "Why?".into() });
    assert_eq!(milestones(&mut call), ["0.700s record IntentRecognised #1 0.700s..0.700s"]);
}

#[test]
fn greetings_spoken_texts_and_dropped_answers_have_none() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".into()))).with_milestones();
    call.input(ringline_conversation::Input::UserJoined).speaks(0).after(1000).played(0);
    call.say("News.", true).speaks(1).after(1000).played(1);
    assert!(milestones(&mut call).is_empty());
    call.client(ClientCommand::SendText { text: "Why?".into() }).text(2, "One two. Three.");
    call.client(ClientCommand::InterruptSpeaking).audio(2).text(2, "More.");
    let got = milestones(&mut call);
    assert!(!got.iter().any(|line| line.contains("FirstAudio")), "{got:?}");
}
