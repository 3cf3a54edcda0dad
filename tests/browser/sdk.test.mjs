// Our SDK's media in a real Chromium, with a peer in the page (test-peer.js) that speaks our signaling: the tracks of each
// type of agent, devices that go away, paths that break, silence between presses. No server is needed.
//
//   CHROMIUM  the browser [/usr/bin/chromium]

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBrowser } from "./page.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const FILES = {
  "/test-peer.js": join(HERE, "test-peer.js"),
  "/sdk.js": join(HERE, "../../sdk/web/aicall/dist/index.umd.js"),
};
const PAGE = `<!doctype html><video id="agent"></video><video id="preview"></video><script src="/test-peer.js"></script><script src="/sdk.js"></script>`;
const LIMIT_MS = 30_000;
const [VOICE, AVATAR, VISION, VIDEO] = [0, 1, 2, 3];

let browser, server, origin;

before(async () => {
  server = createServer((request, response) => {
    const file = FILES[request.url];
    response.writeHead(200, { "Content-Type": file ? "text/javascript" : "text/html" }).end(file ? readFileSync(file) : PAGE);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
  // The fake microphone beeps and the fake cameras show a moving picture.
  browser = await openBrowser(undefined, ["--use-fake-device-for-media-stream=device-count=2"]);
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** A page with a peer and an engine, in a call of this type. */
async function inCall(type, { config = {}, peer = {} } = {}) {
  const context = await browser.newContext({ permissions: ["microphone", "camera"] });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(origin);
  await page.evaluate(
    async ([type, config, peerOptions]) => {
      window.peer = new TestPeer(peerOptions);
      window.engine = new ARTCAICallEngine.default(config);
      window.told = [];
      for (const name of ["callBegin", "audioSubscribed", "agentDataChannelAvailable", "connectionStatusChange", "errorOccurred", "autoPlayFailed"]) {
        engine.on(name, (...args) => told.push([name, ...args.filter((arg) => typeof arg !== "object")].join(" ")));
      }
      window.volumes = {};
      engine.on("speakingVolumeChanged", (userId, volume) => (volumes[userId] = volume));
      await engine.init(type, config);
      await engine.call("user-1", peer.info, type);
    },
    [type, config, peer],
  );
  const until = async (what, condition, argument) => {
    try {
      return await (await page.waitForFunction(condition, argument, { timeout: LIMIT_MS, polling: 50 })).jsonValue();
    } catch (error) {
      const told = await page.evaluate(() => [window.told, window.peer.requests.map(({ method }) => method)]);
      throw new Error(`waited in vain until ${what}: ${error.message}\n${JSON.stringify(told)}`);
    }
  };
  await until("messages can be sent", () => window.told.includes("agentDataChannelAvailable"));
  return {
    page,
    until,
    run: (use, argument) => page.evaluate(use, argument),
    /** Waits until the peer has received more of this kind, counted from now. */
    async flows(kind) {
      const from = await page.evaluate((kind) => peer.count(kind), kind);
      await until(`${kind} arrives`, ([kind, from]) => window.peer.count(kind).then((now) => now > from + 5), [kind, from]);
    },
    async end() {
      await page.evaluate(() => engine.handup());
      assert.deepEqual(errors, []);
      await context.close();
    },
  };
}

/** After the loss: what else is told by then may stand behind it. */
const isBack = () => {
  const loss = window.told.indexOf("connectionStatusChange 4 12");
  return loss >= 0 && window.told.slice(loss).some((line) => line.startsWith("connectionStatusChange 3"));
};
const shows = (id) => document.getElementById(id).videoWidth > 0 && document.getElementById(id).srcObject !== null;

test("a video call sends the camera and shows the avatar", async () => {
  const call = await inCall(VIDEO, { config: { agentElement: "agent", previewElement: "preview" }, peer: { avatar: true } });
  assert.deepEqual((await call.run(() => told)).filter((line) => /audio|Begin|Available/.test(line)), [
    "audioSubscribed avatar-1", "callBegin", "agentDataChannelAvailable",
  ]);
  await call.until("the avatar is seen", shows, "agent");
  await call.until("the preview is seen", shows, "preview");
  await call.flows("video");
  await call.flows("audio");
  await call.end();
});

test("an avatar call shows the avatar and opens no camera", async () => {
  const call = await inCall(AVATAR, { config: { agentElement: "agent", previewElement: "preview" }, peer: { avatar: true } });
  await call.until("the avatar is seen", shows, "agent");
  assert.deepEqual(await call.run(() => [engine.getRTCInstance.videoTrack, peer.tracks.map(({ kind }) => kind)]), [null, ["audio"]]);
  await call.run(() => engine.setAgentView());
  assert.equal(await call.run(shows, "agent"), false);
  await call.end();
});

test("a vision call sends the camera, which can be muted, shown again and switched", async () => {
  const call = await inCall(VISION, { config: { previewElement: "preview", cameraConfig: { width: 320, height: 240, frameRate: 10, bitrate: 300 } } });
  await call.flows("video");
  await call.until("the preview is seen", shows, "preview");
  await call.run(() => engine.muteLocalCamera(true));
  assert.equal(await call.run(shows, "preview"), false);
  await call.run(() => engine.muteLocalCamera(false));
  await call.flows("video");
  const before = await call.run(() => engine.getRTCInstance.videoTrack.getSettings());
  assert.deepEqual([before.width, before.height], [320, 240]);
  await call.run(() => engine.switchCamera());
  assert.notEqual(await call.run(() => engine.getRTCInstance.videoTrack.getSettings().deviceId), before.deviceId);
  await call.flows("video");
  await call.end();
});

test("a voice call has no picture line, and both loudnesses", async () => {
  const call = await inCall(VOICE);
  assert.equal(await call.run(() => peer.requests[0].sdp.includes("m=video")), false);
  await call.until("the agent is loud", () => window.volumes["agent-1"] > 50);
  await call.until("the microphone beeps", () => window.volumes[""] > 20);
  await call.run(() => engine.mute(true));
  await call.until("the muted microphone is silent", () => window.volumes[""] === 0);
  await call.end();
});

test("with closeMicrophoneOnRelease nothing is captured between presses, and silence flows", async () => {
  const call = await inCall(VOICE, { config: { enablePushToTalk: true, pushToTalkConfig: { closeMicrophoneOnRelease: true } } });
  assert.equal(await call.run(() => engine.getRTCInstance.audioTrack), null);
  await call.flows("audio");
  assert.equal(await call.run(() => engine.startPushToTalk()), true);
  await call.until("the microphone is open", () => window.engine.getRTCInstance.audioTrack?.readyState === "live");
  await call.until("the press is heard", () => window.peer.loudness().then((level) => level > 0.01));
  await call.run(() => engine.finishPushToTalk());
  assert.equal(await call.run(() => engine.getRTCInstance.audioTrack), null);
  await call.until("silence follows", () => window.peer.loudness().then((level) => level === 0));
  await call.flows("audio");
  await call.end();
});

test("a lost microphone is opened again and heard", async () => {
  const call = await inCall(VOICE);
  const before = await call.run(() => {
    const { audioTrack } = engine.getRTCInstance;
    audioTrack.stop();
    audioTrack.dispatchEvent(new Event("ended"));
    return audioTrack.id;
  });
  await call.until("there is another track", (before) => (window.engine.getRTCInstance.audioTrack?.id ?? before) !== before, before);
  await call.until("it is heard", () => window.peer.loudness().then((level) => level > 0.01));
  await call.end();
});

test("a change of network restarts the transport, and the same call goes on", async () => {
  const call = await inCall(VOICE);
  await call.run(() => window.dispatchEvent(new Event("online")));
  await call.until("it is back", isBack);
  // On a slow machine the restart may be too late to be the whole story.
  assert.deepEqual(await call.run(() => peer.requests.map(({ method, sdp }) => `${method} ${Boolean(sdp)}`).slice(0, 2)), ["POST true", "PATCH true"]);
  await call.flows("audio");
  await call.end();
});

test("a path that is dead is found within seconds and made anew, with voice and messages", async () => {
  const call = await inCall(VOICE);
  await call.flows("audio");
  await call.run(() => peer.cut());
  await call.until("the loss is told", () => window.told.includes("connectionStatusChange 4 12"));
  await call.until("it is back", isBack);
  const methods = await call.run(() => peer.requests.map(({ method }) => method));
  assert.deepEqual([methods[0], methods.at(-1)], ["POST", "POST"]);
  await call.flows("audio");
  await call.until("messages go through", () => window.engine.queryCurrentAgentState() && window.peer.received.some(({ type }) => type === 1119));
  assert.equal(await call.run(() => told.filter((line) => line === "agentDataChannelAvailable").length), 1);
  await call.end();
});

test("a renewed token reaches the server", async () => {
  const call = await inCall(VOICE);
  const sent = await call.run(async () => {
    const token = peer.token(7200);
    await engine.updateToken(token);
    return token;
  });
  await call.until("the server has it", (token) => window.peer.requests.some(({ method, token: got }) => method === "PATCH" && got === token), sent);
  await call.end();
});
