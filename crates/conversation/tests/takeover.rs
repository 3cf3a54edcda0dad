//! A human takes the call over.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input, TakeoverMode};
use support::{Call, config};

fn speaking() -> Call {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").text(1, "One two three four. Five six.").finished(1);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

/// A human is in charge since 1.500 s.
fn taken_over(mode: TakeoverMode) -> Call {
    let mut call = speaking();
    call.takeover(mode).stopped(1, 0, 520).at(1500).input(Input::TakeoverConnected).skip();
    call
}

fn typed(text: &str) -> ClientCommand {
    ClientCommand::SendText { text: text.to_owned() }
}

#[test]
fn the_agent_stops_and_the_client_is_told_who_comes() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Unknown",
        "1.400s state Listening",
        "1.400s record interrupted r1 Unknown",
        "1.400s takeover by human HumanVoice",
    ]);
    call.stopped(1, 0, 520).expect(&["1.400s record Assistant Normal #1 from 1.400s cut: \"One two\""]);
    call.at(9000).input(Input::TakeoverConnected);
    call.expect(&["9.000s hand over to human HumanVoice", "9.000s takeover connected human"]);
    call.input(Input::TakeoverConnected).takeover(TakeoverMode::AgentVoice).expect_nothing();
}

#[test]
fn a_question_that_waits_is_recorded_and_not_answered() {
    let mut call = Call::joined(config(|_| ()));
    call.user_says(0, "Why?").skip().takeover(TakeoverMode::HumanVoice).expect(&[
        "1.400s cancel r1",
        "1.400s interrupted Unknown",
        "1.400s state Listening",
        "1.400s record interrupted r1 Unknown",
        "1.400s record User Normal #1 from 0.000s: \"Why?\"",
        "1.400s takeover by human HumanVoice",
    ]);
    let mut call = Call::joined(config(|_| ()));
    call.speech_starts().interim(0, "What").skip();
    call.takeover(TakeoverMode::HumanVoice).expect(&["0.000s takeover by human HumanVoice"]);
    call.after(1000).speech_pauses().transcript(0, 1, "What is this?").after(1000);
    call.expect(&[
        "1.000s transcribe u0 rev 1",
        "1.400s close u0",
        "1.400s record User Normal #1 from 0.000s: \"What is this?\"",
    ]);
}

#[test]
fn the_agent_answers_nobody_and_asks_nobody() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.user_says(1, "Are you there?").skip().client(typed("Hello?")).client(ClientCommand::InterruptSpeaking);
    call.say("News.", true).say("News.", false).say_audio("http://a", true).after(20_000).expect_nothing();
    call.client(ClientCommand::QueryState).expect(&["22.900s state Listening"]);
    call.client(ClientCommand::SwitchVoice { voice: "anna".into() }).expect(&["22.900s voice anna"]);
}

#[test]
fn with_the_agents_voice_spoken_texts_are_taken_and_the_user_does_not_interrupt_them() {
    let mut call = taken_over(TakeoverMode::AgentVoice);
    call.say("This is Ann.", false).expect(&["1.500s synthesise r2 s2: This is Ann."]);
    call.speaks(2).speech_starts().after(1000).played(2).expect(&[
        "1.500s state Speaking",
        "1.500s agent #2: \"This is Ann.\"",
        "1.500s open u1 from 1.200s",
        "2.500s agent #2 end: \"\"",
        "2.500s state Listening",
        "2.500s record Assistant Speech #2 from 1.500s: \"This is Ann.\"",
    ]);
}

#[test]
fn nobody_is_idle_while_a_human_is_in_charge() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.at(86_401_499).expect_nothing();
    call.at(86_401_500).expect(&["86401.500s will leave 2002: the takeover has ended", "86401.500s end TakeoverEnded"]);
}

#[test]
fn the_end_of_the_takeover_is_the_end_of_the_call() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.input(Input::TakeoverCancelled).expect_nothing();
    call.at(5000).input(Input::TakeoverEnded);
    call.expect(&["5.000s will leave 2002: the takeover has ended", "5.000s end TakeoverEnded"]);
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.client(ClientCommand::StopAgent).expect(&["1.500s end StoppedByClient"]);
    let mut call = speaking();
    call.input(Input::TakeoverEnded).input(Input::TakeoverConnected).input(Input::TakeoverCancelled).expect_nothing();
}

#[test]
fn when_the_user_leaves_for_good_the_call_ends() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.at(2000).input(Input::UserLeft).at(7000).expect(&["7.000s end UserLeft"]);
}

#[test]
fn a_takeover_that_is_called_off_gives_the_call_back() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520).skip();
    call.at(9000).input(Input::TakeoverCancelled).expect(&["9.000s record takeover by human cancelled"]);
    call.at(10_000).user_says(1, "Hello?");
    assert_eq!(
        call.take_lines().last().map(String::as_str),
        Some("11.400s generate r2 #2: S:P | U:Why? | A:One two | U:Hello?")
    );
}

#[test]
fn a_human_who_does_not_come_in_time_is_not_waited_for() {
    let mut call = speaking();
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520).skip();
    call.at(61_399).expect_nothing().at(61_400).expect(&["61.400s record takeover by human cancelled"]);
    call.input(Input::TakeoverConnected).expect_nothing();
    call.at(661_400).expect(&["661.400s will leave 2001: idle", "661.400s end Idle"]);
}

#[test]
fn what_waited_to_be_said_is_forgotten() {
    let mut call = speaking();
    call.say("Later.", false).say_audio("http://a", true).expect(&["1.400s load c0: http://a"]);
    call.takeover(TakeoverMode::HumanVoice).stopped(1, 0, 520);
    assert_eq!(call.take_lines().first().map(String::as_str), Some("1.400s forget c0"));
    call.input(Input::TakeoverCancelled).skip().clip(0, 500).expect_nothing();
}

#[test]
fn a_user_who_joins_or_returns_is_told_how_far_the_takeover_is() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".into())));
    call.audio(0).skip().takeover(TakeoverMode::AgentVoice).expect(&["0.000s cancel r0", "0.000s stop playout r0"]);
    call.at(500).input(Input::UserJoined).expect(&[
        "0.500s record session started",
        "0.500s state Listening",
        "0.500s takeover by human AgentVoice",
    ]);
    assert_eq!(call.state(), AgentState::Listening);
    call.input(Input::TakeoverConnected).skip().input(Input::UserLeft).input(Input::UserJoined).expect(&[
        "0.500s state Listening",
        "0.500s takeover by human AgentVoice",
        "0.500s takeover connected human",
    ]);
}

/// What the model is told when the agent is asked next.
fn next_request(call: &mut Call, utterance: u64) -> String {
    call.skip().user_says(utterance, "And now?");
    call.take_lines().into_iter().rfind(|line| line.contains("generate")).unwrap_or_default()
}

#[test]
fn the_agent_gets_the_call_back_and_knows_what_was_said() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.human_says("This is Ann.").user_says(1, "Hello Ann.").human_says("Your parcel is on its way.").expect(&[
        "1.500s record Assistant Speech #2 from 1.500s: \"This is Ann.\"",
        "1.500s open u1 from 1.200s",
        "2.500s transcribe u1 rev 1",
        "2.900s close u1",
        "2.900s record User Normal #3 from 1.500s: \"Hello Ann.\"",
        "2.900s record Assistant Speech #4 from 2.900s: \"Your parcel is on its way.\"",
    ]);
    call.input(Input::TakeoverHandedBack).expect(&[
        "2.900s take back",
        "2.900s handed back by human",
        "2.900s record handed back by human",
    ]);
    let request = next_request(&mut call, 2);
    let said =
        "U:Why? | A:One two | A:This is Ann. | U:Hello Ann. | A:Your parcel is on its way. | S:A human colleague";
    assert!(request.contains(said) && request.ends_with("U:And now?"), "{request}");
    call.text(2, "Anything else?").finished(2).speaks(2).skip();
}

#[test]
fn a_call_that_was_given_back_can_be_taken_over_again() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.input(Input::TakeoverHandedBack).skip().takeover(TakeoverMode::AgentVoice).input(Input::TakeoverConnected);
    call.expect(&[
        "1.500s takeover by human AgentVoice",
        "1.500s hand over to human AgentVoice",
        "1.500s takeover connected human",
    ]);
    call.input(Input::TakeoverHandedBack).input(Input::TakeoverHandedBack).input(Input::TakeoverEnded).expect(&[
        "1.500s take back",
        "1.500s handed back by human",
        "1.500s record handed back by human",
    ]);
}

#[test]
fn the_last_words_of_the_human_count_though_they_come_late() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.input(Input::TakeoverHandedBack).skip().human_says("Bye, I hand you over.");
    call.expect(&["1.500s record Assistant Speech #2 from 1.500s: \"Bye, I hand you over.\""]);
    assert_eq!(call.history().last().map(String::as_str), Some("A:Bye, I hand you over."));
    let mut call = taken_over(TakeoverMode::AgentVoice);
    call.input(Input::TakeoverHandedBack).skip().human_says("Nobody heard this.").expect_nothing();
    let mut call = speaking();
    call.human_says("There was no human.").expect_nothing();
}

#[test]
fn with_the_agents_voice_the_human_s_words_are_said_at_once_and_recorded_as_heard() {
    let mut call = taken_over(TakeoverMode::AgentVoice);
    call.speech_starts().skip().human_says("Good evening.").expect(&["1.500s synthesise r2 s2: Good evening."]);
    call.speaks(2).after(1000).skip().input(Input::TakeoverHandedBack).played(2).expect(&[
        "2.500s take back",
        "2.500s handed back by human",
        "2.500s record handed back by human",
        "2.500s agent #2 end: \"\"",
        "2.500s state Listening",
        "2.500s record Assistant Speech #2 from 1.500s: \"Good evening.\"",
    ]);
    assert!(call.history().iter().any(|message| message == "A:Good evening."));
}

#[test]
fn what_the_user_is_saying_when_the_call_is_given_back_is_answered_by_the_agent() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.speech_starts().after(500).input(Input::TakeoverHandedBack).skip();
    call.after(500).speech_pauses().transcript(1, 1, "And my invoice?").after(400);
    let lines = call.take_lines();
    assert!(lines.last().is_some_and(|line| line.ends_with("U:And my invoice?")), "{lines:?}");
}

#[test]
fn failed_recognition_is_no_trouble_for_a_user_who_was_heard() {
    let mut call = taken_over(TakeoverMode::HumanVoice);
    call.speech_starts()
        .after(1000)
        .speech_pauses()
        .skip()
        .after(5000)
        .expect(&["7.500s record Recognition failed: no transcript in time", "7.500s close u1"]);
}

#[test]
fn in_push_to_talk_voice_alone_tells_what_the_user_says_to_the_human() {
    let mut call = Call::joined(config(|config| config.push_to_talk = true));
    call.takeover(TakeoverMode::HumanVoice).input(Input::TakeoverConnected).skip();
    call.client(ClientCommand::StartPushToTalk).user_says(0, "Hello?").client(ClientCommand::CancelPushToTalk).expect(
        &[
            "0.000s open u0 from 0.000s",
            "1.000s transcribe u0 rev 1",
            "1.400s close u0",
            "1.400s record User Normal #1 from 0.000s: \"Hello?\"",
        ],
    );
}

#[test]
fn in_push_to_talk_what_was_said_without_a_press_is_not_for_the_agent() {
    let mut call = Call::joined(config(|config| config.push_to_talk = true));
    call.takeover(TakeoverMode::HumanVoice).input(Input::TakeoverConnected).speech_starts().skip();
    call.after(500).input(Input::TakeoverHandedBack).speech_pauses().expect(&[
        "0.500s take back",
        "0.500s handed back by human",
        "0.500s record handed back by human",
        "0.500s close u0",
    ]);
}

#[test]
fn a_supervisor_who_speaks_to_both_stops_the_agent_and_the_client_is_told_of_no_takeover() {
    let mut call = speaking();
    call.takeover(TakeoverMode::SpeaksIn).input(Input::TakeoverConnected).expect(&[
        "1.400s cancel r1",
        "1.400s stop playout r1",
        "1.400s interrupted Unknown",
        "1.400s state Listening",
        "1.400s record interrupted r1 Unknown",
        "1.400s hand over to human SpeaksIn",
    ]);
    call.stopped(1, 0, 520).skip().human_says("It is free of charge.").input(Input::TakeoverHandedBack).expect(&[
        "1.400s record Assistant Speech #2 from 1.400s: \"It is free of charge.\"",
        "1.400s take back",
        "1.400s record handed back by human",
    ]);
    assert!(next_request(&mut call, 1).contains("A:It is free of charge. | S:A human colleague"));
}

#[test]
fn speaking_to_both_ends_with_the_call_given_back_whatever_ends_it() {
    let mut call = speaking();
    call.takeover(TakeoverMode::SpeaksIn).input(Input::TakeoverConnected).stopped(1, 0, 520).skip();
    call.input(Input::TakeoverEnded).expect(&["1.400s take back", "1.400s record handed back by human"]);
    call.takeover(TakeoverMode::SpeaksIn).input(Input::TakeoverConnected).skip();
    call.at(601_399).expect_nothing().at(601_400);
    call.expect(&["601.400s take back", "601.400s record handed back by human"]);
}

#[test]
fn who_speaks_to_both_may_take_the_call_over_and_nobody_else() {
    let mut call = speaking();
    call.takeover(TakeoverMode::SpeaksIn).input(Input::TakeoverConnected).stopped(1, 0, 520).skip();
    let other = ringline_model::UserId::parse("other").expect("an id");
    call.input(Input::TakeoverStarted { human: other, mode: TakeoverMode::HumanVoice });
    call.takeover(TakeoverMode::SpeaksIn).expect_nothing();
    call.takeover(TakeoverMode::HumanVoice).input(Input::TakeoverConnected).expect(&[
        "1.400s takeover by human HumanVoice",
        "1.400s hand over to human HumanVoice",
        "1.400s takeover connected human",
    ]);
}
