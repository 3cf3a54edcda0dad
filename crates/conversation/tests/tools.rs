//! Tools that the language model calls, and hanging up by one.

mod support;

use ringline_conversation::{AgentState, ClientCommand};
use ringline_model::{BuiltIn, LlmPendingConfig, MappedFunction, Phrase, PhraseOrder};
use support::{Call, config};

fn asked() -> Call {
    let mut call = Call::joined(config(|config| {
        config.llm.function_map = vec![MappedFunction { name: "end_call".into(), function: BuiltIn::HangUp }];
    }));
    call.user_says(0, "Is it raining?").skip();
    call
}

const WEATHER: &[(&str, &str, &str)] = &[("c1", "weather", "{}")];

#[test]
fn a_tools_result_goes_to_the_model_and_its_answer_is_said() {
    let mut call = asked();
    call.at(2000)
        .calls(1, WEATHER)
        .expect(&["2.000s record User Normal #1 from 0.000s: \"Is it raining?\"", "2.000s run r1 c1: weather {}"]);
    assert_eq!(call.state(), AgentState::Thinking);
    call.at(2500)
        .tool(1, "c1", "rain")
        .expect(&["2.500s generate r1 #1: S:P | U:Is it raining? | A: <weather {}=rain>"]);
    call.at(3000).text(1, "It is.").finished(1).expect(&["3.000s synthesise r1 s0: It is."]);
    call.speaks(0).at(4000).skip().played(0).expect(&[
        "4.000s agent #1 end: \"\"",
        "4.000s state Listening",
        "4.000s record Assistant Normal #1 from 3.000s: \"It is.\"",
    ]);
    assert_eq!(call.history(), ["U:Is it raining?", "A: <weather {}=rain>", "A:It is."]);
}

#[test]
fn what_is_said_before_a_call_is_heard_at_once_and_is_part_of_the_round() {
    let mut call = asked();
    call.text(1, "Let me look").calls(1, WEATHER).expect(&[
        "1.400s record User Normal #1 from 0.000s: \"Is it raining?\"",
        "1.400s run r1 c1: weather {}",
        "1.400s synthesise r1 s0: Let me look",
    ]);
    call.speaks(0)
        .skip()
        .at(2400)
        .tool(1, "c1", "rain")
        .played(0)
        .expect(&["2.400s generate r1 #1: S:P | U:Is it raining? | A:Let me look <weather {}=rain>"]);
    call.text(1, "It rains.").finished(1).speaks(1).skip().at(3400).played(1).skip();
    assert_eq!(call.history(), ["U:Is it raining?", "A: <weather {}=rain>", "A:Let me look It rains."]);
}

#[test]
fn calls_of_a_round_wait_for_each_other_and_failures_are_results() {
    let mut call = asked();
    call.calls(1, &[("c1", "weather", "{}"), ("c2", "time", "{\"zone\":1}")]).skip();
    call.tool(1, "c2", "noon").tool(1, "c2", "again").tool(1, "c9", "whose?").expect_nothing();
    call.tool_fails(1, "c1").expect(&[
        "1.400s record Tool failed: down",
        "1.400s generate r1 #1: S:P | U:Is it raining? | A: <weather {}=Error: down> <time {\"zone\":1}=noon>",
    ]);
    call.tool(1, "c1", "late").expect_nothing();
}

#[test]
fn a_tool_that_does_not_answer_is_given_up_after_ten_seconds() {
    let mut call = asked();
    call.calls(1, WEATHER).at(5400).speaks(0).at(6400).played(0).at(10_400).speaks(1).at(11_399).skip();
    call.at(11_400).expect(&[
        "11.400s record Tool failed: the tool weather gave no result in time",
        "11.400s generate r1 #1: S:P | U:Is it raining? | A: <weather {}=Error: the tool gave no result in time>",
    ]);
}

#[test]
fn fillers_hold_the_floor_while_a_tool_runs() {
    let mut call = Call::joined(config(|config| {
        let messages = vec![Phrase { text: "One moment.".into(), probability: 1.0 }];
        let mode = PhraseOrder::Random;
        config.auto_speech.llm_pending = Some(LlmPendingConfig { wait_time: 1000, mode, messages });
    }));
    call.user_says(0, "Why?").text(1, "Well.").calls(1, WEATHER).speaks(0).at(2000).played(0).skip();
    call.at(2999).expect_nothing().at(3000).expect(&["3.000s synthesise r1 s1: One moment."]);
}

#[test]
fn a_model_that_calls_tools_without_end_has_failed() {
    let mut call = asked();
    for _ in 0..5 {
        call.calls(1, WEATHER).tool(1, "c1", "rain").skip();
    }
    call.calls(1, WEATHER).expect(&[
        "1.400s record Generation failed: the language model calls tools without end",
        "1.400s cancel r1",
        "1.400s synthesise r2 s0: Sorry, I could not answer that.",
        "1.400s synthesise r2 s1: Please try again.",
    ]);
}

#[test]
fn speech_while_a_tool_runs_interrupts_and_the_call_stays_known() {
    let mut call = asked();
    call.calls(1, WEATHER).skip().at(2000).speech_starts().expect(&[
        "2.000s open u1 from 1.700s",
        "2.000s cancel r1",
        "2.000s interrupted Voice",
        "2.000s state Listening",
        "2.000s record interrupted r1 Voice, speech from 2.000s",
    ]);
    call.tool(1, "c1", "rain").at(3000).speech_pauses().transcript(1, 1, "Never mind.").at(3400);
    let unknown = "A: <weather {}=Error: the answer was interrupted before there was a result>";
    let last = format!("3.400s generate r2 #2: S:P | U:Is it raining? | {unknown} | U:Never mind.");
    assert_eq!(call.take_lines().last(), Some(&last));
}

#[test]
fn hanging_up_by_a_tool_waits_for_what_has_been_said() {
    let mut call = asked();
    call.text(1, "Goodbye then.").calls(1, &[("c1", "end_call", "{}"), ("c2", "weather", "{}")]);
    call.expect(&["1.400s synthesise r1 s0: Goodbye then."]);
    call.speaks(0).skip().at(2400).played(0).expect(&[
        "2.400s agent #1 end: \"\"",
        "2.400s state Listening",
        "2.400s record Assistant Normal #1 from 1.400s: \"Goodbye then.\"",
        "2.400s will leave 0: the agent hung up",
        "2.400s end HungUp",
    ]);
}

#[test]
fn hanging_up_without_a_word_ends_the_call_at_once() {
    let mut call = asked();
    call.calls(1, &[("c1", "end_call", "")]);
    assert_eq!(call.take_lines().last().map(String::as_str), Some("1.400s end HungUp"));
}

#[test]
fn a_stopped_answer_runs_no_tools() {
    let mut call = asked();
    call.client(ClientCommand::InterruptSpeaking).skip().calls(1, WEATHER).expect_nothing();
}
