//! Real speech with transcripts: Debian's pocketsphinx-testdata (five sentences from LibriVox, five noisy card-game commands).
#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;

const FOLDER: &str = "/usr/share/pocketsphinx/test/data";

pub struct Recording {
    pub name: String,
    /// 16 kHz.
    pub audio: Vec<f32>,
    /// Lower case, no punctuation.
    pub transcript: String,
}

/// All ten, or none when they are not installed; with `RINGLINE_MODELS_REQUIRED` set that is a failure.
pub fn all() -> Option<Vec<Recording>> {
    Some([of("librivox", "transcription")?, of("cards", "cards.transcription")?].into_iter().flatten().collect())
}

pub fn librivox() -> Option<Vec<Recording>> {
    of("librivox", "transcription")
}

fn of(folder: &str, list: &str) -> Option<Vec<Recording>> {
    let folder = Path::new(FOLDER).join(folder);
    let Ok(list) = std::fs::read_to_string(folder.join(list)) else {
        let reason = "the recordings are not installed (apt-get install pocketsphinx-testdata)";
        assert!(std::env::var_os("RINGLINE_MODELS_REQUIRED").is_none(), "{reason}");
        eprintln!("skipped: {reason}");
        return None;
    };
    Some(list.lines().map(|line| recording(&folder, line)).collect())
}

/// `<s> words </s> (name)`
fn recording(folder: &Path, line: &str) -> Recording {
    let (words, name) = line.rsplit_once('(').unwrap();
    let name = name.trim_end_matches(')').to_owned();
    let words = words.trim().trim_start_matches("<s>").trim_end_matches("</s>");
    let mut wav = hound::WavReader::open(folder.join(&name).with_extension("wav")).unwrap();
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (16_000, 1));
    let audio = wav.samples::<i16>().map(|x| f32::from(x.unwrap()) / 32_768.0).collect();
    Recording { name, audio, transcript: words.split_whitespace().collect::<Vec<_>>().join(" ") }
}

/// With so much silence behind.
pub fn followed_by_silence(audio: &[f32], ms: usize) -> Vec<f32> {
    audio.iter().copied().chain(std::iter::repeat_n(0.0, ms * 16)).collect()
}
