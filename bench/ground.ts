/** What every figure stands on: one PostgreSQL cluster, one SMTP sink, one generator, and a place for logs. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSql, type Sql } from "../src/db/client.ts";
import { startCluster } from "../test/support/cluster.ts";
import { startDundie, type Dundie } from "../test/support/process.ts";
import { startScript, type Child } from "./children.ts";
import type { Load, LoadReport } from "./generator.ts";
import type { Plan } from "./plan.ts";
import type { SinkOrder, SinkReport } from "./sink.ts";
import { loadByWrk, wrk } from "./wrk.ts";
import { SETTINGS } from "../test/support/settings.ts";

export interface Ground {
  readonly plan: Plan;
  readonly sink: Sink;
  /** The process of the PostgreSQL server. */
  readonly postmaster: number;
  readonly settings: Readonly<Record<string, string>>;
  /** A new database: migrated to dundie's schema, or empty for a peer to fill. */
  createDatabase(schema: "dundie" | "empty"): Promise<BenchDatabase>;
  /** With its log in a file, as `info` has it. */
  startDundie(command: "serve" | "worker", database: BenchDatabase, options?: DundieOptions): Promise<Dundie>;
  load(load: Load): Promise<LoadReport>;
  close(): Promise<void>;
}

export interface BenchDatabase {
  readonly url: string;
  readonly sql: Sql;
  /** Closes `sql` and forgets everything. */
  drop(): Promise<void>;
}

export interface DundieOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Another entry than `src/cli.ts`. */
  readonly entry?: string;
}

export interface Sink {
  readonly port: number;
  readonly pid: number;
  reset(options?: { readonly delayMs?: number; readonly trace?: boolean }): Promise<void>;
  report(): Promise<SinkReport>;
  /** Resolves with the report when so many emails have come. @throws {Error} when they do not come in time. */
  until(count: number, seconds: number): Promise<SinkReport>;
}

export async function openGround(plan: Plan): Promise<Ground> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-bench-"));
  directories.add(directory);
  const cluster = await startCluster();
  const postmaster = Number((await readFile(join(cluster.dataDir, "postmaster.pid"), "utf8")).split("\n")[0]);
  const sink = await startSink();
  const { child: generator } = await startScript("./generator.ts", { NODE_ENV: "production" });
  const first = await cluster.createDatabase();
  const admin = openSql(first, { max: 1, name: "bench admin" });
  let databases = 0;
  let logs = 0;

  return {
    plan,
    sink,
    postmaster,
    settings: await durability(first),
    async createDatabase(schema) {
      if (schema === "dundie") return openDatabase(await cluster.createDatabase(), admin);
      const url = new URL(first);
      url.pathname = `/bench_${(databases += 1)}`;
      await admin`create database ${admin(url.pathname.slice(1))}`;
      // The tables of the peers are in the schema that PostgreSQL has by default.
      return openDatabase(url.href, admin, "public");
    },
    startDundie: (command, database, { environment = {}, entry } = {}) =>
      startDundie({
        command,
        logFile: join(directory, `${(logs += 1)}.log`),
        environment: {
          ...SETTINGS,
          NODE_ENV: "production",
          DATABASE_URL: database.url,
          SMTP_URL: `smtp://127.0.0.1:${sink.port}`,
          LOG_LEVEL: "info",
          ...environment,
        },
        ...(entry ? { entry } : {}),
      }),
    async load(load) {
      const { end } = load;
      return wrk && "seconds" in end ? await loadByWrk(wrk, { ...load, end }) : await generator.ask<LoadReport>(load);
    },
    async close() {
      await admin.end({ timeout: 1 });
      await Promise.all([generator.stop(), sink.stop()]);
      await cluster.remove();
      rmSync(directory, { recursive: true, force: true });
      directories.delete(directory);
    },
  };
}

/** Kills the process, and waits until it is gone. */
export async function kill(dundie: Dundie): Promise<void> {
  dundie.signal("SIGKILL");
  await dundie.exited;
}

const DURABLE = ["fsync", "full_page_writes", "synchronous_commit"] as const;

/**
 * Of the server (what a session begins with: file, command line, role and database), and of a session that is opened
 * as the product opens its own; the peers use the same role and set nothing.
 * @throws {Error} when one of them is not `on`: no figure would mean anything.
 */
async function durability(url: string): Promise<Record<string, string>> {
  const sql = openSql(url, { max: 1, name: "bench" });
  try {
    const rows = await sql<{ name: string; setting: string; reset: string }[]>`
      select name, setting, reset_val as reset from pg_settings where name = any(${[...DURABLE]}) order by name`;
    for (const { name, setting, reset } of rows) {
      if (setting !== "on" || reset !== "on") throw new Error(`${name} is ${reset} (${setting} in the session).`);
    }
    if (rows.length !== DURABLE.length) throw new Error("The server does not say how durable it is.");
    const [server] = await sql<{ version: string }[]>`select current_setting('server_version') as version`;
    return {
      server_version: server?.version ?? "unknown",
      ...Object.fromEntries(rows.map(({ name, setting, reset }) => [name, `${reset} (session: ${setting})`])),
    };
  } finally {
    await sql.end();
  }
}

function openDatabase(url: string, admin: Sql, schema?: string): BenchDatabase {
  const sql = openSql(url, { max: 2, name: "bench", ...(schema ? { schema } : {}) });
  return {
    url,
    sql,
    async drop() {
      await sql.end({ timeout: 1 });
      await admin`drop database ${admin(new URL(url).pathname.slice(1))} with (force)`;
    },
  };
}

async function startSink(): Promise<Sink & Pick<Child, "stop">> {
  const { child, ready } = await startScript("./sink.ts");
  const { port } = ready as { port: number };
  const order = <T>(message: SinkOrder): Promise<T> => child.ask<T>(message);
  const report = (): Promise<SinkReport> => order({ order: "report" });
  return {
    port,
    pid: child.pid,
    stop: () => child.stop(),
    report,
    reset: ({ delayMs = 0, trace = false } = {}) => order({ order: "reset", delayMs, trace }),
    async until(count, seconds) {
      const deadline = performance.now() + seconds * 1_000;
      for (;;) {
        const seen = await report();
        if (seen.count >= count) return seen;
        if (performance.now() > deadline) throw new Error(`Only ${seen.count} of ${count} emails in ${seconds} s.`);
        await Bun.sleep(50);
      }
    },
  };
}

const directories = new Set<string>();
process.on("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
});
