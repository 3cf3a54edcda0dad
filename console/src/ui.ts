// The page around the orb: state in words, call controls, microphone level, timer, connection. Shows; decides nothing.

import type { Phase } from "./call";
import { byId } from "./dom";
import type { AgentState } from "./messages";
import type { Mood } from "./orb";

export interface Status {
  phase: Phase;
  agentState: AgentState | null;
  muted: boolean;
  microphone: boolean;
  voiceInterrupt: boolean;
  roundTripMs: number | null;
  /** The server answered when it was last asked. */
  serverUp: boolean;
}

export class Ui {
  private readonly state = byId("state", HTMLElement);
  private readonly hint = byId("hint", HTMLElement);
  private readonly connection = byId("connection", HTMLElement);
  private readonly timer = byId("timer", HTMLTimeElement);
  private readonly meter = byId("meter", HTMLElement);
  private readonly meterCover = byId("meter-cover", HTMLElement);
  readonly mute = byId("mute", HTMLButtonElement);
  readonly interrupt = byId("interrupt", HTMLButtonElement);
  readonly hangUp = byId("hangup", HTMLButtonElement);
  readonly hear = byId("hear", HTMLButtonElement);
  readonly typing = byId("typing", HTMLFormElement);
  readonly text = byId("text", HTMLInputElement);
  private readonly send = byId("send", HTMLButtonElement);

  show(status: Status): void {
    const talking = status.phase === "connected";
    document.body.dataset["phase"] = status.phase;
    const [state, hint] = stateWords(status);
    setText(this.state, state);
    setText(this.hint, hint);
    this.state.dataset["state"] = status.agentState ?? (status.phase === "idle" ? "idle" : "waiting");
    setText(this.connection, connectionWords(status));
    this.connection.dataset["level"] = connectionLevel(status);
    this.interrupt.disabled = !talking || status.agentState === "listening" || status.agentState === null;
    this.mute.disabled = !status.microphone;
    this.meter.classList.toggle("absent", !status.microphone);
    this.mute.setAttribute("aria-pressed", String(status.muted));
    setText(byId("mute-label", HTMLElement), status.muted ? "Unmute" : "Mute");
    this.text.disabled = this.send.disabled = !talking;
  }

  /** 0 to 1. */
  showLevel(level: number): void {
    this.meterCover.style.transform = `scaleX(${(1 - level).toFixed(3)})`;
    // Assistive technology needs no thirty values a second.
    const coarse = String(10 * Math.round(10 * level));
    if (this.meter.getAttribute("aria-valuenow") !== coarse) this.meter.setAttribute("aria-valuenow", coarse);
  }

  showSeconds(seconds: number): void {
    const whole = Math.max(0, Math.floor(seconds));
    const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    setText(this.timer, text);
    this.timer.dateTime = `PT${whole}S`;
  }
}

export function moodOf({ phase, agentState }: Status): Mood {
  switch (phase) {
    case "idle":
      return "idle";
    case "reconnecting":
      return "lost";
    case "connected":
      return agentState ?? "connecting";
    default:
      return "connecting";
  }
}

function stateWords(status: Status): [string, string] {
  switch (status.phase) {
    case "idle":
      return status.serverUp ? ["Ready to talk", "Press Call and say hello."] : ["Not connected", ""];
    case "microphone":
      return ["Microphone…", "Allow the microphone when the browser asks."];
    case "requesting":
      return ["Calling…", "Waking the agent."];
    case "connecting":
      return ["Connecting…", "Setting up the audio path."];
    case "reconnecting":
      return ["Reconnecting…", "The connection was lost; the call is kept for you."];
    case "connected":
      return agentWords(status);
  }
}

function agentWords({ agentState, muted, microphone, voiceInterrupt }: Status): [string, string] {
  switch (agentState) {
    case null:
      return ["Connected", "The agent is about to speak."];
    case "listening":
      if (!microphone) return ["Listening", "You have no microphone: type below."];
      return ["Listening", muted ? "You are muted." : "Go ahead and speak."];
    case "thinking":
      return ["Thinking", "One moment."];
    case "speaking":
      return ["Speaking", voiceInterrupt && microphone && !muted ? "Talk over it any time." : "Press Interrupt to stop it."];
  }
}

function connectionWords({ phase, roundTripMs, serverUp }: Status): string {
  switch (phase) {
    case "idle":
      return serverUp ? "Server ready" : "Server away";
    case "connected":
      return roundTripMs === null ? "Connected" : `Connected · ${Math.max(1, Math.round(roundTripMs))} ms`;
    case "reconnecting":
      return "Reconnecting…";
    default:
      return "Connecting…";
  }
}

function connectionLevel({ phase, serverUp }: Status): "good" | "wait" | "bad" {
  if (phase === "idle") return serverUp ? "good" : "bad";
  return phase === "connected" ? "good" : "wait";
}

function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
