// A running call as its event stream tells it: a snapshot, and one step after the other. Pure: an event goes in, what is
// shown comes out. The stream's shapes are those of the admin API (Snapshot, Happening).

import type { Latency } from "../admin/types";

export type AgentNow = "idle" | "listening" | "thinking" | "speaking";
export type Side = "user" | "agent" | "human";
export type TakeoverMode = "agent_voice" | "human_voice" | "speaks_in";

export interface Line {
  side: Side;
  text: string;
  end: boolean;
  sentence_id: number;
}

export interface Network {
  loss: number;
  jitter_ms: number;
  remote_loss?: number;
  round_trip_ms?: number;
  path_lost: boolean;
}

export interface Supervising {
  user_id: string;
  name: string;
  connected: boolean;
}

export interface Takeover {
  user_id: string;
  mode: TakeoverMode;
  connected: boolean;
}

export interface Snapshot {
  user_id: string | null;
  state: AgentNow;
  user_present: boolean;
  takeover: Takeover | null;
  at_ms: number;
  lines: Line[];
  interruptions: number;
  latency: (Latency & { sentence_id: number }) | null;
  network: Network | null;
  supervisors: Supervising[];
  ended: string | null;
}

export type Happening = { seq: number; at_ms: number } & (
  | { type: "state"; state: AgentNow }
  | { type: "user"; present: boolean }
  | ({ type: "subtitle" } & Line)
  | { type: "interrupted"; reason: string; after_ms?: number }
  | ({ type: "latency"; sentence_id: number } & Latency)
  | ({ type: "network" } & Network)
  | { type: "tool"; call: string; name: string; step: "started" | "finished" | "failed"; duration_ms?: number; arguments?: string; result?: string }
  | { type: "takeover"; step: "waiting" | "connected" | "cancelled" | "handed_back"; takeover: Takeover }
  | ({ type: "supervisor" } & Supervising)
  | { type: "whispered"; text: string }
  | { type: "provider_failed"; stage: string; error: string }
  | { type: "ended"; reason: string }
);

export interface LiveCall {
  now: Snapshot;
  /** The latest steps that are worth a line, newest last. */
  feed: Happening[];
}

const MAX_LINES = 200;
const MAX_FEED = 100;
/** What the page shows elsewhere all the time. */
const NO_NEWS = new Set(["subtitle", "network", "state"]);

export function begin(now: Snapshot, before: LiveCall | null): LiveCall {
  return { now, feed: before?.feed ?? [] };
}

export function advance({ now, feed }: LiveCall, event: Happening): LiveCall {
  return {
    now: { ...now, at_ms: event.at_ms, ...changed(now, event) },
    feed: NO_NEWS.has(event.type) ? feed : [...feed, event].slice(-MAX_FEED),
  };
}

function changed(now: Snapshot, event: Happening): Partial<Snapshot> {
  switch (event.type) {
    case "state":
      return { state: event.state };
    case "user":
      return { user_present: event.present };
    case "subtitle":
      return { lines: withLine(now.lines, event) };
    case "interrupted":
      return { interruptions: now.interruptions + 1 };
    case "latency":
      return { latency: event };
    case "network":
      return { network: event };
    case "takeover":
      return { takeover: event.step === "cancelled" || event.step === "handed_back" ? null : { ...event.takeover, connected: event.step === "connected" } };
    case "supervisor": {
      const others = now.supervisors.filter(({ user_id }) => user_id !== event.user_id);
      return { supervisors: event.connected ? [...others, event] : others };
    }
    case "ended":
      return { ended: event.reason };
    case "tool":
    case "whispered":
    case "provider_failed":
      return {};
  }
}

/** The agent's pieces are appended, everybody else's sentence is replaced. */
function withLine(lines: Line[], { side, text, end, sentence_id }: Line): Line[] {
  const at = lines.findLastIndex((line) => line.side === side && line.sentence_id === sentence_id);
  const before = lines[at];
  if (!before) return text === "" ? lines : [...lines, { side, text, end, sentence_id }].slice(-MAX_LINES);
  const said = side === "agent" ? before.text + text : text;
  if (said === "") return lines.toSpliced(at, 1);
  return lines.with(at, { side, text: said, end, sentence_id });
}
