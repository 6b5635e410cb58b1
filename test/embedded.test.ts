import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSql, type Sql } from "../src/db/client.ts";
import { connectEmbedded, type EmbeddedPostgres, startEmbedded } from "../src/db/embedded.ts";
import { findHome } from "../src/db/embedded-place.ts";
import { isPostmaster, stopServer } from "../src/db/embedded-server.ts";
import { ConfigError } from "../src/errors.ts";
import { type TemporaryDirectory, temporaryDirectory } from "./support/database.ts";

const isRoot = process.getuid?.() === 0;
if (!isRoot) console.warn("embedded.test.ts: not run as root, so what root's server does is NOT tested");

/** One cluster that the tests start and stop in turn, because making one takes most of a second. */
let shared: TemporaryDirectory;
let dataDir: string;
/** Undone in reverse order, also when a test fails half-way. */
let cleanups: (() => Promise<unknown>)[];

beforeAll(async () => {
  shared = await temporaryDirectory();
});

beforeEach(() => {
  dataDir = shared.path;
  cleanups = [];
});

afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
});

afterAll(() => shared.remove());

test("the first start makes a cluster, and the data is there after a stop and a start", async () => {
  const first = await start();
  expect(first.started).toBe(true);
  await keepNote(first.url, "kept");
  await first.stop();
  expect(await serverRuns(first.pid)).toBe(false);

  const second = await start();
  expect(second.started).toBe(true);
  expect(await readNote(second.url)).toBe("kept");
});

test("the cluster is UTF-8, on loopback only, asks for the password, and keeps what it committed", async () => {
  const { url } = await start();
  const settings = await query(
    url,
    (sql) => sql`
    select name, setting from pg_settings where name in
      ('server_encoding', 'listen_addresses', 'unix_socket_directories', 'fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  expect(Object.fromEntries(settings.map((row) => [row["name"], row["setting"]]))).toEqual({
    server_encoding: "UTF8",
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
  });
  const stranger = new URL(url);
  stranger.password = "guess";
  expect(await failureOf(query(stranger.href, (sql) => sql`select 1`))).toContain("password authentication failed");
});

test("the server of an owner that was killed is adopted, with its data, and stopped by the one who adopted it", async () => {
  const owner = await spawnOwner();
  await keepNote(owner.url, "committed before the kill");
  await owner.kill();
  expect(await serverRuns(owner.serverPid)).toBe(true);

  const adopted = await start();
  expect(adopted.started).toBe(false);
  expect(adopted.pid).toBe(owner.serverPid);
  expect(await readNote(adopted.url)).toBe("committed before the kill");
  await adopted.stop();
  expect(await serverRuns(owner.serverPid)).toBe(false);
});

test("a cluster whose owner and server were both killed recovers", async () => {
  const owner = await spawnOwner();
  await keepNote(owner.url, "committed before the kill");
  await owner.kill();
  process.kill(owner.serverPid, "SIGKILL");

  const recovered = await start();
  expect(recovered.started).toBe(true);
  expect(await readNote(recovered.url)).toBe("committed before the kill");
});

test("a second owner is refused by the pid of the first, until that one is killed", async () => {
  const owner = await spawnOwner();
  expect(await failureOf(start())).toContain(`in use by the process with pid ${owner.pid}:`);
  expect(await query(owner.url, (sql) => sql`select 1 as one`)).toHaveLength(1);

  await owner.kill();
  expect((await start()).started).toBe(false);
});

test("of five that start at once on an empty directory one makes the cluster and four are refused", async () => {
  await useEmptyDirectory();
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => start()));
  expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(ConfigError);
  }
});

test("who only connects finds the server while it runs, and is told so when none does", async () => {
  expect(await failureOf(connectEmbedded(dataDir))).toContain("no embedded PostgreSQL runs");
  const embedded = await start();
  expect(await connectEmbedded(dataDir)).toBe(embedded.url);
  await embedded.stop();
  expect(await failureOf(connectEmbedded(dataDir))).toContain("no embedded PostgreSQL runs");
});

test("a Ctrl-C that reaches the whole process group leaves the server to its owner", async () => {
  const owner = await spawnOwner();
  process.kill(-owner.pid, "SIGINT");
  await Bun.sleep(200);
  expect(await query(owner.url, (sql) => sql`select 1 as one`)).toHaveLength(1);
});

test("a cluster that was left half-made is made again", async () => {
  await useEmptyDirectory();
  const draft = join(dataDir, "postgres", "data.making-1");
  await mkdir(draft, { recursive: true });
  await writeFile(join(draft, "PG_VERSION"), "18\n");
  await start();
  expect(await readdir(join(dataDir, "postgres"))).not.toContain("data.making-1");
});

test("a pid file that names a stranger, as after a restart of the machine, does not stop the start", async () => {
  await (await start()).stop();
  const data = join(dataDir, "postgres", "data");
  const { uid, gid } = await stat(data);
  const stranger = Bun.spawn(["sleep", "60"], { uid, gid });
  cleanups.push(async () => stranger.kill());
  await writeFile(join(data, "postmaster.pid"), `${stranger.pid}\n${data}\n0\n1\n\n127.0.0.1\n0 0\nready\n`);

  expect((await start()).started).toBe(true);
  expect(stranger.exitCode).toBeNull();
});

test.skipIf(!isRoot)("root's server runs as somebody else", async () => {
  await start();
  // PostgreSQL starts for the owner of its data directory only.
  expect((await stat(join(dataDir, "postgres", "data"))).uid).not.toBe(0);
});

test.skipIf(!isRoot)("root's cluster lies elsewhere when its server cannot reach the data directory", async () => {
  await useEmptyDirectory();
  await chmod(dataDir, 0o700);
  const first = await start();
  expect(await home()).not.toStartWith(dataDir);
  await keepNote(first.url, "kept elsewhere");
  await first.stop();
  expect(await readNote((await start()).url)).toBe("kept elsewhere");
});

async function useEmptyDirectory(): Promise<void> {
  const { path, remove } = await temporaryDirectory();
  dataDir = path;
  cleanups.push(remove);
}

async function start(): Promise<EmbeddedPostgres> {
  const embedded = await startEmbedded(dataDir);
  cleanups.push(() => embedded.stop());
  return embedded;
}

/** Another process that starts the server; in a process group of its own, as a terminal would have it. */
async function spawnOwner() {
  const owner = Bun.spawn([process.execPath, join(import.meta.dir, "support", "embedded-owner.ts"), dataDir], {
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  const kill = async (): Promise<void> => {
    owner.kill("SIGKILL");
    await owner.exited;
  };
  cleanups.push(kill);
  const { value } = await owner.stdout.getReader().read();
  const { url, pid } = JSON.parse(new TextDecoder().decode(value)) as { url: string; pid: number };
  cleanups.push(async () => stopServer(await home(), pid));
  return { url, serverPid: pid, pid: owner.pid, kill };
}

const serverRuns = async (pid: number): Promise<boolean> => isPostmaster(pid, await home());

async function home(): Promise<string> {
  const found = await findHome(dataDir);
  if (found === null) throw new Error(`${dataDir} has no cluster`);
  return found;
}

async function query<T>(url: string, run: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openSql(url, { max: 1, name: "test", schema: "public" });
  try {
    return await run(sql);
  } finally {
    await sql.end();
  }
}

const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (error: unknown) => String(error),
  );

const keepNote = (url: string, text: string): Promise<unknown> =>
  query(url, (sql) =>
    sql.begin((tx) => [
      tx`drop table if exists note`,
      tx`create table note (text text)`,
      tx`insert into note values (${text})`,
    ]),
  );

const readNote = async (url: string): Promise<unknown> =>
  (await query(url, (sql) => sql`select text from note`))[0]?.["text"];
