//! Turn-taking metrics are read from a journal.

mod support;

use ringline_conversation::Metrics;
use std::time::Duration;
use support::{Call, config};

/// The agent speaks for 3 s from 1.4 s on.
fn speaking() -> Call {
    let mut call = Call::joined(config(|config| config.asr.vad_duration = 300));
    call.user_says(0, "Why?").text(1, "One two three.").finished(1).audio(0).synthesised(0, 3000).plays(0).skip();
    call
}

#[test]
fn an_interruption_is_yielded_to_and_timed_from_where_the_speech_began() {
    let mut call = speaking();
    call.at(2000).speech_starts().after(500).speech_pauses().after(50).transcript(1, 1, "no wait").skip();
    let metrics = Metrics::of(&call.journal().1, None);
    assert_eq!((metrics.turns, metrics.answered, metrics.interruptions), (1, 1, 1));
    assert_eq!(metrics.yields, [Duration::from_millis(300)]);
    assert_eq!((metrics.yield_rate(), metrics.selectivity()), (Some(1.0), None));
}

#[test]
fn an_agent_that_goes_on_after_a_backchannel_is_selective() {
    let mut call = speaking();
    call.at(2000).speech_starts().after(200).speech_pauses().after(50).transcript(1, 1, "Mm-hm.").after(1000).skip();
    let metrics = Metrics::of(&call.journal().1, None);
    assert_eq!((metrics.backchannels, metrics.held, metrics.interruptions), (1, 1, 0));
    assert_eq!(metrics.selectivity(), Some(1.0));
}

#[test]
fn an_agent_that_begins_while_the_user_speaks_interrupts() {
    let mut call = Call::new(config(|config| config.greeting = Some("Hello.".to_owned())));
    call.input(ringline_conversation::Input::UserJoined).speech_starts().after(100).speaks(0).skip();
    assert_eq!(Metrics::of(&call.journal().1, None).agent_interrupts, 1);
}
