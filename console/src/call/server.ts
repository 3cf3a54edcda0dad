// What the server offers, and asking it for a call, as an app's own server would. Joining is the RTC core's business.
// Every request has a time limit; every failure becomes a ServerError that carries what to tell the user.

import type { Problem } from "./problem";

export interface ServerInfo {
  version: string;
  models: "local" | "scripted";
  agents: { id: string; name: string; kind: string }[];
  voices: { id: string; name: string; language: string }[];
  /** Whether calls can be started from here without signing them. */
  appServer: boolean;
}

/** What the app-server door answers when it has started an agent. */
export interface StartedCall {
  instanceId: string;
  agentUserId: string;
  channelId: string;
  token: string;
}

/** A request failed; `problem` is what to tell the user. */
export class ServerError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.kind);
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
    appServer: info["appServer"] !== false,
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
    throw new ServerError({ kind: "refused", message: textOf(answer, "message"), code: textOf(answer, "error_code") });
  }
  return {
    instanceId: required(answer, "ai_agent_instance_id"),
    agentUserId: required(answer, "ai_agent_user_id"),
    channelId: required(answer, "channel_id"),
    token: required(answer, "rtc_auth_token"),
  };
}

async function send(url: string, request: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, cache: "no-store", signal: AbortSignal.timeout(LIMIT_MS) });
  } catch {
    throw new ServerError({ kind: "server-away" });
  }
  if (response.ok) return response;
  throw new ServerError(await refusal(response));
}

async function refusal(response: Response): Promise<Problem> {
  // A proxy in front of the server speaks for a server that is away.
  if (response.status === 502 || response.status === 504) return { kind: "server-away" };
  if (response.status === 503) return { kind: "server-full" };
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

function badAnswer(message: string): ServerError {
  return new ServerError({ kind: "bad-answer", message });
}
