/** Statements that must not read the history of the outbox, however long it is. */
import { expect, test } from "bun:test";
import { sql as query } from "drizzle-orm";
import { makeHistory } from "../bench/fixtures.ts";
import { openSql } from "../src/db/client.ts";
import { listMessages } from "../src/mail/operations/messages.ts";
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

test("a courier that began on empty tables ends a backlog of one account, and what has expired, row by row", async () => {
  await using engine = await startEngine({ COURIER_DATABASE_POOL: "2" });
  const { sql } = engine;
  const people = await engine.people(FIRST + 1);
  const email = people[FIRST]?.email ?? "";
  await sql`vacuum analyze message, attempt, one_time_token`;
  const courier = engine.startCourier();
  const ended = (): Promise<unknown> =>
    until(async () => (await sql`select 1 from message where ended_at is null limit 1`).count === 0, {
      timeoutMs: 60_000,
    });
  const queue = (requestedEmail: string, count: number, expires: string) => sql`
    insert into message (id, kind, lane, requested_email, locale_hint, due_at, expires_at)
    select gen_random_uuid(), 'password_reset', 0, ${requestedEmail}, 'en', now(), now() + ${expires}::interval
    from generate_series(1, ${count})`;
  for (const { email: each } of people.slice(0, FIRST)) {
    await queue(each, 2, "1 hour");
    await queue("unknown@example.com", 1, "-1 hour");
    await engine.requestReset(each);
    await ended();
  }

  await sql`select pg_stat_reset()`;
  await queue(email, OLD, "1 hour");
  await queue("unknown@example.com", OLD, "-1 hour");
  await engine.requestReset(email);
  await ended();
  await courier.drain(5_000);
  const read = async (): Promise<number> =>
    Number(
      (await sql`select idx_tup_fetch + seq_tup_read as rows from pg_stat_user_tables where relname = 'message'`)[0]?.[
        "rows"
      ],
    );
  await until(async () => (await read()) > OLD);
  // Two million and a half; with a plan that reads the queue for each row it was fifty million.
  expect(await read()).toBeLessThan(500 * OLD);
}, 120_000);

test("a search by address finds messages in each state, by indexes", async () => {
  await using engine = await startEngine();
  const { sql, deps } = engine;
  const [person] = await engine.people(1);
  const email = person?.email ?? "";
  const [account] = await sql<{ id: string }[]>`select id from "user" where email = ${email}`;
  await makeHistory(sql, OLD, 1);
  await sql`update message set recipient = 'old@example.com', requested_email = null, user_id = gen_random_uuid()`;
  const other = "other@example.com";
  const row = (columns: Record<string, unknown>) => sql`
      insert into message ${sql({ id: Bun.randomUUIDv7(), kind: "welcome", lane: 1, expires_at: new Date(), ...columns })}`;
  const userId = account?.id ?? "";
  const [sending, ended] = [
    { state: "sending", lease_id: Bun.randomUUIDv7() },
    { state: "dropped", reason: "cancelled", ended_at: new Date() },
  ];
  // What goes to the account's address, with and without having fixed it, in each state.
  await row({ requested_email: email });
  await row({ user_id: userId });
  await row({ user_id: userId, recipient: email });
  await row({ user_id: userId, recipient: email, ...sending });
  await row({ user_id: userId, recipient: email, requested_email: email, state: "sent", ended_at: new Date() });
  await row({ requested_email: email, ...ended });
  await row({ user_id: userId, ...ended });
  // What goes to another address, for the same account.
  await row({ user_id: userId, requested_email: other });
  await row({ user_id: userId, recipient: other });
  await row({ user_id: userId, recipient: other, requested_email: other, ...ended });
  await sql`vacuum analyze message`;
  const found = async (recipient: string): Promise<number> =>
    (await listMessages(deps.db, { recipient }, { limit: 50 })).items.length;
  expect([await found(email), await found(other), await found("nobody@example.com")]).toEqual([7, 3, 0]);

  const read = await deps.db.orm.transaction(async (orm) => {
    await listMessages({ ...deps.db, orm }, { recipient: email }, { limit: 50 });
    const [row] = await orm.execute<{ rows: number }>(query`
        select (pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::int as rows
        from pg_class where oid = 'message'::regclass`);
    return row?.rows ?? Number.NaN;
  });
  expect(read).toBeLessThan(OLD / 10);
});
