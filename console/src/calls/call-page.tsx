// One call: recording, transcript, latency, turn-taking, details. While it runs it keeps itself up to date.

import { useCallback, useRef, useState } from "react";
import { Link } from "wouter";
import { answer, api, useApi } from "../admin/api";
import { useDoors } from "../admin/doors";
import type { CallDetail } from "../admin/types";
import { duration } from "../call/latency";
import { useAttempt } from "../ui/attempt";
import { Icon } from "../ui/icons";
import { Failed, Loading, Moment, Pill } from "../ui/parts";
import { save } from "../ui/save";
import { useWords } from "../words";
import { TONES, latenciesOf, percent, percentile, turnAt } from "./format";
import { LatencyChart } from "./latency-chart";
import { LivePanel } from "./live";
import { Length } from "./page";
import { Player, type PlayerHandle } from "./player";
import { Transcript } from "./transcript";
import { VerificationCard } from "./verification";
import "./calls.css";

const REFRESH_MS = 2000;

export default function CallPage({ id }: { id: string }) {
  const words = useWords();
  const path = `/calls/${encodeURIComponent(id)}`;
  const { data: call, error, mutate } = useApi<CallDetail>(path, { refreshInterval: (known) => (known && known.status === "Finished" ? 0 : REFRESH_MS) });
  return (
    <div className="page">
      <p>
        <Link href="/calls" className="back">
          <Icon sign="back" />
          {words.call.back}
        </Link>
      </p>
      {error && !call && <Failed error={error} retry={() => void mutate()} />}
      {!error && !call && <Loading />}
      {call && <Shown call={call} path={path} changed={() => void mutate()} />}
    </div>
  );
}

function Shown({ call, path, changed }: { call: CallDetail; path: string; changed: () => void }) {
  const words = useWords();
  const player = useRef<PlayerHandle>(null);
  const [current, setCurrent] = useState(-1);
  const { turns } = call;
  const onPosition = useCallback((ms: number) => setCurrent(turnAt(turns, ms)), [turns]);
  const offers = useDoors();
  const over = call.status === "Finished";
  const playable = over && call.recorded && offers("/calls/{id}/waveform");
  return (
    <>
      <div className="page-head">
        <div>
          <h1 className="row">
            {call.agent_name || call.agent_id}
            <Pill tone={TONES[call.status]}>{words.calls.states[call.status]}</Pill>
          </h1>
          <p className="quiet">
            <Moment ms={call.started_ms ?? call.created_ms} seconds /> · <Length call={call} /> · {call.user_id ?? words.calls.notAnswered}
          </p>
        </div>
        <Actions call={call} path={path} changed={changed} />
      </div>
      {playable && <Player path={path} createdMs={call.created_ms} interruptions={call.interruptions} onPosition={onPosition} handle={player} />}
      {over || !offers("/calls/{id}/events") ? <Finished call={call} path={path} current={current} playFrom={playable ? (ms) => player.current?.playFrom(ms) : null} /> : <LivePanel path={path} facts={<Facts call={call} />} />}
    </>
  );
}

interface FinishedProps {
  call: CallDetail;
  path: string;
  /** Index of the turn that is playing, or -1. */
  current: number;
  playFrom: ((ms: number) => void) | null;
}

function Finished({ call, path, current, playFrom }: FinishedProps) {
  const words = useWords();
  const offers = useDoors();
  const { turns } = call;
  const latencies = latenciesOf(turns);
  return (
    <div className="call-columns">
      <div className="stack">
        <section className="card" aria-labelledby="transcript-title">
          <div className="card-head">
            <h2 id="transcript-title">{words.call.transcript}</h2>
            {!call.recorded && <span className="quiet small">{words.call.noRecording}</span>}
          </div>
          <Transcript turns={turns} interruptions={call.interruptions} current={current} playFrom={playFrom} />
          {!call.complete && <p className="padded quiet small">{words.call.incomplete}</p>}
        </section>
        <Facts call={call} />
      </div>
      <div className="stack">
        <section className="card" aria-labelledby="latency-title">
          <div className="card-head bare">
            <h2 id="latency-title">{words.call.latency}</h2>
          </div>
          <div className="chart-place">{latencies.length > 0 ? <LatencyChart turns={latencies} /> : <p className="quiet">{words.call.noLatency}</p>}</div>
        </section>
        <TurnTakingCard call={call} />
        {offers("/calls/{id}/verification") && call.status === "Finished" && <VerificationCard path={path} />}
      </div>
    </div>
  );
}

function Actions({ call, path, changed }: { call: CallDetail; path: string; changed: () => void }) {
  const words = useWords().call;
  const offers = useDoors();
  const { error, attempt } = useAttempt();
  const download = (what: string, name: string) => attempt(async () => save(await (await answer(`${path}/${what}`)).blob(), name));
  const stop = () =>
    attempt(async () => {
      if (!confirm(words.stopSure)) return;
      await api(`${path}/stop`, { method: "POST" });
      changed();
    });
  const { instance_id, status, recorded } = call;
  return (
    <div className="row">
      {status !== "Finished" && (
        <button type="button" className="button danger" data-testid="stop-call" onClick={() => void stop()}>
          <Icon sign="hangUp" />
          {words.stop}
        </button>
      )}
      {status === "Finished" &&
        recorded &&
        offers("/calls/{id}/recording") &&
        (["opus", "wav"] as const).map((format) => (
          <button key={format} type="button" className="button" onClick={() => void download(`recording?format=${format}`, `${instance_id}.${format === "opus" ? "ogg" : "wav"}`)}>
            <Icon sign="download" />
            {`${words.recording} ${words.format[format]}`}
          </button>
        ))}
      <button type="button" className="button" data-testid="journal" title={words.journalHint} onClick={() => void download("journal", `${instance_id}.ndjson`)}>
        <Icon sign="download" />
        {words.journal}
      </button>
      {error !== null && <Failed error={error} />}
    </div>
  );
}

function TurnTakingCard({ call }: { call: CallDetail }) {
  const { takingTitle, taking } = useWords().call;
  const { metrics, turns } = call;
  const totals = latenciesOf(turns).map(({ total }) => total);
  const time = (ms: number | null) => (ms === null ? "–" : duration(ms));
  const of = (part: number, whole: number, share: number | null) => (whole === 0 ? "–" : `${part} / ${whole} (${percent(share)})`);
  const figures: [string, string][] = [
    [taking.answered, of(metrics.answered, metrics.turns, metrics.response_rate)],
    [taking.median, time(percentile(totals, 0.5))],
    [taking.p95, time(percentile(totals, 0.95))],
    [taking.interruptions, String(metrics.interruptions)],
    [taking.yielded, of(metrics.yields, metrics.interruptions, metrics.yield_rate)],
    [taking.yieldTime, time(metrics.yield_time_ms)],
    [taking.backchannels, String(metrics.backchannels)],
    [taking.held, of(metrics.held, metrics.backchannels, metrics.backchannel_selectivity)],
    [taking.agentInterrupts, String(metrics.agent_interrupts)],
  ];
  return (
    <section className="card" aria-labelledby="taking-title">
      <div className="card-head bare">
        <h2 id="taking-title">{takingTitle}</h2>
      </div>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Facts({ call }: { call: CallDetail }) {
  const words = useWords();
  const { fact } = words.call;
  const reason = call.end_reason === null ? null : (words.calls.endReasons[call.end_reason] ?? call.end_reason);
  return (
    <section className="card" aria-labelledby="facts-title">
      <div className="card-head bare">
        <h2 id="facts-title">{words.call.facts}</h2>
      </div>
      <dl className="facts">
        <Fact name={fact.instance} id={call.instance_id} />
        <Fact name={fact.agent} id={call.agent_id} />
        <Fact name={fact.user} id={call.user_id} />
        <Fact name={fact.channel} id={call.channel_id} />
        <Fact name={fact.session} id={call.session_id} />
        <Fact name={fact.data} id={call.user_data} />
        <Time name={fact.created} ms={call.created_ms} />
        <Time name={fact.started} ms={call.started_ms} />
        <Time name={fact.ended} ms={call.ended_ms} />
        {reason !== null && (
          <div>
            <dt>{fact.reason}</dt>
            <dd>{reason}</dd>
          </div>
        )}
      </dl>
      <details className="config">
        <summary>{words.call.config}</summary>
        <pre>{JSON.stringify(call.config, null, 2)}</pre>
      </details>
    </section>
  );
}

function Fact({ name, id }: { name: string; id: string | null }) {
  if (!id) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd className="id">{id}</dd>
    </div>
  );
}

function Time({ name, ms }: { name: string; ms: number | null }) {
  if (ms === null) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <Moment ms={ms} seconds />
      </dd>
    </div>
  );
}
