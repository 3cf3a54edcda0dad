//! `ringline models`

use anyhow::bail;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use ringline_providers::models::{FileState, FileStatus, ModelStore, Progress, Step, Tier, import, pull};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct Models {
    /// Where models are kept [default: $RINGLINE_MODELS, else $XDG_CACHE_HOME/ringline/models, else ~/.cache/ringline/models].
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// What there is, how large, under which licence, and whether it is here.
    List,
    /// Fetch what a tier needs; what is here already is kept, an interrupted pull goes on where it was.
    Pull {
        /// core (speech only), tiny (135M language model), small (0.5B) or standard (1.5B).
        #[arg(default_value = "standard")]
        tier: Tier,
    },
    /// Hash every file again; exit code 1 if one is damaged.
    Verify,
    /// Take archives or ready files from a folder, for machines without a network.
    Import { folder: PathBuf },
}

impl Models {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn", super::LogFormat::Text);
        let store = match &self.dir {
            Some(dir) => ModelStore::open(dir)?,
            None => ModelStore::open_default()?,
        };
        match self.command {
            Command::List => {
                let files = store.status()?;
                list(&files);
                println!("\nin {}\n", store.dir().display());
                let notices: std::collections::BTreeSet<_> = files.iter().map(|file| &file.notice).collect();
                for notice in notices {
                    println!("{notice}");
                }
            }
            Command::Pull { tier } => {
                let pulled = pull(&store, tier, &mut Bars::default())?;
                println!(
                    "{}: {} files fetched, {} were here, in {}",
                    tier,
                    pulled.installed.len(),
                    pulled.present.len(),
                    store.dir().display()
                );
            }
            Command::Verify => {
                let status = store.verify(&mut Bars::default())?;
                list(&status);
                if status.iter().any(|file| file.state == FileState::Damaged) {
                    bail!("damaged files were struck off; run `ringline models pull` again");
                }
            }
            Command::Import { folder } => {
                let imported = import(&store, &folder, &mut Bars::default())?;
                println!("installed: {}", words(&imported.installed));
                println!("still missing: {}", words(&imported.missing));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn words(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn list(files: &[FileStatus]) {
    println!("{:<22} {:<9} {:>10}  {:<8} LICENCE", "FILE", "TIER", "SIZE", "STATE");
    for file in files {
        let state = match file.state {
            FileState::Present => "here",
            FileState::Absent => "-",
            FileState::Damaged => "DAMAGED",
        };
        let megabytes = file.size as f64 / 1e6;
        println!("{:<22} {:<9} {megabytes:>7.1} MB  {state:<8} {}", file.name, file.tier.name(), file.licence);
    }
}

/// Progress bars on a terminal, a line per step elsewhere.
#[derive(Default)]
struct Bars {
    bar: Option<ProgressBar>,
}

impl Progress for Bars {
    fn start(&mut self, step: Step, what: &str, total: u64) {
        let doing = match step {
            Step::Download => "fetching",
            Step::Check => "checking",
            Step::Unpack => "unpacking",
            Step::Convert => "converting",
        };
        if !std::io::stderr().is_terminal() {
            eprintln!("{doing} {what} ({:.1} MB)", total as f64 / 1e6);
            return;
        }
        let style = ProgressStyle::with_template("{prefix:>10} {msg:32!} {bar:30} {bytes:>10}/{total_bytes} {eta}");
        let bar = ProgressBar::new(total).with_prefix(doing).with_message(what.to_owned());
        if let Ok(style) = style {
            bar.set_style(style);
        }
        self.bar = Some(bar);
    }

    fn advance(&mut self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    fn finish(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
