// The engine as the official AICallKit package uses it, over Ringline's RTC core.
//
// Contract: the members and events that the package and its demo touch, with the meanings that they rely on; nothing of the
// vendor's other features (screen sharing, live transcoding, recording). What has no meaning here is taken and ignored, and
// says so. Nothing happens when the module is loaded.

import { EventEmitter } from "eventemitter3";
import { RtcClient, SPEECH_CONSTRAINTS, SignalingError, checkSupport, listDevices, type AgentRequest, type Support } from "../../core/src";
import type { AliRtcCapabilityProfile, AliRtcSdkClientRole, AliRtcVideoTrack } from "./constants";
import type { AliRtcEvents, Emit } from "./events";
import { describeMember, passOn } from "./pass-on";
import { AliRtcImageHolderPlugin, type AliRtcDataChannelMsg, type AliRtcRemoteUserInfo } from "./values";

/** A video element, its id, or null: show it nowhere. */
export type AliRtcView = HTMLVideoElement | string | null;

export interface AliRtcChannelParam {
  userName?: string;
  capabilityProfile?: AliRtcCapabilityProfile;
}

export interface AliRtcAIAgentParam {
  agentId: string;
  region: string;
  /** "GenerateAIAgentCall" */
  action: string;
  /** The operation's parameters, as JSON text. */
  params: string;
}

export interface AliRtcCameraConfiguration {
  width?: number;
  height?: number;
  frameRate?: number;
  /** kbit/s */
  bitrate?: number;
  deviceId?: string;
}

export type AliRtcCheckResult = Support;

export class AliRtcEngine extends EventEmitter<AliRtcEvents> {
  private static instance: AliRtcEngine | undefined;
  private readonly client = new RtcClient();
  private wantsVolumes = false;
  /** The call has a camera, or may have one later. */
  private hasCamera = true;

  private constructor() {
    super();
    const emit: Emit = (event, ...args) => void this.emit(event, ...(args as never));
    passOn(this.client, emit, () => this.wantsVolumes);
  }

  /** The page's engine, made anew after `destroy`. */
  static getInstance(_config?: object): AliRtcEngine {
    return (AliRtcEngine.instance ??= new AliRtcEngine());
  }

  static readonly isSupported = async (direction: "sendrecv" | "recvonly" | "sendonly" = "sendrecv"): Promise<AliRtcCheckResult> =>
    checkSupport(direction === "recvonly");

  static readonly getMicrophoneList = (): Promise<MediaDeviceInfo[]> => listDevices("audio");
  static readonly getCameraList = (): Promise<MediaDeviceInfo[]> => listDevices("video");

  /** Leaves, gives the devices back and drops all listeners. */
  async destroy(): Promise<void> {
    if (AliRtcEngine.instance === this) AliRtcEngine.instance = undefined;
    await this.client.destroy();
    this.removeAllListeners();
  }

  // --- The channel

  /** Resolves when audio can flow; rejects with an Error that has a `code` (a text) and says why not. */
  async joinChannel(token: string, _param?: string | AliRtcChannelParam): Promise<void> {
    await this.client.join(token, { video: this.video });
  }

  /**
   * Joins and asks for an agent. What became of that is the event `AIAgentResult`, which comes before anything of the agent's;
   * a refused agent does not reject.
   */
  async joinAIChannel(token: string, _param: AliRtcChannelParam, agent: AliRtcAIAgentParam): Promise<void> {
    const request: AgentRequest = { agentId: agent.agentId, region: agent.region, action: agent.action, params: agent.params };
    const stopListening = this.client.on("agentReplied", (reply) => this.emit("AIAgentResult", 0, agent.action, JSON.stringify(reply)));
    try {
      await this.client.join(token, { agent: request, video: this.video });
    } catch (error) {
      if (!(error instanceof SignalingError) || error.code !== "AgentRefused") throw error;
    } finally {
      stopListening();
    }
  }

  leaveChannel(): Promise<void> {
    return this.client.leave();
  }

  /** Goes on with another token for the same channel and user. */
  async refreshAuthInfo(token: string): Promise<void> {
    this.client.refreshToken(token);
  }

  /** The others; a member with a picture comes first. */
  get remoteUsers(): AliRtcRemoteUserInfo[] {
    return this.client.members.map(describeMember);
  }

  getUserInfo(uid: string): AliRtcRemoteUserInfo | undefined {
    const member = this.client.member(uid);
    return member ? describeMember(member) : undefined;
  }

  /** What cannot be sent is told by `onOccurError`. */
  sendDataChannelMessage(message: AliRtcDataChannelMsg): void {
    if (!this.client.send(new TextDecoder().decode(message.data))) {
      this.emit("onOccurError", new SignalingError("NotSent", "The message was not sent: the data channel is not open, or full."));
    }
  }

  // --- The microphone and the others' voices

  async setAudioConstraints(constraints: MediaTrackConstraints): Promise<void> {
    this.client.setAudioConstraints(constraints);
  }

  /** Rejects with an Error whose `errorCode` is 10000 to 10007. */
  async startAudioCapture(constraints?: MediaTrackConstraints): Promise<void> {
    if (constraints) this.client.setAudioConstraints(constraints);
    await this.client.startMicrophone();
  }

  stopAudioCapture(): void {
    this.client.stopMicrophone();
  }

  switchMicrophone(deviceId: string): Promise<void> {
    return this.client.switchMicrophone(deviceId);
  }

  muteLocalMic(mute = true): void {
    this.client.muteMicrophone(mute);
  }

  /** Whether to hear anybody. */
  muteAllRemoteAudioPlaying(mute = true): void {
    this.client.muteRemoteAudio(mute);
  }

  /** Whether to hear this member, who may come later. */
  subscribeRemoteAudioStream(uid: string, subscribe: boolean): void {
    this.client.muteRemoteAudio(!subscribe, uid);
  }

  /** `audioVolume` every 200 ms, whatever the interval is; 0 ends it. */
  enableAudioVolumeIndication(interval: number): void {
    this.wantsVolumes = interval > 0;
  }

  /** The local microphone's track, or a member's. */
  async getAudioTrack(uid = ""): Promise<MediaStreamTrack | undefined> {
    const local = uid === "" || uid === this.client.userId;
    return (local ? this.client.audioTrack : this.client.member(uid)?.audioTrack) ?? undefined;
  }

  // --- The camera and the views

  async setCameraCapturerContentHint(contentHint: string): Promise<void> {
    this.client.setCameraOptions({ contentHint });
  }

  async setCameraCapturerConfiguration({ bitrate, ...options }: AliRtcCameraConfiguration): Promise<void> {
    this.client.setCameraOptions({ ...options, ...(bitrate ? { bitrate: bitrate * 1000 } : {}) });
  }

  /** Rejects with an Error whose `errorCode` is 10000 to 10007. */
  async enableLocalVideo(enabled = true): Promise<void> {
    if (enabled) await this.client.startCamera();
    else this.client.stopCamera();
  }

  /** Without an id the next camera; with a track of the app's own that one. */
  async switchCamera(deviceId?: string, track?: MediaStreamTrack): Promise<void> {
    if (track) return this.client.startCamera(track);
    const next = deviceId || (await this.nextCamera());
    if (next) await this.client.switchCamera(next);
  }

  /** Whether the picture is sent; the preview goes on without. */
  async publishLocalVideoStream(enabled: boolean): Promise<void> {
    this.client.publishVideo(enabled);
  }

  async setLocalViewConfig(view: AliRtcView, _track: AliRtcVideoTrack): Promise<void> {
    this.client.setLocalView(view);
  }

  setRemoteViewConfig(view: AliRtcView, uid: string, _track: AliRtcVideoTrack): void {
    this.client.setRemoteView(uid, view);
  }

  // --- What the vendor's engine is told of itself

  /** Everybody in a call speaks and listens. */
  async setClientRole(_role: AliRtcSdkClientRole): Promise<void> {}

  /** Of the parameters one counts: asked for its own audio processing, the adapter has the browser do it. */
  setParameter(parameter: string): void {
    if (asksForAudioProcessing(parameter)) this.client.setAudioConstraints(SPEECH_CONSTRAINTS);
  }

  enablePlugin(plugin: unknown): void {
    if (plugin instanceof AliRtcImageHolderPlugin) this.hasCamera = false;
  }

  /** There are no plugins. */
  getPluginByName(_name: string): undefined {
    return undefined;
  }

  private get video() {
    return { send: this.hasCamera, receive: true };
  }

  private async nextCamera(): Promise<string | undefined> {
    const cameras = await listDevices("video");
    const current = this.client.videoTrack?.getSettings().deviceId;
    const at = cameras.findIndex(({ deviceId }) => deviceId === current);
    return cameras.length > 1 ? cameras[(at + 1) % cameras.length]?.deviceId : undefined;
  }
}

function asksForAudioProcessing(parameter: string): boolean {
  try {
    return (JSON.parse(parameter) as { audio?: { enableSoft3A?: unknown } } | null)?.audio?.enableSoft3A === true;
  } catch {
    return false;
  }
}
