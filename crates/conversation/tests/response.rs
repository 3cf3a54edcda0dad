//! From the model's text to speech, subtitles and the end of the agent's turn.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Message, Role};
use support::{Call, config};

/// A call whose first question has been asked, at 2.400 s.
fn asked(change: impl FnOnce(&mut ringline_model::AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.at(1000).user_says(0, "Why?").skip();
    call
}

#[test]
fn a_whole_turn() {
    let mut call = asked(|_| ());
    call.after(200).text(1, "Because it is so.").expect_nothing();
    call.after(50).text(1, " Really.").expect(&["2.650s synthesise r1 s0: Because it is so."]);
    call.after(10).finished(1).expect(&["2.660s synthesise r1 s1: Really."]);
    call.after(40).audio(0).synthesised(0, 1000).synthesised(1, 500).expect_nothing();
    assert_eq!(call.state(), AgentState::Thinking);
    call.after(20).plays(0).expect(&[
        "2.720s record User Normal #1 from 1.000s: \"Why?\"",
        "2.720s state Speaking",
        "2.720s agent #1: \"Because it is so.\"",
        "2.720s latency #1 total 720",
        "2.720s record latency #1: 400+0+200+50+50+20 = 720",
    ]);
    call.after(1000).played(0).plays(1).expect(&["3.720s agent #1: \" Really.\""]);
    call.after(500).played(1).expect(&[
        "4.220s agent #1 end: \"\"",
        "4.220s state Listening",
        "4.220s record Assistant Normal #1 from 2.720s: \"Because it is so. Really.\"",
    ]);
    assert_eq!(call.history(), ["U:Why?", "A:Because it is so. Really."]);
}

#[test]
fn the_time_the_transcript_alone_cost_is_its_own_part() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().at(2000).speech_pauses().at(2700).transcript(0, 1, "Why?").text(1, "So.").finished(1);
    call.after(100).audio(0).skip().plays(0);
    let lines = call.take_lines();
    assert!(lines.contains(&"2.800s record latency #1: 400+300+0+0+100+0 = 800".to_owned()), "{lines:?}");
}

#[test]
fn the_next_question_brings_the_turns_before_it() {
    let mut call = Call::with_history(
        config(|_| ()),
        vec![Message::new(Role::User, "earlier"), Message::new(Role::Assistant, "yes")],
    );
    call.input(ringline_conversation::Input::UserJoined).turn(0, 1, 0).skip().user_says(1, "And?");
    let lines = call.take_lines();
    assert_eq!(lines[5], "3.800s generate r2 #2: S:P | U:earlier | A:yes | U:question 1 | A:Answer 1. | U:And?");
}

#[test]
fn no_more_than_four_segments_are_on_their_way() {
    let mut call = asked(|_| ());
    call.text(1, "One. Two. Three. Four. Five. Six. ").finished(1);
    assert_eq!(call.take_lines().len(), 4);
    call.speaks(0).skip().after(1000).played(0).expect(&["3.400s synthesise r1 s4: Five."]);
    call.speaks(1)
        .skip()
        .segment_fails(2)
        .expect(&["3.400s record Synthesis failed: down", "3.400s synthesise r1 s5: Six."]);
}

#[test]
fn an_answer_without_anything_to_say_has_failed() {
    let mut call = asked(|config| config.llm.complete_reply = true);
    call.text(1, "🙂 ***").finished(1).expect(&[
        "2.400s record Generation failed: the answer is empty",
        "2.400s cancel r1",
        "2.400s record User Normal #1 from 1.000s: \"Why?\"",
        "2.400s synthesise r2 s0: Sorry, I could not answer that.",
        "2.400s synthesise r2 s1: Please try again.",
    ]);
}

#[test]
fn the_whole_reply_follows_the_last_subtitle_if_wanted() {
    let mut call = asked(|config| config.llm.complete_reply = true);
    call.text(1, "**Yes**, I ").text(1, "do.").finished(1).speaks(0).after(1000).skip().played(0).expect(&[
        "3.400s agent #1 end: \"\"",
        "3.400s reply #1: \"**Yes**, I do.\"",
        "3.400s state Listening",
        "3.400s record Assistant Normal #1 from 2.400s: \"Yes, I do.\"",
    ]);
}

#[test]
fn a_response_is_read_to_its_limit_and_the_rest_is_cancelled() {
    let mut call = asked(|_| ());
    call.text(1, &"lorem ".repeat(1000)).skip();
    let mut segment = 0;
    while call.state() != AgentState::Listening {
        call.speaks(segment).after(1000).played(segment);
        segment += 1;
        assert!(segment < 40, "the response never ends");
    }
    assert!(call.take_lines().contains(&format!("{}.400s cancel r1", 2 + segment)));
    let heard = call.history().pop().expect("an answer");
    assert_eq!(heard.chars().count(), "A:".len() + 4000);
}

#[test]
fn text_for_a_response_that_is_over_is_dropped() {
    let mut call = asked(|_| ());
    call.text(1, "Yes.").finished(1).speaks(0).after(1000).played(0).skip();
    call.text(1, "More.").finished(1).failed(1).plays(0).played(0).synthesised(0, 1).segment_fails(0).expect_nothing();
}

#[test]
fn voice_rate_and_prompt_change_from_the_next_piece_on() {
    let mut call = asked(|_| ());
    call.text(1, "One. T").client(ClientCommand::SwitchVoice { voice: "anna".into() });
    call.client(ClientCommand::UpdateSpeechRate { rate: 7.0 }).text(1, "wo.").finished(1).expect(&[
        "2.400s synthesise r1 s0: One.",
        "2.400s voice anna",
        "2.400s synthesise r1 s1 as anna at 2: Two.",
    ]);
    call.client(ClientCommand::UpdateSystemPrompt { prompt: "Q".into() }).expect_nothing();
    call.speaks(0).after(500).played(0).speaks(1).after(500).played(1).skip();
    call.user_says(1, "Next.");
    assert!(call.take_lines()[5].contains("generate r2 #2: S:Q | U:Why?"));
}
