//! What the server wants said (SendAIAgentSpeech), in its order: texts, and clips that may still be loading.
//!
//! An *urgent* one does not wait for the user's turn. A clip that is loading holds up what came behind it, unless that is
//! urgent; an urgent clip holds up nothing, since it takes the floor when it is there.

use crate::clips::LoadedClip;
use ringline_model::{CallTime, ClipId};
use std::collections::VecDeque;

/// Texts and clips that wait; further ones are not taken.
const MAX_SAYS: usize = 16;

/// One that can be said now.
#[derive(Debug, PartialEq)]
pub(crate) enum Say {
    Text(String),
    Clip { url: String, clip: LoadedClip },
}

#[derive(Debug)]
enum Entry {
    Ready(Say),
    Loading { url: String, clip: ClipId, until: CallTime },
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    urgent: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Says(VecDeque<Waiting>);

impl Says {
    pub fn is_full(&self) -> bool {
        self.0.len() >= MAX_SAYS
    }

    /// Something is to be said as soon as it may.
    pub fn is_waiting(&self) -> bool {
        !self.0.is_empty()
    }

    pub fn push_text(&mut self, text: &str, urgent: bool) {
        self.0.push_back(Waiting { entry: Entry::Ready(Say::Text(text.to_owned())), urgent });
    }

    /// A clip that must be there by `until`.
    pub fn push_clip(&mut self, clip: ClipId, url: String, until: CallTime, urgent: bool) {
        self.0.push_back(Waiting { entry: Entry::Loading { url, clip, until }, urgent });
    }

    /// The clip is there. `may_cut`: an urgent one may take the floor now, otherwise it waits like the others. Returns whether
    /// it was waited for, and takes the floor.
    pub fn loaded(&mut self, loaded: LoadedClip, may_cut: bool) -> Option<bool> {
        let index = self.loading(loaded.clip)?;
        let waiting = &mut self.0[index];
        if let Entry::Loading { url, .. } = &mut waiting.entry {
            waiting.entry = Entry::Ready(Say::Clip { url: std::mem::take(url), clip: loaded });
        }
        waiting.urgent &= may_cut;
        Some(waiting.urgent)
    }

    /// The clip will not come. Returns whether it was waited for.
    pub fn remove(&mut self, clip: ClipId) -> bool {
        self.loading(clip).and_then(|index| self.0.remove(index)).is_some()
    }

    pub fn next_urgent(&mut self) -> Option<Say> {
        let index = self.0.iter().position(|waiting| waiting.urgent && matches!(waiting.entry, Entry::Ready(_)))?;
        self.take(index)
    }

    /// The next that waits for its turn, if it is ready.
    pub fn next_patient(&mut self) -> Option<Say> {
        let index = self.0.iter().position(|waiting| !waiting.urgent)?;
        self.take(index)
    }

    /// The soonest moment at which a clip is late.
    pub fn deadline(&self) -> Option<(CallTime, ClipId)> {
        let loading = self.0.iter().filter_map(|waiting| match &waiting.entry {
            Entry::Loading { clip, until, .. } => Some((*until, *clip)),
            Entry::Ready(_) => None,
        });
        loading.min()
    }

    /// Forgets everything. Returns the clips among it.
    pub fn clear(&mut self) -> Vec<ClipId> {
        let clips = self.0.drain(..).filter_map(|waiting| match waiting.entry {
            Entry::Ready(Say::Clip { clip, .. }) => Some(clip.clip),
            Entry::Loading { clip, .. } => Some(clip),
            Entry::Ready(Say::Text(_)) => None,
        });
        clips.collect()
    }

    fn loading(&self, id: ClipId) -> Option<usize> {
        let is_it = |entry: &Entry| matches!(entry, Entry::Loading { clip, .. } if *clip == id);
        self.0.iter().position(|waiting| is_it(&waiting.entry))
    }

    fn take(&mut self, index: usize) -> Option<Say> {
        if matches!(self.0.get(index)?.entry, Entry::Loading { .. }) {
            return None;
        }
        match self.0.remove(index)?.entry {
            Entry::Ready(say) => Some(say),
            Entry::Loading { .. } => None,
        }
    }
}
