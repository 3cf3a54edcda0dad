//! The journal of a call replays to the same outputs.

mod support;

use ringline_conversation::{ClientCommand, Input, JournalEntry, Output, Setup, Step, replay};
use ringline_model::CallTime;
use support::{Call, config};

fn journal() -> (Setup, Vec<JournalEntry>) {
    let mut call = Call::joined(config(|config| config.greeting = None));
    call.at(1000).turn(0, 1, 0).user_says(1, "More?").text(2, "One two three. Four.").speaks(1).speech_starts();
    call.stopped(2, 1, 700).after(500).client(ClientCommand::StopAgent).skip();
    call.journal()
}

#[test]
fn a_journal_survives_json_and_replays_to_the_same_outputs() {
    let (setup, entries) = journal();
    let json = serde_json::to_string(&(&setup, &entries)).expect("serialises");
    let (setup, read): (Setup, Vec<JournalEntry>) = serde_json::from_str(&json).expect("deserialises");
    assert_eq!(read, entries);
    assert_eq!(replay(setup, read), Ok(entries.len()));
}

#[test]
fn a_setup_from_before_the_newer_settings_is_read_with_none_of_them() {
    let (mut setup, _) = journal();
    let mut json = serde_json::to_value(&setup).expect("serialises");
    json.as_object_mut().expect("an object").remove("seed");
    for newer in ["wake_up_query", "pre_connect_audio_url", "auto_speech"] {
        json["config"].as_object_mut().expect("an object").remove(newer).expect("a setting");
    }
    setup.seed = 0;
    assert_eq!(serde_json::from_value::<Setup>(json).expect("deserialises"), setup);
}

#[test]
fn the_first_entry_that_differs_is_named_with_both_sides() {
    let (setup, mut entries) = journal();
    let index = entries.iter().position(|entry| entry.outputs.len() > 3).expect("a busy step");
    let removed = entries[index].outputs.pop().expect("an output");
    let later = entries.len() - 1;
    entries[later].outputs.clear();
    let divergence = replay(setup, entries.clone()).expect_err("differs");
    assert_eq!((divergence.index, divergence.at), (index, entries[index].at));
    assert_eq!(divergence.expected, entries[index].outputs);
    assert_eq!(divergence.got.last(), Some(&removed));
}

#[test]
fn another_setup_diverges() {
    let (mut setup, entries) = journal();
    setup.config.asr.max_silence = 500;
    assert!(replay(setup, entries).is_err());
}

#[test]
fn the_form_of_a_journal_entry_is_stable() {
    let entry = JournalEntry {
        at: CallTime::from_millis(1250),
        step: Step::Input(Input::SpeechStarted { at: CallTime::from_millis(1100) }),
        outputs: vec![Output::CloseUtterance { utterance: ringline_model::UtteranceId(2) }],
    };
    let json = serde_json::to_string(&entry).expect("serialises");
    assert_eq!(
        json,
        r#"{"at":1250000,"step":{"input":{"type":"speech_started","at":1100000}},"outputs":[{"type":"close_utterance","utterance":2}]}"#
    );
    assert_eq!(serde_json::to_string(&Step::Timeout).expect("serialises"), r#""timeout""#);
}
