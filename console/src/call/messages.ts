// What travels on the data channel: one JSON object {type, data, seqId, senderId, receiverId} per message.
// Parsing is lenient the way native clients are: an absent field has its default, an unknown type is no message.

import type { TurnLatency } from "@ringline/rtc-core";

export type { TurnLatency } from "@ringline/rtc-core";

/** Longest message read, in characters. */
export const MAX_MESSAGE_LENGTH = 65_536;

export type AgentState = "listening" | "thinking" | "speaking";

/** Why the agent stopped speaking. */
export type InterruptReason = "unknown" | "words" | "voice" | "command" | "speech" | "text";

export type ServerMessage =
  | { kind: "error"; code: number; message: string }
  | { kind: "state"; state: AgentState }
  /** `text` is a piece to append. */
  | { kind: "agent-subtitle"; text: string; end: boolean; sentenceId: number }
  /** `text` replaces what was shown for the sentence. */
  | { kind: "user-subtitle"; text: string; end: boolean; sentenceId: number; voiceprint: number }
  | { kind: "voice-interrupt-changed"; enable: boolean }
  | { kind: "push-to-talk-changed"; enable: boolean }
  | { kind: "takeover"; step: "coming" | "connected" | "over" }
  | { kind: "will-leave"; reason: number; message: string }
  | { kind: "interrupted"; reason: InterruptReason }
  | { kind: "reply-completed"; text: string; sentenceId: number }
  /** 9001, which the RTC core has read. */
  | { kind: "latency"; latency: TurnLatency };

const STATES: Record<number, AgentState> = { 1: "listening", 2: "thinking", 3: "speaking" };
const REASONS: InterruptReason[] = ["unknown", "words", "voice", "command", "speech", "text"];

/** The JSON object of a message, or null if it isn't one. */
export function parseEnvelope(text: unknown): Record<string, unknown> | null {
  if (typeof text !== "string" || text.length > MAX_MESSAGE_LENGTH) return null;
  try {
    return asObject(JSON.parse(text));
  } catch {
    return null;
  }
}

/** What an envelope means, or null if this page has no use for it. */
export function readMessage(envelope: Record<string, unknown>): ServerMessage | null {
  const data = asObject(envelope["data"]) ?? {};
  const text = textOf(data["text"]);
  const sentenceId = numberOf(data["sentenceId"], 0);
  switch (envelope["type"]) {
    case 1000:
      return { kind: "error", code: numberOf(data["code"], 0), message: textOf(data["message"]) };
    case 1001: {
      const state = STATES[numberOf(data["state"], 0)];
      return state ? { kind: "state", state } : null;
    }
    case 1002:
      return { kind: "agent-subtitle", text, end: flagOf(data["end"], true), sentenceId };
    case 1003:
      return { kind: "user-subtitle", text, end: flagOf(data["end"], true), sentenceId, voiceprint: numberOf(data["voiceprint"], 0) };
    case 1004:
      return { kind: "voice-interrupt-changed", enable: flagOf(data["enable"], true) };
    case 1007:
      return { kind: "push-to-talk-changed", enable: flagOf(data["enable"], false) };
    case 1012:
      return { kind: "takeover", step: "coming" };
    case 1013:
      return { kind: "takeover", step: "connected" };
    case 9004:
      return { kind: "takeover", step: "over" };
    case 1010:
      return { kind: "will-leave", reason: numberOf(data["reason"], 0), message: textOf(data["message"]) };
    case 1016:
      return { kind: "interrupted", reason: REASONS[numberOf(data["reason"], 0)] ?? "unknown" };
    case 1017:
      return { kind: "reply-completed", text, sentenceId };
    default:
      return null;
  }
}

export type ClientMessage =
  | { type: 1100 }
  | { type: 1101 }
  | { type: 1102; data: { enable: boolean } }
  | { type: 1103; data: { voiceId: string } }
  | { type: 1105; data: { enable: boolean } }
  | { type: 1106 | 1107 | 1108 }
  | { type: 1111; data: { text: string; enableInterrupt: 1 } }
  | { type: 1115; data: { prompt: string } }
  | { type: 1118; data: { asrMaxSilence: number } }
  | { type: 1119 }
  | { type: 1120; data: { speechRate: number } };

/** Puts a message into its envelope. */
export function writeMessage(message: ClientMessage, seqId: number, senderId: string, receiverId: string): string {
  const data = "data" in message ? message.data : {};
  return JSON.stringify({ type: message.type, data, seqId, senderId, receiverId });
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: unknown, otherwise: number): number {
  return typeof value === "number" && Number.isFinite(value) ? value : otherwise;
}

function flagOf(value: unknown, otherwise: boolean): boolean {
  return typeof value === "boolean" ? value : otherwise;
}
