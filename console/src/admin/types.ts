// What the admin API says, as far as the console uses it (docs/admin-openapi.json has all of it).

export interface Page {
  next: string | null;
}

export interface Agent {
  id: string;
  name: string;
  type: string;
  config: Record<string, unknown>;
  settings: Record<string, unknown>;
  created?: string;
  modified?: string;
}

export interface Agents extends Page {
  agents: Agent[];
}

export interface AccessKey {
  id: string;
  /** In the answer that made it, and never again. */
  secret?: string;
  active: boolean;
  /** None: all. */
  operations: string[] | null;
  created: string;
}

export interface AccessKeys extends Page {
  access_keys: AccessKey[];
}

export interface Voice {
  id: string;
  name: string;
  language: string;
}

export interface Voices extends Page {
  voices: Voice[];
}

export type CallStatus = "Created" | "Executing" | "Finished";

/** Times are Unix milliseconds. */
export interface CallSummary {
  instance_id: string;
  agent_id: string;
  agent_name: string;
  channel_id: string;
  user_id: string | null;
  session_id: string;
  status: CallStatus;
  created_ms: number;
  started_ms: number | null;
  ended_ms: number | null;
  end_reason: string | null;
  recorded: boolean;
}

export interface Calls extends Page {
  calls: CallSummary[];
}

/** Milliseconds; the parts add up to the total. */
export interface Latency {
  total: number;
  endpointing: number;
  transcript: number;
  first_text: number;
  first_segment: number;
  first_audio: number;
  playout: number;
}

export interface Turn {
  sentence_id: number;
  role: "user" | "agent";
  kind: string;
  text: string;
  /** Since `created_ms`. */
  begin_ms: number;
  interrupted: boolean;
  latency?: Latency;
}

export interface Interruption {
  /** Since `created_ms`. */
  at_ms: number;
  reason: string;
}

/** Rates are 0 to 1; null where there is nothing to judge. */
export interface TurnTaking {
  turns: number;
  answered: number;
  response_rate: number | null;
  interruptions: number;
  yields: number;
  yield_rate: number | null;
  yield_time_ms: number | null;
  backchannels: number;
  held: number;
  backchannel_selectivity: number | null;
  agent_interrupts: number;
}

export interface CallDetail extends CallSummary {
  config: Record<string, unknown>;
  template_config: Record<string, unknown>;
  user_data: string | null;
  turns: Turn[];
  interruptions: Interruption[];
  metrics: TurnTaking;
  complete: boolean;
}

export interface ProviderTest {
  ok: boolean;
  nodes: { node: string; ok: boolean; ms: number; error?: string; text?: string }[];
}

export interface CallbackTest {
  ok: boolean;
  status: number | null;
  ms: number;
  error?: string;
}
