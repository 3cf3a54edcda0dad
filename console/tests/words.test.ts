import { DeviceError, DeviceErrorCode, SignalingError } from "@ringline/rtc-core";
import assert from "node:assert/strict";
import { test } from "vitest";
import { duration, median, partsOf } from "../src/call/latency";
import { levelOf } from "../src/call/level";
import { problemOf, stepsOf, type Problem } from "../src/call/problem";
import { agentConfig, readSettings } from "../src/call/settings";
import { preferredLanguage } from "../src/words";
import { en } from "../src/words/en";
import { zh } from "../src/words/zh";

const PROBLEMS: Problem[] = [
  { kind: "insecure-page" },
  { kind: "unsupported-browser" },
  { kind: "microphone-denied" },
  { kind: "microphone-missing" },
  { kind: "microphone-failed", message: "in use" },
  { kind: "microphone-lost" },
  { kind: "server-away" },
  { kind: "no-agent" },
  { kind: "refused", message: "no such agent", code: "AgentNotFound" },
  { kind: "server-full" },
  { kind: "bad-answer", message: "x" },
  { kind: "no-media-path" },
  { kind: "path-lost" },
  { kind: "call-over" },
  { kind: "replaced" },
  { kind: "agent-left", reason: 2001, message: "idle" },
  { kind: "agent-error", code: 4005, message: "" },
];

test("every problem has a title, an explanation and labelled steps, in every language", () => {
  for (const problem of PROBLEMS) {
    for (const [words, shortest] of [[en, 6], [zh, 4]] as const) {
      const { title, text } = words.problem(problem, "http://10.0.0.5:8080");
      assert.ok(title.length >= shortest && text.length > shortest, problem.kind);
      for (const step of stepsOf(problem)) assert.ok(words.steps[step]);
    }
  }
});

test("a refusal shows the server's own words and code", () => {
  assert.equal(en.problem({ kind: "refused", message: "no such agent", code: "AgentNotFound" }, "").text, "no such agent. (AgentNotFound)");
});

test("an idle agent's leaving is explained without numbers", () => {
  assert.match(en.problem({ kind: "agent-left", reason: 2001, message: "idle" }, "").text, /hung up/);
});

test("the language is the chosen one, else the first that the browser prefers and the console has", () => {
  assert.equal(preferredLanguage(null, ["fr-FR", "zh-TW", "en"]), "zh-CN");
  assert.equal(preferredLanguage(null, ["en-GB", "zh"]), "en");
  assert.equal(preferredLanguage(null, ["fr"]), "en");
  assert.equal(preferredLanguage("zh-CN", ["en"]), "zh-CN");
  assert.equal(preferredLanguage("xx", ["zh"]), "zh-CN");
});

test("a device's errors are told apart", () => {
  const kind = (code: DeviceErrorCode) => problemOf(new DeviceError(code, "why", "audio")).kind;
  assert.equal(kind(DeviceErrorCode.MicrophoneNotAllowed), "microphone-denied");
  assert.equal(kind(DeviceErrorCode.MicrophoneNotFound), "microphone-missing");
  assert.deepEqual(problemOf(new DeviceError(DeviceErrorCode.MicrophoneNotReadable, "why", "audio")), { kind: "microphone-failed", message: "why" });
});

test("a refused join says what the server said", () => {
  assert.deepEqual(problemOf(new SignalingError("TokenExpired", "The token is over.", 401)), { kind: "refused", message: "The token is over.", code: "TokenExpired" });
  assert.deepEqual(problemOf(new SignalingError("ServerAway", "No answer.")), { kind: "server-away" });
  assert.deepEqual(problemOf(new SignalingError("ServerBusy", "Full.", 503)), { kind: "server-full" });
});

test("settings left alone change nothing of the agent's but voice interruption", () => {
  assert.equal(agentConfig(readSettings(null)), '{"InterruptConfig":{"EnableVoiceInterrupt":true}}');
});

test("settings become the agent configuration", () => {
  const settings = readSettings(
    JSON.stringify({ voiceInterrupt: false, pushToTalk: true, silenceMs: 700, speechRate: 1.2, greeting: " Hi. ", systemPrompt: "Be brief.", voiceId: "anna" }),
  );
  assert.deepEqual(JSON.parse(agentConfig(settings)), {
    Greeting: "Hi.",
    AsrConfig: { AsrMaxSilence: 700 },
    TtsConfig: { VoiceId: "anna", SpeechRate: 1.2 },
    EnablePushToTalk: true,
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
