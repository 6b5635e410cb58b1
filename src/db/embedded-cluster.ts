/** The cluster and the database of the embedded PostgreSQL, each made once. */
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConfigError } from "../errors.ts";
import { openSql, type Sql } from "./client.ts";
import type { Place } from "./embedded-place.ts";
import { lastWords, spawnAs } from "./embedded-server.ts";

const SUPERUSER = "dundie";
const DATABASE = "dundie";
const DRAFT_PREFIX = "data.making-";

/**
 * Under another name until it is whole; what was killed half-way is thrown away. A fresh name each time, because the
 * initdb of a killed owner may still be at work, and removes by name what it has made when it fails.
 * @throws the reason of `signal`, when it is aborted.
 */
export async function makeCluster({ home, user }: Place, binaries: string, signal?: AbortSignal): Promise<void> {
  for (const name of await readdir(home)) {
    if (name.startsWith(DRAFT_PREFIX))
      await rm(join(home, name), { recursive: true, force: true }).catch(() => undefined);
  }
  const cluster = join(home, "data");
  if (await stat(cluster).catch(() => null)) return;
  const draft = join(home, `${DRAFT_PREFIX}${crypto.randomUUID()}`);
  const passwordFile = join(home, "password");
  await rm(passwordFile, { force: true });
  await mkdir(draft, { mode: 0o700 });
  const password = crypto.getRandomValues(new Uint8Array(32)).toHex();
  await writeFile(passwordFile, password, { mode: 0o600, flag: "wx", flush: true });
  if (user) {
    // initdb reads the password as the server's user, who can read the whole cluster anyway.
    for (const path of [draft, passwordFile]) await chown(path, user.uid, user.gid);
  }
  const initdb = await spawnAs(
    user,
    [
      join(binaries, "initdb"),
      `--pgdata=${draft}`,
      `--username=${SUPERUSER}`,
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      // Without it an empty environment makes a SQL_ASCII cluster, which takes any bytes for text.
      "--encoding=UTF8",
      // The same order and the same upper and lower case on every machine, independent of its C library.
      "--locale=C",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-instructions",
    ],
    home,
  );
  // initdb is killed with its children, by its process group: asked to end, it would first finish its current step.
  const interrupt = (): void => {
    if (initdb.exitCode === null) process.kill(-initdb.pid, "SIGKILL");
  };
  signal?.addEventListener("abort", interrupt);
  if (signal?.aborted) interrupt();
  const exitCode = await initdb.exited;
  signal?.removeEventListener("abort", interrupt);
  if (signal?.aborted) {
    await rm(draft, { recursive: true, force: true }).catch(() => undefined);
    throw signal.reason;
  }
  if (exitCode !== 0) {
    throw new ConfigError([`initdb failed (a DATABASE_URL would do without it):\n${await lastWords(home)}`]);
  }
  await rename(draft, cluster);
  // The rename must be durable: a power cut must not bring the draft's name back, nor lose the password.
  const directory = await open(home);
  await directory.sync();
  await directory.close();
}

export async function makeDatabase(home: string, port: number): Promise<void> {
  await withMaintenance(home, port, async (client) => {
    const [found] = await client`select 1 from pg_database where datname = ${DATABASE}`;
    if (!found) await client`create database ${client(DATABASE)}`;
  });
}

/** Resolves when the server on `port` takes this cluster's password and a query: it is ours, and up. */
export async function probe(home: string, port: number): Promise<void> {
  await withMaintenance(home, port, (client) => client`select 1`);
}

export async function urlOf(home: string, port: number, database: string = DATABASE): Promise<string> {
  const password = await readFile(join(home, "password"), "utf8");
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}

async function withMaintenance(home: string, port: number, use: (client: Sql) => Promise<unknown>): Promise<void> {
  const client = openSql(await urlOf(home, port, "postgres"), { max: 1, name: "dundie embedded" });
  try {
    await use(client);
  } finally {
    await client.end({ timeout: 1 });
  }
}
