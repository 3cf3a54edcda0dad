// Small pieces that every page uses.

import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { ApiError } from "../admin/api";
import { useLanguage, useWords, type Words } from "../words";
import { Icon, type Sign } from "./icons";

/** Text in which what stands between backquotes is code. */
export function Coded({ text }: { text: string }) {
  return text.split("`").map((part, i) => (i % 2 === 1 ? <code key={`${i} ${part}`}>{part}</code> : part));
}

export function errorText(error: unknown, words: Words): string {
  if (error instanceof ApiError && error.status === 0) return words.failure.away;
  return words.failure.unknown(error instanceof Error ? error.message : String(error));
}

/** Something could not be read or done. */
export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const words = useWords();
  return (
    <div className="notice" role="alert">
      <div>
        <Coded text={errorText(error, words)} />
      </div>
      {retry && (
        <button type="button" className="step" onClick={retry}>
          {words.shell.tryAgain}
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <p className="loading" role="status">
      {useWords().shell.loading}
    </p>
  );
}

/** What stands where a list has nothing to show. */
export function Nothing({ sign, title, children }: { sign: Sign; title: string; children?: ReactNode }) {
  return (
    <div className="nothing">
      <Icon sign={sign} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export type Tone = "good" | "wait" | "bad" | "live" | "neutral";

export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return <span className={`pill ${tone}`}>{children}</span>;
}

/** A moment, as this language writes it; its exact form on hover. */
export function Moment({ ms, seconds = false }: { ms: number; seconds?: boolean }) {
  const { language } = useLanguage();
  const date = new Date(ms);
  const [today] = useState(() => new Date().toDateString());
  const text = new Intl.DateTimeFormat(language, { ...(date.toDateString() === today ? {} : { dateStyle: "medium" }), timeStyle: seconds ? "medium" : "short" }).format(date);
  return (
    <time dateTime={date.toISOString()} title={date.toISOString()}>
      {text}
    </time>
  );
}

/** `1:02:09`, `0:07`. */
export function clock(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

export function CopyButton({ text, label }: { text: string; label: string }) {
  const words = useWords().shell;
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button type="button" className="button small" onClick={() => void copy()} aria-label={`${words.copy}: ${label}`}>
      {copied ? words.copied : words.copy}
    </button>
  );
}

/** A dialog over the page; Escape and the cross close it. */
export function Dialog({ title, close, children }: { title: string; close: () => void; children: ReactNode }) {
  const words = useWords().shell;
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby={id} onClose={close}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        <button type="button" className="plain close" aria-label={words.close} onClick={() => dialog.current?.close()}>
          <Icon sign="close" />
        </button>
      </div>
      <div className="padded stack">{children}</div>
    </dialog>
  );
}
