import { fileURLToPath } from "node:url";
import { drizzle } from "drizzle-orm/postgres-js";
import { migrate as applyMigrations } from "drizzle-orm/postgres-js/migrator";
import { openSql } from "./client.ts";

export const migrationsFolder = fileURLToPath(new URL("../../drizzle", import.meta.url));

/** Any number that nothing else in this database locks. */
const MIGRATION_LOCK = 0x64756e64;

/**
 * Brings the database to this version's schema; nothing to do is the common case and costs a few queries.
 * Drizzle's migrator is not safe for processes that start at once, so they queue on an advisory lock. It belongs to
 * the session: with one connection it covers the whole run, and a process that dies lets go of it.
 */
export async function migrate(url: string): Promise<void> {
  const client = openSql(url, { max: 1, name: "dundie migrate" });
  try {
    await client`select pg_advisory_lock(${MIGRATION_LOCK})`;
    await applyMigrations(drizzle(client), { migrationsFolder });
  } finally {
    await client.end();
  }
}
