//! Push-to-talk: the user holds a button to be heard.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Input};
use ringline_model::{AgentConfig, NoInterruptMode};
use support::{Call, config};

trait Button {
    fn press(&mut self) -> &mut Self;
    fn release(&mut self) -> &mut Self;
    fn cancel(&mut self) -> &mut Self;
}

impl Button for Call {
    fn press(&mut self) -> &mut Self {
        self.client(ClientCommand::StartPushToTalk)
    }

    fn release(&mut self) -> &mut Self {
        self.client(ClientCommand::FinishPushToTalk)
    }

    fn cancel(&mut self) -> &mut Self {
        self.client(ClientCommand::CancelPushToTalk)
    }
}

fn joined(change: impl FnOnce(&mut AgentConfig)) -> Call {
    Call::joined(config(|config| {
        config.push_to_talk = true;
        change(config);
    }))
}

/// The agent answers aloud since 2.100 s.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = joined(change);
    call.at(1000).press().at(2000).release().at(2100).transcript(0, 1, "Why?");
    call.text(1, "One two three four.").finished(1).speaks(0).skip();
    call
}

#[test]
fn the_turn_ends_when_the_button_is_let_go_without_waiting_for_silence() {
    let mut call = joined(|_| ());
    call.at(1000).press().expect(&["1.000s open u0 from 1.000s"]);
    call.at(1500).interim(0, "What is").expect(&["1.500s user #1: \"What is\""]);
    call.at(3000).release().expect(&["3.000s transcribe u0 rev 1"]);
    call.at(3150).transcript(0, 1, "What is the time?").expect(&[
        "3.150s close u0",
        "3.150s user #1 end: \"What is the time?\"",
        "3.150s state Thinking",
        "3.150s generate r1 #1: S:P | U:What is the time?",
    ]);
}

#[test]
fn a_pause_while_the_button_is_held_ends_nothing() {
    let mut call = joined(|_| ());
    call.at(1000).press().skip();
    call.at(1100).speech_starts().at(1500).speech_pauses().at(9000).speech_resumes().at(9500).speech_pauses();
    call.at(12_000).expect_nothing();
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn speech_without_the_button_is_not_heard() {
    let mut call = joined(|_| ());
    call.at(1000).speech_starts().at(2000).speech_pauses().at(5000).expect_nothing();
}

#[test]
fn speech_without_the_button_does_not_interrupt() {
    let mut call = speaking(|_| ());
    call.at(2200).speech_starts().at(2900).expect_nothing();
    assert_eq!(call.state(), AgentState::Speaking);
}

#[test]
fn cancel_drops_what_was_said() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(1500).interim(0, "Never mind").skip();
    call.at(2000).cancel().expect(&["2.000s close u0"]);
    call.transcript(0, 1, "Never mind").at(5000).expect_nothing();
    call.press().at(6000).release().transcript(1, 1, "Hello.").at(6100);
    assert!(call.take_lines().contains(&"6.000s user #1 end: \"Hello.\"".to_owned()), "the sentence id is used again");
}

#[test]
fn cancel_after_letting_go_drops_what_has_no_text_yet() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(2000).release().skip();
    call.at(2050).cancel().expect(&["2.050s close u0"]);
    call.transcript(0, 1, "Too late").expect_nothing();
}

#[test]
fn pressing_interrupts_the_speaking_agent() {
    let mut call = speaking(|config| config.asr.vad_duration = 500);
    call.at(2600).press().expect(&[
        "2.600s cancel r1",
        "2.600s stop playout r1",
        "2.600s interrupted Voice",
        "2.600s state Listening",
        "2.600s record interrupted r1 Voice, speech from 2.600s",
        "2.600s open u1 from 2.600s",
    ]);
    call.stopped(1, 0, 500).expect(&["2.600s record Assistant Normal #1 from 2.100s cut: \"One two\""]);
}

#[test]
fn pressing_does_not_interrupt_where_voice_must_not_and_the_words_come_next() {
    let mut call = speaking(|config| config.interrupt.enable_voice_interrupt = false);
    call.at(2200).press().expect(&["2.200s open u1 from 2.200s"]);
    call.at(2500).release().transcript(1, 1, "And then?").expect(&["2.500s transcribe u1 rev 1", "2.500s close u1"]);
    call.at(3100).played(0);
    assert!(call.take_lines().contains(&"3.100s user #2 end: \"And then?\"".to_owned()));
}

#[test]
fn pressing_while_the_agent_must_not_be_interrupted_is_void_where_such_speech_is_discarded() {
    let mut call = speaking(|config| {
        config.interrupt.enable_voice_interrupt = false;
        config.interrupt.no_interrupt_mode = NoInterruptMode::Discard;
    });
    call.at(2200).press().at(2500).release().expect_nothing();
}

#[test]
fn pressing_while_the_agent_thinks_goes_on_with_the_question() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(2000).release().transcript(0, 1, "What is the time").skip();
    call.at(2300).press().expect(&["2.300s cancel r1", "2.300s state Listening", "2.300s open u1 from 2.300s"]);
    call.at(3000).release().transcript(1, 1, "in Rome?");
    assert!(call.take_lines().contains(&"3.000s user #1 end: \"What is the time in Rome?\"".to_owned()));
}

#[test]
fn a_cancelled_press_gives_the_question_back_that_it_took_up() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(2000).release().transcript(0, 1, "What is the time?").at(2300).press().skip();
    call.at(2600).cancel();
    assert!(call.take_lines().contains(&"2.600s generate r2 #1: S:P | U:What is the time?".to_owned()));
}

#[test]
fn pressing_again_before_the_text_is_there_goes_on_with_the_press() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(2000).release().at(2050).press().skip();
    call.transcript(0, 1, "What").at(3000).expect_nothing();
    call.release().expect(&["3.000s transcribe u0 rev 2"]);
    call.transcript(0, 2, "What is the time?");
    assert!(call.take_lines().contains(&"3.000s user #1 end: \"What is the time?\"".to_owned()));
}

#[test]
fn a_press_ends_after_a_minute_as_if_let_go() {
    let mut call = joined(|config| config.asr.max_silence = 200);
    call.at(1000).press().at(60_999).expect(&["1.000s open u0 from 1.000s"]);
    call.at(61_000).expect(&["61.000s transcribe u0 rev 1"]);
    call.at(61_200).release().expect_nothing();
    call.transcript(0, 1, "All of it.");
    assert!(call.take_lines().contains(&"61.200s user #1 end: \"All of it.\"".to_owned()));
}

#[test]
fn a_user_who_leaves_lets_go() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(2000).skip();
    call.input(Input::UserLeft).expect(&["2.000s transcribe u0 rev 1"]);
    call.input(Input::UserJoined).expect(&["2.000s state Listening"]);
    call.release().expect_nothing();
}

#[test]
fn a_press_without_words_is_no_turn() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(1600).release().skip();
    call.transcript(0, 1, "").expect(&["1.600s close u0"]);
    assert_eq!(call.state(), AgentState::Listening);
}

#[test]
fn the_button_means_nothing_while_the_mode_is_off() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).press().at(2000).release().cancel().expect_nothing();
}

#[test]
fn switching_the_mode_on_is_confirmed_and_drops_what_is_being_said() {
    let mut call = Call::joined(config(|_| ()));
    call.at(1000).speech_starts().skip();
    call.at(1500)
        .client(ClientCommand::EnablePushToTalk { enable: true })
        .expect(&["1.500s close u0", "1.500s push to talk true"]);
    call.at(1600).speech_pauses().at(5000).expect_nothing();
}

#[test]
fn switching_the_mode_off_ends_the_press_and_voice_counts_again() {
    let mut call = joined(|_| ());
    call.at(1000).press().at(1500).skip();
    call.client(ClientCommand::EnablePushToTalk { enable: false });
    call.expect(&["1.500s transcribe u0 rev 1", "1.500s push to talk false"]);
    call.transcript(0, 1, "").at(2000).user_says(1, "Hi.");
    assert!(call.take_lines().contains(&"3.400s user #1 end: \"Hi.\"".to_owned()));
}

#[test]
fn an_update_switches_the_mode_and_the_client_is_told() {
    let mut call = Call::joined(config(|_| ()));
    let changed = config(|config| config.push_to_talk = true);
    call.input(Input::ConfigChanged { config: Box::new(changed.clone()) }).expect(&["0.000s push to talk true"]);
    call.input(Input::ConfigChanged { config: Box::new(changed) }).expect_nothing();
}
