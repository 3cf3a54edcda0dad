//! Push-to-talk (`EnablePushToTalk`, 1105 to 1108; client-sdk §4.4, §6.4): while it is on, only what is said between start and
//! finish counts, whatever voice activity says.
//!
//! A start opens an utterance; it takes the agent's floor as a voice would that has lasted long enough. A finish ends the
//! turn: the text is asked for at once and no silence is waited for. A cancel drops the utterance and its text. Where the
//! agent must not be interrupted, what is said meanwhile follows `NoInterruptMode`.
//!
//! Limits: a press counts for [`LONGEST_PRESS`]; at it, and when the user leaves or the mode is switched off, it is as if
//! finished. A start before the last press has its text goes on with that press. A press without words is no turn.

use crate::{Conversation, InterruptReason, Notice, Output};
use std::time::Duration;

/// Longest press. The official apps end theirs at it, too (client-sdk §6.4).
pub(crate) const LONGEST_PRESS: Duration = Duration::from_secs(60);

impl Conversation {
    /// Switches the mode. What is being said in the other mode is dropped when it goes on, and ends when it goes off.
    pub(crate) fn set_push_to_talk(&mut self, enable: bool) {
        if enable && !self.config.push_to_talk && self.close_utterance().is_some() {
            self.after_utterance();
        }
        if !enable {
            self.finish_talk();
        }
        self.config.push_to_talk = enable;
        self.outbox.notify(Notice::PushToTalkChanged { enable });
    }

    pub(crate) fn start_talk(&mut self) {
        if !self.config.push_to_talk || !self.presence.is_here() || self.takeover.is_some() {
            return;
        }
        if let Some(utterance) = &mut self.user.utterance {
            return utterance.hold(LONGEST_PRESS);
        }
        if self.agent_has_floor() {
            self.take_floor(InterruptReason::Voice, Some(self.now));
            // A button is not pressed by mistake: what it stopped is not taken up again.
            self.unfinished = None;
        }
        self.user.forget_audio_before(self.now);
        if self.open_utterance(self.now)
            && let Some(utterance) = &mut self.user.utterance
        {
            utterance.hold(LONGEST_PRESS);
        }
    }

    pub(crate) fn finish_talk(&mut self) {
        if !self.config.push_to_talk {
            return;
        }
        let Some(utterance) = &mut self.user.utterance else { return };
        let id = utterance.id;
        if let Some(revision) = utterance.release(self.now) {
            self.outbox.push(Output::Transcribe { utterance: id, revision });
            self.identify();
        }
    }

    /// What was said before the press stays: a question that it took up again is asked again.
    pub(crate) fn cancel_talk(&mut self) {
        if self.config.push_to_talk && self.takeover.is_none() && self.close_utterance().is_some() {
            self.after_utterance();
        }
    }
}
