/**
 * A real, migrated PostgreSQL database for a test file: a copy of a template, which is migrated once.
 *
 * The cluster is this run's own, so concurrent runs cannot clash; `TEST_DATABASE_URL` names a server to use instead,
 * where the template (`dundie_template_…`) stays for the next run.
 */
import { chmod, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { openSql, type Sql } from "../../src/db/client.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { migrate, migrationsFolder } from "../../src/db/migrate.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Ends the connections that are still open. */
  readonly drop: () => Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const server = await (shared ??= openServer());
  return createDatabase(server, server.template);
}

/** For tests of the migrations themselves. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return createDatabase(await (shared ??= openServer()), "template0");
}

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/**
 * A directory for an embedded cluster, which root's server user can reach.
 *
 * However this run ends, by its last test or by `kill -9`, its end of a pipe closes: then a shell stops the server that
 * is left, without ceremony, and removes everything. An exit handler would run in the first case only.
 */
export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = join(tmpdir(), `dundie-test-${crypto.randomUUID()}`);
  await mkdir(path);
  await chmod(path, 0o711);
  // The cluster may lie elsewhere, see db/embedded-place.ts: the shell follows the link.
  const script = `
    cat >/dev/null
    home=$(cd "$0/postgres" && pwd -P)
    pid=$(head -n 1 "$home/data/postmaster.pid") && kill -QUIT "$pid"
    while [ -e "$home/data/postmaster.pid" ] && kill -0 "$pid"; do sleep 0.05; done
    rm -rf "$home" "$0"`;
  const janitor = Bun.spawn(["sh", "-c", script, path], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    cwd: "/",
    // Ctrl-C ends the run, and must not end what cleans up after it.
    detached: true,
  });
  janitor.unref();
  janitors.add(janitor);
  const remove = async (): Promise<void> => {
    await janitor.stdin.end();
    await janitor.exited;
    janitors.delete(janitor);
  };
  return { path, remove, [Symbol.asyncDispose]: remove };
}

/** Garbage collection of one would close its pipe. */
const janitors = new Set<Bun.Subprocess>();

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
  return (await startEmbedded(path)).url;
}

async function createDatabase({ url, admin }: TestServer, template: string): Promise<TestDatabase> {
  const name = `dundie_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin`create database ${admin(name)} template ${admin(template)}`;
  const drop = async (): Promise<void> => void (await admin`drop database if exists ${admin(name)} with (force)`);
  return { url: databaseUrl(url, name), drop, [Symbol.asyncDispose]: drop };
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
