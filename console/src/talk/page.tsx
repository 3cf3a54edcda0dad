// Talk: pick an agent, call it, see and hear it. Needs no sign-in where the app-server door is open.

import { useEffect, useRef, type FormEvent } from "react";
import { recall, remember } from "../ui/storage";
import { Icon } from "../ui/icons";
import { Coded } from "../ui/parts";
import { useWords } from "../words";
import { Conversation } from "./conversation";
import { LatencyPanel } from "./latency";
import { Notice } from "./notice";
import { SettingsPanel } from "./settings";
import { Controls, Microphone, OrbView, PushToTalk, StateLine } from "./stage";
import { talk, useTalk, type TalkState } from "./talk";
import "./talk.css";

const AGENT_KEY = "ringline.agent";

export function TalkPage({ agent }: { agent: string | undefined }) {
  const words = useWords().talk;
  const state = useTalk();
  useEffect(() => {
    if (!globalThis.isSecureContext) talk.complain({ kind: "insecure-page" });
    if (talk.state.phase === "idle") void talk.lookForServer();
  }, []);
  const calling = state.phase !== "idle";
  return (
    <div className="talk-page" data-phase={state.phase} data-numbers={state.turns.length > 0}>
      <h1 className="unseen">{words.title}</h1>
      {state.info?.models === "scripted" && (
        <p className="banner" data-testid="scripted-banner">
          <strong>{words.scripted}</strong> {words.scriptedText} {!calling && <Coded text={words.scriptedMore("`--models local`")} />}
        </p>
      )}
      <Notice problem={state.notice} />
      <div className="columns">
        <div className="side">
          <section className="stage" aria-label={words.agentStage}>
            <OrbView state={state} />
            <StateLine state={state} />
            {!calling && <Setup state={state} wanted={agent} />}
            {calling && <Controls state={state} />}
            {state.phase === "connected" && state.pushToTalk && <PushToTalk state={state} />}
            {calling && <Microphone state={state} />}
            <SettingsPanel state={state} />
          </section>
          <LatencyPanel turns={state.turns} />
        </div>
        <Conversation state={state} />
      </div>
    </div>
  );
}

function Setup({ state, wanted }: { state: TalkState; wanted: string | undefined }) {
  const words = useWords().talk;
  const agent = useRef<HTMLSelectElement>(null);
  const agents = state.info?.agents ?? [];
  if (state.info && !state.info.appServer) {
    return (
      <p className="hint">
        <Coded text={words.doorClosed} />
      </p>
    );
  }
  const start = (event: FormEvent) => {
    event.preventDefault();
    const id = agent.current?.value ?? "";
    remember(AGENT_KEY, id);
    talk.start(id, true);
  };
  const known = (id: string | null | undefined) => agents.some((offered) => offered.id === id);
  const chosen = known(wanted) ? wanted : known(recall(AGENT_KEY)) ? recall(AGENT_KEY) : agents[0]?.id;
  return (
    <form className="setup" aria-label={words.newCall} onSubmit={start}>
      <label hidden={agents.length < 2}>
        <span>{words.agent}</span>
        <select data-testid="agent-select" ref={agent} key={`${agents.length} ${chosen}`} defaultValue={chosen ?? ""}>
          {agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name || id}
            </option>
          ))}
        </select>
      </label>
      <button type="submit" className="call" data-testid="call" disabled={agents.length === 0}>
        <Icon sign="calls" />
        {words.call}
      </button>
    </form>
  );
}
