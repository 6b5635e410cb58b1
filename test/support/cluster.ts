/** A PostgreSQL cluster with its default durability, which can be crashed. */
import { join } from "node:path";
import postgres from "postgres";
import { findBinaries } from "../../src/db/embedded-binaries.ts";
import { makePlace } from "../../src/db/embedded-place.ts";
import { spawnAs } from "../../src/db/embedded-server.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { migrate as migrateThisCheckout } from "../../src/db/migrate.ts";
import { temporaryDirectory } from "./database.ts";

export interface Cluster extends AsyncDisposable {
  /** Where its files are, those of the WAL included. */
  readonly dataDir: string;
  /**
   * Makes a migrated database; every scenario has one of its own.
   * @param migrate brings the first database of this cluster to the schema; the others are copies of it.
   * @default migrate with this checkout's migrations
   */
  createDatabase(migrate?: (url: string) => Promise<void>): Promise<string>;
  /** Runs statements in another database than those of scenarios, as a superuser. */
  administer<T>(task: (sql: postgres.Sql) => Promise<T>): Promise<T>;
  /** `fast` rolls back and ends all connections; `immediate` is a crash: the next start recovers from the WAL. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  /** The settings that durability depends on. */
  settings(): Promise<Record<string, string>>;
  remove(): Promise<void>;
}

export async function startCluster(): Promise<Cluster> {
  const directory = await temporaryDirectory();
  const { url } = await startEmbedded(directory.path);
  const place = await makePlace(directory.path);
  let template: Promise<string> | undefined;
  const administer = async <T>(task: (sql: postgres.Sql) => Promise<T>): Promise<T> => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    try {
      return await task(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  const urlOf = (name: string): string => {
    const database = new URL(url);
    database.pathname = `/${name}`;
    return database.href;
  };
  const makeTemplate = async (migrate: (url: string) => Promise<void>): Promise<string> => {
    await administer((sql) => sql`create database certify_template`);
    await migrate(urlOf("certify_template"));
    return "certify_template";
  };
  return {
    dataDir: join(place.home, "data"),
    administer,
    async createDatabase(migrate = migrateThisCheckout) {
      const source = await (template ??= makeTemplate(migrate));
      const name = `certify_${crypto.randomUUID().replaceAll("-", "")}`;
      await administer((sql) => sql`create database ${sql(name)} template ${sql(source)}`);
      return urlOf(name);
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
    // Not by the owner's `stop`, which knows only the server that it started: after a restart the server has another pid.
    remove: directory.remove,
    [Symbol.asyncDispose]: directory.remove,
  };
}
