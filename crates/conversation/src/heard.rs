//! The ledger of one response's segments: what was handed to synthesis, what plays, and what of the text was heard.
//!
//! Playout is in the order of handing over, so a segment that starts means that all before it are over. Text and time
//! within a segment are taken as proportional, cut back to the last whole word.

use crate::{Emotion, clauses::Clause, text::is_cjk};
use ringline_model::{CallTime, SegmentId, SentenceId};
use std::time::Duration;

/// From the moment synthesis could begin with a segment (handed over, the one before it done, the user there) to its first
/// audio.
pub(crate) const SYNTHESIS_WAIT: Duration = Duration::from_secs(5);

/// The same while nobody is there to wait for it.
const UNHURRIED_SYNTHESIS_WAIT: Duration = Duration::from_secs(20);

/// From the moment a segment could play (audio there, the one before it over, user present) to its first sample.
const PLAYOUT_WAIT: Duration = Duration::from_secs(10);

/// Beyond its own length, how late a segment's end may be reported.
const PLAYOUT_SLACK: Duration = Duration::from_secs(5);

/// Longest a segment of at most 200 characters can take at half rate; also for one whose length is unknown.
const LONGEST_SEGMENT: Duration = Duration::from_secs(120);

/// Longest clip; longer ones are not played.
pub(crate) const LONGEST_CLIP: Duration = Duration::from_secs(300);

/// Speech per character where the real length is not known yet: about 15 letters or 4.5 CJK characters a second.
const MS_PER_LETTER: u64 = 65;
const MS_PER_CJK: u64 = 220;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Handed {
        at: CallTime,
    },
    Audible {
        at: CallTime,
    },
    Playing {
        at: CallTime,
    },
    Played,
    /// Its synthesis or playout failed; not heard.
    Skipped,
}

#[derive(Debug)]
struct Segment {
    id: SegmentId,
    clause: Clause,
    rate: f64,
    longest: Duration,
    stage: Stage,
    duration_ms: Option<u32>,
    /// All its audio was made, or will not be.
    is_made: bool,
    made_at: CallTime,
    is_clip: bool,
    /// It holds the floor while the answer is not there, and is a sentence of its own.
    filler: Option<SentenceId>,
}

/// What a segment did not do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Audio(SegmentId),
    Start(SegmentId),
    End(SegmentId),
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    segments: Vec<Segment>,
    /// When the last segment ended.
    idle_since: CallTime,
    /// When synthesis was done with a segment.
    free_since: CallTime,
}

impl Ledger {
    pub fn hand_over(&mut self, id: SegmentId, clause: Clause, rate: f64, now: CallTime) {
        self.segments.push(Segment::handed(id, clause, rate, now));
    }

    /// A segment that is no part of the answer's text.
    pub fn hand_over_filler(&mut self, id: SegmentId, clause: Clause, rate: f64, sentence: SentenceId, now: CallTime) {
        self.segments.push(Segment { filler: Some(sentence), ..Segment::handed(id, clause, rate, now) });
    }

    /// Audio that is there as a whole and has no text.
    pub fn hand_over_clip(&mut self, id: SegmentId, duration_ms: u32, now: CallTime) {
        let clause = Clause::default();
        self.segments.push(Segment {
            longest: LONGEST_CLIP,
            stage: Stage::Audible { at: now },
            duration_ms: Some(duration_ms),
            is_made: true,
            is_clip: true,
            ..Segment::handed(id, clause, 1.0, now)
        });
    }

    /// How a segment is said, if the model told.
    pub fn emotion(&self, id: SegmentId) -> Option<Emotion> {
        self.segments.iter().find(|segment| segment.id == id)?.clause.emotion
    }

    /// How many fillers were handed over.
    pub fn fillers(&self) -> usize {
        self.segments.iter().filter(|segment| segment.filler.is_some()).count()
    }

    /// The sentence of a filler.
    pub fn filler(&self, id: SegmentId) -> Option<SentenceId> {
        self.segments.iter().find(|segment| segment.id == id)?.filler
    }

    /// The filler that plays.
    pub fn sounding_filler(&self) -> Option<SentenceId> {
        self.segments.iter().find(|segment| matches!(segment.stage, Stage::Playing { .. }))?.filler
    }

    /// Nothing of the answer itself was handed over.
    pub fn is_without_answer(&self) -> bool {
        self.segments.iter().all(|segment| segment.filler.is_some())
    }

    /// Something was to be heard, and nothing of it was.
    pub fn is_unheard(&self) -> bool {
        !self.segments.is_empty() && self.segments.iter().all(|segment| segment.stage == Stage::Skipped)
    }

    /// When the last segment ended.
    pub fn idle_since(&self) -> CallTime {
        self.idle_since
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    pub fn has(&self, id: SegmentId) -> bool {
        self.segments.iter().any(|segment| segment.id == id)
    }

    /// Segments that are neither heard nor given up.
    pub fn in_flight(&self) -> usize {
        self.segments.iter().filter(|segment| segment.is_in_flight()).count()
    }

    pub fn is_playing(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment.stage, Stage::Playing { .. }))
    }

    pub fn audio_ready(&mut self, id: SegmentId, now: CallTime) {
        if let Some(segment) = self.find(id)
            && let Stage::Handed { .. } = segment.stage
        {
            segment.stage = Stage::Audible { at: now };
        }
    }

    pub fn synthesised(&mut self, id: SegmentId, duration_ms: u32, now: CallTime) {
        self.audio_ready(id, now);
        if let Some(segment) = self.find(id) {
            segment.duration_ms = Some(duration_ms);
            (segment.is_made, segment.made_at) = (true, now);
            self.free_since = now;
        }
    }

    /// Synthesis failed. A segment that has audio already plays to where it got.
    pub fn failed(&mut self, id: SegmentId, now: CallTime) {
        let Some(segment) = self.find(id) else { return };
        segment.is_made = true;
        if let Stage::Handed { .. } = segment.stage {
            segment.stage = Stage::Skipped;
        }
        self.free_since = now;
    }

    /// Whether no sound of the segment was ever there: its end in playout means nothing then.
    pub fn is_soundless(&self, id: SegmentId) -> bool {
        let segment = self.segments.iter().find(|segment| segment.id == id);
        segment.is_some_and(|segment| match segment.stage {
            Stage::Handed { .. } | Stage::Skipped => true,
            Stage::Audible { .. } => segment.duration_ms == Some(0),
            Stage::Playing { .. } | Stage::Played => false,
        })
    }

    /// Gives a segment up, whatever it was doing.
    pub fn skip(&mut self, id: SegmentId, now: CallTime) {
        if let Some(segment) = self.find(id) {
            segment.stage = Stage::Skipped;
            self.free_since = now;
        }
    }

    /// Gives up all that have no audio.
    pub fn skip_handed(&mut self, now: CallTime) {
        for segment in &mut self.segments {
            if let Stage::Handed { .. } = segment.stage {
                segment.stage = Stage::Skipped;
            }
        }
        self.free_since = now;
    }

    /// Returns what the user sees of it, unless it had started before.
    pub fn started(&mut self, id: SegmentId, now: CallTime) -> Option<String> {
        let index = self.segments.iter().position(|segment| segment.id == id)?;
        // Told again, or late: it says nothing of the others.
        if matches!(self.segments[index].stage, Stage::Playing { .. } | Stage::Played) {
            return None;
        }
        for earlier in &mut self.segments[..index] {
            match earlier.stage {
                Stage::Playing { .. } => earlier.stage = Stage::Played,
                Stage::Handed { .. } | Stage::Audible { .. } => earlier.stage = Stage::Skipped,
                Stage::Played | Stage::Skipped => {}
            }
        }
        let unseen = |segment: &Segment| segment.stage == Stage::Skipped || segment.filler.is_some();
        let first_seen = self.segments[..index].iter().all(unseen) || self.segments[index].filler.is_some();
        let segment = &mut self.segments[index];
        segment.stage = Stage::Playing { at: now };
        Some(if first_seen { segment.clause.text.clone() } else { segment.clause.appended() })
    }

    pub fn finished(&mut self, id: SegmentId, now: CallTime) {
        if let Some(segment) = self.find(id) {
            segment.stage = Stage::Played;
            let is_clip = segment.is_clip;
            self.idle_since = now;
            if is_clip {
                self.free_since = now;
            }
        }
    }

    /// All text that was heard to its end.
    pub fn heard(&self) -> String {
        self.text_of(self.segments.iter().filter(|segment| segment.stage == Stage::Played))
    }

    /// The text heard when playout was stopped `played_ms` into `stopped`; all before it are over, nothing behind it began.
    pub fn heard_until(&self, stopped: Option<(SegmentId, u32)>) -> String {
        let Some((id, played_ms)) = stopped else { return self.heard() };
        let Some(index) = self.segments.iter().position(|segment| segment.id == id) else { return self.heard() };
        let segment = &self.segments[index];
        let part = Clause { text: segment.heard(played_ms).to_owned(), spaced: segment.clause.spaced, emotion: None };
        let started = |stage| matches!(stage, Stage::Played | Stage::Playing { .. });
        let mut text = self.text_of(self.segments[..index].iter().filter(|segment| started(segment.stage)));
        if !part.text.is_empty() && segment.filler.is_none() {
            text.push_str(&part.appended());
        }
        text.trim_start().to_owned()
    }

    /// The text that was not heard then, from the first word that was not heard whole.
    pub fn unheard_after(&self, stopped: Option<(SegmentId, u32)>) -> String {
        let at = stopped.and_then(|(id, ms)| Some((self.segments.iter().position(|segment| segment.id == id)?, ms)));
        let Some((index, played_ms)) = at else {
            let left = |stage| matches!(stage, Stage::Handed { .. } | Stage::Audible { .. } | Stage::Playing { .. });
            return self.text_of(self.segments.iter().filter(|segment| left(segment.stage)));
        };
        let segment = &self.segments[index];
        let rest = match segment.filler {
            Some(_) => "",
            None => &segment.clause.text[segment.heard(played_ms).len()..],
        };
        (rest.to_owned() + &self.appended(self.segments[index + 1..].iter())).trim_start().to_owned()
    }

    /// The text of the segment handed over last.
    pub fn last_text(&self) -> Option<&str> {
        self.segments.iter().rfind(|segment| segment.filler.is_none()).map(|segment| segment.clause.text.as_str())
    }

    /// The texts of the answer among these.
    fn appended<'a>(&self, segments: impl Iterator<Item = &'a Segment>) -> String {
        segments.filter(|segment| segment.filler.is_none()).map(|segment| segment.clause.appended()).collect()
    }

    fn text_of<'a>(&self, segments: impl Iterator<Item = &'a Segment>) -> String {
        self.appended(segments).trim_start().to_owned()
    }

    /// The soonest moment at which a segment is overdue. `here_since`: since when the user is there; without the user
    /// nothing need play.
    pub fn watch(&self, here_since: Option<CallTime>) -> Option<(CallTime, Overdue)> {
        self.watch_synthesis(here_since)
            .into_iter()
            .chain(here_since.and_then(|here| self.watch_playout(here)))
            .min_by_key(|(at, _)| *at)
    }

    /// The first that waits for its audio, unless synthesis is still busy with the one before it.
    fn watch_synthesis(&self, here_since: Option<CallTime>) -> Option<(CallTime, Overdue)> {
        let index = self.segments.iter().position(|segment| matches!(segment.stage, Stage::Handed { .. }))?;
        let is_busy = |segment: &Segment| segment.is_in_flight() && (segment.is_clip || !segment.is_made);
        if self.segments[..index].iter().any(is_busy) {
            return None;
        }
        let Stage::Handed { at } = self.segments[index].stage else { return None };
        let from = at.max(self.free_since);
        let until = match here_since {
            Some(here) => from.max(here) + SYNTHESIS_WAIT,
            None => from + UNHURRIED_SYNTHESIS_WAIT,
        };
        Some((until, Overdue::Audio(self.segments[index].id)))
    }

    fn watch_playout(&self, here: CallTime) -> Option<(CallTime, Overdue)> {
        let front = self.segments.iter().find(|segment| segment.is_in_flight())?;
        match front.stage {
            Stage::Audible { at } => Some((at.max(here).max(self.idle_since) + PLAYOUT_WAIT, Overdue::Start(front.id))),
            Stage::Playing { at } => {
                // Audio that is made more slowly than it plays has pauses: of what is made now, all may be still to play.
                let at = at.max(front.made_at);
                let length = front.duration_ms.map_or(front.longest, |ms| Duration::from_millis(ms.into()));
                Some((at.max(here) + length.min(front.longest) + PLAYOUT_SLACK, Overdue::End(front.id)))
            }
            Stage::Handed { .. } | Stage::Played | Stage::Skipped => None,
        }
    }

    fn find(&mut self, id: SegmentId) -> Option<&mut Segment> {
        self.segments.iter_mut().find(|segment| segment.id == id)
    }
}

impl Segment {
    /// Given to synthesis.
    fn handed(id: SegmentId, clause: Clause, rate: f64, now: CallTime) -> Self {
        Self {
            id,
            clause,
            rate,
            longest: LONGEST_SEGMENT,
            stage: Stage::Handed { at: now },
            duration_ms: None,
            is_made: false,
            made_at: now,
            is_clip: false,
            filler: None,
        }
    }

    fn is_in_flight(&self) -> bool {
        !matches!(self.stage, Stage::Played | Stage::Skipped)
    }

    /// The words heard within its first `played_ms`.
    fn heard(&self, played_ms: u32) -> &str {
        let duration = self.duration_ms.unwrap_or_else(|| estimated_ms(&self.clause.text, self.rate));
        up_to_word(&self.clause.text, played_ms, duration)
    }
}

/// How long a text may take to say, in ms.
fn estimated_ms(text: &str, rate: f64) -> u32 {
    let ms: u64 = text.chars().map(|c| if is_cjk(c) { MS_PER_CJK } else { MS_PER_LETTER }).sum();
    (ms as f64 / rate.clamp(0.5, 2.0)) as u32
}

/// The whole words within the first `played_ms` of `duration_ms`.
fn up_to_word(text: &str, played_ms: u32, duration_ms: u32) -> &str {
    if played_ms >= duration_ms {
        return text;
    }
    let chars = text.chars().count() as u64;
    let played = usize::try_from(chars * u64::from(played_ms) / u64::from(duration_ms)).unwrap_or(0);
    let mut end = 0;
    let mut before = ' ';
    for (index, (at, c)) in text.char_indices().enumerate() {
        if index > played {
            break;
        }
        if c.is_whitespace() || is_cjk(c) || is_cjk(before) {
            end = at;
        }
        before = c;
    }
    text[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: CallTime = CallTime::ZERO;

    fn ledger(texts: &[&str]) -> Ledger {
        let mut ledger = Ledger::default();
        for (index, text) in texts.iter().enumerate() {
            let clause = Clause { text: (*text).to_owned(), spaced: index > 0, emotion: None };
            ledger.hand_over(SegmentId(index as u64), clause, 1.0, T);
        }
        ledger
    }

    #[test]
    fn half_of_the_audio_is_the_whole_words_in_half_of_the_text() {
        assert_eq!(up_to_word("one two three four", 500, 1000), "one two");
        assert_eq!(up_to_word("one two three four", 0, 1000), "");
        assert_eq!(up_to_word("one two three four", 999, 1000), "one two three");
        assert_eq!(up_to_word("one two three four", 1000, 1000), "one two three four");
        assert_eq!(up_to_word("今天天气很好", 500, 1000), "今天天");
        assert_eq!(up_to_word("one", 0, 0), "one");
    }

    #[test]
    fn a_start_told_of_after_the_end_leaves_the_segment_that_plays_alone() {
        let mut ledger = ledger(&["One.", "Two."]);
        ledger.finished(SegmentId(1), T);
        ledger.started(SegmentId(0), T);
        assert_eq!(ledger.started(SegmentId(1), T), None);
        assert!(ledger.is_playing() && ledger.watch(Some(T)).is_some(), "its end is still waited for");
    }

    #[test]
    fn finished_segments_count_whole_and_the_stopped_one_in_part() {
        let mut ledger = ledger(&["One two.", "Three four five six.", "Seven."]);
        ledger.synthesised(SegmentId(1), 1000, T);
        ledger.started(SegmentId(0), T);
        ledger.finished(SegmentId(0), T);
        ledger.started(SegmentId(1), T);
        assert_eq!(ledger.heard(), "One two.");
        assert_eq!(ledger.heard_until(Some((SegmentId(1), 550))), "One two. Three four");
        assert_eq!(ledger.heard_until(Some((SegmentId(1), 5000))), "One two. Three four five six.");
        assert_eq!(ledger.heard_until(None), "One two.");
        assert_eq!(ledger.heard_until(Some((SegmentId(9), 550))), "One two.");
    }

    #[test]
    fn without_a_known_length_the_text_tells_how_long_it_takes() {
        let ledger = ledger(&["One two three four."]);
        assert_eq!(estimated_ms("One two three four.", 1.0), 1235);
        assert_eq!(ledger.heard_until(Some((SegmentId(0), 600))), "One two");
    }

    #[test]
    fn a_segment_that_starts_ends_those_before_it() {
        let mut ledger = ledger(&["One.", "Two.", "Three."]);
        assert_eq!(ledger.started(SegmentId(0), T).as_deref(), Some("One."));
        assert_eq!(ledger.started(SegmentId(0), T), None);
        assert_eq!(ledger.started(SegmentId(2), T).as_deref(), Some(" Three."));
        assert_eq!(ledger.heard(), "One.");
        assert_eq!(ledger.in_flight(), 1);
    }

    #[test]
    fn the_first_shown_piece_has_no_space_in_front() {
        let mut ledger = ledger(&["One.", "Two."]);
        ledger.failed(SegmentId(0), T);
        assert_eq!(ledger.started(SegmentId(1), T).as_deref(), Some("Two."));
        ledger.finished(SegmentId(1), T);
        assert_eq!(ledger.heard(), "Two.");
    }

    #[test]
    fn nothing_need_play_while_the_user_is_away() {
        let mut ledger = ledger(&["One."]);
        ledger.synthesised(SegmentId(0), 1000, T);
        assert_eq!(ledger.watch(None), None);
        let here = CallTime::from_millis(3000);
        assert_eq!(ledger.watch(Some(here)), Some((here + PLAYOUT_WAIT, Overdue::Start(SegmentId(0)))));
        ledger.started(SegmentId(0), CallTime::from_millis(4000));
        assert_eq!(ledger.watch(Some(here)), Some((CallTime::from_millis(10_000), Overdue::End(SegmentId(0)))));
    }
}
