//! `ringline replay`

use super::database;
use crate::config::DatabaseUrl;
use anyhow::{Context, bail};
use clap::Args;
use ringline_conversation::{JournalEntry, Setup, replay};
use ringline_model::{CallTime, InstanceId};
use std::path::PathBuf;
use std::process::ExitCode;

/// Rows read at a time.
const PAGE: u32 = 500;

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
}

impl Replay {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn");
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
        let mut entries: Vec<JournalEntry> = Vec::new();
        loop {
            let rows = store.journal(&instance, entries.len() as u64, PAGE).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let in_row = || format!("journal row {}", row.seq);
                entries.push(JournalEntry {
                    at: CallTime::from_micros(row.at_us),
                    step: serde_json::from_str(&row.step).with_context(in_row)?,
                    outputs: serde_json::from_str(&row.outputs).with_context(in_row)?,
                });
            }
        }
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
