/** Debian's PgBouncer in front of a PostgreSQL server, on a loopback port, with its default settings. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, listens } from "./ports.ts";
import { until } from "./waiting.ts";

export interface PgBouncer extends AsyncDisposable {
  /** The database through the pooler. */
  readonly url: string;
  restart(): Promise<void>;
}

/** @returns the program; null where it is not installed. */
export const findPgBouncer = (): string | null =>
  Bun.which("pgbouncer", { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` });

/**
 * @param target the URL of a database, with the password of its user.
 * @param settings lines of the section `[pgbouncer]`, such as `pool_mode = transaction`.
 */
export async function startPgBouncer(target: string, settings: readonly string[] = []): Promise<PgBouncer> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-pgbouncer-"));
  // PgBouncer refuses to run as root, and the user that it changes to must be able to read the files.
  chmodSync(directory, 0o755);
  const { hostname, port: targetPort, username, password } = new URL(target);
  const port = freePort();
  writeFileSync(join(directory, "users.txt"), `"${username}" "${decodeURIComponent(password)}"\n`);
  const configuration = [
    "[databases]",
    `* = host=${hostname} port=${targetPort}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = scram-sha-256",
    `auth_file = ${join(directory, "users.txt")}`,
    ...settings,
  ];
  writeFileSync(join(directory, "pgbouncer.ini"), configuration.join("\n"));
  const log = Bun.file(join(directory, "pgbouncer.log"));
  const start = async (): Promise<Bun.Subprocess> => {
    const asUser = process.getuid?.() === 0 ? ["--user", "nobody"] : [];
    const child = Bun.spawn([findPgBouncer() ?? "pgbouncer", ...asUser, join(directory, "pgbouncer.ini")], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: log,
    });
    children.add(child);
    const answers = await until(async () => child.exitCode !== null || ((await listens(port)) && "yes"));
    if (answers !== "yes") throw new Error(`PgBouncer did not start:\n${await log.text()}`);
    return child;
  };
  const end = async (child: Bun.Subprocess): Promise<void> => {
    child.kill("SIGQUIT");
    await child.exited;
    children.delete(child);
  };

  let running = await start();
  const url = new URL(target);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    async restart() {
      await end(running);
      running = await start();
    },
    async [Symbol.asyncDispose]() {
      await end(running);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const children = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
