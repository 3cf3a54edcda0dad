// Latency by turn: one column a turn, its parts stacked in the order in which they happen.

import { useCallback, useMemo } from "react";
import type uPlot from "uplot";
import uPlotClass from "uplot";
import { PARTS, duration, median } from "../call/latency";
import type { TurnLatency } from "../call/messages";
import { LatencyKey } from "../talk/latency";
import { colour } from "../ui/theme";
import { useWords } from "../words";
import { Chart } from "./chart";

export function LatencyChart({ turns }: { turns: TurnLatency[] }) {
  const words = useWords();
  const data = useMemo(() => stacked(turns), [turns]);
  const options = useCallback((): Omit<uPlot.Options, "width" | "height"> => {
    const [line, text] = [colour("--line"), colour("--quiet")];
    const bars = uPlotClass.paths.bars?.({ size: [0.7, 36], radius: 0.12 });
    const grid = { stroke: line, width: 1 };
    return {
      scales: { x: { time: false, range: (_chart, min, max) => [min - 0.6, max + 0.6] }, y: { range: (_chart, _min, max) => [0, max * 1.05] } },
      axes: [
        { stroke: text, grid: { show: false }, ticks: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100], label: words.call.turn, labelSize: 18, size: 26 },
        { stroke: text, grid, ticks: { show: false }, size: 62, values: (_chart, splits) => splits.map(duration) },
      ],
      // The tallest first: each covers what is below its own part.
      series: [{}, ...PARTS.toReversed().map((name) => ({ label: name, fill: colour(`--${name}`), width: 0, paths: bars, points: { show: false } }) as uPlot.Series)],
      legend: { show: false },
      cursor: { show: false },
    };
  }, [words]);
  const middle = median(turns.map(({ total }) => total)) ?? 0;
  return (
    <>
      <Chart options={options} data={data} height={190} label={words.call.latencyChart(turns.length, duration(middle))} />
      <LatencyKey />
    </>
  );
}

/** Column numbers, then the heights up to the end of each part, the last part first. */
function stacked(turns: TurnLatency[]): uPlot.AlignedData {
  const upTo = PARTS.map((_, last) => turns.map((turn) => PARTS.slice(0, last + 1).reduce((sum, name) => sum + turn[name], 0)));
  return [turns.map((_, i) => i + 1), ...upTo.toReversed()];
}
