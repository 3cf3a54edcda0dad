// Joins the engine and the page: what the call reports is shown, what the user does is passed on.

import { Call } from "./call";
import { ConversationView } from "./conversation-view";
import { byId } from "./dom";
import { LatencyView } from "./latency-view";
import { LevelMeter } from "./level";
import type { ServerMessage } from "./messages";
import { NoticeView } from "./notice-view";
import { Orb } from "./orb";
import type { Problem, Step } from "./problem";
import { agentConfig } from "./settings";
import { SetupView } from "./setup-view";
import { SignalingError, fetchInfo } from "./signaling";
import { Subtitles } from "./subtitles";
import { Ui, moodOf, type Status } from "./ui";

/** How often to ask an absent server again, in ms. */
const SERVER_RETRY_MS = 5000;

const call = new Call();
const subtitles = new Subtitles();
const conversation = new ConversationView();
const latency = new LatencyView();
const setup = new SetupView();
const ui = new Ui();
const notice = new NoticeView(take);
const audio = byId("agent-audio", HTMLAudioElement);

const status: Status = {
  phase: "idle",
  agentState: null,
  muted: false,
  microphone: false,
  voiceInterrupt: true,
  roundTripMs: null,
  serverUp: false,
};
let retry: ReturnType<typeof setTimeout> | undefined;
let connectedAt: number | null = null;
let sound: AudioContext | null = null;
let agentMeter: LevelMeter | null = null;
let userMeter: LevelMeter | null = null;

const bands = new Float32Array(24);
const orb = new Orb(byId("orb", HTMLCanvasElement), () => {
  agentMeter?.bands(bands);
  return { agent: agentMeter?.level() ?? 0, user: userMeter?.level() ?? 0, bands };
});

// For automated tests: the engine with its log of events.
declare global {
  interface Window {
    ringline: { call: Call };
  }
}
window.ringline = { call };

function refresh(): void {
  ui.show(status);
  orb.setMood(moodOf(status));
  if (connectedAt !== null && status.phase !== "idle") ui.showSeconds((performance.now() - connectedAt) / 1000);
}

function start(microphone: boolean): void {
  if (status.phase !== "idle" || !setup.ready) return;
  notice.clear();
  subtitles.clear();
  conversation.render(subtitles);
  latency.clear();
  connectedAt = null;
  ui.showSeconds(0);
  const { settings } = setup;
  Object.assign(status, { agentState: null, muted: false, microphone: false, voiceInterrupt: settings.voiceInterrupt, roundTripMs: null });
  // Within the click, or the browser may keep audio shut.
  sound ??= new AudioContext();
  void sound.resume();
  void call.start({ agentId: setup.agentId, userId: setup.userId, agentConfig: agentConfig(settings), microphone });
}

function take(step: Step): void {
  switch (step) {
    case "call":
      return start(true);
    case "call-without-microphone":
      return start(false);
    case "reload":
      return location.reload();
    case "retry-server":
      return void lookForServer();
    case "retry-microphone":
      return void call.reopenMicrophone();
  }
}

function receive(message: ServerMessage): void {
  switch (message.kind) {
    case "state":
      status.agentState = message.state;
      subtitles.state(message.state);
      break;
    case "agent-subtitle":
      subtitles.agent(message.text, message.end, message.sentenceId);
      break;
    case "user-subtitle":
      subtitles.user(message.text, message.end, message.sentenceId, message.voiceprint);
      break;
    case "interrupted":
      subtitles.interrupted(message.reason);
      break;
    case "latency":
      subtitles.latency(message.latency);
      latency.add(message.latency);
      break;
    case "voice-interrupt-changed":
      status.voiceInterrupt = message.enable;
      break;
    case "error":
    case "will-leave":
    case "reply-completed":
      // Errors and the leaving arrive as problems; the whole reply is on the page already.
      break;
  }
  conversation.render(subtitles);
  refresh();
}

call.on("phase", (phase) => {
  status.phase = phase;
  if (phase === "connected") connectedAt ??= performance.now();
  refresh();
});
call.on("message", receive);
call.on("round-trip", (ms) => {
  status.roundTripMs = ms;
  refresh();
});
call.on("problem", (problem) => notice.show(problem));
call.on("ended", (problem) => {
  agentMeter?.close();
  userMeter?.close();
  agentMeter = userMeter = null;
  bands.fill(0);
  audio.srcObject = null;
  ui.hear.hidden = true;
  status.agentState = null;
  subtitles.finish();
  conversation.render(subtitles);
  refresh();
  if (problem) notice.show(problem);
  if (problem?.kind === "server-away") lost();
});
call.on("local-stream", (stream) => {
  status.microphone = true;
  userMeter?.close();
  userMeter = sound && new LevelMeter(sound, stream);
  refresh();
});
call.on("remote-stream", (stream) => {
  // The audio element plays; the meter only looks on.
  audio.srcObject = stream;
  agentMeter?.close();
  agentMeter = sound && new LevelMeter(sound, stream);
  void play();
});

async function play(): Promise<void> {
  try {
    await audio.play();
    ui.hear.hidden = true;
  } catch (error) {
    // A replaced or removed stream aborts the attempt before; only a refusal needs the user.
    ui.hear.hidden = !(error instanceof DOMException && error.name === "NotAllowedError");
  }
}

setup.form.addEventListener("submit", (event) => {
  event.preventDefault();
  start(true);
});
ui.hangUp.onclick = () => void call.hangUp();
ui.interrupt.onclick = () => void call.interrupt();
ui.mute.onclick = () => {
  call.setMuted(!call.muted);
  status.muted = call.muted;
  refresh();
};
ui.hear.onclick = () => {
  void sound?.resume();
  void play();
};
ui.typing.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = ui.text.value.trim();
  if (!text || !call.sendText(text)) return;
  ui.text.value = "";
  subtitles.typed(text);
  conversation.render(subtitles);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !ui.interrupt.disabled) call.interrupt();
});
addEventListener("pagehide", () => call.abandon());
setInterval(refresh, 500);
setInterval(() => ui.showLevel(userMeter?.level() ?? 0), 60);

async function lookForServer(): Promise<void> {
  try {
    const info = await fetchInfo();
    setup.offer(info);
    byId("scripted-banner", HTMLElement).hidden = info.models !== "scripted";
    byId("version", HTMLElement).textContent = info.version ? `Ringline ${info.version}` : "";
    status.serverUp = true;
    if (notice.shown === "server-away") notice.clear();
    if (info.agents.length === 0) notice.show({ kind: "refused", message: "It has no agent to call", code: "" });
  } catch (error) {
    status.serverUp = false;
    const problem: Problem = error instanceof SignalingError ? error.problem : { kind: "server-away" };
    if (notice.shown !== problem.kind) notice.show(problem);
    lost();
  }
  refresh();
}

function lost(): void {
  status.serverUp = false;
  clearTimeout(retry);
  retry = setTimeout(() => void lookForServer(), SERVER_RETRY_MS);
}

if (!globalThis.isSecureContext) notice.show({ kind: "insecure-page" });
void lookForServer();
refresh();
