// The agent to look at, its state in words, and the buttons of a call.

import { useEffect, useRef } from "react";
import { Icon, type Sign } from "../ui/icons";
import { useWords } from "../words";
import { Orb } from "./orb";
import { moodOf, stateName } from "./state";
import { talk, type TalkState } from "./talk";

export function OrbView({ state }: { state: TalkState }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const orb = useRef<Orb>(null);
  useEffect(() => {
    if (!canvas.current) return;
    const drawn = new Orb(canvas.current, () => ({ agent: talk.agentLevel, user: talk.userLevel, bands: talk.bands }));
    orb.current = drawn;
    return () => drawn.close();
  }, []);
  const mood = moodOf(state);
  useEffect(() => orb.current?.setMood(mood), [mood]);
  return (
    <div className="orb-frame">
      <canvas className="orb" data-testid="orb" aria-hidden="true" ref={canvas} />
    </div>
  );
}

export function StateLine({ state }: { state: TalkState }) {
  const words = useWords();
  const name = stateName(state);
  const [title, hint] = words.talk.states[name];
  return (
    <>
      <p className="state" data-testid="agent-state" data-state={state.agentState ?? (state.phase === "idle" ? "idle" : "waiting")}>
        {title}
      </p>
      <p className="hint">{state.takeover === "connected" ? words.talk.takenOver : state.takeover === "coming" ? words.talk.takeoverComes : hint}</p>
    </>
  );
}

export function Controls({ state }: { state: TalkState }) {
  const words = useWords().talk;
  const speaking = state.phase === "connected" && (state.agentState === "thinking" || state.agentState === "speaking");
  useEffect(() => {
    if (!speaking) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape") talk.call.interrupt();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [speaking]);
  return (
    <div className="controls" role="group" aria-label={words.controls}>
      <Round sign={state.muted ? "muted" : "microphone"} label={state.muted ? words.unmute : words.mute} pressed={state.muted} testId="mute" disabled={!state.microphone} act={() => talk.toggleMute()} />
      <Round sign="stop" label={words.interrupt} testId="interrupt" disabled={!speaking} keys="Escape" act={() => talk.call.interrupt()} />
      <Round sign="hangUp" label={words.hangUp} testId="hangup" look="hangup" act={() => void talk.call.hangUp()} />
    </div>
  );
}

interface RoundProps {
  sign: Sign;
  label: string;
  testId: string;
  act: () => void;
  disabled?: boolean;
  pressed?: boolean;
  keys?: string;
  look?: string;
}

function Round({ sign, label, testId, act, disabled = false, pressed, keys, look = "" }: RoundProps) {
  return (
    <button type="button" className={`round ${look}`} data-testid={testId} aria-pressed={pressed} aria-keyshortcuts={keys} disabled={disabled} onClick={act}>
      <Icon sign={sign} />
      <span>{label}</span>
    </button>
  );
}

/** Push-to-talk: held by pointer, or by the space bar wherever nothing is being typed. */
export function PushToTalk({ state }: { state: TalkState }) {
  const words = useWords().talk;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const typing = event.target instanceof Element && event.target.closest("input, select, textarea, summary, button:not(.push), a");
      if (event.code !== "Space" || typing) return;
      event.preventDefault();
      if (event.type === "keydown") talk.press();
      else talk.release();
    };
    const onBlur = () => talk.release();
    addEventListener("keydown", onKey);
    addEventListener("keyup", onKey);
    addEventListener("blur", onBlur);
    return () => {
      removeEventListener("keydown", onKey);
      removeEventListener("keyup", onKey);
      removeEventListener("blur", onBlur);
    };
  }, []);
  return (
    <button
      type="button"
      className="push"
      data-testid="push"
      aria-pressed={state.talking}
      aria-keyshortcuts="Space"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        talk.press();
      }}
      onPointerUp={() => talk.release()}
      onPointerCancel={() => talk.release()}
    >
      <Icon sign="microphone" />
      {state.talking ? words.releaseToSend : words.holdToTalk}
    </button>
  );
}

/** How loud the microphone is; also where playing has to be allowed. */
export function Microphone({ state }: { state: TalkState }) {
  const words = useWords().talk;
  const meter = useRef<HTMLDivElement>(null);
  const cover = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const timer = setInterval(() => {
      const level = talk.userLevel;
      if (cover.current) cover.current.style.transform = `scaleX(${(1 - level).toFixed(3)})`;
      // Assistive technology needs no thirty values a second.
      meter.current?.setAttribute("aria-valuenow", String(10 * Math.round(10 * level)));
    }, 60);
    return () => clearInterval(timer);
  }, []);
  return (
    <div className="microphone">
      {state.microphone && <Icon sign="microphone" />}
      {state.microphone && (
        <div className="meter" data-testid="mic-level" role="meter" aria-label={words.micLevel} aria-valuemin={0} aria-valuemax={100} aria-valuenow={0} ref={meter}>
          <div className="meter-cover" ref={cover} />
        </div>
      )}
      {state.silenced && (
        <button type="button" className="plain hear" data-testid="hear" onClick={() => talk.hear()}>
          {words.hear}
        </button>
      )}
    </div>
  );
}
