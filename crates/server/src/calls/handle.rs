//! A running call, from outside: what the doors and the call's own tasks hold of it.

use super::live::Live;
use super::media::MediaCommands;
use super::supervision::Supervisors;
use super::{CallEvent, CallEvents, Who};
use crate::ice::IceServers;
use ringline_conversation::{ClientCommand, Input, StopCause, TakeoverMode};
use ringline_model::{AgentId, ChannelId, InstanceId, RtcApp, SessionId, UserId};
use ringline_protocol::error::ApiError;
use ringline_protocol::openapi::UpdateAIAgentInstance;
use ringline_protocol::token::ChannelToken;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{oneshot, watch};

/// A running call, from outside.
pub struct CallHandle {
    pub instance: InstanceId,
    pub agent: AgentId,
    pub channel: ChannelId,
    /// Unset until somebody joins, where the caller chose the channel.
    pub(super) user: OnceLock<UserId>,
    /// Who has been called in to take over, or speaks to both.
    pub(super) human: Mutex<Option<Human>>,
    /// For whoever watches.
    pub live: Arc<Live>,
    pub supervisors: Supervisors,
    pub(super) media: OnceLock<MediaCommands>,
    pub agent_user: UserId,
    pub session: SessionId,
    pub rtc_app: RtcApp,
    pub(super) rtc_url: String,
    pub(super) ice_servers: IceServers,
    pub(super) events: CallEvents,
    /// The user has been there.
    pub(super) joined: AtomicBool,
    pub(super) ended: watch::Receiver<bool>,
}

/// A human's place in the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Human {
    pub user: UserId,
    pub mode: TakeoverMode,
}

/// The call ended before it could be told.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the call has ended")]
pub struct Ended;

/// Why a call is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    #[error("another takeover is under way")]
    InProgress,
    #[error("it is the user's or the agent's")]
    NoHuman,
    #[error("no human is in charge, nor called in")]
    NoTakeover,
    #[error("another human is in charge")]
    AnotherHuman,
    #[error("the supervisor is not connected to the call")]
    NotConnected,
    #[error(transparent)]
    Ended(#[from] Ended),
}

impl CallHandle {
    /// The end user, once it is known.
    pub fn user(&self) -> Option<&UserId> {
        self.user.get()
    }

    /// Whether this is the user's place: the call's own user, or anybody but the agent and the human who takes over while
    /// nobody has joined.
    pub fn takes(&self, user: &UserId) -> bool {
        self.user().map_or(*user != self.agent_user && !self.is_human(user), |own| own == user)
    }

    /// Whether this is who has been called in to take over.
    pub fn is_human(&self, user: &UserId) -> bool {
        self.human().as_ref().is_some_and(|human| human.user == *user)
    }

    fn human(&self) -> MutexGuard<'_, Option<Human>> {
        self.human.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls a human in, who may join from now on; who it is. Asked for again, the same human is meant; while one is called
    /// in, there is no place for another.
    pub async fn take_over(&self, human: Option<UserId>, fresh: UserId) -> Result<UserId, TakeoverError> {
        let chosen = {
            let mut place = self.human();
            match (&*place, human) {
                (Some(there), human) if human.as_ref().is_none_or(|human| *human == there.user) => {
                    return Ok(there.user.clone());
                }
                (Some(_), _) => return Err(TakeoverError::InProgress),
                (None, human) => {
                    let human = human.unwrap_or(fresh);
                    if human == self.agent_user || self.user() == Some(&human) {
                        return Err(TakeoverError::NoHuman);
                    }
                    *place = Some(Human { user: human.clone(), mode: TakeoverMode::HumanVoice });
                    human
                }
            }
        };
        let input = Input::TakeoverStarted { human: chosen.clone(), mode: TakeoverMode::HumanVoice };
        self.tell(CallEvent::Input(input)).await?;
        Ok(chosen)
    }

    /// A supervisor takes the call over, and if they are connected, at once. Whoever speaks to both may.
    pub async fn supervisor_takes_over(&self, user: &UserId, mode: TakeoverMode) -> Result<(), TakeoverError> {
        {
            let mut place = self.human();
            match &mut *place {
                Some(there) if there.user != *user => return Err(TakeoverError::InProgress),
                Some(there) if there.mode == mode => return Ok(()),
                Some(there) if there.mode == TakeoverMode::SpeaksIn => there.mode = mode,
                Some(_) => return Err(TakeoverError::InProgress),
                None => *place = Some(Human { user: user.clone(), mode }),
            }
        }
        self.tell(CallEvent::Input(Input::TakeoverStarted { human: user.clone(), mode })).await?;
        if self.is_connected(user) {
            self.tell(CallEvent::Input(Input::TakeoverConnected)).await?;
        }
        Ok(())
    }

    /// A supervisor begins or ends to speak to both.
    pub async fn speak(&self, user: &UserId, active: bool) -> Result<(), TakeoverError> {
        let speaks = Human { user: user.clone(), mode: TakeoverMode::SpeaksIn };
        if !active {
            let is_speaking = self.human().as_ref() == Some(&speaks);
            return if is_speaking { self.hand_back(Some(user)).await } else { Ok(()) };
        }
        if !self.is_connected(user) {
            return Err(TakeoverError::NotConnected);
        }
        self.supervisor_takes_over(user, TakeoverMode::SpeaksIn).await
    }

    /// Gives the call back to the agent; returns when it is done. `by`: only if that one is in charge, or called in.
    pub async fn hand_back(&self, by: Option<&UserId>) -> Result<(), TakeoverError> {
        match &*self.human() {
            None => return Err(TakeoverError::NoTakeover),
            Some(there) if by.is_some_and(|by| *by != there.user) => return Err(TakeoverError::AnotherHuman),
            Some(_) => {}
        }
        let (answer, done) = oneshot::channel();
        self.tell(CallEvent::HandBack { answer }).await?;
        done.await.map_err(|_| Ended.into())
    }

    fn is_connected(&self, user: &UserId) -> bool {
        self.supervisors.of(user).is_some_and(|seated| seated.connected)
    }

    /// Tells the agent something for its next answer.
    pub async fn whisper(&self, text: String) -> Result<(), Ended> {
        self.tell(CallEvent::Input(Input::Whisper { text })).await
    }

    /// The human is not in charge any more, and cannot come.
    pub(super) fn release(&self, human: &UserId) {
        self.human().take_if(|there| there.user == *human);
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
            ice_servers: self.ice_servers.for_user(user, expires),
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

    /// Has the agent play the audio behind a URL, as [`Self::say`] its text.
    pub async fn say_audio(&self, url: String, interrupt: bool) -> Result<(), Ended> {
        self.tell(CallEvent::Input(Input::SayAudio { url, interrupt })).await
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

    /// The client of the user, or of the human who took over, may stay until then, in Unix seconds.
    pub async fn renew(&self, user: &UserId, expires: i64) -> Result<(), Ended> {
        self.tell(CallEvent::Renew { who: Who::of(self.is_human(user)), expires }).await
    }

    async fn tell(&self, event: CallEvent) -> Result<(), Ended> {
        self.events.send(event).await.map_err(|_| Ended)
    }

    /// The client of the user, or of the human who took over, said goodbye.
    pub async fn leave(&self, user: &UserId) {
        let who = Who::of(self.is_human(user));
        if self.events.send(CallEvent::Detach { who }).await.is_err() {
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
