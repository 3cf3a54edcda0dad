// Response times: the last turn's parts with their numbers, and the latest turns as columns on one scale.

import { PARTS, duration, median, partsOf } from "../call/latency";
import type { TurnLatency } from "../call/messages";
import { useWords } from "../words";

export function LatencyPanel({ turns }: { turns: TurnLatency[] }) {
  const words = useWords().latency;
  const last = turns.at(-1);
  if (!last) return null;
  const middle = median(turns.map(({ total }) => total)) ?? 0;
  const scale = Math.max(...turns.map(({ total }) => total));
  return (
    <section className="card latency" data-testid="latency" aria-labelledby="latency-title">
      <div className="card-head bare">
        <h2 id="latency-title">{words.title}</h2>
        <p>
          <output data-testid="latency-total">{duration(last.total)}</output> <small>{turns.length > 1 && words.median(turns.length, duration(middle))}</small>
        </p>
      </div>
      <div className="latency-last">
        <LatencyBar latency={last} scale={last.total} />
      </div>
      <LatencyParts latency={last} />
      {turns.length > 1 && (
        <div className="earlier" aria-hidden="true">
          {turns.map((turn) => (
            <LatencyBar key={turn.sentenceId} latency={turn} scale={scale} />
          ))}
        </div>
      )}
    </section>
  );
}

export function LatencyParts({ latency }: { latency: TurnLatency }) {
  const words = useWords().latency;
  return (
    <ul className="parts" data-testid="latency-parts">
      {partsOf(latency).map(({ name, ms }) => (
        <li key={name} data-part={name} title={words.parts[name][1]}>
          <i className={`swatch ${name}`} />
          <span>{words.parts[name][0]}</span>
          <b>{duration(ms)}</b>
        </li>
      ))}
    </ul>
  );
}

/** One bar on a scale of `scale` ms; parts that took no time are left out. */
export function LatencyBar({ latency, scale }: { latency: TurnLatency; scale: number }) {
  const words = useWords().latency;
  const parts = partsOf(latency).filter(({ ms }) => ms > 0);
  const spoken = parts.map(({ name, ms }) => `${words.parts[name][0]} ${duration(ms)}`).join(", ");
  return (
    <div className="latency-bar" role="img" aria-label={`${duration(latency.total)}: ${spoken}`}>
      {parts.map(({ name, ms }) => (
        <span key={name} className={`piece ${name}`} title={`${words.parts[name][0]}: ${duration(ms)}`} style={{ "--share": `${(100 * ms) / Math.max(scale, 1)}%` }} />
      ))}
    </div>
  );
}

/** Which colour is which part. */
export function LatencyKey() {
  const words = useWords().latency;
  return (
    <ul className="key">
      {PARTS.map((name) => (
        <li key={name} title={words.parts[name][1]}>
          <i className={`swatch ${name}`} />
          {words.parts[name][0]}
        </li>
      ))}
    </ul>
  );
}
