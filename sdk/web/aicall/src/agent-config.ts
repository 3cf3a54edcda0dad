// An agent's configuration as the client sends it: what the OpenAPI calls AIAgentConfig (client-sdk §1.4).

import { AICallAgentAutoSpeechConfig, AICallAgentBackChanneling } from "./auto-speech";
import { AICallTurnDetectionMode } from "./enums";
import { Configuration, flag, list, nested, number, objectAsText, objects, text, texts, type Field, type JSONObject, type Kind } from "./fields";
import { AICallAgentVcrConfig } from "./vcr";

export class AICallAgentAsrConfig extends Configuration {
  asrLanguageId: string | undefined = undefined;
  /** Silence that ends a sentence, 200 to 1200 ms. */
  asrMaxSilence = -1;
  asrHotWords: string[] | undefined = undefined;
  /** 0 (off) to 11. */
  vadLevel = 11;
  /** Continuous speech that interrupts, 200 to 2000 ms; 0: off. */
  vadDuration = 0;
  /** Like a query: a=1&b=2. */
  customParams?: string;

  protected override get fields(): readonly Field[] {
    return ASR;
  }
}

const vadDuration: Kind = {
  ...number,
  write(value) {
    if (typeof value !== "number" || value === 0) return undefined;
    if (value >= 200 && value <= 2000) return value;
    console.warn(`vadDuration must be 200 to 2000 ms (or 0: off); ${value} is not sent.`);
    return undefined;
  },
};

const ASR: readonly Field[] = [
  ["AsrLanguageId", "asrLanguageId", text],
  ["AsrMaxSilence", "asrMaxSilence", number],
  ["AsrHotWords", "asrHotWords", texts],
  ["VadLevel", "vadLevel", number],
  ["VadDuration", "vadDuration", vadDuration],
  ["CustomParams", "customParams", text],
];

export class AICallAgentTtsConfig extends Configuration {
  agentVoiceId: string | undefined = undefined;
  /** At most 20 of {Word, Pronunciation, Type: "replacement"}. */
  pronunciationRules?: JSONObject[];
  /** 0.5 to 2. */
  speechRate = -1;
  languageId?: string;
  emotion?: string;

  protected override get fields(): readonly Field[] {
    return TTS;
  }
}

const TTS: readonly Field[] = [
  ["VoiceId", "agentVoiceId", text],
  ["PronunciationRules", "pronunciationRules", objects],
  ["SpeechRate", "speechRate", number],
  ["LanguageId", "languageId", text],
  ["Emotion", "emotion", text],
];

export class AICallAgentLlmConfig extends Configuration {
  /** Rounds of history that the model is given. */
  llmHistoryLimit = -1;
  llmSystemPrompt: string | undefined = undefined;
  bailianAppParams: JSONObject | undefined = undefined;
  /** Whether `llmReplyCompleted` comes. */
  llmCompleteReply = false;
  /** Like a query: a=1&b=2. */
  openAIExtraQuery?: string;
  /** Characters, 0 to 100. */
  outputMinLength = -1;
  /** 1000 to 10000 ms. */
  outputMaxDelay = -1;
  historySyncWithTTS = false;

  protected override get fields(): readonly Field[] {
    return LLM;
  }
}

const LLM: readonly Field[] = [
  ["LlmHistoryLimit", "llmHistoryLimit", number],
  ["LlmSystemPrompt", "llmSystemPrompt", text],
  ["BailianAppParams", "bailianAppParams", objectAsText],
  ["LlmCompleteReply", "llmCompleteReply", flag],
  ["OpenAIExtraQuery", "openAIExtraQuery", text],
  ["OutputMinLength", "outputMinLength", number],
  ["OutputMaxDelay", "outputMaxDelay", number],
  ["HistorySyncWithTTS", "historySyncWithTTS", flag],
];

export class AICallAgentAvatarConfig extends Configuration {
  agentAvatarId: string | undefined = undefined;

  protected override get fields(): readonly Field[] {
    return AVATAR;
  }
}

const AVATAR: readonly Field[] = [["AvatarId", "agentAvatarId", text]];

export class AICallAgentInterruptConfig extends Configuration {
  enableVoiceInterrupt = true;
  interruptWords: string[] | undefined = undefined;
  /** What becomes of what the user says while it can't interrupt: "cache" or "discard". */
  noInterruptMode: string | undefined = undefined;

  protected override get fields(): readonly Field[] {
    return INTERRUPT;
  }
}

const INTERRUPT: readonly Field[] = [
  ["EnableVoiceInterrupt", "enableVoiceInterrupt", flag],
  ["InterruptWords", "interruptWords", texts],
  ["NoInterruptMode", "noInterruptMode", text],
];

/** Left out as a whole without an id. */
export class AICallAgentVoiceprintConfig extends Configuration {
  useVoiceprint = false;
  voiceprintId: string | undefined = undefined;

  override toJSON(): JSONObject {
    return this.voiceprintId ? super.toJSON() : {};
  }

  protected override get fields(): readonly Field[] {
    return VOICEPRINT;
  }
}

const VOICEPRINT: readonly Field[] = [
  ["VoiceprintId", "voiceprintId", text],
  ["UseVoiceprint", "useVoiceprint", flag],
];

export class AICallAgentTurnDetectionConfig extends Configuration {
  turnEndWords: string[] | undefined = undefined;
  mode: AICallTurnDetectionMode = AICallTurnDetectionMode.Semantic;
  /** 0 to 10000 ms. */
  semanticWaitDuration = -1;
  /** "Low", "Medium" or "High"; goes before semanticWaitDuration. */
  eagerness: string | undefined = undefined;

  protected override get fields(): readonly Field[] {
    return TURN_DETECTION;
  }
}

const turnDetectionMode: Kind = {
  write: (value) => (value === AICallTurnDetectionMode.Normal ? "Normal" : "Semantic"),
  read: (json) => (json === "Normal" ? AICallTurnDetectionMode.Normal : json === "Semantic" ? AICallTurnDetectionMode.Semantic : undefined),
};

const TURN_DETECTION: readonly Field[] = [
  ["TurnEndWords", "turnEndWords", texts],
  ["Mode", "mode", turnDetectionMode],
  ["SemanticWaitDuration", "semanticWaitDuration", number],
  ["Eagerness", "eagerness", text],
];

/** A sound behind the agent's voice; left out as a whole without a resource. */
export class AICallAgentAmbientConfig extends Configuration {
  volume = 100;
  resourceId?: string;

  override toJSON(): JSONObject {
    return this.resourceId ? super.toJSON() : {};
  }

  protected override get fields(): readonly Field[] {
    return AMBIENT;
  }
}

const AMBIENT: readonly Field[] = [
  ["ResourceId", "resourceId", text],
  ["Volume", "volume", number],
];

export class AICallAgentConfig extends Configuration {
  agentGreeting: string | undefined = undefined;
  /** Answered at once when the call starts. */
  wakeUpQuery: string | undefined = undefined;
  /** Seconds without speech until the agent leaves. */
  agentMaxIdleTime = 600;
  /** Seconds that the agent waits for the user to join. */
  userOnlineTimeout = 60;
  /** Seconds that the agent stays after the user left. */
  userOfflineTimeout = 5;
  enablePushToTalk = false;
  /** At the end the sentence that is being said is finished, 10 s at most. */
  agentGracefulShutdown = false;
  /** Percent, 0 to 400. */
  volume = 100;
  workflowOverrideParams: JSONObject | undefined = undefined;
  enableIntelligentSegment = true;
  /** Played before the greeting. */
  preConnectAudioUrl?: string;
  asrConfig: AICallAgentAsrConfig = new AICallAgentAsrConfig();
  ttsConfig: AICallAgentTtsConfig = new AICallAgentTtsConfig();
  llmConfig: AICallAgentLlmConfig = new AICallAgentLlmConfig();
  avatarConfig: AICallAgentAvatarConfig = new AICallAgentAvatarConfig();
  interruptConfig: AICallAgentInterruptConfig = new AICallAgentInterruptConfig();
  voiceprintConfig: AICallAgentVoiceprintConfig = new AICallAgentVoiceprintConfig();
  turnDetectionConfig: AICallAgentTurnDetectionConfig = new AICallAgentTurnDetectionConfig();
  experimentalConfig?: JSONObject;
  vcrConfig: AICallAgentVcrConfig = new AICallAgentVcrConfig();
  ambientConfig: AICallAgentAmbientConfig = new AICallAgentAmbientConfig();
  backChannelingConfig?: AICallAgentBackChanneling[];
  autoSpeechConfig: AICallAgentAutoSpeechConfig = new AICallAgentAutoSpeechConfig();

  protected override get fields(): readonly Field[] {
    return AGENT;
  }
}

const AGENT: readonly Field[] = [
  ["EnablePushToTalk", "enablePushToTalk", flag],
  ["GracefulShutdown", "agentGracefulShutdown", flag],
  ["EnableIntelligentSegment", "enableIntelligentSegment", flag],
  ["Greeting", "agentGreeting", text],
  ["WakeUpQuery", "wakeUpQuery", text],
  ["MaxIdleTime", "agentMaxIdleTime", number],
  ["UserOnlineTimeout", "userOnlineTimeout", number],
  ["UserOfflineTimeout", "userOfflineTimeout", number],
  ["Volume", "volume", number],
  ["WorkflowOverrideParams", "workflowOverrideParams", objectAsText],
  ["PreConnectAudioUrl", "preConnectAudioUrl", text],
  ["ExperimentalConfig", "experimentalConfig", objectAsText],
  ["AsrConfig", "asrConfig", nested(() => new AICallAgentAsrConfig())],
  ["TtsConfig", "ttsConfig", nested(() => new AICallAgentTtsConfig())],
  ["LlmConfig", "llmConfig", nested(() => new AICallAgentLlmConfig())],
  ["AvatarConfig", "avatarConfig", nested(() => new AICallAgentAvatarConfig())],
  ["InterruptConfig", "interruptConfig", nested(() => new AICallAgentInterruptConfig())],
  ["VoiceprintConfig", "voiceprintConfig", nested(() => new AICallAgentVoiceprintConfig())],
  ["TurnDetectionConfig", "turnDetectionConfig", nested(() => new AICallAgentTurnDetectionConfig())],
  ["VcrConfig", "vcrConfig", nested(() => new AICallAgentVcrConfig())],
  ["AmbientSoundConfig", "ambientConfig", nested(() => new AICallAgentAmbientConfig())],
  ["BackChannelingConfig", "backChannelingConfig", list(() => new AICallAgentBackChanneling(), "left out")],
  ["AutoSpeechConfig", "autoSpeechConfig", nested(() => new AICallAgentAutoSpeechConfig())],
];
