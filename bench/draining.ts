/** How fast a queue empties: held back until every worker is up, then let go, and timed at the SMTP sink. */
import { CHANNEL } from "../src/mail/outbox.ts";
import type { Dundie } from "../test/support/process.ts";
import { serverCpuSeconds, usageOf } from "./cpu.ts";
import type { Sample } from "./figure.ts";
import { kill, type BenchDatabase, type Ground } from "./ground.ts";
import type { SinkReport } from "./sink.ts";

export interface Draining {
  /** Worker processes. */
  readonly workers: number;
  /** Ends when so many emails have come. */
  readonly emails: number;
  readonly smtpDelayMs?: number;
  /** Goes on beside it until the signal. */
  readonly beside?: (signal: AbortSignal) => Promise<void>;
}

const PATIENCE_SECONDS = 300;
/** The part of the emails after which CPU is counted: by then compilers and pools change little more. */
export const WARM_UP = 1 / 4;

export async function drain(
  ground: Ground,
  database: BenchDatabase,
  { workers, emails, smtpDelayMs = 0, beside }: Draining,
): Promise<{ readonly sample: Sample; readonly report: SinkReport }> {
  const { sink } = ground;
  const { sql } = database;
  await sink.reset({ delayMs: smtpDelayMs });
  await sql`update mail_control set paused_at = now()`;
  const running: Dundie[] = [];
  const over = new AbortController();
  try {
    for (let started = 0; started < workers; started += 1) running.push(await ground.startDundie("worker", database));
    // Its templates are compiled after it says that it works.
    await Bun.sleep(1_000);
    await sql`update mail_control set paused_at = null`;
    await sql`select pg_notify(${CHANNEL}, '')`;
    const others = beside?.(over.signal);
    const warm = await sink.until(emails * WARM_UP, PATIENCE_SECONDS);
    const before = cpu(ground, running);
    const wal = await walPosition(sql);
    const report = await sink.until(emails, PATIENCE_SECONDS);
    const after = cpu(ground, running);
    const written = (await walPosition(sql)) - wal;
    over.abort();
    await others;
    const counted = report.count - warm.count;
    const each = (name: keyof typeof after): number => ((after[name] - before[name]) * 1e6) / counted;
    const sample = {
      ...rateOf(report),
      "longest gap ms": report.longestGapMs,
      "worker µs CPU/mail": each("workers"),
      "postgres µs CPU/mail": each("postgres"),
      "sink µs CPU/mail": each("sink"),
      "WAL bytes/mail": written / counted,
    };
    return { sample, report };
  } finally {
    over.abort();
    await Promise.all(running.map(kill));
  }
}

/** Between the first email and the last: what comes before the first is a start. */
export function rateOf({ count, firstAt, lastAt, bytes }: SinkReport): {
  "mails/s": number;
  "ms/mail": number;
  "bytes/mail": number;
} {
  const each = (lastAt - firstAt) / (count - 1);
  return { "mails/s": 1_000 / each, "ms/mail": each, "bytes/mail": bytes / count };
}

async function walPosition(sql: BenchDatabase["sql"]): Promise<number> {
  const [row] = await sql<{ bytes: number }[]>`
    select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as bytes`;
  return row?.bytes ?? Number.NaN;
}

const cpu = (ground: Ground, running: readonly Dundie[]) => ({
  workers: running.reduce((sum, { pid }) => sum + (usageOf(pid)?.cpuSeconds ?? 0), 0),
  postgres: serverCpuSeconds(ground.postmaster),
  sink: usageOf(ground.sink.pid)?.cpuSeconds ?? 0,
});
