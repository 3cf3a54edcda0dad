//! What a run of the lab found: numbers, a table of them, and the single clips behind them.

use super::scenes::{InRoom, Overlap, Question};
use serde::Serialize;
use std::fmt;

#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub set: String,
    pub interruptions: Vec<Overlap>,
    pub backchannels: Vec<Overlap>,
    pub questions: Vec<Question>,
    pub rooms: Vec<InRoom>,
    /// Clips that could not be made.
    pub missing: Vec<String>,
    /// Seconds of calls, and seconds that they took.
    pub call_s: f64,
    pub wall_s: f64,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    pub part: usize,
    pub of: usize,
}

impl Share {
    fn of<T>(all: &[T], is_part: impl Fn(&T) -> bool) -> Self {
        Self { part: all.iter().filter(|one| is_part(one)).count(), of: all.len() }
    }

    pub fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.part as f64 / self.of as f64)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value() {
            Some(value) => write!(f, "{value:6.3}  {} of {}", self.part, self.of),
            None => write!(f, "     -"),
        }
    }
}

impl Report {
    pub fn response_rate(&self) -> Share {
        Share::of(&self.questions, |question| question.answered)
    }

    pub fn yield_rate(&self) -> Share {
        Share::of(&self.interruptions, Overlap::yielded)
    }

    /// When the agent fell silent for those who interrupted it, in order, in s.
    pub fn yield_times(&self) -> Vec<f32> {
        let yielded = self.interruptions.iter().filter(|overlap| overlap.yielded());
        let mut times: Vec<f32> = yielded.filter_map(|overlap| overlap.silent).collect();
        times.sort_by(f32::total_cmp);
        times
    }

    pub fn selectivity(&self) -> Share {
        Share::of(&self.backchannels, |overlap| overlap.stopped.is_none())
    }

    pub fn hiccups(&self) -> Vec<f32> {
        let held = self.backchannels.iter().filter(|overlap| overlap.stopped.is_none());
        let mut gaps: Vec<f32> = held.map(|overlap| overlap.hiccup).filter(|gap| *gap > 0.0).collect();
        gaps.sort_by(f32::total_cmp);
        gaps
    }

    /// Of the questions with so much of a pause inside, those that were taken to be over at it.
    pub fn cut_off(&self, pause: u32) -> Share {
        let paused: Vec<_> = self.questions.iter().filter(|question| question.pause == pause).collect();
        Share::of(&paused, |question| question.cut_off)
    }

    pub fn agent_interrupts(&self) -> Share {
        Share::of(&self.questions, |question| question.interrupted_user)
    }

    pub fn self_interruptions(&self) -> Share {
        Share::of(&self.rooms, |room| room.self_interrupted)
    }

    pub fn self_pauses(&self) -> Share {
        Share::of(&self.rooms, |room| room.paused)
    }

    pub fn lost_interruptions(&self) -> Share {
        Share::of(&self.spoken_in(false), |room| room.stopped.is_none())
    }

    pub fn selectivity_in_rooms(&self) -> Share {
        Share::of(&self.spoken_in(true), |room| room.stopped.is_none())
    }

    /// Rooms in which somebody says something over the agent.
    fn spoken_in(&self, backchannels: bool) -> Vec<&InRoom> {
        let is_spoken = |room: &&InRoom| room.clip.is_some() && !room.self_interrupted;
        self.rooms.iter().filter(|room| is_spoken(room) && room.is_backchannel == backchannels).collect()
    }
}

/// The value that so many of the sorted ones lie below.
pub fn quantile(sorted: &[f32], share: f64) -> Option<f32> {
    sorted.get(((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1))).copied()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<f32>| time.map_or("     -".to_owned(), |time| format!("{time:4.2} s"));
        writeln!(f, "clips: {}", self.set)?;
        if !self.questions.is_empty() {
            writeln!(f, "response rate                {}", self.response_rate())?;
            for pause in [300, 600] {
                writeln!(f, "false cut-offs at {pause} ms     {}", self.cut_off(pause))?;
            }
            writeln!(f, "agent interrupts user        {}  per turn", self.agent_interrupts())?;
        }
        if !self.interruptions.is_empty() {
            let times = self.yield_times();
            writeln!(f, "yield rate (2.0 s)           {}", self.yield_rate())?;
            writeln!(
                f,
                "yield time, p50 / p95        {} / {}",
                time(quantile(&times, 0.5)),
                time(quantile(&times, 0.95))
            )?;
        }
        if !self.backchannels.is_empty() {
            let gaps = self.hiccups();
            writeln!(f, "backchannel selectivity      {}", self.selectivity())?;
            writeln!(f, "  of these silent meanwhile  {:6}  for {} (median)", gaps.len(), time(quantile(&gaps, 0.5)))?;
        }
        if !self.rooms.is_empty() {
            writeln!(f, "echo: self-interruptions     {}  per turn", self.self_interruptions())?;
            writeln!(f, "echo: agent silenced         {}  per turn", self.self_pauses())?;
            if self.rooms.iter().any(|room| room.is_backchannel) {
                writeln!(f, "echo: backchannels held      {}", self.selectivity_in_rooms())?;
            } else {
                writeln!(f, "echo: interruptions lost     {}", self.lost_interruptions())?;
            }
        }
        for missing in &self.missing {
            writeln!(f, "left out: {missing}")?;
        }
        writeln!(f, "{:.0} s of calls in {:.0} s", self.call_s, self.wall_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overlap(stopped: Option<f32>, silent: Option<f32>, hiccup: f32) -> Overlap {
        Overlap { clip: "c".into(), length: 1.0, silent, stopped, hiccup, words: String::new() }
    }

    #[test]
    fn a_late_stop_is_no_yield_and_any_stop_is_a_lost_backchannel() {
        let report = Report {
            interruptions: vec![
                overlap(Some(0.7), Some(0.34), 0.0),
                overlap(Some(2.1), Some(0.4), 0.0),
                overlap(None, None, 0.2),
            ],
            backchannels: vec![overlap(None, None, 0.4), overlap(None, None, 0.0), overlap(Some(1.2), Some(0.3), 0.0)],
            ..Report::default()
        };
        assert_eq!(report.yield_rate(), Share { part: 1, of: 3 });
        assert_eq!((report.yield_times(), report.hiccups()), (vec![0.34], vec![0.4]));
        assert_eq!(report.selectivity(), Share { part: 2, of: 3 });
        let text = report.to_string();
        assert!(text.contains("yield time, p50 / p95        0.34 s / 0.34 s"), "{text}");
    }

    fn room(is_backchannel: bool, stopped: Option<f32>, self_interrupted: bool) -> InRoom {
        InRoom {
            room: String::new(),
            clip: Some("c".into()),
            is_backchannel,
            stopped,
            ducked: false,
            paused: false,
            self_interrupted,
            echo_known: true,
            overlaps: Vec::new(),
            words: String::new(),
        }
    }

    #[test]
    fn in_rooms_an_interruption_is_lost_without_a_stop_and_a_backchannel_held() {
        let heard = [(None, false), (Some(0.9), false), (Some(1.7), false), (Some(0.1), true)];
        let of = |is_backchannel| {
            let rooms = heard.map(|(stopped, by_itself)| room(is_backchannel, stopped, by_itself)).to_vec();
            Report { rooms, ..Report::default() }
        };
        let share = Share { part: 1, of: 3 };
        assert_eq!((of(false).lost_interruptions(), of(true).selectivity_in_rooms()), (share, share));
        let (lost, held) = (of(false).to_string(), of(true).to_string());
        assert!(lost.contains("interruptions lost      0.333  1 of 3") && !lost.contains("held"), "{lost}");
        assert!(held.contains("backchannels held       0.333  1 of 3") && !held.contains("lost"), "{held}");
    }

    #[test]
    fn nothing_measured_is_no_number() {
        assert_eq!(Share { part: 0, of: 0 }.value(), None);
        assert_eq!(quantile(&[], 0.5), None);
    }
}
