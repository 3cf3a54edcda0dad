// The engine of a call: asks for it, joins it, keeps the path alive, passes messages on and ends it. No DOM.
//
// Contract: `start` never throws; what goes wrong arrives as "problem" and, if the call can't go on, as "ended".
// After "ended" the engine is as new and `start` may be called again. Everything that happens is also in `log`.

import { Emitter } from "./emitter";
import { PATH, PathWatch, type PathAction } from "./path";
import { parseEnvelope, readMessage, writeMessage, type ClientMessage, type ServerMessage } from "./messages";
import { MicrophoneError, openMicrophone } from "./microphone";
import { Peer } from "./peer";
import type { Problem } from "./problem";
import { SignalingError, joinCall, leaveCall, requestCall, restartCall } from "./signaling";
import { decodeToken, type ChannelToken } from "./token";

export type Phase = "idle" | "microphone" | "requesting" | "connecting" | "connected" | "reconnecting";

export interface CallOptions {
  agentId: string;
  userId: string;
  /** AIAgentConfig JSON. */
  agentConfig: string;
  /** Without it the user can only type. */
  microphone: boolean;
}

export interface CallEvents {
  phase: Phase;
  message: ServerMessage;
  problem: Problem;
  /** Null: the user hung up. */
  ended: Problem | null;
  "local-stream": MediaStream;
  "remote-stream": MediaStream;
  "round-trip": number;
}

export interface LogEntry {
  /** Milliseconds on the page's clock (performance.now). */
  t: number;
  event: string;
  [detail: string]: unknown;
}

/** Log entries kept; older ones are dropped. */
const MAX_LOG = 5000;
/** From the answer until audio can flow. */
const CONNECT_LIMIT_MS = 15_000;
/** From 1010 until the agent is taken to be gone: a graceful goodbye lasts 10 s at most. */
const LEAVE_LIMIT_MS = 12_000;
/** After the path is back, before asking for the agent's state. */
const QUERY_AFTER_MS = 700;

/** What belongs to one call and dies with it. */
interface Session {
  options: CallOptions;
  microphone: MediaStream | null;
  token: ChannelToken | null;
  agentUserId: string;
  resource: string | null;
  peer: Peer | null;
  path: PathWatch;
  busy: boolean;
  leaving: { kind: "agent-left"; reason: number; message: string } | null;
  timers: Set<ReturnType<typeof setTimeout>>;
}

export class Call extends Emitter<CallEvents> {
  readonly log: LogEntry[] = [];
  phase: Phase = "idle";
  instanceId = "";
  remoteStream: MediaStream | null = null;
  muted = false;

  private session: Session | null = null;
  private seqId = 0;

  constructor() {
    super();
    // A change of network shows here first; the old path is as good as dead.
    globalThis.addEventListener?.("online", () => {
      if (!this.session || this.phase !== "connected") return;
      this.session.path.declareLost(performance.now());
      void this.sample(this.session);
    });
  }

  async start(options: CallOptions): Promise<void> {
    if (this.session) return;
    const session: Session = {
      options,
      microphone: null,
      token: null,
      agentUserId: "",
      resource: null,
      peer: null,
      path: new PathWatch(),
      busy: false,
      leaving: null,
      timers: new Set(),
    };
    this.session = session;
    this.muted = false;
    try {
      await this.begin(session);
    } catch (error) {
      if (this.session === session) this.finish(problemOf(error));
    }
  }

  /** Asks the agent to stop, leaves, and is over when the server knows. */
  async hangUp(): Promise<void> {
    const session = this.session;
    if (!session) return;
    this.record("hang-up");
    if (this.post({ type: 1100 })) {
      for (let i = 0; i < 10 && session.peer && !session.peer.drained; i++) await pause(20);
    }
    if (this.session === session) this.finish(null);
  }

  /** The page goes away: leave without waiting. */
  abandon(): void {
    if (!this.session) return;
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

  setMuted(muted: boolean): void {
    this.muted = muted;
    for (const track of this.session?.microphone?.getAudioTracks() ?? []) track.enabled = !muted;
    this.record(muted ? "muted" : "unmuted");
  }

  /** Opens the microphone again, after it was lost or when the call was begun without. */
  async reopenMicrophone(): Promise<boolean> {
    const session = this.session;
    if (!session) return false;
    try {
      const stream = await openMicrophone();
      if (this.session !== session) {
        stopTracks(stream);
        return false;
      }
      this.takeMicrophone(session, stream);
      const [track] = stream.getAudioTracks();
      if (track) await session.peer?.replaceTrack(track);
      return true;
    } catch (error) {
      this.emit("problem", problemOf(error));
      return false;
    }
  }

  private async begin(session: Session): Promise<void> {
    const { options } = session;
    if (typeof RTCPeerConnection === "undefined") throw new MicrophoneError({ kind: "unsupported-browser" });
    if (options.microphone) {
      this.enter("microphone");
      const stream = await openMicrophone();
      if (this.session !== session) return stopTracks(stream);
      this.takeMicrophone(session, stream);
    }
    this.enter("requesting");
    const started = await requestCall(options.agentId, options.userId, options.agentConfig);
    // Hung up meanwhile: the agent leaves by itself when nobody joins (UserOnlineTimeout).
    if (this.session !== session) return;
    const token = readToken(started.token);
    session.token = token;
    session.agentUserId = started.agentUserId;
    this.instanceId = started.instanceId;
    this.record("started", { instanceId: started.instanceId, channelId: started.channelId });
    this.enter("connecting");
    await this.join(session);
    this.later(session, CONNECT_LIMIT_MS, () => {
      if (this.phase === "connecting") this.finish({ kind: "no-media-path" });
    });
    this.watch(session);
  }

  /** Makes a new peer connection and joins with the token: at the start, and when nothing else brings the path back. */
  private async join(session: Session): Promise<void> {
    const { token } = session;
    if (!token) return;
    session.peer?.close();
    session.path.reset();
    const [track = null] = session.microphone?.getAudioTracks() ?? [];
    const peer = new Peer(track, {
      onMessage: (text) => this.receive(session, text),
      onChannelOpen: () => {
        this.record("channel-open");
        if (session.path.lost) this.later(session, QUERY_AFTER_MS, () => void this.post({ type: 1119 }));
      },
      onChannelClosed: () => this.channelClosed(session),
      onRemoteStream: (stream) => {
        this.remoteStream = stream;
        this.record("remote-stream");
        this.emit("remote-stream", stream);
      },
      onState: () => void this.stateChanged(session),
    });
    session.peer = peer;
    const joined = await joinCall(token.rtcUrl, token.raw, await peer.offer());
    if (this.session !== session || session.peer !== peer) {
      peer.close();
      void leaveCall(joined.resource, token.raw, true);
      return;
    }
    session.resource = joined.resource;
    if (joined.agentUserId) session.agentUserId = joined.agentUserId;
    this.record("joined", { instanceId: joined.instanceId });
    await accept(peer, joined.sdp);
  }

  private async restart(session: Session): Promise<void> {
    const { token, peer, resource } = session;
    if (!token || !peer || !resource) return;
    const sdp = await restartCall(resource, token.raw, await peer.offer(true));
    if (this.session === session && session.peer === peer) await accept(peer, sdp);
  }

  private stateChanged(session: Session): void {
    if (this.session !== session || !session.peer) return;
    this.record("connection", { connected: session.peer.connected, down: session.peer.down });
    if (session.peer.connected && this.phase === "connecting") this.enter("connected");
    if (session.peer.down && this.phase === "connected") void this.sample(session);
  }

  private channelClosed(session: Session): void {
    if (this.session !== session) return;
    this.record("channel-closed");
    if (session.leaving) return this.finish(session.leaving);
    if (this.phase !== "connected" && this.phase !== "reconnecting") return;
    // A closed channel doesn't open again; either the server has ended the call or it was started anew.
    session.path.needNewPeer(performance.now());
    void this.sample(session);
  }

  private watch(session: Session): void {
    this.later(session, PATH.intervalMs, () => {
      void this.sample(session).then(() => {
        if (this.session === session) this.watch(session);
      });
    });
  }

  private async sample(session: Session): Promise<void> {
    const { peer } = session;
    if (!peer || (this.phase !== "connected" && this.phase !== "reconnecting")) return;
    const stats = await peer.stats();
    if (this.session !== session || session.peer !== peer) return;
    if (stats.roundTripMs !== null) this.emit("round-trip", stats.roundTripMs);
    const { busy } = session;
    const action = session.path.step({ now: performance.now(), received: stats.received, down: peer.down, busy });
    if (session.path.lost && session.leaving) return this.finish(session.leaving);
    if (session.path.lost && this.phase === "connected") this.enter("reconnecting");
    if (action) this.act(session, action);
  }

  private act(session: Session, action: PathAction): void {
    this.record("path", { action });
    switch (action) {
      case "recovered":
        this.enter("connected");
        this.later(session, QUERY_AFTER_MS, () => void this.post({ type: 1119 }));
        return;
      case "give-up":
        return this.finish({ kind: "path-lost" });
      case "restart":
        // The server may know this connection no more, yet know the call.
        return this.repair(session, () => this.restart(session), () => session.path.needNewPeer(performance.now()));
      case "rejoin":
        return this.repair(session, () => this.join(session), () => this.finish({ kind: "call-over" }));
    }
  }

  /** Runs one attempt. If the server can't be reached the watch tries again by itself. */
  private repair(session: Session, attempt: () => Promise<void>, refused: () => void): void {
    session.busy = true;
    attempt()
      .catch((error: unknown) => {
        if (this.session !== session) return;
        this.record("repair-failed", { problem: problemOf(error).kind });
        if (error instanceof SignalingError && error.refused) refused();
      })
      .finally(() => {
        session.busy = false;
      });
  }

  private receive(session: Session, text: unknown): void {
    const envelope = parseEnvelope(text);
    if (!envelope) return this.record("unreadable-message");
    this.record("message", envelope);
    const message = readMessage(envelope);
    if (!message) return;
    if (message.kind === "error") this.emit("problem", { kind: "agent-error", code: message.code, message: message.message });
    if (message.kind === "will-leave") {
      const leaving = { kind: "agent-left" as const, reason: message.reason, message: message.message };
      session.leaving = leaving;
      this.later(session, LEAVE_LIMIT_MS, () => this.finish(leaving));
    }
    this.emit("message", message);
  }

  private post(message: ClientMessage): boolean {
    const session = this.session;
    if (!session?.peer || !session.token) return false;
    const sent = session.peer.send(writeMessage(message, this.seqId + 1, session.token.userId, session.agentUserId));
    if (sent) this.seqId += 1;
    this.record("sent", { type: message.type, sent });
    return sent;
  }

  private takeMicrophone(session: Session, stream: MediaStream): void {
    if (session.microphone) stopTracks(session.microphone);
    session.microphone = stream;
    for (const track of stream.getAudioTracks()) {
      track.enabled = !this.muted;
      track.onended = () => {
        if (this.session !== session || session.microphone !== stream) return;
        this.record("microphone-lost");
        this.emit("problem", { kind: "microphone-lost" });
      };
    }
    this.record("microphone");
    this.emit("local-stream", stream);
  }

  private finish(problem: Problem | null): void {
    const session = this.session;
    if (!session) return;
    this.session = null;
    for (const timer of session.timers) clearTimeout(timer);
    if (session.resource && session.token) void leaveCall(session.resource, session.token.raw, true);
    session.peer?.close();
    if (session.microphone) stopTracks(session.microphone);
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

  private later(session: Session, ms: number, action: () => void): void {
    const timer = setTimeout(() => {
      session.timers.delete(timer);
      if (this.session === session) action();
    }, ms);
    session.timers.add(timer);
  }

  private record(event: string, detail: Record<string, unknown> = {}): void {
    this.log.push({ ...detail, t: performance.now(), event });
    if (this.log.length > MAX_LOG) this.log.shift();
  }
}

async function accept(peer: Peer, sdp: string): Promise<void> {
  try {
    await peer.accept(sdp);
  } catch (error) {
    throw new SignalingError({ kind: "bad-answer", message: error instanceof Error ? error.message : String(error) }, 200);
  }
}

function readToken(raw: string): ChannelToken {
  try {
    return decodeToken(raw);
  } catch (error) {
    throw new SignalingError({ kind: "bad-answer", message: error instanceof Error ? error.message : String(error) }, 200);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof SignalingError || error instanceof MicrophoneError) return error.problem;
  return { kind: "bad-answer", message: error instanceof Error ? error.message : String(error) };
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
