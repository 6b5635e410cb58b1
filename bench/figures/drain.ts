/** How fast emails leave: against nodemailer's pool alone, which keeps no record, and against the chapter's design. */
import { startScript } from "../children.ts";
import { usageOf } from "../cpu.ts";
import { drain as drainQueue, rateOf, WARM_UP } from "../draining.ts";
import type { Condition, Figure } from "../figure.ts";
import { emptyOutbox, makeAccounts, queueResets, settleDown } from "../fixtures.ts";
import type { BenchDatabase, Ground } from "../ground.ts";
import type { Plot } from "../plot.ts";
import type { SinkReport } from "../sink.ts";
import { chapter, CONNECTIONS, WITHOUT_PYTHON, type Target } from "../targets.ts";
import type { BareDrain } from "../peers/bare-pool.ts";

const WORKER = "dundie worker, 5 connections";
const BARE = "a bare nodemailer pool of 5";
const CHAPTER = "the chapter's design";
const BARE_SECONDS = 120;

export const drain: Figure = {
  name: "drain",
  title: "drain of queued resets for distinct accounts, instant SMTP",
  async prepare(ground) {
    const database = await queueDatabase(ground);
    const chapters = await chapter(ground);
    const mime = await exampleEmail(ground, database);
    const runs = new Map<string, SinkReport>();
    const conditions: Condition[] = [
      {
        name: WORKER,
        async run() {
          await refill(ground, database);
          const { sample, report } = await drainQueue(ground, database, { workers: 1, emails: ground.plan.drained });
          runs.set(WORKER, report);
          return sample;
        },
      },
      {
        name: BARE,
        async run() {
          const report = await bareDrain(ground, mime);
          runs.set(BARE, report.report);
          return report.sample;
        },
      },
      ...(chapters ? [chapterFlood(ground, chapters, (report) => runs.set(CHAPTER, report))] : []),
    ];
    return {
      conditions,
      checks: [
        {
          what: "mails per second, over a bare pool",
          ...{ ours: [WORKER, "mails/s"], theirs: [BARE, "mails/s"], atLeast: 0.8 },
        },
        {
          what: "worker CPU an email, over a bare pool's",
          ...{ ours: [WORKER, "worker µs CPU/mail"], theirs: [BARE, "sender µs CPU/mail"], atMost: 1.15 },
        },
        {
          what: "PostgreSQL CPU an email, claim to settle, over a bare pool's",
          ...{ ours: [WORKER, "postgres µs CPU/mail"], theirs: [BARE, "sender µs CPU/mail"], atMost: 0.41 },
        },
        { what: "WAL an email, claim to settle (bytes)", ours: [WORKER, "WAL bytes/mail"], atMost: 1_500 },
        {
          what: "mails per second, over the chapter's design",
          ...{ ours: [WORKER, "mails/s"], theirs: [CHAPTER, "mails/s"], atLeast: 4 },
        },
      ],
      notes: () => (chapters ? [] : [WITHOUT_PYTHON]),
      plots: () => [drainPlot(runs)],
      async close() {
        await database.drop();
        await chapters?.close();
      },
    };
  },
};

const SLOW_MS = 20;

export const twoWorkers: Figure = {
  name: "two-workers",
  title: "two worker processes over one",
  async prepare(ground) {
    const database = await queueDatabase(ground);
    const condition = (name: string, workers: number, smtpDelayMs: number): Condition => ({
      name,
      async run() {
        // At 20 ms an email and five connections a worker sends 250 a second at most.
        const emails = smtpDelayMs > 0 ? Math.ceil(ground.plan.drained / 8) : ground.plan.drained;
        await refill(ground, database, emails);
        return (await drainQueue(ground, database, { workers, emails, smtpDelayMs })).sample;
      },
    });
    const enough = navigator.hardwareConcurrency >= 4;
    return {
      conditions: [
        condition("one, instant SMTP", 1, 0),
        condition("two, instant SMTP", 2, 0),
        condition("one, 20 ms SMTP", 1, SLOW_MS),
        condition("two, 20 ms SMTP", 2, SLOW_MS),
      ],
      checks: [
        {
          what: "two workers over one, instant SMTP",
          ...{ ours: ["two, instant SMTP", "mails/s"], theirs: ["one, instant SMTP", "mails/s"], atLeast: 1.5 },
          ...(enough
            ? {}
            : { onlySaid: `${navigator.hardwareConcurrency} cores are shared with PostgreSQL and the sink` }),
        },
        {
          what: "two workers over one, 20 ms SMTP",
          ...{ ours: ["two, 20 ms SMTP", "mails/s"], theirs: ["one, 20 ms SMTP", "mails/s"], atLeast: 1.5 },
        },
      ],
      close: () => database.drop(),
    };
  },
};

async function queueDatabase(ground: Ground): Promise<BenchDatabase> {
  const database = await ground.createDatabase("dundie");
  await makeAccounts(database.sql, ground.plan.drained);
  return database;
}

async function refill(ground: Ground, { sql }: BenchDatabase, emails = ground.plan.drained): Promise<void> {
  await emptyOutbox(sql);
  await queueResets(sql, emails);
  await settleDown(sql);
}

/** An email of dundie's, as the sink got it: what the bare pool sends is of the same size. */
async function exampleEmail(ground: Ground, database: BenchDatabase): Promise<string> {
  await refill(ground, database, 2);
  const { report } = await drainQueue(ground, database, { workers: 1, emails: 2 });
  return report.sample.slice(0, -".\r\n".length);
}

async function bareDrain(ground: Ground, mime: string) {
  const { sink, plan } = ground;
  await sink.reset();
  const { child } = await startScript("./peers/bare-pool.ts", { NODE_ENV: "production" });
  try {
    const cpu = () => ({ sender: usageOf(child.pid)?.cpuSeconds ?? 0, sink: usageOf(sink.pid)?.cpuSeconds ?? 0 });
    const done = child.ask({ port: sink.port, emails: plan.drained, mime } satisfies BareDrain);
    const warm = await sink.until(plan.drained * WARM_UP, BARE_SECONDS);
    const before = cpu();
    await done;
    const [after, report] = [cpu(), await sink.report()];
    if (report.count !== plan.drained) throw new Error(`The bare pool sent ${report.count} of ${plan.drained}.`);
    const each = (seconds: number): number => (seconds * 1e6) / (report.count - warm.count);
    const sample = {
      ...rateOf(report),
      "longest gap ms": report.longestGapMs,
      "sender µs CPU/mail": each(after.sender - before.sender),
      "sink µs CPU/mail": each(after.sink - before.sink),
    };
    return { sample, report };
  } finally {
    await child.stop();
  }
}

/** It has no queue but its memory: it is flooded with requests, and its emails are counted. */
function chapterFlood(ground: Ground, target: Target, onReport: (report: SinkReport) => void): Condition {
  const { sink, plan } = ground;
  return {
    name: CHAPTER,
    async run() {
      await sink.reset();
      const server = await target.start();
      try {
        const requests = plan.chapterFlood;
        const load = { url: server.url, expected: server.expected, connections: CONNECTIONS, from: 0 };
        await ground.load({ ...load, end: { requests }, addresses: plan.accounts });
        const report = await sink.until(requests, 120);
        onReport(report);
        return { ...rateOf(report), "longest gap ms": report.longestGapMs };
      } finally {
        await server.stop();
        await target.reset();
      }
    },
  };
}

function drainPlot(runs: ReadonlyMap<string, SinkReport>): Plot {
  return {
    name: "drain",
    title: "Emails accepted by SMTP over time (last round)",
    x: { label: "seconds" },
    y: { label: "emails" },
    series: [...runs].map(([name, { perTenth }]) => {
      let sum = 0;
      const points = Array.from(perTenth, (count) => (sum += count ?? 0)).map(
        (total, tenth) => [(tenth + 1) / 10, total] as const,
      );
      return { name, points: [[0, 0] as const, ...points] };
    }),
  };
}
