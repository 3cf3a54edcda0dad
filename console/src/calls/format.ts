// What the pages about calls compute. Pure.

import type { TurnLatency } from "../call/messages";
import type { Tone } from "../ui/parts";
import type { CallStatus, CallSummary, Latency, Turn } from "../admin/types";

export const TONES: Record<CallStatus, Tone> = { Created: "wait", Executing: "live", Finished: "neutral" };

/** From the user's joining on, in ms; of a running call until `now`. Null: nobody joined. */
export function lengthOf({ started_ms, ended_ms }: CallSummary, now: number): number | null {
  return started_ms === null ? null : Math.max(0, (ended_ms ?? now) - started_ms);
}

export function turnLatency(sentenceId: number, latency: Latency): TurnLatency {
  const { total, endpointing, transcript, first_text, first_segment, first_audio, playout } = latency;
  return { sentenceId, total, endpointing, transcript, firstText: first_text, firstSegment: first_segment, firstAudio: first_audio, playout };
}

/** The turns that have a latency, in order. */
export function latenciesOf(turns: readonly Turn[]): TurnLatency[] {
  return turns.flatMap(({ sentence_id, latency }) => (latency ? [turnLatency(sentence_id, latency)] : []));
}

/** The value that `share` (0 to 1) of the values don't exceed; null without values. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** The last turn that has begun at `ms`, or -1. */
export function turnAt(turns: readonly Turn[], ms: number): number {
  return turns.findLastIndex((turn) => turn.begin_ms <= ms);
}

/** `12.5 MB`. */
export function bytes(n: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = n;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function percent(share: number | null): string {
  return share === null ? "–" : `${Math.round(100 * share)} %`;
}
