// Everything that can go wrong in a call as the user sees it; the words for it are in words/.

import { DeviceError, DeviceErrorCode, SignalingError } from "@ringline/rtc-core";
import { ServerError } from "./server";

export type Problem =
  | { kind: "insecure-page" }
  | { kind: "unsupported-browser" }
  | { kind: "microphone-denied" }
  | { kind: "microphone-missing" }
  | { kind: "microphone-failed"; message: string }
  | { kind: "microphone-lost" }
  | { kind: "server-away" }
  | { kind: "no-agent" }
  | { kind: "refused"; message: string; code: string }
  | { kind: "server-full" }
  | { kind: "bad-answer"; message: string }
  | { kind: "no-media-path" }
  | { kind: "path-lost" }
  | { kind: "call-over" }
  | { kind: "replaced" }
  | { kind: "agent-left"; reason: number; message: string }
  | { kind: "agent-error"; code: number; message: string };

/** What the page offers as the next step. */
export type Step = "call" | "call-without-microphone" | "reload" | "retry-server" | "retry-microphone";

/** The next steps of a problem, the likeliest first. */
export function stepsOf(problem: Problem): Step[] {
  switch (problem.kind) {
    case "insecure-page":
      return ["call-without-microphone"];
    case "microphone-denied":
    case "microphone-missing":
    case "microphone-failed":
      return ["call", "call-without-microphone"];
    case "microphone-lost":
      return ["retry-microphone"];
    case "server-away":
    case "no-agent":
      return ["retry-server"];
    case "refused":
    case "server-full":
    case "no-media-path":
    case "path-lost":
    case "call-over":
    case "replaced":
    case "agent-left":
      return ["call"];
    case "bad-answer":
      return ["reload"];
    case "unsupported-browser":
    case "agent-error":
      return [];
  }
}

/** Not a failure: shown calmly. */
export function isCalm({ kind }: Problem): boolean {
  return kind === "call-over" || kind === "replaced" || kind === "agent-left";
}

/** What to tell the user of an error of the RTC core or of the server's. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ServerError) return error.problem;
  if (error instanceof DeviceError) return deviceProblem(error);
  if (error instanceof SignalingError) return signalingProblem(error);
  return { kind: "bad-answer", message: error instanceof Error ? error.message : String(error) };
}

function deviceProblem({ errorCode, message }: DeviceError): Problem {
  switch (errorCode) {
    case DeviceErrorCode.MicrophoneNotAllowed:
      // Outside a secure context there is nothing to allow.
      return { kind: globalThis.isSecureContext === false ? "insecure-page" : "microphone-denied" };
    case DeviceErrorCode.MicrophoneNotFound:
    case DeviceErrorCode.Constraints:
      return { kind: "microphone-missing" };
    default:
      return { kind: "microphone-failed", message };
  }
}

function signalingProblem({ code, message, status }: SignalingError): Problem {
  if (code === "ServerAway") return { kind: "server-away" };
  if (code === "NoMediaPath") return { kind: "no-media-path" };
  if (code === "BadAnswer" || code === "InvalidToken") return { kind: "bad-answer", message };
  if (status === 503) return { kind: "server-full" };
  if (status === 410) return { kind: "call-over" };
  return { kind: "refused", message, code };
}
