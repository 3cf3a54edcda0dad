// The caller's side of one call: asks for it, joins it by the RTC core, passes messages on and ends it. No DOM.
//
// Contract: `start` never throws; what goes wrong arrives as "problem" and, if the call can't go on, as "ended".
// After "ended" the call is as new and `start` may be called again. Everything that happens is also in `log`.

import { ByeReason, ConnectionStatus, Emitter, RtcClient } from "@ringline/rtc-core";
import { parseEnvelope, readMessage, writeMessage, type ClientMessage, type ServerMessage } from "./messages";
import { problemOf, type Problem } from "./problem";
import { requestCall } from "./server";

export type Phase = "idle" | "microphone" | "requesting" | "connecting" | "connected" | "reconnecting";

export interface CallOptions {
  agentId: string;
  userId: string;
  /** AIAgentConfig JSON. */
  agentConfig: string;
  /** Without it the user can only type. */
  microphone: boolean;
}

export type CallEvents = {
  phase: [phase: Phase];
  message: [message: ServerMessage];
  problem: [problem: Problem];
  /** Null: the user hung up. */
  ended: [problem: Problem | null];
  "local-stream": [stream: MediaStream];
  "remote-stream": [stream: MediaStream];
  "round-trip": [ms: number];
  /** The browser plays nothing before the user has clicked. */
  silenced: [];
};

export interface LogEntry {
  /** Milliseconds on the page's clock (performance.now). */
  t: number;
  event: string;
  [detail: string]: unknown;
}

/** Log entries kept; older ones are dropped. */
const MAX_LOG = 5000;
/** From 1010 until the agent is taken to be gone: a graceful goodbye lasts 10 s at most. */
const LEAVE_LIMIT_MS = 12_000;
/** After the path is back, before asking for the agent's state. */
const QUERY_AFTER_MS = 700;

export class Call extends Emitter<CallEvents> {
  readonly log: LogEntry[] = [];
  phase: Phase = "idle";
  instanceId = "";
  remoteStream: MediaStream | null = null;
  muted = false;

  /** There during a call, and dies with it. */
  private client: RtcClient | null = null;
  private agentUserId = "";
  private leaving: Problem | null = null;
  private readonly timers = new Set<ReturnType<typeof setTimeout>>();
  private seqId = 0;

  async start(options: CallOptions): Promise<void> {
    if (this.client) return;
    const client = new RtcClient();
    this.client = client;
    this.muted = false;
    this.leaving = null;
    this.listen(client);
    try {
      await this.begin(client, options);
    } catch (error) {
      if (this.client === client) this.finish(problemOf(error));
    }
  }

  /** Asks the agent to stop, and leaves. */
  hangUp(): void {
    this.record("hang-up");
    this.post({ type: 1100 });
    this.finish(null);
  }

  interrupt(): boolean {
    return this.post({ type: 1101 });
  }

  sendText(text: string): boolean {
    return this.post({ type: 1111, data: { text, enableInterrupt: 1 } });
  }

  setVoiceInterrupt(enable: boolean): boolean {
    return this.post({ type: 1102, data: { enable } });
  }

  setVoice(voiceId: string): boolean {
    return this.post({ type: 1103, data: { voiceId } });
  }

  setSystemPrompt(prompt: string): boolean {
    return this.post({ type: 1115, data: { prompt } });
  }

  setMaxSilence(asrMaxSilence: number): boolean {
    return this.post({ type: 1118, data: { asrMaxSilence } });
  }

  setSpeechRate(speechRate: number): boolean {
    return this.post({ type: 1120, data: { speechRate } });
  }

  setPushToTalk(enable: boolean): boolean {
    return this.post({ type: 1105, data: { enable } });
  }

  startTalking(): boolean {
    return this.post({ type: 1106 });
  }

  /** Ends the turn, or drops what was said since the button went down. */
  finishTalking(keep: boolean): boolean {
    return this.post({ type: keep ? 1107 : 1108 });
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.client?.muteMicrophone(muted);
    this.record(muted ? "muted" : "unmuted");
  }

  /** Tries to play what the browser refused to play; within a click. */
  resumePlayback(): void {
    this.client?.resumePlayback();
  }

  /** Opens the microphone again, after it was lost or when the call was begun without. */
  async reopenMicrophone(): Promise<void> {
    const { client } = this;
    if (!client) return;
    try {
      await this.openMicrophone(client);
    } catch (error) {
      if (this.client === client) this.emit("problem", problemOf(error));
    }
  }

  private async begin(client: RtcClient, options: CallOptions): Promise<void> {
    if (options.microphone) {
      this.enter("microphone");
      await this.openMicrophone(client);
    }
    if (this.client !== client) return;
    this.enter("requesting");
    const started = await requestCall(options.agentId, options.userId, options.agentConfig);
    // Hung up meanwhile: the agent leaves by itself when nobody joins (UserOnlineTimeout).
    if (this.client !== client) return;
    this.agentUserId = started.agentUserId;
    this.instanceId = started.instanceId;
    this.record("started", { instanceId: started.instanceId, channelId: started.channelId });
    this.enter("connecting");
    await client.join(started.token);
    if (this.client === client) this.enter("connected");
  }

  private async openMicrophone(client: RtcClient): Promise<void> {
    await client.startMicrophone();
    const { audioTrack } = client;
    if (this.client !== client || !audioTrack) return;
    this.record("microphone");
    this.emit("local-stream", new MediaStream([audioTrack]));
  }

  private listen(client: RtcClient): void {
    const current = () => this.client === client;
    client.on("statusChanged", (status) => {
      if (current()) this.statusChanged(status);
    });
    client.on("channelReady", () => this.record("channel-open"));
    client.on("message", (_sender, text) => {
      if (current()) this.receive(text);
    });
    client.on("latency", (_groups, latency) => {
      this.record("message", { type: 9001, data: latency });
      if (current()) this.emit("message", { kind: "latency", latency });
    });
    client.on("audioSubscribed", (_userId, { srcObject }) => {
      if (!current() || !(srcObject instanceof MediaStream)) return;
      this.remoteStream = srcObject;
      this.record("remote-stream");
      this.emit("remote-stream", srcObject);
    });
    client.on("volumes", () => {
      if (current() && client.roundTripMs !== null) this.emit("round-trip", client.roundTripMs);
    });
    client.on("memberOffline", ({ role }) => {
      if (current() && role === "agent") this.finish(this.leaving ?? { kind: "call-over" });
    });
    client.on("bye", (reason) => {
      this.record("bye", { reason });
      if (current()) this.finish(this.leaving ?? { kind: reason === ByeReason.Replaced ? "replaced" : "call-over" });
    });
    client.on("deviceLost", () => {
      this.record("microphone-lost");
      if (current()) this.emit("problem", { kind: "microphone-lost" });
    });
    client.on("playbackBlocked", () => this.emit("silenced"));
  }

  private statusChanged(status: ConnectionStatus): void {
    this.record("status", { status: ConnectionStatus[status] });
    if (status === ConnectionStatus.Reconnecting) this.enter("reconnecting");
    if (status === ConnectionStatus.Connected && this.phase === "reconnecting") {
      this.enter("connected");
      this.later(QUERY_AFTER_MS, () => void this.post({ type: 1119 }));
    }
    // A failed join throws besides, and says why.
    if (status === ConnectionStatus.Failed && this.phase === "reconnecting") this.finish({ kind: "path-lost" });
  }

  private receive(text: string): void {
    const envelope = parseEnvelope(text);
    if (!envelope) return this.record("unreadable-message");
    this.record("message", envelope);
    const message = readMessage(envelope);
    if (!message) return;
    if (message.kind === "error") this.emit("problem", { kind: "agent-error", code: message.code, message: message.message });
    if (message.kind === "will-leave") {
      const leaving: Problem = { kind: "agent-left", reason: message.reason, message: message.message };
      this.leaving = leaving;
      this.later(LEAVE_LIMIT_MS, () => this.finish(leaving));
    }
    this.emit("message", message);
  }

  private post(message: ClientMessage): boolean {
    const { client } = this;
    if (!client) return false;
    const sent = client.send(writeMessage(message, this.seqId + 1, client.userId, client.agentUserId || this.agentUserId));
    if (sent) this.seqId += 1;
    this.record("sent", { type: message.type, sent });
    return sent;
  }

  private finish(problem: Problem | null): void {
    const { client } = this;
    if (!client) return;
    this.client = null;
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
    void client.destroy();
    this.remoteStream = null;
    this.record("ended", { problem: problem?.kind ?? null });
    this.enter("idle");
    this.emit("ended", problem);
  }

  private enter(phase: Phase): void {
    if (this.phase === phase) return;
    this.phase = phase;
    this.record("phase", { phase });
    this.emit("phase", phase);
  }

  private later(ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, ms);
    this.timers.add(timer);
  }

  private record(event: string, detail: Record<string, unknown> = {}): void {
    this.log.push({ ...detail, t: performance.now(), event });
    if (this.log.length > MAX_LOG) this.log.shift();
  }
}
