// How loud a stream is now, and in which pitch ranges, through WebAudio. Nothing is played here.

/** The level scale's ends in dB of full scale: room noise and loud speech. */
const FLOOR_DB = -60;
const CEILING_DB = -12;

export class LevelMeter {
  private readonly source: MediaStreamAudioSourceNode;
  private readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;
  private readonly spectrum: Uint8Array<ArrayBuffer>;

  constructor(context: AudioContext, stream: MediaStream) {
    this.source = context.createMediaStreamSource(stream);
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 1024;
    this.analyser.smoothingTimeConstant = 0.7;
    this.source.connect(this.analyser);
    this.samples = new Float32Array(this.analyser.fftSize);
    this.spectrum = new Uint8Array(this.analyser.frequencyBinCount);
  }

  /** Root mean square of the last 20 ms or so; full scale is 1. */
  rms(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    let sum = 0;
    for (const sample of this.samples) sum += sample * sample;
    return Math.sqrt(sum / this.samples.length);
  }

  /** 0 (silence) to 1 (loud speech). */
  level(): number {
    return levelOf(this.rms());
  }

  /** Fills `bands` with 0 to 1, low to high, over the range of speech (about 90 Hz to 6 kHz, in equal ratios). */
  bands(bands: Float32Array): void {
    this.analyser.getByteFrequencyData(this.spectrum);
    const [low, high] = [2, 128];
    for (let i = 0; i < bands.length; i++) {
      const from = Math.floor(low * (high / low) ** (i / bands.length));
      const to = Math.max(from + 1, Math.floor(low * (high / low) ** ((i + 1) / bands.length)));
      let sum = 0;
      for (let bin = from; bin < to; bin++) sum += this.spectrum[bin] ?? 0;
      bands[i] = sum / (to - from) / 255;
    }
  }

  close(): void {
    this.source.disconnect();
  }
}

/** Maps an RMS value onto 0 to 1, linear in decibels as ears are. */
export function levelOf(rms: number): number {
  const db = 20 * Math.log10(Math.max(rms, 1e-7));
  return Math.min(1, Math.max(0, (db - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}
