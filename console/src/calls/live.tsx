// A running call: what is said now, how it goes, and ways in: listen, whisper to the agent, speak to both, take over and
// hand back. Watching changes nothing for the user.

import { useEffect, useLayoutEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { api } from "../admin/api";
import { useDoors } from "../admin/doors";
import { duration } from "../call/latency";
import { LatencyBar, LatencyParts } from "../talk/latency";
import { useAttempt } from "../ui/attempt";
import { Icon } from "../ui/icons";
import { Failed, Pill, clock } from "../ui/parts";
import { useWords, type Words } from "../words";
import { percent, turnLatency } from "./format";
import { useLiveCall } from "./follow";
import type { Happening, Line, LiveCall, Snapshot, TakeoverMode } from "./live-call";
import { Seat } from "./seat";
import "./live.css";

/** `facts` stand below what is said. */
export function LivePanel({ path, facts }: { path: string; facts: ReactNode }) {
  const words = useWords();
  const offers = useDoors();
  const { live, broken, refused } = useLiveCall(path);
  if (refused) return <Failed error={refused} />;
  if (!live) return null;
  return (
    <div className="call-columns" data-testid="live">
      <div className="stack">
        <section className="card" aria-labelledby="live-title">
          <div className="card-head">
            <h2 id="live-title">{words.live.said}</h2>
            <span className="row">
              {broken && <Pill tone="wait">{words.live.broken}</Pill>}
              <StateNow now={live.now} />
            </span>
          </div>
          <Lines lines={live.now.lines} />
        </section>
        {facts}
      </div>
      <div className="stack">
        {live.now.ended === null && offers("/calls/{id}/supervisors") && <Supervision path={path} now={live.now} />}
        <Now now={live.now} />
        <Feed live={live} />
      </div>
    </div>
  );
}

const STATE_TONES = { idle: "neutral", listening: "good", thinking: "wait", speaking: "live" } as const;

function StateNow({ now }: { now: Snapshot }) {
  const words = useWords().live;
  if (now.ended !== null) return <Pill tone="neutral">{words.over}</Pill>;
  if (now.takeover?.connected) return <Pill tone="wait">{words.modes[now.takeover.mode]}</Pill>;
  return <Pill tone={STATE_TONES[now.state]}>{words.states[now.state]}</Pill>;
}

function Lines({ lines }: { lines: Line[] }) {
  const words = useWords();
  const list = useRef<HTMLOListElement>(null);
  useLayoutEffect(() => {
    if (list.current) list.current.scrollTop = list.current.scrollHeight;
  }, [lines]);
  if (lines.length === 0) return <p className="empty">{words.live.nothingYet}</p>;
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <ol className="turns" ref={list} tabIndex={0} aria-label={words.live.said}>
      {lines.map(({ side, text, end, sentence_id }) => (
        <li key={`${side} ${sentence_id}`} className={`turn ${side}${end ? "" : " interim"}`}>
          <p className="who">
            <strong>{words.live.sides[side]}</strong>
          </p>
          <p className="said">{text}</p>
        </li>
      ))}
    </ol>
  );
}

function Now({ now }: { now: Snapshot }) {
  const words = useWords().live;
  const { network, latency } = now;
  return (
    <section className="card" aria-labelledby="now-title">
      <div className="card-head bare">
        <h2 id="now-title">{words.now}</h2>
        {latency && <output>{duration(latency.total)}</output>}
      </div>
      {latency && (
        <div className="chart-place stack">
          <LatencyBar latency={turnLatency(latency.sentence_id, latency)} scale={latency.total} />
          <LatencyParts latency={turnLatency(latency.sentence_id, latency)} />
        </div>
      )}
      <dl className="figures">
        <Figure name={words.user}>{now.user_present ? words.present : words.absent}</Figure>
        <Figure name={words.interruptions}>{now.interruptions}</Figure>
        {network && <Figure name={words.loss}>{network.remote_loss === undefined ? percent(network.loss) : `${percent(network.loss)} / ${percent(network.remote_loss)}`}</Figure>}
        {network && <Figure name={words.jitter}>{`${network.jitter_ms.toFixed(1)} ms`}</Figure>}
        {network?.round_trip_ms !== undefined && <Figure name={words.roundTrip}>{`${Math.round(network.round_trip_ms)} ms`}</Figure>}
        {network?.path_lost && <Figure name={words.path}>{words.pathLost}</Figure>}
        {now.supervisors.length > 0 && <Figure name={words.supervisors}>{now.supervisors.map(({ name }) => name).join(", ")}</Figure>}
      </dl>
    </section>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Feed({ live }: { live: LiveCall }) {
  const words = useWords();
  return (
    <section className="card" aria-labelledby="feed-title">
      <div className="card-head bare">
        <h2 id="feed-title">{words.live.feed}</h2>
      </div>
      <ol className="feed" data-testid="feed">
        {live.feed.toReversed().map((event) => (
          <li key={event.seq}>
            <span className="quiet">{clock(event.at_ms)}</span> {told(event, words)}
          </li>
        ))}
        {live.feed.length === 0 && <li className="quiet">{words.live.noEvents}</li>}
      </ol>
    </section>
  );
}

function told(event: Happening, words: Words): string {
  const { events } = words.live;
  switch (event.type) {
    case "user":
      return event.present ? events.userCame : events.userWent;
    case "interrupted":
      return words.call.reasons[event.reason] ?? event.reason;
    case "latency":
      return events.latency(duration(event.total));
    case "tool":
      return events.tool(event.name, words.live.toolSteps[event.step], event.duration_ms === undefined ? "" : duration(event.duration_ms));
    case "takeover":
      return words.live.takeoverSteps[event.step];
    case "supervisor":
      return event.connected ? events.supervisorCame(event.name) : events.supervisorWent(event.name);
    case "whispered":
      return events.whispered(event.text);
    case "provider_failed":
      return events.failed(event.stage, event.error);
    case "ended":
      return events.ended(words.calls.endReasons[event.reason] ?? event.reason);
    case "subtitle":
    case "network":
    case "state":
      return "";
  }
}

/** Listening in, and what it opens: the floor and the takeover. Whispering needs no seat. */
function Supervision({ path, now }: { path: string; now: Snapshot }) {
  const words = useWords().live;
  const [seat, setSeat] = useState<Seat | null>(null);
  const [lost, setLost] = useState(false);
  const { busy, error, attempt } = useAttempt();
  useEffect(() => () => seat?.close(), [seat]);

  const listen = () =>
    attempt(async () => {
      setLost(false);
      const taken = await Seat.take(path, words.supervisorName, () => {
        setSeat(null);
        setLost(true);
      });
      setSeat(taken);
    });
  const leave = () => {
    seat?.close();
    setSeat(null);
  };
  const mine = seat !== null && now.takeover?.user_id === seat.userId ? now.takeover : null;
  const others = now.takeover !== null && mine === null;
  const speak = (active: boolean) =>
    attempt(async () => {
      if (active) await seat?.openVoice();
      await api(`${path}/speak`, { method: "POST", body: { active, user_id: seat?.userId } });
      if (!active) seat?.closeVoice();
    });
  const takeOver = (mode: 0 | 1) =>
    attempt(async () => {
      await seat?.openVoice();
      await api(`${path}/takeover`, { method: "POST", body: { mode, user_id: seat?.userId } });
    });
  const handBack = () =>
    attempt(async () => {
      await api(`${path}/handback`, { method: "POST" });
      seat?.closeVoice();
    });

  return (
    <section className="card" aria-labelledby="supervision-title">
      <div className="card-head bare">
        <h2 id="supervision-title">{words.supervision}</h2>
        {seat && <Pill tone="live">{words.listening}</Pill>}
      </div>
      <div className="supervision">
        {seat === null ? (
          <button type="button" className="button primary" data-testid="listen" disabled={busy} onClick={() => void listen()}>
            <Icon sign="ear" />
            {words.listen}
          </button>
        ) : (
          <>
            <SeatLevels seat={seat} />
            <div className="row">
              {mine === null && (
                <>
                  <button type="button" className="button" data-testid="take-over" disabled={busy || others} onClick={() => void takeOver(1)}>
                    <Icon sign="person" />
                    {words.takeOver}
                  </button>
                  <button type="button" className="button" data-testid="take-over-agent-voice" disabled={busy || others} onClick={() => void takeOver(0)}>
                    <Icon sign="agents" />
                    {words.takeOverAsAgent}
                  </button>
                  <button type="button" className="button" data-testid="speak" disabled={busy || others} onClick={() => void speak(true)}>
                    <Icon sign="microphone" />
                    {words.speak}
                  </button>
                </>
              )}
              {mine?.mode === "speaks_in" && (
                <button type="button" className="button danger" data-testid="end-speaking" disabled={busy} onClick={() => void speak(false)}>
                  <Icon sign="stop" />
                  {words.endSpeaking}
                </button>
              )}
              {mine !== null && mine.mode !== "speaks_in" && <HandBack busy={busy} handBack={() => void handBack()} />}
              <button type="button" className="button" data-testid="stop-listening" onClick={leave}>
                {words.stopListening}
              </button>
            </div>
          </>
        )}
        {others && (
          <div className="row">
            <span className="quiet">{words.takenBy(nameOf(now, words.somebody), words.modes[now.takeover?.mode ?? ("human_voice" as TakeoverMode)])}</span>
            <HandBack busy={busy} handBack={() => void handBack()} />
          </div>
        )}
        <Whisper path={path} />
        {lost && (
          <p className="notice" role="alert">
            {words.seatLost}
          </p>
        )}
        {error !== null && <Failed error={error} />}
      </div>
    </section>
  );
}

function HandBack({ busy, handBack }: { busy: boolean; handBack: () => void }) {
  const words = useWords().live;
  return (
    <button type="button" className="button primary" data-testid="hand-back" disabled={busy} onClick={handBack}>
      <Icon sign="agents" />
      {words.handBack}
    </button>
  );
}

function nameOf({ takeover, supervisors }: Snapshot, otherwise: string): string {
  return supervisors.find(({ user_id }) => user_id === takeover?.user_id)?.name ?? otherwise;
}

function SeatLevels({ seat }: { seat: Seat }) {
  const words = useWords();
  const user = useRef<HTMLSpanElement>(null);
  const agent = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      if (user.current) user.current.style.width = `${100 * seat.userLevel}%`;
      if (agent.current) agent.current.style.width = `${100 * seat.agentLevel}%`;
    }, 60);
    return () => clearInterval(timer);
  }, [seat]);
  return (
    <div className="seat-levels">
      <span>{words.call.userTrack}</span>
      <span className="bar user" aria-hidden="true">
        <span ref={user} />
      </span>
      <span>{words.call.agentTrack}</span>
      <span className="bar agent" aria-hidden="true">
        <span ref={agent} />
      </span>
      <label htmlFor="seat-volume">{words.live.volume}</label>
      <input id="seat-volume" type="range" min={0} max={1} step={0.05} defaultValue={1} onChange={(event) => seat.setVolume(event.target.valueAsNumber)} />
    </div>
  );
}

function Whisper({ path }: { path: string }) {
  const words = useWords().live;
  const [text, setText] = useState("");
  const { error, attempt } = useAttempt();
  const send = (event: FormEvent) => {
    event.preventDefault();
    return attempt(async () => {
      await api(`${path}/whisper`, { method: "POST", body: { text } });
      setText("");
    });
  };
  return (
    <form className="whisper" onSubmit={(event) => void send(event)}>
      <label className="unseen" htmlFor="whisper">
        {words.whisper}
      </label>
      <input id="whisper" type="text" data-testid="whisper" maxLength={2000} placeholder={words.whisperHint} autoComplete="off" value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit" className="button" data-testid="send-whisper" disabled={text.trim() === ""}>
        {words.whisper}
      </button>
      {error !== null && <Failed error={error} />}
    </form>
  );
}

