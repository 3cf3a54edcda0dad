// What the caller can choose before a call, and the agent configuration it becomes. Pure.

export interface Settings {
  voiceInterrupt: boolean;
  /** Silence that ends the user's turn, in ms. Here and below, null or empty means the agent's own. */
  silenceMs: number | null;
  greeting: string;
  systemPrompt: string;
  voiceId: string;
}

/** The range the OpenAPI gives for AsrMaxSilence, in ms. */
export const SILENCE = { min: 200, max: 1200 } as const;
export const MAX_GREETING = 500;
export const MAX_PROMPT = 8000;

export const STANDARD: Settings = {
  voiceInterrupt: true,
  silenceMs: null,
  greeting: "",
  systemPrompt: "",
  voiceId: "",
};

/** The AIAgentConfig JSON; what isn't in it stays as the agent has it. */
export function agentConfig(settings: Settings): string {
  const greeting = settings.greeting.trim();
  const prompt = settings.systemPrompt.trim();
  return JSON.stringify({
    ...(greeting ? { Greeting: greeting } : {}),
    ...(settings.silenceMs !== null ? { AsrConfig: { AsrMaxSilence: settings.silenceMs } } : {}),
    ...(settings.voiceId ? { TtsConfig: { VoiceId: settings.voiceId } } : {}),
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
  const silence = Number(value["silenceMs"]);
  return {
    voiceInterrupt: typeof value["voiceInterrupt"] === "boolean" ? value["voiceInterrupt"] : STANDARD.voiceInterrupt,
    silenceMs: silence >= SILENCE.min && silence <= SILENCE.max ? Math.round(silence) : null,
    greeting: text("greeting", MAX_GREETING),
    systemPrompt: text("systemPrompt", MAX_PROMPT),
    voiceId: text("voiceId", 64),
  };
}
