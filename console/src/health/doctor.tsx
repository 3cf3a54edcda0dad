// The doctor: everything a call needs, looked at on demand, on the server's side and in this browser, with what to do next.

import { useState } from "react";
import { answer } from "../admin/api";
import { useAttempt } from "../ui/attempt";
import { Failed, Pill, type Tone } from "../ui/parts";
import { useWords } from "../words";
import { checkBrowser, type BrowserCheck, type Verdict } from "./browser-checks";

interface Report {
  ok: boolean;
  checks: { name: string; verdict: Verdict; found: string; advice?: string }[];
}

const TONES: Record<Verdict, Tone> = { ok: "good", warning: "wait", failed: "bad", skipped: "neutral" };
/** A minute at most, the server says. */
const LIMIT_MS = 90_000;

export function Doctor() {
  const words = useWords().health;
  const [found, setFound] = useState<{ report: Report; browser: BrowserCheck[] } | null>(null);
  const { busy, error, attempt } = useAttempt();
  const look = () =>
    attempt(async () => {
      setFound(null);
      const response = await answer("/doctor", { signal: AbortSignal.timeout(LIMIT_MS) });
      const arrived = Date.now();
      const report = (await response.json()) as Report;
      setFound({ report, browser: await checkBrowser(response.headers.get("date"), arrived) });
    });
  return (
    <section className="card padded wide doctor" aria-labelledby="doctor-title">
      <div className="page-head">
        <div>
          <h2 id="doctor-title">{words.doctor}</h2>
          <p className="quiet small">{words.doctorHint}</p>
        </div>
        <button type="button" className="button primary" data-testid="doctor" disabled={busy} onClick={() => void look()}>
          {busy ? words.doctorBusy : words.doctorRun}
        </button>
      </div>
      {error !== null && <Failed error={error} />}
      {found && (
        <ul className="checks" role="status" data-testid="checks">
          {found.report.checks.map(({ name, verdict, found: text, advice }) => (
            <Line key={`${name} ${text}`} name={name} verdict={verdict} text={text} advice={advice} />
          ))}
          {found.browser.map(({ name, verdict, found: finding, detail }) => (
            <Line key={name} name={name} verdict={verdict} text={words.findings[finding](detail)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Line({ name, verdict, text, advice }: { name: string; verdict: Verdict; text: string; advice?: string | undefined }) {
  const words = useWords().health;
  return (
    <li data-check={name} data-verdict={verdict}>
      <Pill tone={TONES[verdict]}>{words.verdicts[verdict]}</Pill>
      <strong>{words.checks[name] ?? name}</strong>
      <span>
        {text}
        {advice !== undefined && <em>{advice}</em>}
      </span>
    </li>
  );
}
