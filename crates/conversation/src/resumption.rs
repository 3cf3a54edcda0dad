//! Taking up again what was stopped for nothing: a voice interrupted the agent, and the utterance turned out to hold no words,
//! or only a backchannel.
//!
//! Until the utterance has its text, the rest of the stopped answer is kept. If it was nothing, the rest is said, from the first word that
//! was not heard whole, as a response of its own; in the history it continues the message that was cut. Once per answer: an
//! answer that is stopped again stays stopped. Off with `ResumeAfterFalseInterruption`. Whatever else begins first drops the rest.
//!
//! A backchannel that meets a question ("…tomorrow?" "Yes.") is its answer, not nothing.

use crate::{Conversation, DialogueKind, Event, InterruptReason, backchannel::Meaning, response::Response};
use ringline_model::{ResponseId, SegmentId};

#[derive(Debug)]
pub(crate) struct Unfinished {
    of: ResponseId,
    kind: DialogueKind,
    /// It ends with a question of which little is missing.
    asks: bool,
    /// What was not heard; none until playout has said where it stopped.
    rest: Option<String>,
    /// What stopped it was nothing.
    is_wanted: bool,
}

impl Conversation {
    /// A response was stopped. What stops it by voice may turn out to be nothing.
    pub(crate) fn keep_unfinished(&mut self, response: &Response, reason: InterruptReason) {
        let may_resume = self.config.interrupt.resume
            && reason == InterruptReason::Voice
            && response.resumes.is_none()
            && response.audio_url.is_none()
            && response.ends_call.is_none();
        self.unfinished = may_resume.then(|| Unfinished {
            of: response.id,
            kind: response.kind,
            asks: response.is_asking(),
            rest: None,
            is_wanted: false,
        });
    }

    /// It is known where playout stopped.
    pub(crate) fn note_rest(&mut self, response: &Response, stopped: Option<(SegmentId, u32)>) {
        if let Some(unfinished) = self.unfinished.as_mut().filter(|unfinished| unfinished.of == response.id) {
            unfinished.rest = Some(response.unheard(stopped));
        }
    }

    /// Whether the utterance with this text stopped the agent for nothing.
    pub(crate) fn was_false_interruption(&mut self, text: &str) -> bool {
        let meaning = self.meaning(text);
        let Some(unfinished) = &mut self.unfinished else { return false };
        unfinished.is_wanted = match meaning {
            Meaning::Nothing => true,
            Meaning::Backchannel => !unfinished.asks,
            Meaning::Remark | Meaning::Words => false,
        };
        unfinished.is_wanted
    }

    /// What is to be said again, if nobody is speaking.
    pub(crate) fn take_rest(&mut self) -> Option<Response> {
        if self.user.utterance.is_some() {
            return None;
        }
        let Unfinished { of, kind, rest, .. } = self.unfinished.take_if(|unfinished| unfinished.is_wanted)?;
        let rest = rest.filter(|rest| crate::text::is_speakable(rest))?;
        let (id, sentence) = (self.ids.response(), self.ids.sentence());
        self.outbox.record(Event::Resumed { response: id, of });
        let mut response = Response::spoken(id, sentence, kind, &rest);
        response.resumes = Some(of);
        Some(response)
    }
}
