// The agents: what calls start from.

import { Link } from "wouter";
import { useApi } from "../admin/api";
import type { Agent, Agents } from "../admin/types";
import { Icon } from "../ui/icons";
import { Failed, Loading, Nothing, Pill } from "../ui/parts";
import { useWords } from "../words";
import { get, type Json } from "./json";
import "./agents.css";

export default function AgentsPage() {
  const words = useWords().agents;
  const { data, error, mutate } = useApi<Agents>("/agents?limit=100");
  return (
    <div className="page">
      <div className="page-head">
        <h1>{words.title}</h1>
        <Link href="/new-agent" className="button primary" data-testid="new-agent">
          <Icon sign="plus" />
          {words.add}
        </Link>
      </div>
      {error && !data && <Failed error={error} retry={() => void mutate()} />}
      {!error && !data && <Loading />}
      {data?.agents.length === 0 && (
        <div className="card">
          <Nothing sign="agents" title={words.none}>
            <p>{words.noneText}</p>
          </Nothing>
        </div>
      )}
      <ul className="agents">
        {data?.agents.map((agent) => (
          <AgentCard key={agent.id} agent={agent} />
        ))}
      </ul>
    </div>
  );
}

function AgentCard({ agent }: { agent: Agent }) {
  const words = useWords().agents;
  const { config, settings } = agent as unknown as { config: Json; settings: Json };
  const greeting = get(config, "Greeting");
  const recording = get(settings, "recording.enabled");
  const marks = [
    get(config, "AsrConfig.AsrLanguageId"),
    get(config, "TtsConfig.VoiceId"),
    get(settings, "providers.llm") ? words.marks.llm : null,
    get(settings, "callbacks.enabled") ? words.marks.callbacks : null,
    recording === true ? words.marks.recording : recording === false ? words.marks.notRecorded : null,
  ].filter((mark): mark is string => typeof mark === "string" && mark !== "");
  return (
    <li className="card padded agent-card" data-testid="agent-card">
      <div>
        <h2>
          <Link href={`/agents/${encodeURIComponent(agent.id)}`}>{agent.name}</Link>
        </h2>
        <p className="id">{agent.id}</p>
      </div>
      <p className={typeof greeting === "string" && greeting ? "greeting" : "greeting quiet"}>{typeof greeting === "string" && greeting ? greeting : words.noGreeting}</p>
      <p className="row">
        {marks.map((mark) => (
          <Pill key={mark} tone="neutral">
            {mark}
          </Pill>
        ))}
      </p>
      <p className="row">
        <Link href={`/talk/${encodeURIComponent(agent.id)}`} className="button small" aria-label={`${words.talk}: ${agent.name}`}>
          <Icon sign="talk" />
          {words.talk}
        </Link>
        <Link href={`/agents/${encodeURIComponent(agent.id)}`} className="button small" aria-label={`${words.edit}: ${agent.name}`}>
          {words.edit}
        </Link>
      </p>
    </li>
  );
}
