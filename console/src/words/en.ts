// The console in English, and the shape that every other language has.

import type { PartName } from "../call/latency";
import type { InterruptReason } from "../call/messages";
import type { Problem, Step } from "../call/problem";
import { adminWords } from "./admin.en";
import { problemWords } from "./problems.en";

export const en = {
  shell: {
    skip: "Skip to content",
    pages: "Pages",
    talk: "Talk",
    calls: "Calls",
    agents: "Agents",
    keys: "Keys",
    health: "Health",
    signOut: "Sign out",
    language: "Language",
    theme: "Appearance",
    themes: { auto: "Like the system", light: "Light", dark: "Dark" },
    onCall: "On a call",
    backToCall: "Back to your call",
    loading: "Loading…",
    dismiss: "Dismiss",
    tryAgain: "Try again",
    close: "Close",
    copy: "Copy",
    copied: "Copied",
    notFound: "There is no such page.",
  },
  signIn: {
    title: "Sign in",
    text: "Calls, agents, keys and health are for operators.",
    token: "Admin token",
    hint: "`ringline serve` prints it when it starts, or you set it as RINGLINE_ADMIN_TOKEN.",
    submit: "Sign in",
    show: "Show the token",
    wrong: "The server doesn't take this token.",
    expired: "The server no longer takes your token: it has probably been restarted. Sign in again.",
    kept: "Kept in this tab only, until you close it or sign out.",
  },
  failure: {
    away: "The server doesn't answer. Check that `ringline serve` is running and can be reached from here.",
    unknown: (message: string) => `That didn't work: ${message}`,
  },
  talk: {
    title: "Talk to an agent",
    agentStage: "Agent",
    conversation: "Conversation",
    empty: "What you and the agent say appears here while you speak.",
    scripted: "Scripted models:",
    scriptedText: "recognition, answers and voice are scripted; there is no real speech understanding.",
    scriptedMore: (option: string) => `Start the server with ${option} for the real ones.`,
    doorClosed: "This server takes calls from your app server only (`app_server.enabled = false`), so there is nothing to try here.",
    newCall: "New call",
    agent: "Agent",
    call: "Call",
    settings: "Settings",
    settingsNow: "Changes take effect at once.",
    voiceInterrupt: "I can interrupt by speaking",
    pushToTalk: "Push to talk",
    voice: "Voice",
    silence: "Silence that ends my turn",
    silenceUnit: "ms, 200 to 1200",
    rate: "Speaking rate",
    greeting: "Greeting",
    prompt: "System prompt",
    agentsOwn: "the agent's own",
    reset: "Back to the agent's own settings",
    controls: "Call",
    mute: "Mute",
    unmute: "Unmute",
    interrupt: "Interrupt",
    hangUp: "Hang up",
    holdToTalk: "Hold to talk",
    releaseToSend: "Release to send",
    micLevel: "Microphone level",
    hear: "Hear the agent",
    length: "Call length",
    type: "Type instead of speaking",
    typeHint: "Type instead…",
    send: "Send",
    you: "You",
    typed: "typed",
    interruptedNote: "(interrupted)",
    interrupted: {
      unknown: "interrupted",
      words: "interrupted by a word",
      voice: "interrupted by your voice",
      command: "interrupted by the button",
      speech: "interrupted by an announcement",
      text: "interrupted by your text",
    } satisfies Record<InterruptReason, string> as Record<InterruptReason, string>,
    takenOver: "A person has taken over.",
    takeoverComes: "A person is about to take over.",
    states: {
      ready: ["Ready to talk", "Press Call and say hello."],
      away: ["Not connected", ""],
      microphone: ["Microphone…", "Allow the microphone when the browser asks."],
      requesting: ["Calling…", "Waking the agent."],
      connecting: ["Connecting…", "Setting up the audio path."],
      reconnecting: ["Reconnecting…", "The connection was lost; the call is kept for you."],
      connected: ["Connected", "The agent is about to speak."],
      listening: ["Listening", "Go ahead and speak."],
      listeningMuted: ["Listening", "You are muted."],
      listeningDeaf: ["Listening", "You have no microphone: type below."],
      listeningPush: ["Listening", "Hold the button or the space bar while you speak."],
      thinking: ["Thinking", "One moment."],
      speaking: ["Speaking", "Talk over it any time."],
      speakingOn: ["Speaking", "Press Interrupt to stop it."],
    } as Record<StateName, [string, string]>,
    connection: { up: "Server ready", away: "Server away", looking: "Looking for the server…", connected: "Connected", connecting: "Connecting…", reconnecting: "Reconnecting…" },
  },
  latency: {
    title: "Response time",
    median: (turns: number, value: string) => `median of ${turns}: ${value}`,
    parts: {
      endpointing: ["End of turn", "Waiting to be sure that you had finished"],
      transcript: ["Transcript", "Waiting for the last words to be recognised"],
      firstText: ["First words", "Until the language model's first words"],
      firstSegment: ["First clause", "Until there was enough text to speak"],
      firstAudio: ["Voice", "Until the first audio was synthesised"],
      playout: ["Playout", "Until the first sample was sent"],
    } as Record<PartName, [string, string]>,
  },
  ...adminWords,
  problem: problemWords as (problem: Problem, origin: string) => { title: string; text: string },
  steps: {
    call: "Call again",
    "call-without-microphone": "Call and type",
    reload: "Reload",
    "retry-server": "Try again",
    "retry-microphone": "Reconnect microphone",
  } as Record<Step, string>,
};

export type StateName =
  | "ready"
  | "away"
  | "microphone"
  | "requesting"
  | "connecting"
  | "reconnecting"
  | "connected"
  | "listening"
  | "listeningMuted"
  | "listeningDeaf"
  | "listeningPush"
  | "thinking"
  | "speaking"
  | "speakingOn";

export type Words = typeof en;
