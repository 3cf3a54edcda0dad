//! Whose voice it is, and what that means for who is answered and who interrupts.

mod support;

use ringline_conversation::{AgentState, ClientCommand, Speaker};
use ringline_model::{AgentConfig, RegistrationMode};
use support::{Call, config};

fn with_voiceprint(change: impl FnOnce(&mut AgentConfig)) -> AgentConfig {
    config(|config| {
        config.voiceprint.enabled = true;
        change(config);
    })
}

/// The registered speaker has asked; the agent answers aloud since 2.400 s, in two segments of 1 s.
fn speaking(change: impl FnOnce(&mut AgentConfig)) -> Call {
    let mut call = Call::joined(with_voiceprint(change));
    call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Registered).after(100);
    call.transcript(0, 1, "Why?").after(300);
    call.text(1, "One two three four. Five six.").finished(1).speaks(0).synthesised(1, 1000).skip();
    call
}

#[test]
fn the_registered_speaker_is_answered_with_the_number_2() {
    let mut call = Call::joined(with_voiceprint(|_| ()));
    call.at(1000)
        .speech_starts()
        .after(500)
        .interim(0, "Why")
        .expect(&["1.000s open u0 from 0.700s", "1.500s user #1 voiceprint 1: \"Why\""]);
    call.at(2000).speech_pauses().transcript(0, 1, "Why?").after(50).speaker(0, 1, Speaker::Registered).at(2400);
    call.expect(&[
        "2.000s transcribe u0 rev 1",
        "2.000s identify u0 1",
        "2.400s close u0",
        "2.400s user #1 end voiceprint 2: \"Why?\"",
        "2.400s state Thinking",
        "2.400s generate r1 #1: S:P | U:Why?",
    ]);
}

#[test]
fn somebody_else_is_shown_with_the_number_3_and_not_answered() {
    let mut call = Call::joined(with_voiceprint(|_| ()));
    call.at(1000).speech_starts().after(1000).speech_pauses().skip();
    call.speaker(0, 1, Speaker::Other)
        .transcript(0, 1, "Turn it up!")
        .at(2400)
        .expect(&["2.400s close u0", "2.400s user #1 end voiceprint 3: \"Turn it up!\""]);
    call.at(9000).expect_nothing();
    assert!(call.history().is_empty());
    // The next question has an id of its own.
    call.speech_starts().after(1000).speech_pauses().speaker(1, 1, Speaker::Registered).transcript(1, 1, "Why?");
    call.after(400);
    assert!(call.take_lines().contains(&"10.400s user #2 end voiceprint 2: \"Why?\"".to_owned()));
}

#[test]
fn what_is_too_short_to_tell_has_the_numbers_4_and_5() {
    for (speaker, number, answered) in [(Speaker::Near, 4, true), (Speaker::Far, 5, false)] {
        let mut call = Call::joined(with_voiceprint(|_| ()));
        call.at(1000).speech_starts().after(300).speech_pauses().speaker(0, 1, speaker).transcript(0, 1, "Yes.");
        call.after(400);
        let lines = call.take_lines();
        assert!(lines.contains(&format!("1.700s user #1 end voiceprint {number}: \"Yes.\"")), "{lines:?}");
        assert_eq!(call.state() == AgentState::Thinking, answered);
    }
}

#[test]
fn without_a_registered_speaker_everybody_is_answered_with_the_number_1() {
    let mut call = Call::joined(with_voiceprint(|_| ()));
    call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Unregistered);
    call.transcript(0, 1, "Why?").after(400);
    assert!(call.take_lines().contains(&"2.400s user #1 end voiceprint 1: \"Why?\"".to_owned()));
}

#[test]
fn the_first_speaker_is_learnt_in_implicit_mode_and_not_in_explicit_mode() {
    for (mode, learnt) in [(RegistrationMode::Implicit, true), (RegistrationMode::Explicit, false)] {
        let mut call = Call::joined(with_voiceprint(|config| config.voiceprint.mode = mode));
        call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Unregistered);
        call.transcript(0, 1, "Why?").after(400);
        assert_eq!(call.take_lines().contains(&"2.400s learn voice u0".to_owned()), learnt);
        call.text(1, "So.").finished(1).speaks(0).after(1000).played(0);
        call.speech_starts().after(1000).speech_pauses().speaker(1, 1, Speaker::Registered).transcript(1, 1, "And?");
        call.after(400);
        assert!(!call.take_lines().iter().any(|line| line.contains("learn")));
    }
}

#[test]
fn a_sound_without_words_teaches_no_voice() {
    let mut call = Call::joined(with_voiceprint(|config| config.voiceprint.mode = RegistrationMode::Implicit));
    call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Unregistered);
    call.transcript(0, 1, "").after(400);
    assert!(!call.take_lines().iter().any(|line| line.contains("learn")));
}

#[test]
fn somebody_elses_words_lower_the_agent_and_do_not_interrupt_it() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(3100).interim(1, "Come here now").at(3250).expect(&[
        "2.600s open u1 from 2.300s",
        "2.600s duck r1",
        "3.100s identify u1 1",
    ]);
    call.speaker(1, 1, Speaker::Other)
        .expect(&["3.250s unduck r1", "3.250s record overlap r1 from 2.600s: OtherSpeaker"]);
    call.interim(1, "Come here now please").at(3400).played(0).plays(1).skip().at(4300).speech_pauses();
    call.speaker(1, 2, Speaker::Other).transcript(1, 1, "Come here now please.").at(4400).played(1).skip();
    call.at(4800).expect(&["4.700s close u1", "4.700s user #2 end voiceprint 3: \"Come here now please.\""]);
    assert_eq!(call.history(), ["U:Why?", "A:One two three four. Five six."]);
}

#[test]
fn the_registered_speaker_interrupts_as_soon_as_the_voice_is_known() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(3200).expect(&[
        "2.600s open u1 from 2.300s",
        "2.600s duck r1",
        "3.200s identify u1 1",
    ]);
    call.at(3260).speaker(1, 1, Speaker::Registered).expect(&["3.260s pause r1"]);
    call.at(3300);
    assert_eq!(call.take_lines()[2], "3.300s interrupted Voice");
    call.stopped(1, 0, 900).skip();
}

#[test]
fn the_registered_speakers_words_interrupt_once_the_voice_is_known() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(2900).interim(1, "Stop that").expect(&[
        "2.600s open u1 from 2.300s",
        "2.600s duck r1",
        "2.900s identify u1 1",
    ]);
    call.at(2950).speaker(1, 1, Speaker::Registered);
    assert_eq!(call.take_lines()[2], "2.950s interrupted Voice");
    call.stopped(1, 0, 500).skip();
}

#[test]
fn ears_that_do_not_say_whose_voice_it_is_leave_nobody_unheard() {
    let mut call = speaking(|_| ());
    call.at(2600).speech_starts().at(3400).played(0).plays(1).skip().at(4199).expect_nothing();
    call.at(4200);
    assert!(call.take_lines().contains(&"4.200s interrupted Voice".to_owned()));
    call.stopped(1, 1, 800).at(5000).speech_pauses().transcript(1, 1, "Wait.").skip();
    call.at(5999).expect_nothing().at(6000);
    assert!(call.take_lines().contains(&"6.000s user #2 end voiceprint 2: \"Wait.\"".to_owned()));
}

#[test]
fn somebody_elses_interrupt_word_does_not_interrupt() {
    let mut call = speaking(|config| {
        config.interrupt.enable_voice_interrupt = false;
        config.interrupt.words = vec!["stop".to_owned()];
    });
    call.at(2600).speech_starts().at(2900).interim(1, "stop").skip().at(2950).speaker(1, 1, Speaker::Other);
    call.interim(1, "stop it").expect(&["2.950s user #2 voiceprint 3: \"stop it\""]);
    assert_eq!(call.state(), AgentState::Speaking);
    call.at(3000).speech_pauses().speaker(1, 2, Speaker::Registered);
    assert!(call.take_lines().iter().any(|line| line.ends_with("interrupted Words")), "once it is the speaker's");
    call.stopped(1, 0, 500).skip();
}

#[test]
fn what_somebody_else_says_inside_a_turn_is_left_out_of_it() {
    let mut call = Call::joined(with_voiceprint(|_| ()));
    call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Registered);
    call.transcript(0, 1, "I want").after(400).skip();
    // The user goes on while the answer is being made, and somebody else does.
    call.at(2500).speech_starts().at(3500).speech_pauses().speaker(1, 1, Speaker::Other).skip();
    call.transcript(1, 1, "Dinner!").at(3900).expect(&[
        "3.900s close u1",
        "3.900s user #2 end voiceprint 3: \"Dinner!\"",
        "3.900s user #1 end voiceprint 2: \"I want\"",
        "3.900s state Thinking",
        "3.900s generate r2 #1: S:P | U:I want",
    ]);
}

#[test]
fn the_client_switches_it_and_clears_the_voice() {
    let mut call = Call::joined(config(|_| ()));
    call.client(ClientCommand::UseVoiceprint { enable: true }).expect(&["0.000s voiceprint true"]);
    call.at(1000).speech_starts().after(1000).speech_pauses().speaker(0, 1, Speaker::Other).skip();
    call.client(ClientCommand::ClearVoiceprint).expect(&["2.000s forget voice", "2.000s voiceprint cleared"]);
    call.transcript(0, 1, "Hello.").at(2400).text(1, "Hi.").finished(1).speaks(0).at(3400).played(0).skip();
    call.client(ClientCommand::UseVoiceprint { enable: false }).expect(&["3.400s voiceprint false"]);
    call.speech_starts().after(1000).speech_pauses().transcript(1, 1, "Hello?").after(400).expect(&[
        "3.400s open u1 from 3.100s",
        "4.400s transcribe u1 rev 1",
        "4.800s close u1",
        "4.800s user #2 end: \"Hello?\"",
        "4.800s state Thinking",
        "4.800s generate r2 #2: S:P | U:Hello. | A:Hi. | U:Hello?",
    ]);
}
