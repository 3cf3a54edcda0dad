// An AICallKit application in a real Chromium, twice: on our SDK, and on the vendor's own package, unmodified, with our adapter
// in place of its RTC dependency. Each test is one call of such an application against a running server with scripted models.
//
//   CHROMIUM    the browser [/usr/bin/chromium]
//   RINGLINE_FACES  "own", "official" or both [both]
//
// The vendor's package is installed by tests/run, never kept. Nothing here sleeps: everything is waited for, with a limit.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openBrowser } from "./page.mjs";
import { writeSpeech } from "./speech.mjs";
import { Client } from "./web/client.mjs";
import { Server } from "./web/server.mjs";
import { FACES, Site } from "./web/site.mjs";

const faces = process.env.RINGLINE_FACES?.split(" ") ?? FACES;
/** Calls at once: they mostly wait. */
const CONCURRENCY = 4;

const GREETING = "Good day to you.";
/** The script: what is heard, line by line, whatever is said, and the answers, to typed questions too. */
const FIRST = { hears: "Who are you?", answers: "I read from a script." };
const SECOND = { hears: "What can you do?", answers: "I listen and I answer." };
/** Longer than any machine takes to notice that somebody speaks. */
const LONG = { hears: "Tell me something long.", answers: "There was a ship, and there was another one behind it. ".repeat(25).trim() };

let browser, site, server, speech;

before(async () => {
  speech = mkdtempSync(join(tmpdir(), "ringline-speech-"));
  for (const sentence of ["young", "selfish"]) writeSpeech(join(speech, `${sentence}.wav`), [sentence]);
  [browser, site, server] = await Promise.all([openBrowser(), Site.open(speech), Server.start({ turns: [FIRST, SECOND, LONG] })]);
  await server.openApi("SetNotifyConfig", {
    AIAgentId: server.ready.agent_id,
    EnableNotify: "true",
    CallbackUrl: `${site.origin}/callbacks`,
    EventTypes: "client_defined_data",
  });
});

after(async () => {
  await Promise.all([browser?.close(), server?.stop()]);
  site?.close();
  if (speech) rmSync(speech, { recursive: true, force: true });
});

/** An application in a browser profile of its own. */
async function withClient(face, use, { devices = true } = {}) {
  const context = await browser.newContext({ permissions: devices ? ["microphone", "camera"] : [] });
  try {
    const client = await Client.open(context, `${site.origin}/${face}.html`);
    await use(client, context);
    assert.deepEqual(await client.complaints(), []);
  } finally {
    await context.close();
  }
}

/** What an app server hands its application: in the spelling of the OpenAPI. */
function agentInfo(call, token = call.rtc_auth_token) {
  return {
    InstanceId: call.ai_agent_instance_id,
    AIAgentUserId: call.ai_agent_user_id,
    ChannelId: call.channel_id,
    Token: token,
    RequestId: call.request_id,
  };
}

async function callWithConfig(client, agentConfig, options = {}) {
  const user = randomUUID();
  const config = { agentId: server.ready.agent_id, agentType: 0, region: "cn-shanghai", userId: user, userJoinToken: await server.joinToken(user) };
  await client.callWithConfig({ ...config, ...options }, { agentGreeting: "", ...agentConfig });
}

/** The instance of the page's call. */
const instanceOf = (client) => client.run(() => window.engine.agentInfo.instanceId);

async function assertOrder(client, ...events) {
  const first = await Promise.all(events.map(async (event) => (await client.numbers(event))[0]));
  const sorted = [...first].sort((a, b) => a - b);
  assert.deepEqual(first, sorted, `${events.join(" → ")} came as numbers ${first}\n${await client.story()}`);
}

for (const face of faces) {
  const scenario = (name, use, options) => test(name, { timeout: 120_000 }, (t) => withClient(face, (client, context) => use(client, context, t), options));

  describe(`${face}:`, { concurrency: CONCURRENCY }, () => {
    scenario("a server-started call tells everything in its order; speech over the agent and a button interrupt it", async (client) => {
      await client.create();
      await client.engine("init", 0);
      const call = await server.startCall("alice", { Greeting: GREETING });
      await client.call("alice", agentInfo(call));
      const listens = await client.event("the greeting is over", "agentStateChanged", { like: [1] });
      await assertOrder(client, "audioSubscribed", "callBegin", "agentDataChannelAvailable", "agentStateChanged");
      await assertOrder(client, "joined", "agentDataChannelAvailable", "agentSubtitleNotify");
      await client.event("the connection is up", "connectionStatusChange", { like: [3] });
      assert.deepEqual(await client.numbers("agentStarted"), [], "that is for client-started calls");
      const greeting = await client.event("the greeting has a subtitle", "agentSubtitleNotify");
      assert.equal((await client.agentText(greeting.args[0].sentenceId)).trim(), GREETING);

      // The question and its answer.
      await client.say("young");
      const heard = await client.event("the question is understood", "userSubtitleNotify", { after: listens.n, like: [{ end: true }] });
      assert.equal(heard.args[0].text, FIRST.hears);
      const thinks = await client.event("the agent thinks", "agentStateChanged", { after: listens.n, like: [2] });
      const speaks = await client.event("the agent speaks", "agentStateChanged", { after: thinks.n, like: [3] });
      await client.event("the answer's latency is told", "latencyStats", { after: heard.n });
      const said = await client.event("the answer is over", "agentStateChanged", { after: speaks.n, like: [1] });
      assert.equal((await client.agentText(heard.args[0].sentenceId)).trim(), FIRST.answers);

      // A long answer, interrupted by voice.
      await client.listen();
      assert.equal(await client.engine("sendTextToAgent", LONG.hears), true);
      const long = await client.event("the long answer begins", "agentStateChanged", { after: said.n, like: [3] });
      await client.hears("it is heard");
      await client.say("selfish");
      const byVoice = await client.event("the interruption is told", "speakingInterrupted", { after: long.n });
      assert.equal(byVoice.args[0], 2);
      await client.event("the agent listens", "agentStateChanged", { after: long.n, like: [1] });
      const words = await client.event("the interrupting words are understood", "userSubtitleNotify", {
        after: byVoice.n,
        like: [{ end: true, text: SECOND.hears }],
      });
      const answered = await client.event("they are answered", "agentStateChanged", { after: words.n, like: [3] });

      // Interrupted by a typed question, and that one's answer by a button.
      const silent = await client.event("the answer is over", "agentStateChanged", { after: answered.n, like: [1] });
      assert.equal(await client.engine("sendTextToAgent", LONG.hears), true);
      const again = await client.event("the long answer begins again", "agentStateChanged", { after: silent.n, like: [3] });
      assert.equal(await client.engine("sendTextToAgent", LONG.hears), true);
      const byText = await client.event("the typed question interrupts", "speakingInterrupted", { after: again.n, like: [5] });
      const last = await client.event("the next answer begins", "agentStateChanged", { after: byText.n, like: [3] });
      assert.equal(await client.engine("interruptSpeaking"), true);
      await client.event("the button interrupts", "speakingInterrupted", { after: last.n, like: [3] });
      await client.event("the agent listens again", "agentStateChanged", { after: last.n, like: [1] });
      const sentence = await client.run(() => window.log.findLast(({ event }) => event === "agentSubtitleNotify").args[0].sentenceId);
      const cut = (await client.agentText(sentence)).trim();
      assert.ok(LONG.answers.startsWith(cut) && cut.length < LONG.answers.length, `a part of the answer was said: ${cut}`);

      // Hanging up.
      assert.equal(await client.engine("stopAgent"), true);
      await client.engine("handup");
      await client.event("the call has ended", "callEnd");
      assert.deepEqual(await client.numbers("errorOccurred"), [], await client.story());
      await finished(call.ai_agent_instance_id);
    });

    scenario("a client-started call: typed questions, custom messages both ways, settings while it runs", async (client) => {
      await client.create();
      await callWithConfig(client, { agentGreeting: GREETING, llmConfig: { llmCompleteReply: true } });
      const listens = await client.event("the greeting is over", "agentStateChanged", { like: [1] });
      await assertOrder(client, "agentStarted", "audioSubscribed", "callBegin", "agentDataChannelAvailable", "agentSubtitleNotify");
      const instance = await instanceOf(client);

      assert.equal(await client.engine("sendTextToAgent", SECOND.hears), true);
      const done = await client.event("the whole reply is told", "llmReplyCompleted", { after: listens.n });
      assert.equal(done.args[0], SECOND.answers);
      await client.event("the answer is over", "agentStateChanged", { after: done.n, like: [1] });
      assert.equal((await client.agentText(done.args[1])).trim(), SECOND.answers);

      const before = await client.now();
      assert.equal(await client.engine("queryCurrentAgentState"), true);
      await client.event("the state is told", "agentStateChanged", { after: before, like: [1] });

      const message = { order: 17, from: "the page" };
      assert.equal(await client.engine("sendCustomMessageToServer", JSON.stringify(message)), true);
      await client.until("a volume is told", () => window.log.some(({ event, args }) => event === "speakingVolumeChanged" && args[0] === ""));
      await soon("the app server has the message", () =>
        site.callbacks.find((callback) => callback.instanceId === instance && callback.data?.order === message.order),
      );
      await server.openApi("SendAIAgentDataChannelMessage", { InstanceId: instance, Message: '{"answer":42}' });
      await client.event("the app server's message arrives", "receivedAgentCustomMessage", { like: [{ answer: 42 }] });

      assert.equal(await client.engine("updateLlmSystemPrompt", "You are brief."), true);
      assert.equal(await client.engine("updateTtsSpeechRate", 1.5), true);
      assert.equal(await client.engine("updateAsrMaxSilence", 700), true);
      assert.equal(await client.engine("enableVoiceInterrupt", false), true);
      await client.event("voice interruption is off", "voiceInterruptChanged", { like: [false] });
      // What the client changed is what an update is laid over.
      await server.openApi("UpdateAIAgentInstance", { InstanceId: instance, AgentConfig: '{"Volume":90}' });
      const { AgentConfig: config } = (await server.openApi("DescribeAIAgentInstance", { InstanceId: instance })).Instance;
      assert.equal(config.LlmConfig.LlmSystemPrompt, "You are brief.");
      assert.equal(config.TtsConfig.SpeechRate, 1.5);
      assert.equal(config.AsrConfig.AsrMaxSilence, 700);

      assert.equal(await client.engine("muteAgentAudioPlaying", true), true);
      assert.equal(await client.run(() => window.audio.muted), true);
      await client.engine("handup");
      await client.event("the call has ended", "callEnd");
    });

    scenario("push-to-talk: what is said while the button is held is answered, what is cancelled is not", async (client) => {
      await client.create();
      await callWithConfig(client, { enablePushToTalk: true });
      const ready = await client.event("messages can be sent", "agentDataChannelAvailable");
      await client.event("the agent listens", "agentStateChanged", { after: ready.n, like: [1] });

      assert.equal(await client.engine("startPushToTalk"), true);
      await client.say("young");
      assert.equal(await client.engine("finishPushToTalk"), true);
      const heard = await client.event("what was said is understood", "userSubtitleNotify", { like: [{ end: true, text: FIRST.hears }] });
      const speaks = await client.event("it is answered", "agentStateChanged", { after: heard.n, like: [3] });
      await client.event("the answer is over", "agentStateChanged", { after: speaks.n, like: [1] });

      const before = await client.now();
      assert.equal(await client.engine("startPushToTalk"), true);
      await client.say("young");
      assert.equal(await client.engine("cancelPushToTalk"), true);
      assert.equal(await client.engine("enablePushToTalk", false), true);
      await client.event("push-to-talk is off", "pushToTalkChanged", { after: before, like: [false] });
      assert.equal(await client.engine("sendTextToAgent", "Something else."), true);
      const next = await client.event("the next question is the typed one", "userSubtitleNotify", { after: before, like: [{ end: true }] });
      assert.equal(next.args[0].text, "Something else.");
      await client.engine("handup");
    });

    scenario("an idle agent says that it leaves, and is gone", async (client) => {
      await client.create();
      await callWithConfig(client, { agentMaxIdleTime: 2 });
      await client.event("the agent says why", "agentWillLeave", { like: [2001] });
      const gone = await client.event("it is gone", "errorOccurred");
      assert.equal(gone.args[0], -10101);
      await assertOrder(client, "agentWillLeave", "errorOccurred");
      await client.engine("handup");
      await client.event("the call has ended", "callEnd");
      assert.equal((await client.numbers("errorOccurred")).length, 1, await client.story());
    });

    scenario("a token that runs out is renewed and the call goes on", async (client) => {
      await client.create();
      const call = await server.startCall("bob", { Greeting: "" });
      await client.call("bob", agentInfo(call, server.shortToken(call.channel_id, "bob", 8)));
      await client.event("the end of the token is near", "authInfoWillExpire");
      if (face === "official") {
        // The application asks the agent for another, or its own server. Our SDK does it by itself.
        await client.event("messages can be sent", "agentDataChannelAvailable");
        assert.equal(await client.engine("requestRTCToken"), true);
        const { args } = await client.event("there is a new token", "newRTCToken");
        await client.engine("updateToken", args[0]);
      }
      // Far behind the end of the first token and its grace.
      await client.until("its time has passed", (t) => performance.now() > t, (await client.run(() => performance.now())) + 21_000);
      const before = await client.now();
      assert.equal(await client.engine("queryCurrentAgentState"), true);
      await client.event("the agent answers", "agentStateChanged", { after: before, like: [1] });
      assert.deepEqual(await client.numbers("authInfoExpired"), []);
      assert.deepEqual(await client.numbers("errorOccurred"), []);
      await client.engine("handup");
    });

    scenario("a token that runs out and is not renewed puts the user out", async (client) => {
      await client.create();
      const call = await server.startCall("carol", { Greeting: "", UserOfflineTimeout: 1 });
      // Nobody asks for another: our SDK would.
      await client.run(() => {
        const { send } = RTCDataChannel.prototype;
        RTCDataChannel.prototype.send = function (data) {
          if (!String(data).includes('"type":1104')) send.call(this, data);
        };
      });
      await client.call("carol", agentInfo(call, server.shortToken(call.channel_id, "carol", 4)));
      await client.event("the end of the token is near", "authInfoWillExpire");
      const expired = await client.event("it has come", "authInfoExpired");
      const out = await client.event("the server has put the user out", "errorOccurred", { after: expired.n });
      assert.equal(out.args[0], -10006);
      await finished(call.ai_agent_instance_id);
      await client.engine("handup");
    });

    scenario("a second login of the same user takes the call over", async (client, context) => {
      await client.create();
      const call = await server.startCall("dave", { Greeting: "" });
      await client.call("dave", agentInfo(call));
      await client.event("messages can be sent", "agentDataChannelAvailable");
      const second = await Client.open(context, `${site.origin}/${face}.html`);
      await second.create();
      await second.call("dave", agentInfo(call));
      const out = await client.event("the first is told", "errorOccurred");
      assert.equal(out.args[0], -10005);
      await second.event("the second has the line", "agentDataChannelAvailable");
      await second.engine("sendTextToAgent", SECOND.hears);
      await second.event("the agent answers there", "agentSubtitleNotify");
      assert.deepEqual(await second.complaints(), []);
      await Promise.all([client, second].map((one) => one.engine("handup")));
    });

    scenario("a server that dies and comes back ends the call, and the next one works", async (client) => {
      const own = await Server.startOnFixedPorts();
      try {
        await client.create();
        const call = await own.startCall("erin", { Greeting: "" });
        await client.call("erin", agentInfo(call));
        await client.event("messages can be sent", "agentDataChannelAvailable");
        await own.kill();
        const lost = await client.event("the loss is noticed", "connectionStatusChange", { like: [4] });
        await own.start();
        const over = await client.event("the call is over", "errorOccurred", { after: lost.n });
        assert.equal(over.args[0], -10007, await client.story());
        await client.engine("handup");
        assert.equal(await own.endReason(call.ai_agent_instance_id), "crashed");
        const next = await own.startCall("erin", { Greeting: GREETING });
        const before = await client.now();
        await client.call("erin", agentInfo(next));
        await client.event("the agent greets again", "agentSubtitleNotify", { after: before });
        await client.engine("handup");
      } finally {
        await own.stop();
      }
    });

    scenario(
      "without a microphone the call does not begin, and the error says so",
      async (client) => {
        await client.create();
        const code = await client.run(() => window.engine.init(0).then(() => "it began", (error) => error.code));
        assert.equal(code, -10008);
      },
      { devices: false },
    );

    scenario("an agent that is not there is an error of its own", async (client) => {
      await client.create();
      await callWithConfig(client, {}, { agentId: "0".repeat(32) }).catch(() => undefined);
      const { args } = await client.event("the error is told", "errorOccurred");
      assert.equal(args[0], -10204);
      await client.engine("handup");
    });

    scenario("a camera is sent while the agent has no picture, and the voice is as without", async (client) => {
      await client.create({ previewElement: "preview", agentElement: "agent" });
      const call = await server.startCall("frank", { Greeting: GREETING });
      await client.call("frank", agentInfo(call), 2);
      await client.event("the greeting is over", "agentStateChanged", { like: [1] });
      await client.until("frames of the camera leave", async () => {
        const [connection] = window.connections.slice(-1);
        const reports = [...(await connection.getStats()).values()];
        return reports.some(({ type, kind, framesSent }) => type === "outbound-rtp" && kind === "video" && framesSent > 5);
      });
      await client.until("the preview shows them", () => document.getElementById("preview").videoWidth > 0);
      await client.say("young");
      await client.event("the question is understood", "userSubtitleNotify", { like: [{ end: true, text: FIRST.hears }] });
      await client.engine("muteLocalCamera", true);
      await client.until("the preview is empty", () => document.getElementById("preview").srcObject === null);
      await client.engine("handup");
    });
  });
}

/** The record that every test on the official package looks at in its end. */
for (const [what, complaint] of [
  ["setClientRole", "the adapter has no engine.setClientRole"],
  ["dataChannelMsg", "the adapter has no event dataChannelMsg"],
]) {
  const skip = !faces.includes("official");
  test(`an adapter without ${what} is told on`, { timeout: 60_000, skip }, async () => {
    const context = await browser.newContext({ permissions: ["microphone", "camera"] });
    try {
      const client = await Client.open(context, `${site.origin}/official.html?without=${what}`);
      await client.create();
      // Without the member it may or may not come further.
      await client.engine("init", 0).catch(() => undefined);
      assert.ok((await client.complaints()).includes(complaint), `${await client.complaints()}`);
    } finally {
      await context.close();
    }
  });
}

async function finished(instance) {
  await soon("the instance is finished", () => server.endReason(instance));
}

/** Asks again and again until there is something. */
async function soon(what, ask, limitMs = 30_000) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > deadline) assert.fail(`${what}: not within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
