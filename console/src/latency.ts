// A turn's latency as a stacked bar: which part took how long. The arithmetic is pure; `latencyBar` draws it.

import type { TurnLatency } from "./messages";

export type PartName = "endpointing" | "transcript" | "firstText" | "firstSegment" | "firstAudio" | "playout";

export interface Part {
  name: PartName;
  label: string;
  hint: string;
  ms: number;
}

const PARTS: { name: PartName; label: string; hint: string }[] = [
  { name: "endpointing", label: "End of turn", hint: "Waiting to be sure that you had finished" },
  { name: "transcript", label: "Transcript", hint: "Waiting for the last words to be recognised" },
  { name: "firstText", label: "First words", hint: "Until the language model's first words" },
  { name: "firstSegment", label: "First clause", hint: "Until there was enough text to speak" },
  { name: "firstAudio", label: "Voice", hint: "Until the first audio was synthesised" },
  { name: "playout", label: "Playout", hint: "Until the first sample was sent" },
];

/** The parts in the order in which they happen; they add up to the total. */
export function partsOf(latency: TurnLatency): Part[] {
  return PARTS.map((part) => ({ ...part, ms: latency[part.name] }));
}

/** `820 ms`, `1.46 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** The middle value; of two in the middle the lower. Null without values. */
export function median(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}

/** One bar on a scale of `scaleMs`; parts too short to see are left out. */
export function latencyBar(latency: TurnLatency, scaleMs: number): HTMLElement {
  const bar = document.createElement("div");
  bar.className = "latency-bar";
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", spoken(latency));
  for (const part of partsOf(latency)) {
    if (part.ms <= 0) continue;
    const piece = document.createElement("span");
    piece.className = `piece ${part.name}`;
    piece.style.setProperty("--share", `${(100 * part.ms) / Math.max(scaleMs, 1)}%`);
    piece.title = `${part.label}: ${duration(part.ms)}`;
    bar.append(piece);
  }
  return bar;
}

function spoken(latency: TurnLatency): string {
  const parts = partsOf(latency).filter((part) => part.ms > 0);
  return `${duration(latency.total)}: ${parts.map((part) => `${part.label} ${duration(part.ms)}`).join(", ")}`;
}
