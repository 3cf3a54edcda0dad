// The commands that are one message each (client-sdk §4.4). Each returns whether it was handed to the data channel.

import EventEmitter from "eventemitter3";
import { AICallMessageType } from "./enums";
import type { AICallEngineEvents } from "./events";
import type { JSONObject } from "./fields";
import { defaultVisionCustomCaptureRequest, type AICallSendTextToAgentRequest, type AICallVisionCustomCaptureRequest } from "./types";
import type { AICallAgentVcrConfig } from "./vcr";

export abstract class AgentCommands extends EventEmitter<AICallEngineEvents> {
  /** Whether the camera is part of such a call. */
  abstract get hasLocalVideo(): boolean;

  protected abstract get connected(): boolean;
  protected abstract send(type: AICallMessageType, data?: JSONObject): boolean;

  async stopAgent(): Promise<boolean> {
    return this.send(AICallMessageType.StopAgent);
  }

  async interruptSpeaking(): Promise<boolean> {
    return this.send(AICallMessageType.InterruptSpeaking);
  }

  async enableVoiceInterrupt(enable: boolean): Promise<boolean> {
    return this.send(AICallMessageType.EnableVoiceInterrupt, { enable });
  }

  async switchVoiceId(voiceId: string): Promise<boolean> {
    return this.send(AICallMessageType.SwitchVoiceId, { voiceId });
  }

  sendTextToAgent(req: AICallSendTextToAgentRequest | string): boolean {
    const text = typeof req === "string" ? req : req?.text;
    return text ? this.send(AICallMessageType.SendTextToAgent, { text, enableInterrupt: 1 }) : false;
  }

  /** Answered by `agentStateChanged`. */
  queryCurrentAgentState(): boolean {
    return this.send(AICallMessageType.QueryAgentState);
  }

  sendCustomMessageToServer(message: string): boolean {
    return this.send(AICallMessageType.SendCustomMessageToServer, { message });
  }

  updateLlmSystemPrompt(prompt: string): boolean {
    return prompt ? this.send(AICallMessageType.UpdateLlmSystemPrompt, { prompt }) : false;
  }

  updateVcrConfig(vcrConfig: AICallAgentVcrConfig): boolean {
    return this.send(AICallMessageType.UpdateVcrConfig, vcrConfig.toJSON());
  }

  updateBailianAppParams(params: JSONObject): boolean {
    return this.send(AICallMessageType.UpdateBailianAppParams, { params: JSON.stringify(params) });
  }

  /** ms */
  updateAsrMaxSilence(duration: number): boolean {
    return this.send(AICallMessageType.UpdateAsrMaxSilence, { asrMaxSilence: duration });
  }

  updateTtsSpeechRate(rate: number): boolean {
    return this.send(AICallMessageType.UpdateTtsSpeechRate, { speechRate: rate });
  }

  enableVoiceprint(enable: boolean): boolean {
    return this.send(AICallMessageType.UseVoiceprint, { enable });
  }

  startVisionCustomCapture(req: AICallVisionCustomCaptureRequest): boolean | undefined {
    if (!this.connected || !this.hasLocalVideo) return undefined;
    const { text, isSingle, eachDuration, num, duration, userData } = { ...defaultVisionCustomCaptureRequest, ...req };
    const mode = isSingle ? "single" : "continuous";
    return this.send(AICallMessageType.StartVisionCustomCapture, { text, mode, eachDuration, num, duration, userData: userData || "{}" });
  }

  stopVisionCustomCapture(): boolean | undefined {
    if (!this.connected || !this.hasLocalVideo) return undefined;
    return this.send(AICallMessageType.StopVisionCustomCapture);
  }
}
