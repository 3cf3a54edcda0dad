//! The caller: somebody with a temper who listens to what comes out of the line and does what people do. It asks, pauses inside
//! a turn, begins again, says "mm-hm" over the agent, interrupts, coughs, speaks with others, lets the agent's voice back in,
//! types, uses the app's buttons, falls silent, loses the network, hangs up.

use crate::chance::Chance;
use crate::words;
use ringline_conversation::ClientCommand;
use ringline_model::CallTime;

/// When the caller does something.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Move {
    Joins,
    /// Looks at what is going on and decides.
    Decides,
    Returns,
    GapEnds,
}

/// What the caller does.
#[derive(Debug)]
pub(crate) enum Act {
    /// A sound of so many ms, after so many ms, with words spread over it.
    Sound {
        after: u64,
        ms: u64,
        words: Vec<String>,
    },
    /// Words of the agent's, heard again; after so many ms more it is known what they are.
    Echo {
        after: u64,
        ms: u64,
        words: Vec<String>,
        known: u64,
    },
    Command(ClientCommand),
    /// The app's button, after so many ms.
    Button {
        after: u64,
        command: ClientCommand,
    },
    /// The transport is gone, for so many ms or for good.
    Leaves {
        ms: Option<u64>,
    },
    /// The transport stays, and no audio arrives for so many ms.
    Gap {
        ms: u64,
    },
}

/// How a caller is, in percent of its decisions.
#[derive(Debug)]
struct Temper {
    talks: u64,
    pauses: u64,
    backchannels: u64,
    interrupts: u64,
    coughs: u64,
    asides: u64,
    echoes: u64,
    types: u64,
    presses: u64,
    drops: u64,
    /// How often it holds the button while it speaks.
    holds: u64,
    cjk: bool,
}

#[derive(Debug)]
pub(crate) struct Caller {
    chance: Chance,
    temper: Temper,
    /// Until when it makes sounds.
    sounds_until: CallTime,
    /// When it has had enough.
    enough_at: CallTime,
    done: bool,
}

impl Temper {
    fn draw(chance: &mut Chance, push_to_talk: bool) -> Self {
        let seldom = |chance: &mut Chance, most: u64| if chance.percent(60) { 0 } else { chance.between(1, most) };
        Self {
            backchannels: seldom(chance, 30),
            interrupts: seldom(chance, 25),
            coughs: seldom(chance, 15),
            asides: seldom(chance, 15),
            echoes: seldom(chance, 40),
            types: seldom(chance, 8),
            presses: seldom(chance, 12),
            drops: seldom(chance, 8),
            talks: chance.weighted(&[(80, 70), (15, 30), (5, 0)]),
            pauses: chance.between(0, 60),
            holds: if push_to_talk { chance.weighted(&[(70, 100), (30, 60)]) } else { seldom(chance, 5) },
            cjk: chance.percent(20),
        }
    }
}

impl Caller {
    pub fn new(mut chance: Chance, push_to_talk: bool) -> Self {
        let temper = Temper::draw(&mut chance, push_to_talk);
        let enough = chance.weighted(&[(30, 15_000), (50, 50_000), (18, 120_000), (2, 400_000)]);
        let enough_at = CallTime::from_millis(chance.between(1000, enough));
        Self { chance, temper, sounds_until: CallTime::ZERO, enough_at, done: false }
    }

    /// When it joins; none if it never does.
    pub fn joins_at(&mut self) -> Option<CallTime> {
        let ms = match self.chance.weighted(&[(70, 0), (22, 1), (5, 2), (3, 3)]) {
            0 => self.chance.between(50, 1500),
            1 => self.chance.between(0, 8000),
            2 => self.chance.between(8000, 100_000),
            _ => return None,
        };
        self.enough_at = CallTime::from_millis(self.enough_at.as_millis() + ms);
        Some(CallTime::from_millis(ms))
    }

    /// Decides, and says when to decide again (in ms); none: it does nothing any more.
    pub fn decide(&mut self, now: CallTime, agent_speaks: bool) -> (Vec<Act>, Option<u64>) {
        if self.done {
            return (Vec::new(), None);
        }
        if now >= self.enough_at {
            self.done = true;
            let last = match self.chance.weighted(&[(50, 0), (25, 1), (25, 2)]) {
                0 => vec![Act::Leaves { ms: None }],
                1 => vec![Act::Command(ClientCommand::StopAgent)],
                // Says nothing any more: whatever ends the call then must do it by itself.
                _ => Vec::new(),
            };
            return (last, None);
        }
        if now < self.sounds_until {
            return (Vec::new(), Some(self.sounds_until.since(now).as_millis() as u64 + self.chance.between(0, 1500)));
        }
        let acts = if agent_speaks { self.beside_agent() } else { self.with_floor() };
        let sounds = acts.iter().map(|act| match act {
            Act::Sound { after, ms, .. } | Act::Echo { after, ms, .. } => after + ms,
            Act::Command(_) | Act::Button { .. } | Act::Leaves { .. } | Act::Gap { .. } => 0,
        });
        self.sounds_until = CallTime::from_millis(now.as_millis() + sounds.max().unwrap_or(0));
        let again = self.chance.weighted(&[(60, 900), (30, 2500), (8, 8000), (2, 40_000)]);
        (acts, Some(self.chance.between(100, again)))
    }

    fn roll(&mut self, of: &[u64]) -> Option<usize> {
        let mut at = self.chance.between(0, 99);
        for (index, percent) in of.iter().enumerate() {
            if at < *percent {
                return Some(index);
            }
            at -= percent;
        }
        None
    }

    fn beside_agent(&mut self) -> Vec<Act> {
        let t = &self.temper;
        let odds = [
            t.echoes / 2,
            t.backchannels,
            t.interrupts,
            t.coughs / 2,
            t.asides / 2,
            t.types / 2,
            t.presses / 2,
            t.drops / 2,
        ];
        match self.roll(&odds) {
            Some(0) => vec![self.echo()],
            Some(1) => {
                let words = words::backchannel(&mut self.chance);
                vec![Act::Sound { after: 0, ms: self.chance.between(120, 600), words }]
            }
            Some(2) => {
                let words = words::interruption(&mut self.chance);
                let mut acts = vec![Act::Sound { after: 0, ms: self.chance.between(300, 2500), words }];
                if self.chance.percent(50) {
                    acts.extend(self.turn(600));
                }
                acts
            }
            Some(3) => vec![self.cough()],
            Some(4) => vec![self.aside()],
            Some(5) => vec![self.types()],
            Some(6) => vec![self.presses()],
            Some(7) => vec![self.drops()],
            _ => Vec::new(),
        }
    }

    fn with_floor(&mut self) -> Vec<Act> {
        let t = &self.temper;
        let odds = [t.talks, t.coughs / 4, t.asides / 4, t.types / 2, t.presses / 4, t.drops / 4];
        match self.roll(&odds) {
            Some(0) => self.turn(0),
            Some(1) => vec![self.cough()],
            Some(2) => vec![self.aside()],
            Some(3) => vec![self.types()],
            Some(4) => vec![self.presses()],
            Some(5) => vec![self.drops()],
            _ => Vec::new(),
        }
    }

    /// A turn, with the button held or not. Some forget to let it go, and some change their minds.
    fn turn(&mut self, after: u64) -> Vec<Act> {
        let phrases = self.phrases(after + 200);
        if !self.chance.percent(self.temper.holds) {
            return phrases;
        }
        let ends = phrases.iter().map(|act| if let Act::Sound { after, ms, .. } = act { after + ms } else { 0 });
        let over = ends.max().unwrap_or(0) + self.chance.between(0, 500);
        let last = match self.chance.weighted(&[(85, 0), (8, 1), (7, 2)]) {
            0 => Some(ClientCommand::FinishPushToTalk),
            1 => Some(ClientCommand::CancelPushToTalk),
            _ => None,
        };
        let mut acts = vec![Act::Button { after, command: ClientCommand::StartPushToTalk }];
        acts.extend(phrases);
        acts.extend(last.map(|command| Act::Button { after: over, command }));
        acts
    }

    /// Phrases with pauses between.
    fn phrases(&mut self, mut after: u64) -> Vec<Act> {
        let mut acts = Vec::new();
        let mut phrases = 1;
        while phrases < 6 && self.chance.percent(self.temper.pauses) {
            phrases += 1;
        }
        for _ in 0..phrases {
            let count = self.chance.weighted(&[(30, 1), (50, 5), (19, 12), (1, 120)]);
            let words = words::user_words(&mut self.chance, count, self.temper.cjk);
            let ms = count * self.chance.between(180, 420);
            acts.push(Act::Sound { after, ms, words });
            after += ms + self.chance.weighted(&[(50, 150), (35, 500), (12, 1500), (3, 5000)]);
            after += self.chance.between(0, 100);
        }
        acts
    }

    fn cough(&mut self) -> Act {
        Act::Sound { after: 0, ms: self.chance.between(30, 500), words: Vec::new() }
    }

    fn aside(&mut self) -> Act {
        let count = self.chance.between(2, 15);
        let words = words::user_words(&mut self.chance, count, self.temper.cjk);
        Act::Sound { after: 0, ms: count * 250, words }
    }

    /// The agent's own voice, a little later. Not always is it known.
    fn echo(&mut self) -> Act {
        let count = self.chance.between(0, 6);
        let words = words::user_words(&mut self.chance, count, false);
        let (after, ms) = (self.chance.between(20, 250), self.chance.between(60, 2500));
        let known = self.chance.between(60, 1200);
        match self.chance.percent(70) {
            true => Act::Echo { after, ms, words, known },
            false => Act::Sound { after, ms, words },
        }
    }

    fn types(&mut self) -> Act {
        let text = match self.chance.between(0, 9) {
            0 => "   ".to_owned(),
            1 => "x".repeat(5000),
            _ => "What does it cost?".to_owned(),
        };
        Act::Command(ClientCommand::SendText { text })
    }

    fn presses(&mut self) -> Act {
        Act::Command(match self.chance.between(0, 10) {
            0..=2 => ClientCommand::InterruptSpeaking,
            3 => ClientCommand::EnableVoiceInterrupt { enable: self.chance.percent(50) },
            4 => ClientCommand::QueryState,
            5 => ClientCommand::UpdateMaxSilence { ms: self.chance.between(0, 5000) as u32 },
            6 => ClientCommand::EnablePushToTalk { enable: self.chance.percent(50) },
            7 => ClientCommand::SwitchVoice { voice: (*self.chance.pick(&["voice-2", ""])).to_owned() },
            8 => ClientCommand::UseVoiceprint { enable: self.chance.percent(50) },
            9 => ClientCommand::ClearVoiceprint,
            _ => match self.chance.percent(50) {
                true => ClientCommand::UpdateSpeechRate { rate: self.chance.between(0, 300) as f64 / 100.0 },
                false => ClientCommand::UpdateSystemPrompt { prompt: "Be brief.".to_owned() },
            },
        })
    }

    fn drops(&mut self) -> Act {
        match self.chance.percent(60) {
            true => Act::Leaves { ms: Some(self.chance.between(50, 9000)) },
            false => Act::Gap { ms: self.chance.between(200, 4000) },
        }
    }
}
