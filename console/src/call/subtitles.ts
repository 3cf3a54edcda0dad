// The conversation as it is shown: one entry per side and sentence, in the order in which they were first heard of.
// A user entry's text is replaced, an agent entry's text grows; an interruption marks the answer that was being spoken.
// Pure: what happened goes in, the entries come out.

import type { AgentState, InterruptReason, TurnLatency } from "./messages";

export interface Entry {
  /** Unique within one call; stable while the text changes. */
  key: string;
  side: "user" | "agent";
  text: string;
  /** No more text will come. */
  final: boolean;
  /** Written by hand instead of spoken. */
  typed: boolean;
  interrupted: InterruptReason | null;
  latency: TurnLatency | null;
}

/** Entries kept; older ones are dropped from the page (the server has them on record). */
export const MAX_ENTRIES = 500;

/** Voiceprint results that mean somebody else spoke: the agent won't answer, and the text is taken back. */
const OTHER_SPEAKER = [3, 5];

export class Subtitles {
  entries: Entry[] = [];
  /** The answer that was begun last, until the next question is being thought about. */
  private answer: Entry | null = null;
  /** A latency that came before the first words of its answer. */
  private waiting: TurnLatency | null = null;
  private typedCount = 0;

  clear(): void {
    this.entries = [];
    this.answer = null;
    this.waiting = null;
  }

  /** The call is over: nothing grows any more. */
  finish(): void {
    for (const entry of this.entries) entry.final = true;
  }

  user(text: string, end: boolean, sentenceId: number, voiceprint = 0): Entry | null {
    const key = `user-${sentenceId}`;
    if (OTHER_SPEAKER.includes(voiceprint)) {
      this.entries = this.entries.filter((entry) => entry.key !== key);
      return null;
    }
    const entry = this.find(key) ?? this.adopt(key, text) ?? this.add(key, "user");
    entry.text = text;
    entry.final = end;
    if (end && text.trim() === "") {
      this.entries = this.entries.filter((other) => other !== entry);
      return null;
    }
    return entry;
  }

  /** Shows what the user wrote at once; the server's own subtitle for it, if one comes, takes the entry over. */
  typed(text: string): Entry {
    this.typedCount += 1;
    const entry = this.add(`typed-${this.typedCount}`, "user");
    entry.text = text;
    entry.final = true;
    entry.typed = true;
    return entry;
  }

  agent(text: string, end: boolean, sentenceId: number): Entry | null {
    const key = `agent-${sentenceId}`;
    let entry = this.find(key);
    if (!entry) {
      if (text === "") return null;
      entry = this.add(key, "agent");
      if (this.waiting?.sentenceId === sentenceId) {
        entry.latency = this.waiting;
        this.waiting = null;
      }
    }
    this.answer = entry;
    entry.text += text;
    if (end) entry.final = true;
    return entry;
  }

  state(state: AgentState): void {
    // From here on an interruption stops a new answer, not the one shown last.
    if (state === "thinking") this.answer = null;
  }

  interrupted(reason: InterruptReason): Entry | null {
    const entry = this.answer;
    this.answer = null;
    if (!entry || entry.interrupted) return null;
    entry.interrupted = reason;
    entry.final = true;
    return entry;
  }

  latency(latency: TurnLatency): Entry | null {
    const entry = this.find(`agent-${latency.sentenceId}`);
    if (!entry) {
      this.waiting = latency;
      return null;
    }
    entry.latency = latency;
    return entry;
  }

  private find(key: string): Entry | undefined {
    return this.entries.findLast((entry) => entry.key === key);
  }

  private adopt(key: string, text: string): Entry | undefined {
    const entry = this.entries.findLast((other) => other.key.startsWith("typed-") && other.text === text);
    if (entry) entry.key = key;
    return entry;
  }

  private add(key: string, side: Entry["side"]): Entry {
    const entry: Entry = { key, side, text: "", final: false, typed: false, interrupted: null, latency: null };
    this.entries.push(entry);
    if (this.entries.length > MAX_ENTRIES) this.entries.shift();
    return entry;
  }
}
