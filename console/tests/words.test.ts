import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, median, partsOf } from "../src/latency";
import { levelOf } from "../src/level";
import { microphoneProblem } from "../src/microphone";
import { STEP_LABELS, describe, type Problem } from "../src/problem";
import { agentConfig, readSettings } from "../src/settings";

const PROBLEMS: Problem[] = [
  { kind: "insecure-page" },
  { kind: "unsupported-browser" },
  { kind: "microphone-denied" },
  { kind: "microphone-missing" },
  { kind: "microphone-failed", message: "in use" },
  { kind: "microphone-lost" },
  { kind: "server-away" },
  { kind: "refused", message: "no such agent", code: "AgentNotFound" },
  { kind: "server-full" },
  { kind: "bad-answer", message: "x" },
  { kind: "no-media-path" },
  { kind: "path-lost" },
  { kind: "call-over" },
  { kind: "agent-left", reason: 2001, message: "idle" },
  { kind: "agent-error", code: 4005, message: "" },
];

test("every problem has a title, an explanation and labelled steps", () => {
  for (const problem of PROBLEMS) {
    const words = describe(problem, "http://10.0.0.5:8080");
    assert.ok(words.title.length > 5 && words.text.length > 10, problem.kind);
    for (const step of words.steps) assert.ok(STEP_LABELS[step]);
  }
});

test("a refusal shows the server's own words and code", () => {
  assert.equal(describe({ kind: "refused", message: "no such agent", code: "AgentNotFound" }).text, "no such agent. (AgentNotFound)");
});

test("an idle agent's leaving is explained without numbers", () => {
  assert.match(describe({ kind: "agent-left", reason: 2001, message: "idle" }).text, /hung up/);
});

test("the browser's microphone errors are told apart", () => {
  const error = (name: string) => Object.assign(new Error("why"), { name });
  assert.equal(microphoneProblem(error("NotAllowedError")).kind, "microphone-denied");
  assert.equal(microphoneProblem(error("NotFoundError")).kind, "microphone-missing");
  assert.deepEqual(microphoneProblem(error("NotReadableError")), { kind: "microphone-failed", message: "why" });
});

test("settings left alone change nothing of the agent's but voice interruption", () => {
  assert.equal(agentConfig(readSettings(null)), '{"InterruptConfig":{"EnableVoiceInterrupt":true}}');
});

test("settings become the agent configuration", () => {
  const settings = readSettings(
    JSON.stringify({ voiceInterrupt: false, silenceMs: 700, greeting: " Hi. ", systemPrompt: "Be brief.", voiceId: "anna" }),
  );
  assert.deepEqual(JSON.parse(agentConfig(settings)), {
    Greeting: "Hi.",
    AsrConfig: { AsrMaxSilence: 700 },
    TtsConfig: { VoiceId: "anna" },
    LlmConfig: { LlmSystemPrompt: "Be brief." },
    InterruptConfig: { EnableVoiceInterrupt: false },
  });
});

test("stored settings of the wrong kind or out of range are not used", () => {
  const standard = readSettings(null);
  for (const stored of ["", "{", "3", "null", '{"silenceMs":5000,"greeting":7,"voiceInterrupt":"no"}', '{"silenceMs":null}']) {
    assert.deepEqual(readSettings(stored), standard);
  }
});

test("durations read as milliseconds below a second and as seconds above", () => {
  assert.deepEqual([0, 80.4, 999, 1000, 1456].map(duration), ["0 ms", "80 ms", "999 ms", "1.00 s", "1.46 s"]);
});

test("the parts of a turn stand in the order in which they happen and add up to the total", () => {
  const parts = partsOf({ sentenceId: 1, endpointing: 380, transcript: 120, firstText: 300, firstSegment: 90, firstAudio: 110, playout: 20, total: 1020 });
  assert.deepEqual(parts.map(({ ms }) => ms), [380, 120, 300, 90, 110, 20]);
  assert.equal(parts.reduce((sum, { ms }) => sum + ms, 0), 1020);
});

test("the median of few turns is one of them", () => {
  assert.deepEqual([median([]), median([5]), median([9, 1]), median([9, 1, 5])], [null, 5, 1, 5]);
});

test("levels run from silence to loud speech", () => {
  assert.equal(levelOf(0), 0);
  assert.equal(levelOf(1), 1);
  assert.ok(Math.abs(levelOf(10 ** (-36 / 20)) - 0.5) < 1e-9);
});
