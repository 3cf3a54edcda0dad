// A uPlot chart as a component: as wide as its place, drawn anew when its data, its size or the theme changes.

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { useDark } from "../ui/theme";
import "uplot/dist/uPlot.min.css";

interface ChartProps {
  /** Made anew for every drawing, so that colours are those of the theme. */
  options: () => Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
  height: number;
  label: string;
}

export function Chart({ options, data, height, label }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const dark = useDark();
  useEffect(() => {
    const frame = place.current;
    if (!frame) return;
    const chart = new uPlot({ ...options(), width: frame.clientWidth, height }, data, frame);
    const size = new ResizeObserver(() => chart.setSize({ width: frame.clientWidth, height }));
    size.observe(frame);
    return () => {
      size.disconnect();
      chart.destroy();
    };
    // `dark` is not used here, but the colours that `options` reads change with it.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [options, data, height, dark]);
  return <div className="chart" role="img" aria-label={label} ref={place} />;
}
