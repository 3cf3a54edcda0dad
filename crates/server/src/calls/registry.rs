//! Who is on the line: starts calls, lets users in, and finds running calls again.

use super::agent::Agent;
use super::clock::CallClock;
use super::ears::{EarPool, Senses};
use super::media::{Media, MediaLoad};
use super::mouth::Mouth;
use super::recorder::Recorder;
use super::writer::Writer;
use super::{CALL_EVENTS, CallEvent, CallEvents, Configured};
use crate::providers::Providers;
use ringline_conversation::{ClientCommand, Input, Setup, StopCause};
use ringline_model::{AgentConfig, AgentId, ChannelId, InstanceId, RtcApp, SessionId, UserId};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::UpdateAIAgentInstance;
use ringline_protocol::token::ChannelToken;
use ringline_providers::RecognitionParams;
use ringline_rtc::{Hub, RtcError};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, RwLock};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// How long a join may wait for the call's tasks.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct CallsConfig {
    pub max_calls: usize,
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
    /// What tokens of this call are made with.
    pub rtc_app: RtcApp,
    /// Where clients of this call connect.
    pub rtc_url: String,
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

/// A running call, from outside.
pub struct CallHandle {
    pub instance: InstanceId,
    pub agent: AgentId,
    pub channel: ChannelId,
    /// Unset until somebody joins, where the caller chose the channel.
    user: OnceLock<UserId>,
    pub agent_user: UserId,
    pub session: SessionId,
    pub rtc_app: RtcApp,
    rtc_url: String,
    events: CallEvents,
    /// The user has been there.
    joined: AtomicBool,
    ended: watch::Receiver<bool>,
}

/// The call ended before it could be told.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the call has ended")]
pub struct Ended;

impl CallHandle {
    /// The end user, once it is known.
    pub fn user(&self) -> Option<&UserId> {
        self.user.get()
    }

    /// Whether this user may join: the call's own, or anybody but the agent while nobody has.
    pub fn takes(&self, user: &UserId) -> bool {
        self.user().map_or(*user != self.agent_user, |own| own == user)
    }

    /// Mints a token for the call's channel; with its expiry in Unix seconds. `life` in s, `now` in Unix seconds.
    pub fn token(&self, user: &UserId, life: u32, now: i64) -> (String, i64) {
        let expires = now + i64::from(life);
        let token = ChannelToken {
            app_id: self.rtc_app.id.clone(),
            channel: self.channel.clone(),
            user: user.clone(),
            nonce: String::new(),
            expires,
            rtc_url: Some(self.rtc_url.clone()),
        };
        (token.mint(self.rtc_app.key.reveal()), expires)
    }

    /// Asks the call to end; returns at once.
    pub async fn stop(&self, cause: StopCause) {
        if self.events.send(CallEvent::Input(Input::Stop { cause })).await.is_err() {
            tracing::debug!(call.id = %self.instance, "stopped after its end");
        }
    }

    /// Whether the user has been there; before, nobody would hear or read anything.
    pub fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    pub(super) fn mark_joined(&self) {
        self.joined.store(true, Ordering::Relaxed);
    }

    /// Has the agent say a text, behind what it is saying or instead of it.
    pub async fn say(&self, text: String, interrupt: bool) -> Result<(), Ended> {
        self.tell(CallEvent::Input(Input::Say { text, interrupt })).await
    }

    /// Puts a question in the user's place.
    pub async fn ask(&self, text: String) -> Result<(), Ended> {
        self.tell(CallEvent::Input(Input::Client { command: ClientCommand::SendText { text } })).await
    }

    /// Sends JSON to the client as it is.
    pub async fn custom(&self, message: String) -> Result<(), Ended> {
        self.tell(CallEvent::Custom(message)).await
    }

    /// Lays an update over the configuration in force; returns when it is stored.
    pub async fn update(&self, request: UpdateAIAgentInstance) -> Result<Result<(), ApiError>, Ended> {
        let (answer, answered) = oneshot::channel();
        self.tell(CallEvent::Update { request: Box::new(request), answer }).await?;
        answered.await.map_err(|_| Ended)
    }

    async fn tell(&self, event: CallEvent) -> Result<(), Ended> {
        self.events.send(event).await.map_err(|_| Ended)
    }

    /// The user's client said goodbye.
    pub async fn leave(&self) {
        if self.events.send(CallEvent::Detach).await.is_err() {
            tracing::debug!(call.id = %self.instance, "left after its end");
        }
    }

    /// Returns when the call is over and stored.
    pub async fn ended(&self) {
        let mut ended = self.ended.clone();
        if ended.wait_for(|ended| *ended).await.is_err() {
            tracing::debug!(call.id = %self.instance, "the call's task is gone");
        }
    }
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
    recorder: Option<Arc<Recorder>>,
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
        recorder: Option<Arc<Recorder>>,
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
            params,
        };
        let ears = self.ears.open(senses, events.clone(), clock);
        let media = Media {
            clock,
            events: events.clone(),
            ears: ears.clone(),
            recorder: self.recorder.as_ref().map(|recorder| recorder.open(&handle.instance)),
            load: self.load.clone(),
            volume: config.volume,
        }
        .start(&self.media_runtime)?;
        let mouth = Mouth::open(providers.synthesizer, media.clone(), events.clone());
        let agent = Agent {
            handle: handle.clone(),
            setup: call.setup,
            configured: call.configured,
            clock,
            began_ms: call.created_ms,
            language_model: providers.language_model,
            media,
            ears,
            mouth,
            writer: self.writer.clone(),
            events,
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
        if !handle.takes(user) {
            return Err(JoinError::WrongUser);
        }
        if self.overloaded.load(Ordering::Relaxed) {
            return Err(JoinError::Busy);
        }
        let (peer, answer) = self.hub.accept(offer)?;
        if handle.user.get_or_init(|| user.clone()) != user {
            return Err(JoinError::WrongUser);
        }
        let attach = CallEvent::Attach(Box::new(peer));
        match tokio::time::timeout(PATIENCE, handle.events.send(attach)).await {
            Ok(Ok(())) => Ok(answer),
            Ok(Err(_)) => Err(JoinError::Finished),
            Err(_) => Err(JoinError::Busy),
        }
    }

    /// Answers an ICE restart of the user's transport.
    pub async fn restart(&self, handle: &CallHandle, offer: String) -> Result<String, JoinError> {
        let (answer, answered) = oneshot::channel();
        handle.events.send(CallEvent::Restart { offer, answer }).await.map_err(|_| JoinError::Finished)?;
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
        if let Some(recorder) = self.recorder.clone()
            && tokio::task::spawn_blocking(move || recorder.stop()).await.is_err()
        {
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
