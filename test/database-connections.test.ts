/** How many database connections the processes take: the numbers of docs/postgresql.md, "Connections". */
import { afterAll, beforeAll, expect, test, setDefaultTimeout } from "bun:test";
import { openSql, type Sql } from "../src/db/client.ts";
import { testDatabase, type TestDatabase } from "./support/database.ts";
import { startApplication } from "./support/application.ts";
import { spawnCli } from "./support/process.ts";
import { SETTINGS } from "./support/settings.ts";
import { until } from "./support/waiting.ts";

/** A start takes many times longer on a busy machine. */
setDefaultTimeout(120_000);

let database: TestDatabase;
let sql: Sql;

beforeAll(async () => {
  database = await testDatabase();
  sql = openSql(database.url, { max: 1, name: "test" });
});

afterAll(async () => {
  await sql.end();
  await database.drop();
});

test("an API takes up to 10 connections, and a worker up to 5 and none of an API's", async () => {
  await using api = await startApplication({ DATABASE_URL: database.url, COURIER: "off" });
  const names = Array.from({ length: 100 }, (_, at) => `Person ${at}`);
  const emails = await Promise.all(names.map((name) => api.addPerson(name)));

  await Promise.all(emails.map((email) => api.requestReset(email)));
  // Every connection that was opened is still open: they are closed after 5 idle minutes.
  await untilConnections(({ "dundie api": api, "dundie outbox": outbox = 0, ...others }) => {
    return api === 8 && outbox <= 2 && Object.keys(others).length === 0;
  });

  await using worker = spawnCli(["worker"], {
    env: { ...SETTINGS, DATABASE_URL: database.url, SMTP_URL: api.smtp.url },
  });
  await worker.until(({ stdout }) => stdout.includes('"working"'));
  await Promise.all(emails.map((email) => api.received(email, 60_000)));
  await untilConnections(
    ({ "dundie api": api, "dundie outbox": outbox = 0, "dundie courier": courier = 0, ...others }) => {
      return api === 8 && outbox <= 2 && courier >= 2 && courier <= 5 && Object.keys(others).length === 0;
    },
  );
  worker.process.kill("SIGTERM");
  expect(await worker.ended).toBe(0);
});

/** By `application_name`. */
async function connections(): Promise<Record<string, number>> {
  const rows = await sql<{ name: string; count: number }[]>`
    select application_name as name, count(*)::int as count from pg_stat_activity
    where datname = current_database() and application_name like 'dundie %' group by 1`;
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** The server may end a connection, such as one of a start, a moment after its client has. */
async function untilConnections(expected: (open: Record<string, number>) => boolean): Promise<void> {
  let open: Record<string, number> = {};
  await until(async () => expected((open = await connections())), { seen: () => JSON.stringify(open) });
}
