//! `ringline verify`

use super::database;
use super::recording::Place;
use crate::recording::SealKey;
use crate::recording::verify::{Verdict, verify};
use anyhow::bail;
use clap::Args;
use std::process::ExitCode;

/// The exit code for a call that nobody has signed yet.
const UNSEALED: u8 = 2;

/// Exit codes: 0 everything is as it was signed, 1 something was changed (the first change is named), 2 nothing is changed but it
/// is not signed yet.
#[derive(Args)]
pub struct Verify {
    /// The call's instance id.
    call: String,
    #[command(flatten)]
    place: Place,
    /// The public key to check with, as hex [default: the server's own].
    #[arg(long, value_name = "HEX")]
    key: Option<String>,
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn", super::LogFormat::Text);
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(self.verify())
    }

    async fn verify(self) -> anyhow::Result<ExitCode> {
        let (store, archive, instance) = self.place.open(&self.call).await?;
        let key = match self.key {
            Some(key) => key,
            None => SealKey::of(&*store).await?.public(),
        };
        let Some(found) = verify(&*store, &archive, &key, &instance).await? else {
            bail!("there is no call {instance} in {}", database::name(&self.place.database, &self.place.data));
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&found)?);
        } else {
            found.findings.iter().for_each(|finding| println!("{finding}"));
            if let Some(sealed) = &found.sealed {
                let why = if found.after_crash { " (at the start after the server had died in the call)" } else { "" };
                println!("Sealed {sealed}{why} with the key {}.", found.key);
            }
        }
        Ok(match found.verdict {
            Verdict::Intact => ExitCode::SUCCESS,
            Verdict::Changed => ExitCode::FAILURE,
            Verdict::Unsealed => ExitCode::from(UNSEALED),
        })
    }
}
