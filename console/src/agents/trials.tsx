// Trying things out: how a voice sounds, whether the providers answer, whether the app server takes an event.

import { useEffect, useRef, useState } from "react";
import { answer, api } from "../admin/api";
import type { CallbackTest, ProviderTest, Voice } from "../admin/types";
import { duration } from "../call/latency";
import { useAttempt } from "../ui/attempt";
import { Icon } from "../ui/icons";
import { Failed, Pill } from "../ui/parts";
import { useWords } from "../words";

/** Every voice with a button that plays its sample. */
export function VoiceSamples({ voices }: { voices: Voice[] }) {
  const words = useWords().agents;
  const audio = useRef<HTMLAudioElement | null>(null);
  const [playing, setPlaying] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => () => audio.current?.pause(), []);
  const stop = () => {
    audio.current?.pause();
    audio.current = null;
    setPlaying(null);
  };
  const listen = async (id: string) => {
    stop();
    setError(null);
    setPlaying(id);
    try {
      const sample = await (await answer(`/voices/${encodeURIComponent(id)}/sample`)).blob();
      const url = URL.createObjectURL(sample);
      const element = new Audio(url);
      const done = () => {
        URL.revokeObjectURL(url);
        if (audio.current === element) stop();
      };
      element.addEventListener("ended", done);
      audio.current = element;
      await element.play();
    } catch (failure) {
      setError(failure);
      setPlaying(null);
    }
  };
  return (
    <div className="samples">
      <h3>{words.voices}</h3>
      <ul>
        {voices.map(({ id, name, language }) => (
          <li key={id}>
            <button type="button" className="button small" data-testid={`sample-${id}`} onClick={() => (playing === id ? stop() : void listen(id))}>
              <Icon sign={playing === id ? "stop" : "play"} />
              <span className="unseen">{playing === id ? words.stopListening : words.listen}</span>
              {name || id} <small>{language}</small>
            </button>
          </li>
        ))}
      </ul>
      {error !== null && <Failed error={error} />}
    </div>
  );
}

/** A minute at most, the server says. */
const LIMIT_MS = 90_000;

interface Trial<T> {
  result: T | null;
  error: unknown;
  busy: boolean;
  run: () => void;
}

function useTrial<T>(path: string): Trial<T> {
  const [result, setResult] = useState<T | null>(null);
  const { busy, error, attempt } = useAttempt();
  const run = () =>
    attempt(async () => {
      setResult(null);
      setResult(await api<T>(path, { method: "POST", signal: AbortSignal.timeout(LIMIT_MS) }));
    });
  return { result, busy, error, run: () => void run() };
}

export function ProviderTrial({ id }: { id: string }) {
  const words = useWords().agents;
  const trial = useTrial<ProviderTest>(`/agents/${encodeURIComponent(id)}/test_providers`);
  return (
    <div className="trial">
      <p className="row">
        <button type="button" className="button" data-testid="test-providers" disabled={trial.busy} onClick={trial.run}>
          {trial.busy ? words.testingProviders : words.testProviders}
        </button>
        <span className="quiet small">{words.testSaved}</span>
      </p>
      {trial.result && (
        <ul className="results" role="status">
          {trial.result.nodes.map(({ node, ok, ms, text, error }) => (
            <li key={node} data-testid={`probe-${node}`}>
              <Pill tone={ok ? "good" : "bad"}>{duration(ms)}</Pill>
              <strong>{words.nodes[node] ?? node}</strong>
              <span className="quiet">{error ?? (text === undefined ? "" : words.nodeSays(text))}</span>
            </li>
          ))}
        </ul>
      )}
      {trial.error !== null && <Failed error={trial.error} />}
    </div>
  );
}

export function CallbackTrial({ id }: { id: string }) {
  const words = useWords().agents;
  const trial = useTrial<CallbackTest>(`/agents/${encodeURIComponent(id)}/test_callback`);
  const { result } = trial;
  const said = (test: CallbackTest) => {
    if (test.status === null) return words.callbackFailed(test.error ?? "");
    return test.ok ? words.callbackOk(test.status, test.ms) : words.callbackRefused(test.status, test.ms);
  };
  return (
    <div className="trial">
      <p className="row">
        <button type="button" className="button" data-testid="test-callback" disabled={trial.busy} onClick={trial.run}>
          {words.testCallback}
        </button>
        <span className="quiet small">{words.testSaved}</span>
      </p>
      {result && (
        <p className={result.ok ? "notice fine" : "notice"} role="status">
          {said(result)}
        </p>
      )}
      {trial.error !== null && <Failed error={trial.error} />}
    </div>
  );
}
