import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { ByeReason, ConnectionReason, ConnectionStatus, RtcClient, SignalingError, type ClientEvents } from "../src";
import { install, token, type World } from "./fakes";

const NAMES: (keyof ClientEvents)[] = [
  "statusChanged", "agentReplied", "memberOnline", "memberOffline", "audioSubscribed", "channelReady", "message", "latency",
  "tokenWillExpire", "tokenExpired", "bye", "deviceLost", "playbackBlocked",
];

/** A client with what it told, as short texts. */
function client(): { rtc: RtcClient; told: string[] } {
  const rtc = new RtcClient();
  const told: string[] = [];
  for (const name of NAMES) {
    rtc.on(name, (...args: unknown[]) => {
      const words = args.map((arg) => (typeof arg === "object" && arg !== null ? ((arg as { userId?: string }).userId ?? "…") : String(arg)));
      told.push([name, ...words].join(" "));
    });
  }
  return { rtc, told };
}

async function joined(): Promise<{ world: World; rtc: RtcClient; told: string[] }> {
  const world = install();
  const { rtc, told } = client();
  await rtc.startMicrophone();
  const join = rtc.join(token());
  await world.connect();
  await join;
  await world.pass(1);
  told.length = 0;
  return { world, rtc, told };
}

test("a join tells everything in the contract's order, and readiness only after it resolved", async () => {
  const world = install();
  const { rtc, told } = client();
  await rtc.startMicrophone();
  const join = rtc.join(token()).then((answer) => told.push(`joined ${answer.agentUserId}`));
  await world.settle();
  // The channel may be open, and the agent speak on it, before the connection is said to be up.
  world.channel.open();
  world.channel.message(1001, { state: 3 });
  world.connection.speak();
  world.connection.become("connected");
  await join;
  await world.pass(1);
  assert.deepEqual(told, [
    "statusChanged 2 11",
    "memberOnline agent-1",
    "audioSubscribed agent-1 …",
    "statusChanged 3 9",
    "joined agent-1",
    "channelReady agent-1",
    'message agent-1 {"type":1001,"data":{"state":3},"seqId":1,"senderId":"agent-1","receiverId":"user-1"}',
  ]);
});

test("readiness waits for the agent's voice, but not for ever", async () => {
  const world = install();
  const { rtc, told } = client();
  const join = rtc.join(token());
  await world.settle();
  world.connection.become("connected");
  await join;
  world.channel.open();
  await world.pass(400);
  assert.ok(!told.includes("channelReady agent-1"));
  await world.pass(200);
  assert.ok(told.includes("channelReady agent-1"));
});

test("an agent request travels in the join, and its reply comes before the agent", async () => {
  const world = install();
  world.answers["POST"] = { status: 201, body: { ...world.answers["POST"]?.body, agentReply: { requestId: "R", code: "200", data: "{}" } } };
  const { rtc, told } = client();
  const agent = { agentId: "a", action: "GenerateAIAgentCall", params: "{}" };
  const join = rtc.join(token(), { agent });
  await world.connect();
  await join;
  assert.deepEqual(world.requests[0]?.body["agent"], agent);
  assert.deepEqual(told.slice(1, 3), ["agentReplied …", "memberOnline agent-1"]);
});

test("a refused agent request is told, fails the join, and leaves the client able to join", async () => {
  const world = install();
  const good = world.answers["POST"];
  const agentReply = { requestId: "R", code: "AgentNotFound", message: "The specified agentId is not found." };
  world.answers["POST"] = { status: 422, body: { code: "AgentRefused", message: "No agent.", agentReply } };
  const { rtc, told } = client();
  const agent = { agentId: "a", action: "GenerateAIAgentCall", params: "{}" };
  await assert.rejects(rtc.join(token(), { agent }), (error: SignalingError) => error.code === "AgentRefused" && error.agentReply?.code === "AgentNotFound");
  assert.deepEqual(told, ["statusChanged 2 11", "agentReplied …", "statusChanged 1 10"]);
  world.answers["POST"] = good ?? null;
  const join = rtc.join(token(), { agent });
  await world.connect();
  await join;
  assert.equal(rtc.status, ConnectionStatus.Connected);
});

test("a join that fails says why, and can be tried again", async () => {
  const world = install();
  const good = world.answers["POST"] ?? null;
  const { rtc } = client();
  const fails = (code: string) => assert.rejects(rtc.join(token()), (error: SignalingError) => error.code === code);
  world.answers["POST"] = null;
  await fails("ServerAway");
  world.answers["POST"] = { status: 502, body: {} };
  await fails("ServerAway");
  world.answers["POST"] = { status: 404, body: { code: "ChannelNotFound", message: "There is no call." } };
  await fails("ChannelNotFound");
  world.answers["POST"] = { status: 201, body: { sdp: "v=0" } };
  await fails("BadAnswer");
  assert.equal(rtc.status, ConnectionStatus.Failed);
  world.answers["POST"] = good;
  const silent = fails("NoMediaPath");
  await world.settle();
  await world.pass(15_000);
  await silent;
  const join = rtc.join(token());
  await world.connect();
  await join;
  assert.equal(rtc.status, ConnectionStatus.Connected);
});

test("a second join is refused while one stands, and what is no token at once", async () => {
  const { rtc } = await joined();
  await assert.rejects(rtc.join(token()), /leave it first/);
  await rtc.leave();
  await assert.rejects(rtc.join("nonsense"), /not base64/);
});

test("leaving during the join ends it, and tells the server if it had answered", async () => {
  const world = install();
  const { rtc } = client();
  const left = assert.rejects(rtc.join(token()), /left before/);
  await world.settle();
  await rtc.leave();
  await left;
  assert.deepEqual(world.methods, ["POST", "DELETE"]);
  assert.equal(world.connection.closed, true);
});

test("a stalled path is restarted on the same call, and comes back", async () => {
  const { world, rtc, told } = await joined();
  await world.pass(1000);
  await world.pass(2000, { flowing: false });
  assert.deepEqual(told, ["statusChanged 4 12"]);
  assert.equal(world.connection.restarts, 1);
  assert.deepEqual(world.methods, ["POST", "PATCH"]);
  await world.pass(500);
  assert.deepEqual(told, ["statusChanged 4 12", "statusChanged 3 3"]);
  assert.equal(rtc.status, ConnectionStatus.Connected);
  assert.equal(world.connections.length, 1);
});

test("a change of network restarts at once", async () => {
  const { world, told } = await joined();
  await world.pass(1000);
  world.page.fire("online");
  await world.pass(300, { flowing: false });
  assert.deepEqual(told, ["statusChanged 4 12"]);
  assert.equal(world.connection.restarts, 1);
});

test("when a restart doesn't help the call is joined anew with the same token, and readiness is not told twice", async () => {
  const { world, rtc, told } = await joined();
  await world.pass(1000);
  await world.pass(4000, { flowing: false });
  assert.equal(world.connections.length, 2);
  await world.connect();
  await world.pass(1000);
  assert.equal(rtc.status, ConnectionStatus.Connected);
  assert.deepEqual(told, ["statusChanged 4 12", "audioSubscribed agent-1 …", "statusChanged 3 3"]);
  assert.equal(rtc.send('{"type":1119}'), true);
  assert.deepEqual(world.requests.map(({ body }) => body["token"]).filter((sent) => sent !== world.requests[0]?.body["token"]), []);
});

test("a path that comes back while the server does not answer is the old one still", async () => {
  const { world, told } = await joined();
  await world.pass(1000);
  world.answers = { ...world.answers, PATCH: null, POST: null };
  await world.pass(20_000, { flowing: false });
  assert.ok(world.methods.filter((method) => method === "POST").length > 2);
  const first = world.connections[0];
  assert.equal(first?.closed, false);
  assert.ok(world.connections.slice(1).every(({ closed }) => closed));
  for (let i = 0; i < 5 && first; i++) {
    first.received += 5;
    await world.pass(200, { flowing: false });
  }
  assert.deepEqual(told, ["statusChanged 4 12", "statusChanged 3 3"]);
});

test("a path that stays away for a minute fails, one whose call is over says goodbye", async () => {
  const lost = await joined();
  await lost.world.pass(1000);
  await lost.world.pass(70_000, { flowing: false });
  assert.deepEqual(lost.told, ["statusChanged 4 12", "statusChanged 5 2"]);
  assert.equal(lost.rtc.send("{}"), false);

  const over = await joined();
  over.world.answers["PATCH"] = { status: 400, body: { code: "InvalidSdp", message: "Gone." } };
  over.world.answers["POST"] = { status: 410, body: { code: "CallFinished", message: "Over." } };
  over.world.channel.close();
  await over.world.pass(1000, { flowing: false });
  assert.deepEqual(over.told, ["statusChanged 4 12", `bye ${ByeReason.ChannelEnded}`, "statusChanged 1 10"]);
});

test("each bye is told once, and the client can join again", async () => {
  for (const reason of [ByeReason.Kicked, ByeReason.ChannelEnded, ByeReason.Replaced]) {
    const { world, rtc, told } = await joined();
    world.channel.message(9002, { reason });
    world.channel.close();
    await world.pass(2000);
    assert.deepEqual(told, [`bye ${reason}`, "statusChanged 1 10"]);
    assert.deepEqual(world.methods, ["POST"]);
    const join = rtc.join(token());
    await world.connect();
    await join;
  }
});

test("an agent that leaves goes offline once; the channel's end behind it is no news", async () => {
  const { world, told } = await joined();
  world.channel.message(1010, { reason: 2001, message: "idle" });
  world.channel.message(9003, { userId: "agent-1", online: false, role: "agent" });
  world.channel.message(9002, { reason: 2 });
  world.channel.close();
  await world.pass(3000, { flowing: false });
  assert.deepEqual(told.slice(1), ["memberOffline agent-1"]);
});

test("the agent's going is not told to an app that asked for it and hangs up, but to one that doesn't", async () => {
  for (const hangsUp of [true, false]) {
    const { world, rtc, told } = await joined();
    assert.equal(rtc.send('{"type":1100}'), true);
    world.channel.message(9003, { userId: "agent-1", online: false, role: "agent" });
    world.channel.message(9002, { reason: 2 });
    world.channel.close();
    await world.pass(300, { flowing: false });
    if (hangsUp) await rtc.leave();
    await world.pass(2000, { flowing: false });
    assert.deepEqual(told, hangsUp ? ["statusChanged 1 10"] : ["memberOffline agent-1"]);
  }
});

test("a new token is brought to the server, and counts from the server's clock", async () => {
  const { world, rtc, told } = await joined();
  world.answers["PATCH"] = { status: 200, body: { expiresIn: 100 } };
  const fresh = token(7200, "fresh");
  rtc.refreshToken(fresh);
  await world.settle();
  assert.deepEqual(world.requests.at(-1)?.body, { token: fresh });
  await world.pass(69_900);
  assert.deepEqual(told, []);
  await world.pass(200);
  assert.deepEqual(told, ["tokenWillExpire 30000"]);
  await world.pass(30_000);
  assert.deepEqual(told, ["tokenWillExpire 30000", "tokenExpired"]);
});

test("a new token is brought again to a server that was away, and one for somebody else is refused", async () => {
  const { world, rtc } = await joined();
  const good = world.answers["PATCH"] ?? null;
  world.answers["PATCH"] = null;
  rtc.refreshToken(token(7200));
  await world.pass(1000);
  world.answers["PATCH"] = good;
  await world.pass(2000);
  assert.deepEqual(world.methods, ["POST", "PATCH", "PATCH"]);
  const other = btoa(atob(token()).replace("user-1", "user-2"));
  assert.throws(() => rtc.refreshToken(other), /another channel or user/);
});

test("an expired token holds reconnection up until there is a new one", async () => {
  const { world, rtc, told } = await joined();
  await world.pass(1000);
  const expired = { status: 401, body: { code: "TokenExpired", message: "The token has expired." } };
  const { PATCH: patch = null, POST: post = null } = world.answers;
  world.answers = { ...world.answers, PATCH: expired, POST: expired };
  await world.pass(12_000, { flowing: false });
  rtc.refreshToken(token(7200));
  world.answers = { ...world.answers, PATCH: patch, POST: post };
  await world.pass(6000, { flowing: false });
  await world.connect();
  await world.pass(1000);
  assert.deepEqual(told.filter((line) => line.startsWith("status")), ["statusChanged 4 12", "statusChanged 3 3"]);
});

test("an avatar that is announced takes the voice over from the agent", async () => {
  const { world, rtc, told } = await joined();
  world.channel.message(9003, { userId: "avatar-1", online: true, audio: true, video: true, role: "avatar" });
  await world.settle();
  assert.deepEqual(told, ["memberOnline avatar-1", "audioSubscribed avatar-1 …"]);
  assert.deepEqual(rtc.members.map(({ userId, audioElement }) => [userId, audioElement !== null]), [["avatar-1", true], ["agent-1", false]]);
});

test("volumes come every 200 ms, and the microphone's is 0 while it is muted", async () => {
  const { world, rtc } = await joined();
  const volumes: string[] = [];
  rtc.on("volumes", (all) => volumes.push(all.map(({ userId, volume }) => `${userId}:${volume}`).join(" ")));
  await world.pass(600);
  rtc.muteMicrophone(true);
  await world.pass(200);
  assert.deepEqual(volumes, [":71 agent-1:100", ":71 agent-1:100", ":71 agent-1:100", ":0 agent-1:100"]);
});

test("latency comes in both forms, and its parts add up", async () => {
  const { world, rtc } = await joined();
  const parts = { endpointing: 400, transcript: 1, firstText: 50, firstSegment: 20, firstAudio: 30, playout: 9 };
  let heard: unknown;
  rtc.on("latency", ({ AIAgent, AIPub }, { total }) => (heard = { AIAgent, AIPub, total }));
  await world.pass(300);
  world.channel.message(9001, { sentenceId: 3, ...parts, total: 510 });
  assert.deepEqual(heard, {
    AIAgent: { aiagenttotalcost: 510, aimutecost: 400, aiasrcost: 1, aillmcost: 70, aittscost: 39 },
    AIPub: { aAIClientScentenceId: 3, aIClientUpRTTHalf: 20 },
    total: 510,
  });
});

test("blocked playback is told, and tried again at the next click", async () => {
  const world = install();
  world.playBlocked = true;
  const { rtc, told } = client();
  const join = rtc.join(token());
  await world.connect();
  await join;
  await world.settle();
  assert.deepEqual(told.filter((line) => line.startsWith("playback")), ["playbackBlocked audio agent-1"]);
  const document = globalThis.document as unknown as { fire(name: string): void };
  document.fire("pointerup");
  await world.settle();
  assert.equal(told.filter((line) => line.startsWith("playback")).length, 2);
  world.playBlocked = false;
  document.fire("keydown");
  document.fire("keydown");
  await world.settle();
  assert.equal(told.filter((line) => line.startsWith("playback")).length, 2);
});

test("a page that goes away leaves, one that is kept does not", async () => {
  const { world } = await joined();
  world.page.fire("pagehide", { persisted: true });
  assert.deepEqual(world.methods, ["POST"]);
  world.page.fire("pagehide", { persisted: false });
  assert.deepEqual(world.methods, ["POST", "DELETE"]);
});

test("what throws in a listener stops nothing", async () => {
  const { world, rtc } = await joined();
  const heard: string[] = [];
  rtc.on("message", () => {
    throw new Error("the app's own");
  });
  rtc.on("message", (_, text) => heard.push(text));
  world.channel.message(1004, { enable: true });
  assert.equal(heard.length, 1);
  // It surfaces where an uncaught one would.
  assert.throws(() => mock.timers.tick(1), /the app's own/);
});

test("reasons are the numbers that applications know", () => {
  assert.deepEqual([ConnectionReason.Joined, ConnectionReason.Left, ConnectionReason.NetworkInterrupted], [9, 10, 12]);
});
