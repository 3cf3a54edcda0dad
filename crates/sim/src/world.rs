//! The world of one call: the conversation, everything at its edge, and the loop that lets time pass.

use crate::call::Violation;
use crate::caller::{Act, Caller, Move};
use crate::chance::Chance;
use crate::clips::Clips;
use crate::ears::{EarCommand, Ears};
use crate::edge::{Edge, Happening};
use crate::endings::END_RULES;
use crate::facts::Facts;
use crate::language_model::LanguageModel;
use crate::mouth::Mouth;
use crate::operator::{Deed, Operator};
use crate::playout::Playout;
use crate::rules::{MODEL, OUTPUT_RULES, STEP_RULES, Scene, Verdict, reason_for_silence};
use crate::settings;
use ringline_conversation::{Conversation, Input, JournalEntry, Message, Output, Role, Setup, Step, TakeoverMode};
use ringline_model::{CallTime, ResponseId};
use std::time::Duration;

/// A call that takes more steps goes in circles.
const MOST_STEPS: usize = 60_000;

/// Longer than any deadline of a configuration that is drawn, and than a human may stay in charge.
const LATEST_END: CallTime = CallTime::from_millis(25 * 3600 * 1000);

#[derive(Debug)]
pub(crate) struct World {
    setup: Setup,
    conversation: Conversation,
    facts: Facts,
    journal: Vec<JournalEntry>,
    edge: Edge,
    ears: Ears,
    model: LanguageModel,
    mouth: Mouth,
    playout: Playout,
    clips: Clips,
    caller: Caller,
    operator: Operator,
    /// How much later than due deadlines are done, at most, in ms.
    late: u64,
    chance: Chance,
    is_there: bool,
    /// A human is heard instead of the agent.
    human: bool,
    silent_since: Option<CallTime>,
    quiet_since: Option<CallTime>,
    /// The answer that is waited for in silence, and since when.
    unfilled: Option<(ResponseId, CallTime)>,
}

impl World {
    pub fn new(chance: &mut Chance) -> Self {
        let settings = settings::draw(&mut chance.fork());
        let history = match chance.percent(15) {
            true => vec![Message::new(Role::User, "Earlier.")],
            false => Vec::new(),
        };
        let setup = Setup { config: settings::read(&settings), history, seed: chance.next() };
        let phase = CallTime::from_micros(chance.between(0, 19_999));
        let mut world = Self {
            conversation: Conversation::new(setup.clone()),
            facts: Facts::new(&setup),
            journal: Vec::new(),
            edge: Edge::new(chance.fork()),
            ears: Ears::new(chance.fork()),
            model: LanguageModel::new(chance.fork()),
            mouth: Mouth::new(chance.fork()),
            playout: Playout::new(phase),
            clips: Clips::new(chance.fork()),
            caller: Caller::new(chance.fork(), setup.config.push_to_talk),
            operator: Operator::new(chance.fork(), &settings),
            late: chance.weighted(&[(80, 0), (15, 20), (5, 300)]),
            chance: chance.fork(),
            is_there: false,
            human: false,
            silent_since: None,
            quiet_since: None,
            unfilled: None,
            setup,
        };
        if let Some(at) = world.caller.joins_at() {
            world.edge.at(at, Happening::Caller(Move::Joins));
        }
        world.plan_operator();
        world
    }

    pub fn into_journal(self) -> (Setup, Vec<JournalEntry>) {
        (self.setup, self.journal)
    }

    /// Lets time pass until the call is over.
    pub fn run(&mut self) -> Result<(), Violation> {
        self.step(CallTime::ZERO, Step::Timeout)?;
        while self.facts.ended.is_none() && self.journal.len() < MOST_STEPS && self.edge.now < LATEST_END {
            let due = self.conversation.poll_timeout().map(|at| at + self.chance.fine_ms(0, self.late));
            match (due, self.edge.next_at()) {
                (Some(due), next) if next.is_none_or(|next| due < next) => {
                    let at = due.max(self.edge.now);
                    self.edge.now = at;
                    self.step(at, Step::Timeout)?;
                }
                (_, Some(_)) => self.happens()?,
                (_, None) => break,
            }
        }
        for (rule, asked) in END_RULES {
            judge(rule, asked(&self.facts, &self.conversation, &self.setup, &self.journal))?;
        }
        Ok(())
    }

    fn happens(&mut self) -> Result<(), Violation> {
        let Some(happening) = self.edge.take() else { return Ok(()) };
        let edge = &mut self.edge;
        match happening {
            Happening::Arrives(input) => return self.step(self.edge.now, Step::Input(input)),
            Happening::SoundBegins => self.ears.sound(true, edge),
            Happening::EchoKnown => self.ears.is_echo(edge),
            Happening::SoundEnds => self.ears.sound(false, edge),
            Happening::Voice { epoch } => self.ears.voice(epoch, edge),
            Happening::Ears(command) => self.ears.command(command, edge),
            Happening::Recognised { utterance, input } => self.ears.recognised(utterance, input, edge),
            Happening::Model { response, input } => self.model.sends(response, input, edge),
            Happening::Mouth(progress) => self.mouth.progress(&progress, edge, &mut self.playout),
            Happening::Tick { epoch } => self.playout.tick(epoch, edge),
            Happening::PausePlayout { paused } => self.playout.pause(paused, edge),
            Happening::StopPlayout { response } => self.playout.stop(response, edge),
            Happening::Clip { clip, input } => self.clips.answers(clip, input, edge),
            Happening::Caller(next) => self.caller_moves(next),
            Happening::Operator => self.operator_acts(),
        }
        Ok(())
    }

    fn step(&mut self, at: CallTime, step: Step) -> Result<(), Violation> {
        let entry = JournalEntry::record(&mut self.conversation, at, step);
        let input = match &entry.step {
            Step::Input(input) => Some(input),
            Step::Timeout => None,
        };
        self.facts.take(at, input);
        if matches!(input, Some(Input::Client { .. } | Input::ConfigChanged { .. })) {
            self.facts.config = self.conversation.config().clone();
        }
        let outputs = entry.outputs.clone();
        self.journal.push(entry);
        judge(
            "a step brings forth little",
            if outputs.len() > 200 { Err(format!("{} outputs", outputs.len())) } else { Ok(()) },
        )?;
        for output in outputs {
            for (rule, asked) in OUTPUT_RULES {
                judge(rule, asked(&self.facts, &output))?;
            }
            self.facts.give(&output);
            self.carry_out(output);
        }
        let scene = self.scene();
        for (rule, asked) in STEP_RULES {
            judge(rule, asked(&self.facts, &scene))?;
        }
        Ok(())
    }

    /// Does at the edge what the server's agent task would.
    fn carry_out(&mut self, output: Output) {
        let edge = &mut self.edge;
        match output {
            Output::OpenUtterance { utterance, from } => self.tell_ears(EarCommand::Open { utterance, from }),
            Output::Transcribe { utterance, revision } => {
                self.tell_ears(EarCommand::Transcribe { utterance, revision })
            }
            Output::ScoreEndOfTurn { utterance, revision } => self.tell_ears(EarCommand::Score { utterance, revision }),
            Output::Identify { utterance, asked } => self.tell_ears(EarCommand::Identify { utterance, asked }),
            Output::LearnVoice { .. } | Output::ForgetVoice => {}
            Output::CloseUtterance { utterance } => self.tell_ears(EarCommand::Close { utterance }),
            Output::Generate { response, .. } => self.model.generate(response, edge),
            Output::CancelResponse { response } => {
                self.model.cancel(response);
                self.mouth.cancel(response, edge, &mut self.playout);
            }
            Output::Synthesise { response, segment, text, rate, .. } => {
                self.mouth.say(response, segment, &text, rate, edge, &mut self.playout);
            }
            Output::LoadClip { clip, .. } => self.clips.load(clip, edge),
            Output::PlayClip { response, segment, clip } => {
                if let Some(ms) = self.clips.take(clip) {
                    self.mouth.play(response, segment, ms, edge, &mut self.playout);
                }
            }
            Output::ForgetClip { clip } => self.clips.forget(clip),
            Output::StopPlayout { response } => edge.command(Happening::StopPlayout { response }),
            Output::RunTool { response, call, .. } => {
                let after = self.chance.fine_ms(50, 12_000);
                let (result, error) = ("done".to_owned(), "no such city".to_owned());
                let input = match self.chance.weighted(&[(80, 0), (15, 1), (5, 2)]) {
                    0 => Input::ToolFinished { response, call, result },
                    1 => Input::ToolFailed { response, call, error },
                    // It never answers.
                    _ => return,
                };
                edge.after(after, Happening::Arrives(input));
            }
            Output::PausePlayout { .. } => edge.command(Happening::PausePlayout { paused: true }),
            Output::Unduck { .. } => edge.command(Happening::PausePlayout { paused: false }),
            Output::HandOver { mode, .. } => self.set_human(mode != TakeoverMode::AgentVoice),
            Output::TakeBack => self.set_human(false),
            Output::Duck { .. } | Output::Notify { .. } | Output::Record { .. } | Output::End { .. } => {}
        }
    }

    /// Commands keep their order: the lag of one machine differs little.
    fn tell_ears(&mut self, command: EarCommand) {
        self.edge.after(Duration::from_micros(300), Happening::Ears(command));
    }

    fn scene(&mut self) -> Scene {
        let audible = self.playout.is_audible();
        let is_silent = !audible && !self.playout.is_paused();
        let since =
            |now: CallTime, holds: bool, since: Option<CallTime>| if holds { since.or(Some(now)) } else { None };
        self.silent_since = since(self.facts.now, is_silent, self.silent_since);
        let reason = reason_for_silence(&self.facts, self.silent_since.unwrap_or(self.facts.now));
        self.quiet_since = since(self.facts.now, is_silent && reason.is_none(), self.quiet_since);
        // Whoever asks something else begins to wait again.
        let asked = self.facts.current().map(|(id, _)| id).filter(|_| is_silent && reason == Some(MODEL));
        let waited = self.unfilled.filter(|(id, _)| asked == Some(*id));
        self.unfilled = asked.map(|id| waited.unwrap_or((id, self.facts.now)));
        Scene {
            deadline: self.conversation.poll_timeout(),
            state: self.conversation.state(),
            history: self.conversation.history().len(),
            audible,
            sounding: self.playout.responses().collect(),
            mouth: self.mouth.works_for().collect(),
            model: self.model.works_for(),
            waiting: self.edge.waiting(),
            quiet_since: self.quiet_since,
            unfilled_since: self.unfilled.map(|(_, since)| since),
        }
    }

    fn caller_moves(&mut self, next: Move) {
        match next {
            Move::Joins | Move::Returns => {
                self.set_there(true);
                self.edge.tell(Input::UserJoined);
                if let Move::Returns = next {
                    return;
                }
            }
            Move::GapEnds => return self.hear_or_not(),
            Move::Decides => {}
        }
        let agent_speaks = self.playout.is_audible();
        let (acts, again) = self.caller.decide(self.edge.now, agent_speaks);
        for act in acts {
            self.caller_acts(act);
        }
        if let Some(ms) = again {
            self.edge.after(Duration::from_millis(ms), Happening::Caller(Move::Decides));
        }
    }

    fn caller_acts(&mut self, act: Act) {
        match act {
            Act::Sound { after, ms, words } => self.sound(after, ms, words),
            Act::Echo { after, ms, words, known } => {
                self.sound(after, ms, words);
                self.edge.after(Duration::from_millis(after + known.min(ms)), Happening::EchoKnown);
            }
            Act::Command(command) if self.is_there => self.edge.tell(Input::Client { command }),
            Act::Command(_) => {}
            Act::Button { after, command } if self.is_there => {
                self.edge.after(Duration::from_millis(after), Happening::Arrives(Input::Client { command }));
            }
            Act::Button { .. } => {}
            Act::Leaves { ms } if self.is_there => {
                self.set_there(false);
                self.edge.tell(Input::UserLeft);
                if let Some(ms) = ms {
                    self.edge.after(Duration::from_millis(ms), Happening::Caller(Move::Returns));
                }
            }
            Act::Leaves { .. } => {}
            Act::Gap { ms } => {
                self.ears.deafen(true, &mut self.edge);
                self.edge.after(Duration::from_millis(ms), Happening::Caller(Move::GapEnds));
            }
        }
    }

    fn sound(&mut self, after: u64, ms: u64, words: Vec<String>) {
        let from = self.edge.now + Duration::from_millis(after);
        let count = words.len() as u64;
        let over = |n: usize| from + Duration::from_millis(ms * (n as u64 + 1) / count);
        self.ears.will_hear(words.into_iter().enumerate().map(|(n, word)| (over(n), word)));
        self.edge.at(from, Happening::SoundBegins);
        self.edge.at(from + Duration::from_millis(ms), Happening::SoundEnds);
    }

    fn plan_operator(&mut self) {
        if let Some(at) = self.operator.next_at() {
            self.edge.at(at, Happening::Operator);
        }
    }

    fn operator_acts(&mut self) {
        match self.operator.next() {
            Some(Deed::Tells(input)) => self.edge.tell(input),
            Some(Deed::HumanConnects) if self.facts.takeover => self.edge.tell(Input::TakeoverConnected),
            Some(Deed::HumanConnects) | None => {}
        }
        self.plan_operator();
    }

    fn set_there(&mut self, is_there: bool) {
        self.is_there = is_there;
        self.hear_or_not();
    }

    fn set_human(&mut self, human: bool) {
        self.human = human;
        self.hear_or_not();
    }

    fn hear_or_not(&mut self) {
        let agent_is_on = self.is_there && !self.human;
        self.playout.hold(!agent_is_on, &mut self.edge);
        self.ears.deafen(!self.is_there, &mut self.edge);
    }
}

fn judge(rule: &'static str, verdict: Verdict) -> Result<(), Violation> {
    verdict.map_err(|what| Violation { rule, what })
}
