//! Tells the app server how what was said sounded: where the recording of it can be had (server-api §10.3).

use crate::callbacks::Reporter;
use ringline_model::{CallTime, InstanceId, Secret, SentenceId};
use ringline_protocol::callback::{AudioRecord, Happened};
use ringline_protocol::recording::{Recorded, address};
use ringline_store::{DialogueRecord, Producer};
use std::time::Duration;

/// Before the beginning of speech as it is known: its onset is softer than what detects it.
const BEFORE: Duration = Duration::from_millis(300);

/// One call's sentence recordings.
pub struct SentenceRecords {
    pub reporter: Reporter,
    pub instance: InstanceId,
    pub base_url: String,
    /// Signs addresses.
    pub key: Secret,
    /// Of addresses, in s.
    pub life: u64,
    /// When the user's turn was over that is answered now.
    turn: Option<(SentenceId, CallTime)>,
}

impl SentenceRecords {
    pub fn new(reporter: Reporter, instance: InstanceId, base_url: String, key: Secret, life: u64) -> Self {
        Self { reporter, instance, base_url, key, life, turn: None }
    }

    /// The user's turn was over at `at`.
    pub fn turn_over(&mut self, sentence: SentenceId, at: CallTime) {
        self.turn = Some((sentence, at));
    }

    /// What to tell of a dialogue entry that began at `begin` of the call and is on record since `now`. What the user typed has no
    /// sound. `began_ms`: Unix ms at call time 0.
    pub fn of(
        &self,
        dialogue: &DialogueRecord,
        sentence: SentenceId,
        begin: CallTime,
        now: CallTime,
        began_ms: i64,
    ) -> Option<Happened> {
        let is_user = dialogue.producer == Producer::User;
        let (from, to) = if is_user {
            let (_, over) = self.turn.filter(|(turn, _)| *turn == sentence)?;
            (begin.saturating_sub(BEFORE), over)
        } else {
            (begin, now)
        };
        let recorded = Recorded::Sentence { is_user, from_ms: from.as_millis(), to_ms: to.as_millis() };
        let unix_ms = |at: CallTime| began_ms + at.as_millis() as i64;
        let expires = unix_ms(now) / 1000 + self.life as i64;
        Some(Happened::AudioRecord(AudioRecord {
            role: dialogue.producer.as_str(),
            text: dialogue.text.clone(),
            sentence: sentence.0,
            dialogue_id: dialogue.id.clone(),
            audio_url: address(&self.base_url, self.key.reveal(), &self.instance, recorded, expires),
            start_ms: unix_ms(from),
            end_ms: unix_ms(to),
        }))
    }
}
