//! The conversation itself: what it is made of, the one match on what happens, and its deadlines.

use crate::{
    AgentState, DialogueKind, EndReason, Event, Input, Message, Notice, Output, Setup, TakeoverMode,
    back_channelling::BackChannels,
    barge_in::{BargeIn, Overlap},
    chance::Chance,
    clips::LoadedClip,
    clips::Opening,
    endpointing::Endpointing,
    history::History,
    idle::Idle,
    ids::Ids,
    interruption::Cut,
    outbox::Outbox,
    pending::Pending,
    presence::Presence,
    response::Response,
    resumption::Unfinished,
    says::Says,
    speculation::Guess,
    takeover::Takeover,
    user_turn::UserTurn,
    voiceprint::Voices,
    whispers::Whispers,
};
use ringline_model::{AgentConfig, CallTime, ResponseId, SentenceId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// No step yet; the greeting has not been asked for.
    New,
    Running,
    /// The end is decided; the segment that plays may finish until then.
    Stopping {
        reason: EndReason,
        until: CallTime,
    },
    Ended,
}

#[derive(Debug)]
pub struct Conversation {
    pub(crate) config: AgentConfig,
    pub(crate) outbox: Outbox,
    pub(crate) now: CallTime,
    pub(crate) life: Life,
    pub(crate) state: AgentState,
    pub(crate) presence: Presence,
    pub(crate) user: UserTurn,
    pub(crate) voices: Voices,
    /// The agent's turn: being made or spoken.
    pub(crate) response: Option<Response>,
    /// An interrupted response of which it is not yet known how far it was heard. No other begins meanwhile.
    pub(crate) cut: Option<Cut>,
    /// The user speaks over the agent, and what that means is open.
    pub(crate) overlap: Option<Overlap>,
    /// What was not said of an answer that speech stopped, until it is known whether the speech was meant.
    pub(crate) unfinished: Option<Unfinished>,
    /// An answer to what may be the whole question.
    pub(crate) guess: Option<Guess>,
    pub(crate) says: Says,
    /// The audio before the greeting while it is being loaded; nothing else begins meanwhile.
    pub(crate) opening: Option<Opening>,
    /// A human is in charge, or on the way.
    pub(crate) takeover: Option<Takeover>,
    /// How the human who is in charge, or was last, is heard: their last words come late.
    pub(crate) human_mode: Option<TakeoverMode>,
    pub(crate) whispers: Whispers,
    pub(crate) history: History,
    pub(crate) ids: Ids,
    pub(crate) chance: Chance,
    pub(crate) idle: Idle,
    pub(crate) pending: Pending,
    pub(crate) back_channels: BackChannels,
    /// Generations that failed in a row.
    pub(crate) failures: u32,
    /// Responses in a row of which nothing could be spoken.
    pub(crate) unheard: u32,
    /// Utterances in a row that could not be recognised.
    pub(crate) unrecognised: u32,
}

impl Conversation {
    /// A conversation at call time zero. It asks for nothing before its first step.
    pub fn new(setup: Setup) -> Self {
        Self {
            config: setup.config,
            outbox: Outbox::default(),
            now: CallTime::ZERO,
            life: Life::New,
            state: AgentState::Idle,
            presence: Presence::default(),
            user: UserTurn::default(),
            voices: Voices::default(),
            response: None,
            cut: None,
            overlap: None,
            unfinished: None,
            guess: None,
            says: Says::default(),
            opening: None,
            takeover: None,
            human_mode: None,
            whispers: Whispers::default(),
            history: History::new(setup.history),
            ids: Ids::new(),
            chance: Chance::new(setup.seed),
            idle: Idle::default(),
            pending: Pending::default(),
            back_channels: BackChannels::default(),
            failures: 0,
            unheard: 0,
            unrecognised: 0,
        }
    }

    /// Something happened at `now`. What is due by then is done, too. Nothing happens after [`Output::End`].
    pub fn handle_input(&mut self, input: Input, now: CallTime) {
        self.advance_to(now);
        if Self::outdates_guess(&input) {
            self.drop_guess();
        }
        match input {
            Input::UserJoined => self.on_user_joined(),
            Input::UserLeft => self.on_user_left(),
            Input::SpeechStarted { at } => self.on_speech(at),
            Input::SpeechPaused { at } => self.on_speech_paused(at),
            Input::SpeechResumed { at } => self.on_speech(at),
            Input::SpeechWasEcho { at } => self.on_echo(at),
            Input::InterimTranscript { utterance, text } => self.on_interim(utterance, &text),
            Input::Transcript { utterance, revision, text } => self.on_transcript(utterance, revision, &text),
            Input::TranscriptFailed { utterance, revision, error } => {
                self.on_transcript_failed(utterance, revision, error);
            }
            Input::EndOfTurn { utterance, revision, probability } => {
                self.on_end_of_turn(utterance, revision, probability);
            }
            Input::Identified { utterance, asked, speaker } => self.on_speaker(utterance, asked, speaker),
            Input::ResponseText { response, text } => self.on_response_text(response, &text),
            Input::ResponseToolCalls { response, calls } => self.on_tool_calls(response, calls),
            Input::ResponseFinished { response } => self.on_response_finished(response),
            Input::ResponseFailed { response, error } => self.on_response_failed(response, error),
            Input::FellBack { stage, failed, error, next } => {
                self.outbox.record(Event::FellBack { stage, failed, error, next });
            }
            Input::ToolFinished { response, call, result } => self.on_tool_finished(response, &call, &result),
            Input::ToolFailed { response, call, error } => self.on_tool_failed(response, &call, error),
            Input::SegmentAudioReady { segment } => self.on_audio_ready(segment),
            Input::SegmentSynthesised { segment, duration_ms } => self.on_synthesised(segment, duration_ms),
            Input::SegmentFailed { segment, error } => {
                self.end_back_channel(segment);
                self.on_segment_failed(segment, error);
            }
            Input::SegmentPlayoutStarted { segment } => self.on_playout_started(segment),
            Input::SegmentPlayoutFinished { segment } => {
                self.end_back_channel(segment);
                self.on_playout_finished(segment);
            }
            Input::PlayoutStopped { response, segment, played_ms } => {
                self.on_playout_stopped(response, segment.map(|segment| (segment, played_ms)));
            }
            Input::Client { command } => self.on_client_command(command),
            Input::Stop { cause } => self.on_stop(cause),
            Input::Say { text, interrupt } => self.on_say(&text, interrupt),
            Input::SayAudio { url, interrupt } => self.on_say_audio(url, interrupt),
            Input::ClipReady { clip, duration_ms } => self.on_clip_ready(clip, duration_ms),
            Input::ClipFailed { clip, error } => self.on_clip_failed(clip, error),
            Input::TakeoverStarted { human, mode } => self.on_takeover_started(human, mode),
            Input::TakeoverConnected => self.on_takeover_connected(),
            Input::TakeoverEnded => self.on_takeover_ended(),
            Input::TakeoverCancelled => self.on_takeover_cancelled(),
            Input::TakeoverHandedBack => self.on_handed_back(),
            Input::HumanSaid { text, began } => self.on_human_said(&text, began),
            Input::Whisper { text } => self.whispers.add(&text),
            Input::ConfigChanged { config } => self.on_config_changed(*config),
        }
        self.do_what_is_due();
    }

    /// Does what is due at `now`; afterwards the next deadline is later than `now`.
    pub fn handle_timeout(&mut self, now: CallTime) {
        self.advance_to(now);
        self.do_what_is_due();
    }

    /// The next thing the edge is to do. Drain it after every step.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// When to call [`Self::handle_timeout`] at the latest; none once the conversation is over.
    pub fn poll_timeout(&self) -> Option<CallTime> {
        match self.life {
            Life::New => return Some(CallTime::ZERO),
            Life::Ended => return None,
            Life::Running | Life::Stopping { .. } => {}
        }
        let stopping = match self.life {
            Life::Stopping { until, .. } => Some(until),
            _ => None,
        };
        let presence = self.presence.deadline(&self.config, self.is_quiet()).map(|(at, _)| at);
        let user = self.user.deadline(&Endpointing::new(&self.config));
        let cut = self.cut.as_ref().map(|cut| cut.until);
        let response = self.response.as_ref().and_then(|response| response.deadline(self.presence.here_since()));
        let clip = self.clip_deadline().map(|(at, _)| at);
        let takeover = self.takeover.as_ref().map(Takeover::deadline);
        let idle = self.idle_deadline();
        let overlap = self.overlap.as_ref().map(|overlap| overlap.deadline(&BargeIn::new(&self.config)));
        let pending = self.pending_deadline();
        let back_channel = self.back_channels.deadline();
        [overlap, pending, idle, back_channel, stopping, presence, user, cut, response, clip, takeover]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn state(&self) -> AgentState {
        self.state
    }

    /// What is in force, with what the client has changed.
    pub fn config(&self) -> &AgentConfig {
        &self.config
    }

    /// The turns so far, oldest first: what the user asked and what was heard of the answers.
    pub fn history(&self) -> &[Message] {
        self.history.messages()
    }

    /// What changes what would be said makes a guess worthless.
    fn outdates_guess(input: &Input) -> bool {
        matches!(
            input,
            Input::UserLeft
                | Input::Client { .. }
                | Input::Stop { .. }
                | Input::Say { .. }
                | Input::SayAudio { .. }
                | Input::TakeoverStarted { .. }
                | Input::Whisper { .. }
                | Input::ConfigChanged { .. }
        )
    }

    fn advance_to(&mut self, now: CallTime) {
        self.now = self.now.max(now);
        if self.life == Life::New {
            self.life = Life::Running;
            self.open();
        }
    }

    /// Begins with what the configuration has said first; response 0 is kept for it.
    fn open(&mut self) {
        let id = self.ids.response();
        match self.config.pre_connect_audio_url.clone() {
            Some(url) => self.load_opening(id, url),
            None => self.greet(id, None),
        }
    }

    /// Has the greeting made, behind the audio that comes before it.
    pub(crate) fn greet(&mut self, id: ResponseId, lead: Option<LoadedClip>) {
        let greeting = self.aloud(self.config.greeting.as_deref().unwrap_or_default());
        let greeting = Response::spoken(id, SentenceId(0), DialogueKind::Greeting, &greeting).led_by(lead);
        if greeting.is_mute() {
            self.set_state(AgentState::Listening);
            return self.begin_next();
        }
        self.begin(greeting);
    }

    /// The greeting was changed before anybody could hear it: it is made again. Behind audio from a URL the one that was made
    /// stays; while that audio is being loaded there is none yet.
    pub(crate) fn greet_anew(&mut self) {
        let is_greeting = |response: &Response| response.kind == DialogueKind::Greeting;
        if self.presence.has_joined()
            || self.opening.is_some()
            || self.config.pre_connect_audio_url.is_some()
            || !self.response.as_ref().is_none_or(is_greeting)
        {
            return;
        }
        if let Some(unheard) = self.response.take() {
            self.cancel(&unheard);
        }
        let id = self.ids.response();
        self.greet(id, None);
    }

    fn do_what_is_due(&mut self) {
        while self.life != Life::Ended && self.do_next_due() {}
    }

    /// Does one thing that is due, the oldest kind of decision first. Returns whether there was one.
    fn do_next_due(&mut self) -> bool {
        let now = self.now;
        if let Life::Stopping { reason, until } = self.life
            && until <= now
        {
            self.end(reason);
            return true;
        }
        let overlap = self.overlap.as_ref();
        if let Some(due) = overlap.and_then(|overlap| overlap.due(now, &BargeIn::new(&self.config))) {
            self.on_overlap_due(due);
            return true;
        }
        if let Some(due) = self.user.due(now, &Endpointing::new(&self.config)) {
            self.on_user_due(due);
            return true;
        }
        if self.cut.as_ref().is_some_and(|cut| cut.until <= now) {
            self.settle_cut(None);
            return true;
        }
        if let Some(due) = self.response.as_ref().and_then(|response| response.due(now, self.presence.here_since())) {
            self.on_response_due(due);
            return true;
        }
        if self.pending_deadline().is_some_and(|at| at <= now) {
            self.on_pending();
            return true;
        }
        if let Some((at, clip)) = self.clip_deadline()
            && at <= now
        {
            self.on_clip_late(clip);
            return true;
        }
        if self.takeover.as_ref().is_some_and(|takeover| takeover.deadline() <= now) {
            self.on_takeover_due();
            return true;
        }
        if self.back_channels.deadline().is_some_and(|at| at <= now) {
            self.hush_back_channel();
            return true;
        }
        let leaving = self.presence.deadline(&self.config, self.is_quiet());
        if self.idle_deadline().is_some_and(|at| at <= now && leaving.is_none_or(|(leaves, _)| at < leaves)) {
            self.on_user_idle();
            return true;
        }
        match leaving {
            Some((at, reason)) if at <= now => {
                self.leave(reason);
                true
            }
            _ => false,
        }
    }

    /// Neither side is in the middle of something.
    pub(crate) fn is_quiet(&self) -> bool {
        self.user.is_quiet() && self.response.is_none() && self.cut.is_none() && self.takeover.is_none()
    }

    /// The end is near or past: nothing new begins.
    pub(crate) fn is_leaving(&self) -> bool {
        matches!(self.life, Life::Stopping { .. } | Life::Ended)
    }

    /// Tells the client when the state changes. Before the user has joined, the agent isn't listening.
    pub(crate) fn set_state(&mut self, state: AgentState) {
        let unheard = state == AgentState::Listening && !self.presence.has_joined();
        if state == self.state || unheard || self.life == Life::Ended {
            return;
        }
        self.state = state;
        self.outbox.notify(Notice::State { state });
    }
}
