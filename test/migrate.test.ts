import { afterAll, beforeAll, expect, test } from "bun:test";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openSql, type Sql } from "../src/db/client.ts";
import { migrate, migrationsFolder } from "../src/db/migrate.ts";
import { emptyDatabase, type TestDatabase } from "./support/database.ts";

let database: TestDatabase;
let sql: Sql;

beforeAll(async () => {
  database = await emptyDatabase();
  sql = openSql(database.url, { max: 1, name: "test" });
});

afterAll(async () => {
  await sql.end();
  await database.drop();
});

const applied = async (): Promise<string[]> => {
  const rows = await sql<{ hash: string }[]>`select hash from drizzle.__drizzle_migrations order by id`;
  return rows.map((row) => row.hash);
};

test("five processes that start at once on an empty database migrate it once", async () => {
  await Promise.all(Array.from({ length: 5 }, () => migrate(database.url)));
  expect(await applied()).toEqual(readMigrationFiles({ migrationsFolder }).map((migration) => migration.hash));
  expect(await sql`select paused_at from mail_control`).toHaveLength(1);
});

test("a database that is up to date is left as it is", async () => {
  const before = await applied();
  await migrate(database.url);
  expect(await applied()).toEqual(before);
});

test("nobody keeps the lock of a migration that is over", async () => {
  expect([...(await sql`select pid from pg_locks where locktype = 'advisory'`)]).toEqual([]);
});
