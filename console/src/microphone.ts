// Getting the microphone, and saying in one word why it can't be had.

import type { Problem } from "./problem";

const WANTED: MediaStreamConstraints = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
};

export class MicrophoneError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.kind);
  }
}

/** Asks for the microphone; throws a MicrophoneError. */
export async function openMicrophone(): Promise<MediaStream> {
  // Outside a secure context browsers hide the whole interface.
  if (!globalThis.navigator.mediaDevices?.getUserMedia) throw new MicrophoneError({ kind: "insecure-page" });
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    throw new MicrophoneError(microphoneProblem(error));
  }
}

/** The names are those of the Media Capture specification. */
export function microphoneProblem(error: unknown): Problem {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return { kind: "microphone-denied" };
    case "NotFoundError":
    case "OverconstrainedError":
      return { kind: "microphone-missing" };
    default:
      return { kind: "microphone-failed", message: message || name };
  }
}
