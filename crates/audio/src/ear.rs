//! The caller's packets become samples whose positions are true to media time.
//!
//! There is no playout buffer: speech models want order and low delay, not even spacing. What is missing
//! between two packets is known from their RTP times, and is filled when the second one arrives:
//!
//! * up to [`MAX_CONCEALED_PACKETS`] lost: the last of them from this packet's in-band FEC if it has any, the
//!   others concealed by libopus at their exact lengths;
//! * more lost, or nothing lost and the sender simply paused (DTX): silence of the missing length, and what of it was
//!   lost is marked as such: nobody knows whether it was speech;
//! * more than [`MAX_FILL`] missing: nothing is filled, the position jumps, and it is counted.
//!
//! Most of a call the caller says nothing, and senders tell how loud each packet is (RFC 6464). Of a silence that they say is below
//! [`QUIET`], packets behind the first [`SETTLE`] are not decoded: they are silence. The last of them are decoded when it ends, before
//! the packet that ends it, so that the decoder comes to that one as if it had heard them all. A sender is believed once it has
//! named a louder level.

use std::ops::Range;

use crate::{AudioError, EAR_RATE, WIRE_RATE, frame_duration, has_fec, packet_duration};

/// Payloads below this many bytes are padding (a browser's bandwidth probes) or a pause marker, never audio.
/// libopus would take an empty one as an order to conceal.
pub const MIN_PAYLOAD: usize = 2;
/// Losses up to this many packets in a row are concealed; a longer concealment would be invented speech.
pub const MAX_CONCEALED_PACKETS: u64 = 3;
/// Longest gap that is filled with silence, in samples at [`EAR_RATE`]: 10 s.
pub const MAX_FILL: u64 = 10 * EAR_RATE as u64;
/// After this many late packets in a row (1 s at 20 ms) the sender must have begun to count anew: the next one
/// starts a new stream at the position reached, instead of the caller staying unheard.
pub const LATE_RUN: u32 = 50;

/// A packet is quiet if its sender says that it has this level or less, in dB of full scale: 6 dB below the quietest that is taken for
/// speech.
pub const QUIET: i8 = -66;
/// Of a silence so many packets are decoded: 200 ms at 20 ms.
const SETTLE: u32 = 10;
/// So many packets before the end of a silence are decoded then: 80 ms at 20 ms.
const WARM_UP: usize = 4;

/// RTP ticks per sample at [`EAR_RATE`].
const TICKS: u64 = (WIRE_RATE / EAR_RATE) as u64;
/// libopus conceals in multiples of 2.5 ms, here in samples at [`EAR_RATE`].
const CONCEAL_STEP: usize = 40;
/// Assumed for a first packet that cannot be parsed, in samples at [`WIRE_RATE`].
const USUAL_PACKET: u32 = 960;
/// Buffer kept between packets, in samples: 1 s. After a longer gap the larger one is given back.
const KEPT: usize = EAR_RATE as usize;

/// Samples of one packet, with what was missing before it.
#[derive(Debug, PartialEq)]
pub struct Ear<'a> {
    /// Position of `pcm[0]` since the first packet, in samples at [`EAR_RATE`], true to media time. It continues
    /// where the packet before ended, except after a gap longer than [`MAX_FILL`].
    pub start: u64,
    /// Samples at [`EAR_RATE`]: what was missing, then the packet's own.
    pub pcm: &'a [f32],
    /// Which of `pcm` is silence in place of lost packets.
    pub unknown: Range<usize>,
    /// Where the packet's own audio begins, in samples at [`WIRE_RATE`] since the first packet: its place in a
    /// recording.
    pub packet_at: u64,
}

/// Counters since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarStats {
    /// Packets handed in, of any kind.
    pub packets: u64,
    /// Dropped for having less than [`MIN_PAYLOAD`] bytes.
    pub short: u64,
    /// Dropped because their slot had passed: late or duplicate.
    pub late: u64,
    /// Sequence numbers that had not arrived when a later packet did.
    pub lost: u64,
    /// Lost packets restored from in-band FEC.
    pub recovered: u64,
    /// Samples at [`EAR_RATE`] that libopus concealed.
    pub concealed: u64,
    /// Samples of silence at [`EAR_RATE`] put into gaps.
    pub silence_filled: u64,
    /// Packets of silence that were not decoded.
    pub quiet: u64,
    /// Packets that libopus refused; their length was concealed.
    pub corrupt: u64,
    /// Gaps longer than [`MAX_FILL`].
    pub jumps: u64,
    /// Packets whose RTP time lay before the end of the packet before; they were put behind it.
    pub rebased: u64,
    /// Streams begun after the first.
    pub restarts: u64,
}

/// Decodes one caller's audio stream, packet by packet, to [`EAR_RATE`] mono.
///
/// Memory is bounded: one buffer of at most [`MAX_FILL`] and two packets, usually 1 s. No packet causes an
/// allocation, except the one that ends a gap of more than a second.
#[derive(Debug)]
pub struct EarPath {
    decoder: opus::Decoder,
    stream: Option<Stream>,
    /// Position behind the last sample given out, at [`EAR_RATE`].
    next: u64,
    pcm: Vec<f32>,
    silence: Silence,
    stats: EarStats,
}

/// A silence, as the sender says.
#[derive(Debug, Default)]
struct Silence {
    /// The sender has named a level that is none of silence.
    is_measured: bool,
    /// Quiet packets in a row.
    packets: u32,
    /// The last of those that were not decoded, in turn.
    skipped: [Vec<u8>; WARM_UP],
    /// How many were not, since the last that was.
    count: usize,
}

impl Silence {
    fn skip(&mut self, payload: &[u8]) {
        let place = &mut self.skipped[self.count % WARM_UP];
        place.clear();
        place.extend_from_slice(payload);
        self.count += 1;
    }
}

/// Where the sender is. RTP times are compared modulo 2^64, so that no value of them can overflow.
#[derive(Debug)]
struct Stream {
    next_sequence: u64,
    /// Sequence numbers missing since the last decoded packet.
    lost: u64,
    late_run: u32,
    /// RTP time of position 0.
    origin: u64,
    /// RTP time behind the last packet.
    expected: u64,
    /// Duration of the last packet, at [`WIRE_RATE`]: what a lost one is taken to have had.
    duration: u32,
}

impl EarPath {
    /// # Errors
    /// [`AudioError::Codec`] if libopus cannot allocate a decoder.
    pub fn new() -> Result<Self, AudioError> {
        let decoder = opus::Decoder::new(EAR_RATE, opus::Channels::Mono)
            .map_err(|source| AudioError::Codec { doing: "set up the decoder", source })?;
        let pcm = Vec::with_capacity(KEPT);
        Ok(Self { decoder, stream: None, next: 0, pcm, silence: Silence::default(), stats: EarStats::default() })
    }

    /// Takes one packet: `sequence` and `rtp_time` (at [`WIRE_RATE`]) are the extended ones, which don't wrap.
    /// None if the packet is too short or too late to be heard. A packet that isn't Opus is concealed.
    pub fn receive(&mut self, sequence: u64, rtp_time: u64, payload: &[u8]) -> Option<Ear<'_>> {
        self.receive_at(sequence, rtp_time, payload, None)
    }

    /// As [`receive`](Self::receive), with the level that the sender says the packet has, in dB of full scale, if it does.
    pub fn receive_at(&mut self, sequence: u64, rtp_time: u64, payload: &[u8], level: Option<i8>) -> Option<Ear<'_>> {
        self.stats.packets += 1;
        self.pcm.clear();
        self.pcm.shrink_to(KEPT);
        if self.is_late(sequence) {
            return None;
        }
        if let Some(stream) = &mut self.stream {
            let missing = sequence - stream.next_sequence;
            stream.lost = stream.lost.saturating_add(missing);
            stream.next_sequence = sequence.saturating_add(1);
            self.stats.lost = self.stats.lost.saturating_add(missing);
        }
        if payload.len() < MIN_PAYLOAD {
            self.stats.short += 1;
            return None;
        }
        // A sender that has named no louder level does not measure any: some say the same of every packet.
        let is_loud = level.is_some_and(|level| level > QUIET);
        self.silence.is_measured |= is_loud;
        let quiet = level.is_some() && !is_loud && self.silence.is_measured;
        self.silence.packets = if quiet { self.silence.packets.saturating_add(1) } else { 0 };
        Some(self.hear(sequence, rtp_time, payload))
    }

    /// The next packet belongs to a new stream (another SSRC, a new offer): its numbers and times have nothing
    /// to do with those before, and its audio follows directly behind what was heard.
    pub fn restart(&mut self) {
        if self.stream.take().is_some() {
            self.stats.restarts += 1;
            self.silence = Silence::default();
            self.decoder.reset_state().expect("a decoder can always be reset");
        }
    }

    /// Position behind the last sample given out, at [`EAR_RATE`].
    pub fn position(&self) -> u64 {
        self.next
    }

    pub fn stats(&self) -> EarStats {
        self.stats
    }

    fn is_late(&mut self, sequence: u64) -> bool {
        let Some(stream) = &mut self.stream else { return false };
        if sequence >= stream.next_sequence {
            stream.late_run = 0;
            return false;
        }
        stream.late_run += 1;
        if stream.late_run > LATE_RUN {
            self.restart();
            return false;
        }
        self.stats.late += 1;
        true
    }

    fn hear(&mut self, sequence: u64, rtp_time: u64, payload: &[u8]) -> Ear<'_> {
        let next = self.next;
        let stream = self.stream.get_or_insert_with(|| Stream {
            next_sequence: sequence.saturating_add(1),
            lost: 0,
            late_run: 0,
            origin: origin_for(next, rtp_time),
            expected: rtp_time,
            duration: USUAL_PACKET,
        });
        let lost = std::mem::take(&mut stream.lost);
        let usual = stream.duration;
        let ahead = rtp_time.wrapping_sub(stream.expected).cast_signed();
        let at = rtp_time.wrapping_sub(stream.origin) / TICKS;
        let packet_start = if ahead < 0 || at < next {
            stream.origin = origin_for(next, rtp_time);
            self.stats.rebased += 1;
            next
        } else {
            at
        };

        let missing = packet_start - next;
        if self.silence.packets > SETTLE
            && (missing, lost) == (0, 0)
            && let Some(duration) = packet_duration(payload)
        {
            return self.pass_over(packet_start, rtp_time, duration, payload);
        }
        self.warm_up();
        let (start, unknown) = if missing > MAX_FILL {
            self.stats.jumps += 1;
            (packet_start, 0..0)
        } else {
            let missing = usize::try_from(missing).expect("not above MAX_FILL");
            (next, self.fill(missing, lost, ear_samples(usual), payload))
        };
        let duration = match packet_duration(payload) {
            Some(duration) if self.decode(payload, ear_samples(duration), false) => duration,
            // What it says of its length is not to be trusted either.
            _ => {
                self.stats.corrupt += 1;
                self.conceal(ear_samples(usual));
                usual
            }
        };
        self.go_on(rtp_time, duration, start);
        Ear { start, pcm: &self.pcm, unknown, packet_at: packet_start.saturating_mul(TICKS) }
    }

    /// What is in `pcm` began at `start`, and ends with a packet of this length.
    fn go_on(&mut self, rtp_time: u64, duration: u32, start: u64) {
        if let Some(stream) = &mut self.stream {
            stream.duration = duration;
            stream.expected = rtp_time.wrapping_add(u64::from(duration));
        }
        self.next = start.saturating_add(self.pcm.len() as u64);
    }

    /// Silence in place of a quiet packet that follows directly.
    fn pass_over(&mut self, start: u64, rtp_time: u64, duration: u32, payload: &[u8]) -> Ear<'_> {
        self.silence.skip(payload);
        self.stats.quiet += 1;
        self.pcm.resize(ear_samples(duration), 0.0);
        self.go_on(rtp_time, duration, start);
        Ear { start, pcm: &self.pcm, unknown: 0..0, packet_at: start.saturating_mul(TICKS) }
    }

    /// Lets the decoder hear the end of a silence that was passed over. It was silence; what comes of it is nothing.
    fn warm_up(&mut self) {
        let count = std::mem::take(&mut self.silence.count);
        if count == 0 {
            return;
        }
        let mut skipped = std::mem::take(&mut self.silence.skipped);
        for n in count.saturating_sub(WARM_UP)..count {
            let payload = &skipped[n % WARM_UP];
            self.decode(payload, packet_duration(payload).map_or(0, ear_samples), false);
        }
        self.pcm.clear();
        skipped.iter_mut().for_each(Vec::clear);
        self.silence.skipped = skipped;
    }

    /// Puts exactly `missing` samples before the packet that has just come: concealment next to what was
    /// decoded last, FEC next to this packet, silence for what neither accounts for. Returns where silence stands for
    /// something lost.
    fn fill(&mut self, missing: usize, lost: u64, lost_length: usize, payload: &[u8]) -> Range<usize> {
        let (mut concealed, mut recovered) = (0, 0);
        let lost_audio = usize::try_from(lost).unwrap_or(usize::MAX).saturating_mul(lost_length);
        if (1..=MAX_CONCEALED_PACKETS).contains(&lost) {
            let frame = frame_duration(payload).map_or(0, ear_samples);
            if frame <= missing && has_fec(payload) {
                recovered = frame;
            }
            concealed = lost_audio.saturating_sub(recovered).min(missing - recovered);
            concealed -= concealed % CONCEAL_STEP;
        }
        let silence = missing - concealed - recovered;
        if concealed > 0 {
            self.conceal(concealed);
        }
        self.stats.silence_filled += silence as u64;
        let from = self.pcm.len();
        self.pcm.resize(from + silence, 0.0);
        if recovered > 0 {
            if self.decode(payload, recovered, true) {
                self.stats.recovered += 1;
            } else {
                self.conceal(recovered);
            }
        }
        from..from + silence.min(lost_audio.saturating_sub(concealed + recovered))
    }

    /// Appends what libopus invents in place of `samples` lost ones, a multiple of [`CONCEAL_STEP`]: never
    /// more, for it fills whatever it is given.
    fn conceal(&mut self, samples: usize) {
        self.stats.concealed += samples as u64;
        if !self.decode(&[], samples, false) {
            self.pcm.resize(self.pcm.len() + samples, 0.0);
        }
    }

    /// Appends exactly `samples` decoded ones, or nothing if libopus refuses the payload.
    fn decode(&mut self, payload: &[u8], samples: usize, fec: bool) -> bool {
        let before = self.pcm.len();
        self.pcm.resize(before + samples, 0.0);
        let decoded = self.decoder.decode_float(payload, &mut self.pcm[before..], fec);
        if decoded.is_err() {
            self.pcm.truncate(before);
        }
        decoded.is_ok()
    }
}

/// Duration at [`WIRE_RATE`] as a number of samples at [`EAR_RATE`]; exact, as durations are multiples of 2.5 ms.
fn ear_samples(duration: u32) -> usize {
    (duration / (WIRE_RATE / EAR_RATE)) as usize
}

/// The RTP time of position 0 if `rtp_time` has the position `next`.
fn origin_for(next: u64, rtp_time: u64) -> u64 {
    rtp_time.wrapping_sub(next.wrapping_mul(TICKS))
}
