//! What the app server and a human operator do to a call, each at its time: texts and clips to be said, typed questions,
//! another configuration, a takeover there and back, a stop.

use crate::chance::Chance;
use crate::{settings, words};
use ringline_conversation::{ClientCommand, Input, StopCause, TakeoverMode};
use ringline_model::{CallTime, UserId};
use serde_json::Value;
use std::collections::VecDeque;

/// Something that is done.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Tells(Input),
    /// The human's media are up.
    HumanConnects,
}

#[derive(Debug)]
pub(crate) struct Operator {
    deeds: VecDeque<(CallTime, Deed)>,
}

impl Operator {
    pub fn new(mut chance: Chance, settings: &Value) -> Self {
        let mut deeds = Vec::new();
        let count = chance.weighted(&[(50, 0), (25, 1), (15, 3), (10, 8)]);
        for _ in 0..count {
            let at = chance.between(0, 60_000);
            draw(&mut chance, at, settings, &mut deeds);
        }
        deeds.sort_by_key(|(at, _)| *at);
        Self { deeds: deeds.into_iter().map(|(ms, deed)| (CallTime::from_millis(ms), deed)).collect() }
    }

    pub fn next_at(&self) -> Option<CallTime> {
        self.deeds.front().map(|(at, _)| *at)
    }

    pub fn next(&mut self) -> Option<Deed> {
        self.deeds.pop_front().map(|(_, deed)| deed)
    }
}

fn draw(chance: &mut Chance, at: u64, settings: &Value, deeds: &mut Vec<(u64, Deed)>) {
    let interrupt = chance.percent(50);
    let input = match chance.weighted(&[(28, 0), (23, 1), (13, 2), (12, 3), (9, 4), (8, 5), (7, 6)]) {
        0 => Input::Say { text: words::say(chance), interrupt },
        1 => Input::SayAudio { url: "https://audio.example/news.mp3".to_owned(), interrupt },
        2 => Input::Client { command: ClientCommand::SendText { text: "What time is it?".to_owned() } },
        3 => Input::ConfigChanged { config: Box::new(settings::read(&changed(chance, settings))) },
        4 => return take_over(chance, at, deeds),
        5 => Input::Whisper { text: format!("Whisper {}.", chance.between(0, 99)) },
        _ => Input::Stop { cause: if chance.percent(80) { StopCause::Api } else { StopCause::Drain } },
    };
    deeds.push((at, Deed::Tells(input)));
}

/// The settings with some of another draw laid over them, as an update does it.
fn changed(chance: &mut Chance, settings: &Value) -> Value {
    let mut settings = settings.clone();
    if let (Some(old), Value::Object(new)) = (settings.as_object_mut(), settings::draw(chance)) {
        for (key, value) in new {
            if chance.percent(30) {
                old.insert(key, value);
            }
        }
    }
    settings
}

/// One in a call: the server does not begin another while one lasts.
fn take_over(chance: &mut Chance, at: u64, deeds: &mut Vec<(u64, Deed)>) {
    if deeds.iter().any(|(_, deed)| matches!(deed, Deed::Tells(Input::TakeoverStarted { .. }))) {
        return;
    }
    let mode = match chance.weighted(&[(50, 0), (30, 1), (20, 2)]) {
        0 => TakeoverMode::HumanVoice,
        1 => TakeoverMode::AgentVoice,
        _ => TakeoverMode::SpeaksIn,
    };
    let human = UserId::parse("human-1").expect("an id");
    deeds.push((at, Deed::Tells(Input::TakeoverStarted { human, mode })));
    let later = at + chance.between(10, 20_000);
    match chance.between(0, 3) {
        // The human never comes.
        0 => {}
        1 => deeds.push((later, Deed::Tells(Input::TakeoverCancelled))),
        _ => {
            deeds.push((later, Deed::HumanConnects));
            let until = later + chance.between(500, 30_000);
            for _ in 0..chance.between(0, 4) {
                // The last words may come when the call has been given back.
                let said = chance.between(later, until + 1000);
                let text = words::say(chance);
                let began = CallTime::from_millis(said.saturating_sub(1500));
                deeds.push((said, Deed::Tells(Input::HumanSaid { text, began })));
            }
            match chance.weighted(&[(45, 0), (40, 1), (15, 2)]) {
                0 => deeds.push((until, Deed::Tells(Input::TakeoverHandedBack))),
                1 => deeds.push((until, Deed::Tells(Input::TakeoverEnded))),
                _ => {}
            }
        }
    }
}
