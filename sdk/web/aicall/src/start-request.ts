// The client's own request for an agent, as it travels in the join (client-sdk §1.7), and what came of it.

import type { AgentReply, AgentRequest } from "../../core/src";
import { parseObject } from "./fields";
import { readAgentInfo, type AICallAgentInfo, type AICallConfig } from "./types";

/** A day, in seconds. */
const EXPIRE = 86_400;

export function startRequest(config: AICallConfig): AgentRequest {
  const { agentId, agentType, agentUserId, agentConfig, templateConfig, chatSyncConfig, region, userData } = config;
  const params = {
    AIAgentId: agentId,
    Expire: EXPIRE,
    ...(agentUserId ? { AIAgentUserId: agentUserId } : {}),
    ...(templateConfig ? { TemplateConfig: templateConfig.getJsonString(agentType) } : {}),
    ...(agentConfig ? { AgentConfig: JSON.stringify(agentConfig.toJSON()) } : {}),
    ...(userData ? { UserData: userData } : {}),
    ...(chatSyncConfig ? { SessionId: chatSyncConfig.sessionId, ChatSyncConfig: chatSyncConfig.getConfigString() } : {}),
  };
  return { agentId, ...(region ? { region } : {}), action: "GenerateAIAgentCall", params: JSON.stringify(params) };
}

/** The started agent, or null if it was not. */
export function startedAgent(reply: AgentReply, { agentType, userJoinToken }: AICallConfig): AICallAgentInfo | null {
  const data = reply.code === "200" ? parseObject(reply.data) : undefined;
  if (!data) return null;
  return { ...readAgentInfo({ ...data, Token: userJoinToken, RequestId: reply.requestId }), agentType };
}
