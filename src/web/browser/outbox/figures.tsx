import type { ReactNode } from "react";
import type { Stats } from "./api.ts";
import { count, duration } from "../ui/words.ts";

export function Figures({ stats }: { readonly stats: Stats }) {
  const { queued, sending, oldest_due_seconds: oldest, latency_seconds: latency, ended, minutes } = stats;
  const waiting = queued.security + queued.account + queued.bulk;
  // The minute that runs is not over: what it counts would look like a fall.
  const last = minutes.at(-2);
  const total = (state: string): number => ended.reduce((sum, e) => sum + (e.state === state ? e.count : 0), 0);
  return (
    <dl className="figures" aria-label="At a glance">
      <Figure label="Waiting" value={count(waiting)} note={`${count(sending)} being sent`} />
      <Figure
        label="Oldest due"
        value={oldest === null ? "–" : duration(oldest)}
        note={oldest === null ? "nothing is late" : "past its time"}
        level={levelOfAge(oldest)}
      />
      <Figure
        label="Last minute"
        value={count(last?.sent ?? 0)}
        unit="sent"
        note={`${count(last?.accepted ?? 0)} accepted`}
      />
      <Figure
        label="Commit to sent"
        value={latency.p50 === null ? "–" : duration(latency.p50)}
        unit={latency.p50 === null ? "" : "p50"}
        note={latency.p99 === null ? "nothing sent in an hour" : `${duration(latency.p99)} p99, last hour`}
      />
      <Figure
        label="Failed"
        value={count(total("failed"))}
        note="last 24 h"
        level={total("failed") > 0 ? "bad" : "calm"}
      />
      <Figure
        label="Dropped"
        value={count(total("dropped"))}
        note={`of ${count(ended.reduce((n, e) => n + e.count, 0))} ended, 24 h`}
      />
    </dl>
  );
}

/** A reset is awaited at a screen: a minute is long, five are an outage. */
function levelOfAge(seconds: number | null): Level {
  if (seconds === null || seconds < 60) return "calm";
  return seconds < 300 ? "warn" : "bad";
}

type Level = "calm" | "warn" | "bad";

interface FigureProps {
  readonly label: string;
  readonly value: ReactNode;
  readonly unit?: string;
  readonly note: string;
  readonly level?: Level;
}

const Figure = ({ label, value, unit, note, level = "calm" }: FigureProps) => (
  <div className="figure" data-level={level}>
    <dt>{label}</dt>
    <dd className="figure-value">
      {value}
      {unit && <small> {unit}</small>}
    </dd>
    <dd className="figure-note">{note}</dd>
  </div>
);
