// Calls, live and past: search, filter, page back through time. Live ones keep themselves up to date.

import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useApi } from "../admin/api";
import type { Agents, CallSummary, Calls } from "../admin/types";
import { Icon } from "../ui/icons";
import { Failed, Loading, Moment, Nothing, Pill, clock } from "../ui/parts";
import { useWords } from "../words";
import { TONES, lengthOf } from "./format";
import "./calls.css";

const REFRESH_MS = 3000;
const TYPING_MS = 300;
const LIMIT = 25;
const STATUSES = ["all", "live", "ended"] as const;

export default function CallsPage() {
  const words = useWords();
  const [status, setStatus] = useState<(typeof STATUSES)[number]>("all");
  const [agent, setAgent] = useState("");
  const [text, setText] = useState("");
  const [q, setQ] = useState("");
  /** Where the pages begin that are shown. */
  const [marks, setMarks] = useState<string[]>([]);
  const agents = useApi<Agents>("/agents?limit=100");

  useEffect(() => {
    const timer = setTimeout(() => setQ(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);

  const query = new URLSearchParams({ status, limit: String(LIMIT), ...(agent ? { agent } : {}), ...(q ? { q } : {}) }).toString();
  const restart = <T,>(set: (value: T) => void) => (value: T) => {
    setMarks([]);
    set(value);
  };

  return (
    <div className="page">
      <div className="page-head">
        <h1>{words.calls.title}</h1>
      </div>
      <search className="filters">
        <label className="search">
          <span className="unseen">{words.calls.search}</span>
          <Icon sign="search" />
          <input type="search" data-testid="search" placeholder={words.calls.searchHint} maxLength={120} value={text} onChange={(event) => restart(setText)(event.target.value)} />
        </label>
        <div className="segments" role="radiogroup" aria-label={words.calls.status}>
          {STATUSES.map((name) => (
            <label key={name}>
              <input type="radio" name="status" className="unseen" checked={status === name} onChange={() => restart(setStatus)(name)} />
              <span>{words.calls.statuses[name]}</span>
            </label>
          ))}
        </div>
        <label className="agent-filter">
          <span className="unseen">{words.calls.agent}</span>
          <select value={agent} onChange={(event) => restart(setAgent)(event.target.value)}>
            <option value="">{words.calls.anyAgent}</option>
            {agents.data?.agents.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        </label>
      </search>
      <section className="card calls" aria-label={words.calls.title}>
        <Pages query={query} marks={marks} filtered={status !== "all" || agent !== "" || q !== ""} more={(mark) => setMarks([...marks, mark])} />
      </section>
    </div>
  );
}

function Pages({ query, marks, filtered, more }: { query: string; marks: string[]; filtered: boolean; more: (mark: string) => void }) {
  const words = useWords();
  const first = useApi<Calls>(`/calls?${query}`, { refreshInterval: REFRESH_MS, keepPreviousData: true });
  if (first.error && !first.data) return <Failed error={first.error} retry={() => void first.mutate()} />;
  if (!first.data) return <Loading />;
  if (first.data.calls.length === 0) {
    const [title, text] = filtered ? [words.calls.noneFound, words.calls.noneFoundText] : [words.calls.none, words.calls.noneText];
    return (
      <Nothing sign="calls" title={title}>
        <p>{text}</p>
      </Nothing>
    );
  }
  return (
    <>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{words.calls.agent}</th>
            <th scope="col">{words.calls.user}</th>
            <th scope="col">{words.calls.status}</th>
            <th scope="col">{words.calls.started}</th>
            <th scope="col" className="number">
              {words.calls.duration}
            </th>
            <th scope="col">{words.calls.end}</th>
          </tr>
        </thead>
        <tbody>
          {first.data.calls.map((call) => (
            <Row key={call.instance_id} call={call} />
          ))}
          {marks.map((mark) => (
            <OlderRows key={mark} path={`/calls?${query}&after=${encodeURIComponent(mark)}`} more={mark === marks.at(-1) ? more : null} />
          ))}
        </tbody>
      </table>
      {marks.length === 0 && first.data.next !== null && <More mark={first.data.next} more={more} />}
    </>
  );
}

function OlderRows({ path, more }: { path: string; more: ((mark: string) => void) | null }) {
  const { data, error } = useApi<Calls>(path);
  return (
    <>
      {data?.calls.map((call) => (
        <Row key={call.instance_id} call={call} />
      ))}
      {error && (
        <tr>
          <td colSpan={6}>
            <Failed error={error} />
          </td>
        </tr>
      )}
      {more && data && data.next !== null && (
        <tr>
          <td colSpan={6}>
            <More mark={data.next} more={more} />
          </td>
        </tr>
      )}
    </>
  );
}

function More({ mark, more }: { mark: string; more: (mark: string) => void }) {
  return (
    <p className="more">
      <button type="button" className="button" onClick={() => more(mark)}>
        {useWords().calls.older}
      </button>
    </p>
  );
}

function Row({ call }: { call: CallSummary }) {
  const words = useWords().calls;
  return (
    <tr data-testid="call-row" data-status={call.status}>
      <td className="lead">
        <Link href={`/calls/${call.instance_id}`}>{call.agent_name || call.agent_id}</Link>
        <br />
        <span className="id">{call.instance_id}</span>
      </td>
      <td data-label={words.user}>{call.user_id ?? "–"}</td>
      <td data-label={words.status}>
        <Pill tone={TONES[call.status]}>{words.states[call.status]}</Pill>
      </td>
      <td data-label={words.started}>
        <Moment ms={call.started_ms ?? call.created_ms} />
      </td>
      <td className="number" data-label={words.duration}>
        <Length call={call} />
      </td>
      <td data-label={words.end} className="quiet">
        {call.end_reason === null ? "" : (words.endReasons[call.end_reason] ?? call.end_reason)}
      </td>
    </tr>
  );
}

/** How long a call is; of a running one it grows. */
export function Length({ call }: { call: CallSummary }) {
  const words = useWords().calls;
  const now = useNow(call.ended_ms === null);
  const length = lengthOf(call, now);
  return length === null ? (call.status === "Finished" ? words.notAnswered : "–") : clock(length);
}

function useNow(running: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
