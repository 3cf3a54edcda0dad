//! WAV files in and out.

use anyhow::{Context, bail};
use ringline_audio::{EAR_RATE, MOUTH_FRAME, MOUTH_RATE, Resampler, level_dbfs};
use std::path::Path;

/// Longest turn, in s.
const MAX_TURN: usize = 120;
/// A frame louder than this is speech, in dBFS; room noise of a recording lies below −45.
const SPEECH_DBFS: f32 = -38.0;

/// One user turn: audio at 24 kHz in whole 20 ms frames.
#[derive(Debug)]
pub struct Turn {
    pub frames: Vec<[f32; MOUTH_FRAME]>,
    /// The first and the last frame with speech.
    pub speech: (usize, usize),
}

impl Turn {
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display();
        let mut reader = hound::WavReader::open(path).with_context(|| format!("cannot read {name}"))?;
        let spec = reader.spec();
        let channels = usize::from(spec.channels).max(1);
        if reader.duration() as usize > MAX_TURN * spec.sample_rate as usize {
            bail!("{name} is longer than {MAX_TURN} s");
        }
        let samples: Vec<f32> = match spec.sample_format {
            hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>(),
            hound::SampleFormat::Int => {
                let scale = 1.0 / (1u64 << (spec.bits_per_sample - 1)) as f32;
                reader.samples::<i32>().map(|s| s.map(|s| s as f32 * scale)).collect()
            }
        }
        .with_context(|| format!("{name} is not a readable WAV file"))?;
        let mono: Vec<f32> =
            samples.chunks(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
        let mut resampler = Resampler::new(spec.sample_rate, MOUTH_RATE)?;
        let mut audio = Vec::new();
        resampler.push(&mono, &mut audio);
        resampler.finish(&mut audio);
        let frames: Vec<[f32; MOUTH_FRAME]> = audio
            .chunks(MOUTH_FRAME)
            .map(|part| {
                let mut frame = [0.0; MOUTH_FRAME];
                frame[..part.len()].copy_from_slice(part);
                frame
            })
            .collect();
        let loud = |frame: &[f32; MOUTH_FRAME]| level_dbfs(frame) > SPEECH_DBFS;
        let (Some(first), Some(last)) = (frames.iter().position(loud), frames.iter().rposition(loud)) else {
            bail!("{name} has no speech louder than {SPEECH_DBFS} dBFS");
        };
        Ok(Self { frames, speech: (first, last) })
    }
}

pub fn write(path: &Path, audio: &[f32]) -> anyhow::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: EAR_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer =
        hound::WavWriter::create(path, spec).with_context(|| format!("cannot write {}", path.display()))?;
    for sample in audio {
        writer.write_sample((sample.clamp(-1.0, 1.0) * 32_767.0) as i16)?;
    }
    writer.finalize()?;
    Ok(())
}
