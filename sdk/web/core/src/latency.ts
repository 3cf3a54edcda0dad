// A turn's latency as the server tells it (message 9001), and the same in the groups that AICallKit applications read
// (client-sdk §6.9). All in milliseconds.

import { asObject, numberOf, type Json } from "./json";

/** From the user's last speech sample to the agent's first one, and the parts that add up to it. */
export interface TurnLatency {
  sentenceId: number;
  endpointing: number;
  transcript: number;
  firstText: number;
  firstSegment: number;
  firstAudio: number;
  playout: number;
  total: number;
}

export interface LatencyGroups {
  AIAgent: {
    aiagenttotalcost: number;
    /** Silence until the turn was taken to be over. */
    aimutecost: number;
    aiasrcost: number;
    /** Until there was a clause to speak. */
    aillmcost: number;
    /** Until its first sample was sent. */
    aittscost: number;
  };
  AIPub: { aAIClientScentenceId: number; aIClientUpRTTHalf?: number };
  AISub: Record<string, never>;
}

export function readLatency(value: unknown): TurnLatency {
  const data: Json = asObject(value) ?? {};
  const part = (key: string) => Math.max(0, numberOf(data[key]));
  return {
    sentenceId: numberOf(data["sentenceId"]),
    endpointing: part("endpointing"),
    transcript: part("transcript"),
    firstText: part("firstText"),
    firstSegment: part("firstSegment"),
    firstAudio: part("firstAudio"),
    playout: part("playout"),
    total: part("total"),
  };
}

export function latencyGroups(latency: TurnLatency, roundTripMs: number | null): LatencyGroups {
  return {
    AIAgent: {
      aiagenttotalcost: latency.total,
      aimutecost: latency.endpointing,
      aiasrcost: latency.transcript,
      aillmcost: latency.firstText + latency.firstSegment,
      aittscost: latency.firstAudio + latency.playout,
    },
    AIPub: {
      aAIClientScentenceId: latency.sentenceId,
      ...(roundTripMs === null ? {} : { aIClientUpRTTHalf: Math.round(roundTripMs / 2) }),
    },
    AISub: {},
  };
}
