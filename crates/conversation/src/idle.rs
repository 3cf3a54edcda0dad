//! What the agent does when the user is silent (`AutoSpeechConfig.UserIdle`, server-api §5.1): it prompts, and when the
//! prompts are used up it says farewell and leaves (1010, reason 2001).
//!
//! Silence counts from the last interaction, the agent's own speech included. Recognised words and typed questions give
//! the prompts back. A farewell that the user interrupts is taken back: the call goes on.

use crate::{Conversation, DialogueKind, EndReason, response::Response, text};
use ringline_model::CallTime;
use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Idle {
    /// Prompts since the user was last heard.
    prompts: u32,
    since: CallTime,
}

impl Conversation {
    pub(crate) fn user_is_active(&mut self) {
        self.presence.touch(self.now);
        self.idle.prompts = 0;
    }

    pub(crate) fn idle_deadline(&self) -> Option<CallTime> {
        let user_idle = self.config.auto_speech.user_idle.as_ref()?;
        let waits = self.presence.is_here() && self.is_quiet() && !self.is_leaving();
        let since = self.presence.active_at().max(self.idle.since);
        waits.then(|| since + Duration::from_millis(user_idle.wait_time.into()))
    }

    pub(crate) fn on_user_idle(&mut self) {
        let Some(user_idle) = &self.config.auto_speech.user_idle else { return };
        self.idle.since = self.now;
        let is_farewell = self.idle.prompts >= user_idle.max_repeats;
        let line = match is_farewell {
            true => user_idle.hangup_end_word.clone(),
            false => self.chance.pick(&user_idle.messages).map(|phrase| phrase.text.clone()),
        };
        let line = line.filter(|line| text::is_speakable(line));
        if is_farewell && line.is_none() {
            return self.leave(EndReason::UserIdle);
        }
        self.idle.prompts += 1;
        if let Some(line) = line {
            let (id, sentence) = (self.ids.response(), self.ids.sentence());
            let mut response = Response::spoken(id, sentence, DialogueKind::Normal, &self.aloud(&line));
            response.ends_call = is_farewell.then_some(EndReason::UserIdle);
            self.begin(response);
        }
    }
}
