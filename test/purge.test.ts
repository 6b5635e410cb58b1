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
