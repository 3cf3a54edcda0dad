//! Who is on the line: starts calls, lets users in, and finds running calls again.

use super::agent::{Agent, Scribes};
use super::ambience::{Backdrop, Sounds};
use super::clips::ClipLoader;
use super::clock::CallClock;
use super::ears::{EarPool, Senses};
use super::generation::Generation;
use super::handle::CallHandle;
use super::live::event::{Agent as AgentNow, CallSummary, Snapshot};
use super::live::{Live, Overview};
use super::media::{Lateness, Listener, Media, MediaCommand, MediaLoad};
use super::mouth::Mouth;
use super::recorder::Recorder;
use super::sentence_records::SentenceRecords;
use super::supervision::{SeatError, SupervisionConfig, Supervisors, seat};
use super::writer::Writer;
use super::{CALL_EVENTS, CallEvent, Configured, Who};
use crate::callbacks::Reporter;
use crate::ice::IceServers;
use crate::mcp::CallTools;
use crate::metrics::{Node, ProviderMeter};
use crate::providers::{Lists, Providers};
use crate::telemetry::{CallTrace, Traces};
use ringline_conversation::{Setup, StopCause};
use ringline_model::{AgentConfig, AgentId, AmbientSound, ChannelId, InstanceId, RtcApp, SessionId, UserId};
use ringline_protocol::supervisor::SupervisorToken;
use ringline_protocol::token::ChannelToken;
use ringline_providers::RecognitionParams;
use ringline_rtc::{Hub, RtcError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument as _;

/// How long a join may wait for the call's tasks.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct CallsConfig {
    pub max_calls: usize,
    pub clips: ClipLoader,
    pub sounds: Sounds,
    pub supervision: SupervisionConfig,
    pub traces: Traces,
    /// What clients are told besides our own candidates.
    pub ice_servers: IceServers,
}

/// Everything a new call needs. Ids and times come from the door.
pub struct NewCall {
    pub instance: InstanceId,
    pub agent: AgentId,
    pub channel: ChannelId,
    /// None: the first who joins.
    pub user: Option<UserId>,
    pub agent_user: UserId,
    pub session: SessionId,
    pub user_data: Option<String>,
    pub setup: Setup,
    pub configured: Configured,
    pub reporter: Reporter,
    pub sentences: Option<SentenceRecords>,
    /// What tokens of this call are made with.
    pub rtc_app: RtcApp,
    /// Where clients of this call connect.
    pub rtc_url: String,
    /// The agent's own; none: the server's.
    pub providers: Option<Arc<Lists>>,
    /// The agent's tool servers.
    pub tools: Option<Arc<CallTools>>,
    /// What `AmbientSoundConfig` can name.
    pub ambient_sounds: Vec<AmbientSound>,
    /// Whether both sides are recorded.
    pub recorded: bool,
    /// A recording of the voice that is registered for the call: 16 kHz, 16-bit little-endian.
    pub voiceprint: Option<Vec<u8>>,
    pub created_ms: i64,
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configured number of concurrent calls is running")]
    Full,
    #[error("the server is shutting down")]
    Draining,
    #[error("an agent is on this channel already")]
    ChannelBusy,
    #[error("the call's media could not be set up")]
    Media(#[from] ringline_audio::AudioError),
}

impl StartError {
    /// As the metrics name it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
            Self::ChannelBusy => "channel_busy",
            Self::Media(_) => "media",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("there is no call on this channel")]
    NoCall,
    #[error("the call has ended")]
    Finished,
    #[error("this user has no part in the call")]
    WrongUser,
    #[error("the server is too busy for another call; try again in a moment")]
    Busy,
    #[error(transparent)]
    Rtc(#[from] RtcError),
    #[error("{0}")]
    Restart(String),
    #[error(transparent)]
    Seat(#[from] SeatError),
    #[error("a supervisor offers two audio lines: one both ways, and one to receive on")]
    OneLine,
}

#[derive(Default)]
struct Running {
    by_instance: HashMap<InstanceId, Arc<CallHandle>>,
    by_channel: HashMap<ChannelId, Arc<CallHandle>>,
}

/// All running calls of this process.
pub struct Calls {
    pub hub: Hub,
    config: CallsConfig,
    providers: Arc<Providers>,
    recorder: Arc<Recorder>,
    writer: Writer,
    ears: Arc<EarPool>,
    media_runtime: tokio::runtime::Handle,
    /// All calls, for whoever watches.
    pub overview: Arc<Overview>,
    load: Arc<MediaLoad>,
    overloaded: Arc<AtomicBool>,
    draining: AtomicBool,
    running: Arc<RwLock<Running>>,
}

impl Calls {
    pub fn new(
        hub: Hub,
        config: CallsConfig,
        providers: Arc<Providers>,
        recorder: Arc<Recorder>,
        writer: Writer,
        ears: EarPool,
        media_runtime: tokio::runtime::Handle,
    ) -> Self {
        let load = Arc::new(MediaLoad::default());
        let overloaded = Arc::new(AtomicBool::new(false));
        let (window, flag) = (load.clone(), overloaded.clone());
        tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_secs(5));
            loop {
                every.tick().await;
                let now = window.overloaded();
                if now && !flag.load(Ordering::Relaxed) {
                    tracing::warn!("media ticks come late: new joins are refused until they are on time again");
                }
                flag.store(now, Ordering::Relaxed);
            }
        });
        let running = Arc::default();
        Self {
            hub,
            config,
            providers,
            recorder,
            writer,
            ears: Arc::new(ears),
            media_runtime,
            overview: Arc::default(),
            load,
            overloaded,
            draining: AtomicBool::new(false),
            running,
        }
    }

    pub fn get(&self, instance: &InstanceId) -> Option<Arc<CallHandle>> {
        self.running.read().ok()?.by_instance.get(instance).cloned()
    }

    pub fn on_channel(&self, channel: &ChannelId) -> Option<Arc<CallHandle>> {
        self.running.read().ok()?.by_channel.get(channel).cloned()
    }

    /// How many calls there are, and how many of them the user has joined.
    pub fn counts(&self) -> (usize, usize) {
        self.running.read().map_or((0, 0), |running| {
            let joined = running.by_instance.values().filter(|call| call.has_joined()).count();
            (running.by_instance.len(), joined)
        })
    }

    pub fn count(&self) -> usize {
        self.running.read().map_or(0, |running| running.by_instance.len())
    }

    pub fn ice_servers(&self) -> &IceServers {
        &self.config.ice_servers
    }

    /// Calls at once.
    pub fn limit(&self) -> usize {
        self.config.max_calls
    }

    /// How late media ticks came lately.
    pub fn lateness(&self) -> Lateness {
        self.load.last_window()
    }

    /// Too many ticks came too late: nobody is let in for the moment.
    pub fn is_overloaded(&self) -> bool {
        self.overloaded.load(Ordering::Relaxed)
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether a call may start on this channel; the door asks before it stores anything.
    pub fn admit(&self, channel: &ChannelId) -> Result<(), StartError> {
        self.running.read().map_or(Err(StartError::Draining), |running| self.room(&running, channel))
    }

    fn room(&self, running: &Running, channel: &ChannelId) -> Result<(), StartError> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(StartError::Draining);
        }
        if running.by_channel.contains_key(channel) {
            return Err(StartError::ChannelBusy);
        }
        if running.by_instance.len() >= self.config.max_calls {
            return Err(StartError::Full);
        }
        Ok(())
    }

    /// Takes a place on the list: of two that start at once on one channel, or for the last place, one gets it.
    fn enter(&self, handle: &Arc<CallHandle>, ended: watch::Sender<bool>) -> Result<Leaving, StartError> {
        let mut running = self.running.write().map_err(|_| StartError::Draining)?;
        self.room(&running, &handle.channel)?;
        running.by_instance.insert(handle.instance.clone(), handle.clone());
        running.by_channel.insert(handle.channel.clone(), handle.clone());
        Ok(Leaving { handle: handle.clone(), running: self.running.clone(), ended })
    }

    /// Starts the agent's task; the instance is already stored. The greeting is synthesised at once.
    pub fn start(&self, call: NewCall) -> Result<Arc<CallHandle>, StartError> {
        let (events, inbox) = mpsc::channel(CALL_EVENTS);
        let (ended_sender, ended) = watch::channel(false);
        let supervision = self.config.supervision;
        let now = Snapshot {
            call: CallSummary {
                instance_id: call.instance.to_string(),
                agent_id: call.agent.to_string(),
                user_id: call.user.as_ref().map(ToString::to_string),
                created_ms: call.created_ms,
                state: AgentNow::Idle,
                user_present: false,
                takeover: None,
            },
            channel_id: call.channel.to_string(),
            agent_user_id: call.agent_user.to_string(),
            session_id: call.session.to_string(),
            seq: 0,
            at_ms: 0,
            lines: Vec::new(),
            interruptions: 0,
            latency: None,
            network: None,
            supervisors: Vec::new(),
            ended: None,
        };
        let handle = Arc::new(CallHandle {
            live: Arc::new(Live::new(now, supervision.max_listeners, self.overview.clone())),
            supervisors: Supervisors::new(supervision.max_supervisors),
            media: OnceLock::new(),
            instance: call.instance,
            agent: call.agent,
            channel: call.channel,
            user: call.user.map_or_else(OnceLock::new, OnceLock::from),
            human: Mutex::new(None),
            agent_user: call.agent_user,
            session: call.session,
            rtc_app: call.rtc_app,
            rtc_url: call.rtc_url,
            ice_servers: self.config.ice_servers.clone(),
            events: events.clone(),
            joined: AtomicBool::new(false),
            ended,
        });
        // Given up when the task ends, also by a panic: the call never stays listed.
        let leaving = self.enter(&handle, ended_sender)?;
        handle.live.begins();
        let clock = CallClock::start();
        let config: &AgentConfig = &call.setup.config;
        let params = RecognitionParams {
            language: config.asr.language.clone(),
            hot_words: config.asr.hot_words.clone(),
            expected: Vec::new(),
            custom: config.asr.custom_params.clone(),
        };
        let scribes = Scribes {
            pool: self.ears.clone(),
            providers: self.providers.clone(),
            own: call.providers.clone(),
            params: params.clone(),
            vad_level: config.asr.vad_level,
            leaving_hands_back: supervision.leaving_hands_back,
        };
        let providers = self.providers.for_call(call.providers.as_deref());
        let senses = Senses {
            instance: handle.instance.clone(),
            voice_activity: providers.voice_activity,
            recognizer: providers.recognizer,
            end_of_turn: providers.end_of_turn,
            embedder: providers.embedder,
            params,
            meter: ProviderMeter::new(Node::Recognition, providers.families.recognition),
            vad_level: config.asr.vad_level,
        };
        let ears = self.ears.open(senses, events.clone(), clock);
        if let Some(recording) = call.voiceprint {
            ears.register_voice(recording);
        }
        let media = Media {
            instance: handle.instance.clone(),
            clock,
            events: events.clone(),
            ears: ears.clone(),
            recorder: call.recorded.then(|| self.recorder.open(&handle.instance)),
            load: self.load.clone(),
            volume: config.volume,
        }
        .start(&self.media_runtime)?;
        handle.media.get_or_init(|| media.clone());
        let meter = ProviderMeter::new(Node::Synthesis, providers.families.synthesis);
        let mouth = Mouth::open(&handle.instance, providers.synthesizer, meter, media.clone(), events.clone());
        let backdrop = Backdrop {
            sounds: self.config.sounds.clone(),
            choice: call.ambient_sounds,
            media: media.clone(),
            instance: handle.instance.clone(),
            loading: None,
        };
        let agent = Agent {
            handle: handle.clone(),
            setup: call.setup,
            configured: call.configured,
            clock,
            began_ms: call.created_ms,
            generation: Generation::new(
                handle.instance.clone(),
                providers.language_model,
                call.tools,
                ProviderMeter::new(Node::LanguageModel, providers.families.language_model),
                events.clone(),
            ),
            media,
            ears,
            mouth,
            clips: self.config.clips.open(events),
            backdrop,
            writer: self.writer.clone(),
            reporter: call.reporter,
            sentences: call.sentences,
            user_data: call.user_data,
            scribes,
            trace: CallTrace::begin(
                &self.config.traces,
                &handle.instance,
                &handle.agent,
                &handle.session,
                call.created_ms,
            ),
        };
        let run = agent.run(inbox);
        tokio::spawn(async move {
            let _leaving = leaving;
            run.await;
        });
        Ok(handle)
    }

    /// Lets a user in with an offer; the answer. Where the caller chose the channel, the first to come is the call's user.
    /// The member may stay as long as the token says.
    pub async fn join(&self, handle: &CallHandle, token: &ChannelToken, offer: &str) -> Result<String, JoinError> {
        let user = &token.user;
        let human = handle.is_human(user);
        if !human && !handle.takes(user) {
            return Err(JoinError::WrongUser);
        }
        if self.overloaded.load(Ordering::Relaxed) {
            return Err(JoinError::Busy);
        }
        let (peer, answer) = self.hub.accept(offer)?;
        if !human && handle.user.get_or_init(|| user.clone()) != user {
            return Err(JoinError::WrongUser);
        }
        let (peer, who, expires) = (Box::new(peer), Who::of(human), token.expires);
        let attach = CallEvent::Attach { peer, who, expires };
        match tokio::time::timeout(PATIENCE, handle.events.send(attach)).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(JoinError::Finished),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Lets a supervisor in with an offer of two audio lines; the answer.
    pub async fn supervise(
        &self,
        handle: &CallHandle,
        token: &SupervisorToken,
        offer: &str,
    ) -> Result<String, JoinError> {
        let (peer, answer) = self.hub.accept(offer)?;
        if !peer.has_second() {
            return Err(JoinError::OneLine);
        }
        let media = handle.media.get().ok_or(JoinError::Finished)?.clone();
        let (sender, commands) = mpsc::channel(seat::COMMANDS);
        let seated = handle.supervisors.sit(token, sender)?;
        let (sender, packets) = mpsc::channel(seat::PACKETS);
        let floor = Arc::new(AtomicBool::new(false));
        let seat = seat::Seat {
            seat: seated.seat,
            peer: Box::new(peer),
            commands,
            packets,
            floor: floor.clone(),
            media: media.clone(),
            events: handle.events.clone(),
        };
        let span = tracing::error_span!("supervisor", call.id = %handle.instance, supervisor.id = %token.user);
        self.media_runtime.spawn(seat.run().instrument(span));
        let listener = Listener { seat: seated.seat, packets: sender, floor };
        match tokio::time::timeout(PATIENCE, media.send(MediaCommand::Listen(listener))).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(JoinError::Finished),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Answers an ICE restart of a supervisor's transport.
    pub async fn restart_seat(&self, handle: &CallHandle, user: &UserId, offer: String) -> Result<String, JoinError> {
        let seat = handle.supervisors.commands_of(user);
        let seat =
            seat.ok_or_else(|| JoinError::Restart("there is no connection to restart; join again".to_owned()))?;
        let (answer, answered) = oneshot::channel();
        seat.send(seat::Command::Restart { offer, answer }).await.map_err(|_| JoinError::Finished)?;
        answer_of(answered).await
    }

    /// Answers an ICE restart of the transport of the user, or of the human who took over.
    pub async fn restart(&self, handle: &CallHandle, user: &UserId, offer: String) -> Result<String, JoinError> {
        let (answer, answered) = oneshot::channel();
        let restart = CallEvent::Restart { who: Who::of(handle.is_human(user)), offer, answer };
        handle.events.send(restart).await.map_err(|_| JoinError::Finished)?;
        answer_of(answered).await
    }

    /// All running calls as they stand.
    pub fn summaries(&self) -> Vec<CallSummary> {
        self.running.read().map_or_else(
            |_| Vec::new(),
            |running| running.by_instance.values().map(|handle| handle.live.summary()).collect(),
        )
    }

    /// Refuses new calls, ends the running ones, and waits for them at most `patience`.
    pub async fn drain(&self, patience: Duration) {
        self.draining.store(true, Ordering::Relaxed);
        self.overview.close();
        let handles: Vec<_> =
            self.running.read().map(|running| running.by_instance.values().cloned().collect()).unwrap_or_default();
        for handle in &handles {
            handle.stop(StopCause::Drain).await;
        }
        let all = async {
            for handle in &handles {
                handle.ended().await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!(left = self.count(), "some calls did not end in time");
        }
        if !handles.is_empty() {
            // The media tasks let last words and messages out.
            tokio::time::sleep(super::media::LINGER * 2).await;
        }
        let recorder = self.recorder.clone();
        if tokio::task::spawn_blocking(move || recorder.stop()).await.is_err() {
            tracing::error!("the recorder did not stop");
        }
    }
}

/// What a transport has answered to a restart.
async fn answer_of(answered: oneshot::Receiver<Result<String, String>>) -> Result<String, JoinError> {
    match tokio::time::timeout(PATIENCE, answered).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(why))) => Err(JoinError::Restart(why)),
        Ok(Err(_)) => Err(JoinError::Finished),
        Err(_) => Err(JoinError::Busy),
    }
}

/// Takes a call off the list when its task is gone.
struct Leaving {
    handle: Arc<CallHandle>,
    running: Arc<RwLock<Running>>,
    ended: watch::Sender<bool>,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Ok(mut running) = self.running.write() {
            running.by_instance.remove(&self.handle.instance);
            if running.by_channel.get(&self.handle.channel).is_some_and(|on| on.instance == self.handle.instance) {
                running.by_channel.remove(&self.handle.channel);
            }
        }
        self.handle.live.gone();
        self.ended.send_replace(true);
    }
}
