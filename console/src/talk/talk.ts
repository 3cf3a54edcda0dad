// The caller's own call as the pages see it: one state, changed by what the engine reports and what the user does.
// It lives outside the components, so that the call goes on while another page is looked at.

import { useSyncExternalStore } from "react";
import { Call, type Phase } from "../call/call";
import { LevelMeter } from "../call/level";
import type { AgentState, ServerMessage, TurnLatency } from "../call/messages";
import { problemOf, type Problem, type Step } from "../call/problem";
import { STANDARD, agentConfig, readSettings, type Settings } from "../call/settings";
import { fetchInfo, type ServerInfo } from "../call/server";
import { Subtitles, type Entry } from "../call/subtitles";
import { recall, remember } from "../ui/storage";

export interface TalkState {
  phase: Phase;
  agentState: AgentState | null;
  muted: boolean;
  microphone: boolean;
  voiceInterrupt: boolean;
  pushToTalk: boolean;
  /** The button is held. */
  talking: boolean;
  takeover: "none" | "coming" | "connected";
  roundTripMs: number | null;
  /** Null until the server was asked for the first time. */
  serverUp: boolean | null;
  info: ServerInfo | null;
  notice: Problem | null;
  entries: Entry[];
  turns: TurnLatency[];
  /** On performance.now's clock. */
  connectedAt: number | null;
  /** The browser wants a click before it plays. */
  silenced: boolean;
  settings: Settings;
}

/** Turns compared; older ones are forgotten. */
const MAX_TURNS = 20;
/** How often to ask an absent server again, in ms. */
const SERVER_RETRY_MS = 5000;
/** A shorter press is a slip: what was said is dropped. In ms. */
const SHORTEST_PRESS_MS = 300;
const SETTINGS_KEY = "ringline.settings";
const USER_KEY = "ringline.user";

export class Talk {
  readonly call = new Call();
  state: TalkState;
  /** The agent's spectrum, 0 to 1 each. */
  readonly bands = new Float32Array(24);

  private readonly subtitles = new Subtitles();
  private sound: AudioContext | null = null;
  private agentMeter: LevelMeter | null = null;
  private userMeter: LevelMeter | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private pressedAt = 0;
  private agentId = "";
  private readonly wanting = new Set<() => void>();

  constructor() {
    const settings = readSettings(recall(SETTINGS_KEY));
    this.state = { ...NO_CALL, phase: "idle", serverUp: null, info: null, notice: null, settings };
    this.listen();
    // The core leaves by itself then; this also tells the agent that nobody comes back.
    addEventListener("pagehide", ({ persisted }) => {
      if (!persisted) this.call.hangUp();
    });
  }

  readonly subscribe = (want: () => void): (() => void) => {
    this.wanting.add(want);
    return () => void this.wanting.delete(want);
  };

  readonly current = (): TalkState => this.state;

  /** Asks what the server offers, and again while it is away. */
  async lookForServer(): Promise<void> {
    try {
      const info = await fetchInfo();
      const stale = this.state.notice?.kind === "server-away" || this.state.notice?.kind === "no-agent";
      const notice: Problem | null = info.agents.length === 0 ? { kind: "no-agent" } : stale ? null : this.state.notice;
      this.set({ info, serverUp: true, notice });
    } catch (error) {
      const problem = problemOf(error);
      if (this.state.notice?.kind !== problem.kind) this.set({ notice: problem });
      this.lost();
    }
  }

  start(agentId: string, microphone: boolean): void {
    if (this.state.phase !== "idle" || !agentId) return;
    this.agentId = agentId;
    this.subtitles.clear();
    const { settings } = this.state;
    const { voiceInterrupt, pushToTalk } = settings;
    this.set({ ...NO_CALL, notice: null, voiceInterrupt, pushToTalk });
    // Within the click, or the browser may keep audio shut.
    this.sound ??= new AudioContext();
    void this.sound.resume();
    void this.call.start({ agentId, userId: userId(), agentConfig: agentConfig(settings), microphone });
  }

  /** The next step that a notice offers. */
  take(step: Step): void {
    this.set({ notice: null });
    switch (step) {
      case "call":
        return this.start(this.latestAgent, true);
      case "call-without-microphone":
        return this.start(this.latestAgent, false);
      case "reload":
        return location.reload();
      case "retry-server":
        return void this.lookForServer();
      case "retry-microphone":
        return void this.call.reopenMicrophone();
    }
  }

  dismiss(): void {
    this.set({ notice: null });
  }

  complain(notice: Problem): void {
    this.set({ notice });
  }

  toggleMute(): void {
    this.call.setMuted(!this.call.muted);
    this.set({ muted: this.call.muted });
  }

  say(text: string): boolean {
    if (!this.call.sendText(text)) return false;
    this.subtitles.typed(text);
    this.set(this.shown());
    return true;
  }

  /** Push-to-talk: the button goes down. */
  press(): void {
    if (this.state.talking || !this.state.pushToTalk || !this.call.startTalking()) return;
    this.pressedAt = performance.now();
    this.set({ talking: true });
  }

  /** … and up again. */
  release(): void {
    if (!this.state.talking) return;
    this.call.finishTalking(performance.now() - this.pressedAt >= SHORTEST_PRESS_MS);
    this.set({ talking: false });
  }

  /** Takes a choice over: remembered for later calls, and sent to the running one where it can change there. */
  choose(change: Partial<Settings>): void {
    const settings = readSettings(JSON.stringify({ ...this.state.settings, ...change }));
    this.set({ settings });
    remember(SETTINGS_KEY, JSON.stringify(settings));
    if (this.state.phase !== "connected") return;
    if (change.voiceInterrupt !== undefined) this.call.setVoiceInterrupt(settings.voiceInterrupt);
    if (change.pushToTalk !== undefined) this.call.setPushToTalk(settings.pushToTalk);
    if (change.silenceMs !== undefined && settings.silenceMs !== null) this.call.setMaxSilence(settings.silenceMs);
    if (change.speechRate !== undefined) this.call.setSpeechRate(settings.speechRate ?? 1);
    if (change.voiceId) this.call.setVoice(settings.voiceId);
    if (change.systemPrompt?.trim()) this.call.setSystemPrompt(settings.systemPrompt.trim());
  }

  reset(): void {
    this.choose(STANDARD);
  }

  /** After the browser refused to play without a click. */
  hear(): void {
    void this.sound?.resume();
    this.call.resumePlayback();
    this.set({ silenced: false });
  }

  private get latestAgent(): string {
    return this.agentId || (this.state.info?.agents[0]?.id ?? "");
  }

  get agentLevel(): number {
    this.agentMeter?.bands(this.bands);
    return this.agentMeter?.level() ?? 0;
  }

  get userLevel(): number {
    return this.userMeter?.level() ?? 0;
  }

  private listen(): void {
    const { call } = this;
    call.on("phase", (phase) => {
      const connectedAt = phase === "connected" ? (this.state.connectedAt ?? performance.now()) : this.state.connectedAt;
      this.set({ phase, connectedAt });
    });
    call.on("message", (message) => this.receive(message));
    call.on("round-trip", (ms) => {
      const roundTripMs = Math.max(1, Math.round(ms));
      if (roundTripMs !== this.state.roundTripMs) this.set({ roundTripMs });
    });
    call.on("problem", (notice) => this.set({ notice }));
    call.on("local-stream", (stream) => {
      this.userMeter?.close();
      this.userMeter = this.sound && new LevelMeter(this.sound, stream);
      this.set({ microphone: true });
    });
    call.on("remote-stream", (stream) => {
      // The core plays; the meter only looks on.
      this.agentMeter?.close();
      this.agentMeter = this.sound && new LevelMeter(this.sound, stream);
    });
    call.on("silenced", () => this.set({ silenced: true }));
    call.on("ended", (problem) => this.ended(problem));
  }

  private ended(problem: Problem | null): void {
    this.agentMeter?.close();
    this.userMeter?.close();
    this.agentMeter = this.userMeter = null;
    this.bands.fill(0);
    this.subtitles.finish();
    this.set({ ...this.shown(), silenced: false, agentState: null, talking: false, takeover: "none" });
    if (problem) this.set({ notice: problem });
    if (problem?.kind === "server-away") this.lost();
  }

  private receive(message: ServerMessage): void {
    switch (message.kind) {
      case "state":
        this.subtitles.state(message.state);
        this.set({ agentState: message.state });
        break;
      case "agent-subtitle":
        this.subtitles.agent(message.text, message.end, message.sentenceId);
        break;
      case "user-subtitle":
        this.subtitles.user(message.text, message.end, message.sentenceId, message.voiceprint);
        break;
      case "interrupted":
        this.subtitles.interrupted(message.reason);
        break;
      case "latency":
        this.subtitles.latency(message.latency);
        this.set({ turns: [...this.state.turns, message.latency].slice(-MAX_TURNS) });
        break;
      case "voice-interrupt-changed":
        this.set({ voiceInterrupt: message.enable });
        break;
      case "push-to-talk-changed":
        this.set({ pushToTalk: message.enable, talking: false });
        break;
      case "takeover":
        this.set({ takeover: message.step === "over" ? "none" : message.step });
        break;
      case "error":
      case "will-leave":
      case "reply-completed":
        // Errors and the leaving arrive as problems; the whole reply is on the page already.
        break;
    }
    this.set(this.shown());
  }

  /** The subtitles as values of their own, which is how React sees a change. */
  private shown(): { entries: Entry[] } {
    return { entries: this.subtitles.entries.map((entry) => ({ ...entry })) };
  }

  private lost(): void {
    this.set({ serverUp: false });
    clearTimeout(this.retry);
    this.retry = setTimeout(() => void this.lookForServer(), SERVER_RETRY_MS);
  }

  private set(change: Partial<TalkState>): void {
    this.state = { ...this.state, ...change };
    for (const want of this.wanting) want();
  }
}

/** What belongs to one call and is forgotten at the next. */
const NO_CALL = {
  agentState: null,
  muted: false,
  microphone: false,
  voiceInterrupt: true,
  pushToTalk: false,
  talking: false,
  takeover: "none",
  roundTripMs: null,
  entries: [],
  turns: [],
  connectedAt: null,
  silenced: false,
} satisfies Partial<TalkState>;

/** Who is calling: made up once per browser. */
function userId(): string {
  const known = recall(USER_KEY);
  if (known && /^web-[0-9a-f]{8}$/.test(known)) return known;
  const made = `web-${Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  remember(USER_KEY, made);
  return made;
}

export const talk = new Talk();

export function useTalk(): TalkState {
  return useSyncExternalStore(talk.subscribe, talk.current);
}
