/** Accepted and sent per minute, the last hour: uPlot on a canvas, and the same as a table. */
import { useEffect, useEffectEvent, useRef, useState } from "react";
import uPlot from "uplot";
import type { Minute } from "./api.ts";
import { clock, count } from "../ui/words.ts";

const MINUTE_SECONDS = 60;
const CORNER_PX = 16;

export function Throughput({ minutes }: { readonly minutes: readonly Minute[] }) {
  /** The minute under the pointer. */
  const [at, setAt] = useState<number | null>(null);
  const dark = useDarkScheme();
  const sum = (of: "accepted" | "sent"): number => minutes.reduce((total, minute) => total + minute[of], 0);
  const shown = at === null ? undefined : minutes[at];
  const accepted = shown ? shown.accepted : sum("accepted");
  const sent = shown ? shown.sent : sum("sent");
  return (
    <section className="panel throughput" aria-labelledby="throughput-title">
      <h2 id="throughput-title">
        Per minute <span className="quiet">{shown ? `at ${clock(shown.at)}` : "last 60 minutes"}</span>
      </h2>
      <p className="legend">
        <span className="legend-accepted">
          Accepted <b>{count(accepted)}</b>
        </span>
        <span className="legend-sent">
          Sent <b>{count(sent)}</b>
        </span>
      </p>
      <div
        className="chart-place"
        role="img"
        aria-label={`Messages per minute in the last hour: ${count(sum("accepted"))} accepted, ${count(sum("sent"))} sent.`}
      >
        {/* Its colours are read when it is made. */}
        <Chart key={dark ? "dark" : "light"} minutes={minutes} onPoint={setAt} />
      </div>
      <details className="chart-table">
        <summary>As a table</summary>
        {/* Focusable, so that keys can scroll it. */}
        <div className="scroller" tabIndex={0} role="group" aria-label="Accepted and sent by minute">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Minute</th>
                <th scope="col" className="number">
                  Accepted
                </th>
                <th scope="col" className="number">
                  Sent
                </th>
              </tr>
            </thead>
            <tbody>
              {minutes.toReversed().map((minute) => (
                <tr key={minute.at}>
                  <th scope="row">{clock(minute.at)}</th>
                  <td className="number">{count(minute.accepted)}</td>
                  <td className="number">{count(minute.sent)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

interface ChartProps {
  readonly minutes: readonly Minute[];
  readonly onPoint: (index: number | null) => void;
}

/** Fills the place it is in. */
function Chart({ minutes, onPoint }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const read = useEffectEvent(() => dataOf(minutes));
  const point = useEffectEvent(onPoint);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const drawn = new uPlot(
      optionsFor(element, (index) => point(index)),
      read(),
      element,
    );
    chart.current = drawn;
    const resized = new ResizeObserver(() => {
      if (element.clientWidth > 0) drawn.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    resized.observe(element);
    return () => {
      resized.disconnect();
      drawn.destroy();
      chart.current = null;
    };
  }, []);

  useEffect(() => chart.current?.setData(dataOf(minutes)), [minutes]);
  return <div ref={host} className="chart" />;
}

const dataOf = (minutes: readonly Minute[]): uPlot.AlignedData => [
  minutes.map((minute) => Date.parse(minute.at) / 1000),
  minutes.map((minute) => minute.accepted),
  minutes.map((minute) => minute.sent),
];

function optionsFor(element: HTMLElement, onPoint: (index: number | null) => void): uPlot.Options {
  const { bars, stepped } = uPlot.paths;
  const style = getComputedStyle(element);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const axis = {
    stroke: color("--muted"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: color("--line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width: element.clientWidth,
    height: element.clientHeight,
    padding: [10, 18, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: {
      x: { range: (_chart, min, max) => [min, max + MINUTE_SECONDS] },
      // At least 5, so that three messages in an hour do not fill the height.
      y: { range: (_chart, _min, max) => [0, roundedUp(Math.max(5, max))] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        gap: 4,
        space: 64,
        // No label at the corner, where the other axis has its zero.
        values: (chart, splits) =>
          splits.map((seconds) => (chart.valToPos(seconds, "x") < CORNER_PX ? "" : clock(seconds * 1000))),
      },
      {
        ...axis,
        size: 44,
        gap: 6,
        space: 26,
        // Whole messages only.
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5],
        values: (_chart, splits) => splits.map(count),
      },
    ],
    series: [
      {},
      {
        label: "Accepted",
        stroke: color("--chart-accepted"),
        fill: color("--chart-accepted-fill"),
        width: 0,
        ...(bars ? { paths: bars({ size: [0.8], align: 1 }) } : {}),
        points: { show: false },
      },
      {
        label: "Sent",
        stroke: color("--chart-sent"),
        width: 2,
        ...(stepped ? { paths: stepped({ align: 1, extend: true }) } : {}),
        points: { show: false },
      },
    ],
    hooks: { setCursor: [(drawn) => onPoint(minuteAt(drawn))] },
  };
}

/** A bar covers its whole minute, so the bar under the pointer is not always the nearest point. */
function minuteAt(chart: uPlot): number | null {
  const { left = -1, idx } = chart.cursor;
  const first = chart.data[0][0];
  if (left < 0 || first === undefined || idx === null || idx === undefined) return null;
  return Math.floor((chart.posToVal(left, "x") - first) / MINUTE_SECONDS);
}

/** The next number with one digit and zeros, so that the highest line has a label. */
function roundedUp(value: number): number {
  const digit = 10 ** Math.floor(Math.log10(value));
  return Math.ceil(value / digit) * digit;
}

function useDarkScheme(): boolean {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [dark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = (): void => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, [query]);
  return dark;
}
