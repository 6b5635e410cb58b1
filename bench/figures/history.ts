/** What a claim and a settle cost beside a long history, and while it is purged. */
import { openSql } from "../../src/db/client.ts";
import { purgeBatch } from "../../src/db/purge.ts";
import { drain } from "../draining.ts";
import type { Condition, Figure } from "../figure.ts";
import { makeAccounts, makeHistory, queueResets, settleDown } from "../fixtures.ts";
import type { BenchDatabase, Ground } from "../ground.ts";
import { median } from "../statistics.ts";

const RETENTION_DAYS = 30;
/** As the courier's: `PURGE_MS` apart it goes on batch by batch, with this pause between two. */
const PURGE_PAUSE_MS = 100;

interface Stock {
  readonly database: BenchDatabase;
  readonly old: number;
  /** Messages that wait, and the account of the next that is queued. */
  queued: number;
  next: number;
}

export const history: Figure = {
  name: "history",
  title: "claim + settle beside old messages, against empty tables",
  async prepare(ground) {
    const { plan } = ground;
    const stocks = await Promise.all(plan.histories.map((old) => makeStock(ground, old)));
    const [empty, full] = [stocks[0], stocks.at(-1)];
    if (!empty || !full) throw new TypeError("A history has at least two sizes.");
    const costs = new Map<number, number[]>(plan.histories.map((old) => [old, []]));
    const plain = stocks.map((stock): Condition => ({
      name: nameOf(stock),
      async run() {
        const sample = await drainSome(ground, stock);
        costs.get(stock.old)?.push(sample["ms/mail"] ?? Number.NaN);
        return sample;
      },
    }));
    const purging: Condition = {
      name: `${nameOf(full)}, purged meanwhile`,
      async run() {
        await makePast(ground, full);
        return await drainSome(ground, full, true);
      },
    };
    return {
      conditions: [...plain, purging],
      checks: [
        {
          what: `ms per mail beside ${plan.histories.at(-1)} old messages and ${plan.queuedBehindHistory} queued`,
          ...{ ours: [nameOf(full), "ms/mail"], theirs: [nameOf(empty), "ms/mail"], atMost: 1.2 },
        },
        {
          what: "ms per mail while that history is purged",
          ...{ ours: [purging.name, "ms/mail"], theirs: [nameOf(full), "ms/mail"], atMost: 1.2 },
        },
        {
          what: "longest time without an email while it is purged (ms)",
          ours: [purging.name, "longest gap ms"],
          atMost: 1_000,
        },
      ],
      plots: () => [
        {
          name: "history",
          title: "What an email costs beside a history",
          x: { label: "old messages in the tables" },
          y: { label: "milliseconds an email" },
          series: [
            {
              name: "one worker, instant SMTP",
              points: [...costs].map(([old, values]) => [old, median(values)] as const),
            },
          ],
        },
      ],
      notes: () => [
        "Empty tables hold no old messages and no more queued ones than are drained. The purge is the courier's own " +
          "(`purgeBatch`), begun with the drain and run from another process with the courier's pauses.",
      ],
      async close() {
        for (const { database } of stocks) await database.drop();
      },
    };
  },
};

const nameOf = ({ old }: Stock): string => (old === 0 ? "empty tables" : `${old} old`);

async function makeStock({ createDatabase, plan }: Ground, old: number): Promise<Stock> {
  const database = await createDatabase("dundie");
  await makeAccounts(database.sql, plan.accounts);
  await makeHistory(database.sql, old, plan.accounts);
  return { database, old, queued: 0, next: 0 };
}

async function drainSome(ground: Ground, stock: Stock, purge = false) {
  const { plan } = ground;
  const { sql, url } = stock.database;
  const emails = plan.drainedFromHistory;
  if (stock.old === 0) await sql`truncate message, attempt, one_time_token, courier`;
  // What the last worker had in hand when it was killed, and beyond the emails that were waited for.
  await sql`delete from message where state = 'sending'`;
  const [row] = await sql<{ queued: number }[]>`select count(*)::int as queued from message where state = 'queued'`;
  const wanted = stock.old === 0 ? emails : plan.queuedBehindHistory;
  const missing = wanted - (row?.queued ?? 0);
  // Round and round over the accounts: who is queued again was served long ago.
  for (let left = missing; left > 0;) {
    const count = Math.min(left, plan.accounts - stock.next);
    await queueResets(sql, count, stock.next);
    stock.next = (stock.next + count) % plan.accounts;
    left -= count;
  }
  await settleDown(sql);
  const beside = purge ? (signal: AbortSignal) => purgeUntil(url, signal) : undefined;
  const { sample } = await drain(ground, stock.database, { workers: 1, emails, ...(beside ? { beside } : {}) });
  return sample;
}

/** Old messages that outlived their retention, as many again as a purge takes away while a sample lasts. */
async function makePast({ plan }: Ground, { database, old }: Stock): Promise<void> {
  const past = Math.ceil(old / 5);
  const [row] = await database.sql<{ count: number }[]>`
    select count(*)::int as count from message where ended_at < now() - make_interval(days => ${RETENTION_DAYS})`;
  const missing = past - (row?.count ?? 0);
  if (missing > 0) await makeHistory(database.sql, missing, plan.accounts, missing);
}

async function purgeUntil(url: string, signal: AbortSignal): Promise<void> {
  const sql = openSql(url, { max: 1, name: "bench purge" });
  while (!signal.aborted && (await purgeBatch(sql, { messageDays: RETENTION_DAYS, auditDays: 365 })))
    await Bun.sleep(PURGE_PAUSE_MS);
  await sql.end();
}
