//! `ringline-bench`: load on a running server from a process of its own, and what it was like.
//!
//! * `calls` holds a number of WebRTC calls with real speech and reports lateness, latency, barge-in, set-up, CPU and memory;
//! * `script` prints the lines that the server's scripted providers say in them;
//! * `stage` runs one part of a call's path, to count its instructions;
//! * `starts` starts calls as fast as the server answers.
//!
//! README.md beside this crate's manifest says what the figures mean.

mod calls;
mod connection;
mod percentiles;
mod process;
mod script;
mod signed;
mod stage;
mod starts;

use clap::Parser;

/// Load on a running server, and what it was like.
#[derive(Parser)]
enum Bench {
    /// Hold calls with real speech, paced like a real sender.
    Calls(calls::Options),
    /// Print a script for `ringline serve --script` whose answers give the agent its share of the time.
    Script(script::Options),
    /// Run one part of a call's path, to count its instructions.
    Stage(stage::Options),
    /// Start calls by GenerateAIAgentCall as fast as the server answers; one JSON line.
    Starts(starts::Options),
}

fn main() -> anyhow::Result<std::process::ExitCode> {
    let bench = Bench::parse();
    // One thread: the machine is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match bench {
        Bench::Calls(options) => runtime.block_on(calls::run(options)),
        Bench::Script(options) => script::run(&options),
        Bench::Stage(options) => stage::run(&options),
        Bench::Starts(options) => runtime.block_on(starts::run(options)),
    }
}
