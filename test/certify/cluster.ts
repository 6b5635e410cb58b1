/** A PostgreSQL cluster of the certifier's own, as durable as PostgreSQL makes them, which can be crashed. */
import { join } from "node:path";
import { openSql, type Sql } from "../../src/db/client.ts";
import { findBinaries } from "../../src/db/embedded-binaries.ts";
import { makePlace } from "../../src/db/embedded-place.ts";
import { spawnAs } from "../../src/db/embedded-server.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { temporaryDirectory } from "../support/database.ts";

export interface Cluster {
  /** Where its files are, those of the WAL included. */
  readonly dataDir: string;
  /** A migrated database; every scenario has one of its own. */
  createDatabase(): Promise<string>;
  /** `fast` rolls back and disconnects everybody; `immediate` is a crash: the next start recovers from the WAL. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** Of the settings that durability stands on. */
  settings(): Promise<Record<string, string>>;
  remove(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const directory = await temporaryDirectory();
  const { url } = await startEmbedded(directory.path);
  const place = await makePlace(directory.path);
  const administer = async <T>(task: (sql: Sql) => Promise<T>): Promise<T> => {
    const sql = openSql(url, { max: 1, name: "certifier" });
    try {
      return await task(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  return {
    dataDir: join(place.home, "data"),
    async createDatabase() {
      const name = `certify_${crypto.randomUUID().replaceAll("-", "")}`;
      await administer((sql) => sql`create database ${sql(name)}`);
      const database = new URL(url);
      database.pathname = `/${name}`;
      await migrate(database.href);
      return database.href;
    },
    async restart(mode) {
      // It reads the port and all other settings of the running server from `postmaster.opts`.
      const command = ["restart", "--pgdata", join(place.home, "data"), "--mode", mode, "--wait", "--silent"];
      const restarting = await spawnAs(place.user, [join(await findBinaries(place), "pg_ctl"), ...command], place.home);
      if ((await restarting.exited) !== 0) throw new Error(`pg_ctl restart --mode ${mode} failed.`);
    },
    settings: () =>
      administer(async (sql) => {
        const rows = await sql<{ name: string; setting: string }[]>`
          select name, setting from pg_settings
          where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes') order by name`;
        return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
      }),
    // Not by the owner's `stop`, which knows only the server it started: a restarted one has another pid.
    remove: directory.remove,
  };
}
