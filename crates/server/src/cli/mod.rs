//! The command line.

mod call;
mod database;
mod doctor;
#[cfg(feature = "local")]
mod lab;
pub mod machine;
mod models;
mod recording;
mod replay;
mod serve;
mod verify;

use clap::{Parser, Subcommand, ValueEnum};
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
    /// Look whether everything is in place for calls, and say what to do where it is not.
    Doctor(doctor::Doctor),
    /// Re-run a finished call's conversation from its journal; exit code 0 only if every output is identical.
    Replay(replay::Replay),
    /// Measure how well turns are taken, with audio and the local models.
    #[cfg(feature = "local")]
    Lab(lab::Lab),
    /// Get the recording of a call out of wherever it is kept.
    Recording(recording::Recording),
    /// Check that a call's journal and recording are what they were when it ended; exit code 0 only if they are.
    Verify(verify::Verify),
}

impl Cli {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve(serve) => serve.run(),
            Command::Models(models) => models.run(),
            Command::Call(call) => call.run(),
            Command::Doctor(doctor) => doctor.run(),
            Command::Replay(replay) => replay.run(),
            #[cfg(feature = "local")]
            Command::Lab(lab) => lab.run(),
            Command::Recording(recording) => recording.run(),
            Command::Verify(verify) => verify.run(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// Logs go to stderr; `RINGLINE_LOG` takes filters such as `debug` or `ringline=debug,warn`.
fn start_logs(default: &str, format: LogFormat) {
    use std::io::IsTerminal as _;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("RINGLINE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => logs.json().init(),
    }
}
