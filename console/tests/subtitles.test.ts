import assert from "node:assert/strict";
import { test } from "vitest";
import type { TurnLatency } from "../src/call/messages";
import { MAX_ENTRIES, Subtitles } from "../src/call/subtitles";

const texts = (subtitles: Subtitles) => subtitles.entries.map(({ side, text }) => `${side}: ${text}`);

function latency(sentenceId: number): TurnLatency {
  return { sentenceId, endpointing: 400, transcript: 0, firstText: 100, firstSegment: 50, firstAudio: 80, playout: 20, total: 650 };
}

test("user text is replaced, agent text grows", () => {
  const subtitles = new Subtitles();
  subtitles.user("how", false, 1);
  subtitles.user("how warm is it", true, 1);
  subtitles.agent("About twenty ", false, 1);
  subtitles.agent("degrees.", false, 1);
  subtitles.agent("", true, 1);
  assert.deepEqual(texts(subtitles), ["user: how warm is it", "agent: About twenty degrees."]);
  assert.deepEqual(subtitles.entries.map(({ final }) => final), [true, true]);
});

test("the closing piece may carry the last words", () => {
  const subtitles = new Subtitles();
  subtitles.agent("Hello ", false, 0);
  subtitles.agent("there.", true, 0);
  assert.deepEqual(texts(subtitles), ["agent: Hello there."]);
});

test("an empty answer shows nothing", () => {
  const subtitles = new Subtitles();
  subtitles.agent("", true, 4);
  assert.deepEqual(subtitles.entries, []);
});

test("a sentence that turned out to be no words is taken back", () => {
  const subtitles = new Subtitles();
  subtitles.user("uh", false, 2);
  subtitles.user("", true, 2);
  assert.deepEqual(subtitles.entries, []);
});

test("somebody else's words are taken back", () => {
  const subtitles = new Subtitles();
  subtitles.user("buy milk", false, 2, 0);
  subtitles.user("buy milk", true, 2, 5);
  assert.deepEqual(subtitles.entries, []);
});

test("an interruption marks the answer being spoken, whichever of state and reason comes first", () => {
  for (const stateFirst of [true, false]) {
    const subtitles = new Subtitles();
    subtitles.user("tell me", true, 1);
    subtitles.state("thinking");
    subtitles.agent("It was", false, 1);
    subtitles.state("speaking");
    if (stateFirst) subtitles.state("listening");
    subtitles.interrupted("voice");
    if (!stateFirst) subtitles.state("listening");
    assert.deepEqual(subtitles.entries.map(({ interrupted }) => interrupted), [null, "voice"]);
    assert.equal(subtitles.entries[1]?.final, true);
  }
});

test("an interruption while thinking doesn't mark the answer before", () => {
  const subtitles = new Subtitles();
  subtitles.agent("Hello.", true, 0);
  subtitles.state("listening");
  subtitles.user("tell me", true, 1);
  subtitles.state("thinking");
  assert.equal(subtitles.interrupted("command"), null);
  assert.equal(subtitles.entries[0]?.interrupted, null);
});

test("an answer is marked once, by its first interruption", () => {
  const subtitles = new Subtitles();
  subtitles.agent("Hello", false, 0);
  subtitles.interrupted("voice");
  subtitles.agent(" there", true, 0);
  subtitles.interrupted("command");
  assert.equal(subtitles.entries[0]?.interrupted, "voice");
});

test("latency finds its answer, before or after the first words", () => {
  const subtitles = new Subtitles();
  subtitles.latency(latency(1));
  subtitles.agent("Yes.", true, 1);
  subtitles.agent("No.", true, 2);
  subtitles.latency(latency(2));
  assert.deepEqual(subtitles.entries.map((entry) => entry.latency?.sentenceId), [1, 2]);
});

test("what was typed is shown once, whether or not the server repeats it", () => {
  const subtitles = new Subtitles();
  subtitles.typed("what time is it");
  subtitles.user("what time is it", true, 5);
  subtitles.agent("Noon.", true, 5);
  subtitles.typed("thanks");
  assert.deepEqual(texts(subtitles), ["user: what time is it", "agent: Noon.", "user: thanks"]);
});

test("a question that the user takes up again grows on in its own entry", () => {
  const subtitles = new Subtitles();
  subtitles.user("I would like", true, 1);
  subtitles.user("I would like some tea", false, 1);
  assert.deepEqual(subtitles.entries.map(({ text, final }) => [text, final]), [["I would like some tea", false]]);
});

test("at the end of the call every entry is final", () => {
  const subtitles = new Subtitles();
  subtitles.user("wait", false, 1);
  subtitles.finish();
  assert.equal(subtitles.entries[0]?.final, true);
});

test("the oldest entries make room at the limit", () => {
  const subtitles = new Subtitles();
  for (let i = 0; i <= MAX_ENTRIES; i++) subtitles.user(`word ${i}`, true, i);
  assert.equal(subtitles.entries.length, MAX_ENTRIES);
  assert.equal(subtitles.entries[0]?.text, "word 1");
});
