//! `ringline recording`

use super::database;
use crate::config::{Config, DatabaseUrl};
use crate::recording::archive::Reader;
use crate::recording::mixdown::{self, Format};
use crate::recording::{Archive, Track};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use ringline_model::InstanceId;
use ringline_store::Store;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args)]
pub struct Recording {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a call's recording to a file: both sides as one file with two channels, or one track as it was recorded.
    Export(Export),
}

#[derive(Args)]
struct Export {
    /// The call's instance id.
    instance: String,
    #[command(flatten)]
    place: Place,
    /// What to write: opus (Ogg, 48 kHz) or wav (16 kHz, 16 bits), user left, agent right; user, agent or human (who
    /// took the call over): the packets of one track.
    #[arg(long, value_enum, default_value = "opus")]
    format: Exported,
    /// File to write [default: INSTANCE.ogg or .wav in this directory].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Exported {
    Opus,
    Wav,
    User,
    Agent,
    Human,
}

/// Where a server's data are.
#[derive(Args)]
pub struct Place {
    /// The server's data directory.
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub data: PathBuf,
    /// The server's Postgres database, if it has one.
    #[arg(long, value_name = "URL", env = "RINGLINE_DATABASE", hide_env_values = true, default_value = "")]
    pub database: DatabaseUrl,
    /// The server's configuration, if recordings are kept elsewhere ([recording.storage]).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Place {
    pub async fn open(&self, instance: &str) -> anyhow::Result<(Arc<dyn Store>, Archive, InstanceId)> {
        let instance = InstanceId::parse(instance.to_owned()).context("that is not an instance id")?;
        let store = database::open_existing(&self.database, &self.data).await?;
        let config = Config::load(self.config.as_deref())?;
        let archive = Archive::open(&config.recording.storage, &self.data)?;
        Ok((store, archive, instance))
    }
}

impl Recording {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        super::start_logs("warn", super::LogFormat::Text);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        match self.command {
            Command::Export(export) => runtime.block_on(export.export()),
        }
    }
}

impl Export {
    async fn export(self) -> anyhow::Result<ExitCode> {
        let (store, archive, instance) = self.place.open(&self.instance).await?;
        if store.instance(&instance).await?.is_none() {
            bail!("there is no call {instance} in {}", database::name(&self.place.database, &self.place.data));
        }
        let extension = if matches!(self.format, Exported::Wav) { "wav" } else { "ogg" };
        let path = self.out.unwrap_or_else(|| PathBuf::from(format!("{instance}.{extension}")));
        let tracks = archive.tracks(&instance).await?;
        if tracks.iter().all(Option::is_none) {
            bail!(
                "the call {instance} has no recording here: it was not recorded, nobody joined, it was removed, or it is kept \
                 elsewhere (then name the server's configuration with --config)"
            );
        }
        let length = tokio::task::spawn_blocking(move || mixdown::length(tracks)).await??;
        let wanted = match self.format {
            Exported::Opus => Wanted::Mix(Format::Opus, archive.tracks(&instance).await?, length),
            Exported::Wav => Wanted::Mix(Format::Wav, archive.tracks(&instance).await?, length),
            Exported::User => Wanted::one(&archive, &instance, Track::User).await?,
            Exported::Agent => Wanted::one(&archive, &instance, Track::Agent).await?,
            Exported::Human => Wanted::one(&archive, &instance, Track::Human).await?,
        };
        let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
        let write = move || -> anyhow::Result<()> {
            let mut out = BufWriter::new(file);
            match wanted {
                Wanted::Mix(format, tracks, length) => mixdown::write(format, tracks, length, &mut out)?,
                Wanted::Track(mut reader) => drop(io::copy(&mut reader, &mut out)?),
            }
            Ok(out.flush()?)
        };
        tokio::task::spawn_blocking(write).await??;
        println!("{}", path.display());
        Ok(ExitCode::SUCCESS)
    }
}

/// What is read for it.
enum Wanted {
    Mix(Format, [Option<Reader>; 2], u64),
    Track(Reader),
}

impl Wanted {
    async fn one(archive: &Archive, instance: &InstanceId, track: Track) -> anyhow::Result<Self> {
        let reader = archive.reader(instance, track.file_name()).await?;
        reader.map(Self::Track).with_context(|| format!("there is no {} of this call", track.file_name()))
    }
}
