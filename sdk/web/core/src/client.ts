// A user's end of a channel: devices, joining and leaving, the others' voices and pictures, messages. What AICallKit's
// applications (../../aicall), the vendor's own package (../../artc-adapter) and the console are built on.
//
// Contract: importing does nothing; a client touches devices and network only when it is told to. After a failed `join`,
// after `bye` and after `leave` it can join again; capture and views stay until `destroy`. Events are in ClientEvents.

import { Emitter } from "./emitter";
import type { DeviceKind } from "./devices";
import { latencyGroups, readLatency, type LatencyGroups, type TurnLatency } from "./latency";
import { LocalMedia, type CameraOptions } from "./local-media";
import type { PathStats } from "./peer";
import { Playback, type View } from "./playback";
import { RemoteMembers, type RemoteMember } from "./remote-members";
import type { Member } from "./roster";
import { Session, type JoinOptions } from "./session";
import { SignalingError, type AgentReply, type JoinAnswer } from "./signaling";
import { ByeReason, ConnectionReason, ConnectionStatus } from "./status";
import { TokenClock, decodeToken, type ChannelToken } from "./token";
import { volumeOf, type Volume } from "./volume";

export type ClientEvents = {
  statusChanged: [status: ConnectionStatus, reason: ConnectionReason];
  /** What became of the join's agent request, refused or not; before anything of the agent's. */
  agentReplied: [reply: AgentReply];
  memberOnline: [member: RemoteMember];
  memberOffline: [member: Member];
  /** Another role, or other tracks. */
  memberChanged: [member: RemoteMember];
  /** A member's voice flows. Again when the connection had to be made anew. */
  audioSubscribed: [userId: string, element: HTMLAudioElement];
  /** Messages can be sent. Once for each join, after it has resolved. */
  channelReady: [agentUserId: string];
  /** A message of the data channel as text; the notices 9001 to 9003 are events of their own. */
  message: [senderId: string, text: string];
  latency: [groups: LatencyGroups, latency: TurnLatency];
  /** Every 200 ms while joined: the local user (""), then the members with a voice. */
  volumes: [volumes: Volume[]];
  /** 30 s before the end, or at once if it is nearer. */
  tokenWillExpire: [lastsMs: number];
  tokenExpired: [];
  /** The server ended our stay. */
  bye: [reason: ByeReason];
  deviceLost: [kind: DeviceKind];
  /** The browser waits for the user to do something before it plays. It is tried again at the next click or key. */
  playbackBlocked: [kind: DeviceKind, userId: string];
};

const SAMPLE_MS = 200;

export class RtcClient extends Emitter<ClientEvents> {
  private readonly media: LocalMedia;
  private readonly playback: Playback;
  private readonly remote: RemoteMembers;
  private readonly tokenClock: TokenClock;
  private session: Session | null = null;
  private token: ChannelToken | null = null;
  private currentStatus = ConnectionStatus.Init;

  constructor() {
    super();
    this.media = new LocalMedia({
      onTrack: (kind, track) => {
        if (kind === "video") this.playback.setVideo("", this.media.videoTrack);
        void this.session?.replaceTrack(kind, track);
      },
      onLost: (kind) => this.emit("deviceLost", kind),
    });
    this.playback = new Playback({ onBlocked: (kind, userId) => this.emit("playbackBlocked", kind, userId) });
    this.remote = new RemoteMembers(this.playback, {
      onOnline: (member) => this.emit("memberOnline", member),
      onOffline: (member) => this.emit("memberOffline", member),
      onChanged: (member) => this.emit("memberChanged", member),
      onAudioSubscribed: (userId, element) => {
        this.emit("audioSubscribed", userId, element);
        this.session?.audioSubscribed();
      },
    });
    this.tokenClock = new TokenClock({
      onWillExpire: (lastsMs) => this.emit("tokenWillExpire", lastsMs),
      onExpired: () => this.emit("tokenExpired"),
    });
  }

  get status(): ConnectionStatus {
    return this.currentStatus;
  }

  /** Who we are, "" before a join. */
  get userId(): string {
    return this.token?.userId ?? "";
  }

  get channelId(): string {
    return this.token?.channelId ?? "";
  }

  get agentUserId(): string {
    return this.session?.answer?.agentUserId ?? "";
  }

  get instanceId(): string {
    return this.session?.answer?.instanceId ?? "";
  }

  /** Whether a message would be sent now. */
  get channelOpen(): boolean {
    return this.session?.channelOpen ?? false;
  }

  /** To the server and back, as last measured. */
  get roundTripMs(): number | null {
    return this.session?.roundTripMs ?? null;
  }

  /** The others in the channel; an avatar comes first. */
  get members(): RemoteMember[] {
    return this.remote.all();
  }

  member(userId: string): RemoteMember | null {
    return this.remote.get(userId);
  }

  get audioTrack(): MediaStreamTrack | null {
    return this.media.audioTrack;
  }

  /** The same, as applications ask the vendor's RTC engine for it. */
  getAudioTrack(): Promise<MediaStreamTrack | null> {
    return Promise.resolve(this.media.audioTrack);
  }

  get videoTrack(): MediaStreamTrack | null {
    return this.media.videoTrack;
  }

  get muted(): boolean {
    return this.media.isMuted;
  }

  /** Holds for microphones opened from now on. */
  setAudioConstraints(constraints: MediaTrackConstraints): void {
    this.media.audioConstraints = constraints;
  }

  /** Opens the microphone (anew if one is open). Throws a DeviceError. */
  startMicrophone(): Promise<void> {
    return this.media.startMicrophone();
  }

  stopMicrophone(): void {
    this.media.stop("audio");
  }

  /** Closes the microphone and sends silence in its place until it is started again. */
  sendSilence(): void {
    this.media.sendSilence();
  }

  /** Throws a DeviceError, and stays with the one before. */
  switchMicrophone(deviceId: string): Promise<void> {
    return this.media.switchMicrophone(deviceId);
  }

  muteMicrophone(muted: boolean): void {
    this.media.setMuted(muted);
  }

  /** Holds for cameras opened from now on. */
  setCameraOptions(options: CameraOptions): void {
    this.media.camera = { ...this.media.camera, ...options };
  }

  /** Opens the camera (anew if one is open), or sends a track of the app's own. Throws a DeviceError. */
  async startCamera(track?: MediaStreamTrack): Promise<void> {
    if (track) this.media.lendCamera(track);
    else await this.media.startCamera();
  }

  stopCamera(): void {
    this.media.stop("video");
  }

  /** Throws a DeviceError, and stays with the one before. */
  switchCamera(deviceId: string): Promise<void> {
    return this.media.switchCamera(deviceId);
  }

  /** Whether the camera's picture is sent. The preview goes on without. */
  publishVideo(publish: boolean): void {
    this.media.publishVideo(publish);
  }

  /** Where to show the camera's picture; none: nowhere. */
  setLocalView(view: View | null | undefined): void {
    this.playback.setView("", view);
  }

  /** Where to show a member's picture, now or when it comes; none: nowhere. */
  setRemoteView(userId: string, view: View | null | undefined): void {
    this.playback.setView(userId, view);
  }

  /** Silences one member, or everybody, on this side only. */
  muteRemoteAudio(muted: boolean, userId?: string): void {
    this.playback.silence(muted, userId);
  }

  /** Tries to play what the browser refused to play. Call it from a click. */
  resumePlayback(): void {
    this.playback.resume();
  }

  /**
   * Joins the token's channel; resolves when audio can flow. Throws a SignalingError. An agent request that was refused
   * is the code `AgentRefused`, and `agentReplied` has come before.
   */
  async join(token: string, options: JoinOptions = {}): Promise<JoinAnswer> {
    if (this.session) throw new SignalingError("AlreadyJoined", "This client is in a channel; leave it first.");
    const decoded = readToken(token);
    const session: Session = new Session(decoded, options, this.media, this.remote, SAMPLE_MS, {
      onAgentReply: (reply) => this.emit("agentReplied", reply),
      onStatus: (status, reason) => this.setStatus(status, reason),
      onExpiry: (expiresIn) => this.watchToken(expiresIn),
      onReady: () => this.emit("channelReady", this.agentUserId),
      onMessage: (text) => this.emit("message", this.agentUserId, text),
      onLatency: (data) => {
        const latency = readLatency(data);
        this.emit("latency", latencyGroups(latency, this.roundTripMs), latency);
      },
      onStats: (stats) => this.emit("volumes", this.volumesOf(stats)),
      onOver: (reason) => this.onOver(session, reason),
    });
    this.token = decoded;
    this.session = session;
    globalThis.addEventListener?.("pagehide", this.onPageHide);
    this.setStatus(ConnectionStatus.Connecting, ConnectionReason.Connecting);
    try {
      return await session.join();
    } catch (error) {
      if (this.session === session) {
        this.forget();
        // A refused agent is no failure of the connection.
        if (error instanceof SignalingError && error.agentReply) this.setStatus(ConnectionStatus.Disconnected, ConnectionReason.Left);
        else this.setStatus(ConnectionStatus.Failed, ConnectionReason.JoinFailed);
      }
      throw error;
    }
  }

  /** Goes on with another token for the same channel and user. Throws an Error if it is none. */
  refreshToken(token: string): void {
    const decoded = readToken(token);
    if (!this.token) return;
    if (decoded.channelId !== this.token.channelId || decoded.userId !== this.token.userId) {
      throw new SignalingError("InvalidToken", "The token is for another channel or user.");
    }
    this.token = decoded;
    this.watchToken(null);
    this.session?.refresh(decoded);
  }

  /** Sends a message on the data channel. False: it was not sent, and won't be. */
  send(text: string): boolean {
    return this.session?.send(text) ?? false;
  }

  /** Leaves the channel; what was sent before still goes out. Does nothing outside a channel. */
  async leave(): Promise<void> {
    const { session } = this;
    if (!session) return;
    this.session = null;
    await session.leave();
    // Another join may have begun meanwhile.
    if (this.session) return;
    this.forget();
    this.setStatus(ConnectionStatus.Disconnected, ConnectionReason.Left);
  }

  /** Leaves, closes the devices, empties the views and drops the listeners. */
  async destroy(): Promise<void> {
    await this.leave();
    this.media.close();
    this.playback.reset();
    this.removeListeners();
  }

  /** By the server's clock if it is known; ours may be wrong. */
  private watchToken(expiresIn: number | null): void {
    const { token } = this;
    if (!token) return;
    if (expiresIn !== null) this.tokenClock.watch(expiresIn * 1000);
    else if (token.expires > 0) this.tokenClock.watch(token.expires * 1000 - Date.now());
  }

  private onOver(session: Session, reason: ByeReason | null): void {
    if (this.session !== session) return;
    this.forget();
    if (reason === null) return this.setStatus(ConnectionStatus.Failed, ConnectionReason.HeartbeatTimeout);
    this.emit("bye", reason);
    this.setStatus(ConnectionStatus.Disconnected, ConnectionReason.Left);
  }

  private forget(): void {
    this.session = null;
    this.tokenClock.stop();
    this.remote.reset();
    globalThis.removeEventListener?.("pagehide", this.onPageHide);
  }

  private readonly onPageHide = (event: Event) => {
    // A page that is kept may come back.
    if (!(event as PageTransitionEvent).persisted) this.session?.abandon();
  };

  private setStatus(status: ConnectionStatus, reason: ConnectionReason): void {
    if (this.currentStatus === status) return;
    this.currentStatus = status;
    this.emit("statusChanged", status, reason);
  }

  private volumesOf({ localLevel, remoteLevels }: PathStats): Volume[] {
    const local = this.muted || !this.audioTrack ? 0 : volumeOf(localLevel);
    const volumes: Volume[] = [{ userId: "", volume: local }];
    for (const [trackId, level] of remoteLevels) {
      const userId = this.remote.ownerOfTrack(trackId);
      if (userId) volumes.push({ userId, volume: volumeOf(level) });
    }
    return volumes;
  }
}

function readToken(raw: string): ChannelToken {
  try {
    return decodeToken(raw);
  } catch (error) {
    throw new SignalingError("InvalidToken", error instanceof Error ? error.message : String(error));
  }
}
