//! Downloading one carrier with the Python package client, which brings the user's own index, proxy and certificate
//! settings with it. Nothing is installed and no package code runs: `download`, wheels only, no dependencies, and the
//! archive's hash is required before pip accepts it.

use super::manifest::Carrier;
use super::progress::{Progress, Step};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often the growing download is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How much of pip's complaint is kept.
const TAIL: u64 = 2000;

/// How to call pip.
#[derive(Clone, Debug)]
pub struct Pip {
    /// The Python interpreter.
    pub python: OsString,
    /// A download that has not grown for this long is given up. pip's own timeout and retries come first.
    pub stall: Duration,
}

impl Default for Pip {
    fn default() -> Self {
        Pip { python: "python3".into(), stall: Duration::from_secs(180) }
    }
}

/// A carrier could not be fetched. Each text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum PipError {
    #[error("{} cannot be started: {source}; install Python 3 (Debian: apt-get install python3 python3-pip), then run again", python.display())]
    NoPython { python: PathBuf, source: io::Error },
    #[error(
        "this Python has no pip; install it (Debian: apt-get install python3-pip, elsewhere: python3 -m ensurepip), then run again"
    )]
    NoPip,
    #[error("the package index cannot be reached; run again when the network is back, it resumes. pip said:\n{0}")]
    Network(String),
    #[error("nothing has arrived for {0:?}; run again, it resumes")]
    Stalled(Duration),
    #[error("the package changed: pip refuses its hash; nothing was installed. pip said:\n{0}")]
    Changed(String),
    #[error(
        "the package index does not offer it to this machine; take the archive from elsewhere and use `ringline models import DIR`. pip said:\n{0}"
    )]
    Gone(String),
    #[error("pip failed; mend what it says and run again. pip said:\n{0}")]
    Other(String),
    #[error("the download directory cannot be used: {0}")]
    Io(#[from] io::Error),
}

impl Pip {
    /// Says early, before the first download, whether pip can be called at all.
    pub(super) fn check(&self) -> Result<(), PipError> {
        let result = self.command().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        match result {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(PipError::NoPip),
            Err(source) => Err(PipError::NoPython { python: PathBuf::from(&self.python), source }),
        }
    }

    /// Downloads `carrier` into `workshop/new/`, an otherwise empty directory, and says where it is.
    /// What an interrupted run left in it is removed first.
    pub(super) fn download(
        &self,
        carrier: &Carrier,
        workshop: &Path,
        progress: &mut dyn Progress,
    ) -> Result<PathBuf, PipError> {
        let target = workshop.join("new");
        let temporary = workshop.join("temporary");
        for dir in [&target, &temporary] {
            match fs::remove_dir_all(dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                Ok(()) | Err(_) => fs::create_dir_all(dir)?,
            }
        }
        let requirements = workshop.join("requirements.txt");
        fs::write(&requirements, format!("{}=={} --hash=sha256:{}\n", carrier.name, carrier.version, carrier.sha256))?;
        let complaint = workshop.join("pip.stderr");
        let mut command = self.command();
        command
            .args(["download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-cache-dir", "--no-input"])
            .args(["--disable-pip-version-check", "--progress-bar", "off", "--retries", "3", "--timeout", "30"])
            .arg("-r")
            .arg(&requirements)
            .arg("-d")
            .arg(&target)
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            .stderr(File::create(&complaint)?);
        progress.start(Step::Download, &carrier.name, carrier.size);
        let mut child = KillOnDrop(command.spawn()?);
        self.watch(&mut child.0, carrier, [&target, &temporary], progress)
            .and_then(|success| if success { Ok(()) } else { Err(explain(&tail(&complaint)?)) })?;
        fs::remove_dir_all(&temporary)?;
        progress.advance(carrier.size);
        progress.finish();
        Ok(target.join(&carrier.archive))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.python);
        command.args(["-m", "pip"]).stdin(Stdio::null());
        command
    }

    /// Waits for the child, telling how far it is; `false` when it failed.
    fn watch(
        &self,
        child: &mut Child,
        carrier: &Carrier,
        dirs: [&Path; 2],
        progress: &mut dyn Progress,
    ) -> Result<bool, PipError> {
        let (mut most, mut grown) = (0, Instant::now());
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            let here = dirs.into_iter().map(size_below).sum::<u64>().min(carrier.size);
            if here > most {
                (most, grown) = (here, Instant::now());
                progress.advance(most);
            }
            if grown.elapsed() >= self.stall {
                return Err(PipError::Stalled(self.stall));
            }
            std::thread::sleep(POLL);
        }
    }
}

/// A child that does not outlive whoever waits for it.
struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait()
            && let Err(error) = self.0.kill().and_then(|()| self.0.wait())
        {
            tracing::debug!(%error, "pip could not be ended");
        }
    }
}

/// Bytes of all files below `dir`; what vanishes while looking counts as nothing.
fn size_below(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// What pip's words mean. The order matters: without a network pip ends with "no matching distribution" too.
fn explain(said: &str) -> PipError {
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    let said_owned = said.to_owned();
    if has(&["No module named pip"]) {
        PipError::NoPip
    } else if has(&["DO NOT MATCH THE HASHES"]) {
        PipError::Changed(said_owned)
    } else if has(&["Retrying (", "NewConnectionError", "ConnectionError", "name resolution", "timed out", "SSLError"])
    {
        PipError::Network(said_owned)
    } else if has(&["No matching distribution", "Could not find a version"]) {
        PipError::Gone(said_owned)
    } else {
        PipError::Other(said_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pips_complaints_are_told_apart() {
        assert!(matches!(explain("/usr/bin/python3: No module named pip"), PipError::NoPip));
        assert!(matches!(explain("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES from the"), PipError::Changed(_)));
        assert!(matches!(explain("ERROR: No matching distribution found for x==1"), PipError::Gone(_)));
        assert!(matches!(
            explain(
                "WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching distribution found"
            ),
            PipError::Network(_)
        ));
        assert!(matches!(explain("ERROR: something new"), PipError::Other(_)));
    }
}
