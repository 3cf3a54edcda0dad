// The older, flat configuration; deprecated, but applications still send it (client-sdk §1.4).

import { AICallAgentType } from "./enums";
import { flag, isObject, nested, number, objectAsText, parseObject, readFields, text, texts, writeFields, type Field, type JSONObject } from "./fields";
import { AICallAgentVcrConfig } from "./vcr";

/** Negative numbers mean the server's own value. */
export class AICallTemplateConfig {
  agentGreeting?: string;
  userOnlineTimeout = -1;
  userOfflineTimeout = -1;
  workflowOverrideParams?: JSONObject;
  bailianAppParams?: JSONObject;
  asrMaxSilence = -1;
  volume = 100;
  vadLevel = 11;
  enableVoiceInterrupt = true;
  agentVoiceId?: string;
  /** Read, never sent. */
  avatarUrl?: string;
  enableIntelligentSegment = true;
  agentMaxIdleTime = -1;
  enablePushToTalk = false;
  agentAvatarId?: string;
  agentGracefulShutdown = false;
  asrLanguageId?: string;
  wakeUpQuery?: string;
  llmSystemPrompt?: string;
  llmHistoryLimit = -1;
  interruptWords?: string[];
  asrHotWords?: string[];
  vcrConfig?: AICallAgentVcrConfig;

  /** `{"VoiceChat": {…}}`, or another workflow for another type of agent. */
  getJsonString(agentType: AICallAgentType): string {
    return JSON.stringify({ [AICallTemplateConfig.getTemplateConfigKey(agentType)]: writeFields(this, FIELDS) });
  }

  static getTemplateConfigKey(agentType: AICallAgentType): string {
    return WORKFLOWS[agentType] ?? WORKFLOWS[AICallAgentType.VoiceAgent];
  }

  /** Takes what it can read; the rest keeps its default. */
  static fromJsonString(agentType: AICallAgentType, jsonString: string): AICallTemplateConfig {
    const config = new AICallTemplateConfig();
    const flat = parseObject(jsonString)?.[AICallTemplateConfig.getTemplateConfigKey(agentType)];
    if (isObject(flat)) readFields(config, [...FIELDS, ["AvatarUrl", "avatarUrl", text]], flat);
    return config;
  }
}

/** The type of an agent by the name of its workflow; undefined for others. */
export function agentTypeOf(workflow: unknown): AICallAgentType | undefined {
  const found = Object.entries(WORKFLOWS).find(([, name]) => name === workflow);
  return found ? (Number(found[0]) as AICallAgentType) : undefined;
}

const WORKFLOWS: Record<AICallAgentType, string> = {
  [AICallAgentType.VoiceAgent]: "VoiceChat",
  [AICallAgentType.AvatarAgent]: "AvatarChat3D",
  [AICallAgentType.VisionAgent]: "VisionChat",
  [AICallAgentType.VideoAgent]: "VideoChat",
};

const FIELDS: readonly Field[] = [
  ["EnableVoiceInterrupt", "enableVoiceInterrupt", flag],
  ["EnablePushToTalk", "enablePushToTalk", flag],
  ["EnableIntelligentSegment", "enableIntelligentSegment", flag],
  ["GracefulShutdown", "agentGracefulShutdown", flag],
  ["Greeting", "agentGreeting", text],
  ["UserOnlineTimeout", "userOnlineTimeout", number],
  ["UserOfflineTimeout", "userOfflineTimeout", number],
  ["WorkflowOverrideParams", "workflowOverrideParams", objectAsText],
  ["BailianAppParams", "bailianAppParams", objectAsText],
  ["AsrMaxSilence", "asrMaxSilence", number],
  ["VadLevel", "vadLevel", number],
  ["Volume", "volume", number],
  ["VoiceId", "agentVoiceId", text],
  ["AvatarId", "agentAvatarId", text],
  ["MaxIdleTime", "agentMaxIdleTime", number],
  ["AsrLanguageId", "asrLanguageId", text],
  ["WakeUpQuery", "wakeUpQuery", text],
  ["LlmSystemPrompt", "llmSystemPrompt", text],
  ["LlmHistoryLimit", "llmHistoryLimit", number],
  ["InterruptWords", "interruptWords", texts],
  ["AsrHotWords", "asrHotWords", texts],
  ["VcrConfig", "vcrConfig", nested(() => new AICallAgentVcrConfig())],
];
