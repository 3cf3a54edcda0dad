//! One call's part in the metrics: what its conversation decides, step by step, and what its providers do.

use super::{METRICS, Node};
use prometheus::{Histogram, IntCounter};
use ringline_conversation::{
    EndReason, Event, InterruptReason, JournalEntry, MetricsReading, Output, OverlapOutcome, TurnLatency,
};
use ringline_model::CallTime;
use std::time::Instant;

/// Reads a call's steps as they happen. How well turns were taken is added up at the end.
#[derive(Debug, Default)]
pub struct CallMeter {
    reading: MetricsReading,
}

impl CallMeter {
    pub fn started() -> Self {
        METRICS.calls_started.inc();
        Self::default()
    }

    pub fn step(&mut self, entry: &JournalEntry) {
        self.reading.read(entry);
        for output in &entry.outputs {
            if let Output::Record { event } = output {
                count(event);
            }
        }
    }

    /// `language`: the agent's recognition language.
    pub fn ended(self, reason: EndReason, at: CallTime, language: Option<&str>) {
        let metrics = self.reading.metrics(language);
        METRICS.calls_ended.with_label_values(&[reason.as_str()]).inc();
        METRICS.call_duration.observe(at.as_micros() as f64 / 1e6);
        METRICS.turns.inc_by(metrics.turns as u64);
        METRICS.turns_answered.inc_by(metrics.answered as u64);
        METRICS.user_interruptions.inc_by(metrics.interruptions as u64);
        METRICS.yields.inc_by(metrics.yields.len() as u64);
        metrics.yields.iter().for_each(|after| METRICS.yield_time.observe(after.as_secs_f64()));
        METRICS.backchannels.inc_by(metrics.backchannels as u64);
        METRICS.backchannels_held.inc_by(metrics.held as u64);
        METRICS.agent_interrupts.inc_by(metrics.agent_interrupts as u64);
    }
}

fn count(event: &Event) {
    match event {
        Event::Interrupted { reason, .. } => METRICS.interruptions.with_label_values(&[interrupted(*reason)]).inc(),
        Event::Overlap { outcome, .. } => METRICS.overlaps.with_label_values(&[overlap(*outcome)]).inc(),
        Event::Resumed { .. } => METRICS.resumptions.inc(),
        Event::Latency { latency } => observe(latency),
        _ => {}
    }
}

fn observe(latency: &TurnLatency) {
    let TurnLatency { sentence: _, endpointing, transcript, first_text, first_segment, first_audio, playout, total } =
        latency;
    for (stage, ms) in [
        ("endpointing", endpointing),
        ("transcript", transcript),
        ("first_text", first_text),
        ("first_segment", first_segment),
        ("first_audio", first_audio),
        ("playout", playout),
        ("total", total),
    ] {
        METRICS.turn_latency.with_label_values(&[stage]).observe(f64::from(*ms) / 1e3);
    }
}

const fn interrupted(reason: InterruptReason) -> &'static str {
    match reason {
        InterruptReason::Unknown => "unknown",
        InterruptReason::Words => "words",
        InterruptReason::Voice => "voice",
        InterruptReason::Command => "command",
        InterruptReason::Speech => "speech",
        InterruptReason::Text => "text",
    }
}

const fn overlap(outcome: OverlapOutcome) -> &'static str {
    match outcome {
        OverlapOutcome::Interrupted => "interrupted",
        OverlapOutcome::Backchannel => "backchannel",
        OverlapOutcome::NoWords => "no_words",
        OverlapOutcome::Echo => "echo",
        OverlapOutcome::OtherSpeaker => "other_speaker",
        OverlapOutcome::TooShort => "too_short",
        OverlapOutcome::TextLate => "text_late",
        OverlapOutcome::Moot => "moot",
    }
}

/// One provider of a call, as it is measured.
#[derive(Clone, Debug)]
pub struct ProviderMeter {
    requests: IntCounter,
    errors: IntCounter,
    latency: Histogram,
}

impl ProviderMeter {
    /// `family`: `local`, `scripted`, `openai`…; few of them.
    pub fn new(node: Node, family: &str) -> Self {
        let labels = &[node.as_str(), family];
        Self {
            requests: METRICS.provider_requests.with_label_values(labels),
            errors: METRICS.provider_errors.with_label_values(labels),
            latency: METRICS.provider_latency.with_label_values(labels),
        }
    }

    pub fn request(&self) -> Request {
        self.requests.inc();
        Request { meter: self.clone(), began: Instant::now(), answered: false }
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Request {
    meter: ProviderMeter,
    began: Instant,
    answered: bool,
}

impl Request {
    /// The first text or audio is there; later ones count for nothing.
    pub fn answered(&mut self) {
        if !std::mem::replace(&mut self.answered, true) {
            self.meter.latency.observe(self.began.elapsed().as_secs_f64());
        }
    }

    pub fn failed(&self) {
        self.meter.errors.inc();
    }
}
