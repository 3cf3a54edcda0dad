//! `ringline-bench calls`: a number of calls at once, begun over a ramp and held, each with real speech sent at a real sender's pace.
//!
//! What is measured lies in the hold. The set-up of each call is measured whenever it happens, which is in the ramp.

mod caller;
mod lateness;
mod line;
mod report;
mod socket;
pub mod speech;

use crate::connection::parts;
use crate::process::{Cpu, resident};
use crate::script::accounted;
use crate::signed::Ready;
use anyhow::{Context, bail};
use caller::Manner;
use clap::Args;
use line::{Callee, Measured, Progress, Run};
use report::{Outcome, Report, Server};
use ringline_providers::scripted::{Script, Timing};
use ringline_rtc::Identity;
use speech::Speech;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::{sleep, sleep_until};

/// Between the last call's start and the hold, so that greetings are over.
const SETTLE: Duration = Duration::from_secs(8);
const PROGRESS: Duration = Duration::from_secs(5);

#[derive(Args)]
pub struct Options {
    /// The line that `ringline serve --ready-json` printed.
    #[arg(
        long,
        env = "RINGLINE_READY",
        value_name = "JSON",
        required_unless_present = "offer_url",
        hide_env_values = true
    )]
    ready: Option<String>,
    /// Call another server instead, whose address takes an offer as {"sdp","type"} and answers in the same form.
    #[arg(long, value_name = "URL", conflicts_with = "ready")]
    offer_url: Option<String>,
    /// Speech (WAV), cut into turns at its pauses; may be repeated.
    #[arg(long = "wav", value_name = "FILE", required_unless_present = "silent")]
    wavs: Vec<PathBuf>,
    /// Nobody speaks: idle calls.
    #[arg(long, conflicts_with = "wavs")]
    silent: bool,
    /// How loud the room is in which nobody speaks, in dB of full scale.
    #[arg(long, default_value_t = -70, value_name = "DB", allow_negative_numbers = true, value_parser = clap::value_parser!(i8).range(-90..=-20))]
    room: i8,
    /// Calls at once.
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=5000))]
    calls: u16,
    /// Over so many seconds the calls begin.
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=3600))]
    ramp: u64,
    /// How long is measured, from 8 s after the last call's beginning, in s.
    #[arg(long, default_value_t = 30, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=36000))]
    hold: u64,
    /// How much of the time the user speaks, in percent. How much the agent does is its script's matter.
    #[arg(long, default_value_t = 35, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=90))]
    user_share: u8,
    /// How many answers are interrupted, in percent.
    #[arg(long, default_value_t = 10, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    interrupts: u8,
    /// The script that the server's providers follow, whose delays are no latency that the server adds [default: the default delays].
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// The silence that ends a turn, in ms: it is no latency that the server adds.
    #[arg(long, default_value_t = 400, value_name = "MS")]
    endpoint: u32,
    /// AIAgentConfig of the calls, as JSON.
    #[arg(long, value_name = "JSON")]
    agent_config: Option<String>,
    /// Audio payloads shorter than this are silence, in bytes.
    #[arg(long, default_value_t = 24, value_name = "BYTES")]
    silence_below: usize,
    /// The server's process, to report its CPU time and memory; may be repeated if there are several.
    #[arg(long, value_name = "PID")]
    server: Vec<String>,
    /// Calls with another seed begin with other turns and interrupt at other times.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let speech = Speech::read(&options.wavs, options.room)?;
    let timing = options.timing()?;
    let began = Instant::now();
    let from = began + Duration::from_secs(options.ramp) + SETTLE;
    let run = Arc::new(Run {
        callee: options.callee()?,
        identity: Identity::generate()?,
        silence_below: options.silence_below,
        from,
        until: from + Duration::from_secs(options.hold),
        progress: Progress::default(),
        speech,
    });
    let memory_before = options.memory();
    let said = tokio::spawn(say_how_it_goes(run.clone(), options.server.clone()));
    let calls: Vec<_> = (0..u64::from(options.calls))
        .map(|n| tokio::spawn(one(run.clone(), options.manner(&run, n), n, began, options.gap())))
        .collect();

    sleep_until(run.from.into()).await;
    let before = (Cpu::of("self"), options.cpu());
    // A moment before the end: then the calls are still there.
    sleep_until((run.until - Duration::from_millis(50)).into()).await;
    let (own, server, memory) = (Cpu::of("self"), options.cpu(), options.memory());
    let mut measured: Vec<Measured> = Vec::new();
    let mut failures: Vec<String> = Vec::new();
    for call in calls {
        match call.await? {
            Ok(call) => measured.push(call),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    said.abort();

    let outcome = Outcome {
        calls: options.calls,
        ramp: options.ramp,
        hold: options.hold,
        accounted: i64::from(options.endpoint) * 1000 + accounted(&timing),
        silent: options.silent,
        measured,
        failures,
        own: own.zip(before.0).map(|(now, before)| now.since(&before)),
        server: server.zip(before.1).map(|(now, before)| Server { cpu: now.since(&before), memory_before, memory }),
    };
    let report = Report::of(outcome);
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The `n`-th call, begun when it is its turn.
async fn one(run: Arc<Run>, manner: Manner, n: u64, began: Instant, gap: Duration) -> anyhow::Result<Measured> {
    sleep_until((began + gap * n as u32).into()).await;
    let call = run.clone().call(manner).await;
    if call.is_err() {
        run.progress.failed.fetch_add(1, Ordering::Relaxed);
    }
    call
}

/// One line on stderr every [`PROGRESS`].
async fn say_how_it_goes(run: Arc<Run>, server: Vec<String>) {
    let began = Instant::now();
    let mut before = cpu_of(&server);
    loop {
        sleep(PROGRESS).await;
        let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
        let progress = &run.progress;
        let now = cpu_of(&server);
        let busy =
            now.as_ref().zip(before.as_ref()).map(|(now, before)| now.since(before).total / PROGRESS.as_secs_f64());
        before = now;
        eprintln!(
            "{:4} s  {} connected, {} failed, {} frames and {} answers measured{}",
            began.elapsed().as_secs(),
            count(&progress.connected),
            count(&progress.failed),
            count(&progress.frames),
            count(&progress.answered),
            busy.map_or_else(String::new, |busy| format!(", the server takes {:.0} % of a core", busy * 100.0)),
        );
    }
}

fn cpu_of(processes: &[String]) -> Option<Cpu> {
    let all: Option<Vec<Cpu>> = processes.iter().map(|process| Cpu::of(process)).collect();
    all.filter(|all| !all.is_empty()).map(|all| all.into_iter().fold(Cpu::default(), Cpu::and))
}

impl Options {
    fn callee(&self) -> anyhow::Result<Callee> {
        match (&self.ready, &self.offer_url) {
            (_, Some(url)) => {
                let (host, path) = parts(url)?;
                Ok(Callee::Offers { host: host.to_owned(), path: path.to_owned() })
            }
            (Some(ready), None) => {
                Ok(Callee::Ringline { ready: Ready::parse(ready)?, agent_config: self.agent_config.clone() })
            }
            (None, None) => bail!("give --ready or --offer-url"),
        }
    }

    fn timing(&self) -> anyhow::Result<Timing> {
        let Some(path) = &self.script else { return Ok(Timing::default()) };
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Script::from_toml(&text).with_context(|| format!("in {}", path.display()))?.timing)
    }

    fn manner(&self, run: &Run, n: u64) -> Manner {
        Manner {
            turns: run.speech.turns(),
            share: f64::from(self.user_share) / 100.0,
            interrupts: f64::from(self.interrupts) / 100.0,
            seed: self.seed * 1_000_003 + n,
        }
    }

    fn gap(&self) -> Duration {
        Duration::from_secs(self.ramp) / u32::from(self.calls)
    }

    fn cpu(&self) -> Option<Cpu> {
        cpu_of(&self.server)
    }

    fn memory(&self) -> Option<u64> {
        let all: Option<Vec<u64>> = self.server.iter().map(|process| resident(process)).collect();
        all.filter(|all| !all.is_empty()).map(|all| all.iter().sum())
    }
}
