// The HTTP side of a call: what the server offers, asking for a call, joining, restarting and leaving it.
// Every request has a time limit; every failure becomes a SignalingError that carries what to tell the user.

import type { Problem } from "./problem";

export interface ServerInfo {
  version: string;
  models: "local" | "scripted";
  agents: { id: string; name: string; kind: string }[];
  voices: { id: string; name: string; language: string }[];
}

/** What the app-server door answers when it has started an agent. */
export interface StartedCall {
  instanceId: string;
  agentUserId: string;
  channelId: string;
  token: string;
}

export interface JoinedCall {
  sdp: string;
  agentUserId: string;
  instanceId: string;
  /** Where to restart and leave, absolute. */
  resource: string;
}

export class SignalingError extends Error {
  constructor(
    readonly problem: Problem,
    /** The HTTP status, or 0 when there was no answer. */
    readonly status: number,
  ) {
    super(problem.kind);
  }

  /** The server answered, and won't answer otherwise if asked again. */
  get refused(): boolean {
    return this.status >= 400 && this.status < 500;
  }
}

const LIMIT_MS = 15_000;

type Json = Record<string, unknown>;

export async function fetchInfo(): Promise<ServerInfo> {
  const info = await readJson(await send("/api/ringline/v1/info", {}));
  if (!Array.isArray(info["agents"])) throw badAnswer("the list of agents is absent");
  return {
    version: String(info["version"] ?? ""),
    models: info["models"] === "scripted" ? "scripted" : "local",
    agents: info["agents"] as ServerInfo["agents"],
    voices: (Array.isArray(info["voices"]) ? info["voices"] : []) as ServerInfo["voices"],
  };
}

export async function requestCall(agentId: string, userId: string, agentConfig: string): Promise<StartedCall> {
  const answer = await readJson(
    await send("/api/v2/aiagent/generateAIAgentCall", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ai_agent_id: agentId, user_id: userId, expire: 86400, template_config: "{}", agent_config: agentConfig }),
    }),
  );
  if (answer["code"] !== 200) {
    throw new SignalingError(
      { kind: "refused", message: textOf(answer, "message") || "No reason was given", code: textOf(answer, "error_code") },
      typeof answer["code"] === "number" ? answer["code"] : 200,
    );
  }
  return {
    instanceId: required(answer, "ai_agent_instance_id"),
    agentUserId: required(answer, "ai_agent_user_id"),
    channelId: required(answer, "channel_id"),
    token: required(answer, "rtc_auth_token"),
  };
}

export async function joinCall(rtcUrl: string, token: string, sdp: string): Promise<JoinedCall> {
  const answer = await readJson(await send(rtcUrl, offerRequest("POST", token, sdp)));
  return {
    sdp: required(answer, "sdp"),
    agentUserId: textOf(answer, "agentUserId"),
    instanceId: textOf(answer, "instanceId"),
    resource: new URL(required(answer, "resource"), rtcUrl).href,
  };
}

/** Offers again on the same call after ICE was restarted; gives the new answer. */
export async function restartCall(resource: string, token: string, sdp: string): Promise<string> {
  return required(await readJson(await send(resource, offerRequest("PATCH", token, sdp))), "sdp");
}

/** Ends our part of the call. Never fails: a server that is away will notice by itself. `keepalive` outlives the page. */
export async function leaveCall(resource: string, token: string, keepalive: boolean): Promise<void> {
  try {
    await fetch(resource, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${token}` },
      keepalive,
      signal: AbortSignal.timeout(2000),
    });
  } catch {
    // See above.
  }
}

function offerRequest(method: string, token: string, sdp: string): RequestInit {
  return { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ token, sdp }) };
}

async function send(url: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) });
  } catch {
    throw new SignalingError({ kind: "server-away" }, 0);
  }
  if (response.ok) return response;
  throw new SignalingError(await refusal(response), response.status);
}

/** The doors for joining answer {code, message}. */
async function refusal(response: Response): Promise<Problem> {
  // A proxy in front of the server speaks for a server that is away.
  if (response.status === 502 || response.status === 504) return { kind: "server-away" };
  if (response.status === 503) return { kind: "server-full" };
  if (response.status === 410) return { kind: "call-over" };
  const body: unknown = await response.json().catch(() => null);
  const fields = typeof body === "object" && body !== null ? (body as Json) : {};
  const code = fields["code"];
  return {
    kind: "refused",
    message: textOf(fields, "message") || `HTTP status ${response.status}`,
    code: typeof code === "string" ? code : String(response.status),
  };
}

async function readJson(response: Response): Promise<Json> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null) throw badAnswer("no JSON object");
  return body as Json;
}

function required(answer: Json, key: string): string {
  const value = textOf(answer, key);
  if (value === "") throw badAnswer(`${key} is absent`);
  return value;
}

function textOf(answer: Json, key: string): string {
  const value = answer[key];
  return typeof value === "string" ? value : "";
}

function badAnswer(message: string): SignalingError {
  return new SignalingError({ kind: "bad-answer", message }, 200);
}
