// What the call's state is called, and how the orb looks with it. Pure.

import type { StateName } from "../words/en";
import type { Mood } from "./orb";
import type { TalkState } from "./talk";

export function moodOf({ phase, agentState }: TalkState): Mood {
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

export function stateName(state: TalkState): StateName {
  const { phase, agentState, microphone, muted, pushToTalk, voiceInterrupt } = state;
  if (phase === "idle") return state.serverUp === false ? "away" : "ready";
  if (phase !== "connected") return phase;
  switch (agentState) {
    case null:
      return "connected";
    case "thinking":
      return "thinking";
    case "listening":
      if (!microphone) return "listeningDeaf";
      if (muted) return "listeningMuted";
      return pushToTalk ? "listeningPush" : "listening";
    case "speaking":
      return voiceInterrupt && microphone && !muted && !pushToTalk ? "speaking" : "speakingOn";
  }
}
