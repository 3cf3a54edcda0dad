// The recording: both voices as a waveform, played where one points. The slider lies over the waveform, so that pointer,
// touch and keyboard work on the same thing; its thumb is the line that moves.

import { useCallback, useEffect, useImperativeHandle, useMemo, useState, type Ref } from "react";
import type uPlot from "uplot";
import { useApi } from "../admin/api";
import type { Interruption } from "../admin/types";
import { useAttempt } from "../ui/attempt";
import { Icon } from "../ui/icons";
import { Failed, Loading, clock } from "../ui/parts";
import { colour } from "../ui/theme";
import { useWords } from "../words";
import { Chart } from "./chart";
import { Recording } from "./recording";

/** Loudness from 0 to 1 in equal steps over the call. */
interface Waveform {
  duration_ms: number;
  user: number[];
  agent: number[];
}

export interface PlayerHandle {
  playFrom: (ms: number) => void;
}

/** What the recording comes to, as far as it is used here. Times of gaps are the recording's. */
interface Index {
  /** Unix ms. */
  began_ms: number;
  removed?: string;
  tracks: Record<string, { gaps: { from_ms: number; to_ms: number; cause: string }[] }>;
}

interface PlayerProps {
  path: string;
  /** Unix ms of call time 0. */
  createdMs: number;
  interruptions: Interruption[];
  /** Where in the call we are, while it plays or is moved. */
  onPosition: (ms: number) => void;
  handle: Ref<PlayerHandle>;
}

const BUCKETS = 600;
const SPEEDS = [1, 1.5, 2];
const STEP_S = 0.1;
/** Audio that was sent and is not in the recording; shorter gaps can't be seen. */
const LOSSES = new Set(["lost", "dropped"]);
const SHORTEST_LOSS_MS = 40;

export function Player({ path, createdMs, interruptions, onPosition, handle }: PlayerProps) {
  const words = useWords();
  const waveform = useApi<Waveform>(`${path}/waveform?buckets=${BUCKETS}`, { revalidateOnFocus: false });
  const index = useApi<Index>(`${path}/recording/index`, { revalidateOnFocus: false });
  const [recording] = useState(() => new Recording(path));
  const [position, setPosition] = useState(0);
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState(1);
  const { busy, error, attempt } = useAttempt();

  useEffect(() => {
    const { audio } = recording;
    const show = () => setPlaying(!audio.paused && !audio.ended);
    const events = ["play", "pause", "ended"] as const;
    for (const event of events) audio.addEventListener(event, show);
    return () => {
      for (const event of events) audio.removeEventListener(event, show);
      recording.close();
    };
  }, [recording]);

  /** Call time at the recording's beginning. */
  const offset = index.data ? Math.max(0, index.data.began_ms - createdMs) : 0;

  useEffect(() => {
    if (!playing) return;
    let frame = requestAnimationFrame(function move() {
      setPosition(recording.audio.currentTime);
      onPosition(offset + 1000 * recording.audio.currentTime);
      frame = requestAnimationFrame(move);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, recording, onPosition, offset]);

  const seek = (seconds: number) => {
    setPosition(seconds);
    onPosition(offset + 1000 * seconds);
    recording.seek(seconds);
  };
  const play = (from: number) => attempt(() => recording.play(from));
  useImperativeHandle(handle, () => ({
    playFrom: (ms) => {
      const seconds = Math.max(0, ms - offset) / 1000;
      seek(seconds);
      void play(seconds);
    },
  }));

  if (index.data?.removed) return <p className="notice calm">{words.call.removed(index.data.removed)}</p>;
  // What is there stays, whatever comes of asking again.
  if (!waveform.data) return waveform.error ? <Failed error={waveform.error} retry={() => void waveform.mutate()} /> : <Loading />;
  const { duration_ms } = waveform.data;
  const share = (ms: number) => `${(100 * Math.min(ms, duration_ms)) / Math.max(duration_ms, 1)}%`;
  return (
    <section className="card player" aria-label={words.call.player}>
      <div className="lanes">
        <span className="lane user">{words.call.userTrack}</span>
        <span className="lane agent">{words.call.agentTrack}</span>
        <Tracks waveform={waveform.data} />
        {interruptions.map(({ at_ms, reason }) => (
          <i key={at_ms} className="mark" style={{ left: share(at_ms - offset) }} title={`${clock(at_ms)} ${words.call.reasons[reason] ?? reason}`} />
        ))}
        {(["user", "agent"] as const).map((track) =>
          losses(index.data, track).map(({ from_ms, to_ms }) => <i key={`${track} ${from_ms}`} className={`loss ${track}`} style={{ left: share(from_ms), width: share(to_ms - from_ms) }} title={words.call.lost(to_ms - from_ms)} />),
        )}
        <i className="cursor" style={{ left: share(1000 * position) }} />
        <input
          type="range"
          className="position"
          data-testid="position"
          aria-label={words.call.position}
          aria-valuetext={clock(1000 * position)}
          min={0}
          max={duration_ms / 1000}
          step={STEP_S}
          value={position}
          onChange={(event) => seek(event.target.valueAsNumber)}
        />
      </div>
      <div className="player-bar">
        <button type="button" className="play" data-testid="play" disabled={busy} aria-label={playing ? words.call.pause : words.call.play} onClick={() => (playing ? recording.audio.pause() : void play(position >= duration_ms / 1000 ? 0 : position))}>
          <Icon sign={playing ? "pause" : "play"} />
        </button>
        <span className="time" data-testid="player-time">{`${clock(1000 * position)} / ${clock(duration_ms)}`}</span>
        <label className="speed">
          <span className="unseen">{words.call.speed}</span>
          <select
            value={speed}
            onChange={(event) => {
              setSpeed(Number(event.target.value));
              recording.setSpeed(Number(event.target.value));
            }}
          >
            {SPEEDS.map((rate) => (
              <option key={rate} value={rate}>{`${rate}×`}</option>
            ))}
          </select>
        </label>
        {interruptions.length > 0 && (
          <span className="quiet small row">
            <i className="mark sample" />
            {words.call.interruptionMark}
          </span>
        )}
      </div>
      {error !== null && <Failed error={error} retry={() => void play(position)} />}
    </section>
  );
}

function losses(index: Index | undefined, track: "user" | "agent") {
  return (index?.tracks[track]?.gaps ?? []).filter(({ cause, from_ms, to_ms }) => LOSSES.has(cause) && to_ms - from_ms >= SHORTEST_LOSS_MS);
}

/** The user's loudness on the upper line, the agent's on the lower. */
function Tracks({ waveform }: { waveform: Waveform }) {
  const words = useWords();
  const data = useMemo((): uPlot.AlignedData => {
    const step = waveform.duration_ms / 1000 / Math.max(waveform.user.length, 1);
    const lane = (levels: number[], middle: number, side: 1 | -1) => levels.map((level) => middle + side * Math.max(0.02, 0.92 * level));
    const times = waveform.user.map((_, i) => i * step);
    return [times, lane(waveform.user, 1, 1), lane(waveform.user, 1, -1), lane(waveform.agent, -1, 1), lane(waveform.agent, -1, -1)];
  }, [waveform]);
  const seconds = waveform.duration_ms / 1000;
  const options = useCallback((): Omit<uPlot.Options, "width" | "height"> => {
    const [user, agent] = [colour("--user"), colour("--agent")];
    const line = (stroke: string): uPlot.Series => ({ stroke, width: 1, points: { show: false } });
    return {
      scales: { x: { time: false, range: [0, seconds] }, y: { range: [-2.05, 2.05] } },
      axes: [{ stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, size: 24, values: (_chart, splits) => splits.map((s) => (s > 0.03 * seconds && s < 0.97 * seconds ? clock(1000 * s) : null)) }, { show: false }],
      series: [{}, line(user), line(user), line(agent), line(agent)],
      bands: [
        { series: [1, 2], fill: user },
        { series: [3, 4], fill: agent },
      ],
      padding: [0, 0, 0, 0],
      legend: { show: false },
      cursor: { show: false },
    };
  }, [seconds]);
  return <Chart options={options} data={data} height={174} label={words.call.waveform} />;
}
