// The engine's events, and which of them a message of the data channel is (client-sdk §1.6 and §4.3).

import type {
  AICallAgentState,
  AICallConnectionStatus,
  AICallSpeakingInterruptedReason,
} from "./enums";
import { AICallErrorCode, AICallMessageType, AICallVoiceprintResult } from "./enums";
import { parseObject, type JSONObject } from "./fields";
import type { AICallSubtitleData, LatencyStat } from "./types";
import { AICallAgentVcrResult } from "./vcr";

export interface AICallEngineEvents {
  /** Only with `callWithConfig`: the agent was started, `agentInfo` is there. */
  agentStarted: () => void;
  /** The agent's (or its avatar's) voice flows. Again after a reconnection. */
  audioSubscribed: (userId: string, audioElement?: HTMLAudioElement) => void;
  /** Right after `audioSubscribed`; use `once`. */
  callBegin: () => void;
  /** Messages can be sent. */
  agentDataChannelAvailable: () => void;
  /** In `handup()` only. */
  callEnd: () => void;
  /** @deprecated Use agentStateChanged. */
  agentStateChange: (newState: AICallAgentState) => void;
  agentStateChanged: (newState: AICallAgentState) => void;
  /** The whole sentence so far; replaces the one before with the same id. */
  userSubtitleNotify: (subtitle: AICallSubtitleData, voiceprintResult: AICallVoiceprintResult) => void;
  /** A piece to append. */
  agentSubtitleNotify: (subtitle: AICallSubtitleData) => void;
  agentEmotionNotify: (emotion: string, userAsrSentenceId: number) => void;
  llmReplyCompleted: (text: string, sentenceId: number) => void;
  speakingInterrupted: (reason: AICallSpeakingInterruptedReason) => void;
  voiceInterruptChanged: (enable: boolean) => void;
  voiceIdChanged: (voiceId: string) => void;
  pushToTalkChanged: (enable: boolean) => void;
  visionCustomCaptureChanged: (enable: boolean) => void;
  receivedAgentVcrResult: (result: AICallAgentVcrResult) => void;
  receivedAgentCustomMessage: (data: { [key: string]: string | number | boolean | object | undefined | null }) => void;
  /** Mode 1: the human is heard directly; 0: through the agent's voice. */
  humanTakeoverWillStart: (takeoverUid: string, mode: number) => void;
  humanTakeoverConnected: (takeoverUid: string) => void;
  /** 2001: nobody spoke for long; 2002: a takeover ended; 0: another reason. */
  agentWillLeave: (reason: number, message: string) => void;
  newRTCToken: (token: string) => void;
  /** 30 s before the token expires. The engine renews it unless the app does. */
  authInfoWillExpire: () => void;
  authInfoExpired: () => void;
  /** Every 200 ms; "" is the local user; 0 to 100. */
  speakingVolumeChanged: (userId: string, volume: number) => void;
  connectionStatusChange: (status: AICallConnectionStatus, reason: number) => void;
  /** The browser waits for a click before it plays. */
  autoPlayFailed: () => void;
  /** Once per answer. */
  latencyStats: (stats: LatencyStat) => void;
  errorOccurred: (code: number, msg: string) => void;
}

type Arguments<K extends keyof AICallEngineEvents> = Parameters<AICallEngineEvents[K]>;
export type EngineEvent = { [K in keyof AICallEngineEvents]: [name: K, ...args: Arguments<K>] }[keyof AICallEngineEvents];

/** 1000's codes that applications are told of. */
const AGENT_ERRORS: Record<number, AICallErrorCode> = {
  4001: AICallErrorCode.AvatarRoutesExhausted,
  4004: AICallErrorCode.AgentPullFailed,
  4005: AICallErrorCode.AgentASRFailed,
  4006: AICallErrorCode.AvatarServiceFailed,
};

/** What a message of the server is; nothing for a type that is unknown or of no concern here. Fields default as in native clients. */
export function eventsOf(type: number, data: JSONObject): EngineEvent[] {
  const text = (key: string): string => (typeof data[key] === "string" ? data[key] : "");
  const number = (key: string): number => (typeof data[key] === "number" ? data[key] : 0);
  const flag = (key: string): boolean => data[key] !== false;
  const subtitle = (): AICallSubtitleData => ({ ...data, text: text("text"), sentenceId: number("sentenceId"), end: flag("end") });
  switch (type) {
    case AICallMessageType.AgentErrorOccurs: {
      const code = AGENT_ERRORS[number("code")];
      return code === undefined ? [] : [["errorOccurred", code, text("message")]];
    }
    case AICallMessageType.AgentStateChanged: {
      const state = number("state");
      if (state < 1 || state > 3) return [];
      return [
        ["agentStateChange", state],
        ["agentStateChanged", state],
      ];
    }
    case AICallMessageType.AgentSubtitleNotify:
      return [["agentSubtitleNotify", subtitle()]];
    case AICallMessageType.UserSubtitleNotify:
      return [["userSubtitleNotify", subtitle(), voiceprintResult(data["voiceprint"] ?? 0)]];
    case AICallMessageType.VoiceInterruptChanged:
      return [["voiceInterruptChanged", flag("enable")]];
    case AICallMessageType.VoiceIdChanged:
      return [["voiceIdChanged", text("voiceId")]];
    case AICallMessageType.RTCTokenResponsed: {
      const token = text("token") || text("rtc_auth_token");
      return token ? [["newRTCToken", token]] : [];
    }
    case AICallMessageType.PushToTalkChanged:
      return [["pushToTalkChanged", flag("enable")]];
    case AICallMessageType.AgentWillLeave:
      return [["agentWillLeave", number("reason"), text("message")]];
    case AICallMessageType.CustomMessageReceived: {
      const message = parseObject(data["message"]);
      return message ? [["receivedAgentCustomMessage", message]] : [];
    }
    case AICallMessageType.HumanTakeoverWillStart:
      return [["humanTakeoverWillStart", text("takeoverUid"), number("takeoverMode")]];
    case AICallMessageType.HumanTakeoverConnected:
      return [["humanTakeoverConnected", text("takeoverUid")]];
    case AICallMessageType.AgentEmotionNotify:
      return [["agentEmotionNotify", text("emotion"), number("sentenceId")]];
    case AICallMessageType.VisionCustomCaptureChanged:
      return [["visionCustomCaptureChanged", flag("enable")]];
    case AICallMessageType.SpeakingInterruptedReason: {
      const reason = number("reason");
      return [["speakingInterrupted", reason >= 0 && reason <= 5 ? reason : 0]];
    }
    case AICallMessageType.LLMReplyCompleted:
      return [["llmReplyCompleted", text("text"), number("sentenceId")]];
    case AICallMessageType.VcrResultReceived:
      return [["receivedAgentVcrResult", new AICallAgentVcrResult(data)]];
    default:
      return [];
  }
}

function voiceprintResult(value: unknown): AICallVoiceprintResult {
  return typeof value === "number" && value >= 0 && value <= 5 ? value : AICallVoiceprintResult.Unknown;
}
