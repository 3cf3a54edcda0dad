//! Back-channelling (`BackChannelingConfigs`, server-api §5.1): at a pause inside the user's turn the agent may say a short word
//! that shows it listens. It does not take the turn: the state stays Listening, nothing is shown, recorded or remembered, and
//! an answer that comes meanwhile plays behind it.
//!
//! The word is never said over the user: speech that begins or goes on drops it, heard or not. Whether and which is by
//! chance. Limits: none within [`SPEECH_BEFORE`] of the turn's beginning or [`APART`] of the last one, and one that was not
//! heard within [`PATIENCE`] is forgotten.

use crate::{Conversation, Output, pronunciation::pronounced, text::is_speakable};
use ringline_model::{CallTime, ResponseId, SegmentId};
use std::time::Duration;

/// So long the user must have been talking: nobody says "mm-hm" to a "hello".
const SPEECH_BEFORE: Duration = Duration::from_millis(1500);

const APART: Duration = Duration::from_secs(4);

/// From asking for a word to its end in playout.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct BackChannels {
    last: Option<CallTime>,
    /// The word that is on its way or being said.
    saying: Option<Saying>,
}

#[derive(Debug)]
struct Saying {
    response: ResponseId,
    segment: SegmentId,
    until: CallTime,
}

impl BackChannels {
    /// A word is on its way or being said; no answer is guessed meanwhile, which would hold it.
    pub fn is_saying(&self) -> bool {
        self.saying.is_some()
    }

    pub fn deadline(&self) -> Option<CallTime> {
        self.saying.as_ref().map(|saying| saying.until)
    }
}

impl Conversation {
    /// The user has paused.
    pub(crate) fn may_back_channel(&mut self) {
        // A guessed answer holds playout until the turn is over.
        let agent_is_silent =
            self.response.is_none() && self.cut.is_none() && self.opening.is_none() && self.guess.is_none();
        let began = self.user.utterance.as_ref().map(|utterance| self.user.began.unwrap_or(utterance.began()));
        let Some(began) = began.filter(|_| agent_is_silent && self.presence.is_here() && !self.is_leaving()) else {
            return;
        };
        let too_soon =
            self.now < began + SPEECH_BEFORE || self.back_channels.last.is_some_and(|at| self.now < at + APART);
        if too_soon || self.back_channels.saying.is_some() {
            return;
        }
        let chance = &mut self.chance;
        let Some(entry) = self.config.back_channels.iter().find(|entry| chance.happens(entry.probability)) else {
            return;
        };
        let Some(word) = chance.pick(&entry.words).filter(|word| is_speakable(&word.text)) else { return };
        let text = pronounced(&word.text, &self.config.tts.rules);
        let (response, segment) = (self.ids.response(), self.ids.segment());
        let (voice, rate) = (self.config.tts.voice.clone(), self.config.tts.speech_rate);
        self.outbox.push(Output::Synthesise { response, segment, text, voice, rate, emotion: None });
        self.back_channels = BackChannels {
            last: Some(self.now),
            saying: Some(Saying { response, segment, until: self.now + PATIENCE }),
        };
    }

    /// The user speaks.
    pub(crate) fn hush_back_channel(&mut self) {
        if let Some(Saying { response, .. }) = self.back_channels.saying.take() {
            self.outbox.push(Output::CancelResponse { response });
            self.outbox.push(Output::StopPlayout { response });
        }
    }

    /// The segment is over, one way or the other.
    pub(crate) fn end_back_channel(&mut self, segment: SegmentId) {
        self.back_channels.saying.take_if(|saying| saying.segment == segment);
    }
}
