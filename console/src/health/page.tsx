// How the server is: database, models, providers, media, calls, callbacks, limits.

import type { ReactNode } from "react";
import { useApi } from "../admin/api";
import { useDoors } from "../admin/doors";
import { bytes } from "../calls/format";
import { Icon, type Sign } from "../ui/icons";
import { Coded, Failed, Loading, Moment, Pill, type Tone } from "../ui/parts";
import { useLanguage, useWords } from "../words";
import { Doctor } from "./doctor";
import "./health.css";

interface Health {
  ok: boolean;
  version: string;
  started_ms: number;
  uptime_s: number;
  database: { kind: string; reachable: boolean; error?: string };
  models: { family: string; tier: string; files: { name: string; bytes: number; state: string }[] };
  providers: { language_models: string[]; voices: number };
  media: { udp: string; ticks: number; late_ticks: number; overloaded: boolean };
  calls: { running: number; draining: boolean };
  callbacks: { waiting: number | null };
  limits: { calls: number; body_bytes: number; head_bytes: number };
}

const REFRESH_MS = 5000;
const FILE_TONES: Record<string, Tone> = { verified: "good", absent: "wait", damaged: "bad" };

export default function HealthPage() {
  const words = useWords().health;
  const { data, error, mutate } = useApi<Health>("/health", { refreshInterval: REFRESH_MS });
  return (
    <div className="page">
      <div className="page-head">
        <h1>{words.title}</h1>
        <span className="quiet small">{words.refreshed}</span>
      </div>
      {error && <Failed error={error} retry={() => void mutate()} />}
      {!error && !data && <Loading />}
      {data && <Shown health={data} />}
    </div>
  );
}

function Shown({ health }: { health: Health }) {
  const words = useWords().health;
  const offers = useDoors();
  const { database, models, providers, media, calls, callbacks, limits } = health;
  return (
    <>
      <p className={health.ok ? "verdict good" : "verdict bad"} role="status" data-testid="verdict">
        <Icon sign={health.ok ? "check" : "warning"} />
        {health.ok ? words.ok : words.notOk}
      </p>
      <div className="health">
        <Card sign="info" title="Ringline">
          <Line name={words.version}>{health.version}</Line>
          <Line name={words.uptime}>
            <Uptime seconds={health.uptime_s} />
          </Line>
          <Line name={words.since}>
            <Moment ms={health.started_ms} />
          </Line>
          <Line name={words.body}>{bytes(limits.body_bytes)}</Line>
          <Line name={words.head}>{bytes(limits.head_bytes)}</Line>
        </Card>
        <Card sign="calls" title={words.calls} notes={calls.draining && <p className="notice">{words.draining}</p>}>
          <Line name={words.running}>{calls.running}</Line>
          <Line name={words.limit}>{limits.calls}</Line>
        </Card>
        <Card sign="talk" title={words.media} notes={media.overloaded && <Note text={words.overloaded} />}>
          <Line name={words.udp}>
            <code>{media.udp}</code>
          </Line>
          <Line name={words.late}>{`${media.late_ticks} / ${media.ticks}`}</Line>
        </Card>
        <Card sign="database" title={words.database} notes={database.error && <p className="notice">{database.error}</p>}>
          <Line name={database.kind === "postgres" ? "Postgres" : "SQLite"}>
            <Pill tone={database.reachable ? "good" : "bad"}>{database.reachable ? words.reachable : words.unreachable}</Pill>
          </Line>
        </Card>
        <Card sign="agents" title={words.providers}>
          <Line name={words.languageModels}>{providers.language_models.join(", ")}</Line>
          <Line name={words.voices}>{providers.voices}</Line>
        </Card>
        <Card sign="send" title={words.callbacks}>
          <Line name={words.waiting}>{callbacks.waiting ?? words.waitingUnknown}</Line>
        </Card>
        <Models models={models} />
        {offers("/doctor") && <Doctor />}
      </div>
    </>
  );
}

function Models({ models }: { models: Health["models"] }) {
  const words = useWords().health;
  const notes = (
    <>
      {models.family === "scripted" && <p className="quiet small">{words.scriptedHint}</p>}
      {models.files.some(({ state }) => state !== "verified") && <Note text={words.pull(models.tier)} />}
    </>
  );
  return (
    <Card sign="models" title={words.models} wide notes={notes}>
      <Line name={words.family[models.family] ?? models.family}>{models.family === "local" ? `${words.tier} ${models.tier}` : ""}</Line>
      {models.files.map(({ name, bytes: size, state }) => (
        <Line key={name} name={name}>
          <span className="quiet small">{bytes(size)}</span> <Pill tone={FILE_TONES[state] ?? "neutral"}>{words.fileStates[state] ?? state}</Pill>
        </Line>
      ))}
    </Card>
  );
}

function Note({ text }: { text: string }) {
  return (
    <p className="notice">
      <Coded text={text} />
    </p>
  );
}

interface CardProps {
  sign: Sign;
  title: string;
  wide?: boolean;
  /** Lines. */
  children: ReactNode;
  /** What stands below them. */
  notes?: ReactNode;
}

function Card({ sign, title, wide = false, children, notes }: CardProps) {
  return (
    <section className={wide ? "card padded wide" : "card padded"}>
      <h2 className="row">
        <Icon sign={sign} />
        {title}
      </h2>
      <dl>{children}</dl>
      {notes}
    </section>
  );
}

function Line({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="line">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** The two largest units: `3 days, 4 hr`. */
function Uptime({ seconds }: { seconds: number }) {
  const { language } = useLanguage();
  const parts = ([["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]] as const).map(([unit, size], i, units) => ({ unit, n: Math.floor((seconds % (units[i - 1]?.[1] ?? Infinity)) / size) }));
  const first = Math.max(0, parts.findIndex(({ n }) => n > 0));
  const shown = parts.slice(first, first + 2).filter(({ n }, i) => n > 0 || i === 0);
  const texts = shown.map(({ unit, n }) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(n));
  return texts.join(" ");
}
