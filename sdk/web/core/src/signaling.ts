// Our signaling over HTTP: joining, restarting and leaving. Every request has a time limit; every failure becomes a
// SignalingError with a code that a program can branch on and a message that a person can read.

import { asObject, textOf, type Json } from "./json";

/** Asks, inside the join, for an agent on the token's channel. */
export interface AgentRequest {
  agentId: string;
  region?: string;
  /** "GenerateAIAgentCall" */
  action: string;
  /** The operation's parameters, as JSON text. */
  params: string;
}

/** What became of an agent request. `code` is "200" or the operation's error code, `data` JSON text. */
export interface AgentReply {
  requestId: string;
  code: string;
  data?: string;
  message?: string;
}

export interface JoinAnswer {
  sdp: string;
  channelId: string;
  userId: string;
  agentUserId: string;
  instanceId: string;
  /** Where to restart and leave, absolute. */
  resource: string;
  agentReply: AgentReply | null;
  /** Seconds that the token lasts by the server's clock, if it says so. */
  expiresIn: number | null;
}

export interface ChangeAnswer {
  /** With an offer. */
  sdp: string;
  expiresIn: number | null;
}

/**
 * The server's codes are its own (`TokenExpired`, `ChannelNotFound`, `CallFinished`, `ServerBusy`, `AgentRefused`…).
 * Ours: `ServerAway` (no answer), `BadAnswer`, `InvalidToken`, `NoMediaPath` (nothing arrives), `Left` (left meanwhile).
 */
export class SignalingError extends Error {
  override readonly name = "SignalingError";

  constructor(
    readonly code: string,
    message: string,
    /** The HTTP status, or 0 when there was no answer. */
    readonly status = 0,
    readonly agentReply: AgentReply | null = null,
  ) {
    super(message);
  }

  /** The server answered, and won't answer otherwise if asked again. */
  get refused(): boolean {
    return this.status >= 400 && this.status < 500;
  }
}

/** For the first join an answer may take its time; a repair that hangs on a dead connection is better begun anew. */
const JOIN_LIMIT_MS = 15_000;
const REPAIR_LIMIT_MS = 5000;
const LEAVE_LIMIT_MS = 2000;

export interface JoinRequest {
  token: string;
  sdp: string;
  agent?: AgentRequest;
}

/** `again`: the call is known, and this connection is to take the place of one that is lost. */
export async function joinCall(url: string, request: JoinRequest, again: boolean): Promise<JoinAnswer> {
  const answer = await send("POST", url, request, again ? REPAIR_LIMIT_MS : JOIN_LIMIT_MS);
  const reply = asObject(answer["agentReply"]);
  return {
    sdp: required(answer, "sdp"),
    channelId: textOf(answer["channelId"]),
    userId: textOf(answer["userId"]),
    agentUserId: required(answer, "agentUserId"),
    instanceId: textOf(answer["instanceId"]),
    resource: new URL(required(answer, "resource"), url).href,
    agentReply: reply ? readReply(reply) : null,
    expiresIn: seconds(answer["expiresIn"]),
  };
}

/** Brings a newer token, and with an offer restarts the transport of the same call. */
export async function changeCall(resource: string, token: string, sdp: string | null): Promise<ChangeAnswer> {
  const answer = await send("PATCH", resource, sdp === null ? { token } : { token, sdp }, REPAIR_LIMIT_MS);
  return { sdp: sdp === null ? "" : required(answer, "sdp"), expiresIn: seconds(answer["expiresIn"]) };
}

/** Ends our part of the call. Never fails: a server that is away will notice by itself. It outlives the page. */
export async function leaveCall(resource: string, token: string): Promise<void> {
  try {
    await fetch(resource, {
      method: "DELETE",
      headers: { Authorization: `Bearer ${token}` },
      keepalive: true,
      signal: AbortSignal.timeout(LEAVE_LIMIT_MS),
    });
  } catch {
    // See above.
  }
}

async function send(method: string, url: string, body: object, limitMs: number): Promise<Json> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(limitMs),
    });
  } catch {
    throw new SignalingError("ServerAway", `No answer from ${new URL(url).origin}.`);
  }
  const answer = asObject(await response.json().catch(() => null));
  if (!response.ok) throw refusal(response.status, answer ?? {}, url);
  if (!answer) throw badAnswer("no JSON object", response.status);
  return answer;
}

function refusal(status: number, answer: Json, url: string): SignalingError {
  // A proxy in front of the server speaks for a server that is away.
  if (status === 502 || status === 504) return new SignalingError("ServerAway", `No answer from behind ${new URL(url).origin}.`);
  const reply = asObject(answer["agentReply"]);
  const code = textOf(answer["code"]) || `Status${status}`;
  const message = textOf(answer["message"]) || `The server answered with status ${status}.`;
  return new SignalingError(code, message, status, reply ? readReply(reply) : null);
}

function readReply(reply: Json): AgentReply {
  const optional = (key: "data" | "message") => (typeof reply[key] === "string" ? { [key]: reply[key] } : {});
  return { requestId: textOf(reply["requestId"]), code: textOf(reply["code"]), ...optional("data"), ...optional("message") };
}

function seconds(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function required(answer: Json, key: string): string {
  const value = textOf(answer[key]);
  if (value === "") throw badAnswer(`${key} is absent`, 200);
  return value;
}

function badAnswer(message: string, status: number): SignalingError {
  return new SignalingError("BadAnswer", `The server's answer can't be used: ${message}.`, status);
}
