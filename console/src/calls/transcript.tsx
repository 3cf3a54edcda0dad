// What was said, turn by turn, with when, how quickly and how it was cut. The turn that is playing is marked; pressing a
// turn plays from there.

import { useEffect, useRef } from "react";
import { duration } from "../call/latency";
import type { Interruption, Turn } from "../admin/types";
import { LatencyBar } from "../talk/latency";
import { clock } from "../ui/parts";
import { useWords } from "../words";
import { turnLatency } from "./format";

interface TranscriptProps {
  turns: Turn[];
  interruptions: Interruption[];
  /** Index of the turn that is playing, or -1. */
  current: number;
  /** Null: there is nothing to play. */
  playFrom: ((ms: number) => void) | null;
}

export function Transcript({ turns, interruptions, current, playFrom }: TranscriptProps) {
  const words = useWords();
  const marked = useRef<HTMLLIElement>(null);
  // Without braces the effect would return what newer browsers do: a promise, which React takes for its clean-up.
  useEffect(() => {
    marked.current?.scrollIntoView({ block: "nearest" });
  }, [current]);
  const scale = Math.max(...turns.map(({ latency }) => latency?.total ?? 0), 1);
  if (turns.length === 0) return <p className="empty">{words.call.nothingSaid}</p>;
  return (
    <ol className="turns" data-testid="transcript">
      {turns.map((turn, i) => (
        <li key={`${turn.begin_ms} ${turn.role} ${turn.text}`} className={`turn ${turn.role}`} aria-current={i === current ? "true" : undefined} ref={i === current ? marked : null}>
          <p className="who">
            {playFrom ? (
              <button type="button" className="plain" aria-label={words.call.playFrom(clock(turn.begin_ms))} onClick={() => playFrom(turn.begin_ms)}>
                {clock(turn.begin_ms)}
              </button>
            ) : (
              <span className="quiet">{clock(turn.begin_ms)}</span>
            )}
            <strong>{turn.role === "user" ? words.call.userTrack : words.call.agentTrack}</strong>
            <span className="quiet">{words.call.kinds[turn.kind] ?? turn.kind}</span>
            {turn.latency && <span className="quiet total">{duration(turn.latency.total)}</span>}
          </p>
          <p className={turn.interrupted ? "said cut" : "said"}>{turn.text}</p>
          {turn.latency && <LatencyBar latency={turnLatency(turn.sentence_id, turn.latency)} scale={scale} />}
          {turn.interrupted && <p className="small cut-note">{reasonOf(turn, turns[i + 1], interruptions, words.call.reasons)}</p>}
        </li>
      ))}
    </ol>
  );
}

/** The interruption that cut a turn: the first one after its beginning and before the next of the same side. */
function reasonOf(turn: Turn, next: Turn | undefined, interruptions: Interruption[], reasons: Record<string, string>): string {
  const until = next && next.role === turn.role ? next.begin_ms : Infinity;
  const found = interruptions.find(({ at_ms }) => at_ms >= turn.begin_ms && at_ms < until);
  const reason = reasons[found?.reason ?? "unknown"] ?? "";
  return found ? `${reason} · ${clock(found.at_ms)}` : reason;
}
