//! What is known of a call from its journal alone: inputs as they were taken, outputs as they were given. The rules are asked
//! with it; nothing in it comes from inside the conversation.

use crate::settings;
use ringline_conversation::{
    AgentState, ClientCommand, DialogueKind, EndReason, Event, GIVEN_BACK, Input, Message, Notice, Output, Role, Setup,
};
use ringline_model::{AgentConfig, CallTime, ClipId, ResponseId, SegmentId, SentenceId, UtteranceId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The deadlines that the conversation states (ARCHITECTURE.md, "No dead air").
pub(crate) const TEXT_WAIT: Duration = Duration::from_secs(14);
pub(crate) const SYNTHESIS_WAIT: Duration = Duration::from_secs(5);
pub(crate) const PLAYOUT_WAIT: Duration = Duration::from_secs(10);
pub(crate) const PLAYOUT_SLACK: Duration = Duration::from_secs(5);
pub(crate) const TRANSCRIPT_WAIT: Duration = Duration::from_secs(5);
pub(crate) const STOP_WAIT: Duration = Duration::from_secs(2);
pub(crate) const CLIP_WAIT: Duration = Duration::from_secs(10);

/// The clips that are played in simulations lie here.
const CLIP_URLS: &str = "https://audio.example/";

/// Messages that a conversation keeps.
const MOST_MESSAGES: usize = 128;

/// Stands behind a text of which any whole words, from the first on, may have been heard.
pub(crate) const ANY_WORDS: char = '\u{fffc}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Handed(CallTime),
    Audible(CallTime),
    Playing(CallTime),
    Played,
    Failed,
}

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub id: SegmentId,
    pub text: String,
    pub stage: Stage,
    /// When its length became known.
    pub made_at: CallTime,
    pub duration_ms: Option<u32>,
}

/// One response, from the first output that names it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub sentence: Option<SentenceId>,
    /// Text is expected; the last came, or was asked for, then.
    pub expected_since: Option<CallTime>,
    pub segments: Vec<Segment>,
    pub cancelled: bool,
    /// When it was cancelled with a stop of playout.
    pub stopped_at: Option<CallTime>,
    /// What playout said to the stop.
    pub stopped: Option<Option<(SegmentId, u32)>>,
    /// What of it the records know as heard.
    pub recorded: bool,
    /// At most a sound of it left while it was being stopped: with a word in it or not, the records may hold it.
    pub is_short: bool,
    /// A word that shows that the agent listens: no turn, shown and recorded nowhere.
    pub is_aside: bool,
    pub url: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Utterance {
    pub id: UtteranceId,
    /// The silence that runs, and when its text was asked for; none while the user speaks.
    pub pause: Option<(CallTime, CallTime)>,
    pub has_text: bool,
    pub opened: CallTime,
}

#[derive(Debug)]
pub(crate) struct Facts {
    pub now: CallTime,
    pub config: AgentConfig,
    /// The largest `OutputMinLength` so far: a response keeps the one that it began with.
    pub most_gathered: u32,
    pub joined: bool,
    pub here_since: Option<CallTime>,
    pub stopping: bool,
    pub ended: Option<EndReason>,
    pub state: AgentState,
    /// The client has asked for the state, or has come back, in this step.
    pub state_is_due: bool,
    /// The client asked before there was a state and was told that the agent listens; it may be told once more.
    pub was_told_early: bool,
    pub answers: BTreeMap<ResponseId, Answer>,
    pub newest: Option<ResponseId>,
    pub segments: BTreeMap<SegmentId, ResponseId>,
    pub stopped_up_to: Option<ResponseId>,
    pub utterance: Option<Utterance>,
    /// Clips that are loaded, or there.
    pub clips: BTreeMap<ClipId, (String, Option<u32>)>,
    pub opening_since: Option<CallTime>,
    pub takeover: bool,
    /// What a human in charge has said, if the step is that.
    pub human_said_now: Option<String>,
    /// What was whispered to the agent, all of it.
    pub whispers: Vec<String>,
    /// Fillers may be said, or an answer was taken up again: then what a response's entry holds is not worked out here, and the
    /// rules about texts are not asked.
    pub is_pieced: bool,
    /// What the model should know: the earlier turns, and what was said and heard.
    pub history: Vec<Message>,
    /// Sentences whose agent subtitle is closed.
    pub closed: BTreeSet<SentenceId>,
    pub last_question: Option<SentenceId>,
    /// The segment whose playout the step reported first.
    pub started_now: Option<SegmentId>,
    pub user_end_now: Option<SentenceId>,
    /// When a segment last ended.
    pub last_progress: CallTime,
}

impl Facts {
    pub fn new(setup: &Setup) -> Self {
        Self {
            now: CallTime::ZERO,
            config: setup.config.clone(),
            most_gathered: 0,
            joined: false,
            here_since: None,
            stopping: false,
            ended: None,
            state: AgentState::Idle,
            state_is_due: false,
            was_told_early: false,
            answers: BTreeMap::new(),
            newest: None,
            segments: BTreeMap::new(),
            stopped_up_to: None,
            utterance: None,
            clips: BTreeMap::new(),
            opening_since: None,
            takeover: false,
            human_said_now: None,
            whispers: Vec::new(),
            is_pieced: setup.config.auto_speech.llm_pending.is_some(),
            history: setup.history.clone(),
            closed: BTreeSet::new(),
            last_question: None,
            started_now: None,
            user_end_now: None,
            last_progress: CallTime::ZERO,
        }
    }

    pub fn current(&self) -> Option<(ResponseId, &Answer)> {
        let (id, answer) = self.answers.iter().rev().find(|(_, answer)| !answer.is_aside)?;
        (!self.is_over(answer)).then_some((*id, answer))
    }

    /// Cancelled, or all of it is there and has been played or given up. What missed its deadline counts as given up.
    pub fn is_over(&self, answer: &Answer) -> bool {
        answer.cancelled
            || answer.is_aside
            || answer.expected_since.is_none() && answer.segments.iter().all(|segment| self.is_settled(segment))
    }

    pub fn is_settled(&self, segment: &Segment) -> bool {
        match segment.stage {
            Stage::Played | Stage::Failed => true,
            // Earlier ones hold it up, and so does an absence; a report tells when it is given up.
            Stage::Handed(_) => false,
            Stage::Audible(at) => {
                self.here_since.is_some_and(|here| at.max(here).max(self.last_progress) + PLAYOUT_WAIT <= self.now)
            }
            Stage::Playing(at) => {
                let longest = Duration::from_millis(segment.duration_ms.unwrap_or(120_000).into());
                self.here_since
                    .is_some_and(|here| at.max(here).max(segment.made_at) + longest + PLAYOUT_SLACK <= self.now)
            }
        }
    }

    fn segment(&mut self, id: SegmentId) -> Option<&mut Segment> {
        let answer = self.answers.get_mut(self.segments.get(&id)?)?;
        answer.segments.iter_mut().find(|segment| segment.id == id)
    }

    fn answer(&mut self, id: ResponseId) -> &mut Answer {
        self.newest = self.newest.max(Some(id));
        self.answers.entry(id).or_insert_with(|| Answer {
            sentence: None,
            expected_since: None,
            segments: Vec::new(),
            cancelled: false,
            stopped_at: None,
            stopped: None,
            recorded: false,
            is_short: false,
            is_aside: false,
            url: None,
        })
    }

    /// A step begins: its time, and what happened.
    pub fn take(&mut self, at: CallTime, input: Option<&Input>) {
        self.now = at;
        self.is_pieced |= self.config.auto_speech.llm_pending.is_some();
        self.most_gathered = self.most_gathered.max(self.config.llm.output_min_length);
        (self.state_is_due, self.started_now, self.user_end_now) = (false, None, None);
        self.human_said_now = None;
        let Some(input) = input else { return };
        match input {
            Input::UserJoined => {
                self.state_is_due = self.joined;
                self.joined = true;
                self.here_since.get_or_insert(at);
            }
            Input::UserLeft => {
                self.here_since = None;
                self.pause(at);
            }
            Input::SpeechStarted { .. } | Input::SpeechResumed { .. } => {
                if let Some(utterance) = self.utterance.as_mut().filter(|_| self.here_since.is_some()) {
                    (utterance.pause, utterance.has_text) = (None, false);
                }
            }
            // With the button held a pause decides nothing: the user has the floor until it is let go.
            Input::SpeechPaused { at } | Input::SpeechWasEcho { at } if !self.config.push_to_talk => self.pause(*at),
            Input::SpeechPaused { .. } | Input::SpeechWasEcho { .. } => {}
            Input::Transcript { utterance, .. } | Input::TranscriptFailed { utterance, .. } => {
                if let Some(open) = self.utterance.as_mut().filter(|open| open.id == *utterance && open.pause.is_some())
                {
                    open.has_text = true;
                }
            }
            Input::ResponseText { response, text } => {
                if let Some(since) = self.answers.get_mut(response).and_then(|answer| answer.expected_since.as_mut())
                    && !text.is_empty()
                {
                    *since = at;
                }
            }
            Input::ResponseFinished { response } | Input::ResponseFailed { response, .. } => {
                if let Some(answer) = self.answers.get_mut(response) {
                    answer.expected_since = None;
                }
            }
            Input::SegmentAudioReady { segment } => self.audible(*segment, None),
            Input::SegmentSynthesised { segment, duration_ms } => self.audible(*segment, Some(*duration_ms)),
            Input::SegmentFailed { segment, .. } => {
                if let Some(segment) = self.segment(*segment)
                    && let Stage::Handed(_) = segment.stage
                {
                    segment.stage = Stage::Failed;
                }
            }
            Input::SegmentPlayoutStarted { segment } => self.starts(*segment),
            Input::SegmentPlayoutFinished { segment } => {
                self.last_progress = at;
                let Some(segment) = self.segment(*segment) else { return };
                // The end without a beginning is that of what never had a sound.
                let had_sound = matches!(segment.stage, Stage::Playing(_) | Stage::Played);
                segment.stage = if had_sound { Stage::Played } else { Stage::Failed };
            }
            Input::PlayoutStopped { response, segment, played_ms } => {
                if let Some(answer) = self.answers.get_mut(response) {
                    answer.stopped = Some(segment.map(|segment| (segment, *played_ms)));
                }
            }
            // What its tools have found is in the history, too.
            Input::ResponseToolCalls { .. } => self.is_pieced = true,
            Input::Stop { .. } => self.stopping = true,
            Input::Client { command } => {
                self.stopping |= *command == ClientCommand::StopAgent;
                self.state_is_due |= *command == ClientCommand::QueryState;
            }
            Input::TakeoverStarted { .. } => self.takeover = true,
            Input::HumanSaid { text, .. } => self.human_said_now = Some(text.clone()),
            Input::Whisper { text } => self.whispers.push(text.clone()),
            Input::ClipReady { clip, duration_ms } => {
                if let Some((_, length)) = self.clips.get_mut(clip) {
                    *length = Some(*duration_ms);
                }
                self.opening_since = None;
            }
            Input::ClipFailed { clip, .. } => {
                self.clips.remove(clip);
                self.opening_since = None;
            }
            Input::InterimTranscript { .. }
            | Input::FellBack { .. }
            | Input::ToolFinished { .. }
            | Input::ToolFailed { .. }
            | Input::EndOfTurn { .. }
            | Input::Identified { .. }
            | Input::Say { .. }
            | Input::SayAudio { .. }
            | Input::TakeoverConnected
            | Input::TakeoverEnded
            | Input::TakeoverCancelled
            | Input::TakeoverHandedBack
            | Input::ConfigChanged { .. } => {}
        }
    }

    fn pause(&mut self, at: CallTime) {
        let now = self.now;
        if let Some(utterance) = self.utterance.as_mut().filter(|utterance| utterance.pause.is_none()) {
            utterance.pause = Some((at, now));
        }
    }

    fn audible(&mut self, id: SegmentId, length: Option<u32>) {
        let now = self.now;
        let Some(segment) = self.segment(id) else { return };
        if let Stage::Handed(_) = segment.stage {
            segment.stage = Stage::Audible(now);
        }
        if length.is_some() {
            (segment.duration_ms, segment.made_at) = (length, now);
        }
    }

    fn starts(&mut self, id: SegmentId) {
        let now = self.now;
        let Some(segment) = self.segment(id) else { return };
        // One that was given up may come after all.
        if let Stage::Handed(_) | Stage::Audible(_) | Stage::Failed = segment.stage {
            segment.stage = Stage::Playing(now);
            self.started_now = Some(id);
        }
    }

    /// An output that no rule objected to.
    pub fn give(&mut self, output: &Output) {
        let now = self.now;
        match output {
            Output::OpenUtterance { utterance, .. } => {
                self.utterance = Some(Utterance { id: *utterance, pause: None, has_text: false, opened: now });
            }
            Output::CloseUtterance { .. } => self.utterance = None,
            Output::Transcribe { .. } => {
                if let Some(utterance) = &mut self.utterance {
                    utterance.pause = Some((utterance.pause.map_or(now, |(from, _)| from), now));
                }
            }
            Output::ScoreEndOfTurn { .. }
            | Output::Identify { .. }
            | Output::LearnVoice { .. }
            | Output::ForgetVoice
            | Output::Duck { .. }
            | Output::PausePlayout { .. }
            | Output::Unduck { .. }
            | Output::HandOver { .. }
            | Output::TakeBack => {}
            // More text comes when it is over.
            Output::RunTool { response, .. } => self.answer(*response).expected_since = Some(now),
            Output::Generate { response, sentence, .. } => {
                self.last_question = Some(*sentence);
                let answer = self.answer(*response);
                (answer.sentence, answer.expected_since) = (Some(*sentence), Some(now));
            }
            Output::CancelResponse { response } => self.answer(*response).cancelled = true,
            Output::Synthesise { response, segment, text, .. } => {
                self.hand_over(*response, *segment, text.clone(), None);
            }
            Output::LoadClip { clip, url } => {
                if self.now == CallTime::ZERO && self.config.pre_connect_audio_url.is_some() {
                    self.opening_since = Some(now);
                }
                self.clips.insert(*clip, (url.clone(), None));
            }
            Output::PlayClip { response, segment, clip } => {
                let (url, length) = self.clips.remove(clip).unwrap_or_default();
                self.hand_over(*response, *segment, String::new(), Some(url));
                if let Some(segment) = self.segment(*segment) {
                    segment.duration_ms = length;
                }
            }
            Output::ForgetClip { clip } => {
                self.clips.remove(clip);
                self.opening_since = None;
            }
            Output::StopPlayout { response } => {
                self.stopped_up_to = self.stopped_up_to.max(Some(*response));
                let answer = self.answer(*response);
                answer.stopped_at = Some(now);
                let begun = |segment: &Segment| matches!(segment.stage, Stage::Playing(_) | Stage::Played);
                answer.is_short = !answer.segments.iter().any(begun);
            }
            Output::Notify { notice } => self.notified(notice),
            Output::Record { event } => self.recorded(event),
            Output::End { reason } => self.ended = Some(*reason),
        }
    }

    fn hand_over(&mut self, response: ResponseId, id: SegmentId, text: String, url: Option<String>) {
        let now = self.now;
        self.segments.insert(id, response);
        let is_clip = url.is_some();
        let stage = if is_clip { Stage::Audible(now) } else { Stage::Handed(now) };
        let is_new = !self.answers.contains_key(&response);
        let listens = self.config.back_channels.iter().flat_map(|entry| &entry.words).any(|word| word.text == text);
        let is_aside = is_new && listens && self.utterance.is_some();
        // What is said as the rules for pronunciation have it is shown and recorded as it is written.
        let text = text.replace(settings::PRONOUNCED, settings::WRITTEN);
        let answer = self.answer(response);
        answer.is_aside |= is_aside;
        answer.url = answer.url.take().or(url.filter(|url| url != settings::OPENING_URL));
        answer.segments.push(Segment { id, text, stage, made_at: now, duration_ms: None });
    }

    fn notified(&mut self, notice: &Notice) {
        if let Notice::State { state } = notice {
            self.was_told_early = self.state_is_due && (self.was_told_early || self.state == AgentState::Idle);
            self.state = *state;
        } else if let Notice::AgentSubtitle { end, sentence, .. } = notice {
            if *end {
                self.closed.insert(*sentence);
            }
            let shown = self.started_now.and_then(|id| self.segments.get(&id).copied());
            if let Some(answer) = shown.and_then(|id| self.answers.get_mut(&id)) {
                // A filler has a sentence of its own.
                self.is_pieced |= *answer.sentence.get_or_insert(*sentence) != *sentence;
            }
        } else if let Notice::UserSubtitle { end: true, sentence, .. } = notice {
            self.user_end_now = Some(*sentence);
        }
    }

    fn remember(&mut self, message: Message) {
        self.history.push(message);
        let surplus = self.history.len().saturating_sub(MOST_MESSAGES);
        self.history.drain(..surplus);
    }

    fn recorded(&mut self, event: &Event) {
        if let Event::Dialogue { role, kind, text, interrupted, sentence, .. } = event {
            let told = self.told_of(*sentence, text).filter(|_| *role == Role::Assistant);
            if let Some(answer) = told.and_then(|id| self.answers.get_mut(&id)) {
                answer.recorded = true;
            }
            if *kind == DialogueKind::Speech && text.starts_with(CLIP_URLS) {
                return;
            }
            let marked = *role == Role::Assistant && *interrupted && self.config.llm.history_sync_with_tts;
            let mark = if marked { "<ims_agent_interrupted>" } else { "" };
            self.remember(Message::new(*role, format!("{text}{mark}")));
        } else if let Event::ProviderFailed { stage: ringline_conversation::Stage::Synthesis, error } = event {
            if error.contains("no audio in time") {
                self.give_up();
            }
        } else if let Event::Resumed { .. } = event {
            self.is_pieced = true;
        } else if let Event::TakeoverCancelled { .. } = event {
            self.takeover = false;
        } else if let Event::HandedBack { .. } = event {
            self.takeover = false;
            self.remember(Message::new(Role::System, GIVEN_BACK));
        }
    }

    /// Synthesis is reported to hang: all that has no audio is given up.
    fn give_up(&mut self) {
        let Some(answer) = self.newest.and_then(|id| self.answers.get_mut(&id)) else { return };
        let waiting = answer.segments.iter_mut().filter(|segment| matches!(segment.stage, Stage::Handed(_)));
        waiting.for_each(|segment| segment.stage = Stage::Failed);
    }

    /// The responses of which something was heard that the records don't know yet, with what it was, oldest first.
    pub fn unrecorded(&self) -> impl Iterator<Item = (ResponseId, &Answer, String)> {
        let open = self.answers.iter().filter(|(_, answer)| !answer.recorded && !answer.is_aside);
        open.map(|(id, answer)| (*id, answer, self.heard(answer))).filter(|(.., heard)| !heard.is_empty())
    }

    /// The response that an entry of this sentence is about, if that is what was heard of it. What showed no text has no
    /// sentence that is known.
    pub fn told_of(&self, sentence: SentenceId, text: &str) -> Option<ResponseId> {
        let is_it = |answer: &Answer| answer.sentence.is_none_or(|own| own == sentence);
        let all = || self.unrecorded().filter(|(_, answer, heard)| is_it(answer) && is_heard(text, heard));
        all().find(|(_, answer, _)| !answer.is_short).or_else(|| all().next()).map(|(id, ..)| id)
    }

    /// What was heard of a response, by what playout has reported so far.
    pub fn heard(&self, answer: &Answer) -> String {
        if let Some(url) = answer.url.as_ref().filter(|_| answer.segments.len() == 1) {
            let begun = matches!(answer.segments[0].stage, Stage::Playing(_) | Stage::Played);
            return if begun { url.clone() } else { String::new() };
        }
        let mut all: Vec<String> = Vec::new();
        for segment in &answer.segments {
            let stopped = answer.stopped.flatten().filter(|(id, _)| *id == segment.id);
            match (stopped, segment.stage) {
                (_, Stage::Played) => all.push(segment.text.clone()),
                (Some((_, ms)), _) => all.push(words_within(&segment.text, ms, segment.duration_ms)),
                (None, Stage::Playing(_)) if self.is_settled(segment) => all.push(segment.text.clone()),
                (None, Stage::Playing(_) | Stage::Handed(_) | Stage::Audible(_) | Stage::Failed) => {}
            }
        }
        all.retain(|text| !text.is_empty());
        all.join(" ")
    }
}

/// The words that are over within the first `ms` of a segment, text and time taken as proportional. Where the length is not
/// known to anybody, what the text itself suggests: [`ANY_WORDS`].
fn words_within(text: &str, ms: u32, length: Option<u32>) -> String {
    let Some(length) = length else { return format!("{text}{ANY_WORDS}") };
    let chars: Vec<char> = text.chars().collect();
    let heard = match length {
        0 => chars.len(),
        length => (chars.len() as u64 * u64::from(ms) / u64::from(length)).min(chars.len() as u64) as usize,
    };
    let is_boundary = |at: usize| {
        at == chars.len() || chars[at].is_whitespace() || is_cjk(chars[at]) || (at > 0 && is_cjk(chars[at - 1]))
    };
    let end = (0..=heard).rev().find(|at| is_boundary(*at)).unwrap_or(0);
    chars[..end].iter().collect::<String>().trim_end().to_owned()
}

/// Whether `text` is what was heard; white space between segments doesn't count.
fn is_heard(text: &str, heard: &str) -> bool {
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    match heard.split_once(ANY_WORDS) {
        Some((most, _)) => bare(most).starts_with(&bare(text)),
        None => bare(text) == bare(heard),
    }
}

/// Scripts written without spaces.
fn is_cjk(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xAC00..=0xD7AF | 0xF900..=0xFAFF)
}
