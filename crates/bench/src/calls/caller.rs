//! The caller of one call as a value: waits for the greeting to end, then speaks, waits for the answer, listens to it or sometimes
//! speaks over it, breathes, and speaks again, so that the user has their share of the time.
//!
//! It goes by what it hears alone, as people do, so that it can call anybody. Time is an argument, counted from any beginning.

use ringline_model::SplitMix64;
use std::time::Duration;

/// 20 ms each.
pub const FRAME: Duration = Duration::from_millis(20);
/// So long without an audible frame and the agent has finished.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// Between the end of an answer and the next question, at least.
const BREATH: Duration = Duration::from_millis(300);
/// Whoever says nothing for so long is spoken to (greeting), or asked again (answer).
const GREETING_PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// An interruption falls into an answer after so long.
const INTERRUPT_AFTER: (Duration, Duration) = (Duration::from_millis(700), Duration::from_millis(2_000));
/// An agent that was spoken over is silent when it has been so for so long; a syllable's gap is shorter.
const BARGE_IN_SILENCE: Duration = Duration::from_millis(200);

/// What a turn is made of, in frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    pub frames: usize,
    /// The first and the last one with speech.
    pub speech: (usize, usize),
}

/// How the caller is.
#[derive(Clone, Debug)]
pub struct Manner {
    /// None: never speaks.
    pub turns: Vec<Turn>,
    /// The user's share of the time, 0 to 1.
    pub share: f64,
    /// How many answers are interrupted, 0 to 1.
    pub interrupts: f64,
    /// Callers with another seed begin with another turn and interrupt at other times.
    pub seed: u64,
}

/// What is sent in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Silence,
    Speech { turn: usize, frame: usize },
}

/// Something worth counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A turn begins.
    Spoke,
    /// The first audible frame of the greeting came at this time.
    Greeted { at: Duration },
    /// End of the last frame with speech, as sent → first audible frame of the answer.
    Answered { after: Duration },
    /// Nothing came in [`ANSWER_PATIENCE`].
    Unanswered,
    /// First frame with speech sent over the agent → first silent frame.
    Silenced { after: Duration },
}

#[derive(Debug)]
enum Phase {
    /// Until the greeting is over.
    Greeting,
    Breathing {
        until: Duration,
    },
    Speaking {
        turn: usize,
        next: usize,
    },
    Waiting,
    /// To an answer that is interrupted at that time.
    Listening {
        interrupt: Option<Duration>,
    },
}

/// The agent is being spoken over.
#[derive(Debug)]
struct Over {
    since: Option<Duration>,
    /// The first silent frame after the last audible one.
    silent: Option<Duration>,
}

#[derive(Debug)]
pub struct Caller {
    manner: Manner,
    phase: Phase,
    since: Duration,
    /// When the first turn began, and how much of the time since then was speech.
    began: Option<Duration>,
    spoken: Duration,
    /// End of the last frame with speech.
    last_word: Duration,
    last_audible: Option<Duration>,
    over: Option<Over>,
    next_turn: usize,
    chance: SplitMix64,
    facts: Vec<Fact>,
}

impl Caller {
    pub fn new(manner: Manner, now: Duration) -> Self {
        let next_turn = manner.seed as usize % manner.turns.len().max(1);
        let chance = SplitMix64::new(manner.seed);
        Self {
            manner,
            phase: Phase::Greeting,
            since: now,
            began: None,
            spoken: Duration::ZERO,
            last_word: now,
            last_audible: None,
            over: None,
            next_turn,
            chance,
            facts: Vec::new(),
        }
    }

    /// What happened since the last look.
    pub fn facts(&mut self) -> impl Iterator<Item = Fact> + '_ {
        self.facts.drain(..)
    }

    /// The next 20 ms, sent at `now`.
    pub fn speak(&mut self, now: Duration) -> Sent {
        self.move_on(now);
        let Phase::Speaking { turn, next } = &mut self.phase else { return Sent::Silence };
        let (turn, frame) = (*turn, *next);
        *next += 1;
        let Turn { frames, speech } = self.manner.turns[turn];
        if (speech.0..=speech.1).contains(&frame) {
            self.spoken += FRAME;
            self.last_word = now + FRAME;
            if let Some(over) = &mut self.over {
                over.since.get_or_insert(now);
            }
        }
        if frame + 1 == frames {
            self.enter(Phase::Waiting, now);
        }
        Sent::Speech { turn, frame }
    }

    /// A frame of the agent's that came at `now`.
    pub fn hear(&mut self, audible: bool, now: Duration) {
        if let Some(over) = &mut self.over {
            match audible {
                true => over.silent = None,
                false => drop(over.silent.get_or_insert(now)),
            }
        }
        if !audible {
            return;
        }
        match self.phase {
            Phase::Greeting if self.last_audible.is_none() => self.facts.push(Fact::Greeted { at: now }),
            // While the agent is being spoken over, what it says is no answer.
            Phase::Waiting if self.over.is_none() && now >= self.last_word => {
                self.facts.push(Fact::Answered { after: now - self.last_word });
                let interrupt = (self.chance.fraction() < self.manner.interrupts).then(|| {
                    let (least, most) = INTERRUPT_AFTER;
                    now + least + (most - least).mul_f64(self.chance.fraction())
                });
                self.enter(Phase::Listening { interrupt }, now);
            }
            _ => {}
        }
        self.last_audible = Some(now);
    }

    fn enter(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.since = now;
    }

    fn move_on(&mut self, now: Duration) {
        self.settle_barge_in(now);
        match self.phase {
            Phase::Greeting if self.manner.turns.is_empty() => {}
            Phase::Greeting => {
                let nobody = self.last_audible.is_none() && now - self.since > GREETING_PATIENCE;
                if nobody || self.last_audible.is_some_and(|at| now.saturating_sub(at) > SILENT_FOR) {
                    self.breathe(now);
                }
            }
            Phase::Breathing { until } if now >= until => self.begin(now),
            Phase::Waiting if now.saturating_sub(self.last_word) > ANSWER_PATIENCE => {
                self.facts.push(Fact::Unanswered);
                self.breathe(now);
            }
            Phase::Listening { interrupt: Some(at) } if now >= at => {
                self.over = Some(Over { since: None, silent: None });
                self.begin(now);
            }
            Phase::Listening { .. } if self.last_audible.is_none_or(|at| now.saturating_sub(at) > SILENT_FOR) => {
                self.breathe(now);
            }
            Phase::Breathing { .. } | Phase::Speaking { .. } | Phase::Waiting | Phase::Listening { .. } => {}
        }
    }

    /// The next turn begins so late that the turns so far are the user's share of the time.
    fn breathe(&mut self, now: Duration) {
        let began = *self.began.get_or_insert(now);
        let due = began + self.spoken.div_f64(self.manner.share.clamp(0.01, 1.0));
        self.enter(Phase::Breathing { until: due.max(now + BREATH) }, now);
    }

    fn begin(&mut self, now: Duration) {
        let turn = self.next_turn;
        self.next_turn = (turn + 1) % self.manner.turns.len();
        self.facts.push(Fact::Spoke);
        self.enter(Phase::Speaking { turn, next: 0 }, now);
    }

    fn settle_barge_in(&mut self, now: Duration) {
        let Some(Over { since: Some(since), silent }) = &self.over else { return };
        // An agent that stops sending is silent, too.
        let silent = silent.or_else(|| self.last_audible.map(|at| at + FRAME)).filter(|at| *at <= now);
        let Some(silent) = silent.filter(|at| now - *at > BARGE_IN_SILENCE) else { return };
        self.facts.push(Fact::Silenced { after: silent.saturating_sub(*since) });
        self.over = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const TURN: Turn = Turn { frames: 60, speech: (2, 51) };

    /// An agent that greets for 1 s and answers every turn `wait` after its last word for `answer`, on virtual time.
    struct World {
        caller: Caller,
        wait: Duration,
        answer: Duration,
        /// What the agent says next, and until when.
        says: (Duration, Duration),
        /// When the agent falls silent after it is spoken over.
        yields: Option<Duration>,
        facts: Vec<(Duration, Fact)>,
        user: u32,
    }

    impl World {
        fn new(interrupts: f64) -> Self {
            let manner = Manner { turns: vec![TURN; 3], share: 0.35, interrupts, seed: 7 };
            Self {
                caller: Caller::new(manner, Duration::ZERO),
                wait: 800 * MS,
                answer: 1_300 * MS,
                says: (100 * MS, 1_100 * MS),
                yields: None,
                facts: Vec::new(),
                user: 0,
            }
        }

        fn run(&mut self, until: Duration) {
            let mut now = Duration::ZERO;
            while now < until {
                if let Sent::Speech { frame, .. } = self.caller.speak(now) {
                    self.user += u32::from((TURN.speech.0..=TURN.speech.1).contains(&frame));
                    if frame == TURN.speech.0 && now < self.says.1 {
                        self.yields = Some(now + 300 * MS);
                    }
                    if frame == TURN.speech.1 {
                        self.says = (now + FRAME + self.wait, now + FRAME + self.wait + self.answer);
                        self.yields = None;
                    }
                }
                let speaks = (self.says.0..self.says.1).contains(&now) && self.yields.is_none_or(|at| now < at);
                self.caller.hear(speaks, now + 5 * MS);
                self.facts.extend(self.caller.facts().map(|fact| (now, fact)));
                now += FRAME;
            }
        }

        fn count(&self, wanted: impl Fn(&Fact) -> bool) -> usize {
            self.facts.iter().filter(|(_, fact)| wanted(fact)).count()
        }
    }

    #[test]
    fn the_greeting_is_heard_out_and_every_turn_answered() {
        let mut world = World::new(0.0);
        world.run(Duration::from_secs(60));
        assert_eq!(world.facts[0].1, Fact::Greeted { at: 105 * MS });
        let (first, _) = world.facts[1];
        assert!(first >= 1_100 * MS + SILENT_FOR + BREATH, "{first:?}");
        let spoken = world.count(|fact| *fact == Fact::Spoke);
        let answered = world.count(|fact| matches!(fact, Fact::Answered { .. }));
        assert!(spoken >= 15 && spoken - answered <= 1, "{spoken} {answered}");
        let after = |fact: &Fact| matches!(fact, Fact::Answered { after } if (*after).abs_diff(805 * MS) <= FRAME);
        assert_eq!(world.count(after), answered, "{:?}", world.facts);
    }

    #[test]
    fn the_user_has_their_share_of_the_time() {
        let mut world = World::new(0.0);
        (world.wait, world.answer) = (100 * MS, 500 * MS);
        world.run(Duration::from_secs(600));
        let share = f64::from(world.user) * FRAME.as_secs_f64() / 600.0;
        assert!((0.33..0.36).contains(&share), "{share}");
    }

    #[test]
    fn an_agent_that_is_spoken_over_is_timed_until_it_is_silent() {
        let mut world = World::new(1.0);
        world.run(Duration::from_secs(60));
        let silenced: Vec<_> = world
            .facts
            .iter()
            .filter_map(|(_, fact)| match fact {
                Fact::Silenced { after } => Some(*after),
                _ => None,
            })
            .collect();
        assert!(silenced.len() >= 5, "{:?}", world.facts);
        // The agent of this test falls silent 300 ms after the first word, or because its answer ends.
        assert!(silenced.iter().all(|after| *after <= 300 * MS + FRAME), "{silenced:?}");
        assert!(silenced.iter().any(|after| *after >= 300 * MS), "{silenced:?}");
    }

    #[test]
    fn whoever_does_not_answer_is_asked_again() {
        let mut world = World::new(0.0);
        world.wait = Duration::from_secs(3600);
        world.run(Duration::from_secs(60));
        let unanswered = world.count(|fact| *fact == Fact::Unanswered);
        assert!(unanswered >= 3, "{:?}", world.facts);
        assert_eq!(world.count(|fact| *fact == Fact::Spoke), unanswered + 1);
    }

    #[test]
    fn a_caller_without_turns_only_listens() {
        let manner = Manner { turns: Vec::new(), share: 0.35, interrupts: 0.1, seed: 3 };
        let mut caller = Caller::new(manner, Duration::ZERO);
        for n in 0..3_000 {
            assert_eq!(caller.speak(FRAME * n), Sent::Silence);
            caller.hear(n < 50, FRAME * n);
        }
        assert_eq!(caller.facts().count(), 1);
    }
}
