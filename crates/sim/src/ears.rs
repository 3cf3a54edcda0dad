//! The ears: voice activity with its delays, recognition of the open utterance, the end-of-turn model.
//!
//! What the user's side sounds like comes as sounds that begin and end and words with the times at which they are over. An
//! utterance's text is the words from its beginning to the moment it was asked for. While the user is away, or a human is in
//! charge, or the network has a gap, nothing is heard and nothing is detected.

use crate::chance::Chance;
use crate::edge::{Edge, Happening};
use crate::mood::{Fate, Mood, fell_back};
use ringline_conversation::{Input, Speaker, Stage};
use ringline_model::{CallTime, UtteranceId};

/// Speech in a row that is a start, silence in a row that is a pause, and what a frame adds to both, in ms (the server's
/// speech detector).
const START: u64 = 64;
const PAUSE: u64 = 96;
const FRAME: u64 = 32;

/// What the conversation asks of the ears.
#[derive(Debug)]
pub(crate) enum EarCommand {
    Open {
        utterance: UtteranceId,
        from: CallTime,
    },
    Transcribe {
        utterance: UtteranceId,
        revision: u32,
    },
    Score {
        utterance: UtteranceId,
        revision: u32,
    },
    Identify {
        utterance: UtteranceId,
        asked: u32,
    },
    Close {
        utterance: UtteranceId,
    },
    /// Not a command: time for an interim text.
    Interim {
        utterance: UtteranceId,
    },
}

#[derive(Debug)]
pub(crate) struct Ears {
    chance: Chance,
    recogniser: Mood,
    /// Another recogniser is asked when this one fails.
    has_other: bool,
    end_of_turn: Mood,
    /// The recogniser gives interim texts.
    interims: bool,
    /// No voice is known in this call.
    is_unregistered: bool,
    /// Sounds now.
    sounds: u32,
    loud: bool,
    /// What voice activity detection has told.
    speech: bool,
    /// Where that began.
    speech_at: CallTime,
    edge_at: CallTime,
    epoch: u64,
    deaf_since: Option<CallTime>,
    /// Words with the times at which they are over.
    words: Vec<(CallTime, String)>,
    open: Option<(UtteranceId, CallTime)>,
}

impl Ears {
    /// Deaf until the user is there.
    pub fn new(mut chance: Chance) -> Self {
        Self {
            recogniser: Mood::draw(&mut chance),
            end_of_turn: Mood::draw(&mut chance),
            interims: chance.percent(50),
            has_other: chance.percent(30),
            is_unregistered: chance.percent(30),
            chance,
            sounds: 0,
            loud: false,
            speech: false,
            speech_at: CallTime::ZERO,
            edge_at: CallTime::ZERO,
            epoch: 0,
            deaf_since: Some(CallTime::ZERO),
            words: Vec::new(),
            open: None,
        }
    }

    pub fn will_hear(&mut self, words: impl Iterator<Item = (CallTime, String)>) {
        self.words.extend(words);
    }

    pub fn sound(&mut self, begins: bool, edge: &mut Edge) {
        self.sounds = if begins { self.sounds + 1 } else { self.sounds.saturating_sub(1) };
        self.listen(false, edge);
    }

    pub fn deafen(&mut self, deaf: bool, edge: &mut Edge) {
        match (deaf, self.deaf_since) {
            (true, None) => self.deaf_since = Some(edge.now),
            (false, Some(since)) => {
                self.words.retain(|(at, _)| *at <= since || *at > edge.now);
                self.deaf_since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        self.listen(true, edge);
    }

    /// Voice activity begins to be sure of a change, if there is one. `again`: what it was about to be sure of is forgotten.
    fn listen(&mut self, again: bool, edge: &mut Edge) {
        if self.deaf_since.is_some() {
            self.epoch += 1;
            return;
        }
        let loud = self.sounds > 0;
        if loud == self.loud && !again {
            return;
        }
        self.loud = loud;
        self.edge_at = edge.now;
        self.epoch += 1;
        if loud != self.speech {
            let least = if loud { START } else { PAUSE };
            let after = self.chance.fine_ms(least, least + FRAME);
            edge.after(after, Happening::Voice { epoch: self.epoch });
        }
    }

    pub fn voice(&mut self, epoch: u64, edge: &mut Edge) {
        if epoch != self.epoch {
            return;
        }
        self.speech = self.loud;
        let at = self.edge_at;
        if self.speech {
            self.speech_at = at;
        }
        edge.tell(match (self.speech, self.open.is_some()) {
            (true, true) => Input::SpeechResumed { at },
            (true, false) => Input::SpeechStarted { at },
            (false, _) => Input::SpeechPaused { at },
        });
    }

    /// What voice activity detection has told of is an echo, and goes on unheard.
    pub fn is_echo(&mut self, edge: &mut Edge) {
        if self.speech && self.sounds == 1 && self.deaf_since.is_none() {
            (self.speech, self.epoch) = (false, self.epoch + 1);
            edge.tell(Input::SpeechWasEcho { at: self.speech_at });
        }
    }

    fn is_open(&self, id: UtteranceId) -> bool {
        self.open.is_some_and(|(open, _)| open == id)
    }

    pub fn command(&mut self, command: EarCommand, edge: &mut Edge) {
        match command {
            EarCommand::Open { utterance, from } => {
                self.open = Some((utterance, from));
                // What lies before can no longer be asked for.
                self.words.retain(|(at, _)| *at >= from);
                self.plan_interim(utterance, edge);
            }
            EarCommand::Transcribe { utterance, revision } if self.is_open(utterance) => {
                self.transcribe(utterance, revision, edge);
            }
            EarCommand::Score { utterance, revision } if self.is_open(utterance) => {
                self.score(utterance, revision, edge)
            }
            EarCommand::Identify { utterance, asked } if self.is_open(utterance) => {
                self.identify(utterance, asked, edge);
            }
            EarCommand::Close { utterance } if self.is_open(utterance) => self.open = None,
            EarCommand::Interim { utterance } if self.is_open(utterance) => {
                let text = self.text(edge.now);
                if !text.is_empty() {
                    edge.tell(Input::InterimTranscript { utterance, text });
                }
                self.plan_interim(utterance, edge);
            }
            EarCommand::Transcribe { .. }
            | EarCommand::Score { .. }
            | EarCommand::Identify { .. }
            | EarCommand::Close { .. }
            | EarCommand::Interim { .. } => {}
        }
    }

    fn plan_interim(&mut self, utterance: UtteranceId, edge: &mut Edge) {
        if self.interims && self.recogniser != Mood::Down {
            let after = self.chance.fine_ms(200, 600);
            edge.after(after, Happening::Ears(EarCommand::Interim { utterance }));
        }
    }

    /// The open utterance's words so far.
    fn text(&mut self, now: CallTime) -> String {
        let Some((_, from)) = self.open else { return String::new() };
        let until = self.deaf_since.map_or(now, |since| since.min(now));
        let heard = self.words.iter().filter(|(at, _)| (from..=until).contains(at)).map(|(_, word)| word.as_str());
        let text = heard.collect::<Vec<_>>().join(" ");
        // A recogniser that is given a noise sometimes makes words of it.
        if text.is_empty() && self.chance.percent(3) { "Thank you.".to_owned() } else { text }
    }

    fn transcribe(&mut self, utterance: UtteranceId, revision: u32, edge: &mut Edge) {
        let text = self.text(edge.now);
        let failed = |error: &str| Input::TranscriptFailed { utterance, revision, error: error.to_owned() };
        let mut fate = self.recogniser.fate(&mut self.chance);
        let mut after = self.recogniser.latency(&mut self.chance, 20, 350);
        if self.has_other && matches!(fate, Fate::Fails | Fate::Silent) {
            edge.after(after, Happening::Arrives(fell_back(Stage::Recognition)));
            fate = Mood::Well.fate(&mut self.chance);
            after += Mood::Well.latency(&mut self.chance, 20, 350);
        }
        let input = match fate {
            Fate::Answers => Input::Transcript { utterance, revision, text },
            Fate::Empty => Input::Transcript { utterance, revision, text: String::new() },
            Fate::Fails => failed("down"),
            Fate::Breaks => failed("broke off"),
            Fate::Silent | Fate::Stalls => return,
        };
        edge.after(after, Happening::Recognised { utterance, input });
    }

    fn score(&mut self, utterance: UtteranceId, revision: u32, edge: &mut Edge) {
        let probability = match self.end_of_turn.fate(&mut self.chance) {
            Fate::Answers => self.chance.fraction() as f32,
            Fate::Empty | Fate::Fails | Fate::Breaks | Fate::Silent | Fate::Stalls => return,
        };
        let after = self.end_of_turn.latency(&mut self.chance, 15, 120);
        let input = Input::EndOfTurn { utterance, revision, probability };
        edge.after(after, Happening::Recognised { utterance, input });
    }

    /// Somebody is registered in most calls; who is heard is anybody's guess.
    fn identify(&mut self, utterance: UtteranceId, asked: u32, edge: &mut Edge) {
        use Speaker::{Far, Near, Other, Registered, Unregistered};
        let speaker = match self.end_of_turn.fate(&mut self.chance) {
            Fate::Answers if self.is_unregistered => Unregistered,
            Fate::Answers => self.chance.weighted(&[(70, Registered), (15, Other), (10, Near), (5, Far)]),
            Fate::Empty | Fate::Fails | Fate::Breaks | Fate::Silent | Fate::Stalls => return,
        };
        let after = self.end_of_turn.latency(&mut self.chance, 15, 150);
        let input = Input::Identified { utterance, asked, speaker };
        edge.after(after, Happening::Recognised { utterance, input });
    }

    /// What comes after the utterance was closed was on its way, or is dropped.
    pub fn recognised(&mut self, utterance: UtteranceId, input: Input, edge: &mut Edge) {
        if self.is_open(utterance) || self.chance.percent(20) {
            edge.tell(input);
        }
    }
}
