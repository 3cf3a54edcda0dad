//! Somebody on a channel: what they send and what they hear.

use super::server::{LIMIT, Server, data_of};
use ringline_audio::{EAR_RATE, EarPath, MOUTH_FRAME, MOUTH_RATE, MouthEncoder};
use ringline_rtc::{Peer, PeerEvent};
use serde_json::Value;
use std::f32::consts::TAU;
use std::process::Command;
use std::time::Duration;
use tokio::time::Instant;

/// A sentence by a human, about 3 s (Debian's pocketsphinx-testdata).
const SENTENCE: &str = "/usr/share/pocketsphinx/test/data/librivox/sense_and_sensibility_01_austen_64kb-0880.wav";

impl Server {
    pub async fn line(&self, token: &str, hz: f32) -> Line {
        let mut line = Line::new(self.join(token).await, hz);
        line.until(|event| matches!(event, PeerEvent::ChannelOpen).then_some(())).await;
        line
    }
}

/// Somebody on the channel, who sends a tone all the time once asked to.
pub struct Line {
    pub peer: Peer,
    ears: EarPath,
    encoder: MouthEncoder,
    hz: f32,
    pub sounding: bool,
    /// What is said next, at the mouth's rate; while there is some, it goes out instead of the tone.
    speech: Vec<f32>,
    sent: u64,
    next: Instant,
    /// Since it was last cleared, at 16 kHz, without what was filled in.
    pub heard: Vec<f32>,
    /// The same of the second line, where there is one.
    pub second: Vec<f32>,
    second_ears: EarPath,
    /// Payloads of the first line, in their order.
    pub payloads: Vec<Vec<u8>>,
    /// Sequence numbers and RTP times of all packets.
    pub packets: Vec<(u64, u64)>,
    pub messages: Vec<Value>,
}

impl Line {
    pub fn new(peer: Peer, hz: f32) -> Self {
        Self {
            peer,
            ears: EarPath::new().unwrap(),
            encoder: MouthEncoder::new().unwrap(),
            hz,
            sounding: false,
            sent: 0,
            next: Instant::now(),
            heard: Vec::new(),
            second: Vec::new(),
            second_ears: EarPath::new().unwrap(),
            payloads: Vec::new(),
            speech: Vec::new(),
            packets: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// The next event; meanwhile the tone goes out.
    pub async fn event(&mut self) -> PeerEvent {
        loop {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.next) => self.send(),
                event = self.peer.event() => {
                    self.take(&event);
                    return event;
                }
            }
        }
    }

    fn send(&mut self) {
        self.next += Duration::from_millis(20);
        let start = self.sent as f32 * MOUTH_FRAME as f32;
        let loud = if self.sounding { 0.3 } else { 0.0 };
        let mut frame: Vec<f32> =
            (0..MOUTH_FRAME).map(|n| loud * (TAU * self.hz * (start + n as f32) / MOUTH_RATE as f32).sin()).collect();
        let said = self.speech.len().min(MOUTH_FRAME);
        frame.splice(..said, self.speech.drain(..said));
        self.peer.send_audio(self.sent * 960, self.encoder.encode(&frame).unwrap());
        self.sent += 1;
    }

    fn take(&mut self, event: &PeerEvent) {
        match event {
            PeerEvent::Audio(packet) => {
                self.packets.push((packet.sequence, packet.rtp_time));
                self.payloads.push(packet.payload.to_vec());
                if let Some(ear) = self.ears.receive(packet.sequence, packet.rtp_time, &packet.payload) {
                    self.heard.extend_from_slice(ear.pcm);
                }
            }
            PeerEvent::SecondAudio(packet) => {
                if let Some(ear) = self.second_ears.receive(packet.sequence, packet.rtp_time, &packet.payload) {
                    self.second.extend_from_slice(ear.pcm);
                }
            }
            PeerEvent::Text(text) => self.messages.push(serde_json::from_str(text).unwrap()),
            _ => {}
        }
    }

    pub async fn until<T>(&mut self, mut wanted: impl FnMut(PeerEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.event().await) {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, search).await.expect("it came in time")
    }

    /// The data of the next message of a type.
    pub async fn message(&mut self, kind: u64) -> Value {
        self.until(|event| data_of(&event, kind)).await
    }

    /// Whether the second heard last is mostly this tone.
    pub fn hears(&self, hz: f32) -> bool {
        is_mostly(&self.heard, hz)
    }

    /// The same of the second line.
    pub fn hears_beside(&self, hz: f32) -> bool {
        is_mostly(&self.second, hz)
    }

    /// Says a recorded sentence.
    pub fn say(&mut self) {
        self.speech = sentence();
    }
}

/// How much of the signal's power is in the tone, by its Fourier component.
pub fn share(pcm: &[f32], hz: f32) -> f32 {
    let (mut re, mut im, mut power) = (0.0, 0.0, 1e-9);
    for (n, sample) in pcm.iter().enumerate() {
        let angle = TAU * hz * n as f32 / EAR_RATE as f32;
        re += sample * angle.cos();
        im += sample * angle.sin();
        power += sample * sample;
    }
    2.0 * (re * re + im * im) / (power * pcm.len() as f32)
}

fn is_mostly(pcm: &[f32], hz: f32) -> bool {
    let last = &pcm[pcm.len().saturating_sub(EAR_RATE as usize)..];
    last.len() == EAR_RATE as usize && share(last, hz) > 0.8
}

fn sentence() -> Vec<f32> {
    decoded(SENTENCE, MOUTH_RATE)
}

/// A sound file as samples at `rate`.
pub fn decoded(path: impl AsRef<std::ffi::OsStr>, rate: u32) -> Vec<f32> {
    let out = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-ac", "1", "-ar", &rate.to_string(), "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg decodes sound files in the tests");
    out.stdout.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}
