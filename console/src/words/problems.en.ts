// What has gone wrong in a call, and what to do about it, in English.

import type { Problem } from "../call/problem";

export function problemWords(problem: Problem, origin: string): { title: string; text: string } {
  switch (problem.kind) {
    case "insecure-page":
      return {
        title: "This address can't use a microphone",
        text: `Browsers allow the microphone only on https pages and on localhost; this page is ${origin || "neither"}. Open it as http://localhost on the server's own machine, or put it behind https. You can also call now and type.`,
      };
    case "unsupported-browser":
      return {
        title: "This browser can't make calls",
        text: "It has no WebRTC, or it is switched off. Use a current Chromium, Firefox, Safari or Edge.",
      };
    case "microphone-denied":
      return {
        title: "The microphone is blocked",
        text: "The agent can't hear you until you allow it: open the site settings beside the address bar, set Microphone to Allow, then call again. If it is allowed there, check the system's privacy settings.",
      };
    case "microphone-missing":
      return {
        title: "No microphone found",
        text: "Plug one in, or switch it on in the system's sound settings, then call again. You can also call without one and type.",
      };
    case "microphone-failed":
      return {
        title: "The microphone doesn't start",
        text: `Another program may be using it. Close that program and call again. The browser says: ${problem.message}`,
      };
    case "microphone-lost":
      return {
        title: "The microphone is gone",
        text: "It was unplugged or taken away. Plug it in again and reconnect it; the call goes on, and you can type meanwhile.",
      };
    case "server-away":
      return {
        title: "The server doesn't answer",
        text: "Check that `ringline serve` is running and that this machine can reach it, then try again.",
      };
    case "no-agent":
      return { title: "There is no agent to call", text: "Sign in and make one under Agents, then come back." };
    case "refused":
      return {
        title: "The server refused the call",
        text: problem.code ? `${sentence(problem.message)} (${problem.code})` : sentence(problem.message || "No reason was given"),
      };
    case "server-full":
      return { title: "All lines are busy", text: "The server takes no more calls just now. Try again in a moment." };
    case "bad-answer":
      return {
        title: "The server's answer makes no sense",
        text: `Page and server may be of different versions. Reload the page; if that doesn't help, look at the server's log. Detail: ${problem.message}`,
      };
    case "no-media-path":
      return {
        title: "No audio path to the server",
        text: "The call was accepted, but no audio gets through. A firewall may block the server's media port (see --udp), or the server announces an address that this machine can't reach.",
      };
    case "path-lost":
      return {
        title: "The connection was lost",
        text: "It didn't come back within a minute, so the call has ended. Check the network, then call again.",
      };
    case "call-over":
      return { title: "The call is over", text: "The server has ended it, or was restarted." };
    case "replaced":
      return { title: "You are on this call elsewhere", text: "The call goes on where you joined last." };
    case "agent-left":
      return { title: "The agent has left", text: leaveWords(problem.reason, problem.message) };
    case "agent-error":
      return { title: "The agent has a problem", text: errorWords(problem.code, problem.message) };
  }
}

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
