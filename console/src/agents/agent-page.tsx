// One agent: made or changed, checked while typing by the server's own schema, and tried out.

import { useEffect, useId, useState, type FormEvent } from "react";
import { Link, useLocation } from "wouter";
import { ApiError, api, useApi } from "../admin/api";
import type { Agent, Voices } from "../admin/types";
import { Icon } from "../ui/icons";
import { Failed, Loading } from "../ui/parts";
import { useWords } from "../words";
import { Fault, Field, Section, SecretField, type Draft } from "./fields";
import { get, set, type Json, type JsonObject } from "./json";
import { faultsOf, type Schema } from "./schema";
import { CallbackTrial, ProviderTrial, VoiceSamples } from "./trials";
import "./agents.css";

const NEW: JsonObject = { name: "", type: "VoiceChat", config: {}, settings: {} };

export default function AgentPage({ id }: { id: string | null }) {
  const words = useWords();
  const schema = useApi<Schema>("/agents/schema", { revalidateOnFocus: false });
  const stored = useApi<Agent>(id === null ? null : `/agents/${encodeURIComponent(id)}`, { revalidateOnFocus: false });
  const error = schema.error ?? stored.error;
  const agent = id === null ? NEW : (stored.data as unknown as JsonObject | undefined);
  return (
    <div className="page">
      <p>
        <Link href="/agents" className="back">
          <Icon sign="back" />
          {words.agents.title}
        </Link>
      </p>
      {error && <Failed error={error} />}
      {!error && !(schema.data && agent) && <Loading />}
      {schema.data && agent && <Editor key={id} id={id} stored={agent} schema={schema.data} keep={(saved) => void stored.mutate(saved, { revalidate: false })} />}
    </div>
  );
}

interface EditorProps {
  id: string | null;
  stored: JsonObject;
  schema: Schema;
  keep: (saved: Agent) => void;
}

function Editor({ id, stored, schema, keep }: EditorProps) {
  const words = useWords();
  const [, go] = useLocation();
  const [agent, setAgent] = useState(stored);
  const [refused, setRefused] = useState<{ field: string | null; error: unknown } | null>(null);
  const [saved, setSaved] = useState(false);
  const [busy, setBusy] = useState(false);
  const [tried, setTried] = useState(false);
  const changed = JSON.stringify(agent) !== JSON.stringify(stored);
  useWarning(changed);

  const faults = faultsOf(agent, schema, words);
  // What has not been typed yet is not wrong yet.
  if (!tried && agent["name"] === "") faults.delete("name");
  if (refused?.field && refused.error instanceof ApiError) faults.set(refused.field, refused.error.message);
  const draft: Draft = {
    agent,
    schema,
    faults,
    change: (path, to) => {
      setSaved(false);
      setRefused(null);
      setAgent((before) => withoutEmpty(set(before, path, to)));
    },
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (faultsOf(agent, schema, words).size > 0) return;
    setBusy(true);
    setRefused(null);
    try {
      if (id === null) {
        const made = await api<Agent>("/agents", { method: "POST", body: agent });
        go(`/agents/${encodeURIComponent(made.id)}`);
        return;
      }
      const written = await api<Agent>(`/agents/${encodeURIComponent(id)}`, { method: "PUT", body: agent });
      setAgent(written as unknown as JsonObject);
      keep(written);
      setSaved(true);
    } catch (error) {
      setRefused({ field: error instanceof ApiError ? error.field : null, error });
    }
    setBusy(false);
  };

  const remove = async () => {
    if (id === null || !confirm(words.agents.removeSure(String(agent["name"])))) return;
    try {
      await api(`/agents/${encodeURIComponent(id)}`, { method: "DELETE" });
      go("/agents");
    } catch (error) {
      setRefused({ field: null, error });
    }
  };

  return (
    <form className="editor stack" onSubmit={(event) => void submit(event)} noValidate>
      <div className="page-head">
        <h1>{id === null ? words.agents.newTitle : words.agents.editTitle(String(stored["name"]))}</h1>
        {id !== null && (
          <div className="row">
            <Link href={`/talk/${encodeURIComponent(id)}`} className="button">
              <Icon sign="talk" />
              {words.agents.talk}
            </Link>
            <button type="button" className="button" data-testid="delete-agent" onClick={() => void remove()}>
              {words.agents.remove}
            </button>
          </div>
        )}
      </div>
      <Sections draft={draft} id={id} />
      <div className="save-bar">
        <div role="status" className="save-state">
          {saved && !changed && <span className="notice fine">{words.agents.saved}</span>}
          {faults.size > 0 && <span className="notice">{words.agents.faulty(faults.size)}</span>}
          {refused !== null && refused.field === null && <Failed error={refused.error} />}
          {changed && faults.size === 0 && refused === null && <span className="quiet">{words.agents.unsaved}</span>}
        </div>
        <button type="submit" className="button primary" data-testid="save-agent" disabled={busy || (id !== null && !changed)}>
          {id === null ? words.agents.create : words.agents.save}
        </button>
      </div>
    </form>
  );
}

function Sections({ draft, id }: { draft: Draft; id: string | null }) {
  const voices = useApi<Voices>("/voices?limit=100", { revalidateOnFocus: false }).data?.voices ?? [];
  const has = (path: string) => get(draft.agent, path) === true;
  return (
    <>
      <Section name="basics">
        <Field draft={draft} path="name" />
        <Field draft={draft} path="id" disabled={id !== null} />
      </Section>
      <Section name="says">
        <Field draft={draft} path="config.Greeting" rows={2} />
        <Field draft={draft} path="config.LlmConfig.LlmSystemPrompt" rows={7} />
        <Field draft={draft} path="config.WakeUpQuery" rows={1} />
        <Field draft={draft} path="config.LlmConfig.LlmHistoryLimit" fallback="10" />
      </Section>
      <Section name="voice">
        <Field draft={draft} path="config.TtsConfig.VoiceId" choices={voices.map((voice) => [voice.id, `${voice.name || voice.id} (${voice.language})`])} />
        <Field draft={draft} path="config.TtsConfig.SpeechRate" fallback="1" />
        <Field draft={draft} path="config.Volume" fallback="100" />
        {voices.length > 0 && <VoiceSamples voices={voices} />}
      </Section>
      <Section name="hears">
        <Field draft={draft} path="config.AsrConfig.AsrLanguageId" />
        <Field draft={draft} path="config.AsrConfig.AsrMaxSilence" fallback="400" />
        <Field draft={draft} path="config.TurnDetectionConfig.Mode" fallback="Normal" />
        <Field draft={draft} path="config.TurnDetectionConfig.Eagerness" />
        <Field draft={draft} path="config.EnablePushToTalk" />
        <Field draft={draft} path="config.AsrConfig.AsrHotWords" />
      </Section>
      <Section name="interrupts">
        <Field draft={draft} path="config.InterruptConfig.EnableVoiceInterrupt" />
        <Field draft={draft} path="config.InterruptConfig.ResumeAfterFalseInterruption" />
        <Field draft={draft} path="config.AsrConfig.VadLevel" fallback="11" />
        <Field draft={draft} path="config.InterruptConfig.NoInterruptMode" fallback="cache" />
        <Field draft={draft} path="config.InterruptConfig.InterruptWords" />
      </Section>
      <Section name="limits">
        <Field draft={draft} path="config.MaxIdleTime" fallback="600" />
        <Field draft={draft} path="config.UserOnlineTimeout" fallback="60" />
        <Field draft={draft} path="config.UserOfflineTimeout" fallback="5" />
        <Field draft={draft} path="config.GracefulShutdown" />
      </Section>
      <Section name="llm">
        <Field draft={draft} path="settings.providers.llm.base_url" />
        <Field draft={draft} path="settings.providers.llm.model" />
        <SecretField draft={draft} path="settings.providers.llm.api_key" isSet={has("settings.providers.llm.api_key_set")} />
        {id !== null && <ProviderTrial id={id} />}
      </Section>
      <Section name="callbacks">
        <Field draft={draft} path="settings.callbacks.enabled" />
        <Field draft={draft} path="settings.callbacks.url" />
        <SecretField draft={draft} path="settings.callbacks.token" isSet={has("settings.callbacks.token_set")} />
        <Field draft={draft} path="settings.callbacks.events" />
        {id !== null && <CallbackTrial id={id} />}
      </Section>
      <Section name="recording">
        <Field draft={draft} path="settings.recording.enabled" />
      </Section>
      <Section name="app">
        <Field draft={draft} path="settings.app.id" />
        <SecretField draft={draft} path="settings.app.key" isSet={has("settings.app.key_set")} />
      </Section>
      <JsonSection draft={draft} />
    </>
  );
}

/** The configuration as text; it counts while it is JSON, and follows the form while it is not being written in. */
function JsonSection({ draft }: { draft: Draft }) {
  const words = useWords().agents;
  const id = useId();
  const [typed, setTyped] = useState<string | null>(null);
  const config = get(draft.agent, "config") ?? {};
  const text = typed ?? JSON.stringify(config, null, 2);
  const problem = typed === null ? null : jsonProblem(typed);
  const inside = [...draft.faults].filter(([path]) => path === "config" || path.startsWith("config."));
  const fault = problem !== null ? words.faults.json(problem) : inside.length > 0 ? inside.map(([path, said]) => `${path}: ${said}`).join(" ") : undefined;
  return (
    <Section name="json">
      <div className="field wide">
        <label htmlFor={id}>{words.fields["config"]}</label>
        <textarea
          id={id}
          className="code"
          data-field="config"
          rows={14}
          spellCheck={false}
          aria-invalid={fault !== undefined}
          aria-describedby={`${id}-fault`}
          value={text}
          onChange={(event) => {
            setTyped(event.target.value);
            if (jsonProblem(event.target.value) === null) draft.change("config", JSON.parse(event.target.value) as Json);
          }}
          onBlur={() => {
            if (problem === null) setTyped(null);
          }}
        />
        <Fault id={`${id}-fault`} text={fault} />
      </div>
    </Section>
  );
}

function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The parts of an agent that are one thing or nothing: emptied in the form, they are left out. */
function withoutEmpty(agent: JsonObject): JsonObject {
  const whole = { ...agent, config: agent["config"] ?? {}, settings: agent["settings"] ?? {} };
  const unset = (at: string, fields: string[]) => fields.every((field) => (get(whole, `${at}.${field}`) ?? "") === "");
  let trimmed: JsonObject = whole;
  if (unset("settings.providers.llm", ["base_url", "model", "api_key"])) trimmed = set(trimmed, "settings.providers", undefined);
  if (unset("settings.app", ["id", "key"])) trimmed = set(trimmed, "settings.app", undefined);
  return { ...trimmed, config: trimmed["config"] ?? {}, settings: trimmed["settings"] ?? {} };
}

/** The browser asks before a page with changes is closed. */
function useWarning(changed: boolean): void {
  useEffect(() => {
    if (!changed) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [changed]);
}
