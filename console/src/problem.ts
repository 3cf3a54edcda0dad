// Everything that can go wrong in a call as the user sees it, in words and with the next step. Pure.

export type Problem =
  | { kind: "insecure-page" }
  | { kind: "unsupported-browser" }
  | { kind: "microphone-denied" }
  | { kind: "microphone-missing" }
  | { kind: "microphone-failed"; message: string }
  | { kind: "microphone-lost" }
  | { kind: "server-away" }
  | { kind: "refused"; message: string; code: string }
  | { kind: "server-full" }
  | { kind: "bad-answer"; message: string }
  | { kind: "no-media-path" }
  | { kind: "path-lost" }
  | { kind: "call-over" }
  | { kind: "agent-left"; reason: number; message: string }
  | { kind: "agent-error"; code: number; message: string };

/** What the page offers as the next step. */
export type Step = "call" | "call-without-microphone" | "reload" | "retry-server" | "retry-microphone";

export interface Words {
  title: string;
  text: string;
  steps: Step[];
  /** Not a failure: shown calmly. */
  calm?: boolean;
}

export function describe(problem: Problem, origin = ""): Words {
  switch (problem.kind) {
    case "insecure-page":
      return {
        title: "This address can't use a microphone",
        text: `Browsers allow the microphone only on https pages and on localhost; this page is ${origin || "neither"}. Open it as http://localhost on the server's own machine, or put it behind https. You can also call now and type.`,
        steps: ["call-without-microphone"],
      };
    case "unsupported-browser":
      return {
        title: "This browser can't make calls",
        text: "It has no WebRTC, or it is switched off. Use a current Chromium, Firefox, Safari or Edge.",
        steps: [],
      };
    case "microphone-denied":
      return {
        title: "The microphone is blocked",
        text: "The agent can't hear you until you allow it: open the site settings beside the address bar, set Microphone to Allow, then call again. If it is allowed there, check the system's privacy settings.",
        steps: ["call", "call-without-microphone"],
      };
    case "microphone-missing":
      return {
        title: "No microphone found",
        text: "Plug one in, or switch it on in the system's sound settings, then call again. You can also call without one and type.",
        steps: ["call", "call-without-microphone"],
      };
    case "microphone-failed":
      return {
        title: "The microphone doesn't start",
        text: `Another program may be using it. Close that program and call again. The browser says: ${problem.message}`,
        steps: ["call", "call-without-microphone"],
      };
    case "microphone-lost":
      return {
        title: "The microphone is gone",
        text: "It was unplugged or taken away. Plug it in again and reconnect it; the call goes on, and you can type meanwhile.",
        steps: ["retry-microphone"],
      };
    case "server-away":
      return {
        title: "The server doesn't answer",
        text: "Check that `ringline serve` is running and that this machine can reach it, then try again.",
        steps: ["retry-server"],
      };
    case "refused":
      return {
        title: "The server refused the call",
        text: problem.code ? `${sentence(problem.message)} (${problem.code})` : sentence(problem.message),
        steps: ["call"],
      };
    case "server-full":
      return { title: "All lines are busy", text: "The server takes no more calls just now. Try again in a moment.", steps: ["call"] };
    case "bad-answer":
      return {
        title: "The server's answer makes no sense",
        text: `Page and server may be of different versions. Reload the page; if that doesn't help, look at the server's log. Detail: ${problem.message}`,
        steps: ["reload"],
      };
    case "no-media-path":
      return {
        title: "No audio path to the server",
        text: "The call was accepted, but no audio gets through. A firewall may block the server's media port (see --udp), or the server announces an address that this machine can't reach.",
        steps: ["call"],
      };
    case "path-lost":
      return {
        title: "The connection was lost",
        text: "It didn't come back within a minute, so the call has ended. Check the network, then call again.",
        steps: ["call"],
      };
    case "call-over":
      return { title: "The call is over", text: "The server has ended it, or was restarted.", steps: ["call"], calm: true };
    case "agent-left":
      return { title: "The agent has left", text: leaveWords(problem.reason, problem.message), steps: ["call"], calm: true };
    case "agent-error":
      return { title: "The agent has a problem", text: errorWords(problem.code, problem.message), steps: [] };
  }
}

export const STEP_LABELS: Record<Step, string> = {
  call: "Call again",
  "call-without-microphone": "Call and type",
  reload: "Reload",
  "retry-server": "Try again",
  "retry-microphone": "Reconnect microphone",
};

function leaveWords(reason: number, message: string): string {
  switch (reason) {
    case 2001:
      return "Nothing was said for a long time, so it hung up.";
    case 2002:
      return "The person who had taken over ended the call.";
    default:
      return message ? `It said: ${sentence(message)}` : "It ended the call.";
  }
}

function errorWords(code: number, message: string): string {
  switch (code) {
    case 4001:
      return "The server has no room for another avatar.";
    case 4004:
      return "It can't hear you: your audio doesn't reach it. Check the microphone, or hang up and call again.";
    case 4005:
      return `It couldn't understand the speech: recognition failed.${message ? ` ${sentence(message)}` : ""} Say it again, or type.`;
    case 4006:
      return "The avatar failed.";
    default:
      return `${sentence(message || "The server gave no reason.")} (${code})`;
  }
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) || trimmed === "" ? trimmed : `${trimmed}.`;
}
