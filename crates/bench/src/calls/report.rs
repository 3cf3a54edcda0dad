//! What a run was like, as JSON and for people. README.md says what each field means.

use super::line::Measured;
use crate::percentiles::{Percentiles, micros};
use crate::process::Cpu;
use ringline_protocol::datachannel::TurnLatency;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A frame later than this is late: it is about to be heard.
const LATE: Duration = Duration::from_millis(20);
/// Above this the client itself was short of time and the run says nothing about the server: lateness of our own frames, in ms, at
/// the 99th percentile, and our share of a core.
const OWN_LATENESS: f64 = 5.0;
const OWN_SHARE: f64 = 0.9;

/// Everything there is to report.
pub struct Outcome {
    pub calls: u16,
    pub ramp: u64,
    pub hold: u64,
    /// What the endpoint's silence and the providers account for of a response's latency, in µs.
    pub accounted: i64,
    pub silent: bool,
    pub measured: Vec<Measured>,
    pub failures: Vec<String>,
    pub own: Option<Cpu>,
    pub server: Option<Server>,
}

pub struct Server {
    pub cpu: Cpu,
    /// In bytes.
    pub memory_before: Option<u64>,
    pub memory: Option<u64>,
}

#[derive(Serialize)]
pub struct Report {
    calls: u16,
    ramp_s: u64,
    hold_s: u64,
    pub valid: bool,
    /// Why not.
    problems: Vec<String>,
    completed: usize,
    failures: BTreeMap<String, usize>,
    turns: Turns,
    share: Share,
    audio: Audio,
    response_ms: Option<Percentiles>,
    /// As the server tells it: `endpointing`, `transcript`, `first_text`, `first_segment`, `first_audio`, `playout`, `total`.
    latency_ms: BTreeMap<&'static str, Percentiles>,
    accounted_ms: f64,
    added_ms: Option<Percentiles>,
    barge_in_ms: Option<Percentiles>,
    setup_ms: SetUp,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<ServerUse>,
    client: Client,
}

#[derive(Serialize)]
struct Turns {
    spoken: usize,
    answered: usize,
    unanswered: usize,
    interrupted: usize,
}

#[derive(Serialize)]
struct Share {
    user: f64,
    agent: f64,
}

#[derive(Serialize)]
struct Audio {
    frames: usize,
    late_over_20_ms: usize,
    lost: u64,
    lateness_ms: Option<Percentiles>,
}

#[derive(Serialize)]
struct SetUp {
    joinable: Option<Percentiles>,
    connected: Option<Percentiles>,
    first_sample: Option<Percentiles>,
}

#[derive(Serialize)]
struct ServerUse {
    cpu_s: f64,
    core_share: f64,
    cpu_s_per_call_minute: f64,
    threads: BTreeMap<String, ThreadUse>,
    memory_before_mb: Option<f64>,
    memory_mb: Option<f64>,
    memory_per_call_kb: Option<f64>,
}

#[derive(Serialize)]
struct ThreadUse {
    cpu_s_per_call_minute: f64,
    waited_s: f64,
}

#[derive(Serialize)]
struct Client {
    core_share: Option<f64>,
    lateness_ms: Option<Percentiles>,
}

impl Report {
    pub fn of(outcome: Outcome) -> Self {
        let Outcome { calls, ramp, hold, accounted, silent, measured, failures, own, server } = outcome;
        let all = |of: fn(&Measured) -> &Vec<i64>| measured.iter().flat_map(|call| of(call).iter().copied()).collect();
        let sum = |of: fn(&Measured) -> usize| measured.iter().map(of).sum::<usize>();
        let parts: Vec<TurnLatency> = measured.iter().flat_map(|call| call.parts.iter().copied()).collect();
        let part = |of: fn(&TurnLatency) -> u32| Percentiles::of(parts.iter().map(|part| of_ms(of(part))).collect());
        type Part = fn(&TurnLatency) -> u32;
        let rows: [(&'static str, Part); 7] = [
            ("endpointing", |p| p.endpointing),
            ("transcript", |p| p.transcript),
            ("first_text", |p| p.first_text),
            ("first_segment", |p| p.first_segment),
            ("first_audio", |p| p.first_audio),
            ("playout", |p| p.playout),
            ("total", |p| p.total),
        ];
        let set_up = |of: fn(&Measured) -> Option<Duration>| {
            Percentiles::of(measured.iter().filter_map(|call| Some(micros(of(call)?))).collect())
        };
        let seconds = measured.len() as f64 * hold as f64;
        let share = |frames: u64| if seconds > 0.0 { frames as f64 * 0.02 / seconds } else { 0.0 };
        let client = Client {
            core_share: own.map(|own| own.total / hold as f64),
            lateness_ms: Percentiles::of(all(|call| &call.own_lateness)),
        };
        let mut report = Self {
            calls,
            ramp_s: ramp,
            hold_s: hold,
            valid: true,
            problems: Vec::new(),
            completed: measured.len(),
            failures: counted(failures),
            turns: Turns {
                spoken: sum(|call| call.spoke),
                answered: sum(|call| call.response.len()),
                unanswered: sum(|call| call.unanswered),
                interrupted: sum(|call| call.barge_in.len()),
            },
            share: Share {
                user: share(measured.iter().map(|call| call.speech_sent).sum()),
                agent: share(measured.iter().map(|call| call.audible_heard).sum()),
            },
            audio: Audio {
                frames: sum(|call| call.lateness.late().count()),
                late_over_20_ms: sum(|call| call.lateness.later_than(LATE)),
                lost: measured.iter().map(|call| call.lateness.lost).sum(),
                lateness_ms: Percentiles::of(measured.iter().flat_map(|call| call.lateness.late()).collect()),
            },
            response_ms: Percentiles::of(all(|call| &call.response)),
            latency_ms: rows.into_iter().filter_map(|(name, of)| Some((name, part(of)?))).collect(),
            accounted_ms: accounted as f64 / 1000.0,
            added_ms: Percentiles::of(parts.iter().map(|part| of_ms(part.total) - accounted).collect()),
            barge_in_ms: Percentiles::of(all(|call| &call.barge_in)),
            setup_ms: SetUp {
                joinable: set_up(|call| call.joinable),
                connected: set_up(|call| call.connected),
                first_sample: set_up(|call| call.first_sample),
            },
            server: server.map(|server| ServerUse::of(&server, calls, hold)),
            client,
        };
        report.problems = report.problems(silent);
        report.valid = report.problems.is_empty();
        report
    }

    fn problems(&self, silent: bool) -> Vec<String> {
        let mut problems = Vec::new();
        if self.completed < usize::from(self.calls) {
            problems.push(format!("{} of {} calls failed", usize::from(self.calls) - self.completed, self.calls));
        }
        if let Some(late) = self.client.lateness_ms.filter(|late| late.p99 > OWN_LATENESS) {
            problems.push(format!("the client was short of time: its own frames were {:.1} ms late (p99)", late.p99));
        }
        if let Some(share) = self.client.core_share.filter(|share| *share > OWN_SHARE) {
            problems.push(format!("the client was short of time: it took {:.0} % of a core", share * 100.0));
        }
        if !silent && self.turns.answered == 0 {
            problems.push("no turn was answered".to_owned());
        }
        problems
    }
}

impl ServerUse {
    fn of(server: &Server, calls: u16, hold: u64) -> Self {
        let minutes = f64::from(calls) * hold as f64 / 60.0;
        let thread = |(name, thread): (&String, &crate::process::Thread)| {
            let used = ThreadUse { cpu_s_per_call_minute: thread.ran / minutes, waited_s: thread.waited };
            (name.clone(), used)
        };
        let mb = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1e6);
        let grown = server.memory.zip(server.memory_before).map(|(now, before)| now.saturating_sub(before));
        Self {
            cpu_s: server.cpu.total,
            core_share: server.cpu.total / hold as f64,
            cpu_s_per_call_minute: server.cpu.total / minutes,
            threads: server.cpu.by_thread.iter().map(thread).collect(),
            memory_before_mb: mb(server.memory_before),
            memory_mb: mb(server.memory),
            memory_per_call_kb: grown.map(|bytes| bytes as f64 / 1000.0 / f64::from(calls)),
        }
    }
}

fn counted(failures: Vec<String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for why in failures {
        *counts.entry(why).or_default() += 1;
    }
    counts
}

fn of_ms(ms: u32) -> i64 {
    i64::from(ms) * 1000
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, name: &str, times: &Option<Percentiles>| match times {
            Some(t) => writeln!(
                f,
                "  {name:<28} p50 {:8.1}   p95 {:8.1}   p99 {:8.1}   max {:8.1}   n {}",
                t.p50, t.p95, t.p99, t.max, t.n
            ),
            None => Ok(()),
        };
        let Turns { spoken, answered, unanswered, interrupted } = self.turns;
        writeln!(f, "{} calls held for {} s, {} to the end", self.calls, self.hold_s, self.completed)?;
        writeln!(
            f,
            "turns: {spoken} spoken, {answered} answered, {unanswered} not, {interrupted} interruptions; the user spoke {:.0} % of the time, the agent {:.0} %",
            self.share.user * 100.0,
            self.share.agent * 100.0
        )?;
        let Audio { frames, late_over_20_ms, lost, lateness_ms } = &self.audio;
        writeln!(f, "audio: {frames} frames, {late_over_20_ms} late by more than 20 ms, {lost} lost")?;
        writeln!(f, "in ms:")?;
        row(f, "frame's lateness", lateness_ms)?;
        row(f, "response (as heard)", &self.response_ms)?;
        for (name, times) in &self.latency_ms {
            row(f, &format!("server's {name}"), &Some(*times))?;
        }
        row(f, &format!("added (total - {:.0})", self.accounted_ms), &self.added_ms)?;
        row(f, "barge-in", &self.barge_in_ms)?;
        row(f, "request to joinable", &self.setup_ms.joinable)?;
        row(f, "offer to connected", &self.setup_ms.connected)?;
        row(f, "offer to first sample", &self.setup_ms.first_sample)?;
        row(f, "client's own lateness", &self.client.lateness_ms)?;
        if let Some(server) = &self.server {
            writeln!(
                f,
                "server: {:.3} CPU s per call-minute, {:.0} % of a core{}",
                server.cpu_s_per_call_minute,
                server.core_share * 100.0,
                server.memory_per_call_kb.map_or_else(String::new, |kb| format!("; {kb:.0} kB of memory a call"))
            )?;
            for (name, thread) in &server.threads {
                writeln!(
                    f,
                    "  {name:<28} {:.4} CPU s per call-minute, waited {:.2} s for a core",
                    thread.cpu_s_per_call_minute, thread.waited_s
                )?;
            }
        }
        if let Some(share) = self.client.core_share {
            writeln!(f, "client: {:.0} % of a core", share * 100.0)?;
        }
        for (why, times) in &self.failures {
            writeln!(f, "{times} calls failed: {why}")?;
        }
        for problem in &self.problems {
            writeln!(f, "NOT VALID: {problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::lateness::Lateness;
    use std::time::Instant;

    fn outcome(own_lateness: i64) -> Outcome {
        let mut lateness = Lateness::new(Instant::now());
        lateness.arrived(1, 0, Instant::now(), true);
        let latency = TurnLatency { total: 830, ..TurnLatency::default() };
        let call = Measured {
            lateness,
            spoke: 1,
            unanswered: 0,
            response: vec![840_000],
            barge_in: Vec::new(),
            parts: vec![latency],
            joinable: None,
            connected: None,
            first_sample: None,
            own_lateness: vec![own_lateness],
            speech_sent: 100,
            audible_heard: 150,
        };
        Outcome {
            calls: 1,
            ramp: 0,
            hold: 10,
            accounted: 816_666,
            silent: false,
            measured: vec![call],
            failures: Vec::new(),
            own: None,
            server: None,
        }
    }

    #[test]
    fn what_the_server_adds_is_what_nothing_accounts_for() {
        let report = Report::of(outcome(200));
        assert!(report.valid && report.problems.is_empty());
        let added = report.added_ms.expect("a turn").p50;
        assert!((added - 13.334).abs() < 1e-9, "{added}");
        assert!((report.share.user - 0.2).abs() < 1e-9 && (report.share.agent - 0.3).abs() < 1e-9);
        assert!(serde_json::to_string(&report).is_ok());
    }

    #[test]
    fn a_run_whose_client_was_short_of_time_is_not_valid() {
        let report = Report::of(outcome(6_000));
        assert!(!report.valid && report.to_string().contains("NOT VALID"), "{report}");
    }

    #[test]
    fn a_run_with_calls_that_failed_is_not_valid() {
        let mut outcome = outcome(0);
        outcome.failures = vec!["no connection".to_owned(); 2];
        outcome.calls = 3;
        let report = Report::of(outcome);
        assert_eq!(report.failures["no connection"], 2);
        assert!(!report.valid);
    }
}
