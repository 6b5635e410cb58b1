/** PostgreSQL servers of any installed version, configured as a test needs them. */
import { appendFile, chown, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSql, type Sql } from "../../src/db/client.ts";
import { findBinaries } from "../../src/db/embedded-binaries.ts";
import { makePlace, type ServerUser } from "../../src/db/embedded-place.ts";
import type { Certificate } from "../support/certificates.ts";
import { temporaryDirectory } from "../support/database.ts";
import { freePort } from "../support/ports.ts";
import { until } from "../support/waiting.ts";

/** Where Debian's packages `postgresql-<major>` put their programs. */
const DEBIAN = "/usr/lib/postgresql";

export interface ServerOptions {
  /** The directory of `initdb` and `postgres`. @default those that come with dundie */
  readonly binaries?: string;
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** With TLS, and this certificate. */
  readonly certificate?: Certificate;
}

export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** The directory of its socket. */
  readonly socketDirectory: string;
  readonly directory: string;
  readonly user: ServerUser | null;
  /** Of the superuser `postgres`, on a new database. @param create the rest of `create database <name>`. */
  newDatabase(create?: string): Promise<URL>;
  /** Runs statements as the superuser. @param database @default postgres */
  administer<T>(task: (sql: Sql) => Promise<T>, database?: string): Promise<T>;
  /** `fast` rolls back and disconnects everybody; `immediate` is a crash. */
  restart(mode: "fast" | "immediate"): Promise<void>;
  stop(): Promise<void>;
  /** A hot standby of this server, on a port of its own. `promote` makes it a server that takes writes. */
  startStandby(): Promise<Standby>;
}

export interface Standby extends AsyncDisposable {
  readonly port: number;
  /** Resolves when it has all that the primary has committed by now. */
  caughtUp(): Promise<void>;
  /** It takes writes from then on. */
  promote(): Promise<void>;
}

/** Major versions of PostgreSQL that Debian's packages have installed here, oldest first. */
export async function debianVersions(): Promise<string[]> {
  const versions = await readdir(DEBIAN).catch(() => []);
  return versions.filter((version) => Number(version) >= 15).toSorted((a, b) => Number(a) - Number(b));
}

export const debianBinaries = (version: string): string => join(DEBIAN, version, "bin");

const PASSWORD = "a password of the tests";

export async function startPostgres({
  binaries,
  settings = [],
  certificate,
}: ServerOptions = {}): Promise<PostgresServer> {
  const directory = await temporaryDirectory();
  // Where the cleanup of a temporary directory looks for a server that is left.
  const place = await makePlace(directory.path);
  const { home, user } = place;
  const programs = binaries ?? (await findBinaries(place));
  const data = join(home, "data");
  const port = freePort();
  const own = async (path: string): Promise<void> => {
    if (user) await chown(path, user.uid, user.gid);
  };
  const run = async (program: string, args: string[]): Promise<void> => {
    const child = Bun.spawn([join(programs, program), ...args], {
      ...user,
      cwd: "/",
      stdout: "ignore",
      stderr: "pipe",
    });
    const [words, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${words}`);
  };

  await mkdir(data, { mode: 0o700 });
  await own(data);
  const passwordFile = join(home, "password");
  await writeFile(passwordFile, PASSWORD, { mode: 0o600 });
  await own(passwordFile);
  const socketDirectory = join(home, "s");
  await mkdir(socketDirectory);
  await own(socketDirectory);
  await run("initdb", [
    ...["--pgdata", data, "--username", "postgres", "--pwfile", passwordFile, "--auth", "scram-sha-256"],
    ...["--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"],
  ]);
  const base = [
    `port = ${port}`,
    "listen_addresses = '127.0.0.1'",
    `unix_socket_directories = '${socketDirectory}'`,
    "max_connections = 60",
    "shared_buffers = 32MB",
  ];
  if (certificate) {
    base.push("ssl = on");
    for (const [name, content] of [
      ["server.crt", certificate.cert],
      ["server.key", certificate.key],
    ] as const) {
      await writeFile(join(data, name), content, { mode: 0o600 });
      await own(join(data, name));
    }
  }
  await appendFile(join(data, "postgresql.conf"), [...base, ...settings, ""].join("\n"));
  // pg_ctl leaves the server in a session of its own, so that Ctrl-C does not reach it before the test has ended.
  await run("pg_ctl", ["start", "--pgdata", data, "--wait", "--silent", "--log", join(data, "server.log")]);

  const urlOf = (database: string): URL =>
    new URL(`postgres://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${database}`);
  const administer: PostgresServer["administer"] = async (task, database = "postgres") => {
    const sql = openSql(urlOf(database).href, { max: 1, name: "test admin", schema: "public", acceptReadOnly: true });
    try {
      return await task(sql);
    } finally {
      await sql.end({ timeout: 1 });
    }
  };
  let databases = 0;
  return {
    port,
    socketDirectory,
    directory: home,
    user,
    administer,
    async newDatabase(create = "") {
      databases += 1;
      const name = `app${databases}`;
      await administer((sql) => sql.unsafe(`create database ${name} ${create}`));
      return urlOf(name);
    },
    restart: (mode) => run("pg_ctl", ["restart", "--pgdata", data, "--mode", mode, "--wait", "--silent"]),
    stop: () => run("pg_ctl", ["stop", "--pgdata", data, "--mode", "immediate", "--silent"]),
    async startStandby() {
      const port = freePort();
      const copy = join(home, `standby-${port}`);
      await mkdir(copy, { mode: 0o700 });
      await own(copy);
      await run("pg_basebackup", [
        "--pgdata",
        copy,
        "--write-recovery-conf",
        "--checkpoint",
        "fast",
        "--dbname",
        urlOf("postgres").href,
      ]);
      await appendFile(join(copy, "postgresql.conf"), `port = ${port}\n`);
      await run("pg_ctl", ["start", "--pgdata", copy, "--wait", "--silent", "--log", join(copy, "server.log")]);
      return {
        port,
        async caughtUp() {
          await administer((sql) =>
            until(async () => {
              const [standby] = await sql`
                select 1 from pg_stat_replication where replay_lsn >= pg_current_wal_flush_lsn()`;
              return standby !== undefined;
            }),
          );
        },
        promote: () => run("pg_ctl", ["promote", "--pgdata", copy, "--wait", "--silent"]),
        [Symbol.asyncDispose]: () => run("pg_ctl", ["stop", "--pgdata", copy, "--mode", "immediate", "--silent"]),
      };
    },
    async [Symbol.asyncDispose]() {
      await run("pg_ctl", ["stop", "--pgdata", data, "--mode", "immediate", "--silent"]).catch(() => {});
      await directory.remove();
    },
  };
}
