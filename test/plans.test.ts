/** The courier plans its statements once for each connection: what it planned on the first day serves full tables. */
import { expect, test } from "bun:test";
import { makeHistory } from "../bench/fixtures.ts";
import { openSql } from "../src/db/client.ts";
import { startEngine } from "./support/engine.ts";
import { until } from "./support/waiting.ts";

const OLD = 5_000;
/** Enough that each connection of the courier has planned each statement. */
const FIRST = 12;

test("a courier that began on empty tables reads full ones by their indexes", async () => {
  const engine = await startEngine({ COURIER_DATABASE_POOL: "2" });
  const { sql } = engine;
  try {
    const people = await engine.people(FIRST + 1);
    // As autovacuum leaves the tables of the first day: known to be empty.
    await sql`vacuum analyze message, attempt, one_time_token`;
    const courier = engine.startCourier();
    const send = async (email: string | undefined): Promise<void> => {
      await engine.requestReset(email ?? "");
      await until(async () => (await sql`select 1 from message where ended_at is null`).count === 0);
    };
    for (const { email } of people.slice(0, FIRST)) await send(email);

    const filling = openSql(engine.databaseUrl, { max: 1, name: "test history" });
    await makeHistory(filling, OLD, 1);
    await filling.end();
    // What a session has read is known for certain once it has ended.
    const inserted = async (): Promise<number> =>
      (
        await sql<{ rows: number }[]>`select n_tup_ins::int as rows from pg_stat_user_tables where relname = 'attempt'`
      )[0]?.rows ?? 0;
    await until(async () => (await inserted()) >= OLD);
    await sql`select pg_stat_reset()`;
    await engine.requestReset(people[FIRST]?.email ?? "");
    await until(() => engine.smtp.emails.length > FIRST);
    await courier.drain(5_000);
    const read = async (): Promise<number> => {
      const [row] = await sql<{ rows: number }[]>`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows
        from pg_stat_user_tables where relname in ('message', 'attempt', 'one_time_token')`;
      return row?.rows ?? 0;
    };
    await until(async () => (await read()) > 0);
    expect(await read()).toBeLessThan(OLD / 10);
  } finally {
    await engine[Symbol.asyncDispose]();
  }
});
