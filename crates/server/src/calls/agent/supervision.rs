//! Supervisors and humans in charge, as the agent task sees them: who has come and gone, and who has the floor.

use super::Task;
use crate::calls::clock::CallClock;
use crate::calls::ears::{EarPool, Senses};
use crate::calls::live::event::Supervising;
use crate::calls::media::{HandOver, MediaCommand};
use crate::calls::supervision::{Seated, scribe::Scribe};
use crate::metrics::{Node, ProviderMeter};
use crate::providers::{Lists, Providers};
use ringline_conversation::{Input, Step, TakeoverMode};
use ringline_model::{InstanceId, UserId};
use ringline_providers::RecognitionParams;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What scribes are made of.
pub struct Scribes {
    pub pool: Arc<EarPool>,
    pub providers: Arc<Providers>,
    /// The agent's own.
    pub own: Option<Arc<Lists>>,
    pub params: RecognitionParams,
    pub vad_level: u32,
    /// A human in charge who leaves gives the call back, instead of ending it.
    pub leaving_hands_back: bool,
}

impl Scribes {
    fn senses(&self, instance: &InstanceId) -> Senses {
        let providers = self.providers.for_call(self.own.as_deref());
        Senses {
            instance: instance.clone(),
            meter: ProviderMeter::new(Node::Recognition, providers.families.recognition),
            voice_activity: providers.voice_activity,
            recognizer: providers.recognizer,
            end_of_turn: providers.end_of_turn,
            embedder: None,
            params: self.params.clone(),
            vad_level: self.vad_level,
        }
    }

    fn start(&self, instance: &InstanceId, clock: CallClock, events: crate::calls::CallEvents) -> Scribe {
        Scribe::start(&self.pool, self.senses(instance), clock, events)
    }
}

impl Task {
    /// The human is in charge: the media task is told where they speak, and a scribe writes it down.
    pub(super) async fn hand_over(&mut self, human: &UserId, mode: TakeoverMode) {
        let handle = &self.agent.handle;
        let scribe = self.agent.scribes.start(&handle.instance, self.agent.clock, handle.events.clone());
        let hand_over = HandOver {
            seat: handle.supervisors.of(human).map(|seated| seated.seat),
            is_heard: mode != TakeoverMode::AgentVoice,
            scribe: scribe.ears(),
        };
        self.scribe = Some(scribe);
        self.media(MediaCommand::HandOver(hand_over)).await;
        tracing::info!(call.id = %self.agent.handle.instance, ?mode, "a human is in charge");
    }

    pub(super) async fn take_back(&mut self) {
        self.media(MediaCommand::TakeBack).await;
        self.scribe = None;
    }

    pub(super) async fn hand_back(&mut self, answer: oneshot::Sender<()>) {
        self.step(Step::Input(Input::TakeoverHandedBack)).await;
        if answer.send(()).is_err() {
            tracing::debug!(call.id = %self.agent.handle.instance, "nobody waited for the call to be given back");
        }
    }

    /// The human in charge is gone without a word.
    pub(super) async fn human_left(&mut self) {
        let input = match self.agent.scribes.leaving_hands_back {
            true => Input::TakeoverHandedBack,
            false => Input::TakeoverEnded,
        };
        self.step(Step::Input(input)).await;
    }

    pub(super) async fn seat_connected(&mut self, seat: u64) {
        let Some(seated) = self.agent.handle.supervisors.connected(seat) else { return };
        self.supervising(&seated, true);
        if self.agent.handle.is_human(&seated.user) {
            // One who is in charge already has come back.
            self.media(MediaCommand::SpeaksFrom { seat }).await;
            self.step(Step::Input(Input::TakeoverConnected)).await;
        }
    }

    pub(super) async fn seat_left(&mut self, seat: u64) {
        let Some(seated) = self.agent.handle.supervisors.left(seat) else { return };
        if seated.connected {
            self.supervising(&seated, false);
            if self.agent.handle.is_human(&seated.user) {
                self.human_left().await;
            }
        }
    }

    fn supervising(&self, seated: &Seated, connected: bool) {
        let (user_id, name) = (seated.user.to_string(), seated.name.clone());
        self.agent.handle.live.supervising(self.agent.clock.now(), Supervising { user_id, name, connected });
        tracing::info!(call.id = %self.agent.handle.instance, supervisor.id = %seated.user, connected, "a supervisor");
    }
}
