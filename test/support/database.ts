/**
 * A real, migrated PostgreSQL database for a test file: a copy of a template, which is migrated once.
 *
 * The cluster is this run's own, so concurrent runs cannot clash; `TEST_DATABASE_URL` names a server to use instead,
 * where the templates (`dundie_template_…`, `dundie_staffed_…`) stay for the next run.
 */
import { chmod, mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";
import { seedDemoStaff } from "../../src/accounts/seed.ts";
import { openSql, type Sql } from "../../src/db/client.ts";
import { startEmbedded } from "../../src/db/embedded.ts";
import { migrate, migrationsFolder } from "../../src/db/migrate.ts";
import { PASSWORD } from "./client.ts";
import { openDeps } from "./dependencies.ts";
import { testConfig } from "./settings.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** Ends the connections that are still open. */
  readonly drop: () => Promise<void>;
}

export async function testDatabase(): Promise<TestDatabase> {
  const server = await (shared ??= openServer());
  return createDatabase(server, await server.migrated);
}

/** As {@link testDatabase}, with the demo staff of `src/accounts/seed.ts`. */
export async function staffedDatabase(): Promise<TestDatabase> {
  const server = await (shared ??= openServer());
  return createDatabase(server, await (server.staffed ??= makeStaffedTemplate(server)));
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
  /** The template with the tables. */
  readonly migrated: Promise<string>;
  /** The template with the demo staff; made when it is first needed. */
  staffed?: Promise<string>;
}

let shared: Promise<TestServer> | undefined;

async function openServer(): Promise<TestServer> {
  const given = process.env["TEST_DATABASE_URL"];
  const url = given || (await startEmbedded((await temporaryDirectory()).path)).url;
  const admin = openSql(url, { max: 1, name: "dundie test admin" });
  if (!given) {
    // Nothing in this cluster outlives the run, and waiting for the disk would take a quarter of it.
    await admin`alter system set fsync = off`;
    await admin`select pg_reload_conf()`;
  }
  const hashes = readMigrationFiles({ migrationsFolder }).map((migration) => migration.hash);
  return { url, admin, migrated: makeTemplate({ url, admin }, "template", hashes, migrate) };
}

/** The names of both templates tell what is in them: the migrations, and the source of the staff. */
async function makeStaffedTemplate(server: TestServer): Promise<string> {
  const source = await Bun.file(new URL("../../src/accounts/seed.ts", import.meta.url)).text();
  const migrated = await server.migrated;
  return await makeTemplate(
    server,
    "staffed",
    [migrated, source],
    async (url) => {
      const config = testConfig({ DATABASE_URL: url, SMTP_URL: "smtp://127.0.0.1:1" });
      await using opened = await openDeps(config, url);
      await seedDemoStaff(opened.deps, PASSWORD);
    },
    migrated,
  );
}

async function createDatabase({ url, admin }: TestServer, template: string): Promise<TestDatabase> {
  const name = `dundie_test_${crypto.randomUUID().replaceAll("-", "")}`;
  await admin`create database ${admin(name)} template ${admin(template)}`;
  const drop = async (): Promise<void> => void (await admin`drop database if exists ${admin(name)} with (force)`);
  return { url: databaseUrl(url, name), drop, [Symbol.asyncDispose]: drop };
}

/**
 * Makes a template unless there is one with this content; it has another name until it is complete.
 * @param content what the name is made from.
 * @param fill is given the URL of a copy of `source`.
 */
async function makeTemplate(
  { url, admin }: Pick<TestServer, "url" | "admin">,
  kind: string,
  content: readonly string[],
  fill: (url: string) => Promise<void>,
  source = "template1",
): Promise<string> {
  const name = `dundie_${kind}_${new Bun.CryptoHasher("sha256").update(content.join()).digest("hex").slice(0, 12)}`;
  const lock = "hashtext('dundie test template')";
  await admin.unsafe(`select pg_advisory_lock(${lock})`);
  try {
    const [found] = await admin`select 1 from pg_database where datname = ${name}`;
    if (found) return name;
    const draft = `${name}_making`;
    await admin`drop database if exists ${admin(draft)} with (force)`;
    await admin`create database ${admin(draft)} template ${admin(source)}`;
    await fill(databaseUrl(url, draft));
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
