//! The command line.

mod call;
mod database;
#[cfg(feature = "local")]
mod lab;
mod machine;
mod models;
mod replay;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// AI agent calls, self-hosted: start a call with one signed request, join from a browser, talk with an agent.
#[derive(Parser)]
#[command(version, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server: the OpenAPI, the page, signaling, media and the agents.
    Serve(Box<serve::Serve>),
    /// List, pull, verify or import the local speech and language models.
    Models(models::Models),
    /// Call an agent from the terminal, with WAV files as the user's turns.
    Call(call::Call),
    /// Re-run a finished call's conversation from its journal; exit code 0 only if every output is identical.
    Replay(replay::Replay),
    /// Measure how well turns are taken, with audio and the local models.
    #[cfg(feature = "local")]
    Lab(lab::Lab),
}

impl Cli {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Models(models) => models.run(),
            Command::Call(call) => call.run(),
            Command::Replay(replay) => replay.run(),
            #[cfg(feature = "local")]
            Command::Lab(lab) => lab.run(),
        }
    }
}

/// Logs go to stderr; `RINGLINE_LOG` takes filters such as `debug` or `ringline=debug,warn`.
fn start_logs(default: &str) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("RINGLINE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
