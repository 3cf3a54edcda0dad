//! Who is on the line: starts calls, lets users in, and finds running calls again.

use super::agent::Agent;
use super::ambience::{Backdrop, Sounds};
use super::clips::ClipLoader;
use super::clock::CallClock;
use super::ears::{EarPool, Senses};
use super::generation::Generation;
use super::handle::CallHandle;
use super::media::{Media, MediaLoad};
use super::mouth::Mouth;
use super::recorder::Recorder;
use super::writer::Writer;
use super::{CALL_EVENTS, CallEvent, Configured};
use crate::callbacks::Reporter;
use crate::providers::Providers;
use ringline_conversation::{Setup, StopCause};
use ringline_model::{AgentConfig, AgentId, AmbientSound, ChannelId, InstanceId, RtcApp, SessionId, UserId};
use ringline_providers::{LanguageModel, RecognitionParams};
use ringline_rtc::{Hub, RtcError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a join may wait for the call's tasks.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct CallsConfig {
    pub max_calls: usize,
    pub clips: ClipLoader,
    pub sounds: Sounds,
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
    /// What tokens of this call are made with.
    pub rtc_app: RtcApp,
    /// Where clients of this call connect.
    pub rtc_url: String,
    /// The agent's own; none: the server's.
    pub language_model: Option<Arc<dyn LanguageModel>>,
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
    ears: EarPool,
    media_runtime: tokio::runtime::Handle,
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
            ears,
            media_runtime,
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

    pub fn count(&self) -> usize {
        self.running.read().map_or(0, |running| running.by_instance.len())
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
        let handle = Arc::new(CallHandle {
            instance: call.instance,
            agent: call.agent,
            channel: call.channel,
            user: call.user.map_or_else(OnceLock::new, OnceLock::from),
            human: Mutex::new(None),
            agent_user: call.agent_user,
            session: call.session,
            rtc_app: call.rtc_app,
            rtc_url: call.rtc_url,
            events: events.clone(),
            joined: AtomicBool::new(false),
            ended,
        });
        // Given up when the task ends, also by a panic: the call never stays listed.
        let leaving = self.enter(&handle, ended_sender)?;
        let clock = CallClock::start();
        let config: &AgentConfig = &call.setup.config;
        let params =
            RecognitionParams { language: config.asr.language.clone(), hot_words: config.asr.hot_words.clone() };
        let providers = self.providers.for_call();
        let senses = Senses {
            voice_activity: providers.voice_activity,
            recognizer: providers.recognizer,
            end_of_turn: providers.end_of_turn,
            embedder: providers.embedder,
            params,
            vad_level: config.asr.vad_level,
        };
        let ears = self.ears.open(senses, events.clone(), clock);
        if let Some(recording) = call.voiceprint {
            ears.register_voice(recording);
        }
        let media = Media {
            clock,
            events: events.clone(),
            ears: ears.clone(),
            recorder: call.recorded.then(|| self.recorder.open(&handle.instance)),
            load: self.load.clone(),
            volume: config.volume,
        }
        .start(&self.media_runtime)?;
        let mouth = Mouth::open(providers.synthesizer, media.clone(), events.clone());
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
            generation: Generation::new(call.language_model.unwrap_or(providers.language_model), events.clone()),
            media,
            ears,
            mouth,
            clips: self.config.clips.open(events),
            backdrop,
            writer: self.writer.clone(),
            reporter: call.reporter,
            user_data: call.user_data,
        };
        tokio::spawn(async move {
            let _leaving = leaving;
            agent.run(inbox).await;
        });
        Ok(handle)
    }

    /// Lets a user in with an offer; the answer. Where the caller chose the channel, the first to come is the call's user.
    pub async fn join(&self, handle: &CallHandle, user: &UserId, offer: &str) -> Result<String, JoinError> {
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
        let peer = Box::new(peer);
        let attach = if human { CallEvent::AttachHuman(peer) } else { CallEvent::Attach(peer) };
        match tokio::time::timeout(PATIENCE, handle.events.send(attach)).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(JoinError::Finished),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Answers an ICE restart of the transport of the user, or of the human who took over.
    pub async fn restart(&self, handle: &CallHandle, user: &UserId, offer: String) -> Result<String, JoinError> {
        let (answer, answered) = oneshot::channel();
        let restart = CallEvent::Restart { human: handle.is_human(user), offer, answer };
        handle.events.send(restart).await.map_err(|_| JoinError::Finished)?;
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(why))) => Err(JoinError::Restart(why)),
            Ok(Err(_)) => Err(JoinError::Finished),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Refuses new calls, ends the running ones, and waits for them at most `patience`.
    pub async fn drain(&self, patience: Duration) {
        self.draining.store(true, Ordering::Relaxed);
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
        self.ended.send_replace(true);
    }
}
