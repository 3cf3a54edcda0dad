// What a recorded track holds: how long it is, and for how long somebody speaks in it.

import { execFileSync } from "node:child_process";

const RATE = 16_000;
/** Samples per frame that is judged: 20 ms. */
const FRAME = RATE / 50;
/** A frame at least this loud (RMS, full scale 1) is voice: -40 dB. */
const VOICE = 0.01;

/** Opens a track as anybody would: ffprobe for its length, ffmpeg for its samples. */
export function inspectTrack(path) {
  const probe = ["-v", "error", "-show_entries", "format=duration:stream=codec_name", "-of", "json", path];
  const { format, streams } = JSON.parse(execFileSync("ffprobe", probe, { encoding: "utf8" }));
  const pcm = execFileSync("ffmpeg", ["-v", "error", "-i", path, "-ac", "1", "-ar", String(RATE), "-f", "f32le", "-"], {
    maxBuffer: 256 * 1024 * 1024,
  });
  const samples = new Float32Array(pcm.buffer, pcm.byteOffset, Math.floor(pcm.byteLength / 4));
  let voiced = 0;
  for (let start = 0; start + FRAME <= samples.length; start += FRAME) {
    let sum = 0;
    for (let i = start; i < start + FRAME; i++) sum += samples[i] ** 2;
    if (Math.sqrt(sum / FRAME) >= VOICE) voiced += FRAME / RATE;
  }
  return { codec: streams[0]?.codec_name, seconds: Number(format.duration), voicedSeconds: voiced };
}
