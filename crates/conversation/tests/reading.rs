//! How an agent's text becomes speech: held back while short, brackets left out, words said as the rules want.

mod support;

use ringline_model::{AgentConfig, Brackets, PronunciationRule};
use support::{Call, config};

/// The question was asked at 2.400 s.
fn asked(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000).user_says(0, "Why?").skip();
    call
}

fn gathered(min_length: u32, max_delay: u32) -> Call {
    asked(|config| (config.llm.output_min_length, config.llm.output_max_delay) = (min_length, max_delay))
}

#[test]
fn short_pieces_wait_for_more_text() {
    let mut call = gathered(20, 0);
    call.text(1, "Yes. No. ").at(5000).expect_nothing();
    call.text(1, "I do not know. And so on").expect(&["5.000s synthesise r1 s0: Yes. No. I do not know."]);
    call.finished(1).expect(&["5.000s synthesise r1 s1: And so on"]);
    call.speaks(0);
    assert!(call.take_lines().contains(&"5.000s agent #1: \"Yes. No. I do not know.\"".to_owned()));
}

#[test]
fn what_is_held_back_is_spoken_after_the_longest_delay() {
    let mut call = gathered(20, 1000);
    call.text(1, "Yes. ").at(2800).text(1, "No. ").at(3399).expect_nothing();
    call.at(3400).expect(&["3.400s synthesise r1 s0: Yes."]);
}

#[test]
fn a_short_answer_is_spoken_when_it_is_complete() {
    let mut call = gathered(100, 0);
    call.text(1, "Yes.").expect_nothing();
    call.finished(1).expect(&["2.400s synthesise r1 s0: Yes."]);
}

#[test]
fn a_greeting_is_not_held_back() {
    let mut call = Call::new(config(|config| {
        config.greeting = Some("Hi.".to_owned());
        config.llm.output_min_length = 100;
    }));
    call.expect(&["0.000s synthesise r0 s0: Hi."]);
}

#[test]
fn bracketed_text_is_neither_spoken_nor_shown_however_it_comes() {
    let mut call = asked(|config| {
        config.tts.unspoken = vec![Brackets::Round];
        config.llm.complete_reply = true;
    });
    call.text(1, "Hello (smi").text(1, "les (a lot)").expect_nothing();
    call.text(1, ") there. [Yes]")
        .finished(1)
        .expect(&["2.400s synthesise r1 s0: Hello there.", "2.400s synthesise r1 s1: [Yes]"]);
    call.speaks(0).played(0).speaks(1).played(1);
    let lines = call.take_lines();
    assert!(lines.contains(&"2.400s agent #1: \"Hello there.\"".to_owned()), "{lines:?}");
    assert!(lines.contains(&"2.400s reply #1: \"Hello (smiles (a lot)) there. [Yes]\"".to_owned()), "{lines:?}");
}

#[test]
fn a_bracket_that_is_never_closed_is_spoken() {
    let mut call = asked(|config| config.tts.unspoken = vec![Brackets::Round]);
    call.text(1, "Hello (smiles there.").expect_nothing();
    call.finished(1).expect(&["2.400s synthesise r1 s0: Hello (smiles there."]);
}

#[test]
fn brackets_are_left_out_of_greetings_and_spoken_texts_too() {
    let mut call = Call::new(config(|config| {
        config.greeting = Some("(waves) Hi.".to_owned());
        config.tts.unspoken = vec![Brackets::Round];
    }));
    call.expect(&["0.000s synthesise r0 s0: Hi."]);
    call.say("One (two) three.", false).speaks(0).played(0);
    assert!(call.take_lines().contains(&"0.000s synthesise r1 s1: One three.".to_owned()));
}

#[test]
fn words_are_said_by_the_rules_and_shown_as_written() {
    let mut call = asked(|config| {
        let rule = |word: &str, said: &str| PronunciationRule { word: word.to_owned(), pronunciation: said.to_owned() };
        config.tts.rules = vec![rule("SQL", "sequel"), rule("GIF", "jif")];
    });
    call.text(1, "SQL or GIF.").finished(1).expect(&["2.400s synthesise r1 s0: sequel or jif."]);
    call.speaks(0);
    assert!(call.take_lines().contains(&"2.400s agent #1: \"SQL or GIF.\"".to_owned()));
    call.after(1000).played(0).skip();
    assert_eq!(call.history(), ["U:Why?", "A:SQL or GIF."]);
}

fn segmented(intelligent: bool) -> Call {
    asked(|config| config.intelligent_segment = intelligent)
}

#[test]
fn a_user_who_goes_on_after_a_pause_has_asked_one_question() {
    let mut call = segmented(true);
    call.at(2500).user_says(1, "And how?");
    assert!(call.take_lines().contains(&"3.900s user #1 end: \"Why? And how?\"".to_owned()));
}

#[test]
fn without_intelligent_segments_every_pause_ends_a_question_for_good() {
    let mut call = segmented(false);
    call.at(2500).user_says(1, "And how?").expect(&[
        "2.500s open u1 from 2.200s",
        "2.500s cancel r1",
        "2.500s state Listening",
        "3.500s transcribe u1 rev 1",
        "3.900s close u1",
        "3.900s user #1 end: \"Why?\"",
        "3.900s record User Normal #1 from 1.000s: \"Why?\"",
        "3.900s user #2 end: \"And how?\"",
        "3.900s state Thinking",
        "3.900s generate r2 #2: S:P | U:Why? | U:And how?",
    ]);
}

#[test]
fn without_intelligent_segments_a_noise_still_takes_nothing_away() {
    let mut call = segmented(false);
    call.at(2500).speech_starts().at(2800).speech_pauses().transcript(1, 1, "").at(3200);
    assert!(call.take_lines().contains(&"3.200s generate r2 #1: S:P | U:Why?".to_owned()));
}
