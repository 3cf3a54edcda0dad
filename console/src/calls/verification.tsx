// Whether a call is still what it was: asked for on demand, since the server computes everything anew.

import { useState } from "react";
import { api } from "../admin/api";
import { useAttempt } from "../ui/attempt";
import { Failed, Pill, type Tone } from "../ui/parts";
import { useWords } from "../words";
import { bytes } from "./format";

interface Verification {
  verdict: "intact" | "changed" | "unsealed";
  findings: string[];
  rows: number;
  bytes: number;
  sealed: string | null;
  after_crash: boolean;
}

const TONES: Record<Verification["verdict"], Tone> = { intact: "good", changed: "bad", unsealed: "wait" };

export function VerificationCard({ path }: { path: string }) {
  const words = useWords().verification;
  const [found, setFound] = useState<Verification | null>(null);
  const { busy, error, attempt } = useAttempt();
  const verify = () => attempt(async () => setFound(await api<Verification>(`${path}/verification`)));
  return (
    <section className="card" aria-labelledby="verification-title">
      <div className="card-head bare">
        <h2 id="verification-title">{words.title}</h2>
        {found ? (
          <span data-testid="verdict">
            <Pill tone={TONES[found.verdict]}>{words.verdicts[found.verdict]}</Pill>
          </span>
        ) : (
          <button type="button" className="button small" data-testid="verify" disabled={busy} onClick={() => void verify()}>
            {busy ? words.checking : words.check}
          </button>
        )}
      </div>
      <div className="facts">
        {!found && error === null && <p className="quiet small">{words.hint}</p>}
        {error !== null && <Failed error={error} />}
        {found && (
          <dl>
            <div>
              <dt>{words.rows}</dt>
              <dd>{found.rows}</dd>
            </div>
            <div>
              <dt>{words.bytes}</dt>
              <dd>{bytes(found.bytes)}</dd>
            </div>
            {found.sealed && (
              <div>
                <dt>{words.sealed}</dt>
                <dd>{found.sealed}</dd>
              </div>
            )}
          </dl>
        )}
        {found?.after_crash && <p className="quiet small">{words.afterCrash}</p>}
        {found?.findings.map((finding) => (
          <p key={finding} className="small">
            {finding}
          </p>
        ))}
      </div>
    </section>
  );
}
