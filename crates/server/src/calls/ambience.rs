//! The sound behind a call (`AmbientSoundConfig`, server-api §5.1): one of the agent's ambient sounds, loaded beside the call's
//! task and shared with every other call that plays it.
//!
//! A sound is fetched and decoded once while any call plays it; limits are those of clips. What cannot be had is logged,
//! and the call goes on without. [`MOST_SOUNDS`] addresses are remembered; at it those that nobody plays are forgotten.

use super::clips::{Clip, ClipLoader};
use super::media::{MediaCommand, MediaCommands};
use ringline_audio::Ambience;
use ringline_model::{AmbientSound, AmbientSoundConfig, InstanceId};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

const MOST_SOUNDS: usize = 256;

/// One sound's place: held while it is being loaded, so that two calls do not load it twice.
type Place = Arc<Mutex<Weak<Clip>>>;

/// The sounds that calls play, by their addresses.
#[derive(Clone, Debug)]
pub struct Sounds {
    loader: ClipLoader,
    places: Arc<Mutex<BTreeMap<String, Place>>>,
}

impl Sounds {
    pub fn new(loader: ClipLoader) -> Self {
        Self { loader, places: Arc::default() }
    }

    async fn of(&self, url: &str) -> Result<Arc<Clip>, String> {
        let place = {
            let mut places = self.places.lock().await;
            if places.len() >= MOST_SOUNDS {
                places.retain(|_, place| {
                    Arc::strong_count(place) > 1 || place.try_lock().is_ok_and(|sound| sound.strong_count() > 0)
                });
            }
            places.entry(url.to_owned()).or_default().clone()
        };
        let mut sound = place.lock().await;
        if let Some(sound) = sound.upgrade() {
            return Ok(sound);
        }
        let loaded = Arc::new(self.loader.load(url).await?);
        *sound = Arc::downgrade(&loaded);
        Ok(loaded)
    }
}

/// One call's.
pub struct Backdrop {
    pub sounds: Sounds,
    /// The agent's, as they were when the call started.
    pub choice: Vec<AmbientSound>,
    pub media: MediaCommands,
    pub instance: InstanceId,
    pub loading: Option<AbortHandle>,
}

impl Backdrop {
    /// Plays what the configuration wants, from the beginning; nothing, if it wants none.
    pub async fn play(&mut self, config: &AmbientSoundConfig) {
        self.stop();
        let percent = config.volume as u16;
        let Some(resource) = config.audible() else { return self.send(MediaCommand::Ambience(None)).await };
        let Some(sound) = self.choice.iter().find(|sound| sound.id == resource) else {
            tracing::warn!(call.id = %self.instance, resource, "the agent has no such ambient sound");
            return self.send(MediaCommand::Ambience(None)).await;
        };
        let (sounds, url, media) = (self.sounds.clone(), sound.url.clone(), self.media.clone());
        let (instance, resource) = (self.instance.clone(), resource.to_owned());
        let task = tokio::spawn(async move {
            match sounds.of(&url).await {
                Ok(sound) => {
                    let ambience = Box::new(Ambience::new(sound, percent));
                    if media.send(MediaCommand::Ambience(Some(ambience))).await.is_err() {
                        tracing::debug!(call.id = %instance, "an ambient sound came after its call's end");
                    }
                }
                Err(error) => tracing::warn!(call.id = %instance, resource, error, "no ambient sound"),
            }
        });
        self.loading = Some(task.abort_handle());
    }

    /// Goes from one configuration to another; of the same sound only the volume changes.
    pub async fn change(&mut self, from: &AmbientSoundConfig, to: &AmbientSoundConfig) {
        if from == to {
            return;
        }
        let is_playing = self.loading.as_ref().is_some_and(AbortHandle::is_finished);
        match from.audible() == to.audible() && is_playing {
            true => self.send(MediaCommand::AmbienceVolume(to.volume as u16)).await,
            false => self.play(to).await,
        }
    }

    fn stop(&mut self) {
        if let Some(task) = self.loading.take() {
            task.abort();
        }
    }

    async fn send(&self, command: MediaCommand) {
        if self.media.send(command).await.is_err() {
            tracing::error!(call.id = %self.instance, "the media task of the call is gone");
        }
    }
}

impl Drop for Backdrop {
    fn drop(&mut self) {
        self.stop();
    }
}
