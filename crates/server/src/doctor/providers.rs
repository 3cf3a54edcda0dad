//! Models and providers.

use super::Check;
use crate::config::{Config, Family};
use crate::probe::{self, Probe};
use crate::providers::{CallProviders, model_files, model_store};
use ringline_providers::models::{FileState, FileStatus, Progress, Step, Tier};

/// Model files of the configured tier: there, and as large as they should be; `hashed`: and every byte as it should be.
pub fn models(config: &Config, hashed: bool) -> Check {
    const NAME: &str = "models";
    if config.models.family == Family::Scripted {
        return Check::skipped(NAME, "scripted: there are none");
    }
    let tier = &config.models.tier;
    let files = if hashed { hash(config) } else { model_files(config) };
    let files = match files {
        Ok(files) => files,
        Err(error) => {
            return Check::failed(
                NAME,
                format!("{error:#}"),
                "set models.dir or RINGLINE_MODELS to a directory of yours",
            );
        }
    };
    let names = |state| {
        let of_state = files.iter().filter(|file: &&FileStatus| file.state == state);
        of_state.map(|file| file.name.as_str()).collect::<Vec<_>>()
    };
    let (absent, damaged) = (names(FileState::Absent), names(FileState::Damaged));
    let pull = format!("run `ringline models pull {tier}`");
    if !damaged.is_empty() {
        return Check::failed(NAME, format!("damaged: {}", damaged.join(", ")), pull);
    }
    if !absent.is_empty() {
        return Check::failed(NAME, format!("tier {tier} lacks {}", absent.join(", ")), pull);
    }
    let how = if hashed { "their hashes are right" } else { "their sizes are right, their hashes were when they came" };
    Check::ok(NAME, format!("tier {tier}: {} files, {how}", files.len()))
}

fn hash(config: &Config) -> anyhow::Result<Vec<FileStatus>> {
    let tier: Tier = config.models.tier.parse()?;
    let files = model_store(config)?.verify(&mut Quiet)?;
    Ok(files.into_iter().filter(|file| tier.brings(file.tier)).collect())
}

struct Quiet;

impl Progress for Quiet {
    fn start(&mut self, _: Step, _: &str, _: u64) {}

    fn advance(&mut self, _: u64) {}

    fn finish(&mut self) {}
}

/// Asks each provider for something small.
pub async fn providers(providers: CallProviders) -> Vec<Check> {
    probe::all(providers, None, None).await.into_iter().map(check).collect()
}

fn check(probe: Probe) -> Check {
    match probe.error {
        None => Check::ok(probe.node, format!("it answered after {} ms", probe.ms)),
        Some(error) => {
            let advice = match probe.node {
                "language_model" => {
                    "look at [llm] in the configuration: are the addresses of its providers right, the servers running, the keys in the environment?"
                }
                _ => "look at the models check, and at the server's log",
            };
            Check::failed(probe.node, error, advice)
        }
    }
}
