// Access keys: which there are, what each may do, new ones, and switching one off.

import { useState, type FormEvent } from "react";
import { api, useApi } from "../admin/api";
import type { AccessKey, AccessKeys } from "../admin/types";
import { useAttempt } from "../ui/attempt";
import { Icon } from "../ui/icons";
import { CopyButton, Dialog, Failed, Loading, Moment, Nothing, Pill } from "../ui/parts";
import { useWords } from "../words";
import { OPERATIONS } from "./operations";
import "./keys.css";

type Shown = { kind: "new" } | { kind: "made"; key: AccessKey } | { kind: "limit"; key: AccessKey };

export default function KeysPage() {
  const words = useWords().keys;
  const [marks, setMarks] = useState<string[]>([""]);
  const [shown, setShown] = useState<Shown | null>(null);
  const close = () => setShown(null);
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>{words.title}</h1>
          <p className="quiet">{words.text}</p>
        </div>
        <button type="button" className="button primary" data-testid="new-key" onClick={() => setShown({ kind: "new" })}>
          <Icon sign="plus" />
          {words.add}
        </button>
      </div>
      <section className="card" aria-label={words.title}>
        {marks.map((mark) => (
          <KeysOf key={mark} mark={mark} more={mark === marks.at(-1) ? (next) => setMarks([...marks, next]) : null} limit={(key) => setShown({ kind: "limit", key })} />
        ))}
      </section>
      {shown?.kind === "new" && <NewKey close={close} made={(key) => setShown({ kind: "made", key })} reload={() => setMarks([""])} />}
      {shown?.kind === "made" && <MadeKey shown={shown.key} close={close} />}
      {shown?.kind === "limit" && <LimitKey shown={shown.key} close={close} />}
    </div>
  );
}

/** A page's address; what changes a key reads it again. */
const pageOf = (mark: string) => `/access_keys?limit=100${mark ? `&after=${encodeURIComponent(mark)}` : ""}`;

function KeysOf({ mark, more, limit }: { mark: string; more: ((next: string) => void) | null; limit: (key: AccessKey) => void }) {
  const words = useWords();
  const { data, error, mutate } = useApi<AccessKeys>(pageOf(mark));
  const { error: failure, attempt } = useAttempt();
  if (error && !data) return <Failed error={error} retry={() => void mutate()} />;
  if (!data) return <Loading />;
  if (data.access_keys.length === 0) {
    return (
      <Nothing sign="keys" title={words.keys.none}>
        <p>{words.keys.noneText}</p>
      </Nothing>
    );
  }
  const toggle = ({ id, active }: AccessKey) =>
    attempt(async () => {
      if (active && !confirm(words.keys.deactivateSure)) return;
      await api(`/access_keys/${id}`, { method: "PATCH", body: { active: !active } });
      await mutate();
    });
  return (
    <>
      {failure !== null && <Failed error={failure} />}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{words.keys.id}</th>
            <th scope="col">{words.keys.state}</th>
            <th scope="col">{words.keys.operations}</th>
            <th scope="col">{words.keys.created}</th>
            <th scope="col">
              <span className="unseen">{words.keys.change}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {data.access_keys.map((key) => (
            <tr key={key.id} data-testid="key-row">
              <td className="lead">
                <code>{key.id}</code>
              </td>
              <td data-label={words.keys.state}>
                <Pill tone={key.active ? "good" : "neutral"}>{key.active ? words.keys.active : words.keys.inactive}</Pill>
              </td>
              <td data-label={words.keys.operations} title={key.operations?.join(", ")}>
                {key.operations === null ? words.keys.all : words.keys.some(key.operations.length, OPERATIONS.length)}
              </td>
              <td data-label={words.keys.created}>
                <Moment ms={Date.parse(key.created)} />
              </td>
              <td>
                <span className="row key-actions">
                  <button type="button" className="button small" aria-label={`${words.keys.change} ${key.id}`} onClick={() => limit(key)}>
                    {words.keys.change}
                  </button>
                  <button type="button" className="button small" aria-label={`${key.active ? words.keys.deactivate : words.keys.activate}: ${key.id}`} onClick={() => void toggle(key)}>
                    {key.active ? words.keys.deactivate : words.keys.activate}
                  </button>
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more && data.next !== null && (
        <p className="more">
          <button type="button" className="button" onClick={() => more(data.next ?? "")}>
            {words.keys.older}
          </button>
        </p>
      )}
    </>
  );
}

function NewKey({ close, made, reload }: { close: () => void; made: (key: AccessKey) => void; reload: () => void }) {
  const words = useWords().keys;
  const { mutate } = useApi<AccessKeys>(pageOf(""));
  const write = async (operations: string[] | null) => {
    const key = await api<AccessKey>("/access_keys", { method: "POST", body: { operations } });
    reload();
    await mutate();
    made(key);
  };
  return (
    <Dialog title={words.add} close={close}>
      <OperationsForm chosen={null} submit={words.make} write={write} />
    </Dialog>
  );
}

function LimitKey({ shown: key, close }: { shown: AccessKey; close: () => void }) {
  const words = useWords().keys;
  const { mutate } = useApi<AccessKeys>(pageOf(""));
  const write = async (operations: string[] | null) => {
    await api(`/access_keys/${key.id}`, { method: "PATCH", body: { operations } });
    await mutate();
    close();
  };
  return (
    <Dialog title={`${words.limit}: ${key.id}`} close={close}>
      <OperationsForm chosen={key.operations} submit={words.save} write={write} />
    </Dialog>
  );
}

function OperationsForm({ chosen, submit, write }: { chosen: string[] | null; submit: string; write: (operations: string[] | null) => Promise<void> }) {
  const words = useWords().keys;
  const [all, setAll] = useState(chosen === null);
  const [some, setSome] = useState<ReadonlySet<string>>(new Set(chosen));
  const { busy, error, attempt } = useAttempt();
  const send = (event: FormEvent) => {
    event.preventDefault();
    return attempt(() => write(all ? null : [...some]));
  };
  const toggle = (name: string, on: boolean) => {
    const next = new Set(some);
    if (on) next.add(name);
    else next.delete(name);
    setSome(next);
  };
  // A newer server may know more.
  const names = [...OPERATIONS, ...(chosen ?? []).filter((name) => !(OPERATIONS as readonly string[]).includes(name))];
  return (
    <form className="stack" onSubmit={(event) => void send(event)}>
      <fieldset className="operations">
        <legend>{words.limit}</legend>
        <label className="tick">
          <input type="radio" name="extent" checked={all} onChange={() => setAll(true)} />
          <span>{words.everything}</span>
        </label>
        <label className="tick">
          <input type="radio" name="extent" checked={!all} onChange={() => setAll(false)} />
          <span>{words.chosen}</span>
        </label>
        {!all && (
          <ul>
            {names.map((name) => (
              <li key={name}>
                <label className="tick">
                  <input type="checkbox" checked={some.has(name)} onChange={(event) => toggle(name, event.target.checked)} />
                  <span>{name}</span>
                </label>
              </li>
            ))}
          </ul>
        )}
      </fieldset>
      {error !== null && <Failed error={error} />}
      <div className="row end">
        <button type="submit" className="button primary" data-testid="write-key" disabled={busy || (!all && some.size === 0)}>
          {submit}
        </button>
      </div>
    </form>
  );
}

function MadeKey({ shown: key, close }: { shown: AccessKey; close: () => void }) {
  const words = useWords();
  const { keys } = words;
  const secret = key.secret ?? "";
  return (
    <Dialog title={keys.madeTitle} close={close}>
      <p className="notice calm">{keys.made}</p>
      <dl className="made">
        <dt>{keys.id}</dt>
        <dd>
          <code>{key.id}</code>
          <CopyButton text={key.id} label={keys.id} />
        </dd>
        <dt>{keys.secret}</dt>
        <dd>
          <code data-testid="secret">{secret}</code>
          <CopyButton text={secret} label={keys.secret} />
        </dd>
      </dl>
      <div className="row end">
        <button type="button" className="button primary" data-testid="close-made" onClick={close}>
          {words.shell.close}
        </button>
      </div>
    </Dialog>
  );
}
