import assert from "node:assert/strict";
import { test } from "node:test";
import { install, token, type World } from "../../core/tests/fakes";
import Engine, {
  AICallAgentConfig,
  AICallAgentError,
  AICallAgentType,
  AICallAgentVcrConfig,
  AICallChatSyncConfig,
  AICallErrorCode,
  AICallTemplateConfig,
  type AICallConfig,
  type AICallEngineConfig,
  type AICallEngineEvents,
} from "../src";

const NAMES: (keyof AICallEngineEvents)[] = [
  "agentStarted", "audioSubscribed", "callBegin", "callEnd", "agentDataChannelAvailable", "agentStateChange", "agentStateChanged",
  "userSubtitleNotify", "agentSubtitleNotify", "agentEmotionNotify", "llmReplyCompleted", "speakingInterrupted", "voiceInterruptChanged",
  "voiceIdChanged", "pushToTalkChanged", "visionCustomCaptureChanged", "receivedAgentVcrResult", "receivedAgentCustomMessage",
  "humanTakeoverWillStart", "humanTakeoverConnected", "agentWillLeave", "newRTCToken", "authInfoWillExpire", "authInfoExpired",
  "connectionStatusChange", "autoPlayFailed", "latencyStats", "errorOccurred",
];

const { VoiceAgent, AvatarAgent, VisionAgent, VideoAgent } = AICallAgentType;

function engineWith(config?: AICallEngineConfig): { engine: Engine; told: [string, ...unknown[]][]; names: () => string[] } {
  const engine = new Engine(config);
  const told: [string, ...unknown[]][] = [];
  for (const name of NAMES) engine.on(name, (...args: unknown[]) => told.push([name, ...args]));
  return { engine, told, names: () => told.map(([name]) => name) };
}

const info = (seconds?: number) => ({ instanceId: "instance-1", userId: "agent-1", channelId: "c", rtcToken: token(seconds) });

async function inCall(type = VoiceAgent, config?: AICallEngineConfig, expiresIn = 3600) {
  const world = install();
  world.answers["POST"] = { status: 201, body: { ...world.answers["POST"]?.body, expiresIn } };
  const made = engineWith(config);
  const call = made.engine.call("user-1", info(), type);
  await world.connect();
  await call;
  await world.pass(1);
  made.told.length = 0;
  return { world, ...made, sent: () => world.channel.sent.map((text) => JSON.parse(text) as Record<string, unknown>) };
}

test("a call that an app server started has the contract's order of events", async () => {
  const world = install();
  const { engine, told, names } = engineWith();
  await engine.init(VoiceAgent);
  const call = engine.call("user-1", info()).then(() => told.push(["called"]));
  await world.settle();
  world.connection.speak();
  world.channel.open();
  world.channel.message(1001, { state: 3 });
  world.channel.message(1002, { text: "Hello.", end: false, sentenceId: 0 });
  world.connection.become("connected");
  await call;
  await world.pass(1);
  world.channel.message(1001, { state: 1 });
  assert.deepEqual(names(), [
    "connectionStatusChange", "audioSubscribed", "callBegin", "connectionStatusChange", "called", "agentDataChannelAvailable",
    "agentStateChange", "agentStateChanged", "agentSubtitleNotify", "agentStateChange", "agentStateChanged",
  ]);
  assert.equal(told[1]?.[1], "agent-1");
  assert.ok(told[1]?.[2], "the audio element");
  assert.deepEqual(told.at(-1), ["agentStateChanged", 1]);
  assert.deepEqual([engine.userId, engine.agentInfo?.instanceId, engine.agentState], ["user-1", "instance-1", 1]);
});

test("a command given where readiness is told arrives", async () => {
  const world = install();
  const { engine } = engineWith();
  engine.once("agentDataChannelAvailable", () => assert.equal(engine.sendTextToAgent("hello"), true));
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.connect();
  await call;
  await world.pass(1);
  assert.equal(world.channel.sent.length, 1);
});

test("all spellings of a started call are understood, and what is missing is named", async () => {
  for (const spelling of [
    { ai_agent_instance_id: "instance-1", ai_agent_user_id: "agent-1", rtc_auth_token: token(), channel_id: "c", request_id: "R" },
    { InstanceId: "instance-1", AIAgentUserId: "agent-1", Token: token(), ChannelId: "c", RequestId: "R" },
  ]) {
    const world = install();
    const { engine } = engineWith();
    const call = engine.call("user-1", spelling, VoiceAgent);
    await world.connect();
    await call;
    const { instanceId, userId, channelId, reqId, agentType } = engine.agentInfo ?? {};
    assert.deepEqual([instanceId, userId, channelId, reqId, agentType], ["instance-1", "agent-1", "c", "R", VoiceAgent]);
  }
  install();
  const { engine } = engineWith();
  const invalid = (error: AICallAgentError) => error.code === AICallErrorCode.InvalidParames;
  await assert.rejects(engine.call("user-1", info()), invalid);
  await assert.rejects(engine.call("user-1", { ...info(), rtcToken: "" }, VoiceAgent), invalid);
  await assert.rejects(engine.callWithConfig({ agentId: "" } as AICallConfig), invalid);
});

test("a client-started call sends the contract's request, and the agent is known before it is heard", async () => {
  const world = install();
  const data = JSON.stringify({ InstanceId: "i-9", ChannelId: "c", AIAgentUserId: "agent-1" });
  world.answers["POST"] = { status: 201, body: { ...world.answers["POST"]?.body, agentReply: { requestId: "R", code: "200", data } } };
  const { engine, names } = engineWith();
  const agentConfig = new AICallAgentConfig();
  agentConfig.agentGreeting = "Hi";
  const call = engine.callWithConfig({
    agentId: "a1",
    agentType: VoiceAgent,
    agentUserId: "agent-1",
    region: "here",
    userId: "user-1",
    userJoinToken: token(),
    userData: '{"k":1}',
    agentConfig,
    templateConfig: new AICallTemplateConfig(),
    chatSyncConfig: new AICallChatSyncConfig("s", "chat", "r"),
  });
  await world.connect();
  await call;
  await world.pass(1);
  const agent = world.requests[0]?.body["agent"] as Record<string, string>;
  assert.deepEqual([agent["agentId"], agent["region"], agent["action"]], ["a1", "here", "GenerateAIAgentCall"]);
  const params = JSON.parse(agent["params"] ?? "") as Record<string, string>;
  const { AgentConfig, TemplateConfig, ...rest } = params;
  assert.deepEqual(rest, {
    AIAgentId: "a1", Expire: 86400, AIAgentUserId: "agent-1", UserData: '{"k":1}', SessionId: "s", ChatSyncConfig: '{"IMAIAgentId":"chat","ReceiverId":"r"}',
  });
  assert.equal((JSON.parse(AgentConfig ?? "") as Record<string, unknown>)["Greeting"], "Hi");
  assert.ok(TemplateConfig?.startsWith('{"VoiceChat":{'));
  assert.deepEqual(names(), ["connectionStatusChange", "agentStarted", "audioSubscribed", "callBegin", "connectionStatusChange", "agentDataChannelAvailable"]);
  assert.deepEqual([engine.agentInfo?.instanceId, engine.agentInfo?.reqId], ["i-9", "R"]);
});

test("each way of not getting an agent has its code, and may be tried again", async () => {
  for (const [code, expected] of [
    ["AgentNotFound", AICallErrorCode.AgentNotFound],
    ["Forbidden.SubscriptionRequired", AICallErrorCode.AgentSubscriptionRequired],
    ["Throttling", AICallErrorCode.BeginCallFailed],
  ] as const) {
    const world = install();
    const good = world.answers["POST"] ?? null;
    world.answers["POST"] = { status: 422, body: { code: "AgentRefused", message: "No.", agentReply: { requestId: "R", code, message: "No." } } };
    const { engine, told } = engineWith();
    const config: AICallConfig = { agentId: "a", agentType: VoiceAgent, region: "", userId: "user-1", userJoinToken: token() };
    await engine.callWithConfig(config);
    const errors = told.filter(([name]) => name === "errorOccurred");
    assert.deepEqual(errors.map(([, code, body]) => [code, (JSON.parse(String(body)) as { code: string }).code]), [[expected, code]]);
    world.answers["POST"] = good;
    const again = engine.callWithConfig(config);
    await world.connect();
    await again;
    assert.equal(world.connections.length, 2);
  }
});

test("a join that failed is rethrown, and the next one works without hanging up first", async () => {
  const world = install();
  const good = world.answers["POST"] ?? null;
  world.answers["POST"] = { status: 503, body: { code: "ServerBusy", message: "Too many calls." } };
  const { engine, names } = engineWith();
  await assert.rejects(engine.call("user-1", info(), VoiceAgent), /Too many calls/);
  world.answers["POST"] = good;
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.connect();
  await call;
  assert.ok(names().includes("callBegin"));
  assert.equal(world.tracks.length, 1, "the microphone is still open");
});

test("a denied device is LocalDeviceException, for init and for call, and may be allowed afterwards", async () => {
  const world = install();
  world.denied = { audio: "NotAllowedError" };
  const { engine } = engineWith();
  const denied = (error: AICallAgentError) => error.code === AICallErrorCode.LocalDeviceException;
  await assert.rejects(engine.init(VoiceAgent), denied);
  await assert.rejects(engine.call("user-1", info(), VoiceAgent), denied);
  world.denied = {};
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.connect();
  await call;
});

test("call waits for an init under way, and does nothing while a call is under way", async () => {
  const world = install();
  const { engine } = engineWith();
  const init = engine.init(VoiceAgent);
  const call = engine.call("user-1", info());
  await engine.call("user-1", info(), VoiceAgent);
  await init;
  await world.connect();
  await call;
  await engine.call("user-1", info(), VoiceAgent);
  assert.deepEqual([world.methods, world.tracks.length], [["POST"], 1]);
});

test("hanging up emits callEnd, leaves, and frees the engine for the next call", async () => {
  const { world, engine, names } = await inCall();
  engine.interruptSpeaking();
  await engine.handup();
  assert.equal(names()[0], "callEnd");
  assert.deepEqual(world.methods, ["POST", "DELETE"]);
  assert.deepEqual([engine.userId, engine.agentInfo, engine.getRTCInstance, world.tracks[0]?.stopped], [undefined, undefined, undefined, true]);
  assert.equal(await engine.interruptSpeaking(), false);
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.connect();
  await call;
  await world.pass(1);
  await engine.interruptSpeaking();
  assert.equal((JSON.parse(world.channel.sent[0] ?? "") as { seqId: number }).seqId, 2, "seqId goes on");
});

test("hanging up while joining is no error", async () => {
  const world = install();
  const { engine } = engineWith();
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.settle();
  await engine.handup();
  await call;
  assert.deepEqual(world.methods, ["POST", "DELETE"]);
});

test("each command is the contract's message", async () => {
  const { engine, sent } = await inCall(VisionAgent);
  const vcr = new AICallAgentVcrConfig();
  vcr.fromJSON({ LookAway: { Enabled: true } });
  const returned = [
    await engine.interruptSpeaking(), await engine.enableVoiceInterrupt(false), await engine.switchVoiceId("v"), await engine.requestRTCToken(),
    engine.enableVoiceprint(true), engine.sendTextToAgent("hi"), engine.sendTextToAgent({ text: "ho" }), engine.sendCustomMessageToServer("{}"),
    engine.startVisionCustomCapture({ text: "look", isSingle: true }), engine.stopVisionCustomCapture(), engine.updateLlmSystemPrompt("p"),
    engine.updateVcrConfig(vcr), engine.updateBailianAppParams({ a: 1 }), engine.updateAsrMaxSilence(500), engine.queryCurrentAgentState(),
    engine.updateTtsSpeechRate(1.2), await engine.stopAgent(),
  ];
  assert.ok(returned.every((result) => result === true));
  const messages = sent();
  assert.deepEqual(messages.map(({ type, data }) => [type, data]), [
    [1101, undefined], [1102, { enable: false }], [1103, { voiceId: "v" }], [1104, { userId: "user-1" }],
    [1109, { enable: true }], [1111, { text: "hi", enableInterrupt: 1 }], [1111, { text: "ho", enableInterrupt: 1 }], [1112, { message: "{}" }],
    [1113, { text: "look", mode: "single", eachDuration: 5, num: 2, duration: 100, userData: "{}" }], [1114, undefined], [1115, { prompt: "p" }],
    [1116, { LookAway: { Enabled: true } }], [1117, { params: '{"a":1}' }], [1118, { asrMaxSilence: 500 }], [1119, undefined],
    [1120, { speechRate: 1.2 }], [1100, undefined],
  ]);
  assert.deepEqual(messages.map(({ seqId }) => seqId), messages.map((_, i) => i + 1));
  assert.ok(messages.every(({ senderId, receiverId }) => senderId === "user-1" && receiverId === "agent-1"));
  assert.deepEqual([engine.sendTextToAgent(""), engine.updateLlmSystemPrompt("")], [false, false]);
});

test("each message of the server is the contract's event", async () => {
  const { world, engine, told } = await inCall();
  const tell = (type: number, data: object) => world.channel.message(type, data);
  tell(1000, { code: 4001, message: "a" });
  tell(1000, { code: 4004, message: "b" });
  tell(1000, { code: 4005, message: "c" });
  tell(1000, { code: 4006, message: "d" });
  tell(1000, { code: 4999, message: "unknown" });
  tell(1001, { state: 2 });
  tell(1001, { state: 9 });
  tell(1002, { text: "piece", end: true, sentenceId: 3 });
  tell(1003, { text: "all", end: false, sentenceId: 3, voiceprint: 2 });
  tell(1003, { text: "all", end: true, sentenceId: 3, voiceprint: 9 });
  tell(1004, { enable: false });
  tell(1005, { voiceId: "v" });
  tell(1007, { enable: false });
  tell(1008, { enable: true });
  tell(1010, { reason: 2001, message: "idle" });
  tell(1011, { message: '{"x":1}' });
  tell(1011, { message: "not json" });
  tell(1012, { takeoverUid: "h", takeoverMode: 1 });
  tell(1013, { takeoverUid: "h" });
  tell(1014, { emotion: "glad", sentenceId: 3 });
  tell(1015, { enable: true });
  tell(1016, { reason: 3 });
  tell(1017, { text: "whole", sentenceId: 3 });
  tell(1018, { peopleCount: { count: 2 } });
  tell(4711, {});
  world.channel.onmessage?.({ data: "{" });
  const vcr = told.at(-1)?.[1] as { peopleCount: unknown };
  assert.deepEqual(vcr.peopleCount, { count: 2 });
  assert.deepEqual(told.slice(0, -1), [
    ["errorOccurred", -10202, "a"], ["errorOccurred", -10102, "b"], ["errorOccurred", -10103, "c"], ["errorOccurred", -10201, "d"],
    ["agentStateChange", 2], ["agentStateChanged", 2],
    ["agentSubtitleNotify", { text: "piece", end: true, sentenceId: 3 }],
    ["userSubtitleNotify", { text: "all", end: false, sentenceId: 3, voiceprint: 2 }, 2],
    ["userSubtitleNotify", { text: "all", end: true, sentenceId: 3, voiceprint: 9 }, 100],
    ["voiceInterruptChanged", false], ["voiceIdChanged", "v"], ["pushToTalkChanged", false], ["agentWillLeave", 2001, "idle"],
    ["receivedAgentCustomMessage", { x: 1 }], ["humanTakeoverWillStart", "h", 1], ["humanTakeoverConnected", "h"],
    ["agentEmotionNotify", "glad", 3], ["visionCustomCaptureChanged", true], ["speakingInterrupted", 3], ["llmReplyCompleted", "whole", 3],
  ]);
  assert.equal(engine.agentState, 2);
});

test("bye is an error with its code, and what follows sends nothing", async () => {
  for (const [reason, code] of [[1, -10006], [2, -10007], [3, -10005]] as const) {
    const { world, engine, told } = await inCall();
    world.channel.message(9002, { reason });
    assert.deepEqual(told.filter(([name]) => name === "errorOccurred").map(([, code]) => code), [code]);
    assert.equal(engine.queryCurrentAgentState(), false);
  }
});

test("an agent that leaves is an error once, a stranger that leaves is none", async () => {
  const { world, told, names } = await inCall();
  world.channel.message(9003, { userId: "stranger", online: true, role: "human" });
  world.channel.message(9003, { userId: "stranger", online: false, role: "human" });
  assert.deepEqual(names(), []);
  world.channel.message(1010, { reason: 2001, message: "idle" });
  world.channel.message(9003, { userId: "agent-1", online: false, role: "agent" });
  world.channel.message(9002, { reason: 2 });
  world.channel.close();
  await world.pass(2000, { flowing: false });
  assert.deepEqual(told.map(([name, code]) => [name, code]), [["agentWillLeave", 2001], ["errorOccurred", -10101]]);
});

test("push-to-talk opens the microphone while it is pressed", async () => {
  const { world, engine, sent } = await inCall();
  const track = () => world.tracks.at(-1);
  assert.deepEqual([engine.startPushToTalk(), engine.finishPushToTalk(), engine.enablePushToTalk(false)], [false, false, false]);
  assert.deepEqual([engine.enablePushToTalk(true), track()?.enabled], [true, false]);
  assert.deepEqual([engine.startPushToTalk(), track()?.enabled, engine.startPushToTalk()], [true, true, false]);
  assert.deepEqual([engine.finishPushToTalk(), track()?.enabled, engine.finishPushToTalk()], [true, false, false]);
  assert.deepEqual([engine.startPushToTalk(), engine.cancelPushToTalk(), track()?.enabled], [true, true, false]);
  assert.deepEqual([engine.enablePushToTalk(false), track()?.enabled], [true, true]);
  assert.deepEqual(sent().map(({ type }) => type), [1105, 1106, 1107, 1106, 1108, 1105]);
});

test("push-to-talk that the server begins is followed, and the echo of the app's own change is not", async () => {
  const { world, engine } = await inCall();
  world.channel.message(1007, { enable: true });
  assert.deepEqual([world.tracks[0]?.enabled, engine.startPushToTalk(), engine.finishPushToTalk()], [false, true, true]);
  engine.enablePushToTalk(false);
  engine.enablePushToTalk(true);
  world.channel.message(1007, { enable: false });
  assert.equal(engine.startPushToTalk(), true);
});

test("a call that begins in push-to-talk sends nothing of the user before the first press", async () => {
  const world = install();
  const { engine } = engineWith({ enablePushToTalk: true, pushToTalkConfig: { pushVideoOnRelease: false } });
  const call = engine.call("user-1", info(), VideoAgent);
  await world.connect();
  await call;
  await world.pass(1);
  const [audio, video] = world.connection.transceivers;
  assert.deepEqual([audio?.track?.enabled, video?.track], [false, null]);
  engine.startPushToTalk();
  await world.settle();
  assert.deepEqual([audio?.track?.enabled, video?.track?.kind], [true, "video"]);
});

test("muting is for calls only, and push-to-talk gives the user's own mute back", async () => {
  const { world, engine } = await inCall();
  await engine.mute(true);
  assert.equal(world.tracks[0]?.enabled, false);
  engine.enablePushToTalk(true);
  engine.startPushToTalk();
  assert.equal(world.tracks[0]?.enabled, true);
  engine.enablePushToTalk(false);
  assert.equal(world.tracks[0]?.enabled, false);
  await engine.handup();
  await engine.mute(false);
  assert.deepEqual([await engine.muteAgentAudioPlaying(true), await engine.muteLocalCamera(true), await engine.switchCamera()], [false, false, false]);
});

test("each type of agent has its tracks", async () => {
  for (const [type, direction] of [[VoiceAgent, undefined], [AvatarAgent, "recvonly"], [VisionAgent, "sendonly"], [VideoAgent, "sendrecv"]] as const) {
    const { world, engine } = await inCall(type);
    assert.equal(world.connection.transceivers[1]?.direction, direction);
    assert.equal(world.tracks.some(({ kind }) => kind === "video"), engine.hasLocalVideo);
  }
});

test("the camera is muted, unmuted and switched in a vision call", async () => {
  const { world, engine } = await inCall(VisionAgent, { muteCamera: true });
  const [, video] = world.connection.transceivers;
  assert.deepEqual([world.tracks.length, video?.track], [1, null]);
  assert.equal(await engine.muteLocalCamera(false), true);
  assert.equal(video?.track?.kind, "video");
  await engine.switchCamera();
  assert.equal(video?.track?.deviceId, "c2");
  await engine.muteLocalCamera(true);
  assert.equal(video?.track, null);
});

test("in an avatar call it begins with the avatar's voice; where there is no avatar, with the agent's", async () => {
  for (const avatar of [true, false]) {
    const world = install();
    const { engine, told, names } = engineWith();
    const call = engine.call("user-1", info(), AvatarAgent);
    await world.settle();
    world.connection.become("connected");
    world.connection.speak();
    await call;
    assert.ok(!names().includes("callBegin"));
    world.channel.open();
    if (avatar) world.channel.message(9003, { userId: "avatar-1", online: true, audio: true, video: true, role: "avatar" });
    await world.pass(600);
    const begun = told.filter(([name]) => name === "audioSubscribed" || name === "callBegin" || name === "agentDataChannelAvailable");
    assert.deepEqual(begun.map(([name, userId]) => [name, userId]), [
      ["audioSubscribed", avatar ? "avatar-1" : "agent-1"], ["callBegin", undefined], ["agentDataChannelAvailable", undefined],
    ]);
  }
});

test("the token is renewed, unless the app does it", async () => {
  const { world, engine, told, sent } = await inCall(VoiceAgent, {}, 60);
  const fresh = () => token(7200, String(Math.random()));
  await world.pass(30_000);
  assert.deepEqual(told.map(([name]) => name), ["authInfoWillExpire"]);
  assert.deepEqual(sent(), []);
  await world.pass(5000);
  assert.deepEqual(sent().map(({ type, data }) => [type, data]), [[1104, { userId: "user-1" }]]);
  await world.pass(5000);
  assert.equal(sent().length, 2, "an unanswered request is made again");
  const first = fresh();
  world.channel.message(1006, { token: first });
  await world.pass(100);
  assert.deepEqual(world.requests.at(-1)?.body, { token: first });

  await world.pass(10_000);
  assert.equal(sent().length, 2, "an answered one is not");

  // An app that does it itself: no request of ours, and one PATCH for what it brings.
  const before = world.requests.length;
  engine.on("newRTCToken", (token) => void engine.updateToken(token));
  await engine.requestRTCToken();
  world.channel.message(1006, { token: fresh() });
  await world.pass(100);
  assert.equal(world.requests.length, before + 1);
});

test("a lost microphone is opened again, at once or when there is one", async () => {
  const { world } = await inCall();
  const sent = () => world.connection.transceivers[0]?.track;
  world.tracks[0]?.fire("ended");
  await world.settle();
  assert.equal(sent(), world.tracks[1]);
  const { warn } = console;
  console.warn = () => undefined;
  world.denied = { audio: "NotFoundError" };
  world.tracks[1]?.fire("ended");
  await world.settle();
  console.warn = warn;
  assert.equal(sent(), null);
  world.denied = {};
  world.mediaDevices.fire("devicechange");
  await world.settle();
  assert.equal(sent(), world.tracks[2]);
});

test("a human who speaks through the agent's voice is not heard directly", async () => {
  const { world, engine } = await inCall();
  world.channel.message(1012, { takeoverUid: "human-1", takeoverMode: 0 });
  const human = engine.getRTCInstance;
  world.channel.message(9003, { userId: "human-1", online: true, audio: true, role: "human" });
  assert.ok(human);
  const track = Object.assign(Object.create(world.connection.voice) as typeof world.connection.voice, { id: "human-track", muted: false });
  world.connection.ontrack?.({ track, streams: [{ id: "human-1" }] });
  await world.settle();
  assert.equal(human.member("human-1")?.audioElement?.muted, true);
  assert.equal(human.member("agent-1")?.audioElement?.muted, false);
});

test("a path that is given up leaves the engine ready for another call", async () => {
  const { world, engine, told } = await inCall();
  await world.pass(1000);
  await world.pass(70_000, { flowing: false });
  assert.deepEqual(told.filter(([name]) => name === "connectionStatusChange").map(([, status]) => status), [4, 5]);
  assert.equal(engine.queryCurrentAgentState(), false);
  const call = engine.call("user-1", info(), VoiceAgent);
  await world.connect();
  await call;
});

test("a shared agent's call is asked of the configured app server", async () => {
  const world: World = install();
  const share = Engine.parseShareAgentCall(
    encodeURIComponent(btoa(JSON.stringify({ TemporaryAIAgentId: "t", WorkflowType: "VoiceChat", ExpireTime: "2100-01-01 00:00:00" }))),
  );
  const body = { code: 200, ai_agent_instance_id: "i", ai_agent_user_id: "a", rtc_auth_token: "T", channel_id: "c", request_id: "R" };
  world.answers["POST"] = { status: 200, body };
  const engine = new Engine({ appServer: "https://calls.example.com" });
  const info = await engine.generateShareAgentCall(share, "user-1");
  assert.deepEqual([info.instanceId, info.rtcToken, info.agentType], ["i", "T", VoiceAgent]);
  assert.equal(world.requests[0]?.url, "https://calls.example.com/api/v1/aiagent/generateAIAgentCall");
  world.answers["POST"] = { status: 200, body: { code: 404, error_code: "AgentNotFound", message: "no" } };
  await assert.rejects(engine.generateShareAgentCall(share, "user-1"), (e: AICallAgentError) => e.code === AICallErrorCode.AgentNotFound);
  share.expireTime = new Date(0);
  await assert.rejects(engine.generateShareAgentCall(share, "user-1"), (e: AICallAgentError) => e.code === AICallErrorCode.TokenExpired);
});
