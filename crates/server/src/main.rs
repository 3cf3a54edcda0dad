//! The binary `ringline`: AI agent calls, self-hosted.

mod agents;
mod app;
mod callbacks;
mod calls;
mod cli;
mod config;
mod doctor;
mod doors;
mod ice;
mod journal;
#[cfg(feature = "local")]
mod lab;
mod mcp;
mod metrics;
mod operations;
mod outward;
mod probe;
mod providers;
mod recording;
mod scheduling;
mod secrets;
mod session;
mod start;
mod telemetry;
mod timer;
mod voiceprints;

use clap::Parser;
use std::process::ExitCode;

/// The version that `--version`, the page and the ready line show.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ringline: {error:#}");
            ExitCode::FAILURE
        }
    }
}
