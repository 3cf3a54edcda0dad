//! `ringline-bench`: starts calls by GenerateAIAgentCall as fast as the server answers, over a number of kept connections,
//! each request signed (ACS3) with a nonce of its own, and prints one JSON line.
//!
//! Calls must not pile up. Either each is stopped before the connection's next one (the stops count as load, but not as
//! starts), or, with `--leave`, nobody stops them and they end because no user comes within a second.

mod connection;
mod report;

use anyhow::{Context, bail};
use clap::Parser;
use connection::Connection;
use report::{Cpu, Report};
use ringline_protocol::acs3::{Unsigned, sign_request};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Parser, Clone)]
struct Options {
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

/// What is needed of the ready line.
#[derive(Deserialize)]
struct Ready {
    url: String,
    agent_id: String,
    access_key_id: String,
    access_key_secret: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Started {
    instance_id: String,
}

/// Latencies of the starts and of the stops that ended within the measured time, in µs.
#[derive(Default)]
struct Measured {
    starts: Vec<u64>,
    stops: Vec<u64>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let ready: Arc<Ready> = Arc::new(serde_json::from_str(&options.ready).context("--ready is not a ready line")?);
    let from = Instant::now() + Duration::from_secs(options.warmup);
    let until = from + Duration::from_secs(options.seconds);
    let users: Vec<_> =
        (0..options.connections).map(|_| tokio::spawn(user(ready.clone(), options.leave, from, until))).collect();
    tokio::time::sleep_until(from.into()).await;
    let (own, server) = (Cpu::of("self"), options.server.as_deref().and_then(Cpu::of));
    tokio::time::sleep_until(until.into()).await;
    let own = Cpu::since(own, "self");
    let server = options.server.as_deref().and_then(|id| Cpu::since(server, id));
    let mut all = Measured::default();
    for user in users {
        let measured = user.await??;
        all.starts.extend(measured.starts);
        all.stops.extend(measured.stops);
    }
    let report = Report::new(options.connections, options.seconds, all.starts, all.stops, own, server);
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// One connection's requests, one after the other.
async fn user(ready: Arc<Ready>, leave: bool, from: Instant, until: Instant) -> anyhow::Result<Measured> {
    let host = ready.url.strip_prefix("http://").context("only http:// is spoken")?.trim_end_matches('/');
    let mut connection = Connection::open(host).await?;
    let mut measured = Measured::default();
    let mut start = vec![("AIAgentId", ready.agent_id.as_str()), ("UserId", "load")];
    if leave {
        start.push(("AgentConfig", r#"{"UserOnlineTimeout":1}"#));
    }
    loop {
        let (took, body) = ask(&mut connection, &ready, host, "GenerateAIAgentCall", &start).await?;
        let now = Instant::now();
        if now >= until {
            return Ok(measured);
        }
        if now >= from {
            measured.starts.push(took);
        }
        if leave {
            continue;
        }
        let started: Started = serde_json::from_slice(&body).context("the answer names no instance")?;
        let stop = [("InstanceId", started.instance_id.as_str())];
        let (took, _) = ask(&mut connection, &ready, host, "StopAIAgentInstance", &stop).await?;
        if (from..until).contains(&Instant::now()) {
            measured.stops.push(took);
        }
    }
}

/// Sends one request; how long the answer took in µs, without the signing, and its body. Anything but 200 ends the run:
/// a refusal is quicker than a start.
async fn ask(
    connection: &mut Connection,
    ready: &Ready,
    host: &str,
    action: &str,
    params: &[(&str, &str)],
) -> anyhow::Result<(u64, Vec<u8>)> {
    let nonce = format!("{:032x}", rand::random::<u128>());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    let signed = sign_request(&Unsigned {
        method: "POST",
        path: "/",
        host,
        action,
        version: "2020-11-09",
        params,
        body: b"",
        access_key_id: &ready.access_key_id,
        secret: &ready.access_key_secret,
        now: i64::try_from(now.as_secs())?,
        nonce: &nonce,
    });
    let mut head = format!("POST /?{} HTTP/1.1\r\n", signed.query);
    for (name, value) in &signed.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("content-length: 0\r\n\r\n");
    let began = Instant::now();
    let answer = connection.exchange(head.as_bytes()).await?;
    let took = began.elapsed().as_micros();
    if answer.status != 200 {
        bail!("{action} was answered with {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok((u64::try_from(took)?, answer.body))
}
