//! `ringline replay`

use super::database;
use crate::config::DatabaseUrl;
use crate::journal;
use anyhow::{Context, bail};
use clap::Args;
use ringline_conversation::{Change, Decision, Metrics, Setup, WhatIf, replay, what_if};
use ringline_model::{CallTime, InstanceId};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct Replay {
    /// The call's instance id.
    instance: String,
    /// The server's data directory.
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// The server's Postgres database, if it has one.
    #[arg(long, value_name = "URL", env = "RINGLINE_DATABASE", hide_env_values = true, default_value = "")]
    database: DatabaseUrl,
    /// Print every step: its time, what happened, and what the conversation asked for (contains what was said).
    #[arg(long)]
    verbose: bool,
    /// Show what another setting would have made of the call, e.g. `endpointing.silence=600ms`; may be given several times.
    #[arg(long, value_name = "SETTING=VALUE")]
    what_if: Vec<Change>,
    /// Print how well turns were taken: response and yield rate, yield time, backchannel selectivity.
    #[arg(long)]
    metrics: bool,
}

impl Replay {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn", super::LogFormat::Text);
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.replay())
    }

    async fn replay(self) -> anyhow::Result<ExitCode> {
        let file = database::file(&self.data);
        if self.database.get().is_none() && !file.exists() {
            bail!(
                "{} does not exist; name the server's data directory with --data or its database with --database",
                file.display()
            );
        }
        let store = database::open(&self.database, &self.data).await?;
        let instance = InstanceId::parse(self.instance.clone()).context("that is not an instance id")?;
        let Some(record) = store.instance(&instance).await? else { bail!("there is no call {instance}") };
        let setup: Setup = serde_json::from_value(record.setup).context("the journal's head is not readable")?;
        let entries = journal::read(&*store, &instance, usize::MAX).await?.entries;
        if entries.is_empty() {
            bail!("the call {instance} has no journal");
        }
        if self.verbose {
            for entry in &entries {
                println!("{} {}", entry.at, serde_json::to_string(&entry.step)?);
                for output in &entry.outputs {
                    println!("        {}", serde_json::to_string(output)?);
                }
            }
        }
        if self.metrics {
            print!("{}", Metrics::of(&entries, setup.config.asr.language.as_deref()));
        }
        if !self.what_if.is_empty() {
            print!("{}", table(&what_if(setup.clone(), &entries, &self.what_if)));
        }
        let count = entries.len();
        match replay(setup, entries) {
            Ok(_) => {
                println!("{count} steps replayed, every output identical");
                Ok(ExitCode::SUCCESS)
            }
            Err(divergence) => {
                eprintln!("{divergence}");
                Ok(ExitCode::FAILURE)
            }
        }
    }
}

/// Decision by decision, as it was and as it would have been.
fn table(what_if: &WhatIf) -> String {
    let at = |at: Option<CallTime>| at.map_or("-".to_owned(), |at| at.to_string());
    let mut out = format!("{:>10} {:>10}  decision\n", "recorded", "changed");
    for difference in &what_if.decisions {
        let decision = match &difference.decision {
            Decision::Turn { sentence, text } => format!("turn {sentence} is over: {text}"),
            Decision::Interrupted { reason, response } => format!("response {response} is interrupted ({reason:?})"),
        };
        out.push_str(&format!("{:>10} {:>10}  {decision}\n", at(difference.recorded), at(difference.changed)));
    }
    match &what_if.until {
        Some((at, why)) => {
            out.push_str(&format!(
                "From {at} on the recorded answers do not apply: {why}. What follows is not known.\n"
            ));
        }
        None => out.push_str("The recorded answers apply to the end.\n"),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        replay: Replay,
    }

    #[test]
    fn several_settings_can_be_changed_and_a_wrong_name_lists_the_right_ones() {
        let line = ["replay", "i-1", "--what-if", "endpointing.silence=600ms", "--what-if", "interruption.voice=off"];
        let parsed = Line::try_parse_from(line).expect("valid").replay;
        assert_eq!(parsed.what_if, [Change::Silence { ms: 600 }, Change::VoiceInterruption(false)]);
        let error =
            Line::try_parse_from(["replay", "i-1", "--what-if", "silence=1s"]).err().expect("wrong").to_string();
        assert!(error.contains("endpointing.semantic_wait"), "{error}");
    }
}
