//! A call as it goes on, for whoever watches it: a snapshot, and from there every event.
//!
//! The agent task tells it every step ([`Live::step`]); what the conversation decides is never asked back from here, so a call
//! goes on the same whether it is watched or not. Listeners have a bounded queue each; one that falls behind loses the oldest
//! events and is told how many ([`Follow::next`]). The call never waits for any of them.
//!
//! Limits: [`BEHIND`] events a listener may be behind, [`LINES`] lines of talk in a snapshot, as many listeners as configured.

pub mod event;
mod overview;

pub use overview::{Overview, OverviewEvent};

use event::{
    Agent, CallSummary, Happening, Interruption, Latency, LiveEvent, Network, Side, Snapshot, Subtitle, Supervising,
    Takeover, TakeoverStep, Tool, ToolStep,
};
use ringline_conversation::{
    AgentState, DialogueKind, Event, Input, JournalEntry, Notice, Output, Role, Step, TakeoverMode,
};
use ringline_model::{CallTime, UserId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Events a listener may be behind; at one more it loses the oldest.
const BEHIND: usize = 256;
/// Lines of talk in a snapshot; the oldest go.
const LINES: usize = 100;
/// Tool calls that are remembered until they are answered; the oldest go. An answer has at most 5 rounds of them.
const TOOLS: usize = 64;

/// One call, to be followed.
pub struct Live {
    inner: Mutex<Inner>,
    most: usize,
    overview: Arc<Overview>,
}

struct Inner {
    now: Snapshot,
    /// None: nobody has listened yet, or the call is over.
    feed: Option<broadcast::Sender<Arc<Happening>>>,
    over: bool,
    /// Tools that run, with their beginning.
    tools: Vec<(Tool, CallTime)>,
}

/// As many listen as are allowed.
#[derive(Clone, Copy, Debug)]
pub struct TooManyListeners;

/// A listener's place.
pub struct Follow {
    live: Arc<Live>,
    events: broadcast::Receiver<Arc<Happening>>,
}

/// What a listener gets.
pub enum Followed {
    Happened(Arc<Happening>),
    /// So many events were lost; from here on things are as the snapshot has them.
    Missed(u64, Box<Snapshot>),
    Over,
}

impl Follow {
    /// The next event. Cancel-safe.
    pub async fn next(&mut self) -> Followed {
        match self.events.recv().await {
            Ok(happening) => Followed::Happened(happening),
            Err(broadcast::error::RecvError::Closed) => Followed::Over,
            Err(broadcast::error::RecvError::Lagged(count)) => {
                let inner = self.live.inner();
                self.events = self.events.resubscribe();
                Followed::Missed(count, Box::new(inner.now.clone()))
            }
        }
    }
}

impl Live {
    /// `most` listen at once.
    pub fn new(now: Snapshot, most: usize, overview: Arc<Overview>) -> Self {
        Self { inner: Mutex::new(Inner { now, feed: None, over: false, tools: Vec::new() }), most, overview }
    }

    /// The call is on the list.
    pub fn begins(&self) {
        let call = self.inner().now.call.clone();
        self.overview.tell(OverviewEvent::Call { call });
    }

    /// Everything so far, and a place from which nothing that follows is missed.
    pub fn follow(self: &Arc<Self>) -> Result<(Snapshot, Follow), TooManyListeners> {
        let mut inner = self.inner();
        let over = inner.over;
        let feed = inner.feed.get_or_insert_with(|| broadcast::channel(BEHIND).0);
        if feed.receiver_count() >= self.most {
            return Err(TooManyListeners);
        }
        let events = feed.subscribe();
        if over {
            inner.feed = None;
        }
        Ok((inner.now.clone(), Follow { live: self.clone(), events }))
    }

    pub fn summary(&self) -> CallSummary {
        self.inner().now.call.clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A snapshot that is half a step old is still one.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step of the conversation.
    pub fn step(&self, entry: &JournalEntry) {
        let mut inner = self.inner();
        let before = inner.now.call.clone();
        if let Step::Input(input) = &entry.step {
            inner.input(entry.at, input);
        }
        for output in &entry.outputs {
            inner.output(entry.at, output, &entry.step);
        }
        if inner.over {
            inner.feed = None;
        } else if inner.now.call != before {
            self.overview.tell(OverviewEvent::Call { call: inner.now.call.clone() });
        }
    }

    /// Who the user is, where the first who joins is.
    pub fn user_is(&self, user: &UserId) {
        self.inner().now.call.user_id.get_or_insert_with(|| user.to_string());
    }

    /// The call's task is gone, however it ended.
    pub fn gone(&self) {
        let mut inner = self.inner();
        (inner.over, inner.feed) = (true, None);
        self.overview.tell(OverviewEvent::Ended { instance_id: inner.now.call.instance_id.clone() });
    }

    /// How the network between user and server is.
    pub fn network(&self, at: CallTime, network: Network) {
        self.tell(at, LiveEvent::Network(network));
    }

    /// Who supervises, and what they do.
    pub fn supervising(&self, at: CallTime, supervising: Supervising) {
        self.tell(at, LiveEvent::Supervisor(supervising));
    }

    fn tell(&self, at: CallTime, event: LiveEvent) {
        self.inner().tell(at, event);
    }
}

impl Inner {
    fn tell(&mut self, at: CallTime, event: LiveEvent) {
        self.now.take(&event);
        self.now.seq += 1;
        self.now.at_ms = at.as_millis();
        if let Some(feed) = &self.feed {
            let happening = Happening { seq: self.now.seq, at_ms: at.as_millis(), event };
            // Nobody listens any more: the next one opens another.
            if feed.send(Arc::new(happening)).is_err() {
                self.feed = None;
            }
        }
    }

    fn input(&mut self, at: CallTime, input: &Input) {
        match input {
            Input::UserJoined => self.tell(at, LiveEvent::User { present: true }),
            Input::UserLeft => self.tell(at, LiveEvent::User { present: false }),
            Input::Whisper { text } => self.tell(at, LiveEvent::Whispered { text: text.clone() }),
            Input::ToolFinished { call, result, .. } => self.tool_ends(at, call, ToolStep::Finished, Some(result)),
            Input::ToolFailed { call, error, .. } => self.tool_ends(at, call, ToolStep::Failed, Some(error)),
            Input::TakeoverStarted { .. }
            | Input::TakeoverConnected
            | Input::TakeoverEnded
            | Input::TakeoverCancelled
            | Input::TakeoverHandedBack
            | Input::HumanSaid { .. }
            | Input::SpeechStarted { .. }
            | Input::SpeechPaused { .. }
            | Input::SpeechResumed { .. }
            | Input::SpeechWasEcho { .. }
            | Input::InterimTranscript { .. }
            | Input::Transcript { .. }
            | Input::TranscriptFailed { .. }
            | Input::EndOfTurn { .. }
            | Input::Identified { .. }
            | Input::ResponseText { .. }
            | Input::ResponseToolCalls { .. }
            | Input::ResponseFinished { .. }
            | Input::ResponseFailed { .. }
            | Input::FellBack { .. }
            | Input::SegmentAudioReady { .. }
            | Input::SegmentSynthesised { .. }
            | Input::SegmentFailed { .. }
            | Input::SegmentPlayoutStarted { .. }
            | Input::SegmentPlayoutFinished { .. }
            | Input::PlayoutStopped { .. }
            | Input::Client { .. }
            | Input::Stop { .. }
            | Input::Say { .. }
            | Input::SayAudio { .. }
            | Input::ClipReady { .. }
            | Input::ClipFailed { .. }
            | Input::ConfigChanged { .. } => {}
        }
    }

    fn output(&mut self, at: CallTime, output: &Output, step: &Step) {
        match output {
            Output::RunTool { call, name, arguments, .. } => {
                let tool = Tool {
                    call: call.clone(),
                    name: name.clone(),
                    step: ToolStep::Started,
                    duration_ms: None,
                    arguments: Some(arguments.clone()),
                    result: None,
                };
                if self.tools.len() >= TOOLS {
                    self.tools.remove(0);
                }
                self.tools.push((tool.clone(), at));
                self.tell(at, LiveEvent::Tool(tool));
            }
            Output::HandOver { human, mode } => {
                let takeover = Takeover { user_id: human.to_string(), mode: (*mode).into(), connected: true };
                self.tell(at, LiveEvent::Takeover { step: TakeoverStep::Connected, takeover });
            }
            Output::Notify { notice } => self.notice(at, notice),
            Output::Record { event } => self.record(at, event, step),
            Output::End { reason } => {
                self.tell(at, LiveEvent::Ended { reason: reason.as_str() });
                self.over = true;
            }
            Output::OpenUtterance { .. }
            | Output::Transcribe { .. }
            | Output::ScoreEndOfTurn { .. }
            | Output::Identify { .. }
            | Output::LearnVoice { .. }
            | Output::ForgetVoice
            | Output::CloseUtterance { .. }
            | Output::Generate { .. }
            | Output::CancelResponse { .. }
            | Output::Synthesise { .. }
            | Output::LoadClip { .. }
            | Output::PlayClip { .. }
            | Output::ForgetClip { .. }
            | Output::StopPlayout { .. }
            | Output::Duck { .. }
            | Output::PausePlayout { .. }
            | Output::Unduck { .. }
            | Output::TakeBack => {}
        }
    }

    fn notice(&mut self, at: CallTime, notice: &Notice) {
        let subtitle = |side, text: &str, end, sentence_id| {
            LiveEvent::Subtitle(Subtitle { side, text: text.to_owned(), end, sentence_id })
        };
        match notice {
            Notice::State { state } => self.tell(at, LiveEvent::State { state: (*state).into() }),
            Notice::AgentSubtitle { text, end, sentence } => {
                self.tell(at, subtitle(Side::Agent, text, *end, sentence.0));
            }
            Notice::UserSubtitle { text, end, sentence, .. } => {
                self.tell(at, subtitle(Side::User, text, *end, sentence.0));
            }
            Notice::Latency { latency } => self.tell(at, LiveEvent::Latency(Latency::from(*latency))),
            Notice::TakeoverWillStart { human, mode } => {
                let takeover = Takeover { user_id: human.to_string(), mode: (*mode).into(), connected: false };
                let is_known = |known: &Takeover| known.user_id == takeover.user_id && known.mode == takeover.mode;
                let is_new = !self.now.call.takeover.as_ref().is_some_and(is_known);
                // A user who comes back is told again; a listener knows.
                if is_new {
                    self.tell(at, LiveEvent::Takeover { step: TakeoverStep::Waiting, takeover });
                }
            }
            Notice::Error { .. }
            | Notice::VoiceInterruptChanged { .. }
            | Notice::VoiceChanged { .. }
            | Notice::PushToTalkChanged { .. }
            | Notice::VoiceprintChanged { .. }
            | Notice::VoiceprintCleared
            | Notice::WillLeave { .. }
            | Notice::TakeoverConnected { .. }
            | Notice::TakeoverHandedBack { .. }
            | Notice::Emotion { .. }
            | Notice::Interrupted { .. }
            | Notice::ReplyCompleted { .. } => {}
        }
    }

    fn record(&mut self, at: CallTime, event: &Event, step: &Step) {
        match event {
            Event::Interrupted { reason, speech_began, .. } => {
                let after_ms = speech_began.map(|began| at.since(began).as_millis() as u64);
                self.tell(at, LiveEvent::Interrupted(Interruption { reason: (*reason).into(), after_ms }));
            }
            Event::Dialogue { role, kind, text, sentence, .. } => {
                let side = match (role, step) {
                    (Role::Assistant, Step::Input(Input::HumanSaid { .. })) if *kind == DialogueKind::Speech => {
                        Side::Human
                    }
                    // While a human is in charge there are no subtitles: this is how the user's words are known.
                    (Role::User, _) if self.now.call.takeover.is_some() => Side::User,
                    _ => return,
                };
                let line = Subtitle { side, text: text.clone(), end: true, sentence_id: sentence.0 };
                self.tell(at, LiveEvent::Subtitle(line));
            }
            Event::TakeoverCancelled { .. } => self.takeover_ends(at, TakeoverStep::Cancelled),
            Event::HandedBack { .. } => self.takeover_ends(at, TakeoverStep::HandedBack),
            Event::ProviderFailed { stage, error } => {
                self.tell(at, LiveEvent::ProviderFailed { stage: (*stage).into(), error: error.clone() });
            }
            Event::SessionStarted
            | Event::Overlap { .. }
            | Event::Resumed { .. }
            | Event::Latency { .. }
            | Event::Milestone { .. }
            | Event::FellBack { .. } => {}
        }
    }

    fn takeover_ends(&mut self, at: CallTime, step: TakeoverStep) {
        if let Some(takeover) = self.now.call.takeover.clone() {
            self.tell(at, LiveEvent::Takeover { step, takeover });
        }
    }

    fn tool_ends(&mut self, at: CallTime, call: &str, step: ToolStep, result: Option<&String>) {
        let Some(index) = self.tools.iter().position(|(tool, _)| tool.call == call) else { return };
        let (tool, began) = self.tools.remove(index);
        let duration_ms = Some(at.since(began).as_millis() as u64);
        self.tell(at, LiveEvent::Tool(Tool { step, duration_ms, result: result.cloned(), ..tool }));
    }
}

impl Snapshot {
    /// What an event changes.
    fn take(&mut self, event: &LiveEvent) {
        match event {
            LiveEvent::State { state } => self.call.state = *state,
            LiveEvent::User { present } => self.call.user_present = *present,
            LiveEvent::Subtitle(line) => self.read(line),
            LiveEvent::Interrupted(_) => self.interruptions += 1,
            LiveEvent::Latency(latency) => self.latency = Some(*latency),
            LiveEvent::Network(network) => self.network = Some(*network),
            LiveEvent::Takeover { step, takeover } => {
                self.call.takeover = match step {
                    TakeoverStep::Waiting | TakeoverStep::Connected => Some(takeover.clone()),
                    TakeoverStep::Cancelled | TakeoverStep::HandedBack => None,
                };
            }
            LiveEvent::Supervisor(supervising) => {
                self.supervisors.retain(|known| known.user_id != supervising.user_id);
                if supervising.connected {
                    self.supervisors.push(supervising.clone());
                }
            }
            LiveEvent::Ended { reason } => self.ended = Some(reason),
            LiveEvent::Tool(_) | LiveEvent::Whispered { .. } | LiveEvent::ProviderFailed { .. } => {}
        }
    }

    /// Puts a subtitle where it belongs: the agent's pieces are appended, the user's text is replaced.
    fn read(&mut self, line: &Subtitle) {
        let open = self
            .lines
            .iter_mut()
            .rev()
            .take(8)
            .find(|known| known.side == line.side && known.sentence_id == line.sentence_id && !known.end);
        match (open, line.side) {
            (Some(known), Side::Agent) => {
                known.text.push_str(&line.text);
                known.end = line.end;
            }
            (Some(known), _) => *known = line.clone(),
            (None, _) if line.text.is_empty() => {}
            (None, _) => {
                if self.lines.len() >= LINES {
                    self.lines.remove(0);
                }
                self.lines.push(line.clone());
            }
        }
    }
}

impl From<AgentState> for Agent {
    fn from(state: AgentState) -> Self {
        match state {
            AgentState::Idle => Self::Idle,
            AgentState::Listening => Self::Listening,
            AgentState::Thinking => Self::Thinking,
            AgentState::Speaking => Self::Speaking,
        }
    }
}

impl From<TakeoverMode> for event::Mode {
    fn from(mode: TakeoverMode) -> Self {
        match mode {
            TakeoverMode::AgentVoice => Self::AgentVoice,
            TakeoverMode::HumanVoice => Self::HumanVoice,
            TakeoverMode::SpeaksIn => Self::SpeaksIn,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
