import assert from "node:assert/strict";
import { mock, test } from "node:test";
import {
  AICallAgentAutoSpeechContent,
  AICallAgentAutoSpeechLlmPending,
  AICallAgentAutoSpeechUserIdle,
  AICallAgentBackChanneling,
  AICallAgentConfig,
  AICallAgentError,
  AICallAgentShareConfig,
  AICallAgentType,
  AICallAgentVcrResult,
  AICallChatSyncConfig,
  AICallErrorCode,
  AICallTemplateConfig,
  AICallTurnDetectionMode,
  type JSONObject,
} from "../src";

/** As the start request of the contract has it (client-sdk §1.4). */
const UNTOUCHED: JSONObject = {
  EnablePushToTalk: false,
  GracefulShutdown: false,
  EnableIntelligentSegment: true,
  MaxIdleTime: 600,
  UserOnlineTimeout: 60,
  UserOfflineTimeout: 5,
  Volume: 100,
  AsrConfig: { VadLevel: 11 },
  LlmConfig: { LlmCompleteReply: false, HistorySyncWithTTS: false },
  InterruptConfig: { EnableVoiceInterrupt: true },
  TurnDetectionConfig: { Mode: "Semantic" },
};

const EVERYTHING: JSONObject = {
  Greeting: "G",
  WakeUpQuery: "W",
  MaxIdleTime: 1,
  UserOnlineTimeout: 2,
  UserOfflineTimeout: 3,
  EnablePushToTalk: true,
  GracefulShutdown: true,
  EnableIntelligentSegment: false,
  Volume: 5,
  WorkflowOverrideParams: '{"a":1}',
  PreConnectAudioUrl: "p",
  ExperimentalConfig: '{"e":1}',
  AsrConfig: { AsrLanguageId: "en", AsrMaxSilence: 300, AsrHotWords: ["x"], VadLevel: 3, VadDuration: 300, CustomParams: "a=b" },
  TtsConfig: {
    VoiceId: "v",
    PronunciationRules: [{ Word: "a", Pronunciation: "b", Type: "replacement" }],
    SpeechRate: 1.5,
    LanguageId: "l",
    Emotion: "e",
  },
  LlmConfig: {
    LlmHistoryLimit: 3,
    LlmSystemPrompt: "s",
    BailianAppParams: '{"b":1}',
    LlmCompleteReply: true,
    OpenAIExtraQuery: "q=1",
    OutputMinLength: 3,
    OutputMaxDelay: 2000,
    HistorySyncWithTTS: true,
  },
  AvatarConfig: { AvatarId: "av" },
  InterruptConfig: { EnableVoiceInterrupt: false, InterruptWords: ["stop"], NoInterruptMode: "cache" },
  VoiceprintConfig: { VoiceprintId: "vp", UseVoiceprint: true },
  TurnDetectionConfig: { TurnEndWords: ["done"], Mode: "Normal", SemanticWaitDuration: 100, Eagerness: "High" },
  VcrConfig: {
    StillFrameMotion: { Enabled: true, CallbackDelay: 1000 },
    InvalidFrameMotion: { Enabled: false, CallbackDelay: 3000 },
    PeopleCount: { Enabled: true },
    Equipment: { Enabled: true },
    HeadMotion: { Enabled: true },
    LookAway: { Enabled: true },
  },
  AmbientSoundConfig: { ResourceId: "r", Volume: 50 },
  BackChannelingConfig: [{ Enable: true, TriggerStage: "pause_detected", Probability: 0.3, Words: [{ Text: "mm", Probability: 1 }] }],
  AutoSpeechConfig: {
    LlmPending: { WaitTime: 2000, Messages: [{ Text: "hold", Probability: 1 }] },
    UserIdle: { WaitTime: 6000, MaxRepeats: 2, Messages: [{ Text: "there?", Probability: 1 }] },
  },
};

function read(json: JSONObject): AICallAgentConfig {
  const config = new AICallAgentConfig();
  config.fromJSON(json);
  return config;
}

test("an untouched configuration is the contract's", () => {
  assert.deepEqual(new AICallAgentConfig().toJSON(), UNTOUCHED);
});

test("every field comes back as it went", () => {
  assert.deepEqual(read(EVERYTHING).toJSON(), EVERYTHING);
  assert.deepEqual(read(JSON.parse(JSON.stringify(read(EVERYTHING))) as JSONObject).toJSON(), EVERYTHING);
});

test("fields of the wrong type are ignored", () => {
  const wrong = { Volume: "x", AsrConfig: "no", TtsConfig: { VoiceId: 5 }, Greeting: 1, BackChannelingConfig: {}, VcrConfig: [1], ExperimentalConfig: "[" };
  assert.deepEqual(read(wrong).toJSON(), UNTOUCHED);
});

test("objects are read where texts that hold objects are meant", () => {
  assert.deepEqual(read({ WorkflowOverrideParams: { a: 1 } }).workflowOverrideParams, { a: 1 });
});

test("negative numbers mean nothing, and parts without their key are left out", () => {
  const config = new AICallAgentConfig();
  config.volume = -1;
  config.asrConfig.vadLevel = -1;
  config.voiceprintConfig.useVoiceprint = true;
  config.ambientConfig.volume = 30;
  config.backChannelingConfig = [];
  const { Volume: _, AsrConfig: __, ...rest } = UNTOUCHED;
  assert.deepEqual(config.toJSON(), rest);
});

test("continuous speech that interrupts is sent within its range only, with a warning outside", () => {
  const config = new AICallAgentConfig();
  const warn = mock.method(console, "warn", () => undefined);
  for (const [ms, sent] of [[0, undefined], [100, undefined], [200, 200], [2000, 2000], [2001, undefined]] as const) {
    config.asrConfig.vadDuration = ms;
    assert.equal(config.asrConfig.toJSON()["VadDuration"], sent);
  }
  assert.equal(warn.mock.callCount(), 2);
  warn.mock.restore();
});

test("parts that an application makes itself have the contract's defaults", () => {
  const config = new AICallAgentConfig();
  config.autoSpeechConfig.llmPending = new AICallAgentAutoSpeechLlmPending();
  config.autoSpeechConfig.userIdle = new AICallAgentAutoSpeechUserIdle();
  const word = new AICallAgentAutoSpeechContent();
  [word.text, word.probability] = ["mm", 0.4];
  const backChannel = new AICallAgentBackChanneling();
  [backChannel.enable, backChannel.words] = [true, [word]];
  config.backChannelingConfig = [backChannel];
  config.turnDetectionConfig.mode = AICallTurnDetectionMode.Normal;
  const { AutoSpeechConfig, BackChannelingConfig, TurnDetectionConfig } = config.toJSON();
  assert.deepEqual(AutoSpeechConfig, { LlmPending: { WaitTime: 3000, Messages: [] }, UserIdle: { WaitTime: 10000, MaxRepeats: 5, Messages: [] } });
  assert.deepEqual(BackChannelingConfig, [{ Enable: true, TriggerStage: "pause_detected", Probability: 0.5, Words: [{ Text: "mm", Probability: 0.4 }] }]);
  assert.deepEqual(TurnDetectionConfig, { Mode: "Normal" });
});

test("a template is flat, under the name of its workflow", () => {
  const untouched = { EnableVoiceInterrupt: true, EnablePushToTalk: false, EnableIntelligentSegment: true, GracefulShutdown: false, VadLevel: 11, Volume: 100 };
  assert.deepEqual(JSON.parse(new AICallTemplateConfig().getJsonString(AICallAgentType.VisionAgent)), { VisionChat: untouched });
  const flat = {
    ...untouched,
    Greeting: "g",
    WorkflowOverrideParams: '{"w":1}',
    BailianAppParams: '{"a":1}',
    AsrMaxSilence: 500,
    VoiceId: "v",
    AvatarId: "k",
    AsrLanguageId: "l",
    WakeUpQuery: "w",
    LlmSystemPrompt: "s",
    LlmHistoryLimit: 3,
    InterruptWords: ["i"],
    AsrHotWords: ["h"],
    MaxIdleTime: 9,
    VcrConfig: { LookAway: { Enabled: true } },
  };
  const template = AICallTemplateConfig.fromJsonString(AICallAgentType.VoiceAgent, JSON.stringify({ VoiceChat: { ...flat, AvatarUrl: "u" } }));
  assert.equal(template.avatarUrl, "u");
  assert.deepEqual(JSON.parse(template.getJsonString(AICallAgentType.AvatarAgent)), { AvatarChat3D: flat });
  assert.deepEqual([0, 1, 2, 3].map(AICallTemplateConfig.getTemplateConfigKey), ["VoiceChat", "AvatarChat3D", "VisionChat", "VideoChat"]);
  assert.equal(AICallTemplateConfig.fromJsonString(0, "nonsense").volume, 100);
});

test("a share token is read, and anything else is refused in one way", () => {
  const share = {
    TemporaryAIAgentId: "t",
    WorkflowType: "VisionChat",
    ExpireTime: "2026-01-02 03:04:05",
    TemplateConfig: "{}",
    Region: "r",
    UserData: "ü",
    Name: "n",
  };
  const token = encodeURIComponent(Buffer.from(JSON.stringify(share)).toString("base64"));
  const expected = new AICallAgentShareConfig("t", AICallAgentType.VisionAgent, new Date(Date.UTC(2026, 0, 2, 3, 4, 5)), "{}", "r", "ü");
  assert.deepEqual(AICallAgentShareConfig.fromToken(token), expected);
  for (const bad of ["", "%%%", "abc", btoa("[1]")]) {
    assert.throws(() => AICallAgentShareConfig.fromToken(bad), (error: AICallAgentError) => error.code === AICallErrorCode.InvalidParames);
  }
});

test("small things are as applications know them", () => {
  assert.deepEqual([new AICallAgentError("x").code, new AICallAgentError("x", 0).code, new AICallAgentError("x", -2).code], [-40000, -40000, -2]);
  assert.equal(new AICallChatSyncConfig("s", "a", "r").getConfigString(), '{"IMAIAgentId":"a","ReceiverId":"r"}');
  const result = new AICallAgentVcrResult({ stillFrameMotion: { duration: 5 }, peopleCount: { count: 2 }, lookAway: 3 });
  assert.deepEqual([result.stillFrameMotion, result.peopleCount, result.lookAway, result.equipment], [{ duration: 5 }, { count: 2 }, undefined, undefined]);
});
