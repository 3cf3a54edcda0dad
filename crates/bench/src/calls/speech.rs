//! What all callers say: real speech from WAV files, cut at its pauses into turns, encoded once and shared by all calls, so that a
//! caller costs next to nothing.
//!
//! Opus as a browser sends it: VoIP at 32 kb/s with in-band FEC, 20 ms, each packet with its level (RFC 6464). While nobody speaks
//! there is a room (white noise), not digital silence.

use super::caller::Turn;
use anyhow::{Context, bail};
use ringline_audio::{WIRE_RATE, decode_file, level_dbfs};
use ringline_model::SplitMix64;
use std::path::PathBuf;
use std::time::Duration;

/// Samples of a frame at 48 kHz.
const FRAME: usize = WIRE_RATE as usize / 50;
/// A frame louder than this is speech; room noise of a recording lies below.
const SPEECH_DBFS: f32 = -42.0;
/// A longer pause ends a turn, in frames: 240 ms. The server would take one of 400 ms for the end.
const LONGEST_PAUSE: usize = 12;
/// Turns have so many frames of speech: 1 to 8 s. Shorter ones might be taken for a backchannel.
const TURN: (usize, usize) = (50, 400);
/// Frames kept before and after the speech.
const MARGIN: usize = 3;
/// Frames of the quiet room, which repeat.
const QUIET: usize = 250;
/// Longest file.
const LONGEST_FILE: Duration = Duration::from_secs(600);

/// One frame.
pub struct Packet {
    pub payload: Box<[u8]>,
    /// In dB of full scale.
    pub level: i8,
}

pub struct Speech {
    turns: Vec<(Turn, Vec<Packet>)>,
    quiet: Vec<Packet>,
}

impl Speech {
    /// Turns from these files, and a room with this level in dB of full scale.
    pub fn read(files: &[PathBuf], room: i8) -> anyhow::Result<Self> {
        let mut encoder = Encoder::new()?;
        let mut turns = Vec::new();
        for path in files {
            let name = path.display();
            let file = std::fs::read(path).with_context(|| format!("cannot read {name}"))?;
            let pcm = decode_file(file, WIRE_RATE, LONGEST_FILE).with_context(|| format!("cannot decode {name}"))?;
            let frames: Vec<&[f32]> = pcm.chunks_exact(FRAME).collect();
            let loud: Vec<bool> = frames.iter().map(|frame| level_dbfs(frame) > SPEECH_DBFS).collect();
            for (first, last) in stretches(&loud) {
                let (from, to) = (first.saturating_sub(MARGIN), (last + MARGIN).min(frames.len() - 1));
                let packets =
                    frames[from..=to].iter().map(|frame| encoder.encode(frame)).collect::<anyhow::Result<Vec<_>>>()?;
                turns.push((Turn { frames: packets.len(), speech: (first - from, last - from) }, packets));
            }
        }
        if !files.is_empty() && turns.is_empty() {
            bail!("in these files nobody speaks for a second: they have nothing louder than {SPEECH_DBFS} dBFS");
        }
        let mut chance = SplitMix64::new(1);
        // Evenly spread, so that its root mean square is the room's level.
        let peak = 10_f32.powf(f32::from(room) / 20.0) * 3_f32.sqrt();
        let mut noise = || std::array::from_fn::<_, FRAME, _>(|_| (chance.fraction() as f32 * 2.0 - 1.0) * peak);
        let quiet = (0..QUIET).map(|_| encoder.encode(&noise())).collect::<anyhow::Result<_>>()?;
        Ok(Self { turns, quiet })
    }

    pub fn turns(&self) -> Vec<Turn> {
        self.turns.iter().map(|(turn, _)| *turn).collect()
    }

    pub fn packet(&self, turn: usize, frame: usize) -> &Packet {
        &self.turns[turn].1[frame]
    }

    pub fn quiet(&self, n: u64) -> &Packet {
        &self.quiet[n as usize % QUIET]
    }

    /// Mean length of a turn's speech.
    pub fn mean_turn(&self) -> Duration {
        let frames: usize = self.turns.iter().map(|(turn, _)| turn.speech.1 - turn.speech.0 + 1).sum();
        super::caller::FRAME.mul_f64(frames as f64 / self.turns.len().max(1) as f64)
    }
}

/// First and last frames of what is said without a long pause; too short ones are left out, too long ones are cut.
fn stretches(loud: &[bool]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in loud.iter().enumerate().filter_map(|(at, loud)| loud.then_some(at)) {
        match found.last_mut() {
            Some((first, last)) if at - *last <= LONGEST_PAUSE && at - *first < TURN.1 => *last = at,
            _ => found.push((at, at)),
        }
    }
    found.retain(|(first, last)| last - first + 1 >= TURN.0);
    found
}

/// As browsers encode: VoIP at 32 kb/s with in-band FEC.
pub fn browsers_encoder() -> opus::Result<opus::Encoder> {
    let mut encoder = opus::Encoder::new(WIRE_RATE, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(32_000))?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(10)?;
    Ok(encoder)
}

struct Encoder(opus::Encoder);

impl Encoder {
    fn new() -> anyhow::Result<Self> {
        Ok(Self(browsers_encoder()?))
    }

    fn encode(&mut self, frame: &[f32]) -> anyhow::Result<Packet> {
        let payload = self.0.encode_vec_float(frame, 1000).context("cannot encode the speech")?.into();
        Ok(Packet { payload, level: level_dbfs(frame).round() as i8 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_cut_at_long_pauses_and_short_sounds_are_left_out() {
        let mut loud = vec![false; 10];
        loud.extend([true; 60]);
        loud.extend([false; 10]); // A short pause.
        loud.extend([true; 30]);
        loud.extend([false; 30]);
        loud.extend([true; 20]); // Too short.
        loud.extend([false; 30]);
        loud.extend([true; 50]);
        assert_eq!(stretches(&loud), [(10, 109), (190, 239)]);
        assert!(stretches(&[true; 1000]).iter().all(|(first, last)| last - first < TURN.1));
    }

    #[test]
    fn the_room_is_as_loud_as_asked_and_is_sent() {
        for room in [-70, -50] {
            let speech = Speech::read(&[], room).expect("a room");
            assert!((0..9).all(|n| speech.quiet(n).level.abs_diff(room) <= 1 && speech.quiet(n).payload.len() > 2));
            assert!(speech.turns().is_empty());
        }
    }
}
