/** What the outbox costs when it holds years of history and a long queue, against an almost empty one. */
import { openDatabase, type Database } from "../../src/db/client.ts";
import { purgeBatch } from "../../src/db/purge.ts";
import { listMessages } from "../../src/mail/operations/messages.ts";
import { readStats } from "../../src/mail/operations/stats.ts";
import { drain } from "../draining.ts";
import type { Check, Condition, Figure, Sample } from "../figure.ts";
import { makeAccounts, makeHistory, queueResets, settleDown } from "../fixtures.ts";
import { addressOf } from "../generator.ts";
import type { BenchDatabase, Ground } from "../ground.ts";
import { median } from "../statistics.ts";

const EMPTY = "almost empty tables";
const RETENTION = { messageDays: 30, auditDays: 365 };
/** Messages a statement: a transaction of all of them would need its size again for temporary files. */
const CHUNK = 500_000;
const REPETITIONS = 15;

export const growth: Figure = {
  name: "growth",
  title: "claim, search, outbox page, purge and statistics beside millions of messages",
  onlyByName: true,
  async prepare(ground) {
    const { ended, queued } = ground.plan.growth;
    const full = `${ended} ended and ${queued} queued`;
    const stocks = [
      { name: EMPTY, ...(await makeStock(ground, 0, ground.plan.drainedFromHistory * 2)) },
      { name: full, ...(await makeStock(ground, ended, queued)) },
    ];
    const conditions = stocks.map(({ name, database, db }): Condition => ({
      name,
      run: async () => ({
        ...(await timeReads(db)),
        ...(await timePurge(database)),
        ...(await claim(ground, database)),
      }),
    }));
    const atMost = 1.2;
    const check = (what: string, measure: string): Check => ({
      what: `${what} beside ${full}`,
      ...{ ours: [full, measure], theirs: [EMPTY, measure], atMost },
    });
    return {
      rounds: 1,
      conditions,
      checks: [
        check("PostgreSQL CPU an email, claim to settle,", "postgres µs CPU/mail"),
        check("search by address", "search ms"),
        check("a page of the outbox", "page ms"),
        check("a batch of the purge", "purge ms"),
        check("statistics", "stats ms"),
      ],
      notes: () => [
        `Medians of ${REPETITIONS}. The purged messages outlived their retention; the others are 1 to 28 days old.`,
      ],
      async close() {
        for (const { db, database } of stocks) {
          await db.close();
          await database.drop();
        }
      },
    };
  },
};

async function makeStock(ground: Ground, ended: number, queued: number) {
  const database = await ground.createDatabase("dundie");
  const { sql } = database;
  // The first queued messages are for accounts, and those are the ones that are sent.
  const { accounts } = ground.plan;
  await makeAccounts(sql, accounts);
  // Filling a table and then building its indexes takes a fifth of the time.
  const indexes = await sql<{ name: string; definition: string }[]>`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition from pg_index
    where indrelid = any('{message,attempt,one_time_token}'::regclass[]) and not indisprimary`;
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  for (let left = ended; left > 0; left -= CHUNK) await makeHistory(sql, Math.min(left, CHUNK), accounts);
  // As many as are purged.
  await makeHistory(sql, PURGED, accounts, PURGED);
  for (const { definition } of indexes) await sql.unsafe(definition);
  for (let from = 0; from < queued; from += CHUNK) await queueResets(sql, Math.min(queued - from, CHUNK), from);
  await settleDown(sql);
  return { database, db: openDatabase(database.url, { max: 4, name: "bench growth" }) };
}

const PURGED = 1_000 * (REPETITIONS + 1);

async function timeReads(db: Database): Promise<Sample> {
  const page = { limit: 50 };
  return {
    "search ms": await medianMs((turn) => listMessages(db, { recipient: addressOf(turn * 31) }, page)),
    "page ms": await medianMs(() => listMessages(db, {}, page)),
    "stats ms": await medianMs(() => readStats(db)),
  };
}

const timePurge = async ({ sql }: BenchDatabase): Promise<Sample> => ({
  "purge ms": await medianMs(() => purgeBatch(sql, RETENTION)),
});

async function claim(ground: Ground, database: BenchDatabase): Promise<Sample> {
  const { sample } = await drain(ground, database, { workers: 1, emails: ground.plan.drainedFromHistory });
  return sample;
}

async function medianMs(task: (turn: number) => Promise<unknown>): Promise<number> {
  await task(0);
  const times: number[] = [];
  for (let turn = 1; turn <= REPETITIONS; turn += 1) {
    const begun = performance.now();
    await task(turn);
    times.push(performance.now() - begun);
  }
  return median(times);
}
