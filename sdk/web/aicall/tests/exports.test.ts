import assert from "node:assert/strict";
import { test } from "node:test";
import * as aicall from "../src";

/** What applications import (client-sdk §1.1). */
const VALUES = `AICallAgentConfig AICallAgentAsrConfig AICallAgentTtsConfig AICallAgentLlmConfig AICallAgentAvatarConfig
  AICallAgentInterruptConfig AICallAgentVoiceprintConfig AICallAgentTurnDetectionConfig AICallAgentVcrConfig AICallAgentVcrResult
  AICallAgentAmbientConfig AICallAgentBackChanneling AICallAgentAutoSpeechConfig AICallAgentAutoSpeechContent
  AICallAgentAutoSpeechLlmPending AICallAgentAutoSpeechUserIdle AICallAgentShareConfig AICallAgentError AICallAgentState
  AICallAgentType AICallState AICallErrorCode AICallMessageType AICallConnectionStatus AICallSpeakingInterruptedReason
  AICallVoiceprintResult AICallTurnDetectionMode AICallTemplateConfig AICallChatSyncConfig AICallSendTextToAgentRequest
  defaultVisionCustomCaptureRequest default`.split(/\s+/);

const CHAT_CLASSES = `AIChatAgentInfo AIChatAgentShareConfig AIChatAttachment AIChatAttachmentUploader AIChatAuthToken AIChatEngine
  AIChatError AIChatMessage AIChatTemplateConfig AIChatUserInfo`.split(/\s+/);

const CHAT_ENUMS = `AIChatAgentResponseState AIChatAgentType AIChatAttachmentState AIChatEngineState AIChatMessageDataType
  AIChatMessagePlayState AIChatMessageState AIChatMessageType`.split(/\s+/);

const METHODS = `init call callWithConfig setAgentView setLocalView startPreview stopPreview handup destroy mute switchMicrophone
  muteAgentAudioPlaying muteLocalCamera switchCamera updateToken stopAgent interruptSpeaking enableVoiceInterrupt switchVoiceId
  requestRTCToken updateAsrMaxSilence updateTtsSpeechRate enablePushToTalk startPushToTalk finishPushToTalk cancelPushToTalk
  sendTextToAgent queryCurrentAgentState sendCustomMessageToServer updateLlmSystemPrompt updateVcrConfig startVisionCustomCapture
  updateBailianAppParams enableVoiceprint stopVisionCustomCapture generateShareAgentCall
  on once off addListener removeListener removeAllListeners emit listeners listenerCount eventNames`.split(/\s+/);

const all = aicall as unknown as Record<string, unknown>;

test("every name that an application imports is there", () => {
  for (const name of [...VALUES, ...CHAT_CLASSES, ...CHAT_ENUMS]) assert.ok(all[name] !== undefined, name);
});

test("the engine has every member", () => {
  const Engine = aicall.default;
  const engine = new Engine() as unknown as Record<string, unknown>;
  for (const name of METHODS) assert.equal(typeof engine[name], "function", name);
  for (const name of ["isSupported", "getMicrophoneList", "getCameraList", "parseShareAgentCall"]) {
    assert.equal(typeof (Engine as unknown as Record<string, unknown>)[name], "function", name);
  }
  const { userId, agentInfo, agentState, hasLocalVideo, hasAgentVideo, getRTCInstance } = new Engine();
  assert.deepEqual([userId, agentInfo, agentState, hasLocalVideo, hasAgentVideo, getRTCInstance], [undefined, undefined, 1, false, false, undefined]);
});

test("message chat resolves, and says that it is not offered when it is used", () => {
  for (const name of CHAT_CLASSES) {
    const Chat = all[name] as { new (): unknown; create(): unknown };
    assert.throws(() => new Chat(), new RegExp(`${name} is part of .* not offer`));
    assert.throws(() => Chat.create(), new RegExp(`${name}.create is part of`));
    assert.equal(Chat instanceof Function && ({} as object) instanceof Chat, false);
  }
  assert.equal(aicall.AIChatAgentType.MessageChat, 11);
});
