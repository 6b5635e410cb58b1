/** Debian's PgBouncer in front of a database, on a loopback port, with its default settings. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";

export interface PgBouncer {
  /** The database through the pooler. */
  readonly url: string;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/** @param target the URL of the database, with the password of its user. */
export async function startPgBouncer(target: string, mode: "session" | "transaction"): Promise<PgBouncer> {
  const directory = mkdtempSync(join(tmpdir(), "dundie-pgbouncer-"));
  // PgBouncer refuses to run as root, and the user that it changes to must be able to read the files.
  chmodSync(directory, 0o755);
  const { hostname, port, username, password, pathname } = new URL(target);
  const name = pathname.slice(1);
  const listen = freePort();
  writeFileSync(join(directory, "users.txt"), `"${username}" "${decodeURIComponent(password)}"\n`);
  writeFileSync(
    join(directory, "pgbouncer.ini"),
    [
      "[databases]",
      `${name} = host=${hostname} port=${port} dbname=${name} user=${username} password=${decodeURIComponent(password)}`,
      "[pgbouncer]",
      "listen_addr = 127.0.0.1",
      `listen_port = ${listen}`,
      "unix_socket_dir =",
      "auth_type = scram-sha-256",
      `auth_file = ${join(directory, "users.txt")}`,
      `pool_mode = ${mode}`,
    ].join("\n"),
  );
  const start = async (): Promise<Bun.Subprocess> => {
    const asUser = process.getuid?.() === 0 ? ["--user", "nobody"] : [];
    const child = Bun.spawn(["pgbouncer", ...asUser, join(directory, "pgbouncer.ini")], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(directory, "pgbouncer.log")),
    });
    children.add(child);
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await answers(listen))) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`PgBouncer did not start:\n${await Bun.file(join(directory, "pgbouncer.log")).text()}`);
      }
      await Bun.sleep(50);
    }
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
  url.port = String(listen);
  return {
    url: url.href,
    async restart() {
      await end(running);
      running = await start();
    },
    async stop() {
      await end(running);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data: () => undefined } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

const children = new Set<Bun.Subprocess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
