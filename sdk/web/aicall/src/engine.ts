// AICallKit's engine on Ringline's RTC core: the same class, methods, events and orders of events (client-sdk §1.5 to §1.9).
//
// Better where the original is weak and nobody can depend on the weakness: a failed join may be tried again, the token is
// renewed unless the app does it, lost devices come back, and a call survives a change of network.

import { ConnectionStatus, DeviceError, RtcClient, SignalingError, checkSupport, listDevices } from "../../core/src";
import type { AgentReply, AgentRequest, Member, Support, View } from "../../core/src";
import { DeviceCommands } from "./device-commands";
import { CallDevices } from "./devices";
import { AICallAgentState, AICallAgentType, AICallErrorCode, AICallMessageType, AICallState } from "./enums";
import { AICallAgentError } from "./error";
import { eventsOf, type EngineEvent } from "./events";
import { isObject, parseObject, type JSONObject } from "./fields";
import { AgentPresence } from "./presence";
import { TokenRenewal } from "./renewal";
import { AICallAgentShareConfig, startErrorCode, startSharedCall } from "./share";
import { startRequest, startedAgent } from "./start-request";
import { readAgentInfo } from "./types";
import type { AICallAgentInfo, AICallAgentInfoAPIResp, AICallAgentInfoResp, AICallConfig, AICallEngineConfig } from "./types";

const BYES: Record<number, [AICallErrorCode, string]> = {
  1: [AICallErrorCode.KickedBySystem, "The server ended this user's stay."],
  2: [AICallErrorCode.KickedByChannelTerminated, "The channel was ended."],
  3: [AICallErrorCode.KickedByUserReplace, "The same user joined from elsewhere."],
};

export class ARTCAICallEngine extends DeviceCommands {
  private state = AICallState.None;
  private presence: AgentPresence | undefined;
  private initializing: Promise<void> | undefined;
  /** The type of agent that the devices were opened for. */
  private openedFor: AICallAgentType | undefined;
  private agentType: AICallAgentType | undefined;
  private user: string | undefined;
  private info: AICallAgentInfo | undefined;
  private currentState = AICallAgentState.Listening;
  private channelReady = false;
  /** Goes on from call to call. */
  private seqId = 0;
  private readonly renewal = new TokenRenewal({
    request: () => void this.send(AICallMessageType.RequestRTCToken, { userId: this.user ?? "" }),
    apply: (token) => this.applyToken(token),
  });

  constructor(config?: AICallEngineConfig) {
    super();
    if (config) this.config = config;
  }

  /** Whether this browser can hold a call; `detail` says what is missing. */
  static async isSupported(direction?: "sendrecv" | "recvonly" | "sendonly"): Promise<Support> {
    return checkSupport(direction === "recvonly");
  }

  static getMicrophoneList(): Promise<MediaDeviceInfo[]> {
    return listDevices("audio");
  }

  static getCameraList(): Promise<MediaDeviceInfo[]> {
    return listDevices("video");
  }

  static parseShareAgentCall(shareConfigToken: string): AICallAgentShareConfig {
    return AICallAgentShareConfig.fromToken(shareConfigToken);
  }

  get userId(): string | undefined {
    return this.user;
  }

  get agentInfo(): AICallAgentInfo | undefined {
    return this.info;
  }

  get agentState(): AICallAgentState {
    return this.currentState;
  }

  /** Whether the camera is part of such a call. */
  get hasLocalVideo(): boolean {
    return this.agentType === AICallAgentType.VisionAgent || this.agentType === AICallAgentType.VideoAgent;
  }

  /** Whether the agent has a picture in such a call. */
  get hasAgentVideo(): boolean {
    return this.agentType === AICallAgentType.AvatarAgent || this.agentType === AICallAgentType.VideoAgent;
  }

  /** The RTC client underneath, from `init` to `destroy`. */
  get getRTCInstance(): RtcClient | undefined {
    return this.rtc;
  }

  /**
   * Opens microphone and, if the agent has eyes, camera. Asking an app server for the call may go on meanwhile.
   * Throws `LocalDeviceException` when a device can't be had; may be called again.
   */
  init(agentType: AICallAgentType, config?: AICallEngineConfig): Promise<void> {
    const before = this.initializing;
    this.agentType = agentType;
    this.initializing = (async () => {
      await before?.catch(() => undefined);
      await this.open(agentType, config);
    })().finally(() => {
      this.initializing = undefined;
    });
    return this.initializing;
  }

  /** Joins a call that an app server has started. Does nothing while one is under way. */
  async call(
    userId: string,
    agentInfo: AICallAgentInfo | AICallAgentInfoResp | AICallAgentInfoAPIResp,
    agentTypeOrConfig?: AICallAgentType | AICallEngineConfig,
    config?: AICallEngineConfig,
  ): Promise<void> {
    const info = readAgentInfo(agentInfo ?? {});
    const given = typeof agentTypeOrConfig === "number" ? agentTypeOrConfig : undefined;
    const agentType = given ?? info.agentType ?? this.agentType;
    if (agentType === undefined) throw new AICallAgentError("The agent's type is not known.", AICallErrorCode.InvalidParames);
    if (!info.rtcToken) throw new AICallAgentError("The agent info has no join token.", AICallErrorCode.InvalidParames);
    const engineConfig = typeof agentTypeOrConfig === "object" ? agentTypeOrConfig : config;
    this.configure(engineConfig);
    const pushToTalk = this.config.templateConfig?.enablePushToTalk ?? this.config.enablePushToTalk ?? false;
    await this.enter(userId, agentType, pushToTalk, async (rtc) => {
      this.info = { ...info, agentType };
      await this.join(rtc, info.rtcToken);
    });
  }

  /** Joins, and asks for the agent in the join. A refusal is `errorOccurred`; the call may be tried again. */
  async callWithConfig(config: AICallConfig): Promise<void> {
    if (!config?.agentId || !config.userJoinToken || config.agentType === undefined) {
      throw new AICallAgentError("agentId, agentType and userJoinToken are needed.", AICallErrorCode.InvalidParames);
    }
    const pushToTalk = config.agentConfig?.enablePushToTalk ?? config.templateConfig?.enablePushToTalk ?? false;
    await this.enter(config.userId, config.agentType, pushToTalk, async (rtc) => {
      const off = rtc.on("agentReplied", (reply) => this.agentReplied(reply, config));
      try {
        await this.join(rtc, config.userJoinToken, startRequest(config));
      } catch (error) {
        // The app has been told.
        if (!(error instanceof SignalingError) || !error.agentReply) throw error;
        this.state = AICallState.Error;
      } finally {
        off();
      }
    });
  }

  /** Where the agent's picture is shown; without an argument nowhere. */
  setAgentView(view?: View): void {
    this.config = { ...this.config, agentElement: view };
    this.presence?.show(view);
  }

  /** Hangs up on this side; `stopAgent` first also sends the agent away. */
  async handup(): Promise<void> {
    this.emit("callEnd");
    await this.destroy();
  }

  /** Leaves, closes the devices and forgets the call. The engine can be used again; listeners stay. */
  async destroy(): Promise<void> {
    const { rtc } = this;
    this.state = AICallState.Over;
    this.renewal.stop();
    this.devices?.close();
    this.devices = undefined;
    this.rtc = undefined;
    this.user = undefined;
    this.info = undefined;
    this.agentType = undefined;
    this.presence = undefined;
    this.channelReady = false;
    this.openedFor = undefined;
    this.config = {};
    await rtc?.destroy();
  }

  /** Goes on with a renewed token. */
  async updateToken(token: string): Promise<void> {
    if (!this.connected) return;
    this.renewal.appActed();
    this.applyToken(token);
  }

  /** Answered by `newRTCToken`. */
  async requestRTCToken(): Promise<boolean> {
    this.renewal.appActed();
    return this.send(AICallMessageType.RequestRTCToken, { userId: this.user ?? "" });
  }

  /**
   * Asks `config.appServer` (or the page's own origin) for a call of a shared agent; `call` joins it. It gives an
   * `AICallAgentInfo`; the type is the contract's, which applications rely on.
   */
  async generateShareAgentCall(shareConfig: AICallAgentShareConfig, userId: string): Promise<any> {
    return startSharedCall(this.config.appServer ?? location.origin, shareConfig, userId);
  }

  protected get connected(): boolean {
    return this.state === AICallState.Connected;
  }

  protected send(type: AICallMessageType, data?: JSONObject): boolean {
    if (!this.connected || !this.channelReady || !this.rtc) return false;
    const envelope = { type, ...(data ? { data } : {}), seqId: this.seqId + 1, senderId: this.user ?? "", receiverId: this.info?.userId ?? "" };
    if (!this.rtc.send(JSON.stringify(envelope))) return false;
    this.seqId += 1;
    return true;
  }

  private configure(config: AICallEngineConfig | undefined): void {
    if (!config) return;
    this.config = { ...this.config, ...config };
    if ("agentElement" in config) this.presence?.show(config.agentElement);
    if ("previewElement" in config) this.devices?.setPreview(config.previewElement);
  }

  private async open(agentType: AICallAgentType, config: AICallEngineConfig | undefined): Promise<void> {
    this.configure(config);
    this.agentType = agentType;
    if (this.openedFor === agentType) return;
    this.openedFor = undefined;
    this.devices?.close();
    await this.rtc?.destroy();
    const rtc = new RtcClient();
    const devices = new CallDevices(rtc, this.config, this.pushToTalk, this.hasLocalVideo);
    const presence = new AgentPresence(rtc, this.hasAgentVideo, () => this.info?.userId, (userId, element) => {
      this.emit("audioSubscribed", userId, element);
      this.emit("callBegin");
    });
    presence.show(this.config.agentElement);
    this.rtc = rtc;
    this.devices = devices;
    this.presence = presence;
    this.listen(rtc, presence);
    try {
      await devices.open();
      if (this.rtc === rtc) this.openedFor = agentType;
    } catch (error) {
      if (this.rtc !== rtc) return;
      this.state = AICallState.Error;
      throw error instanceof DeviceError ? new AICallAgentError(error.message, AICallErrorCode.LocalDeviceException) : error;
    }
  }

  /** One way into a call. Whatever fails leaves the engine ready for another try. */
  private async enter(userId: string, agentType: AICallAgentType, pushToTalk: boolean, join: (rtc: RtcClient) => Promise<void>): Promise<void> {
    if (this.state === AICallState.Connecting || this.state === AICallState.Connected) return;
    this.state = AICallState.Connecting;
    let rtc: RtcClient | undefined;
    try {
      this.pushToTalk.begin(pushToTalk);
      await this.initializing;
      await this.init(agentType);
      rtc = this.rtc;
      // Hung up meanwhile.
      if (!rtc) return;
      this.user = userId;
      this.presence?.reset();
      await this.devices?.apply();
      await join(rtc);
    } catch (error) {
      if (this.rtc !== rtc && rtc) return;
      this.state = AICallState.Error;
      throw error;
    }
  }

  private async join(rtc: RtcClient, token: string, agent?: AgentRequest): Promise<void> {
    const video = { send: this.hasLocalVideo, receive: this.hasAgentVideo };
    this.channelReady = false;
    const { agentUserId } = await rtc.join(token, agent ? { video, agent } : { video });
    if (this.rtc !== rtc) return;
    if (this.info && !this.info.userId) this.info = { ...this.info, userId: agentUserId };
    this.state = AICallState.Connected;
  }

  private listen(rtc: RtcClient, presence: AgentPresence): void {
    rtc.on("statusChanged", (status, reason) => {
      if (status === ConnectionStatus.Failed && this.connected) this.state = AICallState.Error;
      this.emit("connectionStatusChange", status, reason);
    });
    rtc.on("memberOnline", () => presence.arrange());
    rtc.on("memberChanged", () => presence.arrange());
    rtc.on("memberOffline", (member) => this.memberOffline(member));
    rtc.on("audioSubscribed", (userId) => presence.audioSubscribed(userId));
    rtc.on("channelReady", () => {
      this.channelReady = true;
      presence.channelReady();
      this.emit("agentDataChannelAvailable");
    });
    rtc.on("message", (_senderId, text) => this.receive(text));
    rtc.on("latency", (groups) => this.emit("latencyStats", groups));
    rtc.on("volumes", (volumes) => {
      for (const { userId, volume } of volumes) this.emit("speakingVolumeChanged", userId, volume);
    });
    rtc.on("tokenWillExpire", (lastsMs) => {
      this.renewal.willExpire(lastsMs);
      this.emit("authInfoWillExpire");
    });
    rtc.on("tokenExpired", () => this.emit("authInfoExpired"));
    rtc.on("bye", (reason) => this.bye(reason));
    rtc.on("deviceLost", (kind) => void this.devices?.recover(kind));
    rtc.on("playbackBlocked", () => this.emit("autoPlayFailed"));
  }

  private agentReplied(reply: AgentReply, config: AICallConfig): void {
    const info = startedAgent(reply, config);
    if (!info) {
      this.emit("errorOccurred", startErrorCode(reply.code), JSON.stringify(reply));
      return;
    }
    this.info = info;
    this.emit("agentStarted");
  }

  private memberOffline({ userId, role }: Member): void {
    if (userId !== this.info?.userId && role !== "avatar") return;
    this.emit("errorOccurred", AICallErrorCode.AgentLeaveChannel, "The agent has left the channel.");
  }

  private receive(text: string): void {
    const message = parseObject(text);
    const type = message?.["type"];
    if (typeof type !== "number") return;
    const data = isObject(message?.["data"]) ? message["data"] : {};
    for (const event of eventsOf(type, data)) {
      this.follow(event);
      // The event's name and arguments belong together; TypeScript can't see that through a union.
      (this.emit as (name: string, ...args: unknown[]) => boolean).apply(this, event);
      if (event[0] === "newRTCToken") this.renewal.arrived(event[1]);
    }
  }

  /** What the engine itself does about a message, before the app hears of it. */
  private follow(event: EngineEvent): void {
    switch (event[0]) {
      case "agentStateChanged":
        this.currentState = event[1];
        return;
      case "pushToTalkChanged":
        if (this.pushToTalk.confirm(event[1])) void this.devices?.apply();
        return;
      case "humanTakeoverWillStart":
        if (event[2] === 0) this.presence?.silence(event[1]);
        return;
    }
  }

  private bye(reason: number): void {
    this.state = AICallState.Error;
    const known = BYES[reason];
    if (known) this.emit("errorOccurred", ...known);
  }

  private applyToken(token: string): void {
    if (this.info?.rtcToken === token) return;
    this.rtc?.refreshToken(token);
    if (this.info) this.info = { ...this.info, rtcToken: token };
  }
}
