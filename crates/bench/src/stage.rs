//! `ringline-bench stage`: one part of a call's path on a fixed input and without a clock, some number of times over, for tools that
//! count instructions. What one pass costs is the difference between two numbers of passes.

use crate::calls::speech::browsers_encoder;
use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};
use ringline_audio::{
    EAR_RATE, EarPath, MOUTH_FRAME, MOUTH_RATE, MouthEncoder, OggTrack, OggTrackConfig, Playout, WIRE_RATE,
};
use ringline_model::{ResponseId, SegmentId};
use ringline_providers::VoiceActivity as _;
use ringline_providers::earshot::EarshotVad;
use ringline_rtc::{Identity, Incoming, PathLimits, PeerEvent, Protocol, Session, SessionConfig};
use std::hint::black_box;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Audio of one pass, in s.
const PASS: usize = 2;
/// Frames of one pass.
const FRAMES: usize = PASS * 50;
const FRAME_WIRE: u64 = 960;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Stage {
    /// The user's packets to samples.
    Ear,
    /// Voice activity.
    Vad,
    /// The agent's samples through playout to packets.
    Mouth,
    /// The user's packets into a recording's track, without a disk.
    Track,
    /// WebRTC: a packet each way every 20 ms.
    Session,
}

#[derive(Args)]
pub struct Options {
    #[arg(value_enum)]
    stage: Stage,
    /// Each pass is 2 s of one call.
    #[arg(long, default_value_t = 1, value_name = "N")]
    passes: u32,
}

pub fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let voice = voice(WIRE_RATE);
    let packets = packets(&voice)?;
    for_each_pass(options, &packets)?;
    Ok(ExitCode::SUCCESS)
}

fn for_each_pass(options: &Options, packets: &[Vec<u8>]) -> anyhow::Result<()> {
    let passes = 0..options.passes;
    let frames = 0..u64::from(options.passes) * FRAMES as u64;
    match options.stage {
        Stage::Ear => {
            let mut ear = EarPath::new()?;
            for n in frames {
                black_box(ear.receive(n, n * FRAME_WIRE, &packets[n as usize % FRAMES]));
            }
        }
        Stage::Vad => {
            let heard = voice(EAR_RATE);
            let mut vad = EarshotVad::new();
            let length = vad.frame_len();
            for frame in passes.flat_map(|_| heard.chunks_exact(length)) {
                black_box(vad.predict(frame));
            }
        }
        Stage::Mouth => {
            let says = voice(MOUTH_RATE);
            let (mut playout, mut encoder) = (Playout::new(), MouthEncoder::new()?);
            for pass in passes {
                let segment = SegmentId(pass.into());
                for piece in says.chunks(2_400) {
                    playout.push(ResponseId(1), segment, piece);
                }
                playout.finish_segment(ResponseId(1), segment);
                for _ in 0..says.len() / MOUTH_FRAME {
                    if let ringline_audio::Tick::Frame { pcm, .. } = playout.tick() {
                        black_box(encoder.encode(pcm)?);
                    }
                }
            }
        }
        Stage::Track => {
            let config = OggTrackConfig {
                serial: 1,
                channels: 1,
                pre_skip: 312,
                input_rate: WIRE_RATE,
                vendor: "bench".to_owned(),
                comments: Vec::new(),
            };
            let mut track = OggTrack::new(std::io::sink(), &config)?;
            for n in frames {
                track.packet(n * FRAME_WIRE, &packets[n as usize % FRAMES])?;
                if n % 25 == 0 {
                    track.flush()?;
                }
            }
        }
        Stage::Session => {
            let mut pair = Pair::connected()?;
            for n in frames {
                pair.frame(n, &packets[n as usize % FRAMES]);
            }
            ensure!(pair.heard > 0 || options.passes == 0, "nothing was heard");
        }
    }
    Ok(())
}

/// Two sessions and a wire in memory, on virtual time.
struct Pair {
    now: Instant,
    sides: [(Session, SocketAddr); 2],
    heard: u64,
}

impl Pair {
    fn connected() -> anyhow::Result<Self> {
        let now = Instant::now();
        let identity = Identity::generate()?;
        let [client, server]: [SocketAddr; 2] = [([192, 0, 2, 1], 5000).into(), ([192, 0, 2, 2], 7000).into()];
        let config = |address, ice_lite| SessionConfig {
            identity: identity.clone(),
            ice_lite,
            udp: vec![address],
            tcp: Vec::new(),
            path: PathLimits::default(),
        };
        let (mut calls, offer) = Session::offer(&config(client, false), now)?;
        let (answers, answer) = Session::accept(&config(server, true), &offer, now)?;
        calls.take_answer(&answer, now)?;
        let mut pair = Self { now, sides: [(calls, client), (answers, server)], heard: 0 };
        // Connected, and the keep-alives of the beginning are over.
        for _ in 0..150 {
            pair.pass();
        }
        Ok(pair)
    }

    fn frame(&mut self, n: u64, payload: &[u8]) {
        for (session, _) in &mut self.sides {
            session.send_audio(n * FRAME_WIRE, payload, self.now);
        }
        self.pass();
    }

    /// 20 ms.
    fn pass(&mut self) {
        for _ in 0..4 {
            self.deliver();
            self.now += Duration::from_millis(5);
            for (session, _) in &mut self.sides {
                if session.poll_timeout().is_some_and(|due| due <= self.now) {
                    session.handle_timeout(self.now);
                }
            }
        }
    }

    fn deliver(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for from in [0, 1] {
                let source = self.sides[from].1;
                while let Some(out) = self.sides[from].0.poll_transmit() {
                    moved = true;
                    let incoming = Incoming {
                        protocol: Protocol::Udp,
                        source,
                        destination: out.destination,
                        bytes: &out.bytes,
                        received: self.now,
                    };
                    self.sides[1 - from].0.handle_datagram(incoming, self.now);
                }
            }
        }
        for (session, _) in &mut self.sides {
            while let Some(event) = session.poll_event() {
                self.heard += u64::from(matches!(event, PeerEvent::Audio(_)));
            }
        }
    }
}

/// Harmonics that come and go like syllables.
fn voice(rate: u32) -> Vec<f32> {
    (0..rate as usize * PASS)
        .map(|n| {
            let t = n as f32 / rate as f32;
            let syllable = 0.5 - 0.5 * (t * 19.0).cos();
            (1..20).map(|h| (t * 800.0 * h as f32).sin() / h as f32).sum::<f32>() * 0.2 * syllable
        })
        .collect()
}

/// As a browser sends it.
fn packets(voice: &[f32]) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut encoder = browsers_encoder()?;
    // What makes the packets is not what is counted.
    encoder.set_complexity(1)?;
    let frames = voice.chunks_exact(FRAME_WIRE as usize);
    frames.map(|frame| encoder.encode_vec_float(frame, 1000).context("cannot encode")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_runs() {
        let packets = packets(&voice(WIRE_RATE)).expect("encodes");
        for stage in Stage::value_variants() {
            for_each_pass(&Options { stage: *stage, passes: 1 }, &packets).expect("runs");
        }
    }
}
