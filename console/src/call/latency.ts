// A turn's latency and its parts: which took how long. Pure.

import type { TurnLatency } from "./messages";

export type PartName = "endpointing" | "transcript" | "firstText" | "firstSegment" | "firstAudio" | "playout";

export interface Part {
  name: PartName;
  ms: number;
}

export const PARTS: readonly PartName[] = ["endpointing", "transcript", "firstText", "firstSegment", "firstAudio", "playout"];

/** The parts in the order in which they happen; they add up to the total. */
export function partsOf(latency: TurnLatency): Part[] {
  return PARTS.map((name) => ({ name, ms: latency[name] }));
}

/** `820 ms`, `1.46 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** The middle value; of two in the middle the lower. Null without values. */
export function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
