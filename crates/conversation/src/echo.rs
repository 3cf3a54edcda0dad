//! The agent's own voice, come back from the user's loudspeaker: it is no speech of anybody's.
//!
//! Voice activity is reported before it is known whose it is, so an echo may have begun an utterance, lowered the agent's voice, or even
//! stopped it. When it turns out to have been an echo, all of that is taken back: the utterance is dropped without text, the agent
//! comes back up, and what was stopped is said from where it was.

use crate::{Conversation, barge_in::Outcome};
use ringline_model::CallTime;

impl Conversation {
    /// What voice activity has reported since `at` was the agent itself. An utterance in which somebody had spoken before only
    /// pauses there.
    pub(crate) fn on_echo(&mut self, at: CallTime) {
        let at = at.min(self.now);
        let Some(utterance) = self.user.utterance.as_ref().filter(|_| self.hears_by_voice()) else { return };
        if utterance.began() < at {
            return self.on_speech_paused(at);
        }
        self.settle_overlap(Outcome::Echo);
        self.close_utterance();
        self.was_false_interruption("");
        self.after_utterance();
    }
}
