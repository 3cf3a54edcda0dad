//! Voices and packets for the tests: made here, so that every run has the same.
#![allow(dead_code)] // each test file uses its part

use opus::{Application, Bitrate, Channels, Encoder};

/// `samples` of something with pitch, syllables and pauses at `rate`, loud enough to count as speech.
pub fn voice(rate: u32, samples: usize) -> Vec<f32> {
    let mut phase = 0.0f64;
    let mut noise = 12345u32;
    (0..samples)
        .map(|n| {
            let t = n as f64 / f64::from(rate);
            let pitch = 120.0 + 30.0 * (t * 2.3).sin() + 10.0 * (t * 7.1).sin();
            phase += pitch / f64::from(rate);
            let syllable = (0.5 - 0.5 * (t * std::f64::consts::TAU * 3.1).cos()).powi(2);
            let vowel = 500.0 + 250.0 * (t * 4.7).sin();
            let voiced: f64 = (1..=20)
                .map(|h| {
                    let f = pitch * f64::from(h);
                    let formants =
                        1.0 / (1.0 + ((f - vowel) / 120.0).powi(2)) + 0.5 / (1.0 + ((f - 1700.0) / 200.0).powi(2));
                    formants * (phase * std::f64::consts::TAU * f64::from(h)).sin()
                })
                .sum();
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f64::from(noise >> 8) / f64::from(1u32 << 24) - 0.5;
            (0.25 * syllable * voiced + 0.004 * hiss) as f32
        })
        .collect()
}

/// One encoded packet with its place in the stream.
#[derive(Clone, Debug)]
pub struct Packet {
    pub sequence: u64,
    /// At 48 kHz.
    pub rtp_time: u64,
    pub duration: u64,
    pub payload: Vec<u8>,
}

pub struct Sender {
    encoder: Encoder,
}

impl Sender {
    /// What a browser sends.
    pub fn speech(fec: bool) -> Self {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).expect("encoder");
        encoder.set_bitrate(Bitrate::Bits(32_000)).expect("bitrate");
        encoder.set_inband_fec(fec).expect("fec");
        encoder.set_packet_loss_perc(if fec { 20 } else { 0 }).expect("loss");
        encoder.set_complexity(5).expect("complexity");
        Self { encoder }
    }

    /// Encodes `pcm` (48 kHz) in packets of the given `durations` (samples at 48 kHz, repeated in turn).
    pub fn packets(&mut self, pcm: &[f32], durations: &[usize]) -> Vec<Packet> {
        let mut packets = Vec::new();
        let mut at = 0;
        for (sequence, duration) in (1000..).zip(durations.iter().cycle()) {
            let Some(frame) = pcm.get(at..at + duration) else { break };
            let payload = self.encoder.encode_vec_float(frame, 4000).expect("encodes");
            packets.push(Packet { sequence, rtp_time: 77_777 + at as u64, duration: *duration as u64, payload });
            at += duration;
        }
        packets
    }
}

/// `n` packets of 20 ms of speech.
pub fn speech_packets(n: usize) -> Vec<Packet> {
    Sender::speech(true).packets(&voice(48_000, n * 960), &[960])
}

/// Normalised correlation without offset, 1 for the same shape.
pub fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt().max(1e-12)
}
