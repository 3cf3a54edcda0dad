//! The agent task of one call: a short loop around the conversation.
//!
//! Flow: something happens → an input with its call time → the conversation's outputs → the step is journalled → the
//! outputs are carried out. The task holds no conversation state.

mod client_message;
mod members;
mod supervision;

use super::ambience::Backdrop;
use super::clips::Clips;
use super::clock::CallClock;
use super::ears::Ears;
use super::generation::Generation;
use super::handle::CallHandle;
use super::media::{MediaCommand, MediaCommands};
use super::mouth::{Mouth, Source, Utter};
use super::pace::Pace;
use super::sentence_records::SentenceRecords;
use super::supervision::scribe::Scribe;
use super::telling;
use super::wire::wire;
use super::writer::Writer;
use super::{CallEvent, Configured, UpdateAnswer, Who};
use crate::callbacks::Reporter;
use crate::metrics::CallMeter;
use crate::telemetry::CallTrace;
use members::Members;
use ringline_conversation::{
    Conversation, DialogueKind, Emotion, EndReason, Event, Input, JournalEntry, Message, Milestone, Notice, Output,
    Role, Setup, Step,
};
use ringline_model::{CallTime, RegistrationMode, ResponseId, SentenceId, UserId};
use ringline_protocol::callback::Happened;
use ringline_protocol::datachannel::{ByeReason, ServerMessage};
use ringline_protocol::openapi::UpdateAIAgentInstance;
use ringline_providers::{ChatContext, SpeechContext, SpeechRequest};
use ringline_store::{DialogueRecord, EventRecord, JournalRow, Producer, VoiceprintRecord};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The client's messages to the app server (1112): so many at once and then one each interval, since every one is stored and
/// POSTed. Those beside it are dropped and counted; the log says so.
const CUSTOM_AT_ONCE: u32 = 20;
const CUSTOM_EVERY: Duration = Duration::from_millis(100);

pub use supervision::Scribes;

/// A call's parts, put together.
pub struct Agent {
    pub handle: Arc<CallHandle>,
    pub setup: Setup,
    pub configured: Configured,
    pub clock: CallClock,
    /// Unix ms at call time 0.
    pub began_ms: i64,
    pub generation: Generation,
    pub media: MediaCommands,
    pub ears: Ears,
    pub mouth: Mouth,
    pub clips: Clips,
    pub backdrop: Backdrop,
    pub writer: Writer,
    pub reporter: Reporter,
    /// Tells of what was said as it sounded, if the agent wants it.
    pub sentences: Option<SentenceRecords>,
    pub user_data: Option<String>,
    pub scribes: Scribes,
    /// None: nobody wants traces.
    pub trace: Option<Box<CallTrace>>,
}

impl Agent {
    /// Runs the call to its end and stores it. It has started when this is called, not when it is first polled: whoever started it
    /// finds it in the metrics.
    pub fn run(self, inbox: mpsc::Receiver<CallEvent>) -> impl Future<Output = EndReason> + Send {
        self.run_metered(inbox, CallMeter::started())
    }

    async fn run_metered(self, mut inbox: mpsc::Receiver<CallEvent>, meter: CallMeter) -> EndReason {
        let extra_query = self.setup.config.llm.extra_query.clone();
        let began_ms = self.began_ms;
        let mut task = Task {
            conversation: Conversation::new(self.setup.clone()),
            agent: self,
            extra_query,
            asked: None,
            journal_seq: 0,
            message_seq: 0,
            dialogue_seq: 0,
            bad_messages: 0,
            custom: Pace::new(CUSTOM_AT_ONCE, CUSTOM_EVERY),
            custom_dropped: 0,
            token: None,
            scribe: None,
            members: Members::new(began_ms),
            ended: None,
            meter,
        };
        task.agent.backdrop.play(&task.agent.setup.config.ambient_sound).await;
        // The greeting is asked for before anything has happened.
        task.step(Step::Timeout).await;
        while task.ended.is_none() {
            let due = [task.conversation.poll_timeout(), task.members.deadline()].into_iter().flatten().min();
            let event = match due {
                Some(at) => {
                    let at = tokio::time::Instant::from_std(task.agent.clock.instant(at));
                    tokio::time::timeout_at(at, inbox.recv()).await
                }
                None => Ok(inbox.recv().await),
            };
            match event {
                Ok(Some(event)) => task.event(event).await,
                // Its generation holds a sender, so the channel cannot close before the call ends.
                Ok(None) => break,
                Err(_) => task.timeout().await,
            }
        }
        let reason = task.ended.unwrap_or(EndReason::ProviderFailed);
        task.finish(reason).await;
        reason
    }
}

struct Task {
    agent: Agent,
    conversation: Conversation,
    extra_query: Option<String>,
    /// The answer that was asked for last, and its question.
    asked: Option<(ResponseId, SentenceId)>,
    journal_seq: u64,
    message_seq: u64,
    dialogue_seq: u64,
    bad_messages: u64,
    /// The client's messages to the app server.
    custom: Pace,
    custom_dropped: u64,
    /// When the client's last token was made, in Unix seconds, and the token with its expiry.
    token: Option<(i64, String, i64)>,
    /// Writes down what the human in charge says.
    scribe: Option<Scribe>,
    members: Members,
    ended: Option<EndReason>,
    meter: CallMeter,
}

impl Task {
    async fn event(&mut self, event: CallEvent) {
        match event {
            CallEvent::Input(input) => self.step(Step::Input(input)).await,
            CallEvent::ClientText(text) => self.client_text(&text).await,
            CallEvent::Custom(message) => self.send(&ServerMessage::CustomMessage { message }).await,
            CallEvent::Update { request, answer } => self.update(*request, answer).await,
            CallEvent::Attach { peer, who, expires } => self.attach(peer, who, expires).await,
            CallEvent::Restart { who, offer, answer } => {
                self.media(MediaCommand::Restart { who, offer, answer }).await;
            }
            CallEvent::Renew { who, expires } => self.members.renew(who, expires),
            CallEvent::Detach { who } => self.detach(who, None).await,
            CallEvent::VoiceLearnt { recording } => self.keep_voice(recording).await,
            CallEvent::HumanJoined => self.step(Step::Input(Input::TakeoverConnected)).await,
            CallEvent::HumanLeft => self.left(Who::Human).await,
            CallEvent::HandBack { answer } => self.hand_back(answer).await,
            CallEvent::SeatConnected { seat } => self.seat_connected(seat).await,
            CallEvent::SeatLeft { seat } => self.seat_left(seat).await,
            CallEvent::Network(network) => self.agent.handle.live.network(self.agent.clock.now(), network),
            CallEvent::Joined => {
                if let Some(user) = self.agent.handle.user() {
                    self.agent.handle.live.user_is(user);
                }
                self.user_joined().await;
            }
            CallEvent::Left => self.left(Who::User).await,
        }
    }

    /// A deadline of the conversation, of a member's token, or of both.
    async fn timeout(&mut self) {
        while let Some(who) = self.members.expired(self.agent.clock.now()) {
            tracing::info!(call.id = %self.agent.handle.instance, ?who, "the token ran out and was not renewed");
            self.detach(who, Some(ByeReason::Kicked)).await;
        }
        self.step(Step::Timeout).await;
    }

    async fn step(&mut self, step: Step) {
        let now = self.agent.clock.now();
        let entry = JournalEntry::record(&mut self.conversation, now, step);
        self.journal(&entry).await;
        self.agent.handle.live.step(&entry);
        self.meter.step(&entry);
        if let Some(trace) = &mut self.agent.trace {
            trace.step(&entry);
        }
        for output in entry.outputs {
            self.carry_out(output, now).await;
        }
    }

    async fn journal(&mut self, entry: &JournalEntry) {
        let row = match (serde_json::to_string(&entry.step), serde_json::to_string(&entry.outputs)) {
            (Ok(step), Ok(outputs)) => JournalRow { seq: self.journal_seq, at_us: entry.at.as_micros(), step, outputs },
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!(call.id = %self.agent.handle.instance, %error, "a step of the conversation does not serialise");
                return;
            }
        };
        self.journal_seq += 1;
        let at_ms = self.unix_ms(entry.at);
        let happened = telling::of_step(&entry.outputs, |at| self.unix_ms(at));
        let events = happened.filter_map(|happened| self.report(&happened, at_ms)).collect();
        self.agent.writer.journal(&self.agent.handle.instance, row, events).await;
    }

    fn report(&self, happened: &Happened, at_ms: i64) -> Option<EventRecord> {
        self.agent.reporter.report(happened, self.agent.user_data.as_deref(), at_ms)
    }

    async fn carry_out(&mut self, output: Output, now: CallTime) {
        match output {
            Output::OpenUtterance { utterance, from } => self.agent.ears.open_utterance(utterance, from),
            Output::Transcribe { utterance, revision } => self.agent.ears.transcribe(utterance, revision),
            Output::ScoreEndOfTurn { utterance, revision } => self.agent.ears.score(utterance, revision),
            Output::Identify { utterance, asked } => self.agent.ears.identify(utterance, asked),
            Output::LearnVoice { utterance } => self.agent.ears.learn_voice(utterance),
            Output::ForgetVoice => self.forget_voice().await,
            Output::CloseUtterance { utterance } => self.agent.ears.close_utterance(utterance),
            Output::Generate { response, sentence, messages } => self.generate(response, sentence, messages),
            Output::RunTool { response, call, name, arguments } => {
                self.agent.generation.run_tool(response, call, name, arguments);
            }
            Output::CancelResponse { response } => {
                self.agent.generation.cancel(response);
                self.agent.mouth.cancel(response);
            }
            Output::Synthesise { response, segment, text, voice, rate, emotion } => {
                let context = self.speech_context(response, emotion);
                let source = Source::Text(SpeechRequest { text, voice, rate, context });
                self.agent.mouth.utter(Utter { response, segment, source }).await;
            }
            Output::LoadClip { clip, url } => self.agent.clips.load(clip, url),
            Output::PlayClip { response, segment, clip } => match self.agent.clips.take(clip) {
                Some(audio) => {
                    let source = Source::Clip(audio);
                    self.agent.mouth.utter(Utter { response, segment, source }).await;
                }
                None => {
                    tracing::error!(call.id = %self.agent.handle.instance, segment.id = %segment, clip.id = %clip, "a clip that is not there is to be played")
                }
            },
            Output::ForgetClip { clip } => self.agent.clips.forget(clip),
            Output::StopPlayout { response } => self.media(MediaCommand::Stop { response }).await,
            // What plays is that response: another one begins when it is over, and its level with it.
            Output::Duck { .. } => self.media(MediaCommand::Duck).await,
            Output::PausePlayout { .. } => self.media(MediaCommand::Pause).await,
            Output::Unduck { .. } => self.media(MediaCommand::Unduck).await,
            Output::HandOver { human, mode } => {
                self.human_speaks(&human).await;
                self.hand_over(&human, mode).await;
            }
            Output::TakeBack => {
                self.human_is_gone().await;
                self.take_back().await;
            }
            Output::Notify { notice } => self.notify(notice).await,
            Output::Record { event } => self.record(event, now).await,
            Output::End { reason } => self.ended = Some(reason),
        }
    }

    async fn media(&self, command: MediaCommand) {
        if self.agent.media.send(command).await.is_err() {
            tracing::error!(call.id = %self.agent.handle.instance, "the media task of the call is gone");
        }
    }

    fn generate(&mut self, response: ResponseId, sentence: SentenceId, messages: Vec<Message>) {
        self.asked = Some((response, sentence));
        let context = ChatContext {
            instance_id: self.agent.handle.instance.to_string(),
            channel_id: self.agent.handle.channel.to_string(),
            sentence_id: sentence.0,
            user_data: self.agent.user_data.clone(),
            extra_query: self.extra_query.clone(),
        };
        self.agent.generation.start(response, messages, &self.conversation.config().llm, context);
    }

    /// The sentence of a speech is that of the question it answers; 0: it answers none.
    fn speech_context(&self, response: ResponseId, emotion: Option<Emotion>) -> SpeechContext {
        let sentence = self.asked.filter(|(asked, _)| *asked == response).map_or(0, |(_, sentence)| sentence.0);
        SpeechContext {
            instance_id: self.agent.handle.instance.to_string(),
            channel_id: self.agent.handle.channel.to_string(),
            sentence_id: sentence,
            user_data: self.agent.user_data.clone(),
            emotion: emotion.map(Emotion::as_str),
        }
    }

    /// Keeps a voice that was learnt for the user's next calls.
    async fn keep_voice(&self, audio: Vec<u8>) {
        if let Some(id) = self.learnt_voice() {
            let now_ms = self.unix_ms(self.agent.clock.now());
            let (mode, created_ms, modified_ms) = (RegistrationMode::Implicit, now_ms, now_ms);
            let voiceprint = VoiceprintRecord { id, mode, audio, created_ms, modified_ms };
            self.agent.writer.voiceprint(voiceprint).await;
        }
    }

    /// What the app server has registered stays for other calls; what a call has learnt is gone.
    async fn forget_voice(&self) {
        self.agent.ears.forget_voice();
        if let Some(id) = self.learnt_voice() {
            self.agent.writer.forget_voiceprint(id, RegistrationMode::Implicit).await;
        }
    }

    /// Under which id a voice that is learnt in this call is kept.
    fn learnt_voice(&self) -> Option<String> {
        let registered = self.conversation.config().voiceprint.registered();
        registered.filter(|(_, mode)| *mode == RegistrationMode::Implicit).map(|(id, _)| id.to_owned())
    }

    async fn notify(&mut self, notice: Notice) {
        self.send(&wire(notice)).await;
    }

    /// Changes the running call. What only counts at the start (recognition language) is stored and has no effect
    /// any more.
    async fn update(&mut self, request: UpdateAIAgentInstance, answer: UpdateAnswer) {
        let config = match self.agent.configured.update(&request, self.conversation.config()) {
            Ok(config) => config,
            Err(error) => {
                if answer.send(Err(error)).is_err() {
                    tracing::debug!(call.id = %self.agent.handle.instance, "nobody waited for the update to be refused");
                }
                return;
            }
        };
        if request.user_data.is_some() {
            self.agent.user_data.clone_from(&request.user_data);
        }
        self.extra_query.clone_from(&config.llm.extra_query);
        // At most 400: the configuration has been checked.
        self.media(MediaCommand::Volume(config.volume as u16)).await;
        self.agent.backdrop.change(&self.conversation.config().ambient_sound, &config.ambient_sound).await;
        self.agent.ears.adjust(config.asr.vad_level, config.asr.hot_words.clone());
        self.step(Step::Input(Input::ConfigChanged { config: Box::new(config) })).await;
        let (at_ms, configured) = (self.unix_ms(self.agent.clock.now()), self.agent.configured.clone());
        let instance = &self.agent.handle.instance;
        self.agent.writer.updated(instance, configured, request.user_data, at_ms, answer).await;
    }

    async fn send(&mut self, message: &ServerMessage) {
        let text = self.written(message);
        self.media(MediaCommand::SendText(text)).await;
    }

    fn written(&mut self, message: &ServerMessage) -> String {
        self.message_seq += 1;
        let handle = &self.agent.handle;
        let user = handle.user().map_or("", UserId::as_str);
        message.to_json(self.message_seq, handle.agent_user.as_str(), user)
    }

    async fn record(&mut self, event: Event, now: CallTime) {
        let call = &self.agent.handle.instance;
        match event {
            Event::SessionStarted => {
                self.agent.handle.mark_joined();
                let at_ms = self.unix_ms(now);
                let event = self.report(&Happened::SessionStart, at_ms);
                let user = self.agent.handle.user().expect("whoever joined is the call's user");
                self.agent.writer.executing(call, user, at_ms, event).await;
                tracing::info!(call.id = %call, "the user joined");
            }
            Event::Dialogue { role, kind, text, sentence, begin, interrupted } => {
                self.dialogue_seq += 1;
                let dialogue = DialogueRecord {
                    id: format!("{call}-{}", self.dialogue_seq),
                    session: self.agent.handle.session.clone(),
                    instance: call.clone(),
                    round: format!("{call}-{sentence}"),
                    producer: if role == Role::User { Producer::User } else { Producer::Agent },
                    kind: match kind {
                        DialogueKind::Greeting => ringline_store::DialogueKind::Greeting,
                        DialogueKind::Normal => ringline_store::DialogueKind::Normal,
                        DialogueKind::Speech => ringline_store::DialogueKind::Speech,
                    },
                    text,
                    time_ms: self.unix_ms(begin),
                    interrupted,
                };
                let at_ms = self.unix_ms(now);
                let mut events: Vec<_> = self.report(&telling::of_dialogue(&dialogue), at_ms).into_iter().collect();
                if let Some(sentences) = &self.agent.sentences {
                    let record = sentences.of(&dialogue, sentence, begin, now, self.agent.began_ms);
                    let user_data = self.agent.user_data.as_deref();
                    events.extend(record.and_then(|record| sentences.reporter.report(&record, user_data, at_ms)));
                }
                self.agent.writer.dialogue(dialogue, events).await;
            }
            Event::Interrupted { reason, response, speech_began } => {
                let after_ms = speech_began.map(|began| now.since(began).as_millis() as u64);
                tracing::info!(call.id = %call, response.id = %response, ?reason, after_ms, "interrupted");
            }
            Event::Overlap { response, began, paused, outcome } => {
                let after_ms = |at: CallTime| at.since(began).as_millis() as u64;
                let (silent_ms, decided_ms) = (paused.map(after_ms), after_ms(now));
                tracing::info!(call.id = %call, response.id = %response, ?outcome, silent_ms, decided_ms, "spoken over");
            }
            Event::Resumed { response, of } => {
                tracing::info!(call.id = %call, response.id = %response, of = %of, "took up again what was stopped for nothing");
            }
            Event::Latency { latency } => {
                tracing::info!(call.id = %call, turn.id = %latency.sentence, total_ms = latency.total, "answered");
            }
            Event::Milestone { milestone, sentence, requested, answered } => {
                if let (Milestone::IntentRecognised, Some(sentences)) = (milestone, &mut self.agent.sentences) {
                    sentences.turn_over(sentence, answered);
                }
                let after_ms = answered.since(requested).as_millis() as u64;
                tracing::debug!(call.id = %call, turn.id = %sentence, ?milestone, after_ms, "a turn came on");
            }
            Event::TakeoverCancelled { human } => {
                tracing::info!(call.id = %call, "nobody took the call over: the agent goes on");
                self.agent.handle.release(&human);
                let goodbye = Some(self.goodbye(ByeReason::Kicked));
                self.media(MediaCommand::Detach { who: Who::Human, goodbye }).await;
            }
            Event::HandedBack { human } => {
                tracing::info!(call.id = %call, "the agent has the call back");
                self.agent.handle.release(&human);
                let goodbye = Some(self.goodbye(ByeReason::Kicked));
                self.media(MediaCommand::Detach { who: Who::Human, goodbye }).await;
            }
            Event::FellBack { stage, failed, error, next } => {
                tracing::warn!(call.id = %call, ?stage, failed, %error, next, "another provider is asked");
            }
            Event::ProviderFailed { stage, error } => {
                tracing::warn!(call.id = %call, ?stage, %error, "a provider failed");
            }
        }
    }

    fn unix_ms(&self, at: CallTime) -> i64 {
        self.agent.began_ms + at.as_millis() as i64
    }

    async fn finish(mut self, reason: EndReason) {
        self.agent.generation.close();
        self.agent.mouth.cancel(ResponseId(u64::MAX - 1));
        self.part().await;
        self.media(MediaCommand::Close).await;
        let now = self.agent.clock.now();
        let language = self.conversation.config().asr.language.as_deref();
        std::mem::take(&mut self.meter).ended(reason, now, language);
        if let Some(trace) = self.agent.trace.take() {
            trace.end(reason, now);
        }
        let at_ms = self.unix_ms(now);
        let event = self.report(&telling::of_end(reason), at_ms);
        self.agent.writer.finished(&self.agent.handle.instance, reason.as_str(), at_ms, event).await;
        tracing::info!(call.id = %self.agent.handle.instance, reason = reason.as_str(), "the call ended");
    }
}
