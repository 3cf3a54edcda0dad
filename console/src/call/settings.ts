// What the caller can choose, and the agent configuration it becomes when a call starts. Pure.

export interface Settings {
  voiceInterrupt: boolean;
  pushToTalk: boolean;
  /** Silence that ends the user's turn, in ms. Here and below, null or empty means the agent's own. */
  silenceMs: number | null;
  /** 1 is the voice's own. */
  speechRate: number | null;
  greeting: string;
  systemPrompt: string;
  voiceId: string;
}

/** The range the OpenAPI gives for AsrMaxSilence, in ms. */
export const SILENCE = { min: 200, max: 1200 } as const;
/** The range the OpenAPI gives for SpeechRate. */
export const RATE = { min: 0.5, max: 2 } as const;
export const MAX_GREETING = 500;
export const MAX_PROMPT = 8000;

export const STANDARD: Settings = {
  voiceInterrupt: true,
  pushToTalk: false,
  silenceMs: null,
  speechRate: null,
  greeting: "",
  systemPrompt: "",
  voiceId: "",
};

/** The AIAgentConfig JSON; what isn't in it stays as the agent has it. */
export function agentConfig(settings: Settings): string {
  const greeting = settings.greeting.trim();
  const prompt = settings.systemPrompt.trim();
  const tts = {
    ...(settings.voiceId ? { VoiceId: settings.voiceId } : {}),
    ...(settings.speechRate !== null ? { SpeechRate: settings.speechRate } : {}),
  };
  return JSON.stringify({
    ...(greeting ? { Greeting: greeting } : {}),
    ...(settings.silenceMs !== null ? { AsrConfig: { AsrMaxSilence: settings.silenceMs } } : {}),
    ...(Object.keys(tts).length > 0 ? { TtsConfig: tts } : {}),
    ...(settings.pushToTalk ? { EnablePushToTalk: true } : {}),
    ...(prompt ? { LlmConfig: { LlmSystemPrompt: prompt } } : {}),
    InterruptConfig: { EnableVoiceInterrupt: settings.voiceInterrupt },
  });
}

/** Makes settings of whatever was stored: wrong types and values out of range become the standard. */
export function readSettings(stored: string | null): Settings {
  let value: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(stored ?? "{}");
    if (typeof parsed === "object" && parsed !== null) value = parsed as Record<string, unknown>;
  } catch {
    // Unreadable settings are no settings.
  }
  const text = (key: string, limit: number) => (typeof value[key] === "string" ? (value[key] as string).slice(0, limit) : "");
  const flag = (key: string, otherwise: boolean) => (typeof value[key] === "boolean" ? (value[key] as boolean) : otherwise);
  const silence = Number(value["silenceMs"]);
  const rate = Number(value["speechRate"]);
  return {
    voiceInterrupt: flag("voiceInterrupt", STANDARD.voiceInterrupt),
    pushToTalk: flag("pushToTalk", STANDARD.pushToTalk),
    silenceMs: silence >= SILENCE.min && silence <= SILENCE.max ? Math.round(silence) : null,
    speechRate: rate >= RATE.min && rate <= RATE.max ? rate : null,
    greeting: text("greeting", MAX_GREETING),
    systemPrompt: text("systemPrompt", MAX_PROMPT),
    voiceId: text("voiceId", 64),
  };
}
