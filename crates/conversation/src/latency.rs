//! The moments of one voice turn, from the user's last sample to the agent's first, and the breakdown made of them.

use crate::TurnLatency;
use ringline_model::{CallTime, SentenceId};

/// How the user's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TurnEnd {
    /// Last speech sample.
    pub speech_ended: CallTime,
    /// The text was asked for.
    pub text_asked: CallTime,
    /// Silence, and the end-of-turn score if asked for, sufficed.
    pub silence_sufficed: CallTime,
    /// Over, with its text.
    pub decided: CallTime,
}

/// Moments of the response; each is set once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moments {
    /// None for a turn that did not begin by voice or had to wait for the agent.
    pub turn_end: Option<TurnEnd>,
    /// The language model was asked; none for a text that was there.
    pub asked: Option<CallTime>,
    pub first_text: Option<CallTime>,
    pub first_segment: Option<CallTime>,
    pub first_audio: Option<CallTime>,
}

impl Moments {
    /// The breakdown, now that the first sample left at `playout`. Every part is the distance of two moments in whole
    /// milliseconds since the speech ended, so that the parts add up to the total.
    pub fn breakdown(&self, sentence: SentenceId, playout: CallTime) -> Option<TurnLatency> {
        let end = self.turn_end?;
        let mut last = 0;
        let mut part = |moment: Option<CallTime>| {
            let at = moment.map_or(last, |moment| moment.since(end.speech_ended).as_millis()).max(last);
            let part = u32::try_from(at - last).unwrap_or(u32::MAX);
            last = at;
            part
        };
        let endpointing = part(Some(end.silence_sufficed));
        let transcript = part(Some(end.decided));
        let first_text = part(self.first_text);
        let first_segment = part(self.first_segment);
        let first_audio = part(self.first_audio);
        let playout = part(Some(playout));
        let total = u32::try_from(last).unwrap_or(u32::MAX);
        Some(TurnLatency { sentence, endpointing, transcript, first_text, first_segment, first_audio, playout, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_total() {
        let us = CallTime::from_micros;
        let end = TurnEnd {
            speech_ended: us(900),
            text_asked: us(1000),
            silence_sufficed: us(400_950),
            decided: us(450_100),
        };
        let moments = Moments {
            turn_end: Some(end),
            asked: None,
            first_text: Some(us(700_400)),
            first_segment: Some(us(800_899)),
            first_audio: None,
        };
        let parts = moments.breakdown(SentenceId(1), us(999_999)).expect("a voice turn");
        let sum = parts.endpointing + parts.transcript + parts.first_text + parts.first_segment + parts.first_audio;
        assert_eq!((parts.endpointing, parts.transcript, sum + parts.playout, parts.total), (400, 49, 999, 999));
    }
}
