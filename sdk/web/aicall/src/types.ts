// The types that applications hand to the engine and get from it (client-sdk §1.3).

import type { LatencyGroups } from "../../core/src";
import type { AICallAgentConfig } from "./agent-config";
import type { AICallAgentType, AICallMessageType } from "./enums";
import type { JSONObject } from "./fields";
import type { AICallTemplateConfig } from "./template-config";

/** A call that an app server has started. */
export type AICallAgentInfo = {
  agentType?: AICallAgentType;
  instanceId: string;
  channelId: string;
  /** The agent's own id in the channel. */
  userId: string;
  /** The user's join token. */
  rtcToken: string;
  reqId?: string;
};

/** The same, as app servers spell it. */
export type AICallAgentInfoResp = {
  ai_agent_instance_id: string;
  ai_agent_user_id: string;
  rtc_auth_token: string;
  channel_id: string;
  request_id: string;
};

/** The same, as the OpenAPI spells it. */
export type AICallAgentInfoAPIResp = {
  AIAgentUserId: string;
  ChannelId: string;
  InstanceId: string;
  RequestId: string;
  Token: string;
};

/** A call that the client itself starts. */
export type AICallConfig = {
  agentId: string;
  agentType: AICallAgentType;
  agentUserId?: string;
  region: string;
  userId: string;
  userJoinToken: string;
  userData?: string;
  /** @deprecated Use agentConfig. */
  templateConfig?: AICallTemplateConfig;
  agentConfig?: AICallAgentConfig;
  chatSyncConfig?: AICallChatSyncConfig;
};

export type AICallCameraConfig = {
  width?: number;
  height?: number;
  frameRate?: number;
  /** kbit/s */
  bitrate?: number;
  deviceId?: string;
};

export type AICallPushToTalkConfig = {
  /** Stop capture between presses instead of muting it. */
  closeMicrophoneOnRelease?: boolean;
  /** Keep sending video between presses. */
  pushVideoOnRelease?: boolean;
};

export type AICallEngineConfig = {
  muteMicrophone?: boolean;
  muteCamera?: boolean;
  /** @deprecated Use the agent's configuration. */
  enablePushToTalk?: boolean;
  /** A video element or its id. */
  previewElement?: string | HTMLVideoElement | undefined;
  agentElement?: string | HTMLVideoElement | undefined;
  cameraConfig?: AICallCameraConfig;
  pushToTalkConfig?: AICallPushToTalkConfig;
  /** Sent in place of the camera. */
  customCameraTrack?: MediaStreamTrack;
  rtcEngineConfig?: {
    /** Accepted, of no effect here: `environment` to `enableSoft3ACheck`. */
    environment?: "PRE" | "PROD";
    useAudioPlugin?: boolean;
    dumpAudioData?: boolean;
    useAIAEC?: boolean;
    enableSoft3ACheck?: boolean;
    /** The browser's audio processing; each is on unless switched off. */
    useSysEchoCancellation?: boolean;
    useSysNoiseSuppression?: boolean;
    useSysAutoGainControl?: boolean;
    /** "motion", "detail" or "text". */
    cameraContentHint?: string;
  };
  /** @deprecated Use the agent's configuration. */
  templateConfig?: AICallTemplateConfig;
  /** Ours: the app server that `generateShareAgentCall` asks; by default the page's own origin. */
  appServer?: string;
};

export interface AICallSubtitleData {
  text: string;
  sentenceId: number;
  end: boolean;
}

export interface AICallMessageSendData {
  type: AICallMessageType;
  data?: JSONObject;
  senderId?: string;
  receiverId?: string;
}

export interface AICallMessageReceiveData {
  type: AICallMessageType;
  data: JSONObject;
  seqId: number;
  senderId?: string;
  receiverId?: string;
}

export interface AICallVisionCustomCaptureRequest {
  text?: string;
  /** One round instead of many. */
  isSingle?: boolean;
  /** Seconds of a round. */
  eachDuration?: number;
  /** Pictures in a round. */
  num?: number;
  /** Seconds in all. */
  duration?: number;
  userData?: string;
}

export const defaultVisionCustomCaptureRequest = { text: "", isSingle: false, eachDuration: 5, num: 2, duration: 100, userData: "" };

export class AICallSendTextToAgentRequest {
  constructor(public text: string) {}
}

export class AICallChatSyncConfig {
  constructor(
    readonly sessionId: string,
    readonly agentId: string,
    readonly receiverId: string,
  ) {}

  /** Without the session, which travels beside it. */
  getConfigString(): string {
    return JSON.stringify({ IMAIAgentId: this.agentId, ReceiverId: this.receiverId });
  }
}

/** Milliseconds. */
export type LatencyStat = {
  AIAgent: {
    aiasrcost?: number;
    aillmcost?: number;
    aittscost?: number;
    aimutecost?: number;
    aiagenttotalcost?: number;
    aiagentextraavatarcost?: number;
  };
  AIPub: LatencyGroups["AIPub"] & Record<string, number | undefined>;
  AISub: Record<string, number | undefined>;
};

/** Any spelling of a started call, with the engine's own keys filled in. */
export function readAgentInfo(info: object): AICallAgentInfo {
  const any = info as Record<string, unknown>;
  const pick = (...keys: string[]): string => {
    const found = keys.map((key) => any[key]).find((value) => typeof value === "string" && value !== "");
    return (found as string | undefined) ?? "";
  };
  const reqId = pick("reqId", "request_id", "RequestId");
  return {
    ...any,
    instanceId: pick("instanceId", "ai_agent_instance_id", "InstanceId"),
    userId: pick("userId", "ai_agent_user_id", "AIAgentUserId"),
    rtcToken: pick("rtcToken", "rtc_auth_token", "Token"),
    channelId: pick("channelId", "channel_id", "ChannelId"),
    ...(reqId ? { reqId } : {}),
  };
}
