import assert from "node:assert/strict";
import { test } from "node:test";
import Engine, * as adapter from "../src";

// A page without anything on it.
Object.assign(globalThis, { document: new EventTarget() });

test("what the official package imports is there, with its values, and importing does nothing else", () => {
  assert.equal(adapter.AliRtcSdkClientRole.AliRtcSdkInteractive, "interactive");
  assert.equal(adapter.AliRtcVideoTrack.AliRtcVideoTrackCamera, 1);
  assert.equal(adapter.AliRtcSubscribeState.AliRtcStateSubscribed, 3);
  assert.equal(adapter.AliRtcCapabilityProfile.Human, 1);
  const message = new adapter.AliRtcDataChannelMsg(new ArrayBuffer(3));
  assert.deepEqual([message.data.byteLength, message.type, message.networkTime, message.futureOrProgress], [3, 0, 0, 0]);
  for (const name of ["isSupported", "getMicrophoneList", "getCameraList"] as const) assert.equal(typeof Engine[name], "function");
});

test("the UMD build of the official package reads the numbers from the class", () => {
  const { default: _, AliRtcEngine: __, ...exports } = adapter;
  for (const [name, value] of Object.entries(exports)) assert.equal((Engine as unknown as Record<string, unknown>)[name], value, name);
});

test("there is one engine until it is destroyed", async () => {
  const engine = Engine.getInstance();
  assert.equal(Engine.getInstance({ env: "pre" }), engine);
  const destroyed = engine.destroy();
  const next = Engine.getInstance();
  assert.notEqual(next, engine, "at once: the application may call again while the last call is being left");
  await destroyed;
  assert.equal(Engine.getInstance(), next);
  await next.destroy();
});

test("what is not understood or cannot be done is told or ignored, and throws nothing", async () => {
  const engine = Engine.getInstance();
  const errors: Error[] = [];
  engine.on("onOccurError", (error) => errors.push(error));
  for (const parameter of ["", "no JSON", "null", '{"audio":null}', '{"data":{"enablePubDataChannel":true}}']) engine.setParameter(parameter);
  assert.deepEqual([engine.remoteUsers, engine.getUserInfo("nobody"), engine.getPluginByName("any")], [[], undefined, undefined]);
  assert.equal(await engine.getAudioTrack(), undefined);
  engine.sendDataChannelMessage(new adapter.AliRtcDataChannelMsg(new TextEncoder().encode("{}").buffer as ArrayBuffer));
  assert.equal(errors.length, 1);
  assert.match(errors[0]!.message, /not sent/);
  await engine.leaveChannel();
  await engine.destroy();
  engine.emit("onOccurError", new Error("later"));
  assert.equal(errors.length, 1, "a destroyed engine has no listeners");
});

test("a token that is none is refused with a code and a reason", async () => {
  const engine = Engine.getInstance();
  await assert.rejects(engine.joinChannel("no token"), { code: "InvalidToken", message: /base64/ });
  await assert.rejects(engine.refreshAuthInfo("no token"), { code: "InvalidToken" });
  await engine.destroy();
});
