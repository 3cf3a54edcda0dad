//! The lab's clips: what `clips.toml` lists, synthesised or read when it is needed.
//!
//! A clip begins with its first sound and ends with its last, and has the same loudness as every other. What an engine that is not
//! installed would say is left out; [`Clips::missing`] names it.

use anyhow::Context;
use ringline_audio::{EAR_RATE, decode_file, level_dbfs, pcm16};
use serde::Deserialize;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MANIFEST: &str = include_str!("clips.toml");
const RECORDINGS: &str = "/usr/share/pocketsphinx/test/data";
/// Of every clip, in dBFS: a microphone at arm's length.
const LEVEL: f32 = -26.0;
/// Before its first and behind its last sound, a clip is so much below its loudest.
const SILENCE_BELOW: f32 = 35.0;
const PIECE: usize = EAR_RATE as usize / 100;
/// Longer recordings are cut.
const LONGEST: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Set {
    /// For choosing settings.
    Tuning,
    /// For measuring what was chosen.
    HeldOut,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Interruption,
    Backchannel,
    Question,
}

pub struct Clip {
    pub name: String,
    pub kind: Kind,
    /// 16 kHz.
    pub audio: Vec<f32>,
}

pub struct Clips {
    pub clips: Vec<Clip>,
    pub missing: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Manifest {
    tuning: Listed,
    held_out: Listed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    speakers: Vec<Speaker>,
    interruptions: Vec<String>,
    backchannels: Vec<String>,
    questions: Vec<String>,
    recordings: Vec<Recording>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Speaker {
    name: String,
    /// The voice of one of the two engines.
    espeak: Option<String>,
    flite: Option<String>,
    /// espeak's words a minute.
    speed: Option<u32>,
    /// espeak's, 0 to 99.
    pitch: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    name: String,
    kind: Kind,
    file: String,
}

impl Clips {
    /// All of a set; of each kind at most `most`, spread over the list.
    pub fn load(set: Set, most: usize) -> anyhow::Result<Self> {
        let manifest: Manifest = toml::from_str(MANIFEST).context("the list of clips is not readable")?;
        let listed = if set == Set::Tuning { manifest.tuning } else { manifest.held_out };
        let mut clips = Self { clips: Vec::new(), missing: Vec::new() };
        let recordings = |kind: Kind| listed.recordings.iter().filter(move |recording| recording.kind == kind);
        for (kind, lines) in [
            (Kind::Interruption, &listed.interruptions),
            (Kind::Backchannel, &listed.backchannels),
            (Kind::Question, &listed.questions),
        ] {
            let said = lines.iter().flat_map(|line| listed.speakers.iter().map(move |speaker| (speaker, line)));
            let all: Vec<Source<'_>> = recordings(kind)
                .map(Source::Recording)
                .chain(said.map(|(speaker, line)| Source::Speaker(speaker, line)))
                .collect();
            let taken = all.len().min(most);
            for n in 0..taken {
                clips.take(kind, &all[n * all.len() / taken]);
            }
        }
        Ok(clips)
    }

    fn take(&mut self, kind: Kind, source: &Source<'_>) {
        let name = source.name();
        match source.audio() {
            Ok(audio) => self.clips.push(Clip { name, kind, audio: trimmed(&audio) }),
            Err(error) => self.missing.push(format!("{name}: {error:#}")),
        }
    }
}

enum Source<'a> {
    Speaker(&'a Speaker, &'a str),
    Recording(&'a Recording),
}

impl Source<'_> {
    fn name(&self) -> String {
        match self {
            Self::Speaker(speaker, line) => format!("{}: {line}", speaker.name),
            Self::Recording(recording) => recording.name.clone(),
        }
    }

    fn audio(&self) -> anyhow::Result<Vec<f32>> {
        match self {
            Self::Speaker(speaker, line) => speaker.say(line),
            Self::Recording(recording) => read(&Path::new(RECORDINGS).join(&recording.file)),
        }
    }
}

impl Speaker {
    fn say(&self, line: &str) -> anyhow::Result<Vec<f32>> {
        let file = tempfile();
        let mut command = match (&self.espeak, &self.flite) {
            (Some(voice), _) => {
                let mut command = Command::new("espeak-ng");
                let (speed, pitch) = (self.speed.unwrap_or(170), self.pitch.unwrap_or(50));
                command.args(["-v", voice, "-s", &speed.to_string(), "-p", &pitch.to_string(), "-w"]);
                command.arg(&file).arg(line);
                command
            }
            (None, Some(voice)) => {
                let mut command = Command::new("flite");
                command.args(["-voice", voice, "-t", line, "-o"]).arg(&file);
                command
            }
            (None, None) => anyhow::bail!("the list names no engine"),
        };
        let output = command.output().context("its engine is not installed")?;
        anyhow::ensure!(output.status.success(), "its engine failed: {}", String::from_utf8_lossy(&output.stderr));
        let audio = read(&file);
        std::fs::remove_file(&file).context("the engine's file cannot be removed")?;
        audio
    }
}

/// A file of our own that no other process writes.
fn tempfile() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("ringline-lab-{}.wav", uuid::Uuid::new_v4().simple()))
}

fn read(file: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    if file.extension().is_some_and(|extension| extension == "raw") {
        return Ok(pcm16::from_bytes(&bytes));
    }
    decode_file(bytes, EAR_RATE, LONGEST).with_context(|| format!("{} cannot be decoded", file.display()))
}

/// From the first sound to the last, at [`LEVEL`].
fn trimmed(audio: &[f32]) -> Vec<f32> {
    let levels: Vec<f32> = audio.chunks(PIECE).map(level_dbfs).collect();
    let least = levels.iter().copied().fold(f32::MIN, f32::max) - SILENCE_BELOW;
    let is_sound = |level: &f32| *level >= least;
    let first = levels.iter().position(is_sound).unwrap_or(0) * PIECE;
    let last = levels.iter().rposition(is_sound).map_or(audio.len(), |last| (last + 1) * PIECE).min(audio.len());
    let sound = &audio[first..last];
    let gain = 10_f32.powf((LEVEL - level_dbfs(sound)) / 20.0);
    sound.iter().map(|sample| sample * gain).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_speaker_recording_or_sentence_is_in_both_sets() {
        let manifest: Manifest = toml::from_str(MANIFEST).unwrap();
        let names = |listed: &Listed| -> BTreeSet<String> {
            let voices = listed.speakers.iter().map(|s| s.espeak.clone().or(s.flite.clone()).unwrap());
            let files = listed.recordings.iter().map(|recording| recording.file.clone());
            voices.chain(files).chain(listed.interruptions.clone()).chain(listed.questions.clone()).collect()
        };
        let shared: Vec<_> = names(&manifest.tuning).intersection(&names(&manifest.held_out)).cloned().collect();
        assert_eq!(shared, Vec::<String>::new());
    }

    #[test]
    fn a_clip_is_cut_to_its_sound_and_has_the_usual_loudness() {
        let tone = (0..8000).map(|n| (n as f32 * 0.3).sin() * 0.01);
        let audio: Vec<f32> =
            std::iter::repeat_n(0.0, 5000).chain(tone).chain(std::iter::repeat_n(0.0, 3000)).collect();
        let clip = trimmed(&audio);
        assert!((7900..=8320).contains(&clip.len()), "{}", clip.len());
        assert!((level_dbfs(&clip) - LEVEL).abs() < 1.0);
    }
}
