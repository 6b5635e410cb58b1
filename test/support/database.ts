/**
 * A real, migrated PostgreSQL database for a test file: a copy of a template, which is migrated once.
 *
 * The cluster is this run's own, so concurrent runs cannot clash; `TEST_DATABASE_URL` names a server to use instead,
 * where the template (`dundie_template_…`) stays for the next run.
 */
import { chmod, mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openSql, type Sql } from "../../src/db/client.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { findHome } from "../../src/db/embedded-place.ts";
import { migrate, migrationsFolder } from "../../src/db/migrate.ts";

export interface TestDatabase {
  readonly url: string;
  /** Disconnects whoever is still connected. */
  drop(): Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const server = await (shared ??= openServer());
  return createDatabase(server, server.template);
}

/** For tests of the migrations themselves. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase(await (shared ??= openServer()), "template1");
}

/** A directory for an embedded cluster, which root's server user can reach. */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = join(tmpdir(), `dundie-test-${crypto.randomUUID()}`);
  await mkdir(path);
  await chmod(path, 0o711);
  return {
    path,
    async remove() {
      // The cluster may lie elsewhere: see db/embedded-place.ts.
      for (const directory of [await findHome(path), path]) {
        if (directory !== null) await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

interface TestServer {
  readonly url: string;
  /** One connection: statements about databases queue here, and the advisory lock has its session. */
  readonly admin: Sql;
  readonly template: string;
}

let shared: Promise<TestServer> | undefined;

async function openServer(): Promise<TestServer> {
  const url = process.env["TEST_DATABASE_URL"] || (await startCluster());
  const admin = openSql(url, { max: 1, name: "dundie test admin" });
  return { url, admin, template: await makeTemplate(url, admin) };
}

async function startCluster(): Promise<string> {
  const { path } = await temporaryDirectory();
  const { pid, url } = await startEmbedded(path);
  stopWithThisProcess(pid, [(await findHome(path)) ?? path, path]);
  return url;
}

/**
 * However this run ends, by the last test or by `kill -9`, its end of the pipe closes: then the server is stopped
 * without ceremony and the directory removed. An exit handler would run in one of the two cases only.
 */
function stopWithThisProcess(pid: number, directories: string[]): void {
  const script = `
    cat >/dev/null
    kill -QUIT "$0"
    while [ -e "$1/data/postmaster.pid" ] && kill -0 "$0"; do sleep 0.05; done
    rm -rf "$@"`;
  Bun.spawn(["sh", "-c", script, String(pid), ...directories], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    cwd: "/",
    // Ctrl-C ends the run, and must not end what cleans up after it.
    detached: true,
  }).unref();
}

async function createDatabase({ url, admin }: TestServer, template: string): Promise<TestDatabase> {
  const name = `dundie_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin`create database ${admin(name)} template ${admin(template)}`;
  return {
    url: databaseUrl(url, name),
    async drop() {
      await admin`drop database if exists ${admin(name)} with (force)`;
    },
  };
}

/** Named by the migrations it holds; under another name until it is whole. */
async function makeTemplate(url: string, admin: Sql): Promise<string> {
  const hashes = readMigrationFiles({ migrationsFolder }).map((migration) => migration.hash);
  const name = `dundie_template_${new Bun.CryptoHasher("sha256").update(hashes.join()).digest("hex").slice(0, 12)}`;
  const lock = "hashtext('dundie test template')";
  await admin.unsafe(`select pg_advisory_lock(${lock})`);
  try {
    const [found] = await admin`select 1 from pg_database where datname = ${name}`;
    if (found) return name;
    const draft = `${name}_making`;
    await admin`drop database if exists ${admin(draft)} with (force)`;
    await admin`create database ${admin(draft)}`;
    await migrate(databaseUrl(url, draft));
    await admin`alter database ${admin(draft)} rename to ${admin(name)}`;
    return name;
  } finally {
    await admin.unsafe(`select pg_advisory_unlock(${lock})`);
  }
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
