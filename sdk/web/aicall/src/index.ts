export { ARTCAICallEngine as default, ARTCAICallEngine } from "./engine";
export * from "./agent-config";
export * from "./auto-speech";
export * from "./chat";
export * from "./enums";
export { AICallAgentError } from "./error";
export type { AICallEngineEvents } from "./events";
export type { JSONObject, JSONPrimitive } from "./fields";
export { AICallAgentShareConfig } from "./share";
export { AICallTemplateConfig } from "./template-config";
export {
  AICallChatSyncConfig,
  AICallSendTextToAgentRequest,
  defaultVisionCustomCaptureRequest,
  type AICallAgentInfo,
  type AICallAgentInfoAPIResp,
  type AICallAgentInfoResp,
  type AICallCameraConfig,
  type AICallConfig,
  type AICallEngineConfig,
  type AICallMessageReceiveData,
  type AICallMessageSendData,
  type AICallPushToTalkConfig,
  type AICallSubtitleData,
  type AICallVisionCustomCaptureRequest,
  type LatencyStat,
} from "./types";
export { AICallAgentVcrConfig, AICallAgentVcrResult } from "./vcr";

// What the typings of the vendor's RTC SDK add to every program that uses AICallKit, and such programs rely on.
declare global {
  interface Window {
    webkitAudioContext: any;
    WeixinJSBridge: any;
  }
}
