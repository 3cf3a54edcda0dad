// What is chosen before a call: the agent, and the settings that are remembered in this browser.

import { byId, create } from "./dom";
import { MAX_GREETING, MAX_PROMPT, STANDARD, readSettings, type Settings } from "./settings";
import type { ServerInfo } from "./signaling";

const SETTINGS_KEY = "ringline.settings";
const AGENT_KEY = "ringline.agent";
const USER_KEY = "ringline.user";

export class SetupView {
  readonly form = byId("setup", HTMLFormElement);
  private readonly call = byId("call", HTMLButtonElement);
  private readonly agent = byId("agent", HTMLSelectElement);
  private readonly voice = byId("voice", HTMLSelectElement);
  private readonly voiceInterrupt = byId("voice-interrupt", HTMLInputElement);
  private readonly silence = byId("silence", HTMLInputElement);
  private readonly greeting = byId("greeting", HTMLInputElement);
  private readonly prompt = byId("prompt", HTMLTextAreaElement);
  private stored = readSettings(recall(SETTINGS_KEY));

  constructor() {
    this.greeting.maxLength = MAX_GREETING;
    this.prompt.maxLength = MAX_PROMPT;
    this.show(this.stored);
    this.form.addEventListener("change", () => this.remember());
    byId("reset", HTMLButtonElement).onclick = () => {
      this.show(STANDARD);
      this.remember();
    };
  }

  /** Fills the lists from what the server has; without agents there is nothing to call. */
  offer(info: ServerInfo): void {
    fill(this.agent, info.agents.map(({ id, name }) => [id, name || id]), recall(AGENT_KEY));
    fill(this.voice, [["", "the agent's own"], ...info.voices.map(({ id, name, language }): [string, string] => [id, `${name || id} (${language})`])], this.stored.voiceId);
    byId("agent-choice", HTMLElement).hidden = info.agents.length < 2;
    byId("voice-choice", HTMLElement).hidden = info.voices.length < 2;
    this.call.disabled = info.agents.length === 0;
  }

  get ready(): boolean {
    return !this.call.disabled;
  }

  get agentId(): string {
    return this.agent.value;
  }

  /** Who is calling: made up once per browser. */
  get userId(): string {
    const known = recall(USER_KEY);
    if (known && /^web-[0-9a-f]{8}$/.test(known)) return known;
    const made = `web-${Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    store(USER_KEY, made);
    return made;
  }

  get settings(): Settings {
    return readSettings(
      JSON.stringify({
        voiceInterrupt: this.voiceInterrupt.checked,
        silenceMs: this.silence.value === "" ? null : this.silence.valueAsNumber,
        greeting: this.greeting.value,
        systemPrompt: this.prompt.value,
        voiceId: this.voice.value,
      }),
    );
  }

  private show(settings: Settings): void {
    this.voiceInterrupt.checked = settings.voiceInterrupt;
    this.silence.value = settings.silenceMs === null ? "" : String(settings.silenceMs);
    this.greeting.value = settings.greeting;
    this.prompt.value = settings.systemPrompt;
    this.voice.value = settings.voiceId;
  }

  private remember(): void {
    this.stored = this.settings;
    store(SETTINGS_KEY, JSON.stringify(this.stored));
    store(AGENT_KEY, this.agent.value);
  }
}

function fill(select: HTMLSelectElement, options: [string, string][], chosen: string | null): void {
  select.replaceChildren(
    ...options.map(([value, label]) => {
      const option = create("option", "", label);
      option.value = value;
      return option;
    }),
  );
  if (chosen !== null && options.some(([value]) => value === chosen)) select.value = chosen;
}

// Storage may be forbidden; then nothing is remembered.
function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function store(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
}
