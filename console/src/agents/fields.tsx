// One field of an agent, drawn by its rules: what the schema says it is decides what one sees.

import { useId, type ReactNode } from "react";
import { useWords } from "../words";
import { get, type Json, type JsonObject } from "./json";
import { kindOf, ruleAt, zeroOr, type Schema } from "./schema";

export interface Draft {
  agent: JsonObject;
  schema: Schema;
  faults: Map<string, string>;
  change: (path: string, to: Json | undefined) => void;
}

interface FieldProps {
  draft: Draft;
  path: string;
  /** A text over several lines. */
  rows?: number;
  /** What may be chosen, where the schema takes any text. */
  choices?: [value: string, label: string][];
  /** What holds if nothing is set. */
  fallback?: string;
  disabled?: boolean;
}

export function Field({ draft, path, rows, choices, fallback, disabled = false }: FieldProps) {
  const words = useWords().agents;
  const rule = ruleAt(draft.schema, path);
  const kind = kindOf(rule);
  const value = get(draft.agent, path);
  const id = useId();
  // A server of another version may not know the field.
  if (!rule || kind === "other") return null;
  const fault = draft.faults.get(path) ?? [...draft.faults].find(([at]) => at.startsWith(`${path}.`))?.[1];
  const common = { id, "data-field": path, disabled, "aria-invalid": fault !== undefined, "aria-describedby": fault === undefined ? undefined : `${id}-fault` };
  const unset = fallback === undefined ? words.unset : words.unsetWith(fallback);
  const change = (to: Json | undefined) => draft.change(path, to);
  const text = value === undefined || value === null ? "" : String(value);
  const select = (options: [string, string][], read: (chosen: string) => Json) => (
    <select {...common} value={text} onChange={(event) => change(event.target.value === "" ? undefined : read(event.target.value))}>
      <option value="">{unset}</option>
      {text !== "" && !options.some(([known]) => known === text) && <option value={text}>{text}</option>}
      {options.map(([known, label]) => (
        <option key={known} value={known}>
          {label}
        </option>
      ))}
    </select>
  );

  let input: ReactNode;
  if (choices) input = select(choices, (chosen) => chosen);
  else if (kind === "choice") input = select((rule.enum ?? []).map((choice) => [String(choice), String(choice)]), (chosen) => chosen);
  else if (kind === "flag") input = select([["true", words.on], ["false", words.off]], (chosen) => chosen === "true");
  else if (kind === "number") {
    const range = zeroOr(rule) ?? rule;
    const step = range.type === "integer" ? 1 : "any";
    input = <input {...common} type="number" step={step} min={zeroOr(rule) ? 0 : range.minimum} max={range.maximum} placeholder={unset} value={text} onChange={(event) => change(event.target.value === "" ? undefined : event.target.valueAsNumber)} />;
  } else if (kind === "texts") {
    const lines = Array.isArray(value) ? value.join("\n") : "";
    const read = (typed: string, keep: (line: string) => boolean) => {
      const entries = typed.split("\n").filter(keep);
      change(typed === "" || entries.length === 0 ? undefined : entries);
    };
    // A line that is being begun is no entry yet; none is left behind.
    input = <textarea {...common} rows={rows ?? 3} placeholder={unset} value={lines} onChange={(event) => read(event.target.value, () => true)} onBlur={(event) => read(event.target.value, (line) => line.trim() !== "")} />;
  } else if (rows !== undefined) {
    input = <textarea {...common} rows={rows} placeholder={unset} value={text} onChange={(event) => change(event.target.value === "" ? undefined : event.target.value)} />;
  } else {
    input = <input {...common} type="text" placeholder={path === "name" ? "" : unset} autoComplete="off" spellCheck={false} value={text} onChange={(event) => change(event.target.value === "" ? undefined : event.target.value)} />;
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {words.fields[path] ?? path} {kind === "texts" && <small>{words.linesHint}</small>}
      </label>
      {input}
      <Fault id={`${id}-fault`} text={fault} />
    </div>
  );
}

/** A secret: never shown, kept if left alone, removed on demand. */
export function SecretField({ draft, path, isSet }: { draft: Draft; path: string; isSet: boolean }) {
  const words = useWords().agents;
  const id = useId();
  const value = get(draft.agent, path);
  const fault = draft.faults.get(path);
  return (
    <div className="field">
      <label htmlFor={id}>{words.fields[path] ?? path}</label>
      <input id={id} data-field={path} type="password" autoComplete="off" aria-invalid={fault !== undefined} placeholder={isSet && value === undefined ? words.secretSet : ""} value={typeof value === "string" ? value : ""} onChange={(event) => draft.change(path, event.target.value === "" ? undefined : event.target.value)} />
      {isSet && (
        <label className="tick">
          <input type="checkbox" checked={value === ""} onChange={(event) => draft.change(path, event.target.checked ? "" : undefined)} />
          <span>{words.secretClear}</span>
        </label>
      )}
      <Fault id={`${id}-fault`} text={fault} />
    </div>
  );
}

export function Fault({ id, text }: { id: string; text: string | undefined }) {
  return text === undefined ? null : (
    <span className="wrong" id={id} role="alert">
      {text}
    </span>
  );
}

export function Section({ name, children }: { name: keyof ReturnType<typeof useWords>["agents"]["sections"]; children: ReactNode }) {
  const words = useWords().agents;
  const hint = words.sectionHints[name];
  return (
    <section className="card section" aria-labelledby={`section-${name}`}>
      <div className="section-head">
        <h2 id={`section-${name}`}>{words.sections[name]}</h2>
        {hint && <p className="quiet small">{hint}</p>}
      </div>
      <div className="section-fields">{children}</div>
    </section>
  );
}
