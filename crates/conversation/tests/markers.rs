//! Commands inside the language model's text.

mod support;

use ringline_conversation::{ClientCommand, Input, StopCause};
use ringline_model::{AgentConfig, NoInterruptMode};
use support::{Call, config};

fn asked(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(config(change));
    call.user_says(0, "Why?").skip();
    call
}

#[test]
fn a_hang_up_says_its_word_and_ends_the_call() {
    let mut call = asked(|config| config.llm.complete_reply = true);
    call.text(1, "Done. <imsagent").text(1, "_hangup endword=\"Good bye").expect(&["1.400s synthesise r1 s0: Done."]);
    call.text(1, ".\"/> And more.").expect(&["1.400s synthesise r1 s1: Good bye."]);
    call.text(1, "More.").speaks(0).at(2400).played(0).speaks(1).skip().at(3400).played(1).expect(&[
        "3.400s cancel r1",
        "3.400s agent #1 end: \"\"",
        "3.400s reply #1: \"Done. \nGood bye.\"",
        "3.400s state Listening",
        "3.400s record Assistant Normal #1 from 1.400s: \"Done. Good bye.\"",
        "3.400s will leave 0: the agent hung up",
        "3.400s end HungUp",
    ]);
    assert_eq!(call.history(), ["U:Why?", "A:Done. Good bye."]);
}

#[test]
fn how_an_answer_is_said_is_told_when_it_is_heard_and_goes_to_synthesis() {
    let mut call = asked(|_| ());
    call.text(1, "<ringline_emotion value=\"happy\"/>Good news. It is here, <ringline_em")
        .expect(&["1.400s synthesise r1 s0 happy: Good news."]);
    call.text(1, "otion value=sad/>but it is broken. <ringline_emotion value=other>So it goes.").finished(1).expect(&[
        "1.400s synthesise r1 s1 happy: It is here,",
        "1.400s synthesise r1 s2 sad: but it is broken.",
        "1.400s synthesise r1 s3: So it goes.",
    ]);
    call.speaks(0).at(2400).played(0).speaks(1).at(3400).played(1).speaks(2).at(4400).played(2).speaks(3);
    let told = |line: &String| line.contains("emotion") || line.contains("agent #");
    let told: Vec<String> = call.take_lines().into_iter().filter(told).collect();
    assert_eq!(
        told,
        [
            "1.400s emotion #1 happy",
            "1.400s agent #1: \"Good news.\"",
            "2.400s agent #1: \" It is here,\"",
            "3.400s emotion #1 sad",
            "3.400s agent #1: \" but it is broken.\"",
            "4.400s emotion #1 neutral",
            "4.400s agent #1: \" So it goes.\"",
        ]
    );
}

#[test]
fn a_hang_up_without_a_word_ends_the_call_at_once() {
    let mut call = asked(|_| ());
    call.text(1, "<imsagent_hangup/>");
    assert_eq!(call.take_lines().last().map(String::as_str), Some("1.400s end HungUp"));
}

#[test]
fn a_hang_up_that_the_user_interrupts_is_taken_back() {
    let mut call = asked(|_| ());
    call.text(1, "<imsagent_hangup endword=Bye now/>")
        .speaks(0)
        .at(1600)
        .speech_starts()
        .at(2300)
        .stopped(1, 0, 100)
        .skip();
    call.at(2600).speech_pauses().transcript(1, 1, "Wait.").at(3000);
    assert!(call.take_lines().last().is_some_and(|line| line.ends_with("U:Wait.")));
}

#[test]
fn a_transfer_is_reported_and_what_is_for_its_failure_is_said() {
    let mut call = asked(|_| ());
    call.text(1, "<imsagent_transfer_call callee=5, err_msg=\"That failed.\", msg=\"One moment.\"/>")
        .finished(1)
        .expect(&[
            "1.400s record Generation failed: the answer wants to transfer the call, which is not offered",
            "1.400s synthesise r1 s0: That failed.",
        ]);
}

/// The agent says something that must not be interrupted.
fn guarded(mode: NoInterruptMode) -> Call {
    let mut call = asked(|config| {
        config.interrupt.no_interrupt_mode = mode;
        config.interrupt.words = vec!["stop".to_owned()];
    });
    call.text(1, "<no inter").text(1, "rupting>One two. Three.").finished(1);
    call.expect(&["1.400s synthesise r1 s0: One two.", "1.400s synthesise r1 s1: Three."]);
    call.speaks(0).synthesised(1, 1000).skip();
    call
}

#[test]
fn a_guarded_answer_is_not_interrupted_by_any_means_but_the_end() {
    let mut call = guarded(NoInterruptMode::Cache);
    call.speech_starts().interim(1, "stop").client(ClientCommand::InterruptSpeaking).say("News.", true);
    call.say_audio("http://a", true).clip(0, 500);
    let lines = call.take_lines();
    assert!(!lines.iter().any(|line| line.contains("interrupted") || line.contains("cancel")), "{lines:?}");
    call.at(2400).played(0).plays(1).skip().at(3400).played(1);
    assert!(call.take_lines().contains(&"3.400s synthesise r2 s2: News.".to_owned()));
    let mut call = guarded(NoInterruptMode::Cache);
    call.input(Input::Stop { cause: StopCause::Api });
    assert!(call.take_lines().last().is_some_and(|line| line.ends_with("end StoppedByApi")));
}

#[test]
fn what_the_user_says_meanwhile_is_kept_or_dropped_as_configured() {
    let mut call = guarded(NoInterruptMode::Cache);
    call.at(1500).user_says(1, "And then?").client(ClientCommand::SendText { text: "Well?".into() }).skip();
    call.at(2900).played(0).plays(1).at(3900).skip().played(1);
    assert!(call.take_lines().last().is_some_and(|line| line.ends_with("A:One two. Three. | U:And then? Well?")));
    let mut call = guarded(NoInterruptMode::Discard);
    call.at(1500).speech_starts().expect_nothing();
    call.at(2400).played(0).plays(1).at(3400).played(1).skip().at(4000).speech_starts();
    call.expect(&["4.000s open u1 from 3.700s"]);
}
