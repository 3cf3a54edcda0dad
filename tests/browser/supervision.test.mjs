// Three browsers on one call: the user, a supervisor, and a second supervisor, who is admitted or refused as the server is
// configured. The supervisor listens, takes the call over, and gives it back. Who hears whom is told by tones: each
// microphone has one of its own, and is switched on when it is that one's turn.
//
//   RINGLINE_READY        what `ringline serve --ready-json` printed (scripted models)
//   RINGLINE_SUPERVISORS  max_supervisors of its configuration: 1, or more
//   CHROMIUM              the browser [/usr/bin/chromium]

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBrowser } from "./page.mjs";

const ready = JSON.parse(process.env.RINGLINE_READY ?? "null");
const seats = Number(process.env.RINGLINE_SUPERVISORS);
if (!ready || !(seats >= 1)) throw new Error("set RINGLINE_READY and RINGLINE_SUPERVISORS");

const USER_HZ = 500;
const ANN_HZ = 900;
const BOB_HZ = 1300;
const LIMIT_MS = 20_000;

let directory;
const browsers = [];
before(() => {
  directory = mkdtempSync(join(tmpdir(), "ringline-supervision-"));
});
after(async () => {
  await Promise.all(browsers.map((browser) => browser.close()));
  rmSync(directory, { recursive: true, force: true });
});

/** Runs in the page: joins with a token; a supervisor has a second line to listen on. */
async function joinCall({ rtcUrl, token, supervises }) {
  const mic = await navigator.mediaDevices.getUserMedia({
    audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
  });
  const [track] = mic.getAudioTracks();
  track.enabled = false;
  const peer = new RTCPeerConnection();
  peer.addTransceiver(track, { direction: "sendrecv" });
  if (supervises) peer.addTransceiver("audio", { direction: "recvonly" });
  const channel = peer.createDataChannel("ringline");
  const party = { peer, track, channel, messages: [], lines: [], sent: 0 };
  channel.onmessage = ({ data }) => party.messages.push(JSON.parse(data));
  window.party = party;
  await peer.setLocalDescription();
  const answer = await fetch(rtcUrl, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, sdp: peer.localDescription.sdp }),
  });
  const body = await answer.json();
  if (!answer.ok) return { status: answer.status, code: body.code };
  await peer.setRemoteDescription({ type: "answer", sdp: body.sdp });
  const context = new AudioContext();
  for (const { receiver } of peer.getTransceivers()) {
    const stream = new MediaStream([receiver.track]);
    // Without an element that plays it, Chromium doesn't decode a remote track.
    const sound = new Audio();
    sound.srcObject = stream;
    sound.muted = true;
    void sound.play();
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    analyser.smoothingTimeConstant = 0;
    context.createMediaStreamSource(stream).connect(analyser);
    party.lines.push(analyser);
  }
  return { status: answer.status, resource: new URL(body.resource, rtcUrl).href };
}

/** Runs in the page: the loudest pitch on a line now, in Hz, and how loud it is. */
function loudest(line) {
  const analyser = window.party.lines[line];
  const bins = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(bins);
  const top = bins.reduce((best, level, n) => (level > bins[best] ? n : best), 0);
  return { hz: (top * analyser.context.sampleRate) / analyser.fftSize, level: bins[top] };
}

/** One of the three, in a browser of their own. */
class Party {
  static async open(name, hz) {
    const path = join(directory, `${name}.wav`);
    execFileSync("sox", ["-n", "-r", "48000", "-c", "1", "-b", "16", path, "synth", "180", "sine", String(hz), "vol", "0.3"]);
    const browser = await openBrowser(path);
    browsers.push(browser);
    const party = new Party();
    party.name = name;
    party.page = await browser.newPage();
    await party.page.goto(ready.url);
    await party.page.evaluate(`window.loudest = ${loudest}`);
    return party;
  }

  join(token, supervises) {
    return this.page.evaluate(joinCall, { rtcUrl: ready.rtc_url, token, supervises });
  }

  /** Switches the microphone. */
  sound(on) {
    return this.page.evaluate((on) => {
      window.party.track.enabled = on;
    }, on);
  }

  async until(what, condition, argument) {
    try {
      const found = await this.page.waitForFunction(condition, argument, { timeout: LIMIT_MS, polling: 50 });
      return await found.jsonValue();
    } catch (error) {
      if (error.name !== "TimeoutError") throw error;
      const [heard, messages] = await this.page.evaluate(() => [
        window.party.lines.map((_, line) => window.loudest(line)),
        window.party.messages.map(({ type, data }) => ({ type, data })),
      ]);
      throw new Error(`${this.name} waited in vain until ${what}; hears ${JSON.stringify(heard)}, was told ${JSON.stringify(messages)}`);
    }
  }

  hears(hz, line = 0) {
    const heard = ([hz, line]) => {
      const { hz: top, level } = window.loudest(line);
      return level > -50 && Math.abs(top - hz) < 20;
    };
    return this.until(`${hz} Hz are heard on line ${line}`, heard, [hz, line]);
  }

  /** The agent's voice lies below all the tones. */
  hearsAgent(line = 0) {
    const heard = (line) => {
      const { hz, level } = window.loudest(line);
      return level > -50 && hz < 480;
    };
    return this.until(`the agent is heard on line ${line}`, heard, line);
  }

  hearsNothing(line = 0) {
    return this.until(`line ${line} is silent`, (line) => window.loudest(line).level < -80, line);
  }

  /** The first message of a type that was not asked for yet. */
  message(type) {
    const arrived = (type) => {
      const at = window.party.messages.findIndex((message) => message.type === type);
      return at < 0 ? false : window.party.messages.splice(at, 1)[0].data;
    };
    return this.until(`message ${type} comes`, arrived, type);
  }

  tells(type, data) {
    return this.page.evaluate(
      ([type, data]) => {
        window.party.sent += 1;
        window.party.channel.send(JSON.stringify({ type, data, seqId: window.party.sent }));
      },
      [type, data],
    );
  }

  /** Asks for the longest answer of the built-in script. */
  asks() {
    return this.tells(1111, { text: "Tell me something long, please.", enableInterrupt: 1 });
  }

  interrupts() {
    return this.tells(1101, {});
  }

  /** Follows the call's events, with the supervisor's own token. */
  follow(url, token) {
    return this.page.evaluate(
      async ([url, token]) => {
        const stream = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
        window.events = [];
        const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
        void (async () => {
          let text = "";
          for (let part = await reader.read(); !part.done; part = await reader.read()) {
            const events = (text + part.value).split("\n\n");
            text = events.pop();
            for (const event of events) {
              const field = (name) => event.split("\n").find((line) => line.startsWith(name))?.slice(name.length);
              if (field("event: ")) window.events.push({ name: field("event: "), data: JSON.parse(field("data: ")) });
            }
          }
          window.events.push({ name: "over", data: {} });
        })();
        return stream.status;
      },
      [url, token],
    );
  }

  event(name, like = {}) {
    const told = ([name, like]) =>
      window.events.find((event) => event.name === name && Object.entries(like).every(([key, value]) => event.data[key] === value)) ?? false;
    return this.until(`the event ${name} ${JSON.stringify(like)} comes`, told, [name, like]);
  }
}

async function post(path, token, body) {
  const answer = await fetch(`${ready.url}${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  return { status: answer.status, body: text === "" ? null : JSON.parse(text) };
}

test("a supervisor takes a call over and gives it back, and everybody hears whom they should", { timeout: 120_000 }, async () => {
  const [user, ann, bob] = await Promise.all([Party.open("user", USER_HZ), Party.open("ann", ANN_HZ), Party.open("bob", BOB_HZ)]);
  const started = await post("/api/v2/aiagent/generateAIAgentCall", null, {
    ai_agent_id: ready.agent_id,
    user_id: "alice",
    template_config: "{}",
    agent_config: JSON.stringify({ Greeting: "Good day to you.", InterruptConfig: { EnableVoiceInterrupt: false } }),
  });
  const instance = started.body.ai_agent_instance_id;
  const calls = `/api/ringline/v1/admin/calls/${instance}`;
  const supervisor = async (name, permissions) =>
    (await post(`${calls}/supervisors`, ready.admin_token, { name, permissions })).body;
  assert.equal((await user.join(started.body.rtc_auth_token, false)).status, 201);
  await user.message(1001);

  const annsToken = await supervisor("Ann", ["listen", "whisper", "speak", "takeover"]);
  assert.equal(await ann.follow(`${ready.url}${calls}/events`, annsToken.token), 200);
  await ann.event("snapshot", { instance_id: instance });
  const seat = await ann.join(annsToken.token, true);
  assert.equal(seat.status, 201);
  await ann.event("supervisor", { name: "Ann", connected: true });
  const bobsToken = await supervisor("Bob", ["listen"]);
  const second = await bob.join(bobsToken.token, true);
  const admitted = seats > 1;
  if (admitted) assert.equal(second.status, 201);
  else assert.deepEqual(second, { status: 409, code: "TooManySupervisors" });
  const listeners = admitted ? [ann, bob] : [ann];

  // Silently: both sides are heard, and the user hears nobody but the agent.
  await user.asks();
  await Promise.all([user.hearsAgent(), ...listeners.map((listener) => listener.hearsAgent(1))]);
  await user.interrupts();
  await ann.sound(true);
  await user.sound(true);
  await Promise.all(listeners.map((listener) => listener.hears(USER_HZ)));
  await user.hearsNothing();
  await Promise.all([user.sound(false), ann.sound(false)]);

  // There.
  const taken = await post(`${calls}/takeover`, annsToken.token, { mode: 1 });
  assert.deepEqual([taken.status, taken.body.connected], [200, true]);
  assert.deepEqual(await user.message(1012), { takeoverUid: annsToken.user_id, takeoverMode: 1 });
  assert.deepEqual(await user.message(1013), { takeoverUid: annsToken.user_id });
  await ann.event("takeover", { step: "connected" });
  await Promise.all([user.sound(true), ann.sound(true)]);
  await Promise.all([user.hears(ANN_HZ), ann.hears(USER_HZ), ...(admitted ? [bob.hears(ANN_HZ, 1), bob.hears(USER_HZ)] : [])]);
  await user.sound(false);
  assert.equal((await post(`${calls}/takeover`, bobsToken.token, { mode: 1 })).status, 403);

  // And back.
  assert.equal((await post(`${calls}/handback`, annsToken.token, {})).status, 204);
  assert.deepEqual(await user.message(9004), { takeoverUid: annsToken.user_id });
  await ann.event("takeover", { step: "handed_back" });
  // The supervisor's microphone is still on: nobody hears it.
  await user.hearsNothing();
  await user.asks();
  await Promise.all([user.hearsAgent(), ...listeners.map((listener) => listener.hearsAgent(1))]);
  await ann.event("network");

  // With one seat, the second supervisor comes in when the first has left.
  if (!admitted) {
    await ann.page.evaluate(
      ([resource, token]) => fetch(resource, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } }),
      [seat.resource, annsToken.token],
    );
    await ann.event("supervisor", { name: "Ann", connected: false });
    assert.equal((await bob.join(bobsToken.token, true)).status, 201);
    await user.sound(true);
    await bob.hears(USER_HZ);
  }
  await user.page.evaluate(() => window.party.peer.close());
  await ann.event("ended");
  await ann.event("over");
});
