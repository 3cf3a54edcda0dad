//! The binary `ringline`: AI agent calls, self-hosted.

mod agents;
mod app;
mod callbacks;
mod calls;
mod cli;
mod config;
mod doors;
#[cfg(feature = "local")]
mod lab;
mod outward;
mod providers;
mod secrets;
mod session;
mod start;
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
