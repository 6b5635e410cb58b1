/**
 * The schema that the tables live in: brought to this version, or compared with it.
 *
 * The journal is a table of the same schema, so that several applications, or several dundies, share a database without
 * knowing of each other. drizzle's own migrator cannot do that without the right to create schemas, which it asks for
 * even when there is nothing to do, and it takes any newer row of a shared journal for its own.
 */
import { fileURLToPath } from "node:url";
import { getTableName, is, sql as query } from "drizzle-orm";
import { type MigrationMeta, readMigrationFiles } from "drizzle-orm/migrator";
import { PgTable } from "drizzle-orm/pg-core";
import { ConfigError } from "../errors.ts";
import { insideExecutable } from "../executable.ts";
import { log } from "../log.ts";
import { type Database, DEFAULT_SCHEMA, openSql, type Sql, type SqlTransaction } from "./client.ts";
import { isConnectionError, isLockTimeout, isPermissionError, messageOf } from "./errors.ts";
import * as tables from "./schema.ts";

export const migrationsFolder = Bun.isStandaloneExecutable
  ? insideExecutable("drizzle")
  : fileURLToPath(new URL("../../drizzle", import.meta.url));

/** Any number that no other application in this database locks. */
const MIGRATION_LOCK = 0x64756e64;

/**
 * A migration waits no longer than this for the lock of a table, because every request that uses the table queues behind
 * it. Less than `deadlock_timeout` (1 s), so that it is the migration that gives way, and not a request.
 */
const LOCK_TIMEOUT_MS = 500;
/** The longest statement of dundie takes 30 s. What holds a lock for longer is a dump or a person. */
const LOCK_PATIENCE_MS = 5 * 60_000;
const LOCK_PAUSE_MS = 1_000;

/**
 * Brings the schema to this version, and creates it where it is missing; a schema that is up to date is only read.
 * Processes that start at once wait for each other. Everything is one transaction: a migration that fails, or a process
 * that dies in it, leaves nothing behind. Requests of other processes go on: a lock that is held elsewhere is asked for
 * again and again.
 *
 * @throws {ConfigError} when the schema is another version's, the role may not change it, or a lock is not to be had.
 */
export async function migrate(url: string, schema: string = DEFAULT_SCHEMA): Promise<void> {
  const sql = openSql(url, { max: 1, name: "dundie migrate", schema });
  try {
    await migrateWith(sql, schema);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** The same over a pool whose `search_path` is `schema`. */
export async function migrateWith(sql: Sql, schema: string): Promise<void> {
  const bring = async (): Promise<void> => {
    const { missing } = await readJournal(sql, schema);
    if (missing.length > 0) await untilUnlocked(() => sql.begin((tx) => applyMissing(tx, schema)));
  };
  try {
    // Once more on a new connection: what was committed before the first one went is found in the journal.
    await bring().catch((error: unknown) => (isConnectionError(error) ? bring() : Promise.reject(error as Error)));
  } catch (error) {
    if (isLockTimeout(error)) {
      throw new ConfigError([
        `the schema "${schema}" cannot be migrated, because another session holds a lock on one of its tables: end that ` +
          "session, for example a dump, and start again",
      ]);
    }
    if (!isPermissionError(error)) throw error;
    throw new ConfigError([
      `the role of DATABASE_URL may not create the tables of the schema "${schema}" (${messageOf(error)}): ` +
        "docs/postgresql.md lists the grants",
    ]);
  }
}

async function untilUnlocked(task: () => Promise<unknown>): Promise<void> {
  const givenUpAt = performance.now() + LOCK_PATIENCE_MS;
  for (let tries = 1; ; tries += 1) {
    try {
      await task();
      return;
    } catch (error) {
      if (!isLockTimeout(error) || performance.now() > givenUpAt) throw error;
      if (tries === 1) log.warn({ event: "migration_waits" }, "another session holds a lock that a migration needs");
    }
    await Bun.sleep(LOCK_PAUSE_MS);
  }
}

/**
 * For a role that may not change the schema.
 * @returns what an operator should know of it, in a sentence each.
 * @throws {ConfigError} when the schema is not this version's, or the role may not use its tables.
 */
export async function checkSchema(sql: Sql, schema: string): Promise<string[]> {
  const { missing, applied, newer } = await readJournal(sql, schema).catch((error: unknown) => {
    if (isPermissionError(error)) return { missing: [], applied: new Set<string>(), newer: 0 };
    throw error;
  });
  if (missing.length > 0) {
    const what =
      applied.size === 0
        ? `has no tables that the role of DATABASE_URL can see`
        : `lacks ${missing.length} of ${applied.size + missing.length} migrations`;
    throw new ConfigError([`the schema "${schema}" ${what}: run "dundie migrate" as its owner`]);
  }
  const lacking = await sql<{ name: string; privileges: string }[]>`
    select name, string_agg(privilege, ', ') as privileges
    from unnest(${Object.values(tables).flatMap(nameOf)}::text[]) as t (name)
      cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE']) as p (privilege)
    where (name <> 'audit_event' or privilege in ('SELECT', 'INSERT'))
      and has_table_privilege(to_regclass(quote_ident(name)), privilege) is not true
    group by name order by name`;
  if (lacking.length > 0) {
    throw new ConfigError(
      lacking.map(
        ({ name, privileges }) =>
          `the role of DATABASE_URL may not ${privileges} on the table ${schema}.${name}: docs/postgresql.md lists the grants`,
      ),
    );
  }
  if (newer === 0) return [];
  return [
    `a later version of dundie has migrated the schema "${schema}": this one works on it while that is rolled out`,
  ];
}

/**
 * How the schema that `db` uses differs from this version's while a process runs: `outdated` when it lacks a migration,
 * `newer` when a later version has added its own. The older version goes on working then, as a rolling upgrade needs.
 */
export async function compareSchema({ orm }: Database): Promise<"same" | "outdated" | "newer"> {
  const [found] = await orm.execute<{ there: boolean }>(
    query`select to_regclass('schema_migration') is not null as there`,
  );
  if (!found?.there) return "outdated";
  const rows = await orm.execute<{ hash: string }>(query`select hash from schema_migration`);
  const applied = new Set(rows.map(({ hash }) => hash));
  const own = (ownHashes ??= new Set(readMigrationFiles({ migrationsFolder }).map(({ hash }) => hash)));
  if (!own.isSubsetOf(applied)) return "outdated";
  return applied.size > own.size ? "newer" : "same";
}

/** The migrations of this version, read from the disk once. */
let ownHashes: ReadonlySet<string> | undefined;

interface Journal {
  /** Migrations of this version that the schema lacks, in their order. */
  readonly missing: readonly MigrationMeta[];
  /** Hashes of those that it has. */
  readonly applied: ReadonlySet<string>;
  /** How many it has that were made after the newest of this version. */
  readonly newer: number;
}

/**
 * A later version has the migrations of this one and more of its own, which this one survives (docs/CONTRIBUTING.md,
 * "Migrations"): while an upgrade is rolled out, a process of this version may start anew.
 * @throws {ConfigError} when a version has been at work that is not a later one.
 */
async function readJournal(sql: Sql | SqlTransaction, schema: string): Promise<Journal> {
  const migrations = readMigrationFiles({ migrationsFolder });
  const [found] = await sql<{ there: boolean }[]>`select to_regclass('schema_migration') is not null as there`;
  const rows = found?.there
    ? await sql<{ hash: string; made_at: Date }[]>`select hash, made_at from schema_migration`
    : [];
  const applied = new Set(rows.map(({ hash }) => hash));
  const missing = migrations.filter(({ hash }) => !applied.has(hash));
  const known = new Set(migrations.map(({ hash }) => hash));
  const unknown = rows.filter(({ hash }) => !known.has(hash));
  const newestMs = Math.max(...migrations.map(({ folderMillis }) => folderMillis));
  const newer = unknown.filter(({ made_at }) => made_at.getTime() > newestMs).length;
  if (unknown.length > newer || (newer > 0 && missing.length > 0)) {
    throw new ConfigError([
      `the schema "${schema}" was made by another version of dundie: it has ${unknown.length} migrations that this ` +
        "version does not know. Run that version, or set DATABASE_SCHEMA to a schema of its own",
    ]);
  }
  return { missing, applied, newer };
}

async function applyMissing(tx: SqlTransaction, schema: string): Promise<void> {
  await tx`select pg_advisory_xact_lock(${MIGRATION_LOCK}, hashtext(${schema}))`;
  const [found] = await tx`select 1 from pg_namespace where nspname = ${schema}`;
  if (!found) await tx`create schema ${tx(schema)}`;
  // Another process may have been at work while this one waited for the lock.
  const { missing } = await readJournal(tx, schema);
  await tx`
    create table if not exists schema_migration (
      hash text primary key,
      made_at timestamptz not null,
      applied_at timestamptz not null default now()
    )`;
  await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`;
  for (const { sql: statements, hash, folderMillis } of missing) {
    for (const statement of statements) await tx.unsafe(statement);
    await tx`insert into schema_migration (hash, made_at) values (${hash}, ${new Date(folderMillis)})`;
  }
}

const nameOf = (value: unknown): string[] => (is(value, PgTable) ? [getTableName(value)] : []);
