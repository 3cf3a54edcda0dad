import assert from "node:assert/strict";
import { test } from "vitest";
import { bytes, lengthOf, percentile, turnAt } from "../src/calls/format";
import { advance, begin, type Happening, type LiveCall, type Snapshot } from "../src/calls/live-call";
import type { CallSummary, Turn } from "../src/admin/types";

const SNAPSHOT: Snapshot = { user_id: "u", state: "listening", user_present: true, takeover: null, at_ms: 0, lines: [], interruptions: 0, latency: null, network: null, supervisors: [], ended: null };

/** Steps a call from its snapshot; numbers and times are made up. */
function follow(...events: object[]): LiveCall {
  return events.reduce<LiveCall>((live, event, i) => advance(live, { seq: i + 1, at_ms: 1000 * (i + 1), ...event } as Happening), begin(SNAPSHOT, null));
}

const said = (side: string, text: string, sentence_id: number, end = false) => ({ type: "subtitle", side, text, sentence_id, end });

test("the agent's pieces are appended, the user's sentence is replaced, and a taken-back one goes", () => {
  const { now } = follow(said("user", "Wha", 1), said("user", "What time is it?", 1, true), said("agent", "It is ", 1), said("agent", "noon.", 1, true), said("user", "hm", 2), said("user", "", 2, true));
  assert.deepEqual(now.lines.map(({ side, text, end }) => [side, text, end]), [
    ["user", "What time is it?", true],
    ["agent", "It is noon.", true],
  ]);
  assert.equal(now.at_ms, 6000);
});

test("a takeover goes from called to connected and back to the agent", () => {
  const takeover = { user_id: "s", mode: "human_voice", connected: false };
  assert.equal(follow({ type: "takeover", step: "waiting", takeover }).now.takeover?.connected, false);
  assert.equal(follow({ type: "takeover", step: "connected", takeover }).now.takeover?.connected, true);
  assert.equal(follow({ type: "takeover", step: "connected", takeover }, { type: "takeover", step: "handed_back", takeover }).now.takeover, null);
});

test("the feed has what happened and not what is shown elsewhere all the time", () => {
  const { feed, now } = follow({ type: "state", state: "speaking" }, said("agent", "Hi", 1), { type: "interrupted", reason: "voice" }, { type: "network", loss: 0, jitter_ms: 1, path_lost: false }, { type: "ended", reason: "idle" });
  assert.deepEqual(feed.map(({ type }) => type), ["interrupted", "ended"]);
  assert.deepEqual([now.state, now.interruptions, now.ended], ["speaking", 1, "idle"]);
});

test("a new snapshot keeps what the feed has shown", () => {
  const live = follow({ type: "whispered", text: "be brief" });
  assert.equal(begin(SNAPSHOT, live).feed.length, 1);
});

test("a supervisor is listed while connected", () => {
  const supervisor = (connected: boolean) => ({ type: "supervisor", user_id: "s", name: "Ann", connected });
  assert.deepEqual(follow(supervisor(true), supervisor(true)).now.supervisors.map(({ name }) => name), ["Ann"]);
  assert.deepEqual(follow(supervisor(true), supervisor(false)).now.supervisors, []);
});

test("a call's length begins with the user and grows until the end", () => {
  const call = (started_ms: number | null, ended_ms: number | null) => lengthOf({ started_ms, ended_ms } as CallSummary, 9000);
  assert.deepEqual([call(null, 5000), call(1000, 5000), call(1000, null)], [null, 4000, 8000]);
});

test("the turn that is playing is the last one that has begun", () => {
  const turns = [0, 1500, 4000].map((begin_ms) => ({ begin_ms }) as Turn);
  assert.deepEqual([-1, 0, 1499, 1500, 9000].map((ms) => turnAt(turns, ms)), [-1, 0, 0, 1, 2]);
});

test("percentiles are values that occur", () => {
  assert.deepEqual([percentile([], 0.5), percentile([3, 1, 2], 0.5), percentile([1, 2, 3, 4], 0.95), percentile([7], 0.95)], [null, 2, 4, 7]);
});

test("sizes are read in thousands", () => {
  assert.deepEqual([0, 999, 1000, 262_144, 1_280_000_000].map(bytes), ["0 B", "999 B", "1.0 kB", "262 kB", "1.3 GB"]);
});
