// The subtitles as a conversation. A hidden live region is told only whole sentences, so that a screen reader isn't
// interrupted by every piece.

import { useEffect, useLayoutEffect, useRef, useState, type FormEvent } from "react";
import { duration } from "../call/latency";
import type { Entry } from "../call/subtitles";
import { Icon } from "../ui/icons";
import { useWords, type Words } from "../words";
import { talk, type TalkState } from "./talk";

/** Closer to the end than this, in pixels, the list follows what is added. */
const FOLLOW = 80;
/** Sentences kept in the live region. */
const MAX_SPOKEN = 20;

export function Conversation({ state }: { state: TalkState }) {
  const words = useWords();
  return (
    <section className="card talk" aria-labelledby="conversation-title">
      <div className="card-head">
        <h2 id="conversation-title">{words.talk.conversation}</h2>
        <Timer since={state.connectedAt} running={state.phase !== "idle"} label={words.talk.length} />
      </div>
      <Log entries={state.entries} words={words} />
      <Announcements entries={state.entries} words={words} />
      <Typing enabled={state.phase === "connected"} words={words} />
    </section>
  );
}

function Log({ entries, words }: { entries: Entry[]; words: Words }) {
  const log = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  useLayoutEffect(() => {
    if (log.current && follows.current) log.current.scrollTop = log.current.scrollHeight;
  }, [entries]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = log.current ?? {};
    follows.current = scrollHeight - scrollTop - clientHeight < FOLLOW;
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls must be reachable by keyboard
    <div className="log" data-testid="conversation" role="group" tabIndex={0} aria-labelledby="conversation-title" ref={log} onScroll={onScroll}>
      {entries.length === 0 && <p className="empty">{words.talk.empty}</p>}
      <ol className="entries">
        {entries.map((entry) => (
          <EntryView key={entry.key} entry={entry} words={words} />
        ))}
      </ol>
    </div>
  );
}

function EntryView({ entry, words }: { entry: Entry; words: Words }) {
  const remarks = [
    entry.interrupted ? words.talk.interrupted[entry.interrupted] : "",
    entry.typed ? words.talk.typed : "",
    entry.latency ? duration(entry.latency.total) : "",
  ].filter(Boolean);
  const look = ["entry", entry.side, entry.final ? "" : "interim", entry.interrupted ? "interrupted" : ""];
  return (
    <li className={look.filter(Boolean).join(" ")} data-testid={`${entry.side}-subtitle`} data-sentence={entry.key} data-final={entry.final}>
      <span className="unseen">{`${entry.side === "user" ? words.talk.you : words.talk.agent}: `}</span>
      <p className="words">{entry.text}</p>
      {remarks.length > 0 && <p className="meta">{remarks.join(" · ")}</p>}
    </li>
  );
}

function Announcements({ entries, words }: { entries: Entry[]; words: Words }) {
  const final = entries.filter((entry) => entry.final).slice(-MAX_SPOKEN);
  return (
    <div className="unseen" data-testid="live-region" role="log" aria-live="polite">
      {final.map((entry) => (
        <p key={entry.key}>
          {`${entry.side === "user" ? words.talk.you : words.talk.agent}: ${entry.text} ${entry.interrupted ? words.talk.interruptedNote : ""}`.trim()}
        </p>
      ))}
    </div>
  );
}

function Timer({ since, running, label }: { since: number | null; running: boolean; label: string }) {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    if (!running) return;
    const tick = () => setSeconds(since === null ? 0 : Math.floor((performance.now() - since) / 1000));
    tick();
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [since, running]);
  if (since === null) return null;
  return (
    <time data-testid="timer" aria-label={label} dateTime={`PT${seconds}S`}>
      {`${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`}
    </time>
  );
}

function Typing({ enabled, words }: { enabled: boolean; words: Words }) {
  const [text, setText] = useState("");
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() && talk.say(text.trim())) setText("");
  };
  return (
    <form className="typing" onSubmit={send}>
      <label className="unseen" htmlFor="text">
        {words.talk.type}
      </label>
      <input type="text" id="text" data-testid="text" maxLength={1000} placeholder={words.talk.typeHint} autoComplete="off" disabled={!enabled} value={text} onChange={(event) => setText(event.target.value)} />
      <button type="submit" data-testid="send" disabled={!enabled} aria-label={words.talk.send}>
        <Icon sign="send" />
      </button>
    </form>
  );
}
