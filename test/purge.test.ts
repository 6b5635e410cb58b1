import { afterAll, beforeAll, expect, test } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { purgeBatch } from "../src/db/purge.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";

let database: TestDatabase;
let sql: Sql;
const DAYS = { messageDays: 30, auditDays: 365 };

beforeAll(async () => {
  database = await testDatabase();
  sql = openSql(database.url, { max: 2, name: "test purge" });
});
afterAll(async () => {
  await sql.end();
  await database.drop();
});

const insert = (email: string, state: string, reason: string | null, age: string) => sql`
  insert into message (id, kind, lane, requested_email, user_id, state, reason, expires_at, created_at, ended_at)
  values (gen_random_uuid(), 'password_reset', 0, ${email}, ${state === "sent" ? sql`gen_random_uuid()` : null}, ${state}, ${reason}, now(), now() - ${age}::interval,
    ${state === "queued" ? null : sql`now() - ${age}::interval`})`;

test("addresses without an account are forgotten after a day, ended messages after the retention, queued ones never", async () => {
  await insert("stranger-new@example.com", "dropped", "no_account", "23 hours");
  await insert("stranger-old@example.com", "dropped", "no_account", "25 hours");
  await insert("sent-new@example.com", "sent", null, "29 days");
  await insert("sent-old@example.com", "sent", null, "31 days");
  await insert("queued-old@example.com", "queued", null, "31 days");
  expect(await purgeBatch(sql, DAYS)).toBe(false);
  const rows = await sql`select requested_email from message order by created_at`;
  expect(rows.map((row) => row["requested_email"])).toEqual([
    "queued-old@example.com",
    "sent-new@example.com",
    null,
    "stranger-new@example.com",
  ]);
});

test("says that there is more after a full batch, and nothing while another process purges", async () => {
  await sql`insert into message (id, kind, lane, state, expires_at, created_at, ended_at)
    select gen_random_uuid(), 'welcome', 1, 'sent', now(), now() - interval '40 days', now() - interval '40 days'
    from generate_series(1, 1500)`;
  await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${0x70757267})`;
    expect(await purgeBatch(sql, DAYS)).toBe(false);
  });
  expect(await purgeBatch(sql, DAYS)).toBe(true);
  expect(await purgeBatch(sql, DAYS)).toBe(false);
});

test("a row that another session has locked is purged later, and the others now", async () => {
  await sql`delete from message`;
  await insert("locked@example.com", "sent", null, "31 days");
  await insert("free@example.com", "sent", null, "31 days");
  const remaining = async () =>
    (await sql`select requested_email from message`).map((row): string => row["requested_email"]);
  const other = openSql(database.url, { max: 1, name: "test lock" });
  await other.begin(async (tx) => {
    await tx`select 1 from message where requested_email = 'locked@example.com' for update`;
    await purgeBatch(sql, DAYS);
    expect(await remaining()).toEqual(["locked@example.com"]);
  });
  await other.end();
  await purgeBatch(sql, DAYS);
  expect(await remaining()).toEqual([]);
});

test("an ended message goes with its attempts, and a token by its own end", async () => {
  await sql`truncate message, attempt, one_time_token`;
  const account = Bun.randomUUIDv7();
  await sql`insert into "user" (id, email, username, name, dept)
    values (${account}, 'pam@example.com', 'pam', 'Pam', 'sales')`;
  const make = async (age: string, linkAge: string): Promise<void> => {
    const [row] = await sql<{ id: string }[]>`select uuidv7(${`-${age}`}::interval) as id`;
    const id = row?.id ?? "";
    await sql`insert into message (id, kind, lane, state, user_id, expires_at, created_at, ended_at)
      values (${id}, 'password_reset', 0, 'sent', ${account}, now(), now() - ${age}::interval, now() - ${age}::interval)`;
    await sql`insert into attempt (message_id, number, lease_id, courier_id) values (${id}, 1, ${id}, ${id}), (${id}, 2, ${id}, ${id})`;
    await sql`insert into one_time_token (message_id, digest, purpose, user_id, sent_to, key_id, expires_at)
      values (${id}, sha256(${id}::bytea), 'password_reset', ${account}, 'pam@example.com', 'key', now() - ${linkAge}::interval)`;
  };
  await make("31 days", "31 days");
  await make("31 days", "29 days");
  await make("29 days", "29 days");
  await purgeBatch(sql, DAYS);
  const [left] = await sql`
    select (select count(*) from message)::int as messages, (select count(*) from attempt)::int as attempts,
      (select count(*) from one_time_token)::int as tokens`;
  expect(left).toEqual({ messages: 1, attempts: 2, tokens: 2 });
});
