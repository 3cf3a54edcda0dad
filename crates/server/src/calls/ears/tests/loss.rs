//! What an ear makes of loss.

use super::super::*;
use crate::metrics::Node;
use ringline_audio::level_dbfs;
use ringline_providers::scripted::{Script, ScriptedFamily};

/// Takes for speech what is loud.
struct Loud;

impl VoiceActivity for Loud {
    fn frame_len(&self) -> usize {
        512
    }

    fn predict(&mut self, frame: &[f32]) -> f32 {
        if level_dbfs(frame) > -30.0 { 1.0 } else { 0.0 }
    }

    fn reset(&mut self) {}
}

struct World {
    ear: Ear,
    events: mpsc::Receiver<CallEvent>,
    runtime: tokio::runtime::Runtime,
    now: CallTime,
}

impl World {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let scripted = ScriptedFamily::new(Script::default(), runtime.handle().clone()).call();
        let senses = Senses {
            instance: InstanceId::parse("ears").expect("an id"),
            voice_activity: Box::new(Loud),
            recognizer: scripted.recognizer,
            end_of_turn: scripted.end_of_turn,
            embedder: None,
            params: RecognitionParams::default(),
            meter: ProviderMeter::new(Node::Recognition, "scripted"),
            vad_level: 11,
        };
        let (sender, events) = mpsc::channel(32);
        let ear = Ear::new(senses, sender, CallClock::start());
        Self { ear, events, runtime, now: CallTime::ZERO }
    }

    /// Chunks of this level, one after the other.
    fn hear(&mut self, level: f32, ms: usize) {
        for _ in 0..ms / 20 {
            self.ear.hear(self.now, &[level; CHUNK]);
            self.now = self.now + samples(CHUNK);
        }
    }

    fn lose(&mut self, ms: usize) {
        self.ear.miss(self.now, ms * 16);
        self.now = self.now + samples(ms * 16);
    }

    fn inputs(&mut self) -> Vec<&'static str> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .map(|event| match event {
                CallEvent::Input(Input::SpeechStarted { .. }) => "started",
                CallEvent::Input(Input::SpeechResumed { .. }) => "resumed",
                CallEvent::Input(Input::SpeechPaused { .. }) => "paused",
                _ => "another",
            })
            .collect()
    }
}

#[test]
fn speech_goes_on_behind_what_was_lost_and_pauses_where_silence_is_heard() {
    let mut world = World::new();
    world.hear(0.5, 1000);
    assert_eq!(world.inputs(), ["started"]);
    world.lose(3000);
    world.hear(0.5, 500);
    assert!(world.inputs().is_empty(), "nobody knows that the user stopped speaking");
    world.hear(0.0, 200);
    assert_eq!(world.inputs(), ["paused"]);
}

#[test]
fn an_utterance_keeps_its_length_through_a_loss() {
    let mut world = World::new();
    world.hear(0.5, 1000);
    let runtime = world.runtime.handle().clone();
    world.ear.open_utterance(UtteranceId(1), CallTime::ZERO, &runtime);
    world.lose(3010);
    world.hear(0.5, 500);
    let open = world.ear.open.as_ref().expect("open");
    assert_eq!(open.audio.len(), (1000 + 3010 + 500) * 16);
    assert_eq!(open.audio.iter().filter(|sample| **sample == 0.0).count(), 3010 * 16);
}
