import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceError, DeviceErrorCode, RtcClient, checkSupport, listDevices, volumeOf } from "../src";
import { deviceError } from "../src/devices";
import { install, type FakeTrack } from "./fakes";

test("each reason for having no device has its number", () => {
  const code = (kind: "audio" | "video", name: string) => deviceError(kind, Object.assign(new Error("x"), { name })).errorCode;
  const table = {
    NotFoundError: [10001, 10002],
    NotAllowedError: [10003, 10004],
    SecurityError: [10003, 10004],
    NotReadableError: [10005, 10006],
    AbortError: [10005, 10006],
    OverconstrainedError: [10007, 10007],
    TypeError: [10000, 10000],
  };
  for (const [name, codes] of Object.entries(table)) assert.deepEqual([code("audio", name), code("video", name)], codes, name);
});

test("a page without the interface is told that it is not secure", async () => {
  install();
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  await assert.rejects(new RtcClient().startMicrophone(), (error: DeviceError) => {
    return error.errorCode === DeviceErrorCode.MicrophoneNotAllowed && /https or localhost/.test(error.message);
  });
});

test("a device that opens after it was closed again is stopped", async () => {
  const world = install();
  const rtc = new RtcClient();
  const opening = rtc.startMicrophone();
  rtc.stopMicrophone();
  await opening;
  assert.deepEqual([rtc.audioTrack, world.tracks[0]?.stopped], [null, true]);
});

test("a switch takes the new device and stops the old one; one that fails leaves all as it was", async () => {
  const world = install();
  const rtc = new RtcClient();
  await rtc.startMicrophone();
  await rtc.switchMicrophone("m1");
  assert.deepEqual(world.tracks.map(({ deviceId, stopped }) => [deviceId, stopped]), [["default", true], ["m1", false]]);
  world.denied = { audio: "OverconstrainedError" };
  await assert.rejects(rtc.switchMicrophone("m2"));
  assert.equal(world.tracks[1]?.stopped, false);
  world.denied = {};
  await rtc.startMicrophone();
  assert.equal(world.tracks[2]?.deviceId, "m1");
});

test("mute holds for the microphone that is opened next, too", async () => {
  install();
  const rtc = new RtcClient();
  await rtc.startMicrophone();
  rtc.muteMicrophone(true);
  assert.equal(rtc.audioTrack?.enabled, false);
  await rtc.startMicrophone();
  assert.equal(rtc.audioTrack?.enabled, false);
});

test("a device that goes away is told once, and not when it was closed", async () => {
  const world = install();
  const rtc = new RtcClient();
  const lost: string[] = [];
  rtc.on("deviceLost", (kind) => lost.push(kind));
  await rtc.startMicrophone();
  await rtc.startCamera();
  const [microphone, camera] = world.tracks;
  rtc.stopCamera();
  camera?.fire("ended");
  microphone?.fire("ended");
  microphone?.fire("ended");
  assert.deepEqual(lost, ["audio"]);
  assert.equal(rtc.audioTrack, null);
});

test("a track of the app's own is not stopped", async () => {
  const world = install();
  const rtc = new RtcClient();
  await rtc.startCamera();
  const own = Object.assign(Object.create(world.tracks[0] as FakeTrack), { id: "own", stopped: false }) as FakeTrack;
  await rtc.startCamera(own as unknown as MediaStreamTrack);
  await rtc.destroy();
  assert.deepEqual([world.tracks[0]?.stopped, own.stopped], [true, false]);
});

test("devices are listed by kind, and support names what is missing", async () => {
  install();
  assert.deepEqual((await listDevices("video")).map(({ deviceId }) => deviceId), ["default", "c2"]);
  const { support, detail } = checkSupport();
  // The fake connection has no data channel in its prototype.
  assert.deepEqual([support, detail.devices, detail.dataChannel], [false, true, false]);
});

test("loudness runs from a quiet room to loud speech", () => {
  assert.deepEqual([0, 0.003, 0.02, 0.1, 0.4, 1].map(volumeOf), [0, 0, 38, 71, 100, 100]);
});
