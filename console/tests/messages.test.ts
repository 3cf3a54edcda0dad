import assert from "node:assert/strict";
import { test } from "vitest";
import { MAX_MESSAGE_LENGTH, parseEnvelope, readMessage, writeMessage } from "../src/call/messages";

const read = (type: number, data?: object) => readMessage({ type, ...(data ? { data } : {}), seqId: 1, senderId: "a", receiverId: "u" });

test("subtitles of both sides are read", () => {
  assert.deepEqual(read(1003, { text: "how warm", end: false, sentenceId: 3, voiceprint: 2 }), {
    kind: "user-subtitle",
    text: "how warm",
    end: false,
    sentenceId: 3,
    voiceprint: 2,
  });
  assert.deepEqual(read(1002, { text: "About", end: false, sentenceId: 3 }), { kind: "agent-subtitle", text: "About", end: false, sentenceId: 3 });
});

test("absent subtitle fields have the defaults native clients assume", () => {
  assert.deepEqual(read(1003, {}), { kind: "user-subtitle", text: "", end: true, sentenceId: 0, voiceprint: 0 });
  assert.deepEqual(read(1002), { kind: "agent-subtitle", text: "", end: true, sentenceId: 0 });
});

test("states and reasons become words, and a state nobody knows is no message", () => {
  assert.deepEqual(
    [1, 2, 3].map((state) => read(1001, { state })),
    [
      { kind: "state", state: "listening" },
      { kind: "state", state: "thinking" },
      { kind: "state", state: "speaking" },
    ],
  );
  assert.equal(read(1001, { state: 9 }), null);
  assert.equal(read(1001, { state: "constructor" }), null);
  assert.deepEqual(read(1016, { reason: 2 }), { kind: "interrupted", reason: "voice" });
  assert.deepEqual(read(1016, { reason: 77 }), { kind: "interrupted", reason: "unknown" });
});

test("the agent's leaving and errors carry their numbers and words", () => {
  assert.deepEqual(read(1010, { reason: 2001, message: "idle" }), { kind: "will-leave", reason: 2001, message: "idle" });
  assert.deepEqual(read(1000, { code: 4005, message: "asr" }), { kind: "error", code: 4005, message: "asr" });
});

test("a takeover is announced, begins and ends", () => {
  const steps = [1012, 1013, 9004].map((type) => read(type, { takeoverUid: "h" }));
  assert.deepEqual(steps, ["coming", "connected", "over"].map((step) => ({ kind: "takeover", step })));
});

test("unknown types are no message", () => {
  for (const type of [0, 1, 1018, 9999]) assert.equal(read(type, { text: "x" }), null);
  assert.equal(readMessage({ key: "aliyun_aigc", type: "ready_resp" }), null);
});

test("garbage on the channel is no envelope", () => {
  for (const text of ["", "{", "[1]", "null", "3", new ArrayBuffer(4), `{"a":"${"x".repeat(MAX_MESSAGE_LENGTH)}"}`]) {
    assert.equal(parseEnvelope(text), null);
  }
});

test("a sent message carries number, sender, receiver and always data", () => {
  assert.deepEqual(JSON.parse(writeMessage({ type: 1101 }, 7, "web-1", "agent-1")), {
    type: 1101,
    data: {},
    seqId: 7,
    senderId: "web-1",
    receiverId: "agent-1",
  });
  assert.deepEqual(JSON.parse(writeMessage({ type: 1111, data: { text: "hi", enableInterrupt: 1 } }, 8, "u", "a")).data, {
    text: "hi",
    enableInterrupt: 1,
  });
});
