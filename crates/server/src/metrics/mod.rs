//! What can be counted and measured here, for Prometheus (docs/monitoring.md has every name with its meaning).
//!
//! One set for the process, made at the first use. Counting is an atomic addition: what media does for every frame takes no lock
//! and allocates nothing. Labels have few values, known beforehand; ids, texts and addresses are never among them.
//! Gauges of what is now (calls, the outbox) are read when they are asked for ([`scrape`]).

mod call;
mod scrape;

pub use call::{CallMeter, ProviderMeter, Request};
pub use scrape::{PATH, door, lone_router};

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};
use std::sync::LazyLock;

/// The process's own.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics::new().expect("the names are valid and differ"));

/// Voice-to-voice times and their parts, and what providers take, in s.
const STAGES: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.5, 5.0, 10.0];
/// How late ticks of 20 ms are, in s.
const LATENESS: &[f64] = &[0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 1.0];
/// Jitter of packets, in s.
const JITTER: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
/// Parts of packets.
const SHARES: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5];
/// Lengths of calls, in s.
const LENGTHS: &[f64] = &[5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0];

pub struct Metrics {
    registry: Registry,
    build_info: IntGaugeVec,
    start_time: IntGauge,
    // Calls
    calls: IntGaugeVec,
    calls_limit: IntGauge,
    pub calls_started: IntCounter,
    pub calls_refused: IntCounterVec,
    calls_ended: IntCounterVec,
    call_duration: Histogram,
    // Turns
    turn_latency: HistogramVec,
    turns: IntCounter,
    turns_answered: IntCounter,
    interruptions: IntCounterVec,
    overlaps: IntCounterVec,
    resumptions: IntCounter,
    user_interruptions: IntCounter,
    yields: IntCounter,
    yield_time: Histogram,
    backchannels: IntCounter,
    backchannels_held: IntCounter,
    agent_interrupts: IntCounter,
    // Media
    pub packets_received: IntCounter,
    pub packets_lost: IntCounter,
    pub jitter: Histogram,
    pub loss_to_user: Histogram,
    pub tick_lateness: Histogram,
    overloaded: IntGauge,
    pub dropped_ear_audio: IntCounter,
    pub dropped_media_events: IntCounter,
    pub dropped_recorder_packets: IntCounter,
    pub dropped_client_messages: IntCounter,
    // Providers
    provider_requests: IntCounterVec,
    provider_errors: IntCounterVec,
    provider_latency: HistogramVec,
    // Traces, callbacks and the database
    pub exported_spans: IntCounter,
    pub dropped_spans: IntCounter,
    callbacks_waiting: IntGauge,
    callback_attempts: IntCounterVec,
    database_up: IntGauge,
}

/// Part of the process that does a call's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Recognition,
    LanguageModel,
    Synthesis,
}

impl Node {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Recognition => "recognition",
            Self::LanguageModel => "language_model",
            Self::Synthesis => "synthesis",
        }
    }
}

impl Metrics {
    fn new() -> prometheus::Result<Self> {
        Self::make().inspect(Self::show_what_can_be)
    }

    /// Every label there can be is there from the beginning, at 0: a rate needs a value before the first event, too.
    fn show_what_can_be(&self) {
        let known = |counters: &IntCounterVec, labels: &[&str]| {
            labels.iter().for_each(|label| counters.with_label_values(&[label]).inc_by(0));
        };
        known(&self.calls_refused, &["full", "draining", "channel_busy", "media"]);
        known(&self.interruptions, &["voice", "words", "command", "speech", "text", "unknown"]);
        let outcomes =
            ["interrupted", "backchannel", "no_words", "echo", "other_speaker", "too_short", "text_late", "moot"];
        known(&self.overlaps, &outcomes);
        known(&self.callback_attempts, &["delivered", "again", "given_up"]);
        known(&self.calls_ended, &["user_left", "stopped_by_api", "stopped_by_client", "idle", "provider_failed"]);
    }

    fn make() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| registered(&registry, IntCounter::new(name, help)?);
        let counters = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let gauge = |name: &str, help: &str| registered(&registry, IntGauge::new(name, help)?);
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, IntGaugeVec::new(Opts::new(name, help), labels)?)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            registered(&registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
        };
        let histograms = |name: &str, help: &str, labels: &[&str]| {
            registered(&registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(STAGES.to_vec()), labels)?)
        };
        let dropped = counters("ringline_dropped_total", "What a full queue did not take.", &["queue"])?;
        Ok(Self {
            build_info: gauges("ringline_build_info", "Always 1; the version is a label.", &["version"])?,
            start_time: gauge("ringline_start_time_seconds", "When the server started, in Unix time.")?,
            calls: gauges("ringline_calls", "Running calls, by whether the user has joined.", &["state"])?,
            calls_limit: gauge("ringline_calls_limit", "Calls that may run at once.")?,
            calls_started: counter("ringline_calls_started_total", "Calls that were started.")?,
            calls_refused: counters("ringline_calls_refused_total", "Calls that were not started.", &["reason"])?,
            calls_ended: counters("ringline_calls_ended_total", "Calls that ended.", &["reason"])?,
            call_duration: histogram("ringline_call_duration_seconds", "From a call's start to its end.", LENGTHS)?,
            turn_latency: histograms(
                "ringline_turn_latency_seconds",
                "Voice to voice (stage total), from the user's last sample to the agent's first, and its parts in order.",
                &["stage"],
            )?,
            turns: counter("ringline_turns_total", "The user's turns, counted at a call's end.")?,
            turns_answered: counter("ringline_turns_answered_total", "Of the turns, those that were answered aloud.")?,
            interruptions: counters("ringline_interruptions_total", "Times the agent was stopped.", &["reason"])?,
            overlaps: counters(
                "ringline_overlaps_total",
                "Times the user spoke over the agent, by what it was taken for.",
                &["outcome"],
            )?,
            resumptions: counter(
                "ringline_false_interruptions_total",
                "Times the agent took up again what was stopped for nothing.",
            )?,
            user_interruptions: counter(
                "ringline_user_interruptions_total",
                "Times the user spoke words over the agent, counted at a call's end.",
            )?,
            yields: counter("ringline_yields_total", "Of these, those at which the agent fell silent within 2 s.")?,
            yield_time: histogram(
                "ringline_yield_seconds",
                "How long after the user began the agent fell silent.",
                STAGES,
            )?,
            backchannels: counter(
                "ringline_backchannels_total",
                "Sounds over the agent that want nothing of it, counted at a call's end.",
            )?,
            backchannels_held: counter(
                "ringline_backchannels_held_total",
                "Of these, those after which the agent went on.",
            )?,
            agent_interrupts: counter(
                "ringline_agent_interrupts_total",
                "Times the agent began to speak while the user was speaking, counted at a call's end.",
            )?,
            packets_received: counter("ringline_media_packets_received_total", "Audio packets of users that arrived.")?,
            packets_lost: counter(
                "ringline_media_packets_lost_total",
                "Audio packets of users that had not arrived when a later one did.",
            )?,
            jitter: histogram(
                "ringline_media_jitter_seconds",
                "Jitter of users' packets (RFC 3550), every 2 s of a call.",
                JITTER,
            )?,
            loss_to_user: histogram(
                "ringline_media_loss_to_user_ratio",
                "Part of the agent's packets that a receiver's report says are lost.",
                SHARES,
            )?,
            tick_lateness: histogram(
                "ringline_media_tick_lateness_seconds",
                "How late ticks of 20 ms come.",
                LATENESS,
            )?,
            overloaded: gauge("ringline_media_overloaded", "1 while ticks are so late that nobody is let in.")?,
            dropped_ear_audio: dropped.with_label_values(&["ear_audio"]),
            dropped_media_events: dropped.with_label_values(&["media_events"]),
            dropped_recorder_packets: dropped.with_label_values(&["recorder_packets"]),
            dropped_client_messages: dropped.with_label_values(&["client_messages"]),
            provider_requests: counters(
                "ringline_provider_requests_total",
                "Requests to providers.",
                &["node", "family"],
            )?,
            provider_errors: counters("ringline_provider_errors_total", "Requests that failed.", &["node", "family"])?,
            provider_latency: histograms(
                "ringline_provider_latency_seconds",
                "From a request to its first text or audio, or its transcript.",
                &["node", "family"],
            )?,
            exported_spans: counter("ringline_spans_exported_total", "Spans of traces that the receiver took.")?,
            dropped_spans: counter(
                "ringline_spans_dropped_total",
                "Spans of traces that were not sent, or not taken.",
            )?,
            callbacks_waiting: gauge("ringline_callbacks_waiting", "Events that wait to be delivered.")?,
            callback_attempts: counters(
                "ringline_callback_attempts_total",
                "Attempts to deliver events.",
                &["outcome"],
            )?,
            database_up: gauge("ringline_database_up", "1 while the database answers.")?,
            registry,
        })
    }

    pub fn callback_attempt(&self, outcome: &str) {
        self.callback_attempts.with_label_values(&[outcome]).inc();
    }
}

fn registered<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    collector: C,
) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
