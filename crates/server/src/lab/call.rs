//! One call of the lab: the real conversation, the server's hearing and a real playout on virtual time, with a user's audio.
//!
//! Time goes in ticks of 20 ms. A chunk of the user's audio is heard when it is over; models are asked at once and answer when they
//! would have: their work is done, the time it takes is set ([`Pace`]). So a call runs as fast as the models compute, and twice
//! the same.

use super::recogniser::{Heard, Recogniser};
use crate::calls::Hearing;
use ringline_audio::room::{HEARD, Line};
use ringline_audio::{MOUTH_FRAME, Playout, Tick};
use ringline_conversation::{Conversation, Input, JournalEntry, Output, Setup, Step};
use ringline_model::{CallTime, ResponseId, SegmentId, UtteranceId};
use ringline_providers::VoiceActivity;
use std::collections::BTreeMap;
use std::time::Duration;

/// One frame.
pub const TICK: Duration = Duration::from_millis(TICK_MS);
const TICK_MS: u64 = 20;
/// Samples at 16 kHz in a millisecond.
const PER_MS: u64 = 16;

/// How long what is not run takes, in ms; a machine with a core to spare.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Recognition of one stretch of audio.
    pub recognition: u64,
    pub end_of_turn: u64,
    pub first_text: u64,
    pub first_audio: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { recognition: 170, end_of_turn: 70, first_text: 250, first_audio: 100 }
    }
}

/// What the agent sounds like: the audio of a text at 24 kHz.
pub type Voice<'a> = &'a dyn Fn(&str) -> Vec<f32>;
/// Whether a pause ends the turn: the end-of-turn model's answer about an utterance.
pub type EndOfTurn<'a> = &'a dyn Fn(&[f32]) -> Option<f32>;

/// What a call is made of.
pub struct Scene<'a> {
    pub setup: Setup,
    /// The user's side from the beginning, 16 kHz.
    pub user: Vec<f32>,
    /// The room it is in; none: headphones.
    pub room: Option<Line>,
    pub answer: &'a str,
    pub voice: Voice<'a>,
    pub end_of_turn: EndOfTurn<'a>,
    pub pace: Pace,
}

/// A call as it went.
#[derive(Debug)]
pub struct Record {
    pub journal: Vec<JournalEntry>,
    /// Ticks at which the agent was heard (true), from the beginning.
    pub sounding: Vec<bool>,
}

enum Arrival {
    Input(Input),
    /// The audio of a segment.
    Audio {
        response: ResponseId,
        segment: SegmentId,
        pcm: Vec<f32>,
    },
}

struct World<'a> {
    conversation: Conversation,
    hearing: Hearing,
    recogniser: &'a mut dyn Recogniser,
    playout: Playout,
    scene: Scene<'a>,
    now: CallTime,
    /// What arrives when; of two at once the earlier put first.
    agenda: BTreeMap<(CallTime, u64), Arrival>,
    count: u64,
    /// All that was heard.
    heard: Vec<f32>,
    open: Option<(UtteranceId, usize)>,
    /// What the conversation was last told that speech began at.
    told: CallTime,
    record: Record,
}

/// Runs the call until the user's audio and `more` ms after it are over.
pub fn run(
    scene: Scene<'_>,
    voice_activity: Box<dyn VoiceActivity>,
    recogniser: &mut dyn Recogniser,
    more: u64,
) -> anyhow::Result<Record> {
    let ticks = scene.user.len() as u64 / PER_MS / TICK_MS + more / TICK_MS;
    let mut world = World {
        conversation: Conversation::new(scene.setup.clone()),
        hearing: Hearing::new(voice_activity, scene.setup.config.asr.vad_level),
        recogniser,
        playout: Playout::new(),
        scene,
        now: CallTime::ZERO,
        agenda: BTreeMap::new(),
        count: 0,
        heard: Vec::new(),
        open: None,
        told: CallTime::ZERO,
        record: Record { journal: Vec::new(), sounding: Vec::new() },
    };
    world.step(Step::Timeout);
    world.step(Step::Input(Input::UserJoined));
    for tick in 0..ticks {
        world.tick(tick)?;
    }
    Ok(world.record)
}

impl World<'_> {
    fn tick(&mut self, tick: u64) -> anyhow::Result<()> {
        let begins = CallTime::from_millis(tick * TICK_MS);
        let mut sent = [0.0; MOUTH_FRAME];
        let mut events = Vec::new();
        let mut sounds = false;
        if let Tick::Frame { pcm, events: told } = self.playout.tick() {
            sent.copy_from_slice(pcm);
            sounds = pcm.iter().any(|sample| sample.abs() > 1e-3);
            events.extend(told.started.map(|segment| Input::SegmentPlayoutStarted { segment }));
            events.extend(told.finished().map(|segment| Input::SegmentPlayoutFinished { segment }));
            self.hearing.sent(begins, pcm);
        }
        self.record.sounding.push(sounds);
        for event in events {
            self.step(Step::Input(event));
        }
        let ends = CallTime::from_millis((tick + 1) * TICK_MS);
        self.pass_until(ends);
        let chunk = self.chunk(tick, &sent)?;
        self.hear(begins, &chunk);
        Ok(())
    }

    /// Everything that is due before `until`, in order.
    fn pass_until(&mut self, until: CallTime) {
        loop {
            let arrives = self.agenda.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= until);
            let due = self.conversation.poll_timeout().filter(|at| *at <= until);
            match (arrives, due) {
                (None, None) => break,
                (Some(at), due) if due.is_none_or(|due| at <= due) => {
                    self.now = self.now.max(at);
                    match self.agenda.pop_first() {
                        Some((_, Arrival::Input(input))) => self.step(Step::Input(input)),
                        Some((_, Arrival::Audio { response, segment, pcm })) => self.sound(response, segment, &pcm),
                        None => break,
                    }
                }
                (_, Some(due)) => {
                    self.now = self.now.max(due);
                    self.step(Step::Timeout);
                }
                (Some(_), None) => break,
            }
        }
        self.now = until;
    }

    fn chunk(&mut self, tick: u64, sent: &[f32; MOUTH_FRAME]) -> anyhow::Result<[f32; HEARD]> {
        let mut person = [0.0; HEARD];
        let from = tick as usize * HEARD;
        if let Some(said) = self.scene.user.get(from..) {
            let length = said.len().min(HEARD);
            person[..length].copy_from_slice(&said[..length]);
        }
        match &mut self.scene.room {
            Some(line) => Ok(line.hear(sent, &person)?),
            None => Ok(person),
        }
    }

    fn hear(&mut self, at: CallTime, chunk: &[f32]) {
        self.heard.extend_from_slice(chunk);
        if let Some((utterance, _)) = self.open {
            let busy = Duration::from_millis(self.scene.pace.recognition);
            if let Some(Heard { text, at }) = self.recogniser.push(chunk, self.now, busy) {
                self.put(at, Input::InterimTranscript { utterance, text });
            }
        }
        let mut told = Vec::new();
        self.hearing.take(at, chunk, |heard| told.push(heard));
        for heard in told {
            let input = heard.input(self.open.is_some(), self.now, &mut self.told);
            self.step(Step::Input(input));
        }
    }

    fn put(&mut self, at: CallTime, input: Input) {
        self.arrive(at, Arrival::Input(input));
    }

    fn arrive(&mut self, at: CallTime, arrival: Arrival) {
        self.count += 1;
        self.agenda.insert((at.max(self.now), self.count), arrival);
    }

    fn after(&mut self, ms: u64, input: Input) {
        self.put(self.now + Duration::from_millis(ms), input);
    }

    fn step(&mut self, step: Step) {
        let entry = JournalEntry::record(&mut self.conversation, self.now, step);
        let outputs = entry.outputs.clone();
        self.record.journal.push(entry);
        for output in outputs {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::OpenUtterance { utterance, from } => {
                let begins = ((from.as_micros() * PER_MS / 1000) as usize).min(self.heard.len());
                self.open = Some((utterance, begins));
                let language = self.scene.setup.config.asr.language.as_deref();
                let expected: Vec<String> = self.hearing.expected_words(from, language).map(str::to_owned).collect();
                self.recogniser.open(&self.heard[begins..], &expected);
            }
            Output::Transcribe { utterance, revision } if self.is_open(utterance) => {
                let busy = Duration::from_millis(self.scene.pace.recognition);
                let Heard { text, at } = self.recogniser.transcribe(self.now, busy);
                self.put(at, Input::Transcript { utterance, revision, text });
            }
            Output::ScoreEndOfTurn { utterance, revision } => {
                let from = self.open.filter(|(id, _)| *id == utterance).map(|(_, from)| from);
                let score = from.and_then(|from| (self.scene.end_of_turn)(&self.heard[from..]));
                if let Some(probability) = score {
                    self.after(self.scene.pace.end_of_turn, Input::EndOfTurn { utterance, revision, probability });
                }
            }
            Output::CloseUtterance { utterance } if self.is_open(utterance) => self.open = None,
            Output::Generate { response, .. } => {
                let text = self.scene.answer.to_owned();
                self.after(self.scene.pace.first_text, Input::ResponseText { response, text });
                self.after(self.scene.pace.first_text, Input::ResponseFinished { response });
            }
            Output::Synthesise { response, segment, text, .. } => self.say(response, segment, &text),
            Output::StopPlayout { response } => {
                let stopped = self.playout.stop(response);
                let (segment, played_ms) = (stopped.segment, stopped.played_ms);
                self.put(self.now, Input::PlayoutStopped { response, segment, played_ms });
            }
            Output::Duck { .. } => self.playout.duck(),
            Output::PausePlayout { .. } => self.playout.pause(),
            Output::Unduck { .. } => self.playout.unduck(),
            // The lab's calls have no tools, clips, voiceprints or takeovers; the client and the records look on.
            Output::Transcribe { .. }
            | Output::CloseUtterance { .. }
            | Output::Identify { .. }
            | Output::LearnVoice { .. }
            | Output::ForgetVoice
            | Output::RunTool { .. }
            | Output::LoadClip { .. }
            | Output::PlayClip { .. }
            | Output::ForgetClip { .. }
            | Output::CancelResponse { .. }
            | Output::HandOver { .. }
            | Output::TakeBack
            | Output::Notify { .. }
            | Output::Record { .. }
            | Output::End { .. } => {}
        }
    }

    fn is_open(&self, utterance: UtteranceId) -> bool {
        self.open.is_some_and(|(open, _)| open == utterance)
    }

    fn say(&mut self, response: ResponseId, segment: SegmentId, text: &str) {
        let pcm = (self.scene.voice)(text);
        let at = self.now + Duration::from_millis(self.scene.pace.first_audio);
        self.arrive(at, Arrival::Audio { response, segment, pcm });
    }

    fn sound(&mut self, response: ResponseId, segment: SegmentId, pcm: &[f32]) {
        let duration_ms = (pcm.len() / (ringline_audio::MOUTH_RATE as usize / 1000)) as u32;
        self.playout.push(response, segment, pcm);
        self.playout.finish_segment(response, segment);
        self.step(Step::Input(Input::SegmentAudioReady { segment }));
        self.step(Step::Input(Input::SegmentSynthesised { segment, duration_ms }));
    }
}
