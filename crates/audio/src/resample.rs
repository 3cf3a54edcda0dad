//! Sample-rate conversion of a stream that comes in pieces of any size.

use crate::AudioError;
use audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Lowest and highest rate that can be converted, in Hz.
pub const MIN_RATE: u32 = 4_000;
pub const MAX_RATE: u32 = 192_000;

/// Samples go through a Fourier transform in blocks: of 10 ms, but not below the length at which the filter is
/// still steep. Rates without a large common divisor have longer ones.
const BLOCKS_PER_SECOND: u32 = 100;
const SHORTEST_BLOCK: u32 = 240;

/// Converts a stream from one rate to another.
///
/// The output is aligned with the input (the filter's delay is taken off its beginning), and after
/// [`finish`](Self::finish) its length is the input's times the ratio, rounded to the nearest sample.
/// Between pushes up to a block and a half of input is held back: 15 ms, at 8 kHz 45 ms. Equal rates pass through.
#[derive(Debug)]
pub struct Resampler {
    from: u32,
    to: u32,
    /// None for equal rates.
    engine: Option<Engine>,
    /// Samples taken in and given out since the beginning or the last `finish`.
    taken: u64,
    given: u64,
}

#[derive(Debug)]
struct Engine {
    fft: Fft<f32>,
    /// Input waiting for a whole block.
    block: Vec<f32>,
    block_length: usize,
    resampled: Vec<f32>,
    /// Leading output samples that are still the filter's delay.
    delay_left: usize,
}

impl Resampler {
    /// # Errors
    /// [`AudioError::Rate`] if a rate lies outside [`MIN_RATE`] to [`MAX_RATE`].
    pub fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        let allowed = MIN_RATE..=MAX_RATE;
        if !allowed.contains(&from) || !allowed.contains(&to) {
            return Err(AudioError::Rate { from, to, min: MIN_RATE, max: MAX_RATE });
        }
        let engine = if from == to { None } else { Some(Engine::new(from, to)?) };
        Ok(Self { from, to, engine, taken: 0, given: 0 })
    }

    /// Takes `pcm` in and appends to `out` what is ready.
    pub fn push(&mut self, pcm: &[f32], out: &mut Vec<f32>) {
        self.taken += pcm.len() as u64;
        let before = out.len();
        match &mut self.engine {
            None => out.extend_from_slice(pcm),
            Some(engine) => engine.push(pcm, out),
        }
        self.given += (out.len() - before) as u64;
    }

    /// Appends what is still held back. The resampler then begins a new stream.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        if let Some(engine) = &mut self.engine {
            let (from, to) = (u64::from(self.from), u64::from(self.to));
            let total = (self.taken * to + from / 2) / from;
            let before = out.len();
            let rest = usize::try_from(total.saturating_sub(self.given)).expect("a block or two");
            while out.len() - before < rest {
                let padding = engine.block_length - engine.block.len();
                engine.block.resize(engine.block.len() + padding, 0.0);
                engine.convert(out);
            }
            out.truncate(before + rest);
            engine.reset();
        }
        self.taken = 0;
        self.given = 0;
    }
}

impl Engine {
    fn new(from: u32, to: u32) -> Result<Self, AudioError> {
        // Blocks are multiples of the smallest that is whole at both rates. An even multiple has a whole number
        // of samples on both sides of the filter's middle; otherwise the output would be half a sample off.
        let smallest = from / gcd(from, to);
        let multiple = (from / BLOCKS_PER_SECOND).max(SHORTEST_BLOCK).div_ceil(smallest).next_multiple_of(2);
        let length = (smallest * multiple) as usize;
        let fft = Fft::new(from as usize, to as usize, length, 1, FixedSync::Both)
            .map_err(|source| AudioError::Resampler { from, to, source })?;
        let block_length = fft.input_frames_next();
        let resampled = vec![0.0; fft.output_frames_next()];
        let delay_left = fft.output_delay();
        Ok(Self { fft, block: Vec::with_capacity(block_length), block_length, resampled, delay_left })
    }

    fn push(&mut self, mut pcm: &[f32], out: &mut Vec<f32>) {
        while !pcm.is_empty() {
            let (now, later) = pcm.split_at(pcm.len().min(self.block_length - self.block.len()));
            self.block.extend_from_slice(now);
            pcm = later;
            if self.block.len() == self.block_length {
                self.convert(out);
            }
        }
    }

    /// Converts the full block and appends it, less the filter's delay.
    fn convert(&mut self, out: &mut Vec<f32>) {
        let produced = self.resampled.len();
        let input = SequentialSlice::new(&self.block, 1, self.block_length).expect("the block is full");
        let mut output = SequentialSlice::new_mut(&mut self.resampled, 1, produced).expect("made for this length");
        self.fft.process_into_buffer(&input, &mut output, None).expect("both buffers have the lengths it asked for");
        self.block.clear();
        let skipped = self.delay_left.min(produced);
        self.delay_left -= skipped;
        out.extend_from_slice(&self.resampled[skipped..]);
    }

    fn reset(&mut self) {
        self.fft.reset();
        self.block.clear();
        self.delay_left = self.fft.output_delay();
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
