import { afterAll, beforeAll, expect, test } from "bun:test";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openSql, type Sql } from "../src/db/client.ts";
import { checkSchema, migrate, migrationsFolder } from "../src/db/migrate.ts";
import { ConfigError } from "../src/errors.ts";
import { emptyDatabase, type TestDatabase } from "./support/database.ts";
import { until } from "./support/waiting.ts";

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

const hashes = readMigrationFiles({ migrationsFolder }).map((migration) => migration.hash);

const applied = async (): Promise<string[]> => {
  const rows = await sql<{ hash: string }[]>`select hash from schema_migration order by made_at`;
  return rows.map((row) => row.hash);
};

const tablesOf = async (schema: string): Promise<number> => {
  const [row] = await sql`select count(*)::int as n from pg_tables where schemaname = ${schema}`;
  return row?.["n"];
};

const problemsOf = async (outcome: Promise<unknown>): Promise<string> => {
  const error = await outcome.then(
    () => null,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return (error as ConfigError).problems.join();
};

test("five processes that start at once on an empty database migrate it once", async () => {
  await Promise.all(Array.from({ length: 5 }, () => migrate(database.url)));
  expect(await applied()).toEqual(hashes);
  expect(await sql`select paused_at from mail_control`).toHaveLength(1);
});

test("a database that is up to date is left as it is", async () => {
  const before = await sql`select * from schema_migration`;
  await migrate(database.url);
  expect(await sql`select * from schema_migration`).toEqual(before);
});

test("no lock is kept after a migration", async () => {
  expect([...(await sql`select pid from pg_locks where locktype = 'advisory'`)]).toEqual([]);
});

test("nothing is made outside of the schema, and a second dundie has its own", async () => {
  expect(await tablesOf("public")).toBe(0);
  await migrate(database.url, "dundie_two");
  expect(await tablesOf("dundie_two")).toBe(await tablesOf("dundie"));
  const foreign = await sql`
    select conname from pg_constraint where contype = 'f' and connamespace = 'dundie_two'::regnamespace
      and confrelid not in (select oid from pg_class where relnamespace = 'dundie_two'::regnamespace)`;
  expect([...foreign]).toEqual([]);
});

test("another application with the same table names and a newer row in drizzle's journal is no matter", async () => {
  await using shared = await sharedDatabase();
  await shared.sql`create schema drizzle`;
  await shared.sql`create table drizzle.__drizzle_migrations (id serial primary key, hash text not null, created_at bigint)`;
  await shared.sql`insert into drizzle.__drizzle_migrations (hash, created_at) values ('theirs', 9999999999999)`;
  await shared.sql`create table public."user" (id int)`;
  await shared.sql`create table public.message (id int)`;
  await migrate(shared.url);
  expect(await shared.sql`select id from "user"`).toHaveLength(0);
  expect(await shared.sql`select username from dundie."user"`).toHaveLength(0);
  expect(await shared.sql`select hash from drizzle.__drizzle_migrations`).toHaveLength(1);
});

test("a schema that another version made is refused with a sentence, and left as it is", async () => {
  await using other = await sharedDatabase();
  await migrate(other.url);
  await other.sql`insert into dundie.schema_migration (hash, made_at) values ('of another branch', '2020-01-01')`;
  expect(await problemsOf(migrate(other.url))).toContain("another version of dundie");
  await other.sql`update dundie.schema_migration set made_at = '2222-01-01' where hash = 'of another branch'`;
  // A later version has all migrations of this one.
  await other.sql`delete from dundie.schema_migration where made_at = (select min(made_at) from dundie.schema_migration)`;
  expect(await problemsOf(migrate(other.url))).toContain("another version of dundie");
});

test("a process of this version starts on a schema that a later version has migrated, and warns", async () => {
  await using other = await sharedDatabase();
  await migrate(other.url);
  await other.sql`insert into dundie.schema_migration (hash, made_at) values ('of the next version', '2222-01-01')`;
  await migrate(other.url);
  await using session = closing(openSql(other.url, { max: 1, name: "test" }));
  expect(await checkSchema(session.sql, "dundie")).toEqual([expect.stringContaining("a later version of dundie")]);
});

test("a migration that waits for a table's lock holds up nobody else, and succeeds when the lock is released", async () => {
  await using other = await sharedDatabase();
  await migrate(other.url);
  // The schema as it was before its newest migration that changes a table in use.
  await other.sql`alter table dundie.courier drop column recent_attempts, drop column recent_deferred, drop column last_deferral`;
  const undone = readMigrationFiles({ migrationsFolder }).find(({ sql }) => sql.join().includes('"recent_attempts"'));
  await other.sql`delete from dundie.schema_migration where hash = ${undone?.hash ?? ""}`;
  await using reader = closing(openSql(other.url, { max: 1, name: "test" }));
  const released = Promise.withResolvers<void>();
  const holding = Promise.withResolvers<void>();
  // As a dump does, which reads every table in one transaction.
  const dump = other.sql.begin(async (tx) => {
    await tx`lock table dundie.courier in access share mode`;
    holding.resolve();
    await released.promise;
  });
  await holding.promise;
  let migrated = false;
  const migrating = migrate(other.url).then(() => (migrated = true));
  await until(async () => (await waits(reader.sql)) > 0);
  // It queues behind the migration until that gives way.
  const begun = performance.now();
  await reader.sql`select count(*) from courier`;
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(migrated).toBe(false);
  released.resolve();
  await dump;
  await migrating;
  expect(await reader.sql`select recent_attempts from courier`).toHaveLength(0);
});

const waits = async (sql: Sql): Promise<number> =>
  (await sql`select 1 from pg_locks where relation = 'dundie.courier'::regclass and not granted`).length;

test("without migrating, a schema that is missing or incomplete is refused with a sentence", async () => {
  await using other = await sharedDatabase();
  const session = openSql(other.url, { max: 1, name: "test" });
  expect(await problemsOf(checkSchema(session, "dundie"))).toContain('run "dundie migrate"');
  await migrate(other.url);
  await checkSchema(session, "dundie");
  await other.sql`drop table dundie.suppression`;
  expect(await problemsOf(checkSchema(session, "dundie"))).toContain("dundie.suppression");
  await other.sql`delete from dundie.schema_migration`;
  expect(await problemsOf(checkSchema(session, "dundie"))).toContain('run "dundie migrate"');
  await session.end();
});

test("a migration that fails leaves nothing behind", async () => {
  await using other = await sharedDatabase();
  await other.sql`create schema dundie`;
  // The last table that the first migration makes.
  await other.sql`create table dundie."user" (id int)`;
  expect(await migrate(other.url).catch(String)).toContain("already exists");
  expect(await other.sql`select tablename from pg_tables where schemaname = 'dundie'`).toHaveLength(1);
});

const closing = (opened: Sql) => ({ sql: opened, [Symbol.asyncDispose]: () => opened.end() });

/** A database whose connection has PostgreSQL's usual search_path, as another application's would. */
async function sharedDatabase() {
  const made = await emptyDatabase();
  const client = openSql(made.url, { max: 1, name: "test neighbour", schema: "public" });
  return {
    url: made.url,
    sql: client,
    async [Symbol.asyncDispose]() {
      await client.end();
      await made.drop();
    },
  };
}
