/** Looks at the outbox every few seconds: the health check answers from what was seen, and the log tells of changes. */
import type { Database } from "../../db/client.ts";
import type { Log } from "../../log.ts";
import { readCondition, type Degradation, type MailCondition } from "./condition.ts";
import { readStats, type MailStats } from "./stats.ts";

export interface MailMonitor extends Disposable {
  /** Why email does not go out as it should, as of the last look; empty when it does. */
  readonly degraded: readonly Degradation[];
  /** What the last look found; null before the first. */
  readonly condition: MailCondition | null;
  /**
   * The figures for the outbox page. They are fresh when reading them is quick, and else as of the last look, because a
   * million queued messages take a second to count.
   */
  stats(): Promise<MailStats>;
}

/** With what else an answer takes, a request stays below 100 ms. */
const QUICK_MS = 50;

const PERIOD_MS = 5_000;
/** With a million messages queued a look takes the better part of a second: it costs a twentieth of the time at most. */
const SHARE = 1 / 20;

/**
 * @param periodMs between two looks. @default 5 000
 * @param quickMs figures that take longer to read are as of the last look. @default 50
 */
export function startMailMonitor(db: Database, log: Log, periodMs = PERIOD_MS, quickMs = QUICK_MS): MailMonitor {
  let degraded: readonly Degradation[] = [];
  let condition: MailCondition | null = null;
  let since = 0;
  let timer: ReturnType<typeof setTimeout>;
  let stopped = false;
  /** The last figures, and how long they took. */
  let kept: { readonly stats: MailStats; readonly ms: number } | null = null;

  const read = async (): Promise<MailStats> => {
    const begun = performance.now();
    const known = await readCondition(db);
    condition = known;
    const stats = await readStats(db, known);
    kept = { stats, ms: performance.now() - begun };
    return stats;
  };

  const look = async (): Promise<void> => {
    const begun = performance.now();
    try {
      condition = await readCondition(db);
      tell(condition.degraded);
      if (performance.now() - begun > quickMs || (kept && kept.ms > quickMs)) await read();
    } catch (error) {
      // The requests that need the database already report that it is away.
      log.debug({ event: "mail_monitor_failed", err: error });
    }
    if (!stopped) timer = setTimeout(() => void look(), Math.max(periodMs, (performance.now() - begun) / SHARE));
  };

  const tell = (now: readonly Degradation[]): void => {
    const before = degraded;
    degraded = now;
    if (reasonsOf(before) === reasonsOf(now)) return;
    if (before.length === 0) since = performance.now();
    const seconds = Math.round((performance.now() - since) / 1_000);
    if (now.length === 0) log.warn({ event: "mail_recovered", seconds }, "email goes out as it should again");
    else log.warn({ event: "mail_degraded", reasons: now }, now.map(({ text }) => text).join(" "));
  };

  timer = setTimeout(() => void look(), 0);
  return {
    get degraded() {
      return degraded;
    },
    get condition() {
      return condition;
    },
    stats: async () => (kept && kept.ms > quickMs ? kept.stats : await read()),
    [Symbol.dispose]() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

const reasonsOf = (degraded: readonly Degradation[]): string =>
  [...new Set(degraded.map(({ reason }) => reason))].toSorted().join();
