// What the caller can choose. Before the call it becomes the call's configuration; in the call it takes effect at once,
// a text when its field is left.

import { MAX_GREETING, MAX_PROMPT, RATE, SILENCE } from "../call/settings";
import { useWords } from "../words";
import { talk, type TalkState } from "./talk";

export function SettingsPanel({ state }: { state: TalkState }) {
  const words = useWords().talk;
  const { settings, info } = state;
  const calling = state.phase !== "idle";
  const voices = info?.voices ?? [];
  return (
    <details className="settings" data-testid="settings">
      <summary>{words.settings}</summary>
      <div className="fields">
        {calling && <p className="hint">{words.settingsNow}</p>}
        <label className="tick">
          <input type="checkbox" data-testid="voice-interrupt" checked={settings.voiceInterrupt} onChange={(event) => talk.choose({ voiceInterrupt: event.target.checked })} />
          <span>{words.voiceInterrupt}</span>
        </label>
        <label className="tick">
          <input type="checkbox" data-testid="push-to-talk" checked={settings.pushToTalk} onChange={(event) => talk.choose({ pushToTalk: event.target.checked })} />
          <span>{words.pushToTalk}</span>
        </label>
        {voices.length > 1 && (
          <label>
            <span>{words.voice}</span>
            <select data-testid="voice" value={settings.voiceId} onChange={(event) => talk.choose({ voiceId: event.target.value })}>
              {!(calling && settings.voiceId) && <option value="">{words.agentsOwn}</option>}
              {voices.map(({ id, name, language }) => (
                <option key={id} value={id}>{`${name || id} (${language})`}</option>
              ))}
            </select>
          </label>
        )}
        <label>
          <span>
            {words.rate} <small>{`× ${(settings.speechRate ?? 1).toFixed(2)}`}</small>
          </span>
          <input type="range" data-testid="rate" min={RATE.min} max={RATE.max} step={0.05} value={settings.speechRate ?? 1} onChange={(event) => talk.choose({ speechRate: event.target.valueAsNumber })} />
        </label>
        <label>
          <span>
            {words.silence} <small>{words.silenceUnit}</small>
          </span>
          <input
            type="number"
            data-testid="silence"
            min={SILENCE.min}
            max={SILENCE.max}
            step={50}
            placeholder={words.agentsOwn}
            key={`silence ${settings.silenceMs}`}
            defaultValue={settings.silenceMs ?? ""}
            onBlur={(event) => talk.choose({ silenceMs: event.target.value === "" ? null : event.target.valueAsNumber })}
          />
        </label>
        {!calling && (
          <label>
            <span>{words.greeting}</span>
            <input type="text" data-testid="greeting" maxLength={MAX_GREETING} placeholder={words.agentsOwn} autoComplete="off" key={settings.greeting} defaultValue={settings.greeting} onBlur={(event) => talk.choose({ greeting: event.target.value })} />
          </label>
        )}
        <label>
          <span>{words.prompt}</span>
          <textarea data-testid="prompt" rows={4} maxLength={MAX_PROMPT} placeholder={words.agentsOwn} key={settings.systemPrompt} defaultValue={settings.systemPrompt} onBlur={(event) => talk.choose({ systemPrompt: event.target.value })} />
        </label>
        {!calling && (
          <button type="button" className="plain" data-testid="reset" onClick={() => talk.reset()}>
            {words.reset}
          </button>
        )}
      </div>
    </details>
  );
}
