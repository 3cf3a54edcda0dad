//! A simulated room with a loudspeaker and a microphone: how the agent's own voice comes back. For tests and the lab.
//!
//! The impulse response is a direct sound, six early reflections and noise that decays by 60 dB within the reverberation time;
//! the loudspeaker gives little below 200 Hz. Around the room are the codecs of both directions, and a delay that drifts as the clocks of
//! both ends do. Everything is drawn from a seed, so a room is the same every time.

use crate::{AudioError, EAR_RATE, MOUTH_FRAME, MouthEncoder};
use ringline_model::SplitMix64;

/// Samples of 20 ms at [`EAR_RATE`].
pub const HEARD: usize = EAR_RATE as usize / 50;

/// Bytes of the largest packet.
const PACKET: usize = 1276;
/// What a client asks of its encoder, in bits per second.
const UPLINK: i32 = 32_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Room {
    pub seed: u64,
    /// Reverberation time in s, at most 2.
    pub rt60: f32,
    /// How much louder what comes back is than what was sent, in dB; negative as a rule.
    pub gain: f32,
    /// From sending to hearing, in ms, the codecs' own delays apart.
    pub delay: u32,
    /// Of one end's clock against the other's, in parts per million.
    pub drift: f32,
    /// White noise at the microphone, in dBFS.
    pub noise: f32,
    pub canceller: Canceller,
}

/// What the user's device does against the echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceller {
    None,
    /// Takes 40 dB away, except in its first second and in bursts of half a second now and then.
    Leaky,
}

/// A call in a room, 20 ms by 20 ms.
#[derive(Debug)]
pub struct Line {
    room: Room,
    chance: Chance,
    mouth: MouthEncoder,
    loudspeaker: opus::Decoder,
    microphone: opus::Encoder,
    ear: opus::Decoder,
    /// The impulse response, its end first.
    response: Vec<f32>,
    /// What was played, the last samples last; as long as the response and a frame.
    played: Vec<f32>,
    /// What comes back, before the delay; the last samples last.
    echo: Vec<f32>,
    /// Samples of echo so far.
    count: u64,
    leak: Leak,
    packet: Vec<u8>,
}

#[derive(Debug)]
struct Leak {
    gain: f32,
    open_until: u64,
}

impl Room {
    /// # Errors
    /// [`AudioError`] if a codec cannot be set up.
    pub fn line(&self) -> Result<Line, AudioError> {
        let mut chance = Chance(SplitMix64::new(self.seed));
        let mut response = self.impulse_response(&mut chance);
        response.reverse();
        let mut microphone =
            opus::Encoder::new(EAR_RATE, opus::Channels::Mono, opus::Application::Voip).map_err(codec)?;
        microphone.set_bitrate(opus::Bitrate::Bits(UPLINK)).map_err(codec)?;
        let decoder = || opus::Decoder::new(EAR_RATE, opus::Channels::Mono).map_err(codec);
        Ok(Line {
            mouth: MouthEncoder::new()?,
            loudspeaker: decoder()?,
            microphone,
            ear: decoder()?,
            played: vec![0.0; response.len() + HEARD],
            echo: vec![0.0; EAR_RATE as usize],
            count: 0,
            leak: Leak { gain: 1.0, open_until: u64::from(EAR_RATE) },
            packet: vec![0; PACKET],
            response,
            chance,
            room: *self,
        })
    }

    fn impulse_response(&self, chance: &mut Chance) -> Vec<f32> {
        let length = ((self.rt60.min(2.0) * EAR_RATE as f32) as usize).max(64);
        let decay = (-6.907_755 / (self.rt60 * EAR_RATE as f32)).exp();
        let mut level = 1.0;
        let mut response: Vec<f32> = (0..length)
            .map(|_| {
                level *= decay;
                level * chance.normal()
            })
            .collect();
        // The direct sound has about as much energy as all that follows at arm's length.
        let rest = energy(&response).sqrt();
        response[0] = rest;
        for _ in 0..6 {
            let at = (chance.0.fraction() as f32 * 0.03 * EAR_RATE as f32) as usize + 8;
            let tap = rest * 0.4 * chance.normal();
            if let Some(place) = response.get_mut(at) {
                *place += tap;
            }
        }
        high_pass(&mut response);
        let scale = 10_f32.powf(self.gain / 20.0) / energy(&response).sqrt();
        response.iter_mut().for_each(|tap| *tap *= scale);
        response
    }
}

impl Line {
    /// One frame is sent (24 kHz), and a person says `person` (16 kHz) into the microphone: what the server then decodes, at 16 kHz.
    ///
    /// # Errors
    /// [`AudioError`] if a codec fails.
    pub fn hear(&mut self, sent: &[f32; MOUTH_FRAME], person: &[f32; HEARD]) -> Result<[f32; HEARD], AudioError> {
        let packet = self.mouth.encode(sent)?;
        let mut played = [0.0; HEARD];
        self.loudspeaker.decode_float(packet, &mut played, false).map_err(codec)?;
        self.play(&played);
        let noise = 10_f32.powf(self.room.noise / 20.0);
        let mut heard = [0.0; HEARD];
        for (n, (to, person)) in heard.iter_mut().zip(person).enumerate() {
            *to = person + self.delayed(n) + noise * self.chance.normal();
        }
        let length = self.microphone.encode_float(&heard, &mut self.packet).map_err(codec)?;
        self.ear.decode_float(&self.packet[..length], &mut heard, false).map_err(codec)?;
        Ok(heard)
    }

    /// Adds a frame's echo.
    fn play(&mut self, frame: &[f32; HEARD]) {
        self.played.copy_within(HEARD.., 0);
        let new = self.played.len() - HEARD;
        self.played[new..].copy_from_slice(frame);
        self.echo.copy_within(HEARD.., 0);
        let end = self.echo.len();
        for n in 0..HEARD {
            let until = new + n + 1;
            let recent = &self.played[until - self.response.len()..until];
            self.echo[end - HEARD + n] = dot(recent, &self.response) * self.cancelled();
            self.count += 1;
        }
    }

    /// How much of the echo the user's device lets through.
    fn cancelled(&mut self) -> f32 {
        if self.room.canceller == Canceller::None {
            return 1.0;
        }
        let half = u64::from(EAR_RATE) / 2;
        if self.count >= self.leak.open_until && self.count.is_multiple_of(half) && self.chance.0.fraction() < 0.15 {
            self.leak.open_until = self.count + half;
        }
        let wanted = if self.count < self.leak.open_until { 1.0 } else { 0.01 };
        self.leak.gain += (wanted - self.leak.gain) * 0.002;
        self.leak.gain
    }

    /// The echo's sample for sample `n` of this frame.
    fn delayed(&self, n: usize) -> f32 {
        let drifted = f64::from(self.room.drift) * 1e-6 * self.count as f64;
        let delay = (f64::from(self.room.delay * EAR_RATE / 1000) + drifted).max(0.0);
        let place = (self.echo.len() - HEARD + n) as f64 - delay;
        if place < 0.0 {
            return 0.0;
        }
        let (at, part) = (place as usize, place.fract() as f32);
        let next = self.echo.get(at + 1).copied().unwrap_or(self.echo[at]);
        self.echo[at] * (1.0 - part) + next * part
    }
}

fn codec(source: opus::Error) -> AudioError {
    AudioError::Codec { doing: "simulate a room", source }
}

fn energy(signal: &[f32]) -> f32 {
    signal.iter().map(|sample| sample * sample).sum()
}

/// The sum of the products; in eight parts, so that it is computed eight at a time.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for n in 0..8 {
            sums[n] += a[n] * b[n];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// One pole at 200 Hz, twice.
fn high_pass(signal: &mut [f32]) {
    let keep = (-std::f32::consts::TAU * 200.0 / EAR_RATE as f32).exp();
    for _ in 0..2 {
        let (mut before, mut out) = (0.0, 0.0);
        for sample in signal.iter_mut() {
            out = keep * (out + *sample - before);
            before = *sample;
            *sample = out;
        }
    }
}

#[derive(Debug)]
struct Chance(SplitMix64);

impl Chance {
    /// Near enough to a normal distribution.
    fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.0.fraction() as f32).sum::<f32>() * std::f32::consts::SQRT_2
            - 3.0 * std::f32::consts::SQRT_2
    }
}
