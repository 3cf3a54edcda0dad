//! `ringline-bench starts`: starts calls by GenerateAIAgentCall as fast as the server answers, over a number of kept connections,
//! and prints one JSON line.
//!
//! Calls must not pile up. Either each is stopped before the connection's next one (the stops count as load, but not as
//! starts), or, with `--leave`, nobody stops them and they end because no user comes within a second.

use crate::connection::Connection;
use crate::percentiles::{Percentiles, micros};
use crate::process::Cpu;
use crate::signed::Ready;
use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Args)]
pub struct Options {
    /// The line that `ringline serve --ready-json` printed.
    #[arg(long, env = "RINGLINE_READY", value_name = "JSON")]
    ready: String,
    /// Connections, each with one request under way.
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    connections: u16,
    /// How long is measured, in s.
    #[arg(long, default_value_t = 20, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// How long requests are sent before, in s.
    #[arg(long, default_value_t = 3, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=600))]
    warmup: u64,
    /// Leave the calls to their UserOnlineTimeout of 1 s instead of stopping them.
    #[arg(long)]
    leave: bool,
    /// The server's process, to report its CPU time.
    #[arg(long, value_name = "PID")]
    server: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Started {
    instance_id: String,
}

/// Latencies of the starts and of the stops that ended within the measured time, in µs.
#[derive(Default)]
struct Measured {
    starts: Vec<i64>,
    stops: Vec<i64>,
}

#[derive(Serialize)]
struct Report {
    connections: u16,
    seconds: u64,
    starts: usize,
    starts_per_second: f64,
    /// Latency of GenerateAIAgentCall, in ms.
    start_ms: Option<Percentiles>,
    /// Of StopAIAgentInstance.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_ms: Option<Percentiles>,
    /// CPU time this loader took of the same machine, in s.
    loader_cpu: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_cpu: Option<f64>,
}

pub async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let ready = Arc::new(Ready::parse(&options.ready)?);
    let from = Instant::now() + Duration::from_secs(options.warmup);
    let until = from + Duration::from_secs(options.seconds);
    let users: Vec<_> =
        (0..options.connections).map(|_| tokio::spawn(user(ready.clone(), options.leave, from, until))).collect();
    tokio::time::sleep_until(from.into()).await;
    let cpu = || (Cpu::of("self"), options.server.as_deref().and_then(Cpu::of));
    let used = |before: Option<Cpu>, now: Option<Cpu>| Some(now?.since(&before?).total);
    let before = cpu();
    tokio::time::sleep_until(until.into()).await;
    let now = cpu();
    let (loader_cpu, server_cpu) = (used(before.0, now.0), used(before.1, now.1));
    let mut all = Measured::default();
    for user in users {
        let measured = user.await??;
        all.starts.extend(measured.starts);
        all.stops.extend(measured.stops);
    }
    let report = Report {
        connections: options.connections,
        seconds: options.seconds,
        starts: all.starts.len(),
        starts_per_second: all.starts.len() as f64 / options.seconds as f64,
        start_ms: Percentiles::of(all.starts),
        stop_ms: Percentiles::of(all.stops),
        loader_cpu,
        server_cpu,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// One connection's requests, one after the other.
async fn user(ready: Arc<Ready>, leave: bool, from: Instant, until: Instant) -> anyhow::Result<Measured> {
    let mut connection = Connection::open(ready.host()?).await?;
    let mut measured = Measured::default();
    let mut start = vec![("AIAgentId", ready.agent_id.as_str()), ("UserId", "load")];
    if leave {
        start.push(("AgentConfig", r#"{"UserOnlineTimeout":1}"#));
    }
    loop {
        let (took, body) = ready.ask(&mut connection, "GenerateAIAgentCall", &start).await?;
        let now = Instant::now();
        if now >= until {
            return Ok(measured);
        }
        if now >= from {
            measured.starts.push(micros(took));
        }
        if leave {
            continue;
        }
        let started: Started = serde_json::from_slice(&body).context("the answer names no instance")?;
        let stop = [("InstanceId", started.instance_id.as_str())];
        let (took, _) = ready.ask(&mut connection, "StopAIAgentInstance", &stop).await?;
        if (from..until).contains(&Instant::now()) {
            measured.stops.push(micros(took));
        }
    }
}
