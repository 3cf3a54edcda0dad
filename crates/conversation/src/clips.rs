//! Audio from URLs: what the server wants played (SendAIAgentSpeech with Type=AudioUrl), and what comes before the greeting
//! (`PreConnectAudioUrl`, server-api §5.1).
//!
//! A clip is loaded before its turn comes, so that playing it does not wait for the network. One that is not there within
//! [`CLIP_WAIT`], or is longer than [`LONGEST_CLIP`], is not played, and what waits behind it goes on. The audio before the
//! greeting is part of the greeting's response; it is in no record.

use crate::{Conversation, Event, InterruptReason, Output, Stage, heard::LONGEST_CLIP};
use ringline_model::{CallTime, ClipId, ResponseId};
use std::time::Duration;

/// From asking for a clip to giving it up.
const CLIP_WAIT: Duration = Duration::from_secs(10);

/// Once the user is there the greeting waits no longer than this for the audio before it.
const OPENING_WAIT: Duration = Duration::from_secs(2);

/// Longest URL (SendAIAgentSpeech's text limit, server-api §15); longer ones are not taken.
const MAX_URL_CHARS: usize = 1024;

/// A clip whose audio is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LoadedClip {
    pub clip: ClipId,
    pub duration_ms: u32,
}

/// The audio before the greeting, on its way. The greeting is made when this is decided.
#[derive(Debug)]
pub(crate) struct Opening {
    clip: ClipId,
    /// The greeting's.
    response: ResponseId,
    until: CallTime,
}

impl Conversation {
    pub(crate) fn load_opening(&mut self, response: ResponseId, url: String) {
        let clip = self.ids.clip();
        self.opening = Some(Opening { clip, response, until: self.now + CLIP_WAIT });
        self.outbox.push(Output::LoadClip { clip, url });
    }

    /// The user is there and hears nothing as yet.
    pub(crate) fn hurry_opening(&mut self) {
        if let Some(opening) = &mut self.opening {
            opening.until = opening.until.min(self.now + OPENING_WAIT);
        }
    }

    /// Loads a clip that is to be said. Whether it interrupts is decided when it is there.
    pub(crate) fn on_say_audio(&mut self, url: String, interrupt: bool) {
        if !self.may_say() || url.is_empty() || url.chars().count() > MAX_URL_CHARS {
            return;
        }
        let clip = self.ids.clip();
        self.says.push_clip(clip, url.clone(), self.now + CLIP_WAIT, interrupt);
        self.outbox.push(Output::LoadClip { clip, url });
    }

    pub(crate) fn on_clip_ready(&mut self, clip: ClipId, duration_ms: u32) {
        if Duration::from_millis(duration_ms.into()) > LONGEST_CLIP {
            return self.give_clip_up(clip, format!("clip {clip} lasts {duration_ms} ms"), true);
        }
        let loaded = LoadedClip { clip, duration_ms };
        if let Some(opening) = self.opening.take_if(|opening| opening.clip == clip) {
            return self.greet(opening.response, Some(loaded));
        }
        match self.says.loaded(loaded, self.presence.has_joined()) {
            Some(true) if self.is_interruptible() => self.interrupt(InterruptReason::Speech, None),
            Some(_) => {}
            None => return,
        }
        self.begin_next();
    }

    pub(crate) fn on_clip_failed(&mut self, clip: ClipId, error: String) {
        self.give_clip_up(clip, error, false);
    }

    pub(crate) fn on_clip_late(&mut self, clip: ClipId) {
        self.give_clip_up(clip, format!("clip {clip} was not there in time"), true);
    }

    /// `loads`: the edge still loads it, or has it.
    fn give_clip_up(&mut self, clip: ClipId, error: String, loads: bool) {
        let opening = self.opening.take_if(|opening| opening.clip == clip);
        if opening.is_none() && !self.says.remove(clip) {
            return;
        }
        if loads {
            self.outbox.push(Output::ForgetClip { clip });
        }
        self.outbox.record(Event::ProviderFailed { stage: Stage::Clip, error });
        match opening {
            Some(opening) => self.greet(opening.response, None),
            None => self.begin_next(),
        }
    }

    /// Forgets every clip and text that waits.
    pub(crate) fn clear_says(&mut self) {
        let opening = self.opening.take().map(|opening| opening.clip);
        for clip in opening.into_iter().chain(self.says.clear()) {
            self.outbox.push(Output::ForgetClip { clip });
        }
    }

    /// The soonest moment at which a clip is late.
    pub(crate) fn clip_deadline(&self) -> Option<(CallTime, ClipId)> {
        let opening = self.opening.as_ref().map(|opening| (opening.until, opening.clip));
        opening.into_iter().chain(self.says.deadline()).min()
    }
}
