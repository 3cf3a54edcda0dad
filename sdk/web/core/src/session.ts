// One stay in one channel: joins it, keeps its path alive, passes messages on, leaves it.
//
// Contract: `join` resolves when audio can flow, or rejects and the session is over. After it resolved, `onReady` comes
// once, when messages can be sent, and only then messages. `onOver` comes at most once, and nothing after it; it does not
// come for `leave`. What ends the stay because the app asked the agent to stop is told a little later (farewell.ts).

import { Farewell } from "./farewell";
import { Inbox } from "./inbox";
import type { LocalMedia } from "./local-media";
import { asObject, parseObject, type Json } from "./json";
import { watchNetwork } from "./network";
import { PathWatch, type PathAction } from "./path";
import { Peer, accept, type PathStats } from "./peer";
import type { RemoteMembers } from "./remote-members";
import { readMemberNotice } from "./roster";
import { changeCall, joinCall, leaveCall, SignalingError, type AgentReply, type AgentRequest, type JoinAnswer } from "./signaling";
import { ByeReason, ConnectionReason, ConnectionStatus } from "./status";
import { Timers } from "./timers";
import type { ChannelToken } from "./token";

export interface JoinOptions {
  /** Asks for an agent; without it the agent is on the channel already. */
  agent?: AgentRequest;
  /** The picture that can be sent and received in this call; by default it is sent if a camera is open. */
  video?: { send: boolean; receive: boolean };
}

export interface SessionHandlers {
  /** Comes before anything of the agent's. */
  onAgentReply(reply: AgentReply): void;
  onStatus(status: ConnectionStatus, reason: ConnectionReason): void;
  /** The server took the token; so many seconds it lasts by the server's clock, if it said so. */
  onExpiry(expiresIn: number | null): void;
  onReady(): void;
  onMessage(text: string): void;
  onLatency(data: unknown): void;
  onStats(stats: PathStats): void;
  /** The server ended it, or (null) the path could not be brought back. */
  onOver(reason: ByeReason | null): void;
}

/** From the answer until audio can flow. */
const CONNECT_LIMIT_MS = 15_000;
/** From the data channel's opening, for the agent's voice and what members there are. */
const COMPLETE_MS = 500;
/** How often, and after what time, a new token is brought to a server that does not answer. */
const REFRESH_TRIES = 5;
const REFRESH_AGAIN_MS = 2000;
/** Longest message read, in characters. */
const MAX_MESSAGE_LENGTH = 65_536;

type Phase = "joining" | "joined" | "over";

export class Session {
  roundTripMs: number | null = null;
  /** Null until joined. */
  answer: JoinAnswer | null = null;
  private phase: Phase = "joining";
  private peer: Peer | null = null;
  /** Takes the other's place when the server has answered. */
  private coming: Peer | null = null;
  private readonly path = new PathWatch();
  private readonly timers = new Timers();
  private unwatchNetwork: (() => void) | undefined;
  private busy = false;
  private readonly inbox = new Inbox((text) => this.deliver(text));
  private readonly farewell = new Farewell();
  private connecting: { resolve(): void; reject(error: Error): void } | null = null;

  constructor(
    private token: ChannelToken,
    private readonly options: JoinOptions,
    private readonly media: LocalMedia,
    private readonly remote: RemoteMembers,
    private readonly sampleMs: number,
    private readonly handlers: SessionHandlers,
  ) {}

  async join(): Promise<JoinAnswer> {
    try {
      const answer = await this.connect(this.options.agent ?? null);
      await this.connected();
      this.phase = "joined";
      this.watch();
      this.unwatchNetwork = watchNetwork(() => this.networkChanged());
      this.handlers.onStatus(ConnectionStatus.Connected, ConnectionReason.Joined);
      // After those who await the join have gone on.
      this.timers.later(0, () => this.announce());
      return answer;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** False if the channel isn't open or is blocked: the message is dropped. */
  send(text: string): boolean {
    if (this.phase !== "joined" || !this.peer?.send(text)) return false;
    if (parseObject(text)?.["type"] === 1100) this.farewell.byApp();
    return true;
  }

  get channelOpen(): boolean {
    return this.phase === "joined" && this.peer?.channelOpen === true;
  }

  /** Goes on with another token for the same channel and user, and brings it to the server. */
  refresh(token: ChannelToken): void {
    this.token = token;
    if (this.answer && this.phase === "joined") void this.bring(this.answer.resource, token, REFRESH_TRIES);
  }

  private async bring(resource: string, token: ChannelToken, tries: number): Promise<void> {
    try {
      const { expiresIn } = await changeCall(resource, token.raw, null);
      if (this.token === token) this.handlers.onExpiry(expiresIn);
    } catch (error) {
      // What repairs the path brings the token, too.
      if (error instanceof SignalingError && error.refused) return;
      if (tries > 1) this.timers.later(REFRESH_AGAIN_MS, () => this.token === token && void this.bring(resource, token, tries - 1));
    }
  }

  async replaceTrack(kind: "audio" | "video", track: MediaStreamTrack | null): Promise<void> {
    await Promise.all([this.peer?.replaceTrack(kind, track), this.coming?.replaceTrack(kind, track)]);
  }

  /** Waits (100 ms at most) for what was sent to go out, then leaves. */
  async leave(): Promise<void> {
    for (let i = 0; i < 10 && this.peer && !this.peer.drained; i++) await pause(10);
    this.abandon();
  }

  /** Leaves without waiting: the page goes away. */
  abandon(): void {
    const { answer, token } = this;
    this.connecting?.reject(leftMeanwhile());
    this.close();
    this.answer = null;
    if (answer) void leaveCall(answer.resource, token.raw);
  }

  /**
   * Makes a peer connection and joins with it: at first, and again when nothing else brings the path back. The one before
   * stays until the server has answered, since its path may come back meanwhile.
   */
  private async connect(agent: AgentRequest | null): Promise<JoinAnswer> {
    const peer: Peer = new Peer(
      { audioTrack: this.media.sentAudio, video: this.videoOptions() },
      {
        onMessage: (text) => this.receive(text),
        onChannelOpen: () => this.timers.later(COMPLETE_MS, () => this.announce(true)),
        onChannelClosed: () => this.channelClosed(),
        onTrack: (track, streamId) => this.remote.addTrack(track, streamId),
        onState: () => this.stateChanged(peer),
      },
    );
    this.coming = peer;
    let answer: JoinAnswer;
    try {
      const sdp = await peer.offer();
      const request = agent ? { token: this.token.raw, sdp, agent } : { token: this.token.raw, sdp };
      answer = await joinCall(this.token.rtcUrl, request, this.phase === "joined");
    } catch (error) {
      peer.close();
      if (this.phase === "over") throw leftMeanwhile();
      this.coming = null;
      if (error instanceof SignalingError && error.agentReply) this.handlers.onAgentReply(error.agentReply);
      throw error;
    }
    if (this.phase === "over") {
      void leaveCall(answer.resource, this.token.raw);
      throw leftMeanwhile();
    }
    this.peer?.close();
    this.peer = peer;
    this.coming = null;
    this.path.reset();
    this.remote.dropTracks();
    this.answer = answer;
    this.handlers.onExpiry(answer.expiresIn);
    if (answer.agentReply) this.handlers.onAgentReply(answer.agentReply);
    this.remote.begin(answer.agentUserId);
    await accept(peer, answer.sdp);
    return answer;
  }

  private videoOptions() {
    const { send, receive } = this.options.video ?? { send: this.media.videoTrack !== null, receive: false };
    if (!send && !receive) return null;
    const direction = send && receive ? "sendrecv" : send ? "sendonly" : "recvonly";
    const track = send ? this.media.publishedVideo : null;
    return { direction, track, bitrate: this.media.camera.bitrate } as const;
  }

  private connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.phase === "over") return reject(leftMeanwhile());
      const settle = (act: () => void) => () => {
        this.connecting = null;
        act();
      };
      const noPath = new SignalingError("NoMediaPath", "Audio can't reach the server: UDP and TCP to its media port may be blocked.");
      this.connecting = { resolve: settle(resolve), reject: (error) => settle(() => reject(error))() };
      this.timers.later(CONNECT_LIMIT_MS, () => this.connecting?.reject(noPath));
      if (this.peer) this.stateChanged(this.peer);
    });
  }

  private stateChanged(peer: Peer): void {
    if (this.peer !== peer) return;
    this.remote.setConnected(peer.connected);
    if (peer.connected) this.connecting?.resolve();
    if (peer.down && this.phase === "joined") void this.sample();
  }

  /** Tells that messages can be sent, when all is there that should come before. */
  private announce(waitedEnough = false): void {
    if (this.inbox.isOpen || !this.channelOpen || !(waitedEnough || this.complete)) return;
    this.handlers.onReady();
    this.inbox.open();
  }

  /** A voice is heard, and where a picture is expected it is known whose: members are announced before anything is said. */
  private get complete(): boolean {
    const members = this.remote.all();
    const announced = !this.options.video?.receive || !this.inbox.empty || members.some(({ role }) => role === "avatar");
    return announced && members.some(({ audioElement }) => audioElement);
  }

  /** A member's voice is there. */
  audioSubscribed(): void {
    this.timers.later(0, () => this.announce());
  }

  private receive(text: unknown): void {
    if (typeof text !== "string" || text.length > MAX_MESSAGE_LENGTH) return;
    const message = parseObject(text);
    if (message?.["type"] === 9002) return this.bye(asObject(message["data"]));
    if (message?.["type"] === 9003) return this.memberNotice(asObject(message["data"]));
    if (message?.["type"] === 1010) this.farewell.byAgent();
    this.inbox.push(text);
    this.announce();
  }

  private deliver(text: string): void {
    const message = parseObject(text);
    if (message?.["type"] === 9001) this.handlers.onLatency(message["data"]);
    else if (this.phase === "joined") this.handlers.onMessage(text);
  }

  private memberNotice(data: Json | null): void {
    const notice = readMemberNotice(data);
    if (!notice) return;
    if (!notice.online && notice.userId === this.answer?.agentUserId) {
      this.farewell.byAgent();
      return this.afterStop(() => this.remote.apply(notice));
    }
    this.remote.apply(notice);
    this.announce();
  }

  private bye(data: Json | null): void {
    const reason = Number(data?.["reason"]);
    if (reason !== ByeReason.Kicked && reason !== ByeReason.Replaced) this.channelEnded();
    else this.over(reason);
  }

  private channelClosed(): void {
    if (this.phase !== "joined") return;
    if (this.farewell.expected) return this.channelEnded();
    // A closed channel doesn't open again; either the server has ended the call or it was started anew.
    if (!this.path.lost) this.reconnecting();
    this.path.needNewPeer(performance.now());
    void this.sample();
  }

  /** The call is over. If the agent left, that is what happened; else the channel was ended. */
  private channelEnded(): void {
    const agentUserId = this.answer?.agentUserId;
    if (!this.farewell.expected) return this.over(ByeReason.ChannelEnded);
    this.quieten();
    this.afterStop(() => {
      const member = agentUserId ? this.remote.get(agentUserId) : null;
      if (member) this.remote.apply({ ...member, online: false });
    });
  }

  private afterStop(action: () => void): void {
    const { wait } = this.farewell;
    if (wait > 0) this.timers.later(wait, action);
    else action();
  }

  private watch(): void {
    this.timers.later(this.sampleMs, () => {
      void this.sample().then(() => {
        if (this.peer) this.watch();
      });
    });
  }

  private async sample(): Promise<void> {
    const { peer } = this;
    if (!peer || this.phase !== "joined") return;
    const stats = await peer.stats();
    if (this.peer !== peer) return;
    this.roundTripMs = stats.roundTripMs ?? this.roundTripMs;
    this.handlers.onStats(stats);
    const wasLost = this.path.lost;
    const action = this.path.step({ now: performance.now(), received: stats.received, down: peer.down, busy: this.busy });
    if (this.path.lost && this.farewell.expected) return this.channelEnded();
    if (this.path.lost && !wasLost) this.reconnecting();
    if (action) this.act(action);
  }

  private reconnecting(): void {
    this.handlers.onStatus(ConnectionStatus.Reconnecting, ConnectionReason.NetworkInterrupted);
  }

  private act(action: PathAction): void {
    switch (action) {
      case "recovered":
        return this.handlers.onStatus(ConnectionStatus.Connected, ConnectionReason.HeartbeatAlive);
      case "give-up":
        return this.over(null);
      case "restart":
        // The server may know this connection no more, yet know the call.
        return this.repair(() => this.restart(), () => this.path.needNewPeer(performance.now()));
      case "rejoin":
        return this.repair(
          () => this.connect(null),
          ({ code }) => this.over(code === "CallFinished" || code === "ChannelNotFound" ? ByeReason.ChannelEnded : null),
        );
    }
  }

  private async restart(): Promise<void> {
    const { peer, answer } = this;
    if (!peer || !answer) return;
    const { sdp, expiresIn } = await changeCall(answer.resource, this.token.raw, await peer.offer(true));
    if (this.peer !== peer) return;
    this.handlers.onExpiry(expiresIn);
    await accept(peer, sdp);
  }

  /** Runs one attempt. If the server can't be reached, or waits for a new token, the watch tries again by itself. */
  private repair(attempt: () => Promise<unknown>, refused: (error: SignalingError) => void): void {
    if (this.busy) return;
    this.busy = true;
    attempt()
      .catch((error: unknown) => {
        if (this.phase !== "joined" || !(error instanceof SignalingError)) return;
        if (error.refused && error.code !== "TokenExpired") refused(error);
      })
      .finally(() => {
        this.busy = false;
      });
  }

  private networkChanged(): void {
    if (this.phase !== "joined") return;
    if (!this.path.lost) this.reconnecting();
    this.path.declareLost(performance.now());
    void this.sample();
  }

  private over(reason: ByeReason | null): void {
    if (this.phase === "over") return;
    this.close();
    this.handlers.onOver(reason);
  }

  /** No media and no watch any more, but not left. */
  private quieten(): void {
    this.peer?.close();
    this.coming?.close();
    this.peer = this.coming = null;
  }

  private close(): void {
    this.phase = "over";
    this.quieten();
    this.timers.close();
    this.unwatchNetwork?.();
  }
}

function leftMeanwhile(): SignalingError {
  return new SignalingError("Left", "The channel was left before the join was done.");
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
