// Share tokens: somebody else's agent, lent for a while (client-sdk §7.4).

import { AICallAgentType, AICallErrorCode } from "./enums";
import { AICallAgentConfig } from "./agent-config";
import { AICallAgentError } from "./error";
import { isObject, parseObject } from "./fields";
import { agentTypeOf } from "./template-config";
import { readAgentInfo, type AICallAgentInfo } from "./types";

export class AICallAgentShareConfig {
  constructor(
    public shareId?: string,
    public agentType?: AICallAgentType,
    public expireTime?: Date,
    /** JSON text. */
    public templateConfig?: string,
    public region?: string,
    /** JSON text. */
    public userData?: string,
  ) {}

  /** Reads a share token: base64 of a JSON object, written for a URL. Throws `InvalidParames` for anything else. */
  static fromToken(token: string): AICallAgentShareConfig {
    const share = decode(token);
    const text = (key: string) => (typeof share[key] === "string" ? (share[key] as string) : undefined);
    const expires = text("ExpireTime");
    return new AICallAgentShareConfig(
      text("TemporaryAIAgentId"),
      agentTypeOf(share["WorkflowType"]),
      expires === undefined ? undefined : new Date(`${expires.replace(" ", "T")}Z`),
      text("TemplateConfig"),
      text("Region"),
      text("UserData"),
    );
  }
}

function decode(token: string): Record<string, unknown> {
  try {
    const bytes = Uint8Array.from(atob(decodeURIComponent(token)), (char) => char.charCodeAt(0));
    const share = parseObject(new TextDecoder().decode(bytes));
    if (share) return share;
  } catch {
    // One message for all that is no share token.
  }
  throw new AICallAgentError("This is no share token.", AICallErrorCode.InvalidParames);
}

/** Asks an app server for a call of the shared agent. */
export async function startSharedCall(appServer: string, share: AICallAgentShareConfig, userId: string): Promise<AICallAgentInfo> {
  if (!share.shareId || !userId) throw new AICallAgentError("A share with an id, and a user id, are needed.", AICallErrorCode.InvalidParames);
  if (share.expireTime && !(share.expireTime.getTime() > Date.now())) {
    throw new AICallAgentError("The share token has expired.", AICallErrorCode.TokenExpired);
  }
  const answer = await post(new URL("/api/v1/aiagent/generateAIAgentCall", appServer).href, {
    user_id: userId,
    expire: 24 * 60 * 60,
    ai_agent_id: share.shareId,
    agent_config: JSON.stringify(new AICallAgentConfig().toJSON()),
    template_config: share.templateConfig ?? "{}",
    ...(share.region ? { region: share.region } : {}),
    ...(share.userData ? { user_data: share.userData } : {}),
  });
  if (answer["code"] !== undefined && answer["code"] !== 200) throw refusal(answer);
  const info = readAgentInfo(answer);
  return share.agentType === undefined ? info : { ...info, agentType: share.agentType };
}

async function post(url: string, body: object): Promise<Record<string, unknown>> {
  let answer: unknown;
  try {
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    answer = await response.json();
  } catch (error) {
    throw new AICallAgentError(`No usable answer from ${new URL(url).origin}: ${String(error)}`, AICallErrorCode.BeginCallFailed);
  }
  if (!isObject(answer)) throw new AICallAgentError("The app server's answer is no JSON object.", AICallErrorCode.BeginCallFailed);
  return answer;
}

function refusal(answer: Record<string, unknown>): AICallAgentError {
  const message = typeof answer["message"] === "string" ? answer["message"] : "The app server refused.";
  return new AICallAgentError(message, startErrorCode(answer["error_code"]));
}

/** What an error code of the start operation is to applications. */
export function startErrorCode(code: unknown): AICallErrorCode {
  if (code === "Forbidden.SubscriptionRequired") return AICallErrorCode.AgentSubscriptionRequired;
  if (code === "AgentNotFound") return AICallErrorCode.AgentNotFound;
  return AICallErrorCode.BeginCallFailed;
}
